"""Embed: writes a model in the forms that apps take, each from one record with golden vectors."""
