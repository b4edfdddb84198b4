"""Layouts: how the weights of a target lie in memory, and the kernels that read them."""
