"""Keys that recipes got after bundles existed: at their default, no hash and no manifest has them.

So a key that comes later makes no earlier bundle stale.
"""

from dataclasses import asdict, fields, is_dataclass
from typing import Any

#: The `metadata` of such a key's field.
LATER = {"later": True}


def table(recipe: Any) -> dict[str, Any]:
    """Return `dataclasses.asdict` of a recipe without such keys, its own or its steps'."""
    content = asdict(recipe)
    for item in fields(recipe):
        if "later" in item.metadata and getattr(recipe, item.name) == item.default:
            del content[item.name]
        step = getattr(recipe, item.name)
        for key in fields(step) if is_dataclass(step) else ():
            if "later" in key.metadata and getattr(step, key.name) == key.default:
                del content[item.name][key.name]
    return content
