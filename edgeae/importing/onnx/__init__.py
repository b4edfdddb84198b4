"""Originals from ONNX: translates a graph, layer by layer, to the flat Keras model of an import."""
