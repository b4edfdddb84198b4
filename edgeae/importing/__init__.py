"""Importing: models that edgeae did not train become models of edgeae; code in them never runs."""
