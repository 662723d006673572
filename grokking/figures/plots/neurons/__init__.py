"""Plates of the section ``neurons``: single neurons as waves, and what they add to the logits."""
