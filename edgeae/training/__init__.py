"""Training: the families of autoencoders and the trainer. Its heavy modules import TensorFlow."""
