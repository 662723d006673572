"""One module per film: its help text, its flags, and where it is drawn."""
