"""What turns one build of a module into another: the weights, which both have, are named once."""

from collections.abc import Iterator

#: Bytes that are compared at once: shorter runs are not worth naming.
_BLOCK = 64


def changes(old: bytes, new: bytes) -> list[bytes | tuple[int, int]]:
    """Return pieces that make up `new`: bytes, or the start and size of a run of `old`."""
    places = {old[at : at + _BLOCK]: at for at in range(0, len(old) - _BLOCK + 1, _BLOCK)}
    pieces: list[bytes | tuple[int, int]] = []
    begun = at = 0
    while at < len(new):
        start = places.get(new[at : at + _BLOCK])
        if start is None:
            at += 1
            continue
        before = _alike(old[:start][::-1], new[begun:at][::-1])
        size = before + _BLOCK + _alike(old[start + _BLOCK :], new[at + _BLOCK :])
        pieces += _literal(new[begun : at - before])
        pieces.append((start - before, size))
        begun = at = at - before + size
    return [*pieces, *_literal(new[begun:])]


def _alike(first: bytes, second: bytes) -> int:
    """Return how many bytes two runs have in common at their starts."""
    size = min(len(first), len(second))
    low = 0
    while low < size:
        # halves: comparing slices is faster than comparing bytes one by one
        step = size - low
        while first[low : low + step] != second[low : low + step]:
            step //= 2
        if step == 0:
            break
        low += step
    return low


def _literal(content: bytes) -> Iterator[bytes]:
    if content:
        yield content
