"""Originals: loading the original of a model in TensorFlow, and cutting its parts as functions."""
