"""Sweeps: train and export a grid of models, measure each bundle, and keep what came of it."""
