import json
import re
from collections import Counter
from dataclasses import replace
from xml.etree import ElementTree as Xml

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeae.gate.finding import Cell, Figure, Finding, Outcome
from edgeae.gate.outputs import benchmark_action, junit, markdown, table
from edgeae.gate.outputs.format import amount, printable

MACHINE = {
    "cpu": "Fast 9000",
    "cores": 2,
    "memory_bytes": 8 * 2**30,
    "system": "Linux 6",
    "python": "3.11.2",
    "load_average": 0.25,
}
CELL = Cell("deep/int8 encoder.tflite", "base/encoder.tflite", "a" * 64, "b" * 64, "litert-xnnpack")
RATIO = Figure(
    "p50 ratio",
    "×",
    1.0042,
    "pass",
    low=1.0011,
    high=1.0073,
    limit=1.03,
    baseline=4310.0,
    candidate=4328.1,
    side_unit="ns",
)
BYTES = Figure(
    "bytes ratio",
    "×",
    1.1,
    "fail",
    limit=1.0,
    reason="bytes 60,782 B, budget 55,256 B",
    baseline=55256,
    candidate=60782,
    side_unit="B",
)
TIMED = Finding(
    CELL,
    (RATIO,),
    runtime_version="2.3.0",
    processes=6,
    fixed_ns=910.0,
    machine_error=-0.0031,
    seconds=4.25,
)
SLOW = replace(
    RATIO,
    verdict="fail",
    value=1.072,
    low=1.068,
    high=1.077,
    candidate=4620.0,
    reason="ratio 1.072 [1.068, 1.077], budget 1.030",
)
UNCLEAR = replace(RATIO, verdict="inconclusive", reason="ratio 1.030 [1.026, 1.034], budget 1.030")
ABSENT = Figure("p50 ratio", "×", None, "missing", reason="there is no baseline")


def outcome(*findings: Finding, **changes: object) -> Outcome:
    whole = Outcome(findings, "gate", "fail", MACHINE, "0123456789abcdef", 17, 9.31)
    whole = replace(whole, command="edgeae gate --suite gate --seed 17")
    return replace(whole, **changes)


def timed(figure: Figure, name=CELL.candidate, runtime=CELL.runtime) -> Finding:
    return replace(TIMED, cell=replace(CELL, candidate=name, runtime=runtime), figures=(figure,))


def same(name: str) -> Finding:
    cell = replace(CELL, candidate=name, baseline_sha256=CELL.candidate_sha256)
    return Finding(cell, (Figure("p50 ratio", "×", 1.0, "pass", limit=1.03),))


# What any gate could hand over: names that break lines, cells and tags; numbers that are none.
NAMES = st.text(st.characters(), max_size=12) | st.sampled_from(
    ["a|b", "`x`", "a\nb", "<b>&\"'", "\x1b[31m", "\x00", "\ud800", "\ufffe", "]]>", "\\", "@x #1"]
)
NUMBERS = st.none() | st.floats() | st.integers(-(10**25), 10**25)
FIGURES = st.builds(
    Figure,
    quantity=st.sampled_from(["p50 ratio", "p50", "loss ratio", "bytes", "parity"]) | NAMES,
    unit=st.sampled_from(["×", "ns", "B", "LSB", ""]),
    value=NUMBERS,
    verdict=st.sampled_from(["pass", "fail", "inconclusive", "missing"]),
    low=NUMBERS,
    high=NUMBERS,
    limit=NUMBERS,
    reason=NAMES,
    baseline=NUMBERS,
    candidate=NUMBERS,
    side_unit=st.sampled_from(["ns", "B", ""]),
)
CELLS = st.builds(
    Cell, NAMES, NAMES, NAMES, NAMES, NAMES, threads=st.integers(1, 2), batch=st.integers(1, 8)
)
FINDINGS = st.builds(
    Finding,
    cell=CELLS,
    figures=st.lists(FIGURES, min_size=1, max_size=3).map(tuple),
    runtime_version=NAMES,
    device=NAMES,
    processes=st.integers(0, 24),
    fixed_ns=NUMBERS,
    machine_error=NUMBERS,
    seconds=st.floats(),
    notes=st.lists(NAMES, max_size=2).map(tuple),
    code=st.sampled_from([0, 2, 4, 5]),
)
OUTCOMES = st.builds(
    Outcome,
    findings=st.lists(FINDINGS, max_size=4).map(tuple),
    suite=NAMES,
    on_inconclusive=st.sampled_from(["fail", "warn"]),
    machine=st.sampled_from([{}, MACHINE]) | NAMES.map(lambda name: MACHINE | {"cpu": name}),
    commit=st.none() | NAMES,
    seed=st.integers(0, 2**63),
    seconds=st.floats(),
    absent=st.lists(st.tuples(NAMES, NAMES), max_size=1).map(tuple),
)


