"""Compression: a trained Keras model becomes a smaller one. Imports TensorFlow."""
