"""The form of every complaint about a recipe."""

from typing import Any

from edgeae.errors import BadInput


def require(holds: bool, key: str, value: Any, allowed: str) -> None:
    """Raise unless a value is allowed.

    Raises:
        BadInput: names the key, its value and what is allowed.
    """
    if not holds:
        raise BadInput(f"{key} = {value!r}: allowed is {allowed}")
