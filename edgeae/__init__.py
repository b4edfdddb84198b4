"""edgeae: train autoencoders, export them to the edge, prove that each export is the original."""

__version__ = "0.1.0"
