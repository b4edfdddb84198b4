"""The Python API: what `import edgeae` offers, and the commands that run a model use."""
