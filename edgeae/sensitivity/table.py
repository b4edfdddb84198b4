"""Render a model's curves, and the recipe that was found, as text."""

from collections.abc import Callable, Sequence

from edgeae.recipe import Recipe
from edgeae.sensitivity.curves import Curves, Layer, Measured
from edgeae.sensitivity.search import Trial
from edgeae.text.columns import align

_KINDS: tuple[tuple[str, Callable[[Layer], Sequence[Measured]], Callable[[float], str]], ...] = (
    ("sparsity", lambda layer: layer.sparsity, lambda at: f"{100 * at:g} %"),
    ("clusters", lambda layer: layer.clusters, lambda at: f"{at:g}"),
    ("bits", lambda layer: layer.bits, lambda at: f"{at:g}"),
)


def render(curves: Curves) -> str:
    """Return three tables: a row per layer, loss ÷ the original's loss for each setting."""
    head = (
        f"{curves.model} on {curves.dataset}: loss ÷ {curves.loss:.6f}, the original's on "
        f"{curves.n:,} validation images; one layer is changed at a time, without training"
    )
    blocks = [head]
    for kind, points, format_setting in _KINDS:
        rows = [[kind, "weights", *(format_setting(item.at) for item in points(curves.layers[0]))]]
        rows += [
            [
                layer.name,
                f"{layer.values:,}",
                *(_times(item.loss, curves.loss) for item in points(layer)),
            ]
            for layer in curves.layers
        ]
        blocks.append(align(rows, left=1))
    return "\n\n".join(blocks)


def _times(loss: float, original: float) -> str:
    if not original:
        return f"{loss:.2e}"
    times = loss / original
    return f"{times:.4f}" if times < 2 else f"{times:.1f}"


def render_found(plan: Recipe, trial: Trial, curves: Curves) -> str:
    """Return the settings of each layer, then the trial's figures."""
    rows = [["layer", "weights", *_columns(plan)]]
    for layer in curves.layers:
        rows.append([layer.name, f"{layer.values:,}", *_settings(plan, layer.name)])
    return (
        f"{align(rows, left=1)}\n\n{trial.bytes:,} packed bytes, loss × {trial.ratio:.4f} of the "
        f"control's on {trial.n:,} validation images, at most × {trial.bound:.4f} at 95 %"
    )


def _columns(plan: Recipe) -> list[str]:
    steps = {"sparsity": plan.prune, "clusters": plan.cluster}
    return [name for name, step in steps.items() if step is not None]


def _settings(plan: Recipe, layer: str) -> list[str]:
    texts = []
    if plan.prune is not None:
        texts.append(f"{100 * plan.prune.layers[layer]:g} %")
    if plan.cluster is not None:
        texts.append(f"{plan.cluster.layers[layer]}" if plan.cluster.layers[layer] else "-")
    return texts
