"""The files that edgeae keeps on disk: this room reads and writes them and computes no content."""
