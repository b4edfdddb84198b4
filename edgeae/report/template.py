"""Render the templates of the pages."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from edgeae.system.extras import lacking

_OWN = Path(__file__).parent


def fill(
    name: str,
    filters: Mapping[str, Callable[..., Any]] | None = None,
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
    require()
    environment = _environment(folder or _OWN, tuple((filters or {}).items()))
    return str(environment.get_template(name).render(**values)).rstrip() + "\n"


def require() -> None:
    """Raise unless pages can be rendered; long work whose end is a page asks first.

    Raises:
        RuntimeUnavailable: jinja2 is not installed.
    """
    try:
        import jinja2  # noqa: F401
    except ImportError:
        raise lacking("the page needs jinja2", "report") from None


@cache
def _environment(folder: Path, filters: tuple[tuple[str, Callable[..., Any]], ...]) -> Any:
    """Return the environment of a folder; it keeps the templates that it compiled."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([folder, _OWN]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(filters)
    return environment
