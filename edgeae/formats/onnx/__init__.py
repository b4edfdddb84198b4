"""The `.onnx` format: the graph as data, and functions that read it."""
