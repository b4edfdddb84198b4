"""Bringing a model that edgeae did not train, without ever running code from its file."""
