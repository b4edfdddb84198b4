"""WebAssembly: the layout's kernels, and modules of several parts that import nothing."""

import ctypes
import importlib.util

import numpy as np
import pytest
import tiny
import wasm_node
from c_cases import conv_2d, fully_connected, transpose_conv
from c_models import Case, check, reference, with_more_inputs
from hypothesis import given
from hypothesis import strategies as st

from edgeae.codegen import compiler, source
from edgeae.codegen.part import Part
from edgeae.codegen.program import program
from edgeae.codegen.wasm import build
from edgeae.codegen.wasm.changes import changes
from edgeae.codegen.wasm.sections import CODE, CUSTOM, IMPORT, sections
from edgeae.errors import BadInput, RuntimeUnavailable
from edgeae.formats.tflite.graph import read, write

INT8 = ("int8", "int8", "int32")


def _cases(count: int):
    rng = np.random.default_rng(7)
    dense = [fully_connected.random_case(rng, "int8") for _ in range(count)]
    convolutions = [conv_2d.random_case(rng, INT8, channels) for channels in (None, 5, 16, 33)]
    return [*dense, *(with_more_inputs(rng, case) for case in convolutions)]


def _transposed() -> list[Case]:
    rng = np.random.default_rng(14)
    return [with_more_inputs(rng, case) for case in transpose_conv.every_stride(rng)]


def _module(cases, simd: bool, layout: str = "wasm") -> tuple[bytes, list[Part]]:
    parts = [
        Part(f"case_{place}", program(read(case.content, "case"), "case", layout))
        for place, case in enumerate(cases)
    ]
    return build.module(source.files("cases", parts), parts, simd=simd), parts


def _answers(module: bytes, cases) -> list[np.ndarray]:
    expected = [reference(case) for case in cases]
    calls = [
        wasm_node.call(f"case_{place}", item, answer)
        for place, (case, answers) in enumerate(zip(cases, expected, strict=True))
        for item, answer in zip(case.inputs, answers, strict=True)
    ]
    outputs = iter(wasm_node.run(module, calls)["outputs"])
    return [
        np.array([wasm_node.decoded(next(outputs), answer) for answer in answers])
        for answers in expected
    ]


def test_plain_c_of_the_layout_equals_the_reference_kernels():
    cases = [*_cases(5), *_transposed()[1::3]]
    programs = [program(read(case.content, "case"), "case", "wasm") for case in cases]
    assert all(item.steps[-1].kernel.endswith("_wasm") for item in programs)
    check(cases, layout="wasm")


def test_convolutions_to_one_or_two_channels_stay_with_portable_c():
    rng = np.random.default_rng(9)
    for channels, kernel in ((2, "conv_int8"), (3, "conv_wasm")):
        for draw in (conv_2d.random_case, transpose_conv.random_case):
            case = draw(rng, INT8, channels)
            assert program(read(case.content, "case"), "case", "wasm").steps[-1].kernel == kernel


@pytest.mark.system
@pytest.mark.parametrize("simd", [True, False])
def test_both_builds_give_the_bits_of_the_reference_kernels(simd):
    cases = [*_cases(8), *_transposed()]
    module, _ = _module(cases, simd)
    for place, (case, found) in enumerate(zip(cases, _answers(module, cases), strict=True)):
        assert np.array_equal(found, reference(case)), f"case {place}"


@pytest.mark.system
@pytest.mark.parametrize("flavour", ["int8", "float32"])
def test_the_score_is_the_sum_of_the_squared_errors(flavour):
    graph = tiny.int8_graph() if flavour == "int8" else tiny.float_graph()
    made = program(graph, "tiny", "wasm")
    part = Part("tiny", made, compared=made.input)
    assert part.scored
    module = build.module(source.files("tiny", [part]), [part], simd=True)
    rng = np.random.default_rng(1)
    given = rng.integers(-128, 128, (1, 16)).astype(np.int8)
    if flavour == "float32":
        given = rng.random((1, 16), np.float32)
    other = given[:, ::-1].copy()
    output = reference(Case(write(graph), given[None]))[0]
    calls = [wasm_node.scored("tiny", given, item) for item in (given, other)]
    for expected, found in zip(
        (given, other), wasm_node.run(module, calls)["outputs"], strict=True
    ):
        errors = output.astype(np.float64) - expected
        assert found == pytest.approx((errors**2).sum(), rel=1e-5)


@pytest.mark.system
def test_a_module_imports_nothing_and_exports_only_its_parts():
    cases = _cases(2)
    module, _ = _module(cases[:2], simd=True)
    found = wasm_node.run(module, [])
    names = [f"case_{place}_{what}" for place in (0, 1) for what in ("input", "output", "run")]
    assert found["imports"] == []
    assert sorted(found["exports"]) == sorted(["memory", *names])
    weights = sum(part.program.constant_bytes for part in _module(cases[:2], simd=True)[1])
    assert found["pages"] <= 1 + (weights + build.STACK_BYTES + 65535) // 65536


