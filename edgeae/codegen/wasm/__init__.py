"""Generated C as WebAssembly: one module for several parts, which imports nothing."""
