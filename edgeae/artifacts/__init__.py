"""Reads and writes the files of models and bundles; their content is computed elsewhere."""
