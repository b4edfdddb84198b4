"""Checks a recipe against the layers of an original before a child process starts.

Imports neither TensorFlow nor Keras: a `.keras` file is a zip archive, and its `config.json` is the
architecture.
"""

import zipfile
import zlib
from pathlib import Path

from edgeae.errors import BadInput, unknown
from edgeae.reading import files
from edgeae.reading.parsing import parse_json
from edgeae.reading.unpacking import Allowance, read_member
from edgeae.recipe import Recipe

_CONFIG = "config.json"
#: Limit of nested JSON levels; a flat model has a handful.
_DEEPEST = 200
#: Layers that become TRANSPOSE_CONV or DEPTHWISE_CONV_2D, which `int4.py` rejects.
_WITHOUT_4_BITS = (
    *("Conv1DTranspose", "Conv2DTranspose", "DepthwiseConv1D", "DepthwiseConv2D"),
    *("SeparableConv1D", "SeparableConv2D"),
)


def unsuitable(original: Path, recipe: Recipe) -> str:
    """Return which layer does not fit a recipe: it does not exist, or cannot have 4-bit weights.

    Returns an empty text if all layers fit, or if the file cannot be read: then the child process
    checks the converted layers.
    """
    named = {
        f"{step}.layers: layer": settings.layers
        for step, settings in (("prune", recipe.prune), ("cluster", recipe.cluster))
        if settings is not None and settings.layers
    }
    if not named and recipe.quantization != "int4":
        return ""
    kinds = _layers(original)
    for kind, layers in named.items():
        for name in layers if kinds else ():
            if name not in kinds:
                return str(unknown(kind, name, kinds))
    if recipe.quantization == "int4":
        for name, kind in kinds.items():
            if kind in _WITHOUT_4_BITS:
                reason = "it has no 4-bit weights; allowed are models of Dense and Conv2D layers"
                return f"quantization = 'int4': {kind} {name!r}: {reason}"
    return ""


def _layers(original: Path) -> dict[str, str]:
    """Return name → class of the layers without the input; empty if the file cannot be read."""
    try:
        with files.open_regular(original) as stream, zipfile.ZipFile(stream) as archive:
            content = read_member(archive, _CONFIG, Allowance(str(original)))
        layers = parse_json(content, str(original), _DEEPEST)["config"]["layers"]
        kinds = {item["config"]["name"]: item["class_name"] for item in layers}
    except (BadInput, OSError, zipfile.BadZipFile, zlib.error, KeyError, ValueError, TypeError):
        return {}
    return {name: kind for name, kind in kinds.items() if kind != "InputLayer"}
