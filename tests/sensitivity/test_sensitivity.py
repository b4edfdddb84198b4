"""Allocation against brute force, the search against closed forms, the file against its reader."""

import itertools
import json
import math
import tomllib
from dataclasses import replace
from xml.etree import ElementTree

import fake_sensitivity_child as fake
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeae import recipe
from edgeae.errors import BadInput
from edgeae.formats.packed import weight_bytes
from edgeae.reading import typed
from edgeae.recipe import Cluster, Prune, Qat, Recipe
from edgeae.sensitivity import written
from edgeae.sensitivity.allocation import Member, Option, Setting, family, hull
from edgeae.sensitivity.curves import BITS, CLUSTERS, KINDS, SPARSITY, Curves
from edgeae.sensitivity.options import allocations, check, clustered_bytes, options
from edgeae.sensitivity.plot import picture
from edgeae.sensitivity.search import Trial, best, nearest_miss, search
from edgeae.sensitivity.table import render, render_found

CURVES = Curves("deep", "a" * 64, "tiny", 100, 1.0, tuple(map(fake.curves, fake.LAYERS)))
PRUNES = Recipe("base", quantization="int8", io="int8", steps=("prune",), prune=Prune(0.8))
BOTH = Recipe(
    "both",
    quantization="int8",
    io="int8",
    per_channel=False,
    steps=("prune", "cluster", "qat"),
    prune=Prune(0.8),
    cluster=Cluster(16),
    qat=Qat(),
)


# --- allocation ---


def option(size: int, added: float, place: int) -> Option:
    # other clusters each: nothing lies between two of them
    return Option(Setting(place / 100, place), size, added)


@st.composite
def layers(draw: st.DrawFn) -> dict[str, list[Option]]:
    pairs = st.tuples(st.integers(0, 40), st.integers(0, 40))
    found = draw(st.lists(st.lists(pairs, min_size=1, max_size=5), min_size=1, max_size=4))
    return {
        f"layer {n}": [option(size, added / 8, place) for place, (size, added) in enumerate(items)]
        for n, items in enumerate(found)
    }


@given(layers())
def test_no_other_choice_beats_a_member(found):
    """Every combination of every option: none has fewer bytes for no more loss."""
    every = [
        (sum(item.bytes for item in items), sum(item.added for item in items))
        for items in itertools.product(*found.values())
    ]
    members = family(found)
    for member in members:
        assert not any(
            size < member.bytes and added <= member.added + 1e-12 for size, added in every
        )
    assert members[0].added == pytest.approx(min(added for _, added in every))
    assert members[-1].bytes == min(size for size, _ in every)


@given(layers())
def test_members_lose_bytes_and_gain_loss_one_by_one(found):
    members = family(found)
    for mild, severe in itertools.pairwise(members):
        assert severe.bytes < mild.bytes and severe.added >= mild.added
        changed = [name for name in found if mild.settings[name] != severe.settings[name]]
        assert len(changed) == 1


@given(layers())
def test_a_hull_is_convex(found):
    for items in found.values():
        corners = hull(items)
        slopes = [
            (after.added - before.added) / (before.bytes - after.bytes)
            for before, after in itertools.pairwise(corners)
        ]
        assert all(later > earlier for earlier, later in itertools.pairwise(slopes))


def test_between_two_sparsities_lies_every_hundredth():
    ends = [Option(Setting(0.3), 800, 0.0), Option(Setting(0.4), 700, 1.0)]
    found = family({"one": ends})
    assert [item.settings["one"].sparsity for item in found] == [n / 100 for n in range(30, 41)]
    assert [item.bytes for item in found] == pytest.approx([800 - 10 * n for n in range(11)])
    assert [item.added for item in found] == pytest.approx([n / 10 for n in range(11)])


def test_zeros_too_few_to_pay_for_their_bitmap_are_left_out():
    """Of 8 bits one zero in 8 pays for a bit a weight; of 16 values, one in 4."""
    for clusters, first in ((0, 0.13), (16, 0.26)):
        ends = [Option(Setting(0.0, clusters), 800, 0.0), Option(Setting(0.3, clusters), 700, 1.0)]
        found = [item.settings["one"].sparsity for item in family({"one": ends})]
        assert found[:2] == [0.0, first] and found[-1] == 0.3


