"""The flat Keras model that an import rebuilds: its code, its description and the child's job."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgeae.errors import BadInput
from edgeae.importing.bottleneck import Choice, Node, choose
from edgeae.importing.keras.architecture import Architecture
from edgeae.importing.keras.layers import ALLOWED
from edgeae.importing.keras.shapes import Shape
from edgeae.system import children

_TIMEOUT_S = 600.0
#: A longer chain of shapes is shortened in the description.
_LONGEST_TOLD = 9


def find_code(
    origin: str, flat: Architecture, shapes: Mapping[str, Shape], code_layer: str | None
) -> Choice:
    """Return the code of an architecture.

    Args:
        origin: name of the file, for errors.
        flat: the architecture.
        shapes: name of the input and of each layer → shape of its output, without the batch.
        code_layer: the layer that the user named; None takes the encoder's output, or searches.

    Raises:
        BadInput: it is not an autoencoder, has no bottleneck, or cannot be cut at `code_layer`.
    """
    taken, given = shapes[flat.input], shapes[flat.output]
    if given != taken:
        raise BadInput(
            f"{origin}: not an autoencoder: its input has the shape {taken}, its output {given}"
        )
    nodes = [Node(flat.input, (), math.prod(taken))]
    for layer in flat.layers:
        same = ALLOWED[layer.kind].same_values
        size = math.prod(shapes[layer.name])
        nodes.append(Node(layer.name, layer.inputs, size, same, layer.end))
    named = code_layer or flat.code or None
    try:
        name = flat.aliases.get(named or "", named)
        return choose(nodes, flat.input, flat.output, name, wide=True)
    except BadInput as error:
        raise BadInput(f"{origin}: {error}") from None


def job(
    source: str,
    flat: Architecture,
    shapes: Mapping[str, Shape],
    code: str,
    weights: Path,
    ranges: dict[str, Any] | None,
) -> dict[str, Any]:
    """Return what the child process builds; see `rebuild.rebuild`.

    Args:
        source: name of the file, for errors.
        flat: the architecture.
        shapes: name → shape of the input and of each layer.
        code: the layer whose output is the code.
        weights: the `.npz` of weights and expected outputs.
        ranges: the fields of `Ranges`, or None.
    """
    return {
        "source": source,
        "weights": str(weights),
        "layers": [asdict(layer) for layer in flat.layers],
        "input": flat.input,
        "output": flat.output,
        "code": code,
        "ranges": ranges,
        "shapes": dict(shapes),
    }


def rebuilt(
    job: Mapping[str, Any], rows: Path, images: Mapping[str, str], out: Path
) -> dict[str, Any]:
    """Run the child process, which writes the flat model to `out`; return its report.

    Args:
        job: see `job`.
        rows: the `.npy` of the inputs of the expected outputs.
        images: `validation` and `test` → `.npy` to measure the loss on.
        out: the file to write.
    """
    whole = {**job, "rows": str(rows), "images": dict(images), "out": str(out)}
    (report,) = children.run("edgeae.importing.keras.rebuild", whole, timeout_s=_TIMEOUT_S)
    return report


def describe(flat: Architecture, shapes: Mapping[str, Shape], choice: Choice) -> str:
    """Return the chain of shapes from image to reconstruction, of layers with weights."""
    names = [flat.input, *(layer.name for layer in flat.layers if layer.path)]
    sizes = ["×".join(map(str, shapes[name])) for name in names]
    chain = [item for number, item in enumerate(sizes) if sizes[number - 1 : number] != [item]]
    if len(chain) <= _LONGEST_TOLD:
        return " → ".join(chain)
    code = "×".join(map(str, shapes[choice.name]))
    return f"{len(flat.layers)} layers, {sizes[0]} → {code} → {sizes[0]}"
