"""Render the templates of the pages."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgeae.system.extras import lacking


def fill(name: str, filters: Mapping[str, Any] | None = None, **values: Any) -> str:
    """Return the text that a template of this folder renders.

    Args:
        name: the template's file.
        filters: name → function that the template can apply.
        values: the template's variables.

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
