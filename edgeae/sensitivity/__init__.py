"""Sensitivity: measure the loss that each layer's compression adds, and choose layer settings."""
