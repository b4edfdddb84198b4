"""What the class of a part offers to an app, in whichever language it is written."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.codegen.part import has_scale, has_score, size, subtractable
from edgeae.embed.c_sources import compared
from edgeae.embed.record import Record, RecordPart
from edgeae.errors import BadInput
from edgeae.formats.tflite.graph import Tensor
from edgeae.metrics.standardization import Standardization

#: Part → what its class does, as the name of a method.
_VERBS = {"encoder": "encode", "decoder": "decode", "autoencoder": "reconstruct", "model": "run"}
#: Element types of edges that classes take.
_DTYPES = ("int8", "uint8", "int16", "float32")
#: Integers that hold a pixel.
_BYTES = 256


@dataclass(frozen=True, eq=False)
class Face:
    """The class of a part.

    Attributes:
        name: name of the part in C, such as `deep_encoder`.
        part: `encoder`, `decoder`, `autoencoder`, or `model` of a bare file.
        title: the model, such as `deep/int8`.
        input, output: the part's tensors.
        pixels: (256,) the input integer for each byte of an image; None if the input is no image.
        columns_in, columns_out: the statistics that the columns of the input and of the output are
            standardised by; None if they are not.
        compares_input: whether the score compares the output with the input as it is.
        scored: whether the part has a score.
        threshold: scores above it are anomalies; None if `edgeae detect` did not choose one.
        golden: inputs (n, …) and outputs (n, …) in the part's element types.
    """

    name: str
    part: str
    title: str
    input: Tensor
    output: Tensor
    pixels: NDArray[Any] | None
    columns_in: Standardization | None
    columns_out: Standardization | None
    compares_input: bool
    scored: bool
    threshold: float | None
    golden: tuple[NDArray[Any], NDArray[Any]]

    @property
    def class_name(self) -> str:
        """Name of the class, such as `DeepEncoder`; it always ends in the kind of part."""
        return camel(self.name) + ("Model" if self.part == "model" else "")

    @property
    def verb(self) -> str:
        """Name of the method that runs the part on an app's own values."""
        return _VERBS[self.part]

    @property
    def quantizes(self) -> bool:
        """Whether real values are quantized before the part takes them."""
        return has_scale(self.input)

    @property
    def dequantizes(self) -> bool:
        """Whether the part gives integers that stand for real values."""
        return has_scale(self.output)

    @property
    def shift(self) -> int | None:
        """What is added to a pixel to give the input's integer; None if a table is needed."""
        if self.pixels is None:
            return None
        first = int(self.pixels[0])
        regular = np.array_equal(self.pixels, np.arange(_BYTES) + first)
        return first if regular else None


def faces(record: Record) -> tuple[Face, ...]:
    """Return the classes of a record's parts, in the order of the data flow."""
    return tuple(_face(record, item) for item in record.parts)


def camel(name: str) -> str:
    """Return a name with underscores as the name of a class: `deep_encoder` is `DeepEncoder`."""
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))


def _face(record: Record, item: RecordPart) -> Face:
    source, target = _only(item, "inputs"), _only(item, "outputs")
    other = compared(record, item)
    return Face(
        record.part_name(item),
        item.part,
        record.title,
        source,
        target,
        item.pixels,
        item.columns_in,
        item.columns_out,
        subtractable(target, other),
        has_score(target, other, record.threshold),
        record.threshold,
        (item.inputs, item.outputs),
    )


def _only(item: RecordPart, edge: str) -> Tensor:
    edges = {"inputs": item.graph.inputs, "outputs": item.graph.outputs}[edge]
    indices = list(edges.values())
    if len(indices) != 1:
        raise BadInput(f"{item.origin}: {len(indices)} {edge}; allowed is one")
    tensor = item.graph.tensors[indices[0]]
    if tensor.dtype not in _DTYPES:
        raise BadInput(
            f"{item.origin}: tensor {tensor.name!r:.60} of {tensor.dtype}; classes for phones take "
            f"{', '.join(_DTYPES)}"
        )
    return tensor


def about(face: Face) -> str:
    """Return a sentence about a part's class."""
    source, target = face.input, face.output
    return (
        f"The {face.part} of {face.title}: {size(source)} values of {source.dtype} in, "
        f"{size(target)} of {target.dtype} out."
    )
