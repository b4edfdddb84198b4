"""edgeae: train autoencoders, export them to the edge, prove that each export is the original.

    import edgeae

    bundle = edgeae.open("build/deep/int8")
    codes = bundle.encode(images)

`import edgeae` loads neither an engine nor TensorFlow nor NumPy: what stands below is imported when
it is first used. `open` is not in `__all__`, so that `from edgeae import *` keeps Python's own.
"""

import importlib
from typing import TYPE_CHECKING, Any

from edgeae import errors

if TYPE_CHECKING:
    from edgeae.api.bundle import Bundle as Bundle
    from edgeae.api.model import Model as Model
    from edgeae.api.model import export as export
    from edgeae.api.opening import open as open
    from edgeae.api.train import train as train

__version__ = "0.1.0"

__all__ = ["Bundle", "Model", "errors", "export", "train"]

#: Public name → the module that defines it.
_LATER = {
    "Bundle": "edgeae.api.bundle",
    "Model": "edgeae.api.model",
    "export": "edgeae.api.model",
    "open": "edgeae.api.opening",
    "train": "edgeae.api.train",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(importlib.import_module(_LATER[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATER})
