"""The page of families, from their table."""

from edgeae.families.settings import Settings, flag
from edgeae.families.table import FAMILIES
from generate.markdown import code, table

__all__ = ["page"]

_BY_RULE = "by rule"


def page() -> str:
    """Return the page."""
    head = ("family", "what it is", "options of its own", "hidden widths", "code", "epochs", "MSE")
    rows = [
        (
            code(name),
            family.about,
            " ".join(code(flag(option)) for option in family.options),
            _hidden(family.defaults),
            str(family.defaults.code or _BY_RULE),
            str(family.defaults.epochs),
            "" if family.mnist is None else f"{family.mnist:.4f}",
        )
        for name, family in FAMILIES.items()
    ]
    return f"""# Families

Hidden widths, code and epochs are the defaults. MSE is the largest that these defaults may have on
MNIST's 10,000 test images; `edgeae zoo` checks it.

{table(head, rows)}

## Rules

Some families take rows of any width, and values of any range. Their code and hidden widths follow
from the shape of a row, unless `--code` and `--hidden` say otherwise:

{_rules()}
"""


def _hidden(defaults: Settings) -> str:
    if defaults.hidden is None:
        return _BY_RULE
    return ", ".join(map(str, defaults.hidden)) or "none"


def _rules() -> str:
    return "\n".join(
        f"* {code(name)}: {family.rule.about}." for name, family in FAMILIES.items() if family.rule
    )
