"""The table of families: module, objective, default settings and options of each.

This module needs no TensorFlow, because the command line checks settings before it trains.
"""

from dataclasses import dataclass, replace
from typing import Any

from edgeae.errors import BadInput, unknown
from edgeae.families import rules
from edgeae.families.settings import Settings, flag

#: Settings that every family has as options; `Family.options` lists further ones.
ALWAYS = (
    *("code", "activation", "loss", "epochs", "batch"),
    *("learning_rate", "seed", "threads"),
)
#: Settings that only some families have as options.
OPTIONS = (
    *("hidden", "tied", "pretrain", "upsample"),
    *("penalty", "weight", "rho", "noise", "amount", "beta"),
)


@dataclass(frozen=True)
class Family:
    """A family of autoencoders.

    Attributes:
        module: the module that builds its models.
        about: the architecture and the objective, in one line.
        mnist: the largest allowed MSE of the default settings on MNIST's test images, which
            `edgeae zoo` checks; None for families that are not for images.
        defaults: the default settings, which train on MNIST within six minutes on two cores.
        options: the entries of `OPTIONS` that the family has.
        least_hidden: least number of widths in `hidden`.
        bounded: whether the output is a sigmoid, so that all values must be in [0, 1]; else the
            output is linear, for values of any range.
        steps_per_epoch: a smaller dataset is repeated until an epoch has about this many steps;
            None for the usual number. The best epoch of a small table may come early.
        signals: whether rows are signals, (time,) or (time, channels), and never pictures.
        rule: how the code and the hidden widths are chosen if the settings have None; or None.
    """

    module: str
    about: str
    mnist: float | None
    defaults: Settings
    options: tuple[str, ...] = ("hidden",)
    least_hidden: int = 0
    bounded: bool = True
    steps_per_epoch: int | None = None
    signals: bool = False
    rule: rules.Rule | None = None


FAMILIES = {
    "simple": Family(
        "edgeae.training.simple",
        "one hidden layer: h = σ(Wx+b), x′ = σ′(W′h+b′); minimises ‖x − x′‖²",
        mnist=0.0105,
        defaults=Settings("simple", learning_rate=3e-3, epochs=15),
        options=("tied",),
    ),
    "deep": Family(
        "edgeae.training.deep",
        "several hidden layers, mirrored; minimises ‖x − x′‖²",
        mnist=0.0055,
        defaults=Settings("deep", hidden=(128, 64), learning_rate=3e-3, epochs=30),
        options=("hidden", "pretrain"),
    ),
    "conv": Family(
        "edgeae.training.conv",
        "strided and transposed convolutions; minimises ‖x − x′‖²",
        mnist=0.0045,
        defaults=Settings("conv", hidden=(16, 32), epochs=25),
        options=("hidden", "upsample"),
        least_hidden=1,
    ),
    "mobile": Family(
        "edgeae.training.mobile",
        "depthwise-separable convolutions with batch normalisation; minimises ‖x − x′‖²",
        mnist=0.0090,
        defaults=Settings("mobile", hidden=(8, 16, 16), epochs=15),
        least_hidden=1,
    ),
    "overcomplete": Family(
        "edgeae.training.sparse",
        "a code wider than the image; minimises ‖x − x′‖² + λ·penalty(h), which prevents copying",
        mnist=0.0060,
        defaults=Settings(
            "overcomplete", code=1024, penalty="l1", weight=5e-2, rho=0.05, epochs=12
        ),
        options=("hidden", "penalty", "weight", "rho"),
    ),
    "sparse": Family(
        "edgeae.training.sparse",
        "a code that is mostly zero; minimises ‖x − x′‖² + λ·|h|, or + λ·KL(ρ ‖ mean h)",
        mnist=0.0090,
        defaults=Settings(
            "sparse", hidden=(128, 64), penalty="l1", weight=3e-4, rho=0.05, epochs=30
        ),
        options=("hidden", "penalty", "weight", "rho"),
    ),
    "denoising": Family(
        "edgeae.training.denoising",
        "reconstructs x from x + noise; minimises ‖x − x′(x + noise)‖²",
        mnist=0.0090,
        defaults=Settings("denoising", hidden=(256, 128), noise="gaussian", amount=0.3, epochs=25),
        options=("hidden", "noise", "amount"),
    ),
    "contractive": Family(
        "edgeae.training.contractive",
        "a code that resists small changes; minimises ‖x − x′‖² + λ·‖∂h/∂x‖²",
        mnist=0.0095,
        defaults=Settings("contractive", hidden=(128, 64), weight=1e-4, epochs=40),
        options=("hidden", "weight"),
    ),
    "variational": Family(
        "edgeae.training.variational",
        "a Gaussian code to sample from; minimises ‖x − x′‖² + β·KL(q(h|x) ‖ N(0, I))",
        mnist=0.0130,
        defaults=Settings("variational", hidden=(256, 128), beta=0.3, epochs=30),
        options=("hidden", "beta"),
    ),
    "dense": Family(
        "edgeae.training.dense",
        "rows of any width and range, such as tables; a linear output; minimises ‖x − x′‖²",
        mnist=None,
        defaults=Settings("dense", code=None, hidden=None, batch=32, learning_rate=3e-4, epochs=30),
        least_hidden=1,
        bounded=False,
        steps_per_epoch=100,
        rule=rules.DENSE,
    ),
    "conv1d": Family(
        "edgeae.training.conv1d",
        "one-dimensional convolutions for signals of any range; minimises ‖x − x′‖²",
        mnist=None,
        defaults=Settings(
            "conv1d", code=None, hidden=None, batch=64, learning_rate=4e-3, epochs=20
        ),
        least_hidden=1,
        bounded=False,
        signals=True,
        rule=rules.CONV1D,
    ),
}


