"""A recipe: how a trained model is compressed, quantized and exported. Data, in TOML.

Recipes are looked for as `export/NAME.toml` below the current folder, then among those that edgeae
ships. Every key is a field of `Recipe`, `Prune` or `Tolerance`; any other key is an error.
"""

import hashlib
import json
import math
import re
import tomllib
import typing
from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Literal

from edgeae import project
from edgeae.errors import BadInput, unknown

__all__ = [
    "AS_IS",
    "PARTS",
    "REFERENCE",
    "REFERENCES",
    "Prune",
    "Recipe",
    "Tolerance",
    "available",
    "find",
    "from_table",
    "parse",
]

#: The parts of a model, in the order in which data flows.
PARTS = ("encoder", "decoder", "autoencoder")

#: The runtime whose answers all int8 parity refers to.
REFERENCE = "litert-reference"
#: Format of a bundle's artifacts → the runtime that its own golden vectors are from.
REFERENCES = {"tflite": REFERENCE, "onnx": "onnxruntime-cpu"}
#: In the recipe's place of imported files, which were made under no recipe.
AS_IS = "as-is"

Quantization = Literal["float32", "float16", "dynamic", "int8"]
Edge = Literal["float32", "int8", "uint8"]
Format = Literal["tflite", "onnx"]


@dataclass(frozen=True)
class Tolerance:
    """What verify accepts.

    Attributes:
        added_loss: MSE of the export minus MSE of the original, on the test images, for values
            that range over 1; see `over`. A difference, not a ratio: a ratio rewards a badly
            trained original.
        max_abs: float outputs against the Keras model: max |Δ| ≤ max_abs × max(1, max |reference|).
        share_over_1lsb: int8 outputs against `litert-reference`: share that differs by more than
            one LSB.
        builtin_share_over_1lsb: the same for `litert-builtin`, if larger: its optimized kernels
            round twice when they rescale, where the reference and XNNPACK round once.
        conv_share_over_1lsb: the same for artifacts that convolve, if larger: each of several
            layers may round a value either way, and one LSB of the code is several of the output.
        max_lsb: int8 outputs against `litert-reference`: the largest difference.
    """

    added_loss: float = 3e-4
    max_abs: float = 1e-5
    share_over_1lsb: float = 0.0
    builtin_share_over_1lsb: float = 0.0
    conv_share_over_1lsb: float = 0.0
    max_lsb: int = 0

    def __post_init__(self) -> None:
        for key, value in asdict(self).items():
            _require(0 <= value < math.inf, f"tolerance.{key}", value, "0 or more, and finite")

    def over(self, span: float) -> "Tolerance":
        """Return the same for values that range over `span`: their MSE grows with its square."""
        return replace(self, added_loss=self.added_loss * span**2)

    def on(self, runtime: str, convolves: bool = False) -> "Tolerance":
        """Return what is accepted of one runtime's integers; floats are judged alike on all.

        Args:
            runtime: its name.
            convolves: whether the artifact does, `Artifact.convolves`.
        """
        if runtime == REFERENCE:
            # integer kernels reproduce their own golden vectors to the bit, on any machine
            return replace(self, share_over_1lsb=0.0, max_lsb=0)
        share = self.share_over_1lsb
        if runtime == "litert-builtin":
            share = max(share, self.builtin_share_over_1lsb)
        if convolves:
            share = max(share, self.conv_share_over_1lsb)
        return replace(self, share_over_1lsb=share)


@dataclass(frozen=True)
class Prune:
    """Magnitude pruning by fine-tuning, before quantization.

    Attributes:
        sparsity: share of each weight matrix that becomes zero.
        steps: training steps of the fine-tuning, batches of 128.
        learning_rate: Adam's, decaying to 1 % of it along a cosine.
    """

    sparsity: float
    steps: int = 1720
    learning_rate: float = 1e-3

    def __post_init__(self) -> None:
        _require(0 < self.sparsity < 1, "prune.sparsity", self.sparsity, "above 0 and below 1")
        _require(self.steps >= 100, "prune.steps", self.steps, "100 or more")
        rate = self.learning_rate
        _require(0 < rate < 1, "prune.learning_rate", rate, "above 0 and below 1")


