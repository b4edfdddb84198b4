"""The bound of the stack, and the sections of an ELF file."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tiny
from c_cases import conv_2d, depthwise_conv_2d, fully_connected, logistic, mean, softmax
from c_models import Case

from edgeae.codegen import compiler, footprint
from edgeae.codegen.emulation import stack
from edgeae.codegen.emulation.cores import CORES
from edgeae.codegen.emulation.emulator import core, emulate
from edgeae.codegen.emulation.sections import section_bytes
from edgeae.codegen.program import program
from edgeae.codegen.source import source
from edgeae.codegen.targets import TARGETS
from edgeae.errors import NotMeasured
from edgeae.formats.tflite.graph import read

EMULATED = [name for name in CORES if name in TARGETS]
ARM = """
part.elf:     file format elf32-littlearm

00000100 <m_run>:
 100:\tpush\t{r3, r4, lr}
 102:\tbl\t00000200 <m_layer>
 106:\tldmia.w\tsp!, {r3, r4, lr}
 10a:\tb.w\t00000300 <m_last>

00000200 <m_layer>:
 200:\tstmdb\tsp!, {r4-r11, lr}
 204:\tvpush\t{d8-d9}
 208:\tsub.w\tsp, sp, #472\t@ 0x1d8
 20c:\tstr.w\tlr, [sp, #-4]!
 210:\tbne.n\t00000208 <m_layer+0x8>
 212:\tbl\t00000400 <__aeabi_lmul>

00000300 <m_last>:
 300:\tsub\tsp, #16
 302:\tbx\tlr

00000400 <__aeabi_lmul>:
 400:\tpush\t{r4, lr}
"""
RISCV = """
80000000 <m_run>:
80000000:\tadd\tsp,sp,-32
80000004:\tjal\tt0,80000100 <__riscv_save_4>
80000008:\tjal\t80000200 <m_layer>
8000000c:\tadd\tsp,sp,32

80000100 <__riscv_save_4>:
80000100:\tadd\tsp,sp,-64
80000104:\tjr\tt0

80000200 <m_layer>:
80000200:\taddi\tsp,sp,-16
80000204:\tj\t80000204 <m_layer+0x4>
"""


def bound(
    patch: pytest.MonkeyPatch,
    folder: Path,
    listing: str,
    usage: str = "",
    root: str = "m_run",
) -> int:
    """The bound of a program with this disassembly and these frames of gcc."""
    (folder / "m.su").write_text(usage)
    patch.setattr(compiler, "run", lambda *_: listing)
    return stack.stack_bytes(core("cortex-m4"), folder / "m.elf", root, folder / "m.su")


def test_the_bound_is_the_deepest_path(tmp_path, monkeypatch):
    layer = 9 * 4 + 2 * 8 + 472 + 4
    assert bound(monkeypatch, tmp_path, ARM) == 12 + layer + 8
    # a frame that gcc states counts where it is larger than what the instructions take
    assert bound(monkeypatch, tmp_path, ARM, "m.c:1:2:m_last\t1000\tstatic\n") == 12 + 1000
    assert bound(monkeypatch, tmp_path, ARM, "m.c:1:2:m_last\t8\tstatic\n") == 12 + layer + 8
    assert bound(monkeypatch, tmp_path, ARM, root="m_last") == 16


def test_registers_that_the_library_saves_stay_on_the_stack(tmp_path, monkeypatch):
    assert bound(monkeypatch, tmp_path, RISCV) == 32 + 64 + 16


@pytest.mark.parametrize(
    ("listing", "usage", "message"),
    [
        (ARM + " 402:\tbl\t00000200 <m_layer>\n", "", "it calls itself"),
        (ARM + " 402:\tblx\tr3\n", "", "__aeabi_lmul: it calls a function pointer"),
        (RISCV + "80000208:\tjalr\ta5\n", "", "m_layer: it calls a function pointer"),
        (ARM, "m.c:1:2:m_run\t8\tdynamic\n", "m_run: its stack has no fixed size"),
    ],
)
def test_a_stack_without_a_bound_is_not_measured(listing, usage, message, tmp_path, monkeypatch):
    with pytest.raises(NotMeasured, match=message):
        bound(monkeypatch, tmp_path, listing, usage)


def test_the_sections_of_an_object_are_those_that_were_compiled(tmp_path):
    (tmp_path / "x.c").write_text(
        "const char seven[7] = {1};\nint twice(int x);\nint twice(int x) { return 2 * x; }\n"
    )
    flags = ("-O1", "-fdata-sections", "-ffunction-sections", "-c")
    files = (str(tmp_path / "x.c"), "-o", str(tmp_path / "x.o"))
    compiler.run([*compiler.host(), *flags, *files], "x.o")
    found = section_bytes(tmp_path / "x.o")
    assert found[".rodata.seven"] == 7 and 0 < found[".text.twice"] < 40
    with pytest.raises(NotMeasured, match=r"x\.c: no ELF file"):
        section_bytes(tmp_path / "x.c")


@pytest.mark.system
@pytest.mark.parametrize("name", EMULATED)
def test_sections_equal_what_the_tools_tell(name, tmp_path):
    chosen = CORES[name]
    (tmp_path / "x.c").write_text("const char seven[7] = {1};\nint f(void) { return 1; }\n")
    files = (str(tmp_path / "x.c"), "-o", str(tmp_path / "x.o"))
    compiler.run([*chosen.compiler, "-fdata-sections", "-c", *files], "x.o")
    found = section_bytes(tmp_path / "x.o")
    listing = compiler.run([f"{chosen.tools}size", "-A", "-d", str(tmp_path / "x.o")], "x.o")
    told = {
        w[0]: int(w[1])
        for w in map(str.split, listing.splitlines())
        if len(w) == 3 and w[1].isdigit()
    }
    assert {key: found[key] for key in told} == told
    assert found.get(".rodata.seven", found.get(".srodata.seven")) == 7


def small(random_case: Callable[[np.random.Generator], Case], rng: np.random.Generator) -> Case:
    """A random case that fits into the 16 kB of the smallest core."""
    for _ in range(100):
        case = random_case(rng)
        found = footprint.known("one", program(read(case.content, "one"), "one"))
        if found.arena_bytes + found.input_bytes + found.output_bytes < 8000:
            return case
    raise AssertionError("no case is small")


def painted(name: str, case: Case, optimize: str) -> tuple[int, int | None]:
    """Bytes of stack that calls under QEMU used, and the bound."""
    layout = TARGETS[name].layout
    item = program(read(case.content, "case"), "one", layout, optimize)
    taken = footprint.measured("one", item, name, optimize)
    assert taken.note == ""
    kind = (item.output.shape, item.output.dtype)
    level = (footprint.FLAGS[optimize],)
    used = emulate(core(name), source(item, "one"), case.inputs, kind, flags=level)
    return used.stack_bytes, taken.stack_bytes


#: Each half of the kernels is painted under one option; `make ways` paints it under the other.
HALVES = ((fully_connected, depthwise_conv_2d, softmax), (conv_2d, logistic, mean))


@pytest.mark.system
@pytest.mark.parametrize("name", EMULATED)
@pytest.mark.parametrize(
    ("optimize", "kernels"),
    [
        ("size", HALVES[0]),
        ("speed", HALVES[1]),
        pytest.param("size", HALVES[1], marks=pytest.mark.ways),
        pytest.param("speed", HALVES[0], marks=pytest.mark.ways),
    ],
)
def test_no_call_uses_more_stack_than_the_bound(name, optimize, kernels):
    rng = np.random.default_rng(5)
    if shutil.which(CORES[name].compiler[0]) is None:
        pytest.fail(CORES[name].apt)
    for cases in kernels:
        used, most = painted(name, small(cases.random_case, rng), optimize)
        assert used <= most <= used + 400, (cases.__name__, used, most)


def test_what_is_known_without_a_compiler():
    item = program(read(tiny.program().content, "tiny"), "tiny")
    found = footprint.known("tiny", item)
    assert found.constant_bytes == sum(constant.values.nbytes for constant in item.constants())
    assert (found.input_bytes, found.output_bytes, found.arena_bytes) == (16, 16, 12)