# --- amounts


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "ns", ""),
        (45_600.0, "ns", "45.6 µs"),
        (55_256, "B", "55,256 B"),
        (1.0482, "×", "1.048"),
        (3, "LSB", "3 LSB"),
        (0.012345, "", "0.01235"),
        (1_234_567, "", "1,234,567"),
        (float("nan"), "ns", "nan ns"),
        (float("inf"), "×", "inf"),
        (1e300, "ns", "1e+300 ns"),
    ],
)
def test_amounts(value, unit, text):
    assert amount(value, unit) == text


@given(st.text(st.characters()))
def test_printable_text_is_one_line_that_says_what_it_hid(text):
    shown = printable(text)
    assert shown.isprintable()
    assert len(shown.splitlines()) <= 1
    if text.isprintable():
        assert shown == text


# --- the table


def test_a_pair_is_told_on_a_page():
    assert table.render(outcome(TIMED)) == (
        "p50                       baseline  candidate   fixed  ratio         95 %  n  verdict\n"
        "── litert-xnnpack 2.3.0, limit 1.030, against base/encoder.tflite\n"
        "deep/int8 encoder.tflite   4.31 µs    4.33 µs  910 ns  1.004  1.001–1.007  6  ✓ pass\n"
        "baseline, candidate: p50 of a call; ratio: above the fixed cost if over a tenth; "
        "n: processes\n"
        "\n"
        "this machine's own error (a baseline against itself): 0.31%\n"
        "Fast 9000, 2 cores, 8 GiB, Linux 6, Python 3.11.2, load 0.25\n"
        "order drawn from seed 17, commit 0123456789ab; took 9.3 s\n"
        "✓ pass: 1 pass"
    )


def big_suite() -> Outcome:
    """60 cells: 48 identical, one slow, one unclear, ten that pass."""
    names = [f"model-{place}/p60-int8 autoencoder.tflite" for place in range(12)]
    figures = [SLOW, UNCLEAR, *[RATIO] * 10]
    runtimes = ["litert-xnnpack", "onnxruntime-cpu"] * 6
    told = [
        replace(timed(figure, name, runtime), notes=("a software device",))
        for figure, name, runtime in zip(figures, names, runtimes, strict=True)
    ]
    told = [replace(item, figures=(*item.figures, replace(BYTES, verdict="pass"))) for item in told]
    return outcome(*told, *(same(f"other-{place}/int8 encoder.tflite") for place in range(48)))


def test_sixty_cells_are_readable_at_100_columns():
    text = table.render(big_suite())
    lines = text.split("\n")
    # reasons are one line each, whatever they hold, so that they can be searched for
    assert all(len(line) <= 100 or line.startswith(("fail:", "inconclusive:")) for line in lines)
    assert len(lines) < 35
    assert "48 identical artifacts: pass without timing" in lines
    assert "12 other figures pass: bytes ratio" in lines
    assert "12 cells: a software device" in lines
    assert lines[-1] == "✗ fail: 58 pass, 1 inconclusive, 1 fail"
    assert sum("✓ pass" in line for line in lines) == 10
    assert "other-0" not in text


def test_cells_stand_under_their_runtime():
    lines = table.render(big_suite()).split("\n")
    first, second = (
        next(place for place, line in enumerate(lines) if line.startswith(f"── {runtime}"))
        for runtime in ("litert-xnnpack", "onnxruntime-cpu")
    )
    assert [line[:8] for line in lines[first + 1 : second]] == [
        f"model-{place}/"[:8] for place in range(0, 12, 2)
    ]


def test_threads_batches_and_limits_have_headings_of_their_own():
    cell = replace(CELL, threads=2, batch=8)
    loose = replace(RATIO, limit=1.1)
    found = outcome(TIMED, replace(TIMED, cell=cell), replace(TIMED, figures=(loose,)))
    headings = [line for line in table.render(found).split("\n") if line.startswith("──")]
    assert headings == [
        "── litert-xnnpack 2.3.0, limit 1.030, against base/encoder.tflite",
        "── litert-xnnpack 2.3.0, 2 threads, batch 8, limit 1.030, against base/encoder.tflite",
        "── litert-xnnpack 2.3.0, limit 1.100, against base/encoder.tflite",
    ]


