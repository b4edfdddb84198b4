"""The report's table of boards, from rows that no board counted."""

import json
import re
from pathlib import Path

import pytest
from result_rows import timed

from edgeae.families.command import train_command
from edgeae.report.write import write
from edgeae.summary.history import history
from edgeae.timing.results import Result, append

#: 180 MHz: 412,345 cycles are 2.29 ms.
CYCLES = {
    "runtime": "c-serial",
    "runtime_version": "protocol 1, pyserial 3.5",
    "device": "nucleo-f446re",
    "ticks": (412_345, 412_300, 430_001),
    "block": 1,
    "tick": "cycle",
    "tick_hz": 180_000_000,
}
#: 4 calls a count of a timer of 1 MHz: 13.7 µs a call.
TIMER = {
    **CYCLES,
    "device": "arduino",
    "ticks": (55, 50, 60),
    "block": 4,
    "tick": "timer",
    "tick_hz": 1_000_000,
}
EMULATED = {
    **CYCLES,
    "device": "mps2-an386",
    "ticks": (2_000,),
    "tick": "emulated",
    "tick_hz": 25_000_000,
    "software": True,
}
SILENT = "c-serial: late: no answer within 10 s (--answer-within)"


def counted(bundle, clock: dict[str, object], **changes: object) -> Result:
    none = {"samples_ns": (), "load_ns": None, "first_ns": None, "rss_peak_bytes": None}
    return timed(bundle, **none | clock | changes)


def failed(bundle, **changes: object) -> Result:
    nothing = {"ticks": (), "block": None, "tick": None, "tick_hz": None, "runtime_version": ""}
    return counted(bundle, CYCLES, **nothing | {"error": SILENT, "code": 5} | changes)


@pytest.fixture
def report(tmp_path: Path, tiny_bundle):
    """Return the function that writes a report of rows: (page's text, Markdown, summary)."""
    bundle, build = tiny_bundle(), tmp_path / "build"

    def written(*rows: Result):
        for row in rows:
            append(build / "results.jsonl", row)
        summary = write(build, build / "report", train_command)
        page = (build / "report" / "index.html").read_text()
        section = page.partition('<section id="boards">')[2].partition("</section>")[0]
        shown = re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", section))
        return shown, (build / "report" / "summary.md").read_text(), summary

    return bundle, written


def test_the_markdown_has_a_table_of_boards(report):
    bundle, written = report
    rows = [counted(bundle, clock) for clock in (TIMER, CYCLES, EMULATED)]
    text = written(*rows)[1]
    section = text.partition("## Boards\n\n")[2].partition("\n\nThe generated C")[0]
    assert section == (
        "| model | recipe | part | board | ticks a call | a tick is | range | time | clock |\n"
        "| :-- | :-- | :-- | :-- | --: | :-- | --: | --: | --: |\n"
        "| tiny | int8 | autoencoder | arduino | 13.8 | a timer’s | 12.5 – 15 | 13.8 µs | 1 MHz |\n"
        "| tiny | int8 | autoencoder | mps2-an386 | 2,000 | an emulator’s | 2,000 – 2,000 |  |  |\n"
        "| tiny | int8 | autoencoder | nucleo-f446re | 412,345 | a core’s cycle "
        "| 412,300 – 430,001 | 2.29 ms | 180 MHz |"
    )


def test_the_page_has_a_table_of_boards(report):
    bundle, written = report
    shown, _, summary = written(*(counted(bundle, clock) for clock in (TIMER, CYCLES)))
    assert (
        "int8 autoencoder nucleo-f446re 412,345 a core’s cycle 412,300 – 430,001 2.29 ms 180 MHz "
        "3 1 protocol 1, pyserial 3.5"
    ) in shown
    assert "arduino 13.8 a timer’s 12.5 – 15 13.8 µs 1 MHz 3 4 protocol 1" in shown
    page = (bundle.root.parents[1] / "report" / "index.html").read_text()
    assert '<a href="#boards">Boards</a>' in page
    assert json.loads((bundle.root.parents[1] / "report" / "summary.json").read_text()) == summary


@pytest.mark.parametrize(
    "clock",
    [EMULATED, {**CYCLES, "tick_hz": 0}, {**CYCLES, "tick_hz": None}, {**CYCLES, "tick": None}],
)
def test_ticks_of_an_emulator_or_of_an_unknown_clock_are_no_time(clock, report):
    bundle, written = report
    shown, _, summary = written(counted(bundle, clock))
    (board,) = summary["boards"]
    assert board["call_ns"] is None and board["ticks"] > 0
    assert not re.search(r"\d (ns|µs|ms|s|kHz|MHz) ", shown) and " – " in shown


def test_a_board_shows_its_last_row(report):
    bundle, written = report
    rows = [counted(bundle, CYCLES, ticks=(500_000,)), counted(bundle, CYCLES)]
    assert [item["ticks"] for item in written(*rows)[2]["boards"]] == [412_345]
    shown, text, summary = written(failed(bundle))
    assert [item["ticks"] for item in summary["boards"]] == [None]
    assert f"nucleo-f446re – {SILENT}" in shown
    assert f"- – tiny/int8 autoencoder on nucleo-f446re: {SILENT}" in text
    assert written(counted(bundle, CYCLES))[2]["boards"][0]["error"] == ""


def test_a_failure_without_a_board_ends_with_the_next_count(report):
    bundle, written = report
    shown, _, summary = written(counted(bundle, TIMER), failed(bundle, device=""))
    assert [item["device"] for item in summary["boards"]] == ["", "arduino"]
    assert f"a board – {SILENT}" in shown
    summary = written(counted(bundle, CYCLES))[2]
    assert [item["device"] for item in summary["boards"]] == ["arduino", "nucleo-f446re"]


def test_boards_have_no_latency(report):
    bundle, written = report
    rows = [
        *(timed(bundle), counted(bundle, CYCLES), failed(bundle, device="other")),
        counted(bundle, TIMER, artifact_sha256="0" * 64),  # another file
    ]
    _, text, summary = written(*rows)
    assert [item["device"] for item in summary["boards"]] == ["nucleo-f446re", "other"]
    assert [item["runtime"] for item in summary["latency"]["timings"]] == ["litert-xnnpack"]
    assert summary["latency"]["failures"] == [] and summary["latency"]["stale"] == 1
    assert summary["microcontrollers"] == [] and "Microcontrollers" not in text
    assert "c-serial" not in json.dumps(summary["fronts"])
    assert {item.runtime for item in history(rows, []).multiples} == {"litert-xnnpack"}


def test_the_commands_name_the_bundle_of_a_board(report):
    bundle, written = report
    summary = written(*(counted(bundle, clock) for clock in (TIMER, CYCLES)))[2]
    assert summary["commands"][-2:] == (
        ["edgeae bench build/tiny/int8 --port PORT", "edgeae report"]
    )


def test_without_boards_there_is_no_table(report):
    bundle, written = report
    shown, text, summary = written(timed(bundle))
    assert summary["boards"] == [] and shown == "" and "Boards" not in text
