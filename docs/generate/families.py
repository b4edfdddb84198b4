"""The page of families, from their table."""

from edgeae.families.settings import flag
from edgeae.families.table import FAMILIES
from generate.markdown import code, table

__all__ = ["page"]


def page() -> str:
    """Return the page."""
    head = ("family", "what it is", "options of its own", "hidden widths", "code", "epochs", "MSE")
    rows = [
        (
            code(name),
            family.about,
            " ".join(code(flag(option)) for option in family.options),
            ", ".join(map(str, family.defaults.hidden)) or "none",
            str(family.defaults.code),
            str(family.defaults.epochs),
            f"{family.mnist:.4f}",
        )
        for name, family in FAMILIES.items()
    ]
    return f"""# Families

Hidden widths, code and epochs are the defaults. MSE is the largest that these defaults may have on
MNIST's 10,000 test images; `edgeae zoo` checks it.

{table(head, rows)}
"""
