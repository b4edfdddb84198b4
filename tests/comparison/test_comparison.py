"""The comparison of the engines: its table, its verdicts, and the file in which it is kept."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest

from edgeae import recipe
from edgeae.comparison.compare import compare
from edgeae.comparison.pairs import PAIRS
from edgeae.conversion.plan.export import ExportOutcome
from edgeae.errors import BadInput
from edgeae.summary.comparison import ENGINES, Comparison, Measured, page, read, table, tables

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
    ours, theirs = table(both).rows
    assert ours.cells == [
        *("QAT", "edgeae", "1.0200 ± 0.0141", "1,000 B", "900 B", "800 B", "12 s")
    ]
    assert theirs.cells[2] == "1.0500" and table(both).models == ("a", "b")
    assert table(Comparison((replace(OURS, seconds=None),))).rows[0].cells[-1] == "unknown"
    told = page([table(both)], "edgeae compare")
    assert "## a, b\n\n|  | engine |" in told and "Made by `edgeae compare`." in told
    assert "| QAT | tfmot | 1.0500 | 1,000 B | 900 B | 790 B | 12 s |" in told


def test_where_tfmot_is_better_a_line_says_so():
    assert table(Comparison((OURS, THEIRS))).verdicts == (
        "QAT: tfmot is smaller when packed, 790 B against 800 B.",
    )
    better = Comparison((OURS, replace(THEIRS, ratio=1.001)))
    assert table(better).verdicts[0] == "QAT: tfmot loses less, 1.0010 against 1.0100."
    assert table(Comparison((OURS, replace(THEIRS, packed=800)))).verdicts == (
        "In no row does tfmot lose less, or is smaller when packed.",
    )


def test_what_a_recipe_does_not_take_is_a_cell():
    refused = Measured("QAT", "tfmot", "a", refused="[qat] engine = 'tfmot': layer x")
    _, row = table(Comparison((OURS, refused))).rows
    assert row.cells == ["QAT", "tfmot", "refused", "", "", "", ""] and row.refused


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


def test_the_report_shows_models_as_they_are_now_by_family(tmp_path):
    """What was compared of a model that was trained again, or is gone, is of another model."""
    trainings = {
        "a": SimpleNamespace(family="deep", weights_sha256="w"),
        "b": SimpleNamespace(family="deep", weights_sha256="w"),
        "c": SimpleNamespace(family="conv", weights_sha256="other"),
        "d": SimpleNamespace(family="conv", weights_sha256="w"),
    }
    refused = Measured("QAT", "tfmot", "d", refused="[qat] engine = 'tfmot': layer x")
    items = [OURS, replace(OURS, model="b"), replace(OURS, model="c"), refused]
    path = tmp_path / "compare.json"
    assert tables(read(path), trainings) == ()
    path.write_text(json.dumps(Comparison((*items, replace(OURS, model="gone"))).to_json()))
    assert [item.models for item in tables(read(path), trainings)] == [("a", "b"), ("d",)]
