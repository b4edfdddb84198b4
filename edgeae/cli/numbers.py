"""Options that take several whole numbers: `--threads 1,2`, or the option repeated."""

from collections.abc import Sequence

from edgeae.errors import BadInput

__all__ = ["numbers"]


def numbers(option: str, texts: Sequence[str]) -> tuple[int, ...]:
    """Return the numbers of an option's values, each once.

    Raises:
        BadInput: one is not a whole number from 1.
    """
    words = [word.strip() for text in texts for word in text.split(",")]
    for word in words:
        if not (word.isascii() and word.isdigit() and int(word) >= 1):
            raise BadInput(
                f"{option} {word}: allowed are whole numbers from 1, separated by commas"
            )
    return tuple(dict.fromkeys(map(int, words)))
