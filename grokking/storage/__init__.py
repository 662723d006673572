"""The run directory: files that appear whole, checksums, locks."""
