"""Import of bare `.tflite` and `.onnx` files, which are not changed."""
