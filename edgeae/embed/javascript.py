"""What JavaScript has to know of a part: its class, and what it takes and gives."""

import base64
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.codegen.part import Part, has_scale, size
from edgeae.embed.record import Record, RecordPart
from edgeae.errors import BadInput
from edgeae.formats.tflite.graph import Tensor
from edgeae.metrics.quantization import Affine, quantize
from edgeae.metrics.standardization import Standardization

#: Element type → the typed array of it.
ARRAYS = {
    "float32": "Float32Array",
    "int16": "Int16Array",
    "int8": "Int8Array",
    "uint8": "Uint8Array",
}
#: Part → the method that computes it.
_VERBS = {"encoder": "encode", "decoder": "decode", "autoencoder": "reconstruct"}
#: Names that the package's own declarations use.
_TAKEN = {*ARRAYS.values(), "ArrayLike", "Part", "Promise"}


@dataclass(frozen=True, eq=False)
class ScriptPart:
    """A part as a class of JavaScript.

    Attributes:
        name: the class, such as `DeepEncoder`.
        method: the method that computes the part, such as `encode`.
        spec: what `runtime.js` reads, as JSON types.
        input, output: typed arrays of the raw values.
        score: `image`, `code, image`, or empty if the part has no score: what it is computed from.
        golden: inputs and outputs in base64.
    """

    name: str
    method: str
    spec: dict[str, Any]
    input: str
    output: str
    score: str
    golden: tuple[str, str]


def script_parts(record: Record, parts: tuple[Part, ...]) -> list[ScriptPart]:
    """Return the parts of a record, whose C is `parts`.

    Raises:
        BadInput: an element type has no typed array, or a name is taken.
    """
    return [
        _script_part(record, item, part) for item, part in zip(record.parts, parts, strict=True)
    ]


def _script_part(record: Record, item: RecordPart, part: Part) -> ScriptPart:
    source, target = part.program.input, part.program.output
    for tensor in (source, target):
        if tensor.dtype not in ARRAYS:
            raise BadInput(
                f"{item.origin}: {tensor.name} is {tensor.dtype}; --as web takes "
                f"{', '.join(sorted(ARRAYS))}"
            )
    spec: dict[str, Any] = {
        "name": part.name,
        "input": edge(source, item.columns_in, _pixels(item)),
        "output": edge(target, item.columns_out),
    }
    if part.scored:
        spec["expected"] = _expected(record, part)
        if part.threshold is not None:
            spec["threshold"] = part.threshold
    inputs, outputs = (base64.b64encode(array.tobytes()).decode() for array in _golden(item))
    score = "" if not part.scored else "code, image" if item.part == "decoder" else "image"
    return ScriptPart(
        _class_name(part.name),
        _VERBS.get(item.part, "predict"),
        spec,
        ARRAYS[source.dtype],
        ARRAYS[target.dtype],
        score,
        (inputs, outputs),
    )


def edge(
    tensor: Tensor, columns: Standardization | None, pixels: NDArray[Any] | None = None
) -> dict[str, Any]:
    """Return what JavaScript has to know of an input or an output, as JSON types.

    Args:
        tensor: its tensor.
        columns: the statistics of its columns; None if they are not standardised.
        pixels: (256,) what stands for each byte of an image; None if it is no image.
    """
    table: dict[str, Any] = {
        "kind": tensor.dtype,
        "size": size(tensor),
        "shape": list(tensor.shape[1:]),
    }
    if has_scale(tensor):
        table["scale"] = float(np.float32(tensor.scales[0]))
        table["zeroPoint"] = int(tensor.zero_points[0])
    if columns is not None:
        table["means"] = np.array(columns.mean, np.float32).tolist()
        table["deviations"] = np.array(columns.deviation, np.float32).tolist()
    if pixels is not None:
        table["pixels"] = pixels.tolist()
    return table


def _pixels(item: RecordPart) -> NDArray[Any] | None:
    """Return the input's value for each byte of an image: an integer, or the real value."""
    return item.levels if item.pixels is None else item.pixels


def _expected(record: Record, part: Part) -> dict[str, Any]:
    """Return how the image is stored that a reconstruction is compared with."""
    image = next(item for item in record.parts if item.part != "decoder")
    if part.compares_input:
        assert part.compared is not None
        return edge(part.compared, image.columns_in, _pixels(image))
    tensor = part.program.output
    affine = Affine(float(tensor.scales[0]), int(tensor.zero_points[0]), tensor.dtype)
    pixels = None if image.levels is None else quantize(image.levels, affine)
    return edge(tensor, part.columns_out, pixels)


def _golden(item: RecordPart) -> tuple[NDArray[Any], NDArray[Any]]:
    little = (array.astype(array.dtype.newbyteorder("<")) for array in (item.inputs, item.outputs))
    inputs, outputs = little
    return inputs, outputs


def _class_name(part: str) -> str:
    name = "".join(word[:1].upper() + word[1:] for word in part.split("_"))
    if name in _TAKEN:
        raise BadInput(f"--name {part!r:.60}: {name} has another meaning in JavaScript")
    return name


def script(value: Any) -> str:
    """Return JSON types as one line of JavaScript."""
    return json.dumps(value, allow_nan=False, separators=(", ", ": "))
