"""The packages that train and convert: their versions, and what to do without them.

No TensorFlow here: whether it is installed must be known before anything is loaded.
"""

import importlib.metadata
import importlib.util
from collections.abc import Iterable

from edgeae.errors import RuntimeUnavailable
from edgeae.system.extras import lacking

#: Packages whose module has another name than their own with underscores for dashes.
_MODULES = {"protobuf": "google.protobuf", "scikit-learn": "sklearn"}


def versions(names: Iterable[str]) -> dict[str, str]:
    """Return package → version.

    Raises:
        RuntimeUnavailable: one of them is not installed.
    """
    found = {}
    for name in names:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            raise missing(f"{name} is not installed") from None
        if importlib.util.find_spec(_MODULES.get(name, name.replace("-", "_"))) is None:
            raise missing(f"{name} is not importable")
    return found


def missing(reason: str) -> RuntimeUnavailable:
    """Build the error for a package of the host that is not there."""
    return lacking(reason, "host")
