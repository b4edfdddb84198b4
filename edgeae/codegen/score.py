"""Writes the score of a reconstruction: the sum of the squared errors, without an output buffer.

The last steps run band by band: some rows of the last layer at a time, and what follows it value by
value. If the last layer cannot be cut into bands, the whole output lies at the end of the arena.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from edgeae.codegen.calls import Calls
from edgeae.codegen.literals import real
from edgeae.codegen.part import Part, c_type, size
from edgeae.codegen.program import Program
from edgeae.codegen.step import Step

_SUFFIXES = {"uint32_t": "u", "uint64_t": "ull"}
#: Values that a band has at least, if the output has as many.
_VALUES = 16


def score_type(part: Part) -> str:
    """Return the C type of a score: float, or an unsigned integer that holds the largest one."""
    dtype = part.program.output.dtype
    if dtype == "float32":
        return "float"
    widest = int(np.iinfo(dtype).max) - int(np.iinfo(dtype).min)
    return "uint32_t" if size(part.program.output) * widest**2 < 1 << 32 else "uint64_t"


def score_literal(part: Part, value: float) -> str:
    """Return a score as a literal of `score_type`; of integers, `value` is whole."""
    kind = score_type(part)
    return real(value) if kind == "float" else f"{int(value)}{_SUFFIXES[kind]}"


def score_signature(part: Part) -> str:
    """Return the head of `NAME_score`."""
    source, target = c_type(part.program.input), c_type(part.program.output)
    name, result = f"{part.name}_score", score_type(part)
    return f"{result} {name}(void *arena, const {source} *input, const {target} *expected)"


def score_arena_bytes(program: Program) -> int:
    """Return the bytes of the arena with the band behind the activations."""
    item = np.dtype(program.output.dtype).itemsize
    whole = size(program.output)
    values = min(_Tail(program.steps).values or whole, whole)
    return _band_offset(program) + values * item + _slack(program)


def _slack(program: Program) -> int:
    return max(program.plan.alignment, np.dtype(program.output.dtype).itemsize) - 1


def _band_offset(program: Program) -> int:
    item = np.dtype(program.output.dtype).itemsize
    return -(-program.plan.arena_bytes // item) * item


class _Tail:
    """The last steps that run band by band; `start` is the place of the first, −1 if none do."""

    def __init__(self, steps: Sequence[Step]) -> None:
        start = len(steps) - 1
        while start > 0 and (band := steps[start].band) is not None and band.elementwise:
            start -= 1
        band = steps[start].band
        whole = band is None or band.elementwise
        self.start = -1 if whole else start
        self.units = self.values = 0
        if not whole and band is not None:
            self.units = -(-_VALUES // (band.values * band.block)) * band.block
            self.values = self.units * band.values


def score(part: Part, calls: Calls) -> str:
    """Return the definition of `NAME_score`."""
    program, tail = part.program, _Tail(part.program.steps)
    lines = _banded(part, calls, tail) if tail.start >= 0 else _whole(part, calls)
    alignment = max(program.plan.alignment, np.dtype(program.output.dtype).itemsize)
    kind = c_type(program.output)
    return "\n".join(
        [
            f"{score_signature(part)} {{",
            f"  int8_t *const bytes = {calls.base(alignment)};",
            f"  {kind} *band = ({kind} *)(void *)(bytes + {_band_offset(program)});",
            f"  {score_type(part)} score = 0;",
            *lines,
            "  return score;",
            "}\n",
        ]
    )


def _banded(part: Part, calls: Calls, tail: _Tail) -> Iterator[str]:
    steps = part.program.steps
    last = steps[tail.start]
    assert last.band is not None
    banded = range(tail.start, len(steps))
    yield from (f"  {calls.call(place)}" for place in range(tail.start))
    for place in banded:
        kind = f"struct {part.name}_{steps[place].kernel}_layer"
        yield f"  {kind} band_{place} = {calls.layer(place)};"
    total = size(part.program.output) // last.band.values
    yield f"  for (int32_t left = {total}; left > 0; left -= {tail.units}) {{"
    yield f"    const int32_t units = left < {tail.units} ? left : {tail.units};"
    for place in banded:
        band = steps[place].band
        assert band is not None
        factor = "" if place == tail.start else f" * {last.band.values}"
        yield f"    band_{place}.{band.count} = units{factor};"
        source = None if place == tail.start else "band"
        yield f"    {calls.call(place, layer=f'&band_{place}', source=source, target='band')}"
    yield from _errors(part, f"units * {last.band.values}", "    ")
    yield f"    expected += units * {last.band.values};"
    for member, step in last.band.advance.items():
        if step:
            blocks = "units" if last.band.block == 1 else f"units / {last.band.block}"
            yield f"    band_{tail.start}.{member} += {blocks} * {step};"
    yield "  }"


def _whole(part: Part, calls: Calls) -> Iterator[str]:
    redirected = replace(calls, output="band")
    yield from (f"  {redirected.call(place)}" for place in range(len(part.program.steps)))
    yield from _errors(part, str(size(part.program.output)), "  ")


def _errors(part: Part, values: str, indent: str) -> Iterator[str]:
    result = score_type(part)
    wide = "float" if result == "float" else "int32_t" if result == "uint32_t" else "int64_t"
    square = "error * error" if wide == "float" else f"({result})(error * error)"
    yield f"{indent}for (int32_t index = 0; index < {values}; index++) {{"
    yield f"{indent}  const {wide} error = ({wide})band[index] - ({wide})expected[index];"
    yield f"{indent}  score += {square};"
    yield f"{indent}}}"
