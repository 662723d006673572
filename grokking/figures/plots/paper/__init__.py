"""Plates of the section ``paper``: figures of Nanda et al. 2023 (arXiv 2301.05217), under their numbers."""
