"""The report's table of emulated cores, from rows that no core measured."""

import re
from pathlib import Path

import pytest
from result_rows import timed

from edgeae.families.command import train_command
from edgeae.report.write import write
from edgeae.summary.history import history
from edgeae.timing.results import Result, append

CORE = {"runtime": "c-cortex-m4", "device": "cortex-m4 of mps2-an386", "software": True}
EXACT = {
    "instructions": 46_051,
    "inputs": 16,
    "flash_bytes": 111_200,
    "ram_bytes": 740,
    "code_bytes": 1_200,
    "constants_bytes": 110_000,
    "arena_bytes": 192,
    "data_bytes": 0,
    "stack_bytes": 548,
}
TOO_LARGE = "cortex-m0: does not fit: 12 bytes too many for 262,144 bytes of flash"


def counted(bundle, **changes: object) -> Result:
    none = {"samples_ns": (), "block": None, "load_ns": None, "first_ns": None}
    row = {"runtime_version": "arm-none-eabi-gcc 12.2.1", **none, **CORE, **EXACT}
    return timed(bundle, **row | changes)


@pytest.fixture
def written(tmp_path: Path, tiny_bundle):
    """A build whose bundle was timed once, ran on one core, and does not fit another."""
    build, bundle = tmp_path / "build", tiny_bundle()
    nothing = dict.fromkeys(EXACT)
    rows = [
        counted(bundle, instructions=50_000),
        timed(bundle),
        counted(bundle),
        counted(bundle, runtime="c-cortex-m0", error=TOO_LARGE, code=3, **nothing),
        counted(bundle, runtime="c-rv32", artifact_sha256="0" * 64),  # another file
    ]
    for row in rows:
        append(build / "results.jsonl", row)
    summary = write(build, build / "report", train_command)
    return build, rows, summary


def test_the_markdown_has_a_table_of_cores(written):
    text = (written[0] / "report" / "summary.md").read_text()
    section = text.partition("## Microcontrollers\n\n")[2].partition("\n\nThe generated C")[0]
    assert section == (
        "| model | recipe | part | core | instructions | flash | code | constants | RAM | arena "
        "| data | stack |\n"
        "| :-- | :-- | :-- | :-- | --: | --: | --: | --: | --: | --: | --: | --: |\n"
        "| tiny | int8 | autoencoder | c-cortex-m4 | 46,051 | 111,200 | 1,200 | 110,000 | 740 "
        "| 192 | 0 | 548 |"
    )
    assert f"- – tiny/int8 autoencoder on c-cortex-m0: {TOO_LARGE}" in text


def test_the_page_has_a_table_of_cores(written):
    page = (written[0] / "report" / "index.html").read_text()
    section = page[page.index('<section id="microcontrollers">') :]
    section = section[: section.index("</section>")]
    cells = re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", section))
    assert "int8 autoencoder c-cortex-m4 46,051 111,200 1,200 110,000 740 192 0 548 16" in cells
    assert "arm-none-eabi-gcc 12.2.1" in cells and TOO_LARGE in cells
    assert '<a href="#microcontrollers">' in page


def test_cores_have_no_latency(written):
    _, rows, summary = written
    assert [item["runtime"] for item in summary["microcontrollers"]] == [
        "c-cortex-m0",
        "c-cortex-m4",
    ]
    assert [item["runtime"] for item in summary["latency"]["timings"]] == ["litert-xnnpack"]
    assert summary["latency"]["failures"] == [] and summary["latency"]["stale"] == 1
    assert {item.runtime for item in history(rows, []).multiples} == {"litert-xnnpack"}


def test_the_commands_name_the_cores(written):
    command = "edgeae bench build/tiny/int8 --runtime c-cortex-m0 --runtime c-cortex-m4"
    assert written[2]["commands"][-3:] == ["edgeae bench", command, "edgeae report"]


def test_without_cores_there_is_no_table(tmp_path, tiny_bundle):
    tiny_bundle()
    summary = write(tmp_path / "build", tmp_path / "build" / "report", train_command)
    folder = tmp_path / "build" / "report"
    assert summary["microcontrollers"] == []
    assert "microcontrollers" not in (folder / "index.html").read_text()
    assert "Microcontrollers" not in (folder / "summary.md").read_text()