def test_a_missing_cell_stands_with_its_like():
    gone = replace(timed(ABSENT, "new.tflite"), runtime_version="", processes=0)
    gone = replace(gone, cell=replace(gone.cell, baseline=""))
    lines = table.render(outcome(gone, TIMED)).split("\n")
    assert [line.split("  ")[0] for line in lines[1:4]] == [
        "── litert-xnnpack 2.3.0, limit 1.030, against base/encoder.tflite",
        "new.tflite",
        "deep/int8 encoder.tflite",
    ]
    alone = table.render(outcome(gone)).split("\n")
    assert alone[1] == "── litert-xnnpack"


def test_a_long_name_gives_way_but_not_where_two_would_look_alike():
    name = "a/very/long/path/to/some/folder/deeper/still/the-candidate.tflite"
    text = table.render(outcome(timed(RATIO, name)))
    assert name not in text and "…" in text and "the-candidate.tflite" in text
    twins = [name, name.replace("some", "any")]
    text = table.render(outcome(*(timed(RATIO, twin) for twin in twins)))
    assert all(twin in text for twin in twins)


def test_every_figure_that_does_not_pass_has_its_line():
    found = outcome(timed(SLOW), timed(UNCLEAR), timed(BYTES), timed(ABSENT))
    lines = table.render(found).split("\n")
    name = "deep/int8 encoder.tflite on litert-xnnpack"
    for mark, figure in zip(
        ("fail", "inconclusive", "fail", "missing"), (SLOW, UNCLEAR, BYTES, ABSENT), strict=True
    ):
        assert f"{mark}: {name}: {figure.reason}" in lines
    row = next(line for line in lines if "bytes ratio" in line)
    assert re.split(r"\s{2,}", row)[1:] == [
        *("bytes ratio", "55,256 B", "60,782 B", "1.100", "1.000", "✗ fail")
    ]


def test_a_gate_that_only_warns_says_so_out_loud():
    text = table.render(outcome(timed(UNCLEAR), on_inconclusive="warn"))
    assert "warning: deep/int8 encoder.tflite on litert-xnnpack: ratio 1.030" in text
    assert text.endswith("(inconclusive is allowed: on_inconclusive is warn)")


def test_the_machines_own_error_is_the_worst():
    found = outcome(TIMED, replace(TIMED, machine_error=0.012), replace(TIMED, machine_error=None))
    assert "(a baseline against itself): 1.20%, at worst of 2 cells" in table.render(found)
    assert "own error" not in table.render(outcome(same("a")))


def test_a_runtime_that_is_not_here_is_told():
    found = outcome(TIMED, absent=(("litert-gpu", "no device; buy one"),))
    assert "\nnot on this machine: litert-gpu: no device; buy one\n" in table.render(found)
    assert "- not on this machine: litert-gpu: no device; buy one\n" in markdown.render(found)
    properties = checked(junit.render(found)).iter("property")
    assert ("not on this machine: litert-gpu", "no device; buy one") in [
        (item.get("name"), item.get("value")) for item in properties
    ]


def test_passing_without_timing_is_not_being_identical():
    """A gate of exact figures alone runs no process either."""
    exact = replace(timed(replace(BYTES, verdict="pass")), processes=0)
    text = table.render(outcome(exact))
    assert "identical" not in text and "bytes ratio" in text
    assert "1 identical artifact: passes without timing" in table.render(outcome(same("a")))


@given(OUTCOMES)
def test_the_table_is_total(found):
    lines = table.render(found).split("\n")
    assert all(line.isprintable() for line in lines)
    assert printable(found.sentence) in lines[-1]
    for finding in found.findings:
        for line in finding.lines:
            assert any(shown.endswith(printable(line)) for shown in lines)


# --- JUnit

#: What Jenkins' xunit plugin holds reports to (junit-10.xsd): element → attributes, those that are
#: required, elements within, whether it holds text.
SCHEMA = {
    "testsuites": ({"name", "time", "tests", "failures", "errors"}, set(), {"testsuite"}, False),
    "testsuite": (
        {"name", "tests", "failures", "errors", "time", "skipped", "timestamp", "hostname"},
        {"tests"},
        {"properties", "testcase", "system-out", "system-err"},
        False,
    ),
    "properties": (set(), set(), {"property"}, False),
    "property": ({"name", "value"}, {"name", "value"}, set(), False),
    "testcase": (
        {"name", "classname", "time", "status", "file", "line"},
        {"name"},
        {"skipped", "error", "failure", "system-out", "system-err"},
        False,
    ),
    **{tag: ({"type", "message"}, set(), set(), True) for tag in ("skipped", "error", "failure")},
    **{tag: (set(), set(), set(), True) for tag in ("system-out", "system-err")},
}


