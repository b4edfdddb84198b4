"""The schema of a recipe, with the checks of its values."""

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Literal

from edgeae.errors import BadInput
from edgeae.metrics.tolerance import REFERENCE, DetectionLimits, Tolerance
from edgeae.reading.typed import require
from edgeae.recipe import later
from edgeae.recipe.later import LATER
from edgeae.recipe.steps import STEPS, Cluster, Prune, Qat

#: The parts of a model, in the order of the data flow.
PARTS = ("encoder", "decoder", "autoencoder")

#: Format of a bundle's artifacts → the runtime that computes the golden outputs of its parts.
REFERENCES = {"tflite": REFERENCE, "onnx": "onnxruntime-cpu"}
#: The recipe's name in a bundle of imported files, which were made without a recipe.
AS_IS = "as-is"

Quantization = Literal["float32", "float16", "dynamic", "int8", "int16x8", "int4"]
Edge = Literal["float32", "int8", "uint8", "int16"]
Format = Literal["tflite", "onnx"]
Calibration = Literal["min-max", "percentile", "mse"]
RangesFrom = Literal["learned", "calibrated"]
Rounding = Literal["nearest", "compensated"]
Onnx = Literal["qdq", "fast"]

#: Quantization → element types that its inputs and outputs can have; the first is the default.
EDGES: dict[str, tuple[str, ...]] = {
    "float32": ("float32",),
    "float16": ("float32",),
    "dynamic": ("float32",),
    "int8": ("int8", "uint8", "float32"),
    "int16x8": ("int16", "float32"),
    "int4": ("float32",),
}
#: Quantization → fine-tuning steps that a recipe can have.
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
    """The definition of one bundle.

    Attributes:
        name: the file's stem.
        description: one line for readers.
        quantization: form of weights and activations: `float32`, `float16` (weights), `dynamic`
            (int8 weights, float activations), `int8` (full integer), `int16x8` (int8 weights, int16
            activations) or `int4` (4-bit weights, float activations).
        per_channel: with `int8`: one weight scale per output channel, or one per weight tensor.
        io: element type of the exported inputs and outputs; `uint8` is for camera frames and
            browser runtimes.
        formats: formats of each part's files; `tflite` is always one of them.
        onnx: with `int8`: `qdq` is converted from the `.tflite`, with its integers and scales;
            `fast` is quantized by onnxruntime, in the form that runs faster on this machine.
        representative: number of training images that calibrate the activation ranges.
        calibration: with `int8` and `int16x8`: the method that computes ranges from these images:
            `min-max`, `percentile`, or `mse` (least error), which `onnx = "fast"` does not allow.
        ranges: with `int8`, of a model that was imported with the ranges of its quantization-aware
            training: `learned` keeps them, and the integers of its weights, so that `calibration`
            and `rounding` are not used; `calibrated` computes ranges as of any other model, which
            fine-tuning, `int16x8` and `onnx = "fast"` always do.
        percentile: with `calibration = "percentile"`: the percentage of values that a range must
            contain.
        rounding: with `int8`, `int16x8` and `int4`: `nearest` rounds each weight to the nearest
            integer; `compensated` is GPTQ, in which the errors of the weights cancel each other on
            the representative images, and zeros and codebooks of the original are kept. GPTQ is
            not allowed with `[cluster]`, `[qat]` or `onnx = "fast"`.
        steps: the fine-tuning steps, in the order `prune`, `cluster`, `qat`. The default is the
            steps whose tables the file has.
        prune, cluster, qat: settings of each step, or None.
        tolerance: the limits within which verify passes.
        detection: the limits of the export as an anomaly detector, on which verify judges what
            `edgeae detect` measured; or None.
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
    ranges: RangesFrom = field(default="learned", metadata=LATER)
    detection: DetectionLimits | None = field(default=None, metadata=LATER)

    def __post_init__(self) -> None:
        plain = bool(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", self.name))
        require(plain, "name", self.name, "letters, digits, dots, dashes and underscores")
        require(self.name != AS_IS, "name", self.name, "any other; imported files have this one")
        self._check_files()
        self._check_quantization()
        self._check_steps()

    def _check_files(self) -> None:
        formats, form = list(self.formats), self.quantization
        require(bool(formats), "formats", formats, "tflite, onnx or both")
        require("tflite" in formats, "formats", formats, "tflite among them")
        require(len(set(formats)) == len(formats), "formats", formats, "each format once")
        if "onnx" in formats:
            allowed = "onnx only with float32, float16 or int8"
            require(form in _WITH_ONNX, "formats", formats, allowed)
        if self.onnx != "qdq":
            fits = form == "int8" and "onnx" in formats
            require(
                fits, "onnx", self.onnx, "qdq, unless quantization is int8 and formats has onnx"
            )
        edges = EDGES[form]
        allowed = f"{' or '.join(edges)} with quantization {form!r}"
        require(self.io in edges, "io", self.io, allowed)

    def _check_quantization(self) -> None:
        form = self.quantization
        require(self.representative >= 10, "representative", self.representative, "10 or more")
        if not self.per_channel:
            require(form == "int8", "per_channel", False, "true unless int8")
        if self.calibration != "min-max":
            allowed = "min-max unless int8 or int16x8"
            require(form in _STATIC, "calibration", self.calibration, allowed)
        if self.ranges != "learned":
            require(form in _STATIC, "ranges", self.ranges, "learned unless int8 or int16x8")
        if self.onnx == "fast":  # onnxruntime supports only these two
            allowed = "min-max or percentile with onnx = 'fast'"
            require(self.calibration != "mse", "calibration", self.calibration, allowed)
        if self.rounding != "nearest":
            allowed = (
                "nearest unless int8, int16x8 or int4, with no [cluster], [qat], onnx = 'fast'"
            )
            # these steps train the integers or the codebook, which GPTQ would change
            trained = self.cluster is not None or self.qat is not None
            fits = form in (*_STATIC, "int4") and not trained and self.onnx != "fast"
            require(fits, "rounding", self.rounding, allowed)
        share = self.percentile
        require(50 < share <= 100, "percentile", share, "above 50 and up to 100")

    def _check_steps(self) -> None:
        there = tuple(step for step in STEPS if getattr(self, step) is not None)
        steps = list(self.steps)
        for step in steps:
            require(step in STEPS, "steps", steps, ", ".join(STEPS))
            allowed = f"those with a table: [{step}] is missing"
            require(step in there, "steps", steps, allowed)
        ordered = sorted(set(steps), key=STEPS.index)
        allowed = f"{', '.join(STEPS)}, in this order, each once"
        require(steps == ordered, "steps", steps, allowed)
        for step in there:
            if step not in steps:
                raise BadInput(
                    f"[{step}]: steps = {steps!r} does not name this table; add {step!r} to the "
                    f"steps, or remove [{step}]"
                )
            fits = [form for form, able in _TUNED.items() if step in able]
            key = f"[{step}] with quantization"
            require(self.quantization in fits, key, self.quantization, " or ".join(fits))
        self._check_engines()

    def _check_engines(self) -> None:
        # where tfmot cannot wrap a layer, it trains it freely: what edgeae left there would be lost
        engines = [item.engine for item in self.settings]
        for step, engine, before in zip(self.steps[1:], engines[1:], engines, strict=False):
            lost = (before, engine) == ("edgeae", "tfmot")
            allowed = "edgeae after a step of edgeae, whose zeros and values tfmot would lose"
            require(not lost, f"{step}.engine", engine, allowed)

    @property
    def fine_tunes(self) -> bool:
        """Whether the recipe fine-tunes; it then needs training data and a control."""
        return bool(self.steps)

    @property
    def settings(self) -> tuple[Prune | Cluster | Qat, ...]:
        """The settings of each step, in order."""
        return tuple(getattr(self, step) for step in self.steps)

    @property
    def calibrates(self) -> bool:
        """Whether the export runs representative images through the model."""
        static = self.quantization in _STATIC
        if self.learned_ranges:
            return False
        return static or self.qat is not None or self.rounding == "compensated"

    @property
    def keeps_ranges(self) -> bool:
        """Whether an import's learned ranges become those of the export."""
        return not self.why_calibrated and self.quantization == "int8"

    @property
    def why_calibrated(self) -> str:
        """Why the ranges that an import learned are not kept, or empty."""
        if self.ranges == "calibrated":
            return "ranges = 'calibrated'"
        if self.fine_tunes:
            return "the recipe trains the weights that they belong to"
        if self.onnx == "fast":
            return "with onnx = 'fast', onnxruntime chooses the ranges"
        return "they are of int8" if self.quantization == "int16x8" else ""

    @property
    def learned_ranges(self) -> bool:
        """Whether activations have the ranges that tfmot's training learned."""
        return self.qat is not None and self.qat.engine == "tfmot"

    @property
    def sha256(self) -> str:
        """Hash of every key except the name and the description, which change no artifact."""
        content = {key: value for key, value in later.table(self).items() if key not in _LABELS}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


_LABELS = ("name", "description")
