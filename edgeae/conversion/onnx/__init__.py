"""An original or its int8 `.tflite` becomes the ONNX files of a bundle."""
