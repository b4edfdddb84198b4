"""A bundle's `manifest.json` as dataclasses.

History of the schema:
1   the first. A bundle of imported files (recipe `as-is`) may have no `loss` and no `code`.
    Keys that were added later have a default, so that older manifests can be read.
"""

import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.errors import BadInput
from edgeae.metrics.loss import Loss, loss_scale
from edgeae.metrics.quantization import Affine
from edgeae.metrics.standardization import Standardization
from edgeae.metrics.tolerance import Tolerance
from edgeae.reading import typed
from edgeae.reading.files import plain_name
from edgeae.reading.names import check_name
from edgeae.recipe import AS_IS, PARTS, REFERENCES

SCHEMA = 1
#: Keys of the dataset and of the normalization that every manifest has.
_DATASET = {"name": str, "sha256": str, "n": int}
_NORMALIZATION = {"scale": float, "offset": float}
#: Element types of an artifact's inputs and outputs.
_DTYPES = ("float32", "int8", "uint8", "int16")
#: The most values of one example: those of 8,192 × 8,192 pixels.
_MOST_VALUES = 1 << 26
#: Larger than any range, and any square, of float32 values.
_LARGEST = 1e100


@dataclass(frozen=True)
class TensorSpec:
    """An input or output of an artifact.

    Attributes:
        name: its name in the signature.
        shape: batch first: 1, or `batch` if the batch size is free.
        dtype: numpy's name of the element type.
        scale, zero_point: quantization of an integer tensor. Of a float input or output of an
            integer artifact, that of the integer tensor next to it. None for plain floats.
    """

    name: str
    shape: tuple[int | str, ...]
    dtype: str
    scale: float | None = None
    zero_point: int | None = None

    @property
    def affine(self) -> Affine | None:
        """The quantization of the caller's integers; None if the caller's values are floats."""
        return None if self.dtype == "float32" else self.grid

    @property
    def grid(self) -> Affine | None:
        """The quantization grid of the values, also of a float edge; None for plain floats."""
        if self.scale is None or self.zero_point is None:
            return None
        # a float edge does not state the integers' width; int16 contains the narrower integers
        dtype = "int16" if self.dtype == "float32" else self.dtype
        return Affine(self.scale, self.zero_point, dtype)

    @property
    def values(self) -> tuple[int, ...]:
        """Shape of one example, without the batch dimension."""
        return tuple(int(size) for size in self.shape[1:])

    def check(self) -> None:
        """Check the values of this description.

        Raises:
            BadInput: a value is not allowed; the message names the key and what is allowed.
        """
        if self.dtype not in _DTYPES:
            raise BadInput(f"dtype = {self.dtype!r:.40}: allowed are {', '.join(_DTYPES)}")
        first, *rest = self.shape or (0,)
        free = isinstance(first, str) or first == 1
        sizes = [size for size in rest if isinstance(size, int) and size >= 1]
        if not free or len(sizes) < len(rest) or math.prod(sizes) > _MOST_VALUES:
            raise BadInput(
                f"shape = {list(self.shape)!s:.60}: allowed is a batch of 1 or a free batch, then "
                f"sizes of 1 or more, {_MOST_VALUES:,} values at most"
            )
        if self.dtype != "float32" and self.affine is None:
            raise BadInput(f"scale, zero_point: missing, but dtype is {self.dtype}")
        _ = self.grid  # raises BadInput if the scale or the zero point is not valid


@dataclass(frozen=True)
class OpVersion:
    """An operator that an artifact needs.

    Attributes:
        name: the operator's name.
        version: version of the operator's semantics.
        count: how often the artifact contains the operator.
    """

    name: str
    version: int
    count: int


