"""Compression: steps that turn a trained Keras model into a smaller one. Imports TensorFlow."""
