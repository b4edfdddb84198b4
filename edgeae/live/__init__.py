"""The live page: a file in which the exported C encodes what people draw, as WebAssembly."""
