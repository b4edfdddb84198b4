"""Names of models, recipes and parts: each is the name of a folder or file, and is printable."""

from edgeae.errors import BadInput

#: Names that edgeae itself writes beside the models, so that no model can have them.
RESERVED = (
    *(REPORT := "report", LIVE := "live", SWEEPS := "sweeps", TENSORBOARD := "tensorboard"),
    RESULTS := "results.jsonl",
)

#: Description of the allowed names, for error messages.
ALLOWED = "a file's name: printable, without a slash, and with no dot at its start"
#: Longest name that file systems accept, with room for suffixes.
_LONGEST_BYTES = 200


def is_name(text: str) -> bool:
    """Return whether a text can be the name of a folder or file, and can be printed."""
    plain = bool(text) and not text.startswith(".") and "/" not in text and "\\" not in text
    # a control character would reach the terminal, and a lone surrogate cannot be encoded
    return plain and text.isprintable() and len(text.encode()) <= _LONGEST_BYTES


def check_name(key: str, text: str) -> None:
    """Raise unless a text is a valid name.

    Args:
        key: the key or option of the name, for the error message.
        text: the name.

    Raises:
        BadInput: the name is not valid.
    """
    if not is_name(text):
        raise BadInput(f"{key} = {text!r:.60}: allowed is {ALLOWED}")
