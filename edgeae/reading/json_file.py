"""Read a JSON file that edgeae wrote and that may be missing."""

from pathlib import Path
from typing import Any

from edgeae.errors import about, system_error
from edgeae.reading import typed
from edgeae.reading.parsing import read_json


def read_written(path: Path, schema: int) -> dict[str, Any] | None:
    """Return the table of a JSON file; None if the file is missing.

    Raises:
        BadInput: the file is damaged, or has another schema.
        EdgeaeError: the file cannot be read.
    """
    try:
        table = read_json(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise system_error(error) from None
    with about(path):
        return typed.check_schema(table, schema)
