"""The `metadata_props` that edgeae writes into an ONNX file.

    edgeae.recipe          name of the recipe
    edgeae.recipe_sha256   hash of the recipe's content
    edgeae.weights_sha256  identity of the model
    edgeae.part            encoder, decoder or autoencoder
    edgeae.flavour         fp32, fp16, qdq, fast-qdq or fast-qoperator
    edgeae.code            {"scale": …, "size": …, "zero_point": …}: size of the code, and its grid,
                           also if the edge is float; scale and zero point are null for float codes
    edgeae.p50_us          {form: µs}: only in `fast` files: median times that decided on the form

All but the last are the same in every export. `code` and `p50_us` are JSON.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_PREFIX = "edgeae."
FLAVOUR = f"{_PREFIX}flavour"
_FAST = "fast-"


@dataclass(frozen=True)
class Stamp:
    """The origin of an ONNX file; see the module.

    Attributes:
        recipe, recipe_sha256, weights_sha256, part, flavour: as in the manifest.
        code_size: number of values in a code.
        code_scale, code_zero_point: grid of the code; None for float codes.
        p50_us: form → median time of one call in µs; empty if nothing was timed.
    """

    recipe: str
    recipe_sha256: str
    weights_sha256: str
    part: str
    flavour: str
    code_size: int
    code_scale: float | None = None
    code_zero_point: int | None = None
    p50_us: dict[str, float] = field(default_factory=dict)

    def properties(self) -> dict[str, str]:
        """Return key → value, sorted by key."""
        code = {
            "scale": self.code_scale,
            "size": self.code_size,
            "zero_point": self.code_zero_point,
        }
        texts = {
            FLAVOUR: self.flavour,
            f"{_PREFIX}recipe": self.recipe,
            f"{_PREFIX}recipe_sha256": self.recipe_sha256,
            f"{_PREFIX}weights_sha256": self.weights_sha256,
            f"{_PREFIX}part": self.part,
            f"{_PREFIX}code": _json(code),
        }
        if self.p50_us:
            texts[f"{_PREFIX}p50_us"] = _json(self.p50_us)
        return dict(sorted(texts.items()))


def _json(table: Mapping[str, Any]) -> str:
    return json.dumps(table, sort_keys=True, allow_nan=False)


def fast_flavour(properties: Mapping[str, str], form: str) -> str | None:
    """Return the file's `fast` flavour, or None if its metadata does not match its operators.

    Args:
        properties: `metadata_props` of the file.
        form: `qdq` or `qoperator`, derived from the file's operators.
    """
    flavour = properties.get(FLAVOUR, "")
    return flavour if flavour == f"{_FAST}{form}" else None
