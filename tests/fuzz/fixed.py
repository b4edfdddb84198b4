"""What the fuzzer and its readers found, kept: each is refused, in one line, with its exit code."""

import dataclasses
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import tiny
from tampering import weights_outside

from fuzz.corpus import BUNDLE, DATA, FLOAT
from fuzz.kinds import Case, follow

__all__ = ["FIXED", "Fixed"]

_MANIFEST = f"{BUNDLE}/manifest.json"
_VERIFY = f"verify {BUNDLE} --golden --runtime litert-reference"
_NULL = f"bench {BUNDLE} --runtime null --part encoder --seconds 0.01"
_PROBE = "build/tiny/probe.json"
_BARE = "build/bare/train.json"


@dataclasses.dataclass(frozen=True)
class Fixed:
    """One mutant.

    Attributes:
        file: which, relative to the project.
        change: makes it, in the project.
        command: reads it.
        code: what it has to end with.
    """

    file: str
    change: Callable[[Path], None]
    command: str
    code: int

    @property
    def case(self) -> Case:
        """The same for the judge."""
        places = [item for item in self.command.split() if "/" in item]
        return Case(self.file, tuple(self.command.split()), (self.file, *places))


def _json(file: str, path: tuple[str | int, ...], value: Any, command: str, code: int) -> Fixed:
    """Set a value of a JSON file."""

    def change(project: Path) -> None:
        table = json.loads((project / file).read_text())
        holder = table
        for key in path[:-1]:
            holder = holder[key]
        holder[path[-1]] = value
        (project / file).write_text(json.dumps(table))

    return Fixed(file, change, command, code)


def _row(values: dict[str, Any], command: str, code: int) -> Fixed:
    """Change the first row of the results."""
    file = "build/results.jsonl"

    def change(project: Path) -> None:
        first, rest = (project / file).read_text().split("\n", 1)
        (project / file).write_text(json.dumps(json.loads(first) | values) + "\n" + rest)

    return Fixed(file, change, command, code)


def _large(file: str, command: str, code: int) -> Fixed:
    """Let a file have 1.5 GB of zeros at its end."""

    def change(project: Path) -> None:
        with (project / file).open("r+b") as stream:
            stream.truncate(1_500_000_000)

    return Fixed(file, change, command, code)


def _golden(name: str, change: Callable[[Any], Any], command: str, code: int) -> Fixed:
    """Replace a golden array; the manifest follows."""
    file = f"{BUNDLE}/golden/{name}.npy"

    def replace(project: Path) -> None:
        stream = io.BytesIO()
        np.save(stream, change(np.load(project / file)))
        (project / file).write_bytes(stream.getvalue())
        follow(project, file)

    return Fixed(file, replace, command, code)


def _model(file: str, content: Callable[[], bytes], command: str, code: int) -> Fixed:
    """Replace a model; the manifest of its bundle, if it is in one, follows."""

    def replace(project: Path) -> None:
        (project / file).write_bytes(content())
        if file.startswith("build/"):
            follow(project, file)

    return Fixed(file, replace, command, code)


def _changed(change: Callable[[Any], None]) -> bytes:
    model = onnx.load_from_string(tiny.onnx_model("encoder"))
    change(model.graph)
    return bytes(model.SerializeToString())


def _short(graph: Any) -> None:
    """Let the first weights hold fewer values than their shape says."""
    graph.initializer[0].raw_data = graph.initializer[0].raw_data[:-8]


def _negative(graph: Any) -> None:
    """Let the output have a negative size."""
    graph.output[0].type.tensor_type.shape.dim[1].dim_value = -(1 << 62)


