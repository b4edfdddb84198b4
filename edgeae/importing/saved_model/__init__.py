"""Import of SavedModels: the operators are checked, and the signature is frozen to one graph."""
