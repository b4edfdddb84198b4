"""Render the templates of the pages."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgeae.system.extras import lacking

_OWN = Path(__file__).parent


def fill(
    name: str,
    filters: Mapping[str, Any] | None = None,
    folder: Path | None = None,
    **values: Any,
) -> str:
    """Return the text that a template renders.

    Args:
        name: the template's file.
        filters: name → function that the template can apply.
        folder: the template's folder; None for this one, whose files every template can include.
        values: the template's variables.

    Raises:
        RuntimeUnavailable: jinja2 is not installed.
    """
    try:
        import jinja2
    except ImportError:
        raise lacking("the page needs jinja2", "report") from None
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder or _OWN, _OWN]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(filters or {})
    return environment.get_template(name).render(**values).rstrip() + "\n"
