"""Main effects: shares by hand, and against a regression on the levels."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeae.metrics.effects import Level, main_effect, unbalanced

#: A whole grid of 2 × 3, each combination once.
GRID = list(itertools.product("ab", "xyz"))
ROWS, COLUMNS = ([pair[place] for pair in GRID] for place in (0, 1))


def test_a_sum_of_two_axes_is_explained_by_both():
    # rows add ±2; columns add −3, 0 and 3: sums of squares 6 · 4 = 24 and 2 · (9 + 0 + 9) = 36
    values = [
        7 + {"a": -2.0, "b": 2.0}[row] + {"x": -3.0, "y": 0.0, "z": 3.0}[column]
        for row, column in GRID
    ]
    rows, columns = main_effect(values, ROWS), main_effect(values, COLUMNS)
    assert (rows.share, columns.share) == (pytest.approx(24 / 60), pytest.approx(36 / 60))
    assert rows.levels == {"a": Level(3, 5.0), "b": Level(3, 9.0)}
    assert columns.levels["z"] == Level(2, 10.0)


def test_what_only_the_combination_explains_is_in_no_share():
    values = [(-1.0 if row == "a" else 1.0) * {"x": -1, "y": 0, "z": 1}[c] for row, c in GRID]
    assert main_effect(values, ROWS).share == main_effect(values, COLUMNS).share == 0.0


def test_sizes_of_levels_count():
    # means 0 (of three) and 4 (of one), over all 1: 3 · 1 + 1 · 9 = 12, of 1 + 1 + 0 + 12 in all
    effect = main_effect([-1.0, 1.0, 0.0, 4.0], ["a", "a", "a", "b"])
    assert effect.share == pytest.approx(12 / 14)


def test_equal_values_leave_nothing_to_explain():
    assert main_effect([0.1] * 3, ["a", "b", "c"]).share is None
    assert main_effect([3.0], ["a"]).levels == {"a": Level(1, 3.0)}


VALUES = st.lists(
    st.tuples(st.integers(-99, 99), st.sampled_from("abc"), st.sampled_from("xy")),
    min_size=2,
    max_size=20,
)


@given(VALUES)
def test_a_share_is_the_r_squared_of_a_regression_on_the_levels(rows):
    values, levels = np.array([row[0] for row in rows], float), [row[1] for row in rows]
    effect = main_effect(list(values), levels)
    if np.ptp(values) == 0:
        assert effect.share is None
        return
    design = np.array([[level == name for name in "abc"] for level in levels], float)
    fitted = design @ np.linalg.lstsq(design, values, rcond=None)[0]
    left = ((values - fitted) ** 2).sum() / ((values - values.mean()) ** 2).sum()
    assert effect.share == pytest.approx(1 - left, abs=1e-9)


def test_a_whole_grid_is_balanced_and_one_with_a_gap_is_not():
    assert unbalanced({"row": ROWS, "column": COLUMNS}) == []
    assert unbalanced({"row": ROWS[:-1], "column": COLUMNS[:-1]}) == [("row", "column")]
    # rows of different sizes, but in proportion
    assert unbalanced({"row": list("aabbbb"), "column": list("xyxyxy")}) == []


@given(VALUES)
def test_shares_of_balanced_axes_add_up_to_at_most_one(rows):
    values = [float(row[0]) for row in rows]
    factors = {"one": [row[1] for row in rows], "other": [row[2] for row in rows]}
    shares = [main_effect(values, levels).share for levels in factors.values()]
    if not unbalanced(factors) and None not in shares:
        assert sum(share for share in shares if share is not None) <= 1 + 1e-9
