"""A table in raw units, all the way: what is garbage fails, though one column is 1,000 wide."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from edgeae_cli import ROOT, edgeae_warm, script

from edgeae.artifacts.bundle import open_bundle
from edgeae.artifacts.manifest import Manifest

pytestmark = [pytest.mark.tensorflow, pytest.mark.ways]

RECIPES = ("float32", "dynamic", "int8", "int4")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("raw")
    (place / "export").symlink_to(ROOT / "export")
    script("raw_table_child.py", place)
    done = edgeae_warm("import", "raw.h5", "--data", "rows.npy", cwd=place)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr
    return place


@pytest.fixture(scope="module")
def said(place: Path) -> str:
    recipes = [f"--recipe={name}" for name in RECIPES]
    done = edgeae_warm("export", "raw", *recipes, cwd=place)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.fixture(scope="module")
def manifests(place: Path, said: str) -> dict[str, Manifest]:
    return {name: open_bundle(place / "build" / "raw" / name).manifest for name in RECIPES}


def test_the_case_is_what_it_is_said_to_be(manifests, place):
    rows = np.load(place / "rows.npy").astype(np.float64)
    found = manifests["int4"]
    assert found.dataset["span"] > 1000
    assert found.dataset["mean_loss"] == pytest.approx(rows.var(axis=0).mean(), rel=0.3)
    assert found.loss.float32 < found.dataset["mean_loss"] / 8  # a model that is worth something
    assert found.loss.ratio > 10  # and an export that is not
    by_range = found.tolerance.times(found.dataset["span"] ** 2)
    assert found.loss.added < by_range.added_loss  # judged by the range, it passed


def test_what_is_garbage_fails_and_what_is_sound_passes(manifests, place):
    done = edgeae_warm("verify", "--json", cwd=place)
    assert done.returncode == 1, done.stdout + done.stderr
    verdicts = {
        item["recipe"]: {row["verdict"] for row in item["rows"]} - {"unavailable"}
        for item in json.loads(done.stdout)
    }
    assert {name for name, found in verdicts.items() if "fail" in found} == {"int8", "int4"}
    assert verdicts["float32"] == verdicts["dynamic"] == {"pass"}
    lines = [line for line in done.stderr.splitlines() if "added_loss" in line]
    assert lines and all(re.search(r"build/raw/int[48]/", line) for line in lines)


def test_the_export_warns_of_ratios_and_says_what_helps(manifests, said):
    warned = dict(re.findall(r"^warning: raw/(\S+): the loss, (.*)$", said, re.MULTILINE))
    assert warned.keys() == {
        name for name, found in manifests.items() if found.loss.yardstick_ratio > 1.5
    }
    assert "int4" in warned
    for line in warned.values():
        assert "standardise" in line and "dynamic" in line and "int16x8" in line
