"""The families of autoencoders: settings, options and table, all without TensorFlow."""
