"""Draw the models' learning curves, and the loss by code size."""

from collections.abc import Mapping, Sequence

from edgeae.plotting.lines import Plot, Series, lines
from edgeae.summary.trained import CodeSizes, Trained

#: Pixels: a phone shows one curve in a row, a laptop three.
_WIDTH, _HEIGHT = 350, 250
_LOSS, _RECONSTRUCTION, _PENALTY, _VALIDATION = "loss", "reconstruction", "", "validation_loss"
#: Term → kind of its line; all penalties have the same kind.
_KINDS = {_RECONSTRUCTION: 0, _VALIDATION: 1, _LOSS: 2, _PENALTY: 3}


def curve(model: Trained, number: int) -> str:
    """Return a drawing of every term of a model's loss and of the MSE on validation images.

    Args:
        model: the model; without a curve the drawing is an empty string.
        number: the drawing's number on the page.
    """
    series = [
        Series(
            "validation MSE" if key == _VALIDATION else key,
            tuple((epoch, row[key]) for epoch, row in enumerate(model.curve, 1) if key in row),
            _KINDS.get(key, _KINDS[_PENALTY]),
        )
        for key in _terms(model.curve)
    ]
    plot = Plot(
        name=f"curve-{number}",
        title=f"Learning curve of {model.name}",
        description="Epochs to the right; terms of the loss and validation MSE upwards, on a "
        "logarithmic scale.",
        across="epochs",
        up="loss (log scale)",
        best=_best(model),
    )
    return lines(series, plot, _WIDTH, _HEIGHT)


def _terms(curve: Sequence[Mapping[str, float]]) -> list[str]:
    """Return the terms to draw: the sum first, the validation MSE last."""
    names = list(dict.fromkeys(key for row in curve for key in row))
    if _LOSS in names and len(set(names) - {_LOSS, _VALIDATION}) == 1:
        names.remove(_LOSS)  # the sum equals its only term
    order = [_LOSS, _RECONSTRUCTION, _PENALTY, _VALIDATION]
    return sorted(names, key=lambda key: order.index(key if key in order else _PENALTY))


def _best(model: Trained) -> tuple[float, float, int, str] | None:
    if not 1 <= model.best_epoch <= len(model.curve):
        return None
    loss = model.curve[model.best_epoch - 1].get(_VALIDATION)
    if loss is None:
        return None
    tooltip = f"best epoch {model.best_epoch}: validation MSE {loss:.6f}"
    return model.best_epoch, loss, _KINDS[_VALIDATION], tooltip


def size_plot(sizes: CodeSizes, width: int, number: int) -> str:
    """Return a drawing of the model's and PCA's loss over code size, on logarithmic scales.

    Args:
        sizes: the sizes of one family on one dataset.
        width: the drawing's width in pixels.
        number: the drawing's number on the page.
    """
    series = [
        Series(sizes.family, tuple((item.code, item.mse) for item in sizes.sizes), 0),
        Series("PCA", tuple((item.code, item.pca_mse) for item in sizes.sizes), 1),
    ]
    plot = Plot(
        name=f"sizes-{number}-{width}",
        title=f"Loss of {sizes.family} by code size on {sizes.dataset}, beside PCA",
        description="Values of the code to the right, MSE on the test images upwards, both on "
        "logarithmic scales. The table below contains the same figures.",
        across="values of the code (log scale)",
        up="MSE on the test images (log scale)",
        ticks=tuple(float(item.code) for item in sizes.sizes),
        markers=True,
    )
    return lines(series, plot, width, 320)
