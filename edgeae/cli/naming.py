"""Names of models, as `--name` gives them."""

from edgeae.errors import BadInput

__all__ = ["folder_name"]


def folder_name(name: str) -> str:
    """Return a model's name, which its folder will have.

    Raises:
        BadInput: no folder can have it, or it would be hidden.
    """
    if not name or name.startswith(".") or "/" in name:
        raise BadInput(f"--name {name!r}: allowed is a folder's name that starts with no dot")
    return name
