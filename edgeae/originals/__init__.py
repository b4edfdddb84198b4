"""The original of a model in TensorFlow, whatever its form: its parts as functions."""
