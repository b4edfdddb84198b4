"""What can be said of a family of autoencoders without TensorFlow: settings, options, table."""
