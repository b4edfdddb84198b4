"""The page that `make bench-web` writes, from figures that nothing measured."""

import importlib.util
import re
import sys

import pytest
from edgeae_cli import ROOT


@pytest.fixture(scope="module")
def web():
    sys.path.insert(0, str(ROOT / "bench"))
    spec = importlib.util.spec_from_file_location("bench_web", ROOT / "bench" / "web.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["bench_web"] = module  # its dataclasses look themselves up there
    spec.loader.exec_module(module)
    yield module
    del sys.modules["bench_web"]
    sys.path.remove(str(ROOT / "bench"))


def test_the_page_divides_by_native_c_of_the_same_part(web):
    rows = [
        web.Row("C", "native", "encoder", [4.0, 2.0, 3.0]),
        web.Row("edgeae", "Node", "encoder", [4.5, 4.0, 9.0], [20.0, 30.0, 1234.0]),
        web.Row("LiteRT.js", "Chromium", "encoder", error="Error: a | b"),
        web.Row("C", "native", "decoder", [10.0]),
        web.Row("edgeae", "Node", "decoder", [5.0], [1234.4], far=1),
    ]
    sizes = [web.Sizes("edgeae", 335_000, 239_000)]
    code = {"weights": 235_840, "simd": 2_241, "plain": 1_360}
    text = web.page(rows, sizes, code, 10_000, "gcc 1", "a machine")
    for line in (
        "| encoder | C | native | 3.0 | 1.00 | – | 0 |",
        "| encoder | edgeae | Node | 4.5 | 1.50 | 30 | 0 |",
        "| encoder | LiteRT.js | Chromium | Error: a / b |  |  |  |",
        "| decoder | edgeae | Node | 5.0 | 0.50 | 1,234 | 1 |",
        "| edgeae | 335,000 | 239,000 |",
    ):
        assert line in text
    assert "235,840 bytes; their code is 2,241 bytes with SIMD128 and 1,360 bytes" in text
    assert "all\n10,000 test images" in text and "gcc 1; a machine." in text


def test_the_committed_page_has_every_engine_at_every_place(web):
    text = (ROOT / "docs" / "web.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith(("| enc", "| dec"))]
    found = {(cells[0].lstrip("| "), cells[1], cells[2]) for cells in rows}
    for part in web.PARTS:
        for place, engines in web.PLACES.items():
            assert {(part, engine, place) for engine in engines} <= found
    (code,) = re.findall(r"([\d,]+) bytes with SIMD128", text)
    assert int(code.replace(",", "")) <= 3000


def test_the_committed_page_holds_the_simd_build_to_native_c(web):
    text = (ROOT / "docs" / "web.md").read_text(encoding="utf-8")
    rows = [line.split(" | ") for line in text.splitlines() if " | edgeae | " in line]
    assert len(rows) == 4
    assert all(float(cells[4]) <= 1.5 and cells[6].startswith("0") for cells in rows)
