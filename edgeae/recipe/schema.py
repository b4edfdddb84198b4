"""A recipe: how a trained model is compressed, quantized and exported."""

import hashlib
import json
import re
from dataclasses import asdict, dataclass, field
from typing import Literal

from edgeae.errors import BadInput
from edgeae.metrics.tolerance import REFERENCE, Tolerance
from edgeae.reading.typed_json import require
from edgeae.recipe.steps import STEPS, Cluster, Prune, Qat

#: The parts of a model, in the order in which data flows.
PARTS = ("encoder", "decoder", "autoencoder")

#: Format of a bundle's artifacts → the runtime that its own golden vectors are from.
REFERENCES = {"tflite": REFERENCE, "onnx": "onnxruntime-cpu"}
#: In the recipe's place of imported files, which were made under no recipe.
AS_IS = "as-is"

Quantization = Literal["float32", "float16", "dynamic", "int8", "int16x8", "int4"]
Edge = Literal["float32", "int8", "uint8", "int16"]
Format = Literal["tflite", "onnx"]
Calibration = Literal["min-max", "percentile", "mse"]
Rounding = Literal["nearest", "compensated"]
Onnx = Literal["qdq", "fast"]

#: Quantization → what its inputs and outputs may be; the first where a recipe says nothing.
EDGES: dict[str, tuple[str, ...]] = {
    "float32": ("float32",),
    "float16": ("float32",),
    "dynamic": ("float32",),
    "int8": ("int8", "uint8", "float32"),
    "int16x8": ("int16", "float32"),
    "int4": ("float32",),
}
#: Quantization → what the fine-tuning steps of a recipe may be.
_TUNED: dict[str, tuple[str, ...]] = {
    "float32": ("prune", "cluster"),
    "float16": ("prune", "cluster"),
    "dynamic": ("prune",),
    "int8": ("prune", "cluster", "qat"),
    "int16x8": ("prune",),
    "int4": ("prune",),
}
_WITH_ONNX = ("float32", "float16", "int8")
_STATIC = ("int8", "int16x8")


