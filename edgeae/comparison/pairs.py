"""The recipes that are compared: what both engines do, with the same steps and learning rates."""

from dataclasses import dataclass

from edgeae import recipe
from edgeae.recipe import Recipe


@dataclass(frozen=True)
class Pair:
    """One row of the comparison.

    Attributes:
        about: what both recipes do.
        names: engine → recipe, with the settings on top of its file.
    """

    about: str
    names: dict[str, tuple[str, tuple[str, ...]]]

    def recipe(self, engine: str) -> Recipe:
        """Return the recipe of an engine."""
        name, settings = self.names[engine]
        return recipe.find(name, settings)


def _pair(about: str, name: str) -> Pair:
    return Pair(about, {"edgeae": (name, ()), "tfmot": (f"tfmot-{name}", ())})


#: `scope` and `spare_below` of edgeae's own recipes are part of what it does with a budget.
PAIRS = (
    Pair(
        "int8, no fine-tuning",
        {
            "edgeae": ("int8", ()),
            # tfmot leaves that to the converter as it comes
            "tfmot": ("int8", ("rounding=nearest", "calibration=min-max")),
        },
    ),
    _pair("60 % zeros", "p60-int8"),
    _pair("80 % zeros", "p80-int8"),
    _pair("16 clusters", "c16-int8"),
    _pair("QAT", "qat-int8"),
    _pair("80 % zeros, PQAT", "p80-pqat-int8"),
    _pair("50 % zeros, 16 clusters, PCQAT", "p50-c16-pcqat-int8"),
)