def test_the_last_byte_costs_every_layer_the_same():
    """Added c·s² over n values: the optimum has s ∝ n ÷ c, by Lagrange's multipliers."""
    grid = [n / 20 for n in range(20)]
    sizes = {"a": (4000.0, 1.0), "b": (1000.0, 2.0), "c": (2000.0, 1.0)}
    found = family(
        {
            name: [Option(Setting(s), n * (1 - s), c * s * s) for s in grid]
            for name, (n, c) in sizes.items()
        }
    )
    some = min(found, key=lambda item: abs(item.settings["a"].sparsity - 0.8))
    assert some.settings["b"].sparsity == pytest.approx(0.1, abs=0.06)
    assert some.settings["c"].sparsity == pytest.approx(0.4, abs=0.06)


# --- options ---


def test_a_recipe_leaves_only_what_its_steps_do():
    layer = fake.curves("wide")
    cut = options(layer, 1.0, PRUNES)
    assert {item.setting.clusters for item in cut} == {0}
    assert [item.setting.sparsity for item in cut] == [0.0, *SPARSITY]
    few = options(layer, 1.0, replace(BOTH, prune=None, steps=("cluster", "qat")))
    assert [item.setting.clusters for item in few] == [0, *CLUSTERS]
    both = options(layer, 1.0, BOTH)
    # two values, one of them zero, are none that a recipe may ask for
    assert {item.setting.clusters for item in both} == {0, *CLUSTERS} - {2}
    assert len(both) == (1 + len(SPARSITY)) * len(CLUSTERS)
    (one,) = [item for item in both if item.setting == Setting(0.5, 16)]
    # of what few values cost, fine-tuning leaves 3.5 times as much as of what zeros cost
    assert one.added == pytest.approx(0.5**2 + 3.5 / 16**2)


@pytest.mark.parametrize("clusters", [2, 3, 16, 100])
@pytest.mark.parametrize("sparsity", [0.0, 0.3, 0.75])
def test_the_bytes_of_zeros_and_few_values_are_those_of_such_a_kernel(sparsity, clusters):
    layer = fake.curves("last")
    draw = np.random.default_rng(0)
    kernel = draw.permutation(layer.values)
    zeros = kernel < round(sparsity * layer.values)
    left = clusters - 1 if zeros.any() else clusters
    values = np.where(zeros, 0, 1 + kernel % left)
    assert clustered_bytes(layer, sparsity, clusters) == weight_bytes(values, 8)[0]


def test_members_that_skip_a_step_of_the_recipe_are_none():
    found = allocations(CURVES, BOTH)
    for member in found:
        assert any(item.sparsity for item in member.settings.values())
        assert any(item.clusters for item in member.settings.values())
    assert all(item.settings.keys() == fake.LAYERS.keys() for item in found)


def test_a_recipe_without_settings_by_layer_is_refused():
    with pytest.raises(BadInput, match=r"recipe int8: it has no settings by layer"):
        check(recipe.find("int8"))
    check(PRUNES)


# --- the search ---


def members(n: int = 200) -> list[Member]:
    """Bytes fall in a straight line, what is added grows faster and faster."""
    return [Member({"one": Setting(at / n)}, 1000 - 4 * at, at**2 / 100) for at in range(n)]


def trial(member: Member, ratio: float, spread: float = 0.0) -> Trial:
    return Trial(member, round(member.bytes), ratio, 1.0, spread, 100, 400)