def settings(family: str, **chosen: Any) -> Settings:
    """Return a family's settings with the chosen values; None takes the default.

    Raises:
        BadInput: there is no such family, the family lacks an option, or a value is not allowed.
    """
    if family not in FAMILIES:
        raise unknown("family", family, FAMILIES)
    entry = FAMILIES[family]
    for key, value in chosen.items():
        if value is not None and key not in (*ALWAYS, *entry.options):
            able = ", ".join(name for name, item in FAMILIES.items() if key in item.options)
            raise BadInput(
                f"{flag(key)}: family {family} does not have this option; allowed with {able}"
            )
    plan = entry.defaults.having(**chosen)
    if plan.hidden is not None and len(plan.hidden) < entry.least_hidden:
        raise BadInput(f"--hidden: allowed with {family} are {entry.least_hidden} widths or more")
    if plan.loss == "bce" and not entry.bounded:
        raise BadInput(f"--loss bce: allowed with {family} is mse, since its output is linear")
    _check_used(plan, chosen)
    return plan


def fitted(plan: Settings, shape: tuple[int, ...]) -> Settings:
    """Return settings in which the family's rule has chosen what is None.

    Args:
        plan: settings that `settings` returned.
        shape: shape of one row.
    """
    rule = FAMILIES[plan.family].rule
    if rule is None:
        return plan
    code = rule.code(shape) if plan.code is None else plan.code
    return replace(plan, code=code, hidden=plan.hidden or rule.hidden(shape, code))


def model_name(plan: Settings) -> str:
    """Return a model's default name: the family's, followed by the code's size unless it is usual.

    The usual size is the one that the family's rule chooses, or 32.
    """
    usual = None if FAMILIES[plan.family].rule else 32
    return plan.family if plan.code == usual else f"{plan.family}-c{plan.code}"


def _check_used(plan: Settings, chosen: dict[str, Any]) -> None:
    """Refuse an option that has no effect with the other options."""
    if chosen.get("rho") is not None and plan.penalty != "kl":
        raise BadInput(f"--rho {plan.rho}: allowed only with --penalty kl")
    sparse = plan.family in ("sparse", "overcomplete")
    if sparse and chosen.get("weight") is not None and plan.penalty == "none":
        raise BadInput(f"--weight {plan.weight}: allowed only with --penalty l1 and kl")
