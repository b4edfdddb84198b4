"""An `.onnx` file as data: the graph, and functions over it. No engine runs it."""
