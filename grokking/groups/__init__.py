"""Groups and the bases of functions on them."""
