"""Training: the models of each family, the trainer and the figures of a trained model."""
