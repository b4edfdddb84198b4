"""Sensitivity: what each layer's compression costs, and the per-layer settings that follow."""
