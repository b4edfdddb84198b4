"""Comparison: compresses models by edgeae and by tfmot, under the same budgets, and judges both."""
