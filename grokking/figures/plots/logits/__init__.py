"""Plates of the section ``logits``: what the network says, in parts."""
