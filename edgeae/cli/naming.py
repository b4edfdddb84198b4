"""Names of models, as `--name` gives them."""

from edgeae.errors import BadInput
from edgeae.reading.names import ALLOWED, RESERVED, is_name


def folder_name(name: str) -> str:
    """Return a model's name, which its folder will have.

    Raises:
        BadInput: no folder can have it, it cannot be shown, or edgeae uses it itself.
    """
    if not is_name(name):
        raise BadInput(f"--name {name!r:.60}: allowed is {ALLOWED}")
    if name.casefold() in RESERVED:
        raise BadInput(
            f"--name {name}: allowed is any other name: edgeae writes {', '.join(RESERVED)} itself"
        )
    return name
