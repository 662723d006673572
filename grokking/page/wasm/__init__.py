"""The training engine of the page's laboratory: C for WebAssembly, and the step that builds it."""
