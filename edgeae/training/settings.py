"""What can be chosen about a training, and what is chosen when nothing is said.

No TensorFlow here: the command line asks before it trains.
"""

from dataclasses import dataclass, replace
from typing import Any

from edgeae.errors import BadInput, unknown

__all__ = ["ACTIVATIONS", "FAMILIES", "Family", "Settings", "settings"]

#: σ of the hidden layers and of the code.
ACTIVATIONS = ("linear", "relu", "sigmoid", "tanh")
#: The widest layer; two such neighbours alone have 17 GB of weights.
_WIDEST = 65_536
#: What NumPy's and Keras's generators take.
_LARGEST_SEED = 2**32 - 1


@dataclass(frozen=True)
class Settings:
    """One training's configuration; the same settings and data give the same weights.

    Attributes:
        family: which autoencoder; see `FAMILIES`.
        code: values of the code.
        hidden: widths of the layers between image and code; the decoder mirrors them.
        activation: σ of the hidden layers, or of the code where there are none.
        epochs: passes over the training images.
        batch: images per step.
        learning_rate: Adam's, decaying to 1 % of it along a cosine.
        seed: of the initial weights and of the order of the images.
    """

    family: str
    code: int = 32
    hidden: tuple[int, ...] = ()
    activation: str = "relu"
    epochs: int = 20
    batch: int = 128
    learning_rate: float = 2e-3
    seed: int = 0

    def __post_init__(self) -> None:
        if self.activation not in ACTIVATIONS:
            raise unknown("activation", self.activation, ACTIVATIONS)
        for key in ("epochs", "batch"):
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

    @property
    def model(self) -> str:
        """The default name of the model: the family's, with the code's size unless it is 32."""
        return self.family if self.code == 32 else f"{self.family}-c{self.code}"


@dataclass(frozen=True)
class Family:
    """A kind of autoencoder: where it is built, what it is, its default settings."""

    module: str
    about: str
    defaults: Settings


FAMILIES = {
    "simple": Family(
        "edgeae.training.simple",
        "one hidden layer: h = σ(Wx+b), x′ = σ′(W′h+b′); minimises ‖x − x′‖²",
        Settings("simple", learning_rate=3e-3, epochs=15),
    ),
    "deep": Family(
        "edgeae.training.deep",
        "several hidden layers, mirrored; minimises ‖x − x′‖²",
        Settings("deep", hidden=(128, 64)),
    ),
}


def settings(family: str, **chosen: Any) -> Settings:
    """Return a family's settings with what the user chose; None stands for the default.

    Raises:
        BadInput: an unknown family, or a value that is not allowed.
    """
    if family not in FAMILIES:
        raise unknown("family", family, FAMILIES)
    said = {key: value for key, value in chosen.items() if value is not None}
    if said.get("hidden") and family == "simple":
        raise BadInput("--hidden: family simple has one hidden layer, the code; use family deep")
    return replace(FAMILIES[family].defaults, **said)
