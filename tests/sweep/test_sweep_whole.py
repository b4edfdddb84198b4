"""A small sweep for real, on scikit-learn's digits: 2 families × 2 recipes."""

import json

import pytest
from edgeae_cli import edgeae, edgeae_here

from edgeae.artifacts.bundle import open_bundle
from edgeae.sweep.journal import read as read_journal
from edgeae.sweep.result import read

GRID = """
[grid]
families = ["simple", "deep"]
codes = [8]
data = "digits"
recipes = ["float32", "int8"]
[train]
epochs = 1
"""


@pytest.mark.system
def test_a_sweep_trains_exports_and_goes_on(tmp_path):
    (tmp_path / "small.toml").write_text(GRID)
    done = edgeae("sweep", "small.toml", cwd=tmp_path, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    build = tmp_path / "build"
    sweep = read(build / "sweeps" / "small.json")
    assert sweep is not None
    assert [cell.state for cell in sweep.cells] == ["done"] * 4
    assert {cell.model for cell in sweep.cells} == {
        f"{family}-c8-e1-t1-digits" for family in ("simple", "deep")
    }
    for cell in sweep.cells:
        bundle = open_bundle(build / cell.name)
        bundle.check()
        assert bundle.manifest.loss is not None and bundle.manifest.code is not None
        assert bundle.manifest.loss.exported == cell.loss
        assert bundle.manifest.loss.float32 == pytest.approx(cell.float_loss, rel=1e-3)
        assert bundle.manifest.code.size == cell.code == cell.code_values
        assert cell.packed_bytes is not None and cell.packed_bytes < cell.bytes
    assert any(cell.on_front for cell in sweep.cells)
    _check_the_rest(tmp_path, sweep)


def _check_the_rest(place, sweep):
    """What is there is not made again; what is damaged is; and times are known now."""
    build = place / "build"
    ahead = json.loads(edgeae_here("sweep", "small.toml", "--dry-run", "--json", cwd=place).stdout)
    assert (ahead["train"]["left"], ahead["export"]["left"]) == (0, 0)
    (build / "deep-c8-e1-t1-digits" / "int8" / "encoder.tflite").write_bytes(b"damaged")
    ahead = json.loads(edgeae_here("sweep", "small.toml", "--dry-run", "--json", cwd=place).stdout)
    assert (ahead["export"]["left"], ahead["export"]["estimated"]) == (1, 1)
    assert 0 < ahead["core_hours"] < 0.1
    done = edgeae("sweep", "small.toml", cwd=place, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    again = read(build / "sweeps" / "small.json")
    assert again == sweep  # the same bytes, as they have the same hashes
    events = [item for item in read_journal(build / "sweeps" / "small.jsonl") if item.cell]
    assert len(events) == 2 + 4 + 1
    assert (events[-1].cell, events[-1].event) == ("deep-c8-e1-t1-digits/int8", "exported")
