"""Models to embed, written to disk as their forms take them, and the folders that result."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from c_models import model, operator
from edgeae_cli import edgeae_warm

from edgeae.embed.record import Record, read
from edgeae.formats.tflite.graph import Tensor
from edgeae.metrics.standardization import Standardization


def embedded(place: Path, source: Path, form: str, *arguments: str, out: str = "out") -> Path:
    """Embed a model into `place/out` and return that folder."""
    done = embed(place, source, form, *arguments, out=out)
    assert done.returncode == 0, done.stderr
    return place / out


def embed(place: Path, source: Path, form: str, *arguments: str, out: str = "out"):
    """Run `edgeae embed SOURCE --as FORM --out PLACE/out …`."""
    words = ("embed", str(source), "--as", form, "--out", str(place / out), *arguments)
    return edgeae_warm(*words, cwd=place)


def contents(folder: Path) -> dict[str, bytes]:
    """Path below the folder → content."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def conv_model() -> bytes:
    """An int8 image of 4×4, a convolution 3×3 with RELU, and one more: two channels, then one."""
    random = np.random.default_rng(5)

    def edge(name: str, channels: int, scale: float) -> Tensor:
        return Tensor(name, (1, 4, 4, channels), "int8", None, (scale,), (-128,))

    def weights(name: str, shape: tuple[int, ...]) -> Tensor:
        values = random.integers(-127, 128, shape).astype(np.int8)
        return Tensor(name, shape, "int8", values, (0.01,) * shape[0], (0,) * shape[0])

    def bias(name: str, count: int, scale: float) -> Tensor:
        values = random.integers(-500, 500, count).astype(np.int32)
        return Tensor(name, (count,), "int32", values, (scale,) * count, (0,) * count)

    tensors = [
        edge("image", 1, 1 / 255),
        weights("w1", (2, 3, 3, 1)),
        bias("b1", 2, 0.01 / 255),
        edge("hidden", 2, 0.02),
        weights("w2", (1, 3, 3, 2)),
        bias("b2", 1, 0.01 * 0.02),
        edge("reconstruction", 1, 0.05),
    ]
    options = schema.Conv2DOptionsT()
    options.padding, options.strideH, options.strideW = schema.Padding.SAME, 1, 1
    options.dilationHFactor = options.dilationWFactor = 1
    options.fusedActivationFunction = schema.ActivationFunctionType.RELU
    operators = [
        operator("CONV_2D", [0, 1, 2], [3], options, 3),
        operator("CONV_2D", [3, 4, 5], [6], options, 3),
    ]
    return model(tensors, operators)


def sources(tiny_bundle: Callable, place: Path) -> dict[str, Path]:
    """A dense bundle in int8 and in float32, and a convolutional file."""
    path = place / "conv.tflite"
    path.write_bytes(conv_model())
    return {
        "dense": tiny_bundle().root,
        "float": tiny_bundle("float32").root,
        "conv": path,
    }


def int16_model() -> bytes:
    """One RELU of 16 values of int16."""
    edges = [Tensor(name, (1, 16), "int16", None, (2**-9,), (0,)) for name in "xy"]
    return model(edges, [operator("RELU", [0], [1])])


#: As in tables of measurements: a Kelvin scale with little spread, parts per million, a constant.
COLUMNS = Standardization((300.0, 1.2e-4, -7e5, 42.0), (0.03, 3.1e-5, 1.9e6, 1.0))
THRESHOLD = 700.0


def odd_records(tiny_bundle, place: Path) -> dict[str, Record]:
    """Records of what few models have: standardised columns, uint8, int16, a table of pixels."""
    wide = place / "wide.tflite"
    wide.write_bytes(int16_model())
    odd, flat = (_columns(read(tiny_bundle(kind).root), kind) for kind in ("int8", "float32"))
    encoder = replace(odd.parts[0], columns_in=None, pixels=np.arange(256)[::-1] - 128)
    odd = replace(odd, name="odd", parts=(encoder, *odd.parts[1:]), threshold=THRESHOLD)
    return {
        "odd": odd,
        "flat": replace(flat, name="flat"),
        "bytes": replace(read(tiny_bundle("int8", io="uint8", recipe="u8").root), name="bytes"),
        "wide": read(wide),
    }


def _columns(record: Record, kind: str) -> Record:
    """The record of a model of standardised columns, which has no pixels."""
    parts = tuple(
        replace(
            part,
            pixels=None,
            columns_in=None if part.part == "decoder" else COLUMNS,
            columns_out=None if part.part == "encoder" else COLUMNS,
        )
        for part in record.parts
    )
    return replace(record, parts=parts)
