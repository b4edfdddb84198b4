"""The extras that `pyproject.toml` declares: versions of their packages, and errors if missing."""

import importlib.metadata
import importlib.util
from collections.abc import Iterable

from edgeae.errors import RuntimeUnavailable

#: The command that installs edgeae with its required packages.
CORE = "pip install edgeae"

#: Extras: `host` trains and exports, `onnx` reads `.onnx` files, `report` writes pages,
#: `c` compiles C, `parquet` reads Parquet files, `board` talks to a board, `dask` to a cluster,
#: `mlflow` to a server of MLflow.
EXTRAS = ("host", "onnx", "report", "c", "parquet", "board", "dask", "mlflow")


def remedy(extra: str) -> str:
    """Return the command that installs an extra."""
    return f"pip install 'edgeae[{extra}]'"


def lacking(reason: str, extra: str) -> RuntimeUnavailable:
    """Build the error for a missing package that an extra installs."""
    return RuntimeUnavailable(reason, remedy(extra))


def onnx_lacking(origin: str) -> RuntimeUnavailable:
    """Build the error for an ONNX file that cannot be read without the package `onnx`."""
    return lacking(f"{origin}: reading an ONNX file takes the package onnx", "onnx")


#: Package → module, for packages whose module is not the package's name with underscores.
_MODULES = {"protobuf": "google.protobuf", "scikit-learn": "sklearn"}


def versions(names: Iterable[str]) -> dict[str, str]:
    """Return package → version.

    Raises:
        RuntimeUnavailable: a package is not installed.
    """
    by_package = {}
    for name in names:
        try:
            by_package[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            raise missing(f"{name} is not installed") from None
        if importlib.util.find_spec(_MODULES.get(name, name.replace("-", "_"))) is None:
            raise missing(f"{name} is not importable")
    return by_package


def missing(reason: str) -> RuntimeUnavailable:
    """Build the error for a missing package of the extra `host`."""
    return lacking(reason, "host")
