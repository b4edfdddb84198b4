"""How long an export takes: as the last time here, else by its multiply-accumulates."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from fake_exports import fake_model

from edgeae import recipe
from edgeae.conversion.plan.durations import EXPORTS, Durations, Expected, total, work_seconds
from edgeae.conversion.plan.work import Work

INT8, PRUNED = recipe.find("int8"), recipe.find("p60-int8")
WORK = Work(10**6, 10**4, 10**5, 784, test=10_000, train=0, representative=500, steps=0)


def quiet(line: str) -> None:
    raise AssertionError(line)


def model(build: Path, name: str, macs: int = 10**6):
    return fake_model(build / name, macs=macs)


def test_the_same_export_takes_as_long_as_last_time(tmp_path):
    one, other = model(tmp_path, "one"), model(tmp_path, "other")
    for seconds in (12.0, 40.0):
        Durations(tmp_path, quiet).record(one, INT8, 2, seconds)
    book = Durations(tmp_path, quiet)
    assert book.expected(one, INT8) == Expected(40.0, recorded=True)
    assert book.expected(one, INT8).to_text() == "about 40 s, as last time"
    assert not book.expected(one, PRUNED).recorded
    assert not book.expected(other, INT8).recorded


def test_an_estimate_follows_the_pace_of_this_machine(tmp_path):
    one, other = model(tmp_path, "one"), model(tmp_path, "other", 2 * 10**6)
    before = Durations(tmp_path, quiet).expected(other, INT8).seconds
    work = work_seconds(Work.of(one, INT8))
    assert before is not None and work is not None
    Durations(tmp_path, quiet).record(one, INT8, 1, 3 * work)  # a slow machine
    after = Durations(tmp_path, quiet).expected(other, INT8)
    assert after.seconds == pytest.approx(3 * before, rel=1e-3)
    assert after.to_text().endswith(", by its multiply-accumulates")


def test_rows_of_another_machine_do_not_count(tmp_path):
    one = model(tmp_path, "one")
    Durations(tmp_path, quiet).record(one, INT8, 1, 40.0)
    file = tmp_path / EXPORTS
    row = json.loads(file.read_text())
    file.write_text(json.dumps({**row, "machine": ["another", 1, "z80", 65536]}) + "\n")
    assert not Durations(tmp_path, quiet).expected(one, INT8).recorded


@pytest.mark.parametrize(
    ("changes", "more"),
    [
        ({"steps": 100}, True),
        ({"macs": 2 * 10**6}, True),
        ({"test": 20_000}, True),
        ({"representative": 5000}, True),
        ({"parameters": 10**7}, False),
    ],
)
def test_work_takes_longer_where_more_is_computed(changes, more):
    least, seconds = work_seconds(WORK), work_seconds(replace(WORK, **changes))
    assert least is not None and seconds is not None
    assert (seconds > least) == more


def test_without_multiply_accumulates_nothing_is_promised(tmp_path):
    one = model(tmp_path, "one", macs=0)
    book = Durations(tmp_path, quiet)
    assert book.expected(one, INT8) == Expected(None)
    assert "no estimate" in book.expected(one, INT8).to_text()
    book.record(one, INT8, 1, 9.0)
    assert Durations(tmp_path, quiet).expected(one, INT8).seconds == 9.0


def test_a_damaged_file_is_reported_and_not_used(tmp_path):
    one = model(tmp_path, "one")
    Durations(tmp_path, quiet).record(one, INT8, 1, 40.0)
    with (tmp_path / EXPORTS).open("a") as stream:
        stream.write('{"schema": 1, "model": 7}\n')
    told: list[str] = []
    assert not Durations(tmp_path, told.append).expected(one, INT8).recorded
    (line,) = told
    assert line.startswith(f"{tmp_path / EXPORTS}:2: not the row of an export")


def test_several_exports_take_the_longest_or_their_share():
    assert total([Expected(10.0), Expected(30.0, True)], 2).seconds == 30
    assert total([Expected(10.0, True)] * 6, 2) == Expected(30.0, recorded=True)
    assert total([Expected(10.0), Expected(None)], 2) == Expected(None)
