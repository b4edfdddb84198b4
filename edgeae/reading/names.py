"""Names of models, recipes and parts: each is one folder or file, and is printed as it is."""

from edgeae.errors import BadInput

#: What edgeae itself writes beside the models: no model can have that name.
RESERVED = (REPORT := "report", RESULTS := "results.jsonl")

#: What a name may be, for errors.
ALLOWED = "a file's name: printable, without a slash, and with no dot at its start"
#: File systems take no longer ones.
_LONGEST_BYTES = 200


def is_name(text: str) -> bool:
    """Tell whether a text can be the name of a folder or file that is shown."""
    plain = bool(text) and not text.startswith(".") and "/" not in text and "\\" not in text
    # a control character would reach the terminal, a lone surrogate can be encoded nowhere
    return plain and text.isprintable() and len(text.encode()) <= _LONGEST_BYTES


def check_name(key: str, text: str) -> None:
    """Refuse what is no name.

    Args:
        key: what has it, for the error.
        text: the name.

    Raises:
        BadInput: it is none.
    """
    if not is_name(text):
        raise BadInput(f"{key} = {text!r:.60}: allowed is {ALLOWED}")
