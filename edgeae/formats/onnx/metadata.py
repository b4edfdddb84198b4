"""What edgeae writes of an artifact into its ONNX file: the keys of `metadata_props`.

    edgeae.recipe          name
    edgeae.recipe_sha256   of the recipe's content
    edgeae.weights_sha256  the model's identity
    edgeae.part            encoder, decoder or autoencoder
    edgeae.flavour         fp32, fp16, qdq, fast-qdq or fast-qoperator
    edgeae.code            {"scale": …, "size": …, "zero_point": …}: the grid that the code lies on,
                           also behind a float edge; scale and zero point are null for floats
    edgeae.p50_us          {form: µs}: of `fast` alone, what the choice of its form rests on

All but the last are the same in every export. Values that are no names or hashes are JSON.
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
    """What an ONNX file says of its origin; see the module.

    Attributes:
        recipe, recipe_sha256, weights_sha256, part, flavour: as in the manifest.
        code_size: how many values a code has.
        code_scale, code_zero_point: of its grid; None for floats.
        p50_us: form → median time of one call, µs; empty where nothing was timed.
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
        """Return key → value, by key."""
        code = {
            "scale": self.code_scale,
            "size": self.code_size,
            "zero_point": self.code_zero_point,
        }
        found = {
            FLAVOUR: self.flavour,
            f"{_PREFIX}recipe": self.recipe,
            f"{_PREFIX}recipe_sha256": self.recipe_sha256,
            f"{_PREFIX}weights_sha256": self.weights_sha256,
            f"{_PREFIX}part": self.part,
            f"{_PREFIX}code": _json(code),
        }
        if self.p50_us:
            found[f"{_PREFIX}p50_us"] = _json(self.p50_us)
        return dict(sorted(found.items()))


def _json(table: Mapping[str, Any]) -> str:
    return json.dumps(table, sort_keys=True, allow_nan=False)


def fast_flavour(properties: Mapping[str, str], form: str) -> str | None:
    """Return the flavour of a file that says it is `fast`, if its operators are of that form.

    Args:
        properties: the file's.
        form: `qdq` or `qoperator`, by its operators.
    """
    flavour = properties.get(FLAVOUR, "")
    return flavour if flavour == f"{_FAST}{form}" else None
