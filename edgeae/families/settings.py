"""What can be chosen about a training, and what is chosen when nothing is said.

No TensorFlow here: the command line asks before it trains.
"""

from dataclasses import dataclass, fields, replace
from typing import Any

from edgeae.errors import BadInput, unknown

#: σ of the hidden layers, or of the code where there are none.
ACTIVATIONS = ("linear", "relu", "relu6", "sigmoid", "tanh")
LOSSES = ("mse", "bce")
PENALTIES = ("none", "l1", "kl")
NOISES = ("gaussian", "masking", "salt-and-pepper")
#: TensorFlow's where nothing else is said, whatever the machine has.
THREADS = 2
#: The widest layer; two such neighbours alone have 17 GB of weights.
_WIDEST = 65_536
#: What NumPy's and Keras's generators take.
_LARGEST_SEED = 2**32 - 1
_CHOICES = {"activation": ACTIVATIONS, "loss": LOSSES, "penalty": PENALTIES, "noise": NOISES}


@dataclass(frozen=True)
class Settings:
    """One training's configuration; the same settings and data give the same weights.

    Attributes:
        family: which autoencoder; see `families`.
        code: values of the code.
        hidden: widths (of convolutions, channels) between image and code; the decoder mirrors them.
        activation: σ of the hidden layers, or of the code where there are none.
        loss: `mse` or `bce` (binary cross-entropy): the reconstruction's term.
        epochs: passes over the training images.
        batch: images per step.
        learning_rate: Adam's, decaying to 1 % of it along a cosine.
        seed: of the initial weights, of the order of the images and of all noise.
        threads: TensorFlow's, whatever the machine has: sums are ordered by them.
        tied: whether the decoder's weights are the encoder's, transposed.
        pretrain: whether to stack the layers greedily before training them together.
        upsample: whether to resize and convolve instead of transposed convolutions.
        penalty: on the code's activations: `none`, `l1` or `kl`.
        weight: what the penalty (or the encoder's Jacobian) is multiplied by.
        rho: ρ, the mean activation that `kl` pulls each value of the code to.
        noise: how the input is corrupted: `gaussian`, `masking` or `salt-and-pepper`.
        amount: standard deviation of the noise, or share of the values that it hits.
        beta: β, what the Kullback-Leibler divergence of the code is multiplied by.
    """

    family: str
    code: int = 32
    hidden: tuple[int, ...] = ()
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
        if not 1 <= self.code <= _WIDEST:
            raise BadInput(f"--code {self.code}: allowed is 1 to {_WIDEST:,}")
        if not all(1 <= width <= _WIDEST for width in self.hidden):
            said = ",".join(map(str, self.hidden))
            raise BadInput(f"--hidden {said}: allowed are widths of 1 to {_WIDEST:,}")
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
    def model(self) -> str:
        """The default name of the model: the family's, with the code's size unless it is 32."""
        return self.family if self.code == 32 else f"{self.family}-c{self.code}"

    def having(self, **chosen: Any) -> "Settings":
        """Return these settings with what was chosen; None stands for what is there."""
        return replace(self, **{key: value for key, value in chosen.items() if value is not None})


def flag(key: str) -> str:
    """Return the option that sets a field."""
    return {"learning_rate": "--lr"}.get(key, f"--{key}")


def _default(key: str) -> Any:
    return next(item.default for item in fields(Settings) if item.name == key)
