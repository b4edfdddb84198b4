"""Child process: opens a file of Keras 3, which Keras 2 cannot open.

Besides `legacy_keras`, only this module imports TensorFlow, through Keras 3. A process may import
only one of the two.
"""

import os
from functools import partial

os.environ["KERAS_BACKEND"] = "tensorflow"  # overrides the user's environment
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

from edgeae.importing.keras.weights import take
from edgeae.system import children

if __name__ == "__main__":
    children.serve(partial(take, keras.models.load_model))
