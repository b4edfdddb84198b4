"""Imports TensorFlow, after choosing Keras 2, which must happen first.

All other modules import TensorFlow from here; `tests/test_architecture.py` checks which may.
"""

import gc
import os
import sys
import tempfile

os.environ["TF_USE_LEGACY_KERAS"] = "1"  # overrides the user's environment
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# Objects of the import are never freed; searching them for garbage takes a fifth of its time.
_collects = gc.isenabled()
gc.disable()
# TensorFlow's C++ code logs many lines before logging can be turned off. They are captured, and
# shown only if the import fails.
with tempfile.TemporaryFile() as _chatter:
    _terminal = os.dup(2)
    os.dup2(_chatter.fileno(), 2)
    try:
        import tensorflow as tf
        import tf_keras as keras
    except Exception:  # not BaseException: an interrupt is not a failure
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

tf.get_logger().setLevel("ERROR")  # hides a warning at each fit after the first

__all__ = ["keras", "tf"]
