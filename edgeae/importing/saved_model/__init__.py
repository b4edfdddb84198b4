"""Import of SavedModels: operators checked, the signature frozen to one graph."""
