"""Run `edgeae sensitivity`: measure curves in a child process, then search by fine-tuning."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgeae.artifacts.model import open_model
from edgeae.conversion.plan.controls import VALIDATION
from edgeae.conversion.plan.export import impossible
from edgeae.conversion.plan.tools import tool_versions
from edgeae.errors import BadInput, OutOfTolerance
from edgeae.reading import typed
from edgeae.recipe import Recipe
from edgeae.scheduling.task import Executor
from edgeae.sensitivity import written
from edgeae.sensitivity.allocation import Member
from edgeae.sensitivity.curves import Curves, Layer
from edgeae.sensitivity.options import allocations, check
from edgeae.sensitivity.plot import picture
from edgeae.sensitivity.search import Trial, best, nearest_miss, search
from edgeae.sensitivity.tasks import reported
from edgeae.system import atomic

#: The modules that child processes run: one changes kernels, one fine-tunes a recipe.
ONE_SHOT = "edgeae.sensitivity.one_shot"
FINE_TUNED = "edgeae.sensitivity.fine_tuned"
#: Files in a model's folder: the curves and the trials, and the picture of the curves.
CURVES = "sensitivity.json"
PICTURE = "sensitivity.svg"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Found:
    """A recipe that meets a limit.

    Attributes:
        plan: the recipe, as it is written to its file.
        trial: the trial of this recipe.
        trials: all trials, in order.
        limit: the largest allowed loss ÷ control.
        base: the name of the recipe that the search started from.
    """

    plan: Recipe
    trial: Trial
    trials: tuple[Trial, ...]
    limit: float
    base: str

    def to_json(self) -> dict[str, Any]:
        """Return the result as JSON types."""
        return {
            "recipe": self.plan.name,
            "sha256": self.plan.sha256,
            "base": self.base,
            "max_loss_ratio": self.limit,
            "layers": _by_layer(self.trial.member),
            **_figures(self.trial),
            "trials": [
                {"layers": _by_layer(item.member), **_figures(item)} for item in self.trials
            ],
        }


def _by_layer(member: Member) -> dict[str, dict[str, float]]:
    return {layer: asdict(setting) for layer, setting in member.settings.items()}


def _figures(trial: Trial) -> dict[str, Any]:
    return {
        "packed_bytes": trial.bytes,
        "loss": trial.loss,
        "control": trial.control,
        "ratio": trial.ratio,
        "margin": trial.margin,
        "n": trial.n,
    }


def ready(folder: Path, base: Recipe) -> None:
    """Check that a search is possible, before a child process is started.

    Raises:
        BadInput: there is no such model, the model cannot be fine-tuned, or the recipe has no
            settings by layer.
        RuntimeUnavailable: a package is missing.
    """
    check(base)
    reason = impossible(open_model(folder), base)
    if reason:
        raise BadInput(f"{folder}: {reason}")
    tool_versions(base)


def measure(folder: Path, base: Recipe, say: Say, cluster: Executor | None = None) -> Curves:
    """Measure the curves of a model's layers in a child process.

    Args:
        folder: the model's folder.
        base: the recipe, which defines how weights are stored.
        say: receives progress messages, one line each.
        cluster: runs the child on another machine; None for this one. It stays open.
    """
    training = open_model(folder)
    original, *layer_reports = reported(
        ONE_SHOT,
        folder,
        base,
        {},
        lambda doing: say(f"sensitivity {folder.name}: {doing}"),
        cluster=cluster,
    )
    layers = tuple(typed.build(Layer, report["layer"]) for report in layer_reports)
    return Curves(training.model, training.weights_sha256, layers=layers, **original)


def find(
    folder: Path,
    base: Recipe,
    name: str,
    curves: Curves,
    limit: float,
    most: int,
    say: Say,
    cluster: Executor | None = None,
) -> Found:
    """Search, by fine-tuning, for the layer settings with the fewest bytes within the limit.

    Args:
        folder: the model's folder.
        base: the recipe without settings by layer.
        name: the new recipe's name.
        curves: the curves of the model's layers.
        limit: the largest allowed loss ÷ control.
        most: the largest number of fine-tunings.
        say: receives progress messages, one line each.
        cluster: runs the fine-tunings on other machines; None for this one. It stays open.

    Raises:
        OutOfTolerance: no trial meets the limit; the message names the nearest miss.
    """
    members = allocations(curves, base)
    number = 0

    def tried(member: Member) -> Trial:
        nonlocal number
        number += 1
        label = f"sensitivity {folder.name}: fine-tuning {number}, of {most} at most"
        plan = written.by_layer(base, name, member, curves)
        (figures,) = reported(
            FINE_TUNED,
            folder,
            plan,
            {"limit": limit},
            lambda doing: say(f"{label}: {doing}"),
            cluster=cluster,
            judged_on=VALIDATION,
        )
        trial = Trial(member, **figures)
        say(
            f"{label}: {trial.bytes:,} packed bytes, loss × {trial.ratio:.4f} "
            f"+ {trial.margin:.4f}, {'within' if trial.meets(limit) else 'above'} {limit:g}"
        )
        return trial

    trials = search(members, limit, curves.loss, tried, most)
    chosen = best(trials, limit)
    if chosen is None:
        raise OutOfTolerance(_missed(nearest_miss(trials), limit, folder, base))
    plan = written.by_layer(base, name, chosen.member, curves)
    plan = written.kept(plan, chosen, limit, folder.name)
    return Found(plan, chosen, tuple(trials), limit, base.name)


def _missed(trial: Trial, limit: float, folder: Path, base: Recipe) -> str:
    return (
        f"{folder}: no layer settings of recipe {base.name} meet --max-loss-ratio {limit:g}; the "
        f"nearest have loss × {trial.ratio:.4f}, with a margin of {trial.margin:.4f}, at "
        f"{trial.bytes:,} packed bytes"
    )


def publish(found: Found, curves: Curves, path: Path, *, force: bool) -> None:
    """Write the recipe's file.

    Raises:
        BadInput: the file exists, and `force` is False.
    """
    free(path, force=force)
    atomic.write_text(path, written.text(found.plan, _head(found, curves)))


def free(path: Path, *, force: bool) -> None:
    """Refuse to replace a file, unless forced.

    Raises:
        BadInput: the file exists, and `force` is False.
    """
    if path.exists() and not force:
        raise BadInput(f"{path}: exists; --force replaces it, --out names another")


def keep(folder: Path, curves: Curves, found: Found | None) -> None:
    """Write the curves, the trials and the picture to the model's folder."""
    content = {**curves.to_json(), "found": None if found is None else found.to_json()}
    atomic.write_text(folder / CURVES, json.dumps(content, indent=1, allow_nan=False) + "\n")
    atomic.write_text(folder / PICTURE, picture(curves))


def _head(found: Found, curves: Curves) -> str:
    trial = found.trial
    return (
        f"Settings by layer of {curves.model} (weights {curves.weights_sha256[:12]}), found by\n"
        f"`edgeae sensitivity {curves.model} --recipe {found.base} "
        f"--max-loss-ratio {found.limit:g}`.\n"
        f"On {trial.n:,} validation images: {trial.bytes:,} packed bytes, loss {trial.loss:.6f}, "
        f"control {trial.control:.6f},\n"
        f"ratio {trial.ratio:.4f}, with a margin of {trial.margin:.4f} for other images."
    )
