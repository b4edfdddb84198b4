"""Child process: opens a file of Keras 2."""

from functools import partial

from edgeae.importing.keras.weights import take
from edgeae.originals.legacy_keras import keras
from edgeae.system import children

if __name__ == "__main__":
    children.serve(partial(take, keras.models.load_model))
