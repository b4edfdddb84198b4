"""Conversion: a model under a recipe becomes a bundle. The child process imports TensorFlow."""
