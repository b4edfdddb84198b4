"""Tracking: what other programs show of trainings and bundles: TensorBoard and MLflow."""
