"""Pruning and clustering: which weights go, which values they take, and what moves these."""

import numpy as np
import pytest
from edgeae_cli import child

pytestmark = pytest.mark.tensorflow


@pytest.fixture(scope="module")
def found() -> dict:
    return child("steps_child.py")


def test_the_least_important_weights_go_and_never_come_back(found):
    assert found["masks"] == [
        [3, -1, 0, 2, -4],  # a fifth of five: the least magnitude
        [0, -1, 0, 2, -4],  # more than a fifth is two: 3 counts for a hundredth
        [0, -1, 0, 2, -4],  # less than there are
    ]


def test_weights_settle_from_the_largest_on_and_masked_ones_do_not_count(found):
    made = found["codebooks"]
    sizes = np.abs(made["weights"])[np.array(made["free"])]
    none, half, whole = np.array(made["settled"])
    assert not none.any() and whole.all()
    assert half.sum() == round(len(half) / 2)
    assert sizes[half].min() >= sizes[~half].max()


def test_each_weight_has_the_value_next_to_it(found):
    made = found["codebooks"]
    free, weights, values = (np.array(made[key]) for key in ("free", "weights", "values"))
    expected = values[np.abs(weights[..., None] - values).argmin(axis=-1)]
    np.testing.assert_allclose(np.array(made["answer"])[free], expected[free], atol=1e-6)


def test_gradients_are_sums_over_the_weights_of_a_value(found):
    made = found["codebooks"]
    free, values = np.array(made["free"]), np.array(made["values"])
    upstream, answer = (np.array(made[key])[free] for key in ("upstream", "answer"))
    places = np.abs(answer[:, None] - values).argmin(axis=1)
    shares, logarithm = made["gradients"]
    # the last is the scale itself, 3; values are shares of it, and d(s·v)/d(ln s) = s·v
    of_values = 3 * np.bincount(places, weights=upstream, minlength=20)
    np.testing.assert_allclose(shares, of_values[:-1], atol=1e-5)
    assert logarithm == pytest.approx((upstream * answer).sum(), abs=1e-4)


def test_values_stay_on_their_steps_once_they_are_fixed(found):
    half, whole = np.array(found["codebooks"]["fixed"])
    steps = np.array(found["codebooks"]["values"]) / 3 * 127
    on_steps = np.abs(half - np.round(half)) < 1e-3
    # 10 of 19, the largest, and the scale; the others have moved by half a step
    assert on_steps.sum() == 11
    assert np.abs(steps[on_steps]).min() > np.abs(steps[~on_steps]).max()
    np.testing.assert_allclose(half[~on_steps], steps[~on_steps] + 0.004 * 127, atol=1e-3)
    np.testing.assert_allclose(whole, np.round(half), atol=1e-3)


def test_curvature_is_the_mean_square_of_the_gradient(found):
    assert found["curvature"]["apart"] < 1e-5
    assert found["curvature"]["least"] > 0


def test_each_layer_gets_its_zeros_and_a_small_one_none(found):
    made = found["pruned"]
    assert made["untouched"]
    for zeros in (made[name] for name in made if " " in name and name != "over all"):
        # 384 weights, of which 30 % are 115.2; 64 that are spared; 96, of which 55 % are 52.8
        assert zeros[:3] == [116 / 384, 0, 53 / 96]


def test_over_all_layers_the_least_salient_go_wherever_they_are(found):
    """Of 384 + 96 weights 30 % are 144; and black pixels have 128 + 32 weights to give."""
    first, spared, last = found["pruned"]["over all"]
    assert first + last == 144 and spared == 0
    assert first > 116 or last > 29


def test_saliency_takes_weights_of_black_pixels_before_any_other(found):
    """A third of the first layer's weights has no effect: magnitudes cannot know."""
    made = found["pruned"]
    assert min(made["saliency constant"][3], made["saliency polynomial"][3]) > 0.7
    assert max(made["magnitude constant"][3], made["magnitude polynomial"][3]) < 0.5


def test_kernels_end_on_their_values_and_keep_their_zeros(found):
    made = found["clustered"]
    for name in ("dense", "sparse", "float"):  # of integers in two, of floats in the last
        assert 15 < made[name]["values"][0] <= 20 and made[name]["values"][2] == 5
        assert made[name]["values"][1] > 20
        assert all(made[name]["zeros kept"])


def test_a_weight_that_counts_more_draws_its_value_closer(found):
    # of 1, 2, 2, 2 and 10: two means, and 0
    assert found["means"] == [0, 1.75, 10]
