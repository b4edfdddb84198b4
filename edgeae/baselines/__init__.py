"""Baselines, the artifacts that candidates are compared with: save, find, list and check them."""