@dataclass(frozen=True)
class Recipe:
    """How one bundle is made.

    Attributes:
        name: the file's stem.
        description: one line for people.
        quantization: `float32`, `float16` (weights), `dynamic` (int8 weights, float activations)
            or `int8` (full integer).
        per_channel: one weight scale per output channel of a Dense layer, or one per tensor.
        io: element type of the exported inputs and outputs; int8 recipes only: `int8`, `uint8`
            (camera frames, browser runtimes) or `float32`.
        formats: files per part.
        representative: training images that calibrate the activation ranges of `int8`.
        prune: magnitude pruning first, or None.
        tolerance: what verify accepts.
    """

    name: str
    description: str = ""
    quantization: Quantization = "float32"
    per_channel: bool = True
    io: Edge = "float32"
    formats: tuple[Format, ...] = ("tflite",)
    representative: int = 500
    prune: Prune | None = None
    tolerance: Tolerance = field(default_factory=Tolerance)

    def __post_init__(self) -> None:
        plain = bool(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", self.name))
        _require(plain, "name", self.name, "letters, digits, dots, dashes and underscores")
        _require(self.name != AS_IS, "name", self.name, "any other: imported files lie there")
        _require(bool(self.formats), "formats", list(self.formats), "tflite, onnx or both")
        _require("tflite" in self.formats, "formats", list(self.formats), "tflite among them")
        once = len(set(self.formats)) == len(self.formats)
        _require(once, "formats", list(self.formats), "each format once")
        _require(self.representative >= 10, "representative", self.representative, "10 or more")
        if self.quantization != "int8":
            _require(
                self.io == "float32",
                "io",
                self.io,
                f"float32 with quantization {self.quantization!r}",
            )
        if "onnx" in self.formats:
            fits = self.quantization in ("float32", "int8")
            _require(fits, "formats", list(self.formats), "onnx with float32 or int8 alone")
        if self.prune is not None:
            # float parity is against the original, which a pruned model no longer is
            _require(
                self.quantization == "int8", "prune", "a table", "with quantization int8 alone"
            )
        if not self.per_channel:
            _require(self.quantization == "int8", "per_channel", False, "true unless int8")

    @property
    def sha256(self) -> str:
        """Hash of everything that shapes the artifacts; the name and description do not."""
        content = {key: value for key, value in asdict(self).items() if key not in _LABELS}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


_LABELS = ("name", "description")


def available() -> dict[str, Path]:
    """Return every recipe by name: those of the current project before those that edgeae ships."""
    found: dict[str, Path] = {}
    for folder in project.folders("export"):
        for path in sorted(folder.glob("*.toml")):
            found.setdefault(path.stem, path)
    return found


def find(name: str) -> Recipe:
    """Load a recipe by its name, or by the path of its file.

    Raises:
        BadInput: there is none of that name, or its file is not a recipe.
    """
    if name.endswith(".toml"):
        return parse(Path(name))
    known = available()
    if name not in known:
        raise unknown("recipe", name, known)
    return parse(known[name])


def parse(path: Path) -> Recipe:
    """Read and check one recipe file.

    Raises:
        BadInput: names the file, the key, its value and what is allowed.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: not TOML: {error}") from None
    except OSError as error:
        raise BadInput(f"{path}: not readable: {error.strerror}") from None
    try:
        if table.get("quantization") == "int8":
            table.setdefault("io", "int8")
        if "name" in table:
            raise BadInput("name is the file's own; remove the key")
        return from_table({"name": path.stem, **table})
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None


def from_table(table: dict[str, Any]) -> Recipe:
    """Build a recipe from TOML's tables, or from JSON made by `dataclasses.asdict`.

    Raises:
        BadInput: names the key, its value and what is allowed.
    """
    return typing.cast(Recipe, _build(Recipe, table, prefix=""))


def _build(kind: Any, table: dict[str, Any], prefix: str) -> Any:
    hints = typing.get_type_hints(kind)
    allowed = {item.name: item for item in fields(kind) if prefix or item.name != "name"}
    for key in table:
        if key not in hints or (key not in allowed and key != "name"):
            raise unknown("key", prefix + key, [prefix + name for name in allowed])
    missing = [
        key
        for key, item in allowed.items()
        if key not in table and item.default is MISSING and item.default_factory is MISSING
    ]
    if missing:
        raise BadInput(f"{prefix}{missing[0]} is missing")
    values = {key: _value(hints[key], value, prefix + key) for key, value in table.items()}
    return kind(**values)


def _value(hint: Any, value: Any, key: str) -> Any:
    """Check one TOML value against the type of its field."""
    choices = [choice for choice in typing.get_args(hint) if choice is not type(None)]
    origin = typing.get_origin(hint)
    if origin is Literal:
        _require(value in choices, key, value, ", ".join(choices))
        return value
    if origin is tuple:
        _require(isinstance(value, list), key, value, "a list")
        return tuple(_value(choices[0], item, key) for item in value)
    if origin is not None:  # X | None; TOML has no None, JSON has
        if value is None:
            return None
        return _value(choices[0], value, key)
    if is_dataclass(hint):
        _require(isinstance(value, dict), key, value, "a table")
        return _build(hint, value, f"{key}.")
    if hint is float and type(value) is int:
        return float(value)
    _require(type(value) is hint, key, value, f"a value of type {hint.__name__}")
    return value


def _require(holds: bool, key: str, value: Any, allowed: str) -> None:
    if not holds:
        raise BadInput(f"{key} = {value!r}: allowed is {allowed}")