@dataclass(frozen=True)
class Recipe:
    """How one bundle is made.

    Attributes:
        name: the file's stem.
        description: one line for people.
        quantization: form of weights and activations: `float32`, `float16` (weights), `dynamic`
            (int8 weights, float activations), `int8` (full integer), `int16x8` (int8 weights, int16
            activations) or `int4` (4-bit weights, float activations).
        per_channel: with `int8`: one weight scale per output channel, or one per weight tensor.
        io: element type of the exported inputs and outputs; `uint8` is for camera frames and
            browser runtimes.
        formats: files per part; `tflite` is always one of them.
        onnx: with `int8`: `qdq` is converted from the `.tflite`, with its integers and scales;
            `fast` is quantized by onnxruntime, in the form that runs faster on this machine.
        representative: how many training images calibrate the activation ranges.
        calibration: with `int8` and `int16x8`: how ranges follow from these images: `min-max`,
            `percentile`, or `mse` (least error), which does not go with `onnx = "fast"`.
        percentile: with `calibration = "percentile"`: the share of values, in percent, that a range
            must hold.
        rounding: with `int8`, `int16x8` and `int4`: each weight to its `nearest` integer; or
            `compensated`, so that the errors of the weights cancel each other on the representative
            images (GPTQ); zeros and codebooks of the original are kept. Not with `[cluster]`,
            `[qat]` or `onnx = "fast"`.
        steps: the steps that fine-tune, in this order: `prune`, `cluster`, `qat`. The default is
            the tables that the file has.
        prune, cluster, qat: settings of each step, or None.
        tolerance: what verify accepts.
    """

    name: str
    description: str = ""
    quantization: Quantization = "float32"
    per_channel: bool = True
    io: Edge = "float32"
    formats: tuple[Format, ...] = ("tflite",)
    onnx: Onnx = "qdq"
    representative: int = 500
    calibration: Calibration = "min-max"
    percentile: float = 99.99
    rounding: Rounding = "nearest"
    steps: tuple[str, ...] = ()
    prune: Prune | None = None
    cluster: Cluster | None = None
    qat: Qat | None = None
    tolerance: Tolerance = field(default_factory=Tolerance)

    def __post_init__(self) -> None:
        plain = bool(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", self.name))
        require(plain, "name", self.name, "letters, digits, dots, dashes and underscores")
        require(self.name != AS_IS, "name", self.name, "any other: imported files lie there")
        self._check_files()
        self._check_quantization()
        self._check_steps()

    def _check_files(self) -> None:
        formats, form = list(self.formats), self.quantization
        require(bool(formats), "formats", formats, "tflite, onnx or both")
        require("tflite" in formats, "formats", formats, "tflite among them")
        require(len(set(formats)) == len(formats), "formats", formats, "each format once")
        if "onnx" in formats:
            told = "onnx with float32, float16 or int8 alone"
            require(form in _WITH_ONNX, "formats", formats, told)
        if self.onnx != "qdq":
            fits = form == "int8" and "onnx" in formats
            require(
                fits, "onnx", self.onnx, "qdq, unless quantization is int8 and formats has onnx"
            )
        edges = EDGES[form]
        told = f"{' or '.join(edges)} with quantization {form!r}"
        require(self.io in edges, "io", self.io, told)

    def _check_quantization(self) -> None:
        form = self.quantization
        require(self.representative >= 10, "representative", self.representative, "10 or more")
        if not self.per_channel:
            require(form == "int8", "per_channel", False, "true unless int8")
        if self.calibration != "min-max":
            told = "min-max unless int8 or int16x8"
            require(form in _STATIC, "calibration", self.calibration, told)
        if self.onnx == "fast":  # onnxruntime knows no other
            told = "min-max or percentile with onnx = 'fast'"
            require(self.calibration != "mse", "calibration", self.calibration, told)
        if self.rounding != "nearest":
            told = "nearest unless int8, int16x8 or int4, with no [cluster], [qat], onnx = 'fast'"
            trained = self.cluster is not None or self.qat is not None  # the integers themselves
            fits = form in (*_STATIC, "int4") and not trained and self.onnx != "fast"
            require(fits, "rounding", self.rounding, told)
        share = self.percentile
        require(50 < share <= 100, "percentile", share, "above 50 and up to 100")

    def _check_steps(self) -> None:
        there = tuple(step for step in STEPS if getattr(self, step) is not None)
        steps = list(self.steps)
        for step in steps:
            require(step in STEPS, "steps", steps, ", ".join(STEPS))
            told = f"those with a table: [{step}] is missing"
            require(step in there, "steps", steps, told)
        ordered = sorted(set(steps), key=STEPS.index)
        told = f"{', '.join(STEPS)}, in this order, each once"
        require(steps == ordered, "steps", steps, told)
        for step in there:
            if step not in steps:
                raise BadInput(
                    f"[{step}]: a table that steps = {steps!r} does not name; "
                    f"allowed is {step!r} among the steps, or no [{step}]"
                )
            fits = [form for form, able in _TUNED.items() if step in able]
            told = f"[{step}] with quantization"
            require(self.quantization in fits, told, self.quantization, " or ".join(fits))

    @property
    def fine_tunes(self) -> bool:
        """Whether it trains on: it then needs training data, and a control."""
        return bool(self.steps)

    @property
    def settings(self) -> tuple[Prune | Cluster | Qat, ...]:
        """Those of each step, in order."""
        return tuple(getattr(self, step) for step in self.steps)

    @property
    def calibrates(self) -> bool:
        """Whether representative images are run through the model."""
        static = self.quantization in _STATIC
        return static or self.qat is not None or self.rounding == "compensated"

    @property
    def sha256(self) -> str:
        """Hash of everything that shapes the artifacts; the name and description do not."""
        content = {key: value for key, value in asdict(self).items() if key not in _LABELS}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


_LABELS = ("name", "description")
