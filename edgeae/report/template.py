"""The pages' templates, opened alike."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgeae.system.extras import lacking


def fill(name: str, filters: Mapping[str, Any] | None = None, **values: Any) -> str:
    """Return a page of this folder's template `name`.

    Args:
        name: the file.
        filters: name → function, for the template.
        values: what the template shows.

    Raises:
        RuntimeUnavailable: jinja2 is not installed.
    """
    try:
        import jinja2
    except ImportError:
        raise lacking("the page needs jinja2", "report") from None
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(filters or {})
    return environment.get_template(name).render(**values).rstrip() + "\n"
