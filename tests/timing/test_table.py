import re
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edgeae.system.machine import machine_line
from edgeae.text.amounts import duration, size, throughput
from edgeae.text.columns import align
from edgeae.timing.results import Result
from edgeae.timing.table import render

UNIT_NS = {"ns": 1, "µs": 1e3, "ms": 1e6, "s": 1e9}
MACHINE = {
    "cpu": "Fast 9000",
    "cores": 2,
    "memory_bytes": 8 * 2**30,
    "system": "Linux 6",
    "python": "3.11.2",
    "load_average": 0.25,
}
ROW = Result(
    model="tiny",
    recipe="int8",
    part="encoder",
    format="tflite",
    flavour="int8",
    artifact_sha256="0" * 64,
    bytes=2345,
    runtime="litert-xnnpack",
    threads=1,
    machine=MACHINE,
    commit=None,
    runtime_version="2.3.0",
    load_ns=1_230_000,
    first_ns=45_600,
    block=100,
    samples_ns=(300_000,) * 200,
    settled=True,
    rss_peak_bytes=51_400_000,
)


@given(st.floats(1, 1e12))
@example(999.4)
@example(9.996)
@example(99.96e3)
@example(999.5e6)
def test_a_duration_has_three_digits_and_loses_at_most_half_a_percent(nanoseconds):
    text = duration(nanoseconds)
    number, unit = text.split(" ")
    assert len(number.replace(".", "")) == 3 or (unit == "s" and nanoseconds > 999e9)
    assert float(number) * UNIT_NS[unit] == pytest.approx(nanoseconds, rel=0.00501)
    assert 1 <= float(number) < 1000 or unit == "s"


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0.00 ns"),
        (1, "1.00 ns"),
        (999.4, "999 ns"),
        (999.6, "1.00 µs"),
        (1_000, "1.00 µs"),
        (1_234, "1.23 µs"),
        (9_996, "10.0 µs"),
        (45_600, "45.6 µs"),
        (999_400, "999 µs"),
        (999_700, "1.00 ms"),
        (123_456_789, "123 ms"),
        (999_700_000, "1.00 s"),
        (61_000_000_000, "61.0 s"),
    ],
)
def test_durations_at_their_boundaries(nanoseconds, text):
    assert duration(nanoseconds) == text


def test_bytes_have_thousands_separators():
    assert [size(0), size(999), size(55_256)] == ["0 B", "999 B", "55,256 B"]


def test_columns_are_aligned_and_lines_end_where_they_end():
    rows = [["name", "p50", ""], ["a", "1.00 µs", "x"], ["longer", "9 ns", ""]]
    assert align(rows, left=1) == "name        p50\na       1.00 µs  x\nlonger     9 ns"
    assert align([["a", "b"], ["ccc", "d"]], left=2) == "a    b\nccc  d"


@given(st.lists(st.tuples(*[st.text("aé µ×", max_size=9)] * 3), min_size=1), st.integers(0, 3))
def test_every_cell_of_a_column_lies_in_the_same_place(rows, left):
    lines = align(rows, left).split("\n")
    assert len(lines) == len(rows)
    start = 0
    for column in range(3):
        width = max(len(row[column]) for row in rows)
        for row, line in zip(rows, lines, strict=True):
            cell = line[start : start + width].ljust(width)
            text = row[column].ljust(width) if column < left else row[column].rjust(width)
            assert cell == text
        start += width + 2


def test_the_machine_is_one_line():
    line = machine_line(MACHINE)
    assert line == "Fast 9000, 2 cores, 8 GiB, Linux 6, Python 3.11.2, load 0.25"


def test_a_row_shows_calls_and_not_blocks():
    rising = tuple(range(250_100, 350_000, 500))  # 200 blocks of 100 calls, median 300 µs
    text = render([replace(ROW, samples_ns=rising)])
    line = next(line for line in text.split("\n") if line.startswith("tiny/int8"))
    assert re.split(r"\s{2,}", line)[:4] == [
        "tiny/int8",
        "encoder.tflite",
        "litert-xnnpack",
        "2.3.0",
    ]
    assert " 3.00 µs" in line and " 3.40 µs" in line and " 3.49 µs" in line  # p50, p90, p99
    # MAD of a straight line: a quarter of its range, 25 of 300 µs; a call in 2.9985 µs
    for cell in ("8.3%", "334 k/s", "2,345 B"):
        assert cell in line


def section(text: str, name: str) -> list[str]:
    """The lines below a heading, up to an empty one."""
    lines = text.split("\n")
    start = lines.index(name) + 1
    return lines[start : [*lines, ""].index("", start)]


def test_the_fixed_cost_stands_beside_the_median_and_is_never_subtracted():
    fixed = replace(ROW, fixed_block=200, fixed_samples_ns=(250_000, 260_000, 290_000))
    header, line = render([fixed]).split("\n")[1:3]
    assert re.split(r"\s{2,}", header)[5:8] == ["batch", "p50", "fixed"]
    assert re.search(r" 3\.00 µs\s+1\.30 µs ", line)
    assert "never subtracted" in render([fixed])


def test_a_cold_start_has_a_table_of_its_own():
    row = replace(ROW, start_ns=412_000_000, import_ns=78_000_000)
    steady, cold = render([row]).split("cold start")
    for cell in ("1.23 ms", "45.6 µs", "51 MB", "412 ms", "78.0 ms"):
        assert cell not in steady and cell in cold
    header, line = section(render([row]), "cold start")
    assert header.endswith("start to answer   import     load    first  peak RSS")
    assert line.endswith("412 ms  78.0 ms  1.23 ms  45.6 µs     51 MB")


