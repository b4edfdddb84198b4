"""Formats: reading and rewriting artifact files as data, without an engine or TensorFlow."""
