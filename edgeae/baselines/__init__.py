"""Baselines: what candidates are compared with; saved, found, and held to their hashes."""
