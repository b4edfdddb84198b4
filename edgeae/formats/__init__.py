"""Artifact files read and rewritten as data, without an engine and without TensorFlow."""
