import numpy as np
import pytest
from c_cases import layouts
from c_emulated import check

from edgeae.codegen.emulation import build
from edgeae.codegen.emulation.cores import CORES
from edgeae.codegen.emulation.emulator import core, emulate
from edgeae.codegen.source import Source
from edgeae.errors import NotMeasured, RuntimeCrashed, RuntimeUnavailable

pytestmark = pytest.mark.system

HEADER = """#include <stdint.h>
#define LOOP_ARENA_BYTES 1
void loop_run(void *arena, const int8_t *input, int8_t *output);
"""
COUNTED = """#include "loop.h"
__attribute__((naked)) void loop_run(void *arena, const int8_t *input, int8_t *output) {
#ifdef __riscv
  __asm__("li a3, 1003\\n 1: addi a3, a3, -1\\n bnez a3, 1b\\n ret");
#else
  __asm__(".syntax unified\\n ldr r3, =1003\\n 1: subs r3, #1\\n bne 1b\\n bx lr\\n .ltorg");
#endif
}
"""
PLAIN = """#include "loop.h"
void loop_run(void *arena, const int8_t *input, int8_t *output) {{ (void)arena; {} }}
"""
_CLANG = ("clang", "-ffreestanding", "-mthumb", "-mfloat-abi=hard")
CLANG_M4 = (*_CLANG, "--target=thumbv7em-none-eabi", "-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16")
CLANG_M55 = (*_CLANG, "--target=thumbv8.1m.main-none-eabi", "-mcpu=cortex-m55")


def run(name: str, code: str, **options):
    part = Source("loop", HEADER, code)
    return emulate(core(name), part, np.arange(4, dtype=np.int8)[None], ((4,), "int8"), **options)


@pytest.mark.parametrize("name", CORES)
def test_instructions_are_counted_exactly(name):
    assert run(name, COUNTED).instructions == 2 * 1003 + 2


def test_flash_ram_and_stack_are_those_of_the_part():
    body = "volatile int8_t place[100]; place[0] = input[3]; output[0] = place[0];"
    figures = run("cortex-m4", PLAIN.format(body))
    assert list(figures.outputs[0][:1]) == [3]
    assert list(figures.flash.symbols) == ["loop_run"]
    assert figures.flash.symbols["loop_run"] == figures.flash.code < 40
    assert (figures.flash.constants, figures.flash.data, figures.flash.bss) == (0, 0, 0)
    assert 0 < figures.stack_bytes <= 112  # the array's top 96 bytes are not touched


@pytest.mark.parametrize(
    ("name", "body", "error", "message"),
    [
        ("cortex-m4", "for (;;) output[0] = *(volatile int8_t *)input;", RuntimeCrashed, "hung"),
        ("cortex-m0", "*(volatile int32_t *)(input + 1) = 0; (void)output;", RuntimeCrashed, "fau"),
        ("cortex-m4", "output[4] = input[0];", RuntimeCrashed, "wrote behind"),
        ("cortex-m4", "wrong", NotMeasured, "loop.c"),
        (
            "cortex-m0",
            "static const int8_t big[300000] = {1}; output[0] = big[(uint8_t)input[0] * 999];",
            NotMeasured,
            "does not fit",
        ),
    ],
)
def test_failures_are_one_clear_line(name, body, error, message):
    with pytest.raises(error, match=message):
        run(name, PLAIN.format(body), timeout_s=3)


def test_a_missing_tool_is_named_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(RuntimeUnavailable, match=r"qemu-system-arm.*apt install"):
        run("cortex-m4", COUNTED)


FLOATS = """#include <math.h>
#include "loop.h"
void loop_run(void *arena, const int8_t *input, int8_t *output) {
  (void)arena;
  for (int i = 0; i < 4; i++) output[i] = (int8_t)(16.0f * (expf((float)input[i]) + tanhf(1.0f)));
}
"""


@pytest.mark.parametrize("name", ["cortex-m4", "rv32"])
def test_float_models_find_their_two_functions(name, monkeypatch):
    expected = [int(16 * (np.exp(value) + np.tanh(1))) for value in range(2)]
    assert list(run(name, FLOATS).outputs[0][:2]) == expected
    monkeypatch.setattr(build, "_has_picolibc", lambda command: False)
    if name == "rv32":
        with pytest.raises(NotMeasured, match="expf and tanhf; apt install picolibc-riscv64"):
            run(name, FLOATS)


@pytest.mark.parametrize(
    ("name", "layout", "options"),
    [
        ("cortex-m0", "portable", {}),
        ("rv32", "portable", {}),
        ("cortex-m4", "dsp", {}),
        ("cortex-m4", "dsp", {"offset": 1, "command": CLANG_M4}),
        ("cortex-m33", "dsp", {"flags": ("-Os",)}),
        ("cortex-m7", "dsp", {"flags": ("-O0",)}),
        ("cortex-m55", "dsp", {}),
        ("cortex-m55", "helium", {"offset": 3}),
        ("cortex-m55", "helium", {"flags": ("-Os", "-DEDGEAE_HELIUM_VLDM")}),
        ("cortex-m55", "helium", {"offset": 1, "command": CLANG_M55}),
    ],
)
def test_layers_equal_the_reference_kernels(name, layout, options):
    rng = np.random.default_rng(7)
    count = 6 if name == "cortex-m0" else 40  # 16 kB of RAM, 256 kB of flash
    cases = [layouts.random_case(rng) for _ in range(count)]
    cases += [layouts.faint_convolution(rng) for _ in range(count // 8)]
    check(cases, name, layout, **options)