def checked(document: str) -> Xml.Element:
    """Parse a report, hold it to the schema, and its counts to its cases; return the suite."""
    root = Xml.fromstring(document)
    assert root.tag == "testsuites"
    for element in root.iter():
        attributes, required, within, text = SCHEMA[element.tag]
        assert required <= set(element.keys()) <= attributes
        assert {child.tag for child in element} <= within
        assert text or not (element.text or "").strip()
        assert float(element.get("time", 0)) >= 0
    (suite,) = root
    cases = suite.findall("testcase")
    for case in cases:
        assert sum(case.find(tag) is not None for tag in ("skipped", "error", "failure")) <= 1
    counts = {
        "tests": len(cases),
        "failures": len(suite.findall("testcase/failure")),
        "errors": len(suite.findall("testcase/error")),
    }
    assert {key: int(suite.get(key)) for key in counts} == counts
    assert {key: int(root.get(key)) for key in counts} == counts
    return suite


def test_a_case_for_each_cell():
    found = outcome(TIMED, timed(SLOW), timed(UNCLEAR), timed(ABSENT), same("other"))
    suite = checked(junit.render(found))
    assert suite.get("name") == "edgeae gate gate" and suite.get("time") == "9.310"
    passed, failed, unclear, absent, other = suite.findall("testcase")
    assert [case.get("time") for case in suite.findall("testcase")] == ["4.250"] * 4 + ["0.000"]
    assert {child.tag for child in passed} == {child.tag for child in other} == {"system-out"}
    told = failed.find("failure")
    assert told.get("type") == "fail"
    assert told.get("message") == told.text == f"{CELL.name}: {SLOW.reason}"
    assert unclear.find("error").get("type") == "inconclusive"
    assert absent.find("error").get("type") == "missing"
    assert suite.get("failures") == "1" and suite.get("errors") == "2"


def test_figures_are_properties():
    suite = checked(junit.render(outcome(TIMED)))
    properties = {item.get("name"): item.get("value") for item in suite.iter("property")}
    assert properties[f"{CELL.name}: p50 ratio"] == (
        "pass, 1.004, 95 % 1.001–1.007, limit 1.030, baseline 4.31 µs, candidate 4.33 µs"
    )
    assert properties["seed"] == "17" and properties["machine cpu"] == "Fast 9000"
    assert properties["command"] == "edgeae gate --suite gate --seed 17"


def test_a_warning_is_no_error():
    found = outcome(timed(UNCLEAR), timed(ABSENT), on_inconclusive="warn")
    suite = checked(junit.render(found))
    assert suite.get("errors") == "1"
    case = suite.find("testcase")
    assert [child.tag for child in case] == ["system-out"]
    assert case.find("system-out").text.startswith(f"warning: {CELL.name}: {UNCLEAR.reason}\n")


def test_a_gate_of_nothing_is_no_green_suite():
    suite = checked(junit.render(outcome()))
    assert suite.get("errors") == "1" and suite.get("tests") == "1"
    assert suite.find("testcase/error").get("message") == "missing: no cell"


@given(OUTCOMES)
def test_junit_is_total_and_valid(found):
    suite = checked(junit.render(found))
    verdicts = Counter(finding.verdict for finding in found.findings)
    errors = verdicts["missing"] + verdicts["inconclusive"] * (found.on_inconclusive == "fail")
    assert int(suite.get("failures")) == verdicts["fail"]
    assert int(suite.get("errors")) == (errors if found.findings else 1)
    names = [case.get("name") for case in suite.findall("testcase")]
    assert names == [printable(item.cell.name) for item in found.findings] or not found.findings


# --- Markdown


def cells(line: str) -> list[str]:
    """Split a row of a GitHub table at the bars that are not escaped, and undo the escapes."""
    assert line.startswith("| ") and line.endswith(" |")
    parts, escaped = [""], False
    for character in line[1:-1]:
        if escaped or character not in "\\|":
            parts[-1] += character
        elif character == "|":
            parts.append("")
        escaped = character == "\\" and not escaped
    return [part.strip() for part in parts]


def tables(text: str) -> list[list[list[str]]]:
    """Return every table: blocks of lines that begin with a bar, the second being its rule."""
    found = []
    for block in text.split("\n\n"):
        if block.startswith("|"):
            rows = [cells(line) for line in block.split("\n")]
            assert all(re.fullmatch(r":--|--:", cell) for cell in rows[1])
            assert {len(row) for row in rows} == {len(rows[0])}
            found.append([rows[0], *rows[2:]])
    return found


