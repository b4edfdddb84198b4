"""Conversion: builds the bundle of a model under a recipe. Child processes import TensorFlow."""