SHAPES = {
    "in proportion": lambda added: 1.005 + 0.0004 * added,
    "slower and slower": lambda added: 1 + 0.002 * math.sqrt(added),
    "faster and faster": lambda added: 1.01 + 1e-6 * added**2,
    "a cliff": lambda added: 1.001 if added < 123 else 3.0,
    "hardly at all": lambda added: 1 + 1e-9 * added,
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("limit", [1.02, 1.05, 1.3])
def test_the_severest_within_the_limit_is_found(shape, limit):
    ratio, found = SHAPES[shape], members()
    trials = search(found, limit, 5.0, lambda item: trial(item, ratio(item.added)), 30)
    optimum = [item for item in found if ratio(item.added) <= limit][-1]
    chosen = best(trials, limit)
    assert chosen is not None
    assert optimum.bytes <= chosen.bytes <= 1.011 * optimum.bytes
    assert len({item.member.bytes for item in trials}) == len(trials)


@given(st.integers(0, 199), st.integers(1, 12))
def test_a_step_anywhere_is_enclosed_and_nothing_measured_twice(last, most):
    found = members()
    good = {found[at].bytes for at in range(last + 1)}
    trials = search(
        found, 1.05, 5.0, lambda item: trial(item, 1.01 if item.bytes in good else 1.2), most
    )
    assert 1 <= len(trials) <= most
    assert len({item.member.bytes for item in trials}) == len(trials)
    # the mildest is the last resort, so that something is always found where anything is
    assert best(trials, 1.05) is not None


def test_a_straight_line_takes_four_trials():
    trials = search(members(), 1.05, 5.0, lambda item: trial(item, 1.003 + 0.006 * item.added), 30)
    assert len(trials) <= 4


def test_where_nothing_meets_the_limit_the_mildest_was_tried():
    found = members()
    trials = search(found, 1.05, 5.0, lambda item: trial(item, 1.2 + item.added), 5)
    assert best(trials, 1.05) is None
    assert nearest_miss(trials).member == found[0]
    assert len(trials) <= 5


def test_a_single_member_is_tried_once():
    (only,) = members(1)
    assert len(search([only], 1.05, 1.0, lambda item: trial(item, 1.0), 8)) == 1


def test_the_margin_is_the_standard_error_of_the_difference_of_two_sets():
    """Against drawing 100 and 400 images again and again: 5 % of the differences exceed it."""
    draw = np.random.default_rng(1)
    control = draw.gamma(4.0, 0.25, (20_000, 500))
    over = draw.normal(0.0, 0.3, control.shape)
    apart = over[:, 100:].mean(axis=1) - over[:, :100].mean(axis=1)
    found = Trial(members(1)[0], 1, 1.0, 1.0, 0.3, 100, 400)
    assert np.mean(apart > found.margin) == pytest.approx(0.05, abs=0.01)
    assert found.bound == found.ratio + found.margin
    assert found.meets(found.bound) and not found.meets(found.bound - 1e-9)


def test_a_control_without_loss_is_never_met():
    found = Trial(members(1)[0], 1, 0.5, 0.0, 0.1, 10, 10)
    assert not found.meets(1e9)


# --- the recipe ---


def some(base: Recipe) -> Member:
    found = allocations(CURVES, base)
    return found[len(found) // 2]


@pytest.mark.parametrize("base", [PRUNES, BOTH], ids=["prunes", "both"])
def test_what_is_written_is_what_was_measured(tmp_path, base):
    plan = written.by_layer(base, "mine", some(base), CURVES)
    path = tmp_path / "mine.toml"
    path.write_text(written.text(plan, "one\ntwo"), encoding="utf-8")
    assert recipe.parse(path) == plan
    assert path.read_text().startswith("# one\n# two\n")


@pytest.mark.parametrize("name", [item for item in recipe.available() if item != "int8"])
def test_every_recipe_can_be_written(tmp_path, name):
    plan = recipe.find(name)
    path = tmp_path / f"{name}.toml"
    path.write_text(written.text(plan, "kept"), encoding="utf-8")
    assert recipe.parse(path) == plan


def test_odd_names_of_layers_survive(tmp_path):
    layers = {'a "quoted"': 0.5, "ä/b:0": 0.25, "dotted.name": 0.0}
    plan = replace(PRUNES, name="odd", prune=Prune(0.5, layers=layers))
    path = tmp_path / "odd.toml"
    path.write_text(written.text(plan, ""), encoding="utf-8")
    assert recipe.parse(path).prune.layers == layers


def test_settings_by_layer_tell_their_sum():
    settings = {"wide": Setting(0.9, 16), "tough one": Setting(0.0, 0), "last": Setting(0.5, 64)}
    plan = written.by_layer(BOTH, "mine", Member(settings, 0, 0), CURVES)
    assert plan.prune.layers == {"wide": 0.9, "tough one": 0.0, "last": 0.5}
    assert plan.prune.sparsity == pytest.approx((0.9 * 8000 + 0.5 * 4000) / 12800, abs=5e-4)
    assert plan.cluster.layers == {"wide": 16, "tough one": 0, "last": 64}
    assert plan.cluster.clusters == 64
    assert (plan.prune.steps, plan.qat) == (BOTH.prune.steps, BOTH.qat)


@pytest.mark.parametrize(
    ("limit", "control", "scale", "allowed"),
    [
        (1.05, 0.00545, 1.0, 0.000273),  # 0.0002725
        (1.05, 0.00545 * 4, 4.0, 0.000273),  # the data gives four times as much to lose
        (1.0, 0.005, 1.0, 0.0),
        (0.9, 0.005, 1.0, 0.0),
        (2.0, 0.5, 1.0, 0.5),
    ],
)
def test_verify_is_told_the_limit(limit, control, scale, allowed):
    done = Trial(some(PRUNES), 1, 1.0, control, 0.0, 10, 10, scale)
    kept = written.kept(written.by_layer(PRUNES, "m", done.member, CURVES), done, limit, "deep")
    assert kept.tolerance.added_loss == pytest.approx(allowed)
    assert kept.tolerance.added_p99 == PRUNES.tolerance.added_p99
    assert "deep" in kept.description and f"{limit:g}" in kept.description


# --- what is shown ---


def test_curves_survive_json():
    text = json.dumps(CURVES.to_json())
    again = typed.build(Curves, json.loads(text))
    assert again == CURVES and json.dumps(again.to_json()) == text


def test_the_table_has_a_row_per_layer_and_way():
    text = render(CURVES)
    head, *blocks = text.split("\n\n")
    assert "100 validation images" in head and "1.000000" in head
    assert [block.split()[0] for block in blocks] == list(KINDS)
    for block, grid in zip(blocks, (SPARSITY, CLUSTERS, BITS), strict=True):
        rows = block.splitlines()
        assert len(rows) == 1 + len(fake.LAYERS)
        assert all(len(row.split()[-len(grid) :]) == len(grid) for row in rows)
    wide = blocks[0].splitlines()[1].split()
    assert wide[:2] == ["wide", "8,000"]
    assert [float(item) for item in wide[2:]] == pytest.approx(
        [1 + share**2 for share in SPARSITY], abs=6e-5
    )
    assert "  41.0" not in text and "33.4" in text  # 1 + 40 × 0.9², past 2 with one digit
    assert max(map(len, text.splitlines())) <= 130


def test_what_was_found_is_told_by_layer():
    done = Trial(some(BOTH), 1234, 1.04, 1.0, 0.0, 5000, 10_000)
    text = render_found(written.by_layer(BOTH, "m", done.member, CURVES), done, CURVES)
    assert text.splitlines()[0].split() == ["layer", "weights", "sparsity", "clusters"]
    assert "1,234 packed bytes" in text and "1.0400" in text


SVG = "{http://www.w3.org/2000/svg}"


def test_the_picture_has_a_panel_per_layer_and_a_mark_per_measurement():
    drawing = ElementTree.fromstring(picture(CURVES))
    assert drawing.tag == f"{SVG}svg"
    panels = [item for item in drawing.findall(f"{SVG}g") if item.get("transform")]
    assert len(panels) == len(fake.LAYERS)
    for panel, layer in zip(panels, fake.LAYERS, strict=True):
        titles = [item.text for item in panel.iter(f"{SVG}title")]
        assert len(titles) == len(SPARSITY) + len(CLUSTERS) + len(BITS)
        assert all(title.startswith(f"{layer}, ") for title in titles)
        assert len(panel.findall(f"{SVG}polyline")) == len(KINDS)
    assert "prefers-color-scheme: dark" in drawing.find(f"{SVG}style").text


def test_a_severer_mark_lies_higher_and_further_left():
    drawing = ElementTree.fromstring(picture(CURVES))
    for line in drawing.iter(f"{SVG}polyline"):
        points = [tuple(map(float, pair.split(","))) for pair in line.get("points").split()]
        for (x, y), (next_x, next_y) in itertools.pairwise(points):
            assert next_x <= x and next_y <= y


@pytest.mark.parametrize("loss", [0.0, 1.0])
def test_a_model_of_one_layer_and_one_without_loss_are_drawn(loss):
    few = replace(CURVES, loss=loss, layers=CURVES.layers[:1])
    assert ElementTree.fromstring(picture(few)).findall(f"{SVG}g")
    assert render(few)


def test_a_toml_of_every_key():
    plan = written.by_layer(BOTH, "mine", some(BOTH), CURVES)
    table = tomllib.loads(written.text(plan, ""))
    assert table.keys() >= {"steps", "prune", "cluster", "qat", "tolerance", "rounding"}
    assert "name" not in table