@dataclass(frozen=True)
class Artifact:
    """One exported file.

    Attributes:
        part: `encoder`, `decoder` or `autoencoder`.
        format: `tflite` or `onnx`.
        flavour: `float32`, `float16`, `dynamic`, `int8`, `int16x8` or `int4` for a `.tflite` file;
            `fp32`, `fp16`, `qdq`, `fast-qdq` or `fast-qoperator` for an `.onnx` file, and
            `qoperator` for an imported `.onnx` file.
        path: relative to the bundle.
        sha256, bytes, gzip_bytes: hash and sizes of the file; gzip at level 9.
        inputs, outputs: tensors by signature name.
        ops: operators with versions.
        minimum_runtime: the oldest TFLite runtime that opens the file, or the ONNX opset.
        macs: multiply-accumulates of one inference.
        sparsity: weight tensor → share of zeros.
        parent: path of the artifact that this one was made from, or None.
        nonzero_macs: those of `macs` whose weight is not zero; None if they were not counted.
        causes: `weights`, `biases`, `quantization` and `graph` → bytes; they add up to `bytes`.
        packed: `weights`, `biases`, `scales` and `tables` → bytes in flash of the constants of the
            C that `--optimize size` writes, an estimate if C does not take the graph; see
            `edgeae.formats.packed`; None for ONNX files.
        encodings: weight tensor → how the packed form stores it.
    """

    part: str
    format: str
    flavour: str
    path: str
    sha256: str
    bytes: int
    gzip_bytes: int
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    ops: tuple[OpVersion, ...]
    minimum_runtime: str
    macs: int
    sparsity: dict[str, float]
    parent: str | None = None
    nonzero_macs: int | None = None
    causes: dict[str, int] = field(default_factory=dict)
    packed: dict[str, int] | None = None
    encodings: dict[str, str] = field(default_factory=dict)

    def check(self, key: str) -> None:
        """Check the values of this description.

        Args:
            key: this description's key, for errors.

        Raises:
            BadInput: there is not exactly one input and one output, or a figure is not possible.
        """
        for edge in ("inputs", "outputs"):
            specs = getattr(self, edge)
            if len(specs) != 1:
                raise BadInput(f"{key}.{edge}: {len(specs)} entries; allowed is one")
            try:
                specs[0].check()
            except BadInput as error:
                raise BadInput(f"{key}.{edge}[0].{error}") from None
        counts = {"bytes": self.bytes, "gzip_bytes": self.gzip_bytes, "macs": self.macs}
        counts |= {"nonzero_macs": self.nonzero_macs or 0, **self.causes, **(self.packed or {})}
        for name, count in counts.items():
            _check_least(f"{key}.{name}", count)

    @property
    def packed_bytes(self) -> int | None:
        """Estimated bytes in flash if the graph were stored packed; None if not known."""
        return None if self.packed is None else sum(self.packed.values())

    @property
    def convolves(self) -> bool:
        """Whether one of its operators is a convolution."""
        return any("conv" in item.name.lower() for item in self.ops)

    @property
    def input(self) -> TensorSpec:
        """The only input."""
        return self.inputs[0]

    @property
    def output(self) -> TensorSpec:
        """The only output."""
        return self.outputs[0]


@dataclass(frozen=True)
class Code:
    """The encoder's exported output, which is the decoder's input.

    Attributes:
        size: number of values.
        scale, zero_point: quantization of an integer code; None for floats.
        min, max: range of the real values over the test images.
    """

    size: int
    scale: float | None
    zero_point: int | None
    min: float
    max: float

    @classmethod
    def of(cls, spec: TensorSpec, codes: NDArray[np.float32]) -> "Code":
        """Describe the code by the encoder's output spec and by real codes, float32 (n, …)."""
        least, most = float(codes.min()), float(codes.max())
        return cls(int(codes[0].size), spec.scale, spec.zero_point, least, most)


@dataclass(frozen=True)
class Golden:
    """The golden vectors of a bundle, `golden/<name>.npy`.

    Attributes:
        n: number of images.
        sha256: name → hash of the file.
    """

    n: int
    sha256: dict[str, str]


