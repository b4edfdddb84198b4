"""Child process: open a file of Keras 2."""

from functools import partial

from edgeae import children
from edgeae.importing.weights import take
from edgeae.legacy_keras import keras

if __name__ == "__main__":
    children.serve(partial(take, keras.models.load_model))
