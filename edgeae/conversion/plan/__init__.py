"""Plans of exports: which bundles are made, and how many at once. Does not import TensorFlow."""
