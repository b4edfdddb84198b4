"""The score of a reconstruction, band by band where the last layer can be cut into bands."""

import ctypes
from functools import partial

import numpy as np
import pytest
from c_cases import conv_2d, depthwise_conv_2d, fully_connected, transpose_conv
from c_models import CHEAP, reference

from edgeae.codegen import compiler, source
from edgeae.codegen.part import Part, size
from edgeae.codegen.program import program
from edgeae.codegen.score import score_arena_bytes, score_type
from edgeae.formats.tflite.graph import read

_TYPES = {"float": ctypes.c_float, "uint32_t": ctypes.c_uint32, "uint64_t": ctypes.c_uint64}
_SHAPES = ((784, 30), (129, 17), (64, 64), (5, 40))


def _dense(rng):
    for shape in _SHAPES:
        yield _single(partial(fully_connected.random_case, rng, "int8", False, shape))
    for kind in ("int16", "float32"):
        yield fully_connected.random_case(rng, kind)


def _single(draw):
    """A case of one example at once: only such a layer is cut into bands."""
    return next(case for case in iter(draw, None) if case.inputs.shape[1] == 1)


def _convolutions(rng):
    for item in (conv_2d, depthwise_conv_2d, transpose_conv):
        for _ in range(12):
            yield item.random_case(rng)


@pytest.mark.parametrize(
    ("draw", "layout"),
    [(_dense, "portable"), (_dense, "dsp"), (_dense, "helium"), (_convolutions, "portable")],
)
def test_it_is_the_sum_of_squared_errors(draw, layout, tmp_path):
    rng = np.random.default_rng(4)
    cases = list(draw(rng))
    parts = []
    for place, case in enumerate(cases):
        found = program(read(case.content, "case"), "case", layout)
        parts.append(Part(f"m_{place}", found, compared=found.output))
    for name, text in source.files("m", parts).items():
        (tmp_path / name).write_text(text)
    path = compiler.shared_library(sorted(tmp_path.glob("*.c")), tmp_path / "m.so", CHEAP)
    library, bands = ctypes.CDLL(str(path)), 0
    for part, case in zip(parts, cases, strict=True):
        need, target = score_arena_bytes(part.program), part.program.output
        whole = size(target) * np.dtype(target.dtype).itemsize
        bands += need < part.program.plan.arena_bytes + whole
        call = getattr(library, f"{part.name}_score")
        call.restype = _TYPES[score_type(part)]
        for given, output in zip(case.inputs, reference(case), strict=True):
            image = rng.permutation(output.reshape(-1))
            arena = np.full(need + 8, 0x5A, np.uint8)
            places = [item.ctypes.data_as(ctypes.c_void_p) for item in (arena, given, image)]
            errors = output.reshape(-1).astype(np.float64) - image
            assert call(*places) == pytest.approx(
                (errors**2).sum(), rel=1e-4 * (image.dtype.kind == "f")
            )
            assert (arena[need:] == 0x5A).all()
    assert bands >= 2
