"""Parse foreign JSON and TOML into plain values within bounds, or raise a one-line error.

Parsers accept lists nested thousands deep, integers of thousands of digits, NaN, and text that
cannot be printed; the code after the parser cannot handle them. This module refuses them, with the
file's name in the error.
"""

import json
import math
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgeae.errors import BadInput
from edgeae.reading import files

#: Largest TOML file: a recipe has about 1 kB, and Python's parser takes a second per megabyte.
_TOML_BYTES = 1 << 20
#: Deepest nesting that is read; edgeae's own files have at most six levels.
_DEEPEST = 64
#: Integers are of 64 bits, as in TOML.
_LIMIT = 1 << 63
#: Brackets, and strings, which may hold brackets.
_NESTING = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[{]|[\]}]', re.DOTALL)
#: Text that requires a check of each value: an escaped NUL or surrogate, or a large exponent.
_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])|[eE]\+?[0-9]{3}")
#: Many digits in a row also require it; they are found after all digits are replaced by zeros.
_MANY, _ZEROS = b"0" * 19, bytes.maketrans(b"123456789", b"000000000")


def read_json(path: Path) -> Any:
    """Return the content of a JSON file.

    Raises:
        BadInput: the path is not a regular file, or `parse_json` refuses its content.
        OSError: the file is missing or cannot be read.
    """
    return parse_json(files.read(path, files.TEXT_BYTES), str(path))


def parse_json(content: bytes, origin: str, deepest: int = _DEEPEST) -> Any:
    """Return the value of a JSON text; numbers are finite, and integers are of 64 bits.

    Args:
        content: the text, in UTF-8.
        origin: name of the file, for errors.
        deepest: largest number of nested lists and objects.

    Raises:
        BadInput: the text is not JSON, is nested too deeply, or holds a number or character that is
            not allowed.
    """
    try:
        _check_nesting(content, deepest)
        suspect = _is_suspect(content)
        whole = _integer if suspect else None
        value = json.loads(
            content.decode(),
            parse_constant=_no_constant,
            parse_int=whole,
            parse_float=_finite if suspect else None,
        )
        if suspect:
            _check(value, deepest)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{origin}: damaged: not JSON ({error})") from None
    return value


def read_toml(path: Path) -> dict[str, Any]:
    """Return the tables of a TOML file.

    Raises:
        BadInput: the file is missing, not regular or not readable, or `parse_toml` refuses its
            content.
    """
    try:
        content = files.read(path, _TOML_BYTES)
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file") from None
    except OSError as error:
        raise BadInput(f"{path}: not readable: {error.strerror}") from None
    return parse_toml(content, str(path))


def parse_toml(content: bytes, origin: str) -> dict[str, Any]:
    """Return the tables of a TOML text; see `parse_json`."""
    try:
        table = tomllib.loads(content.decode())
        _check(table, _DEEPEST)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{origin}: not TOML: {error}") from None
    return table


def _is_suspect(content: bytes) -> bool:
    """Return whether each value must be checked, which takes ten times as long as parsing."""
    return _SUSPECT.search(content) is not None or _MANY in content.translate(_ZEROS)


def _check_nesting(content: bytes, deepest: int) -> None:
    """Check the nesting of lists and objects before the parser descends into them.

    Raises:
        ValueError: lists and objects are nested too deeply.
    """
    if content.count(b"[") + content.count(b"{") <= deepest:
        return
    depth = 0
    for found in _NESTING.finditer(content):
        first = content[found.start()]
        depth += (first in b"[{") - (first in b"]}")
        if depth > deepest:
            raise _too_deep(deepest)


def _too_deep(deepest: int) -> ValueError:
    return ValueError(f"lists and tables nested more than {deepest} deep")


def _no_constant(name: str) -> float:
    raise ValueError(f"{name}: allowed are finite numbers")


def _integer(digits: str) -> int:
    if len(digits) > 20 or abs(value := int(digits)) >= _LIMIT:
        raise ValueError(f"an integer of {len(digits.lstrip('-'))} digits; allowed are 64 bits")
    return value


def _finite(digits: str) -> float:
    value = float(digits)
    return value if math.isfinite(value) else _no_constant(digits)


def _check(value: Any, deepest: int) -> None:
    """Check every value.

    Raises:
        ValueError: a value is not allowed; the message names its key.
    """
    for key, item in _items(value, deepest):
        if isinstance(item, str):
            if _is_unprintable(item):
                raise ValueError(f"{key or 'the text'} holds a NUL character or a lone surrogate")
        elif isinstance(item, int) and abs(item) >= _LIMIT:
            raise ValueError(f"{key} is an integer of more than 64 bits")


def _items(value: Any, deepest: int) -> Iterator[tuple[str, Any]]:
    """Yield (path, item) for every key and every value inside a value."""
    left: list[tuple[str, Any, int]] = [("", value, 0)]
    while left:
        path, item, depth = left.pop()
        if depth > deepest:
            raise _too_deep(deepest)
        if isinstance(item, dict):
            for key in item:
                yield f"a key below {path or 'the top'}", key
            left += [(f"{path}.{key}".lstrip("."), inner, depth + 1) for key, inner in item.items()]
        elif isinstance(item, list):
            left += [(f"{path}[{place}]", inner, depth + 1) for place, inner in enumerate(item)]
        else:
            yield path, item


def _is_unprintable(text: str) -> bool:
    return "\0" in text or any("\ud800" <= character <= "\udfff" for character in text)
