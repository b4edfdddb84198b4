"""The settings of a training, with their defaults and checks.

This module needs no TensorFlow, because the command line checks settings before it trains.
"""

from dataclasses import dataclass, fields, replace
from typing import Any

from edgeae.errors import BadInput, unknown

#: Activations σ of the hidden layers, or of the code if there are no hidden layers.
ACTIVATIONS = ("linear", "relu", "relu6", "sigmoid", "tanh")
LOSSES = ("mse", "bce")
PENALTIES = ("none", "l1", "kl")
NOISES = ("gaussian", "masking", "salt-and-pepper")
#: TensorFlow's default number of threads, the same on every machine.
THREADS = 2
#: The learning rate of a training's last step, as a share of the first step's.
FINAL_RATE = 0.01
#: The widest layer; two neighbouring layers of this width have 17 GB of weights.
_WIDEST = 65_536
#: The largest seed of NumPy's and Keras's generators.
_LARGEST_SEED = 2**32 - 1
_CHOICES = {"activation": ACTIVATIONS, "loss": LOSSES, "penalty": PENALTIES, "noise": NOISES}


@dataclass(frozen=True)
class Settings:
    """One training's configuration; the same settings and data give the same weights.

    Attributes:
        family: the family's name, a key of `FAMILIES`.
        code: number of values of the code; None if the family's rule chooses it for the rows.
        hidden: layer widths (channels of convolutions) between image and code; the decoder mirrors
            them. None if the family's rule chooses them for the rows.
        activation: σ of the hidden layers, or of the code if there are no hidden layers.
        loss: the reconstruction loss: `mse` or `bce` (binary cross-entropy).
        epochs: passes over the training images.
        batch: images per step.
        learning_rate: Adam's learning rate, decaying to 1 % of it along a cosine.
        seed: seed of the initial weights, of the images' order and of all noise.
        threads: TensorFlow's number of threads, the same on every machine, because the order of
            floating-point sums depends on it.
        tied: whether the decoder's weights are the encoder's, transposed.
        pretrain: whether to pretrain greedily, layer by layer.
        upsample: whether to resize and convolve instead of using transposed convolutions.
        penalty: penalty on the code's activations: `none`, `l1` or `kl`.
        weight: factor of the penalty, or of the norm of the encoder's Jacobian.
        rho: ρ, the target mean activation of each value of the code with `kl`.
        noise: corruption of the input: `gaussian`, `masking` or `salt-and-pepper`.
        amount: standard deviation of the noise, or share of the corrupted values.
        beta: β, factor of the Kullback-Leibler divergence of the code.
    """

    family: str
    code: int | None = 32
    hidden: tuple[int, ...] | None = ()
    activation: str = "relu"
    loss: str = "mse"
    epochs: int = 20
    batch: int = 128
    learning_rate: float = 2e-3
    seed: int = 0
    threads: int = THREADS
    tied: bool = False
    pretrain: bool = False
    upsample: bool = False
    penalty: str = "none"
    weight: float = 0.0
    rho: float = 0.0
    noise: str = ""
    amount: float = 0.0
    beta: float = 0.0

    def __post_init__(self) -> None:
        for key, choices in _CHOICES.items():
            value = getattr(self, key)
            if value not in choices and value != _default(key):
                raise unknown(key, value, choices)
        for key in ("epochs", "batch", "threads"):
            if getattr(self, key) < 1:
                raise BadInput(f"--{key} {getattr(self, key)}: allowed is 1 or more")
        if self.code is not None and not 1 <= self.code <= _WIDEST:
            raise BadInput(f"--code {self.code}: allowed is 1 to {_WIDEST:,}")
        hidden = self.hidden or ()
        if not all(1 <= width <= _WIDEST for width in hidden):
            widths = ",".join(map(str, hidden))
            raise BadInput(f"--hidden {widths}: allowed are widths of 1 to {_WIDEST:,}")
        if not 0 <= self.seed <= _LARGEST_SEED:
            raise BadInput(f"--seed {self.seed}: allowed is 0 to 2**32-1 ({_LARGEST_SEED:,})")
        if not 0 < self.learning_rate < 1:
            raise BadInput(f"--lr {self.learning_rate}: allowed is above 0 and below 1")
        self._check_terms()

    def _check_terms(self) -> None:
        for key in ("weight", "beta"):
            if not 0 <= getattr(self, key) < float("inf"):
                raise BadInput(f"{flag(key)} {getattr(self, key)}: allowed is 0 or more, finite")
        if self.penalty == "kl" and not 0 < self.rho < 1:
            raise BadInput(f"--rho {self.rho}: allowed is above 0 and below 1")
        share = self.noise in ("masking", "salt-and-pepper")
        if self.noise and not (0 < self.amount < (1 if share else float("inf"))):
            allowed = "above 0 and below 1" if share else "above 0, finite"
            raise BadInput(f"--amount {self.amount}: allowed with {self.noise} is {allowed}")

    @property
    def size(self) -> int:
        """The number of values of the code, which must be chosen."""
        assert self.code is not None
        return self.code

    @property
    def widths(self) -> tuple[int, ...]:
        """The hidden layers' widths, which must be chosen."""
        assert self.hidden is not None
        return self.hidden

    def having(self, **chosen: Any) -> "Settings":
        """Return these settings with the chosen values; None leaves a setting unchanged."""
        return replace(self, **{key: value for key, value in chosen.items() if value is not None})


def flag(key: str) -> str:
    """Return the command-line option of a field."""
    return {"learning_rate": "--lr"}.get(key, f"--{key}")


def _default(key: str) -> Any:
    return next(item.default for item in fields(Settings) if item.name == key)
