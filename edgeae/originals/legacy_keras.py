"""The one place that imports TensorFlow: Keras 2 must be chosen before it.

Only `training/`, `compression/`, `conversion/` and `runtimes/tensorflow.py` import this module.
"""

import gc
import os
import sys
import tempfile

os.environ["TF_USE_LEGACY_KERAS"] = "1"  # whatever the user's shell says, for this process
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# What the import makes lives for ever: looking for garbage among it is a fifth of its time.
_collects = gc.isenabled()
gc.disable()
# TensorFlow's C++ logs a screenful before it can be told not to; it is shown if the import fails.
with tempfile.TemporaryFile() as _chatter:
    _terminal = os.dup(2)
    os.dup2(_chatter.fileno(), 2)
    try:
        import tensorflow as tf
        import tf_keras as keras
    except Exception:  # an interrupt is no failure
        _chatter.seek(0)
        os.write(_terminal, _chatter.read())
        raise
    finally:
        sys.stderr.flush()
        os.dup2(_terminal, 2)
        os.close(_terminal)
        gc.freeze()
        if _collects:
            gc.enable()

if not tf.keras.Model.__module__.startswith("tf_keras"):
    raise ImportError(
        "tf.keras is Keras 3: TensorFlow was imported before edgeae.originals.legacy_keras"
    )

tf.get_logger().setLevel("ERROR")  # it warns of each further fit in a process

__all__ = ["keras", "tf"]
