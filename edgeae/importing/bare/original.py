"""The original that imported files become beside their bundle *as is*, where that is possible."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from edgeae.errors import RuntimeUnavailable
from edgeae.importing.bare.parts import Parts, given
from edgeae.importing.record import Maker
from edgeae.importing.request import Request
from edgeae.system.extras import remedy, versions

#: Packages without which no original is made.
_TOOLS = ("tensorflow", "tf-keras")
_FLOAT = "float32"


@dataclass(frozen=True)
class Plan:
    """Whether and how the files become an original.

    Attributes:
        maker: makes it; None if there will be none.
        reason: why these files can have none, on any machine; None if they can.
        line: what the user is to read about that; or empty.
    """

    maker: Maker | None
    reason: str | None = None
    line: str = ""


def missing() -> str:
    """Return which package of the extra `host` is missing; empty if none is."""
    try:
        versions(_TOOLS)
    except RuntimeUnavailable as error:
        return error.reason
    return ""


def plan(request: Request, parts: Parts, say: Callable[[str], None]) -> Plan:
    """Return the plan for the original of imported files.

    Args:
        request: the import.
        parts: the parts of the files.
        say: receives progress messages of one line.

    Raises:
        BadInput: the files cannot be translated; the message says what else would work.
    """
    if request.as_is:
        return Plan(None)
    if not {"decoder", "autoencoder"} & parts.programs.keys():
        reason = _without_reconstruction(parts)
        return Plan(None, reason, reason)
    if parts.format == "tflite" and any(item.artifact.flavour != _FLOAT for item in given(parts)):
        return Plan(None, "its integers are the model")
    lacking = missing()
    if lacking:
        return Plan(None, line=f"{lacking}; {remedy('host')} brings an original")
    from edgeae.importing.onnx.run import original_of

    return Plan(original_of(request, parts, say))


def _without_reconstruction(parts: Parts) -> str:
    """Return why one file that is taken as an encoder has no reconstruction."""
    taken, given = (
        spec.values for spec in (parts.input.artifact.input, parts.input.artifact.output)
    )
    if math.prod(taken) != math.prod(given):
        return "an encoder alone has no reconstruction"
    shapes = ["×".join(map(str, shape)) for shape in (taken, given)]
    return (
        f"it takes {shapes[0]} and gives {shapes[1]}; an autoencoder gives the shape it takes, "
        "as by a reshape at the end of forward()"
    )
