"""The ports of the guide compile, against stand-ins for headers.

A stand-in declares what the maker's documentation says; it shows no more than that the C is right.
"""

import re
import textwrap

import pytest
from documents import DOCS
from edgeae_cli import ROOT

from edgeae.codegen import compiler
from edgeae.embed.serial_link import serial_example
from edgeae.embed.templating import filled

CMSIS = """
#include <stdint.h>
typedef struct { volatile uint32_t SR, DR; } usart;
typedef struct { volatile uint32_t CTRL, CYCCNT; } dwt;
typedef struct { volatile uint32_t DEMCR; } core_debug;
extern usart *const USART2;
extern dwt *const DWT;
extern core_debug *const CoreDebug;
#define USART_SR_RXNE (1u << 5)
#define USART_SR_TXE (1u << 7)
#define CoreDebug_DEMCR_TRCENA_Msk (1u << 24)
#define DWT_CTRL_CYCCNTENA_Msk 1u
"""
ARDUINO = """
#include <stddef.h>
#include <stdint.h>
struct Line {
  void begin(unsigned long baud);
  int read();
  size_t write(uint8_t byte);
};
extern Line Serial;
unsigned long micros();
void setup();
void loop();
"""


def shown(kind: str) -> list[str]:
    """Return the guide's blocks of code of a language, those in lists among them."""
    text = (DOCS / "guides" / "serial.md").read_text(encoding="utf-8")
    found = re.findall(rf"^( *)```{kind}\n(.*?)^\1```", text, re.DOTALL | re.MULTILINE)
    return [textwrap.dedent(block) for _, block in found]


def compiled(text: str, name: str, folder, *flags: str) -> None:
    """Compile a text with the protocol's header beside it, every warning an error."""
    (folder / "edgeae_serial.h").write_text(filled("serial/edgeae_serial.h", {}))
    (folder / name).write_text(text)
    target = ("-c", str(folder / name), "-o", str(folder / "object"))
    compiler.run([*compiler.host(), *flags, *target], name)


def test_the_port_with_cmsis_compiles(tmp_path):
    port, loop, _ = shown("c")
    (tmp_path / "stm32f4xx.h").write_text(CMSIS)
    compiled(f"{port}\nint main(void) {{\n{loop}}}\n", "main.c", tmp_path, *compiler.STRICT)
    with pytest.raises(Exception, match=r"main\.c"):
        compiled(f"{port}\nint x = nothing;\n", "main.c", tmp_path, *compiler.STRICT)


def test_the_sketch_compiles_and_is_the_one_that_the_guide_shows(tmp_path):
    (sketch,) = shown("cpp")
    assert serial_example("arduino").partition("\n")[2] == sketch
    flags = ("-x", "c++", "-std=c++11", "-Wall", "-Wextra", "-Werror")
    compiled(f"{ARDUINO}\n{sketch}", "sketch.cpp", tmp_path, *flags)


def test_the_guide_shows_the_port_that_the_tests_run():
    (_, _, included) = shown("c")
    (path,) = re.fullmatch(r'--8<-- "(.+)"\n', included).groups()
    assert "board_main" in (ROOT / path).read_text()


def test_the_guide_has_the_numbers_of_the_protocol():
    from edgeae.runtimes import serial_protocol as protocol

    text = (DOCS / "guides" / "serial.md").read_text(encoding="utf-8")
    header = filled("serial/edgeae_serial.h", {})
    for number, name in enumerate((protocol.NONE, protocol.CYCLE, protocol.TIMER)):
        assert re.search(rf"EDGEAE_TICK_{name.upper()} {number} ", header)
    assert f"Version {protocol.PROTOCOL}." in text
    assert f"1 hello, 2 run; of an answer {protocol.ANSWER} more; {protocol.REFUSED}: the" in text