_INPUT = ("artifacts", 0, "inputs", 0)
FIXED = (
    # what numpy does not know, and what no caller can provide
    *(
        _json(_MANIFEST, (*_INPUT, key), value, command, 2)
        for command in (_VERIFY, _NULL)
        for key, value in (
            ("dtype", "object"),
            ("dtype", "V999999999"),
            ("dtype", "nonsense"),
            ("shape", []),
            ("shape", [1, -16]),
            ("shape", [1, 1 << 40, 1 << 40]),
            ("shape", [1, "x"]),
            ("scale", 0.0),
            ("scale", -1.0),
            ("scale", None),
            ("zero_point", 1000),
        )
    ),
    _json(_MANIFEST, ("artifacts", 0, "inputs"), [], _VERIFY, 2),
    _json(_MANIFEST, ("artifacts", 0, "part"), "decoder", _VERIFY, 2),
    _json(_MANIFEST, ("artifacts", 0, "bytes"), -1, "report", 2),
    _json(_MANIFEST, ("golden", "n"), 63, _VERIFY, 4),
    _json(_MANIFEST, ("golden", "n"), -1, _VERIFY, 2),
    _json(_MANIFEST, ("dataset", "n"), [1], _VERIFY, 2),
    _json(_MANIFEST, ("dataset", "span"), "x", _VERIFY, 2),
    _json(_MANIFEST, ("loss", "labels"), {"0": [0.1]}, "report", 2),
    _json(_MANIFEST, ("loss", "labels"), {"0": [None, None, None]}, "report", 2),
    _json(_MANIFEST, ("loss", "exported"), 1.7e308, "report", 2),
    _json(_MANIFEST, ("loss", "float32"), -1.0, "report", 2),
    _json(_MANIFEST, ("tolerance", "max_abs"), -1.0, _VERIFY, 2),
    _json(_BARE, ("configuration", "train_data"), 1.5, "verify build/bare", 2),
    _json(_BARE, ("configuration", "source"), None, "report", 2),
    _json(_PROBE, ("features",), {}, "report", 2),
    _json(_PROBE, ("anomaly", "pca"), 1e300, "report", 2),
    _row({"block": 0}, "report", 2),
    _row({"fixed_block": -1}, "history", 2),
    _row({"samples_ns": [-1]}, "pick --max-p50 1ms --runtime null", 2),
    _row({"batch": 0}, "report", 2),
    *(
        _large(file, command, code)
        for file, command, code in (
            (_MANIFEST, "report", 2),
            (f"{BUNDLE}/verify.json", "report", 2),
            ("build/results.jsonl", "history", 2),
            ("build/tiny/train.json", "report", 2),
            ("export/mine.toml", "export --list -r mine", 2),
            (f"{BUNDLE}/encoder.tflite", _VERIFY, 4),
            (f"{BUNDLE}/golden/code.npy", _VERIFY, 4),
            ("bench/baselines/int8-encoder.tflite", "baseline list", 4),
        )
    ),
    _golden("image", lambda array: array[:, :3], _VERIFY, 4),
    _golden("image", lambda array: array * np.nan, _VERIFY, 4),
    _golden("image", lambda array: np.float32(3), _NULL, 4),
    _golden("encoder", lambda array: array.astype(np.int16), _VERIFY, 4),
    _golden("reconstruction", lambda array: array[:5], _VERIFY, 4),
    _model(
        f"{FLOAT}/encoder.onnx",
        lambda: weights_outside("files/int8-encoder.tflite"),
        f"verify {FLOAT} --golden --runtime onnxruntime-cpu",
        3,  # a row of what the named runtime did not take
    ),
    *(
        _model("files/encoder.onnx", lambda change=change: _changed(change), command, 2)
        for command, change in (
            ("inspect files/encoder.onnx", _short),
            ("profile files/encoder.onnx --seconds 0.01", _negative),
        )
    ),
    _model(
        "files/encoder.onnx",
        lambda: weights_outside("/etc/passwd"),
        "inspect files/encoder.onnx",
        2,
    ),
    _model(
        "files/encoder.onnx",
        lambda: weights_outside("files/int8-encoder.tflite"),
        f"import files/encoder.onnx --data {DATA}",
        2,
    ),
)
