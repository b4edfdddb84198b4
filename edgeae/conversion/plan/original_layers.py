"""What a recipe asks of single layers, held against an original's file before a child starts.

No TensorFlow here, and nothing of Keras: a `.keras` file is a zip archive with the architecture in
its `config.json`.
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
#: A flat model's; a layer's settings take a handful of levels.
_DEEPEST = 200
#: They become TRANSPOSE_CONV and DEPTHWISE_CONV_2D, which `int4.py` refuses.
_WITHOUT_4_BITS = (
    *("Conv1DTranspose", "Conv2DTranspose", "DepthwiseConv1D", "DepthwiseConv2D"),
    *("SeparableConv1D", "SeparableConv2D"),
)


def unsuitable(original: Path, recipe: Recipe) -> str:
    """Say which layer a recipe names that is not there, or has no 4-bit weights; or nothing.

    Nothing, too, if the file cannot be read here: then the child judges what the layers became.
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
                told = "it has no 4-bit weights; allowed are models of Dense and Conv2D layers"
                return f"quantization = 'int4': {kind} {name!r}: {told}"
    return ""


def _layers(original: Path) -> dict[str, str]:
    """Return layer → its class, but the input's; nothing if the file cannot be read here."""
    try:
        with files.open_regular(original) as stream, zipfile.ZipFile(stream) as archive:
            content = read_member(archive, _CONFIG, Allowance(str(original)))
        layers = parse_json(content, str(original), _DEEPEST)["config"]["layers"]
        kinds = {item["config"]["name"]: item["class_name"] for item in layers}
    except (BadInput, OSError, zipfile.BadZipFile, zlib.error, KeyError, ValueError, TypeError):
        return {}
    return {name: kind for name, kind in kinds.items() if kind != "InputLayer"}
