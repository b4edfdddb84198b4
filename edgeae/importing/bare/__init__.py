"""Import of `.tflite` and `.onnx` files, which stay as they are."""
