"""The comparison of the engines: its table, its verdicts, and the file in which it is kept."""

import json
from dataclasses import replace

import pytest

from edgeae import recipe
from edgeae.comparison.compare import Comparison, Measured, compare, read
from edgeae.comparison.pairs import ENGINES, PAIRS
from edgeae.comparison.table import page, render, verdicts
from edgeae.conversion.plan.export import ExportOutcome
from edgeae.errors import BadInput

OURS = Measured("QAT", "edgeae", "a", "r", "w", 1.01, 1000, 900, 800, 12.4)
THEIRS = replace(OURS, engine="tfmot", ratio=1.05, packed=790)


def test_both_recipes_of_a_pair_have_the_same_budget():
    for pair in PAIRS:
        ours, theirs = (pair.recipe(engine) for engine in ENGINES)
        assert ours.steps == theirs.steps
        for one, other in zip(ours.settings, theirs.settings, strict=True):
            assert (one.engine, other.engine) == ENGINES
            assert (one.steps, one.learning_rate) == (other.steps, other.learning_rate)
    assert recipe.find("tfmot-p80-pqat-int8").prune.sparsity == 0.8


def test_a_cell_is_the_mean_over_the_models_with_its_spread():
    both = Comparison((OURS, replace(OURS, model="b", ratio=1.03, seconds=None), THEIRS))
    (ours,) = (
        line for line in render(both).splitlines() if line.startswith("QAT") and "edgeae" in line
    )
    assert ours.split()[1:] == [
        "edgeae",
        "1.0200",
        "±",
        "0.0141",
        *["1,000", "B", "900", "B", "800", "B", "12", "s"],
    ]
    assert "| QAT | tfmot | 1.0500 | 1,000 B | 900 B | 790 B | 12 s |" in page(
        both, "edgeae compare"
    )


def test_where_tfmot_is_better_a_line_says_so():
    assert verdicts(Comparison((OURS, THEIRS))) == [
        "QAT: tfmot is smaller when packed, 790 B against 800 B."
    ]
    better = Comparison((OURS, replace(THEIRS, ratio=1.001)))
    assert verdicts(better)[0] == "QAT: tfmot loses less, 1.0010 against 1.0100."
    assert verdicts(Comparison((OURS, replace(THEIRS, packed=800)))) == [
        "In no row does tfmot lose less, or is smaller when packed."
    ]


def test_what_a_recipe_does_not_take_is_a_cell():
    refused = Measured("QAT", "tfmot", "a", refused="[qat] engine = 'tfmot': layer x")
    (line,) = (
        item for item in render(Comparison((OURS, refused))).splitlines() if "refused" in item
    )
    assert line.split() == ["QAT", "tfmot", "refused"]


def test_only_tfmot_refuses_and_what_fails_under_edgeae_is_an_error(tmp_path, monkeypatch):
    def failed(cells, **_):
        return [ExportOutcome(cells[0], "failed", BadInput("m: no original"))], []

    monkeypatch.setattr("edgeae.comparison.compare.settle", failed)
    with pytest.raises(BadInput, match="m: no original"):
        list(compare([tmp_path / "m"], tmp_path / "compare.json", print))
    assert not (tmp_path / "compare.json").exists()


def test_what_was_kept_is_read_again_and_damage_is_refused(tmp_path):
    path, both = tmp_path / "compare.json", Comparison((OURS, THEIRS))
    path.write_text(json.dumps(both.to_json()))
    assert read(path) == both
    for damaged in ("{", "[]", '{"schema": 9}', '{"schema": 1, "measured": [{"about": 3}]}'):
        path.write_text(damaged)
        with pytest.raises(BadInput, match=r"compare\.json: .*; remove it to compare again"):
            read(path)
