"""From a run directory to pictures: frames, and films made of them."""
