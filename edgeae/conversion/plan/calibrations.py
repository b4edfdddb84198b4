"""Ways to choose activation ranges, compared: one child process for a model and a recipe."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from edgeae.artifacts.model import open_model
from edgeae.conversion.plan.export import impossible
from edgeae.conversion.plan.reports import reports
from edgeae.errors import BadInput
from edgeae.recipe import Recipe
from edgeae.text.columns import align

Method = Literal["min-max", "percentile", "mse"]

#: The module that a child process runs.
CHILD = "edgeae.conversion.calibrate"
#: What is compared: `calibration`, and `percentile` where that counts.
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
    """What one way to choose ranges costs.

    Attributes:
        model, recipe: names.
        calibration: the recipe's key of that name.
        percentile: of `percentile`; None for the others.
        n: validation images.
        float32: MSE of the original on them.
        loss: MSE of the integer model on them, on the reference kernels.
        clipped: values of the representative images' activations outside of their range; of large
            activations, of a sample.
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
        """Loss minus that of the original."""
        return self.loss - self.float32

    @property
    def ratio(self) -> float | None:
        """Loss ÷ that of the original; None if that is 0."""
        return self.loss / self.float32 if self.float32 else None

    @property
    def method(self) -> str:
        """The way in words: `percentile 99.9`."""
        share = "" if self.percentile is None else f" {self.percentile:g}"
        return f"{self.calibration}{share}"


def can_calibrate(recipe: Recipe) -> bool:
    """Tell whether a recipe has ranges to choose for the model as it was trained."""
    return recipe.quantization in _INTEGER and not recipe.fine_tunes and recipe.onnx == "qdq"


def calibrations(folder: Path, recipe: Recipe, say: Callable[[str], None]) -> list[Calibration]:
    """Convert a model with each of `METHODS` and measure it on the validation images.

    Args:
        folder: of the model.
        recipe: all of it but `calibration` and `percentile` is used.
        say: told what is being done, a line each.

    Raises:
        BadInput: the recipe has no ranges to choose, or the model cannot be exported.
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
    found = reports(CHILD, job, lambda doing: say(f"{label}: {doing}"), _TIMEOUT_S)
    return [Calibration(**report) for report in found]


def render(found: Sequence[Calibration]) -> str:
    """Return a line for each way, those of one model and recipe from the least loss up."""
    rows = [["model", "recipe", "calibration", "n", "float32", "loss", "added", "ratio", "clipped"]]
    rows += [_line(item) for item in sorted(found, key=lambda x: (x.model, x.recipe, x.loss))]
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
