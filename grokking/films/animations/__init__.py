"""How each kind of film looks. No module here imports PyTorch, which drawing processes do without."""
