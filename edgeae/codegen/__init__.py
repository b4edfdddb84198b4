"""Codegen: turns a `.tflite` into plain C99 that computes the same bits, one operator a file."""
