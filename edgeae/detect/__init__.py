"""Detect: judges a bundle as an anomaly detector: threshold, false alarms, AUC, changed sides."""