def test_the_summary_begins_with_the_sentence_and_a_table():
    text = markdown.render(outcome(timed(SLOW), TIMED, same("other")))
    assert text.startswith("## ✗ fail: 2 pass, 1 fail\n\n| artifact | runtime |")
    ((header, slow, quick),) = tables(text)
    assert dict(zip(header, slow, strict=True)) == {
        "artifact": "deep/int8 encoder.tflite",
        "runtime": "litert-xnnpack 2.3.0",
        "baseline": "4.31 µs",
        "candidate": "4.62 µs",
        "fixed": "910 ns",
        "ratio": "1.072",
        "95 %": "1.068–1.077",
        "limit": "1.030",
        "n": "6",
        "verdict": "✗ fail",
    }
    assert quick[-1] == "✓ pass"
    assert "\n1 identical artifact: passes without timing\n" in text
    assert r"- fail: deep/int8 encoder.tflite on litert-xnnpack: ratio 1.072 \[1.068" in text
    assert "```sh\nedgeae gate --suite gate --seed 17\n```" in text


def test_details_are_folded_and_closed():
    text = markdown.render(outcome(replace(TIMED, figures=(RATIO, BYTES), notes=("odd",))))
    assert text.count("<details>") == text.count("</details>") == 3
    visible = re.sub(r"<details>.*?</details>", "", text, flags=re.DOTALL)
    assert len(tables(visible)) == 1 and len(tables(text)) == 2
    assert "Fast 9000" not in visible and "odd" not in visible


def test_a_name_cannot_end_its_cell_nor_open_a_tag():
    name = "a|b`c`\n| d |<img src=x> **e** \\| [f](g) @h"
    text = markdown.render(outcome(timed(SLOW, name)))
    ((_, row),) = tables(text)
    assert row[0] == printable(name)
    for line in text.split("\n"):
        assert re.search(r"(?<!\\)(<img|`c|\*e|\[f|@h)", line) is None


@given(OUTCOMES)
def test_markdown_is_total_and_its_tables_are_whole(found):
    text = markdown.render(found)
    assert text.startswith("## ")
    assert all(line.isprintable() for line in text.split("\n"))
    names = {" ".join(printable(finding.cell.candidate).split()) for finding in found.findings}
    for header, *rows in tables(text):
        assert header[:2] == ["artifact", "runtime"]
        assert {row[0] for row in rows} <= names


# --- github-action-benchmark


def entries(found: Outcome) -> list[dict[str, object]]:
    """Read the JSON as the action does; NaN and infinity are no JSON."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(benchmark_action.render(found), parse_constant=refuse)


def test_the_action_plots_what_the_candidate_costs():
    parity = Figure("parity", "LSB", 2.0, "pass", limit=3.0)
    p99 = Figure("p99", "ns", 5000.5, "pass", low=4900.0, high=5100.0)
    figures = (SLOW, BYTES, parity, p99, ABSENT)
    found = entries(outcome(replace(TIMED, figures=figures)))
    assert [(item["name"], item["value"], item["unit"]) for item in found] == [
        (f"{CELL.name}: p50", 4620, "ns"),
        (f"{CELL.name}: bytes", 60782, "B"),
        (f"{CELL.name}: parity", 2, "LSB"),
        (f"{CELL.name}: p99", 5000.5, "ns"),
    ]
    assert [item.get("range") for item in found] == [
        *("ratio 1.068–1.077", None, None, "4.90 µs–5.10 µs")
    ]
    assert found[0]["extra"] == (
        "fail, value 1.072, limit 1.030, 6 processes, litert-xnnpack 2.3.0"
    )


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), float("-inf")])
def test_what_was_not_measured_is_not_plotted(value):
    figures = (replace(RATIO, value=value, candidate=value), Figure("p99", "ns", value, "missing"))
    assert entries(outcome(replace(TIMED, figures=figures))) == []


def test_a_name_is_plotted_once():
    p50 = Figure("p50", "ns", 9999.0, "pass")
    (entry,) = entries(outcome(replace(TIMED, figures=(RATIO, p50))))
    assert entry["value"] == RATIO.candidate


@given(OUTCOMES)
def test_the_actions_json_is_total_and_as_it_demands(found):
    names = []
    for entry in entries(found):
        assert {"name", "unit", "value"} <= entry.keys()
        assert entry.keys() <= {"name", "unit", "value", "range", "extra"}
        assert type(entry["value"]) in (int, float)
        assert all(isinstance(entry[key], str) for key in entry.keys() - {"value"})
        names.append(entry["name"])
    assert len(set(names)) == len(names)
