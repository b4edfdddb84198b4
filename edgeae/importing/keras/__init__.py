"""Import of Keras files: read as data, and rebuilt layer by layer."""
