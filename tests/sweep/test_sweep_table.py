"""The table of a sweep, its Pareto front, and the file with its figures."""

import json
from dataclasses import replace

import pytest

from edgeae.errors import BadInput
from edgeae.sweep.result import SCHEMA, Sweep, SweepCell, on_front, read, write
from edgeae.sweep.table import render

CELL = SweepCell(
    model="deep-c8",
    recipe="int8",
    family="deep",
    code=8,
    hidden=(128, 64),
    activation="relu",
    seed=0,
    data="auto",
    state="done",
    code_values=8,
    float_loss=0.02,
    loss=0.0211,
    loss_ratio=1.055,
    packed_bytes=55_256,
    bytes=58_000,
    sha256="0" * 64,
)


def of(*cells: SweepCell) -> Sweep:
    return Sweep(SCHEMA, "s", {"families": ["deep"]}, {}, {}, {}, 0, cells)


def test_the_front_is_of_loss_and_packed_bytes_and_per_dataset():
    cells = [
        CELL,
        replace(CELL, model="small", loss=0.03, packed_bytes=1000),
        replace(CELL, model="worse", loss=0.03, packed_bytes=1001),
        replace(CELL, model="gone", loss=None, state="failed"),
        replace(CELL, model="other", data="digits", loss=0.5, packed_bytes=90_000),
    ]
    assert on_front(cells) == {"deep-c8/int8", "small/int8", "other/int8"}


def test_where_instructions_were_counted_they_are_the_third_axis_of_the_front():
    best = replace(CELL, instructions=900)
    cells = [
        best,
        replace(best, model="lean", loss=0.03, packed_bytes=60_000, instructions=100),
        replace(best, model="worse", instructions=901),
        replace(CELL, model="uncounted", loss=0.001, packed_bytes=1),
        replace(CELL, model="other", data="digits"),
        replace(CELL, model="beaten", data="digits", packed_bytes=99_000),
    ]
    assert on_front(cells) == {"deep-c8/int8", "lean/int8", "other/int8"}
    told = "* on the Pareto front of loss, packed bytes and instructions"
    assert told in render(of(*cells), "f").splitlines()


def test_the_table_shows_figures_state_and_reason_and_counts():
    failed = SweepCell(
        **{
            **{key: getattr(CELL, key) for key in ("family", "code", "hidden", "activation")},
            **{"model": "deep-c4", "recipe": "float32", "seed": 0, "data": "auto"},
            **{"state": "failed", "reason": "training: the loss is no number"},
        }
    )
    text = render(of(replace(CELL, on_front=True), failed), "build/sweeps/s.json")
    assert text.splitlines() == [
        "   model/recipe     float loss      loss   ratio    packed  state",
        "*  deep-c8/int8       0.020000  0.021100  1.0550  55,256 B  done",
        "   deep-c4/float32" + " " * 42 + "failed: training: the loss is no number",
        "* on the Pareto front of loss and packed bytes",
        "build/sweeps/s.json: 2 cells: 1 done, 1 failed",
    ]
    counted = replace(CELL, instructions=12_345, flash_bytes=2000, ram_bytes=300)
    text = render(of(counted, CELL), "f")
    assert "instructions    flash    RAM  state" in text
    assert "12,345  2,000 B  300 B  done" in text


def test_a_long_table_has_the_front_only():
    cells = [replace(CELL, model=f"m{number}") for number in range(100)]
    cells[7] = replace(cells[7], on_front=True)
    lines = render(of(*cells), "f").splitlines()
    assert len(lines) == 5 and lines[1].startswith("*  m7/int8")
    assert lines[-2:] == ["99 cells are not shown", "f: 100 cells: 100 done"]


def test_the_file_is_read_again_and_damage_is_refused(tmp_path):
    path = tmp_path / "s.json"
    assert read(path) is None
    write(path, of(CELL))
    assert read(path) == of(CELL)
    table = json.loads(path.read_text())
    for damage in ({"schema": 9}, {"cells": [{"model": 3}]}, {"new": 1}):
        path.write_text(json.dumps({**table, **damage}))
        with pytest.raises(BadInput, match=r"s\.json: "):
            read(path)
