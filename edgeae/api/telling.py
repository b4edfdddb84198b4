"""Progress that is shown only if it is asked for."""

from collections.abc import Callable

from edgeae.text.progress import tell

#: `False` is silent, `True` prints lines to standard error, a function gets each line.
ProgressTo = bool | Callable[[str], None]


def teller(progress: ProgressTo) -> Callable[[str], None]:
    """Return the function that gets lines of progress."""
    if callable(progress):
        return progress
    return tell if progress else lambda line: None
