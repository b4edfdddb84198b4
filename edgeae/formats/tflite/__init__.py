"""The `.tflite` format: the graph as data, and functions that read or change it."""
