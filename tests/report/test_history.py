"""`edgeae history`: stored results over commits, on a page and as text. No clock is read here."""

import json
import subprocess
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path

import pytest
from edgeae_cli import edgeae_here
from read_pages import Reader
from result_rows import MACHINE

from edgeae.errors import NotMeasured, RuntimeUnavailable
from edgeae.report.history_page import page, write
from edgeae.report.history_table import render
from edgeae.summary.history import History, history, read
from edgeae.timing.results import Result, append

SLOW = {**MACHINE, "cpu": "Slow 1"}
A, B, C, D = (letter * 40 for letter in "abcd")


def row(commit: str | None = A, p50_ns: int = 10_000, **changes: object) -> Result:
    """Eleven blocks of ten calls: p50 as given, the interval 1 % around it."""
    middle = p50_ns * 10
    samples = [middle - middle // 100] * 5 + [middle] + [middle + middle // 100] * 5
    made = Result(
        model="deep",
        recipe="int8",
        part="encoder",
        format="tflite",
        flavour="int8",
        artifact_sha256="5" * 64,
        bytes=1,
        runtime="litert-xnnpack",
        threads=1,
        machine=MACHINE,
        commit=commit,
        block=10,
        samples_ns=tuple(samples),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def failed(commit: str | None, error: str = "crashed with SIGSEGV", **changes: object) -> Result:
    return row(commit, samples_ns=(), block=None, error=error, code=5, **changes)


def only(found: History) -> list[list[tuple[str, float]]]:
    """Return the only multiple's stretches: machine by machine, (commit, p50)."""
    (multiple,) = found.multiples
    return [
        [(found.commits[point.commit], point.p50_ns) for point in stretch]
        for line in multiple.lines
        for stretch in line.stretches
    ]


def plots(text: str) -> list[ElementTree.Element]:
    """Return the page's drawings, parsed."""
    pieces = text.split("<svg ")[1:]
    drawn = [
        ElementTree.fromstring(f"<svg {piece.partition('</svg>')[0]}</svg>") for piece in pieces
    ]
    return [item for item in drawn if item.get("role") == "img"]


def commit(folder: Path, message: str) -> str:
    who = ["-c", "user.name=t", "-c", "user.email=t@t"]
    command = ["git", "-C", str(folder), *who, "commit", "-q", "--allow-empty", "-m", message]
    subprocess.run(command, check=True)
    done = subprocess.run(
        ["git", "-C", str(folder), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_commits_are_in_the_logs_order_whatever_the_files() -> None:
    rows = [row(C, 12_000), row(A, 10_000), row(B, 11_000)]
    assert only(history(rows, [A, B, C])) == [[(A, 10_000), (B, 11_000), (C, 12_000)]]


def test_without_a_log_they_are_in_the_files() -> None:
    rows = [row(C), row(A), row(B), row(C)]
    assert history(rows, []).commits == (C, A, B)


def test_what_the_log_does_not_know_stands_behind_what_it_was_appended_after() -> None:
    rows = [row(D), row(A), row(None), row(C), row(B)]
    found = history(rows, [A, B, C])
    assert found.commits == (D, A, "", B, C)
    assert found.known == 3


def test_rows_of_one_commit_are_one_point_whose_interval_covers_all_of_them() -> None:
    rows = [row(A, 10_000), row(A, 19_000), row(A, 11_000)]
    (point,) = history(rows, []).multiples[0].lines[0].points
    assert (point.p50_ns, point.rows) == (11_000, 3)
    assert (point.low_ns, point.high_ns) == (9_900, 19_190)


def test_other_bytes_at_the_same_commit_are_another_point() -> None:
    rows = [row(A, 10_000), row(A, 20_000, artifact_sha256="6" * 64)]
    assert only(history(rows, [])) == [[(A, 10_000), (A, 20_000)]]


def test_machines_are_never_joined() -> None:
    rows = [row(A, 10_000), row(A, 30_000, machine=SLOW), row(B, 10_100)]
    rows += [row(B, 30_100, machine=SLOW)]
    found = history(rows, [A, B])
    assert only(found) == [[(A, 10_000), (B, 10_100)], [(A, 30_000), (B, 30_100)]]
    ways = [item for svg in plots(page(found)) for item in svg.iter("polyline")]
    assert [len((way.get("points") or "").split()) for way in ways] == [2, 2]
    # each way stays on its own height: a line between machines would cross the plot
    for way in ways:
        heights = [float(pair.split(",")[1]) for pair in (way.get("points") or "").split()]
        assert max(heights) - min(heights) < 10


def test_a_load_average_makes_no_other_machine() -> None:
    rows = [row(A), row(B, machine={**MACHINE, "load_average": 9.0})]
    found = history(rows, [])
    assert len(found.machines) == 1 and found.machines[0]["load_average"] == 9.0


def test_a_failure_is_a_gap_that_is_shown() -> None:
    found = history([row(A), failed(B), row(C)], [A, B, C])
    assert [[name for name, _ in stretch] for stretch in only(found)] == [[A], [C]]
    (svg,) = plots(page(found))
    crosses = [item for item in svg.iter("g") if "failure" in (item.get("class") or "")]
    assert [cross.findtext("title") for cross in crosses] == [
        "bbbbbbb, machine 1: crashed with SIGSEGV"
    ]
    assert not list(svg.iter("polyline"))
    assert "crashed with SIGSEGV" in Reader(page(found)).text


def test_a_failure_beside_a_time_of_the_same_commit_parts_nothing() -> None:
    found = history([row(A), failed(B), row(B), row(C)], [A, B, C])
    assert [len(stretch) for stretch in only(found)] == [3]
    assert len(found.multiples[0].lines[0].failures) == 1


def test_nothing_but_failures_is_still_a_plot() -> None:
    found = history([failed(A), failed(B)], [])
    (svg,) = plots(page(found))
    assert "nothing was timed" in "".join(svg.itertext())
    assert render(found).count("deep/int8 encoder.tflite") == 1


def test_each_way_of_running_is_a_multiple_of_its_own() -> None:
    rows = [
        row(),
        row(threads=2),
        row(batch=8),
        row(runtime="null"),
        row(recipe="float32"),
        row(part="decoder"),
        row(format="onnx"),
        row(model="simple"),
    ]
    found = history(rows, [])
    assert len(found.multiples) == 8
    assert {item.how for item in found.multiples} == {
        "litert-xnnpack",
        "litert-xnnpack, 2 threads",
        "litert-xnnpack, batch 8",
        "null",
    }
    assert len(plots(page(found))) == 8


def test_a_software_device_is_shown_apart() -> None:
    found = history([row(runtime="litert-gpu", software=True), row(runtime="null")], [])
    assert [item.how for item in found.multiples] == ["null", "litert-gpu, software device"]
    assert "deep, encoder, software devices" in Reader(page(found)).text


def test_an_unstable_time_says_so() -> None:
    found = history([row(unstable=("swapping",)), row(B)], [])
    (svg,) = plots(page(found))
    marks = [item.get("class") for item in svg.iter("path")]
    assert [("unstable" in (mark or "")) for mark in marks] == [True, False]
    assert "unstable: swapping" in "".join(svg.itertext())


def test_an_absent_runtime_is_told() -> None:
    gone = Result(
        "", "", "", "", "", "", 0, "tensorflow-gpu", 0, MACHINE, A, error="no GPU", code=3
    )
    found = history([row(), gone, replace(gone, error="still no GPU")], [])
    assert "tensorflow-gpu: missing in 2 rows: still no GPU" in render(found)
    assert "still no GPU" in Reader(page(found)).text


def test_a_zero_of_a_coarse_clock_is_drawn_too() -> None:
    found = history([row(samples_ns=(0,) * 20), row(B)], [])
    assert len(plots(page(found))) == 1
    assert render(found)


def test_equal_times_of_a_hundred_commits_are_drawn() -> None:
    rows = [row(f"{number:040x}", 1) for number in range(100)]
    (svg,) = plots(page(history(rows, [])))
    width = float(svg.get("width") or 0)
    points = next(svg.iter("polyline")).get("points") or ""
    across = [float(pair.split(",")[0]) for pair in points.split()]
    assert len(across) == 100 and across == sorted(across) and 0 < across[0] < across[-1] < width


def test_hostile_names_are_text() -> None:
    found = history([row(model="<script>x</script>"), failed(B, "</svg><script>y</script>")], [])
    text = page(found)
    assert "script" not in [tag for tag, _ in Reader(text).tags]
    assert "<script>x</script>" in Reader(text).text


def test_the_page_stands_alone(tmp_path: Path) -> None:
    write(history([row()], []), tmp_path / "new" / "h.html")
    text = (tmp_path / "new" / "h.html").read_text()
    outside = [
        value
        for _, attributes in Reader(text).tags
        for key, value in attributes.items()
        if key in ("src", "href") and not (value or "").startswith("data:")
    ]
    assert outside == [] and "prefers-color-scheme: dark" in text


def test_without_jinja2_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "jinja2", None)
    with pytest.raises(RuntimeUnavailable, match=r"pip install 'edgeae\[report\]'"):
        page(history([row()], []))


def test_no_results_are_not_measured(tmp_path: Path) -> None:
    with pytest.raises(NotMeasured, match="edgeae bench"):
        read(tmp_path / "build", tmp_path)


def test_a_user_sees_the_repositorys_order_and_that_history_judges_nothing(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    first, second = commit(tmp_path, "one"), commit(tmp_path, "two")
    for name, p50_ns in ((second, 99_000), (first, 10_000)):  # far slower, and still exit 0
        append(tmp_path / "build" / "results.jsonl", row(name, p50_ns))
    done = edgeae_here("history", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (line,) = [item for item in done.stdout.splitlines() if item.startswith("deep/int8")]
    assert line.split()[-8:] == [first[:7], "10.0", "µs", second[:7], "99.0", "µs", "1.0%", "0"]
    assert "A history is no basis for a verdict" in done.stdout
    assert done.stdout.splitlines()[-1] == "build/report/history.html"
    shown = Reader((tmp_path / done.stdout.splitlines()[-1]).read_text()).text
    assert "no basis for a verdict" in shown
    told = json.loads(edgeae_here("history", "--json", "--out", "h.html", cwd=tmp_path).stdout)
    assert told["commits"] == [first, second] and (tmp_path / "h.html").exists()


def test_a_user_without_results_is_told(tmp_path: Path) -> None:
    done = edgeae_here("history", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == ("edgeae: build/results.jsonl: no results; `edgeae bench` makes them\n")
