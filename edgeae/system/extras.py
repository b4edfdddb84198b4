"""The extras that `pyproject.toml` declares, and the errors of who has not installed them.

The remedies name edgeae and not a file: where edgeae is installed, from a checkout or from a wheel,
pip reads there what they bring, and asks no registry for edgeae.
"""

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
