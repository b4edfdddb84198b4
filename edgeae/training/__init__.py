"""Training: model builders, trainer and figures of a model; most modules import TensorFlow."""
