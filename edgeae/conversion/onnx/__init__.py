"""Conversion of an original, or of its int8 `.tflite`, to the ONNX files of a bundle."""