def test_the_same_c_gives_the_same_bytes_without_custom_sections():
    cases = _cases(1)
    first, again = _module(cases, simd=False)[0], _module(cases, simd=False)[0]
    assert first == again
    numbers = [item.number for item in sections(first)]
    assert CODE in numbers and CUSTOM not in numbers and IMPORT not in numbers


def test_one_build_is_the_other_with_few_changes():
    cases = _cases(3)
    plain, simd = (_module(cases, item)[0] for item in (False, True))
    pieces = changes(plain, simd)
    assert _made(plain, pieces) == simd != plain
    new = sum(len(item) for item in pieces if isinstance(item, bytes))
    code = {item.number: item for item in sections(simd)}[CODE]
    assert new < len(code.whole) < len(simd) / 2


def _made(old: bytes, pieces) -> bytes:
    return b"".join(
        item if isinstance(item, bytes) else old[item[0] : item[0] + item[1]] for item in pieces
    )


@given(st.binary(max_size=40), st.binary(min_size=64, max_size=200), st.data())
def test_changes_give_the_new_bytes(noise, weights, data):
    old = noise + weights + noise + weights
    cut = data.draw(st.integers(0, len(old)))
    new = data.draw(st.binary(max_size=30)) + old[cut:] + old[:cut] + noise
    assert _made(old, changes(old, new)) == new
    assert _made(new, changes(new, old)) == old
    assert _made(b"", changes(b"", new)) == new
    assert changes(old, b"") == []


def test_without_a_compiler_the_error_names_the_command(monkeypatch):
    monkeypatch.setattr(compiler, "zig", tuple)
    with pytest.raises(RuntimeUnavailable, match=r"pip install 'edgeae\[c\]'"):
        build.version()


@pytest.mark.parametrize(
    "content", [b"", b"\0asm\x02\0\0\0", b"\0asm\x01\0\0\0\x01\x05\0", b"\x7fELF"]
)
def test_what_is_no_module_is_refused(content):
    with pytest.raises(BadInput, match=r"not a WebAssembly module|cut off"):
        assert list(sections(content)) is None


@pytest.fixture(scope="module")
def functions(tmp_path_factory):
    """The library's functions, compiled for this machine under other names."""
    folder = tmp_path_factory.mktemp("library")
    unit = folder / "unit.c"
    place = importlib.util.find_spec("edgeae.codegen.wasm").submodule_search_locations[0]
    names = ("expf", "tanhf", "memcpy", "memmove", "memset")
    flags = ("-O2", "-fno-builtin", f"-I{place}/c", *(f"-D{name}=own_{name}" for name in names))
    unit.write_text('#include "library.c"\n')
    library = ctypes.CDLL(str(compiler.shared_library([unit], folder / "unit.so", flags)))
    for name in ("own_expf", "own_tanhf"):
        function = getattr(library, name)
        function.argtypes, function.restype = [ctypes.c_float], ctypes.c_float
    return library


@pytest.mark.parametrize(("name", "exact"), [("own_expf", np.exp), ("own_tanhf", np.tanh)])
def test_exponential_and_tangent_are_the_nearest_float_or_its_neighbour(name, exact, functions):
    rng = np.random.default_rng(3)
    values = np.concatenate(
        [rng.uniform(-low, low, 3000) for low in (1e-6, 1e-3, 0.1, 1, 10, 88)]
        + [[0.0, -0.0, 1e-45, -104.5, 88.72, 20.0, -20.0]]
    ).astype(np.float32)
    found = np.array([getattr(functions, name)(value) for value in values], np.float32)
    wanted = exact(values.astype(np.float64)).astype(np.float32)
    steps = np.abs(found - wanted) / np.spacing(np.abs(wanted))
    assert steps.max() <= 1
    assert (steps > 0).mean() < 0.01


def test_what_has_no_float_is_kept(functions):
    assert np.isnan(functions.own_expf(np.nan)) and np.isnan(functions.own_tanhf(np.nan))
    assert functions.own_expf(np.inf) == np.inf and functions.own_expf(-np.inf) == 0
    assert functions.own_expf(200.0) == np.inf and functions.own_expf(-200.0) == 0
    assert (functions.own_tanhf(np.inf), functions.own_tanhf(-np.inf)) == (1, -1)


def test_bytes_are_copied_as_a_c_library_does(functions):
    for name, start in (("own_memcpy", 8), ("own_memmove", 2), ("own_memmove", 0)):
        buffer = (ctypes.c_ubyte * 16)(*range(16))
        expected = list(range(16))
        expected[start : start + 6] = range(1, 7)
        address = ctypes.addressof(buffer)
        getattr(functions, name)(
            ctypes.c_void_p(address + start), ctypes.c_void_p(address + 1), ctypes.c_size_t(6)
        )
        assert list(buffer) == expected
    functions.own_memset(ctypes.c_void_p(address), 7, ctypes.c_size_t(3))
    assert list(buffer)[:3] == [7, 7, 7] and buffer[3] != 7
