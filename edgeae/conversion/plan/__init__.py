"""Which bundles are made, from what, and how many at once. Imports no TensorFlow."""
