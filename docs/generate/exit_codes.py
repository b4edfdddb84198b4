"""The page of exit codes, from the tree of errors."""

from collections.abc import Iterator

from edgeae import errors
from edgeae.errors import EXIT_PRIORITY, EdgeaeError
from generate.markdown import code, table

__all__ = ["page"]


def page() -> str:
    """Return the page."""
    causes: dict[int, list[type[EdgeaeError]]] = {}
    for error in _tree(EdgeaeError):
        causes.setdefault(error.code, []).append(error)
    rows = [("0", "Done and passed.", "")]
    for number in sorted(causes):
        first, *_ = causes[number]
        names = " ".join(code(error.__name__) for error in causes[number])
        rows.append((str(number), (first.__doc__ or "").partition("\n")[0], names))
    order = ", ".join(map(str, EXIT_PRIORITY))
    return f"""# Exit codes

{table(("code", "meaning", "errors in the code"), rows)}

If one command has several causes, the first of {order} that applies decides.

An error is one line. `EDGEAE_DEBUG=1` adds the traceback.
"""


def _tree(error: type[EdgeaeError]) -> Iterator[type[EdgeaeError]]:
    """Yield every error that the module of errors declares below one, parents first."""
    for name in errors.__all__:
        child = getattr(errors, name)
        if isinstance(child, type) and issubclass(child, error) and child is not error:
            yield child