@dataclass(frozen=True)
class Manifest:
    """The description of a bundle. See the module's docstring.

    Attributes:
        schema: version of this layout.
        model, recipe: names.
        recipe_sha256: hash of the recipe's content (`Recipe.sha256`).
        weights_sha256: the model's identity: hash of the weights' names, shapes and bytes; in a
            bundle of imported files, hash of the artifacts' hashes.
        tools: package → version that made the bundle.
        dataset: `name`, `sha256`, `n` (number of test images), `span` (largest minus least real
            value) and `mean_loss` (MSE of answering each test image with the mean test image);
            older manifests lack `mean_loss`. `columns` and `reading` as in `train.json`, if there
            are any: see `Training.dataset`.
        normalization: real = stored × `scale` + `offset`, from the dataset's stored values.
        representative: `n`, `seed` and `sha256` of the calibration images' indices, and `headroom`
            if it is not 0, see `Training.headroom`; or None.
        loss: see `Loss`; None if the bundle contains only an encoder.
        code: see `Code`; None if the bundle contains no encoder.
        tolerance: the recipe's tolerance, within which verify passes.
        golden: see `Golden`.
        artifacts: see `Artifact`.
        settings: the recipe's other keys with their values, as `edgeae.recipe.to_table` returns
            them; empty for imported files and in manifests older than this key.
        overrides: the settings on top of the recipe's file, `key=value` each, as `--set` gave them;
            their suffixes end the recipe's name. Empty in manifests older than this key.
        standardization: the columns' means and deviations, of which golden vectors and the inputs
            of the artifacts are free: real = (stored − mean) / deviation; None, and absent from
            the file, if the columns are not standardised.
    """

    schema: int
    model: str
    recipe: str
    recipe_sha256: str
    weights_sha256: str
    tools: dict[str, str]
    dataset: dict[str, Any]
    normalization: dict[str, float]
    representative: dict[str, Any] | None
    loss: Loss | None
    code: Code | None
    tolerance: Tolerance
    golden: Golden
    artifacts: tuple[Artifact, ...]
    settings: dict[str, Any] = field(default_factory=dict)
    overrides: tuple[str, ...] = ()
    standardization: Standardization | None = None

    def __post_init__(self) -> None:
        for key in ("loss", "code"):
            if getattr(self, key) is None and self.recipe != AS_IS:
                raise BadInput(f"{key} is null: allowed only with the recipe {AS_IS}")
        for key in ("model", "recipe"):
            check_name(key, getattr(self, key))
        self._check_files()
        for key, names in (("dataset", _DATASET), ("normalization", _NORMALIZATION)):
            for name, kind in names.items():
                typed.value(kind, getattr(self, key).get(name), f"{key}.{name}")
        typed.value(list[str], self.dataset.get("columns", []), "dataset.columns")
        typed.value(dict[str, Any], self.dataset.get("reading", {}), "dataset.reading")
        self._check_figures()

    def _check_files(self) -> None:
        """Refuse paths outside the bundle, and two descriptions of the same file."""
        for name in self.golden.sha256:
            check_name("golden.sha256", name)
        for place, artifact in enumerate(self.artifacts):
            try:
                plain_name(artifact.path)
            except BadInput as error:
                raise BadInput(f"artifacts[{place}].{error}") from None
            for key, allowed in (("part", PARTS), ("format", tuple(REFERENCES))):
                value = getattr(artifact, key)
                if value not in allowed:
                    entry = f"artifacts[{place}].{key} = {value!r:.40}"
                    raise BadInput(f"{entry}: allowed are {', '.join(allowed)}")
            artifact.check(f"artifacts[{place}]")
        paths = Counter(item.path for item in self.artifacts)
        parts = Counter(f"{item.part}.{item.format}" for item in self.artifacts)
        twice = [name for name, count in [*paths.items(), *parts.items()] if count > 1]
        if twice:
            raise BadInput(f"artifacts: {twice[0]} is described twice")

    def _check_figures(self) -> None:
        """Refuse figures that are not possible."""
        if self.golden.n < 1:
            raise BadInput(f"golden.n = {self.golden.n}: allowed are whole numbers from 1")
        _check_least("dataset.n", self.dataset["n"])
        # the tolerance's limits are proportional to these
        scales = {f"dataset.{key}": self.dataset.get(key, 0.0) for key in ("span", "mean_loss")}
        for key, value in scales.items():
            typed.value(float, value, key)
        for key, value in (*scales.items(), *self._losses()):
            if not 0 <= value <= _LARGEST:
                raise BadInput(f"{key} = {value:g}: allowed is 0 to {_LARGEST:g}")

    def _losses(self) -> Iterator[tuple[str, float]]:
        """Yield pairs of key and mean squared error."""
        loss = self.loss
        if loss is None:
            return
        rows = {"loss": (loss.float32, loss.control, loss.exported)}
        if loss.p99 is not None:
            rows["loss.p99"] = (loss.p99.float32, loss.p99.control, loss.p99.exported)
        rows |= {f"loss.labels.{label}": row for label, row in (loss.labels or {}).items()}
        for column, errors in (loss.columns or {}).items():
            yield from ((f"loss.columns.{column}.{key}", value) for key, value in errors.items())
        for key, row in rows.items():
            yield from ((key, value) for value in row if value is not None)

    @property
    def limits(self) -> Tolerance:
        """The tolerance, scaled from MNIST's range of losses to that of this bundle's data."""
        return self.tolerance.times(loss_scale(self.dataset))

    def to_json(self) -> str:
        """Return the file's text; the same manifest gives the same text."""
        table = asdict(self)
        for key in ("overrides", "standardization"):
            if not table[key]:
                del table[key]  # so that bundles without them keep their bytes
        if self.loss is not None and self.loss.columns is None:
            del table["loss"]["columns"]
        return json.dumps(table, indent=1, sort_keys=True, allow_nan=False) + "\n"


def _check_least(key: str, count: int) -> None:
    if count < 0:
        raise BadInput(f"{key} = {count}: allowed are whole numbers from 0")
