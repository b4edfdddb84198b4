"""Import of Keras files, which are read as data and rebuilt layer by layer."""