def test_a_row_of_the_first_schema_leaves_empty_what_it_does_not_know():
    (_, line) = section(render([ROW]), "cold start")
    assert re.split(r"\s{2,}", line)[-3:] == ["1.23 ms", "45.6 µs", "51 MB"]


def test_what_is_unstable_says_so_below_its_row_with_all_reasons():
    shaky = replace(ROW, unstable=("drift of +4.1%", "preempted 900 times"))
    lines = render([shaky, replace(ROW, part="decoder")]).split("\n")
    (warning,) = [line for line in lines if "unstable" in line]
    assert warning == "  unstable: drift of +4.1%; preempted 900 times"
    assert "encoder.tflite" in lines[lines.index(warning) - 1]


def test_software_devices_stand_apart_and_say_what_they_are():
    emulated = replace(ROW, runtime="litert-gpu", device="SwiftShader", software=True)
    text = render([emulated, ROW])
    first, *rest = text.split("\n\n")
    assert "litert-gpu" not in first and "litert-xnnpack" in first
    assert rest[0].startswith("software devices, emulated")
    assert "litert-gpu on SwiftShader" in rest[0] and "litert-xnnpack" not in rest[0]
    only = render([emulated])
    assert "software devices" in only and "p50" in only


def test_processes_of_one_bench_are_pooled_and_those_of_two_are_not():
    blocks = {1: 100_000, 2: 300_000, 3: 200_000}
    rows = [
        replace(ROW, session="s", round=number, samples_ns=(ns,) * 200)
        for number, ns in blocks.items()
    ]
    lines = [line for line in render(rows).split("\n") if "encoder.tflite" in line]
    assert len(lines) == 2 and " 2.00 µs" in lines[0]  # steady state, cold start
    apart = [*rows, replace(ROW, session="t")]
    assert len([line for line in render(apart).split("\n") if "encoder.tflite" in line]) == 4


def test_batches_and_threads_are_kept_apart():
    rows = [
        replace(ROW, session="s", threads=threads, batch=batch, samples_ns=(300_000 * batch,) * 9)
        for threads in (1, 2)
        for batch in (1, 8)
    ]
    lines = [line for line in render(rows).split("\n") if "encoder.tflite" in line][:4]
    cells = [re.split(r"\s{2,}", line)[4:7] for line in lines]
    assert cells == [
        ["1", "1", "3.00 µs"],
        ["2", "1", "3.00 µs"],
        ["1", "8", "24.0 µs"],
        ["2", "8", "24.0 µs"],
    ]
    # as many examples a second, whatever the batch
    assert all(" 333 k/s " in line for line in lines)


def test_a_bare_file_goes_by_its_name():
    text = render([replace(ROW, model="mine", recipe="file", part="model")])
    assert re.search(r"^mine\s+model\.tflite", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("rate", "text"),
    [(0, "0.00 /s"), (12.34, "12.3 /s"), (999_700, "1.00 M/s"), (2.6e9, "2.60 G/s")],
)
def test_throughput_has_three_digits(rate, text):
    assert throughput(rate) == text


def test_rows_are_sorted_by_model_part_and_median():
    fast, slow = (300_000,) * 200, (300_001,) * 200
    rows = [
        replace(ROW, model="z", runtime="1"),
        replace(ROW, model="a", part="encoder", runtime="4", samples_ns=slow),
        replace(ROW, model="a", part="encoder", runtime="3", samples_ns=fast),
        replace(ROW, model="a", part="decoder", runtime="2", samples_ns=slow),
        # a longer sample of more calls is the faster call
        replace(ROW, model="a", runtime="5", samples_ns=(310_000,) * 200, block=200),
    ]
    table = render(rows).split("\n")[2:7]
    assert [re.split(r"\s{2,}", line)[2] for line in table] == ["2", "5", "3", "4", "1"]


def test_what_did_not_settle_is_marked():
    spread = re.compile(r" ([\d.]+%!?) ")
    quiet = render([ROW]).split("\n")[2]
    noisy = render([replace(ROW, settled=False)]).split("\n")[2]
    assert spread.search(quiet).group(1) == "0.0%"
    assert spread.search(noisy).group(1) == "0.0%!"


def test_what_was_not_timed_is_told_below_with_its_reason():
    absent = replace(
        ROW, model="", recipe="", runtime="board", samples_ns=(), error="none here; buy one"
    )
    wrong = replace(ROW, runtime="broken", samples_ns=(), error="wrong answer", code=1)
    text = render([absent, wrong, ROW])
    assert text.split("\n")[-2:] == [
        "board: none here; buy one",
        "tiny/int8 encoder.tflite on broken: wrong answer",
    ]
    batch = render([replace(wrong, batch=8, threads=2)])
    assert batch.endswith("tiny/int8 encoder.tflite on broken (2 threads, batch 8): wrong answer")


def test_a_note_is_told_once():
    noted = replace(ROW, note="some operators ran outside")
    text = render([noted, replace(noted, part="decoder"), ROW])
    assert text.count("litert-xnnpack on int8: some operators ran outside") == 1


def test_nothing_timed_is_no_table():
    assert render([]) == ""
    only = replace(ROW, samples_ns=(), error="crashed")
    assert "p50" not in render([only])


def test_a_memory_that_the_kernel_does_not_tell_is_unknown():
    assert "unknown" in render([replace(ROW, rss_peak_bytes=None)])


def test_a_clock_of_zeros_does_not_break_the_table():
    assert " ?!" in render([replace(ROW, samples_ns=(0, 0), settled=False)])
