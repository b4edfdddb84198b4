"""What edgeae keeps on disk: bundles, manifests, golden vectors, and `train.json`.

Read and written here; computed elsewhere.
"""
