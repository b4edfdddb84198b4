"""Child process: open a file of Keras 3, which Keras 2 cannot.

The one module beside `legacy_keras` that imports TensorFlow, through Keras 3: never both in one
process.
"""

import os
from functools import partial

os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever the user's shell says
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

from edgeae.importing.keras.weights import take
from edgeae.system import children

if __name__ == "__main__":
    children.serve(partial(take, keras.models.load_model))
