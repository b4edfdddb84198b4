"""Compares the ways to choose activation ranges; one child process per model and recipe."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from edgeae.artifacts.model import open_model
from edgeae.conversion.plan.export import impossible
from edgeae.errors import BadInput
from edgeae.recipe import Recipe
from edgeae.scheduling.reports import reports
from edgeae.text.columns import align

Method = Literal["min-max", "percentile", "mse"]

#: The module that a child process runs.
CHILD = "edgeae.conversion.calibrate"
#: The compared settings: `calibration`, and `percentile` for the calibration of that name.
METHODS: tuple[tuple[Method, float | None], ...] = (
    ("min-max", None),
    ("percentile", 99.9),
    ("percentile", 99.99),
    ("mse", None),
)
_INTEGER = ("int8", "int16x8")
_TIMEOUT_S = 1800.0


@dataclass(frozen=True)
class Calibration:
    """The loss of a model with one way to choose ranges.

    Attributes:
        model, recipe: their names.
        calibration: value of the recipe's key `calibration`.
        percentile: value of the recipe's key `percentile`; None for other calibrations.
        n: number of validation images.
        float32: MSE of the original on these images.
        loss: MSE of the integer model on these images, on the reference kernels.
        clipped: number of activation values of the representative images that lie outside of their
            range; large activations are sampled.
    """

    model: str
    recipe: str
    calibration: str
    percentile: float | None
    n: int
    float32: float
    loss: float
    clipped: int

    @property
    def added(self) -> float:
        """The loss minus the loss of the original."""
        return self.loss - self.float32

    @property
    def ratio(self) -> float | None:
        """The loss divided by the loss of the original; None if the latter is 0."""
        return self.loss / self.float32 if self.float32 else None

    @property
    def method(self) -> str:
        """The calibration in words, such as `percentile 99.9`."""
        share = "" if self.percentile is None else f" {self.percentile:g}"
        return f"{self.calibration}{share}"


def can_calibrate(recipe: Recipe) -> bool:
    """Return whether a recipe calibrates activation ranges without fine-tuning before."""
    return recipe.quantization in _INTEGER and not recipe.fine_tunes and recipe.onnx == "qdq"


def calibrations(folder: Path, recipe: Recipe, say: Callable[[str], None]) -> list[Calibration]:
    """Convert a model with each of `METHODS`, and return its losses on the validation images.

    Args:
        folder: the model's folder.
        recipe: all its keys but `calibration` and `percentile` are used.
        say: receives progress messages of one line.

    Raises:
        BadInput: the recipe does not calibrate ranges, or the model cannot be exported.
    """
    if not can_calibrate(recipe):
        raise BadInput(
            f"recipe {recipe.name}: nothing to calibrate; allowed are recipes of int8 and int16x8 "
            "that do not fine-tune, without onnx = 'fast'"
        )
    reason = impossible(open_model(folder), recipe)
    if reason:
        raise BadInput(reason)
    job = {"model": str(folder), "recipe": asdict(recipe)}
    label = f"calibrate {folder.name}/{recipe.name}"
    measured = reports(CHILD, job, lambda doing: say(f"{label}: {doing}"), _TIMEOUT_S)
    return [Calibration(**report) for report in measured]


def render(measured: Sequence[Calibration]) -> str:
    """Return a table with a line per calibration, sorted by model, recipe and loss."""
    rows = [["model", "recipe", "calibration", "n", "float32", "loss", "added", "ratio", "clipped"]]
    rows += [_line(item) for item in sorted(measured, key=lambda x: (x.model, x.recipe, x.loss))]
    return align(rows, left=3)


def _line(item: Calibration) -> list[str]:
    return [
        item.model,
        item.recipe,
        item.method,
        f"{item.n:,}",
        f"{item.float32:.6f}",
        f"{item.loss:.6f}",
        f"{item.added:+.1e}",
        "" if item.ratio is None else f"{item.ratio:.4f}",
        f"{item.clipped:,}",
    ]
