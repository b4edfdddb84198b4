"""The page that `make bench-mcu` writes, from figures that no core measured."""

import importlib.util
import sys

import pytest
from edgeae_cli import ROOT


@pytest.fixture(scope="module")
def mcu():
    spec = importlib.util.spec_from_file_location("mcu", ROOT / "bench" / "mcu.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["mcu"] = module  # its dataclass looks itself up there
    spec.loader.exec_module(module)
    yield module
    del sys.modules["mcu"]


def test_the_page_has_ours_beside_the_others(mcu):
    ours = mcu.Row("edgeae", "cortex-m4", 46_051, 116_460, 888, 111_860, 192, 0, 544)
    small = mcu.Row("edgeae", "cortex-m0", error="cortex-m0: does not fit")
    stored = mcu.FormRow("p80-int8", "portable", "size", 150_000, 199_705, 26_300)
    text = mcu.page([[ours, small]] * 3, [stored], "gcc 1, qemu 2")
    line = "| edgeae | cortex-m4 | 46,051 | 116,460 | 888 | 111,860 | 192 | 0 | 544 |"
    assert text.count(line) == 3
    assert "| edgeae | cortex-m0 | cortex-m0: does not fit |  |" in text
    assert "| TFLM, CMSIS-NN | cortex-m4 | 221,632 | – | 27,548 | – | 3,456 | – | – |" in text
    assert "gcc 1, qemu 2. Compiled with `-O2`. On all 110 inputs" in text
    assert "| `p80-int8` | `portable` | size | 26,300 | 150,000 | 199,705 |" in text
    models, compressed = text.split("\n## Compressed")
    for table, width in ((models, 10), (compressed, 7)):
        rows = [line for line in table.splitlines() if line.startswith("|")]
        assert {line.count("|") for line in rows} == {width}


def test_the_committed_page_is_one_that_it_writes(mcu):
    text = (ROOT / "docs" / "microcontrollers.md").read_text(encoding="utf-8")
    lines = text.splitlines()
    assert [line[3:] for line in lines if line.startswith("## ")] == [
        *mcu.PEERS,
        "Compressed encoders on a Cortex-M4",
        "The others",
    ]
    ours = [line.split(" | ") for line in lines if line.startswith("| edgeae")]
    expected = [core for core, _ in mcu.LINES] * 3
    assert [cells[1] for cells in ours] == expected
    assert sum("EDGEAE_HELIUM_VLDM" in cells[0] for cells in ours) == 3
    forms = [line for line in lines if line.startswith(("| `int8`", "| `p"))]
    stored = [f"| `{target}` | {optimize} |" for target, optimize in mcu.FORMS]
    assert len(forms) % len(stored) == 0 and len(forms) >= 2 * len(stored)
    assert all(stored[place % len(stored)] in line for place, line in enumerate(forms))
    assert "data + bss" in text and "to the bit" in text
