"""The extras that `pyproject.toml` declares: their packages, and the errors of who lacks them."""

import importlib.metadata
import importlib.util
from collections.abc import Iterable

from edgeae.errors import RuntimeUnavailable

#: The command that installs what edgeae always needs.
CORE = "pip install edgeae"

#: What trains and exports; what reads `.onnx` files; what writes pages.
EXTRAS = ("host", "onnx", "report")


def remedy(extra: str) -> str:
    """Return the command that installs an extra."""
    return f"pip install 'edgeae[{extra}]'"


def lacking(reason: str, extra: str) -> RuntimeUnavailable:
    """Build the error for a package that an extra would have brought."""
    return RuntimeUnavailable(reason, remedy(extra))


def onnx_lacking(origin: str) -> RuntimeUnavailable:
    """Build the error for an ONNX file that cannot be read without the package `onnx`."""
    return lacking(f"{origin}: reading an ONNX file takes the package onnx", "onnx")


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
