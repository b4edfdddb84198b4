"""The figures of a side from reconstructions whose scores are known."""

import numpy as np
import pytest

from edgeae.detect.answers import Reconstructed
from edgeae.detect.judging import judge, score, share
from edgeae.detect.result import Flips, Rows, Side
from edgeae.detect.rows import Chosen
from edgeae.metrics.detection import rank


def chosen(calm: int, normal: int, anomalous: int) -> Chosen:
    """Rows of one value each, all 0: a reconstruction is the root of its score."""
    rows = Rows("made", "made up", "0" * 64, normal, anomalous)
    truth = np.repeat([True, False], [normal, anomalous])
    zeros = np.zeros((calm + normal + anomalous, 1), np.float32)
    return Chosen(zeros[:calm], zeros[calm:], truth, rows, rows if len(truth) else None, ())


def side(*roots: float) -> Reconstructed:
    """A reconstruction by the roots of its scores, whose squares are exact."""
    rows = np.array(roots, np.float64)[:, None]
    return Reconstructed(Side("made", "autoencoder", "tflite", "int8", "null"), rows)


CALM = (1, 2, 3, 4, 5, 6, 7, 8, 9)


def test_figures_and_flips_by_hand():
    """Of 9 normal scores the largest, 9², is the threshold of one alarm in ten."""
    found = rank(9, 0.1)
    rows = chosen(9, 4, 3)
    # normal: 1 alarm of 4; anomalous: 2 of 3
    original = side(*CALM, 1, 2, 10, 9, 8, 20, 30)
    whole, scores = judge(original, rows, "mse", found, None)
    assert whole.threshold == 81.0 and whole.flips is whole.auc_drop is None
    assert (whole.false_alarms.count, whole.recall.count, whole.precision.count) == (1, 2, 2)
    assert whole.precision.n == 3 and whole.recall.value == pytest.approx(2 / 3)
    # pairs: 8 beats 1 and 2; 20 and 30 beat all four: 10 of 12
    assert whole.auc.value == pytest.approx(10 / 12)
    # twice the errors, so twice the threshold: 10 → 17 is no alarm any more, 1 and 8 → 19 are
    doubled = [2 * value for value in CALM]
    export, _ = judge(side(*doubled, 19, 2, 17, 18, 19, 40, 60), rows, "mse", found, scores)
    assert export.threshold == 324.0
    assert export.flips == Flips(to_alarm=2, to_quiet=1, n=7)
    # with 9 as the threshold, 19, 17, 18, 19, 40 and 60 are alarms; 10, 20 and 30 were before
    assert export.flips_at_original == Flips(to_alarm=3, to_quiet=0, n=7)
    assert export.auc_drop.value == pytest.approx(10 / 12 - (3 + 0.5 + 8) / 12)


def test_rows_keep_their_places_among_normal_and_anomalous_ones():
    """Labels may come in any order."""
    found = rank(9, 0.1)
    mixed = chosen(9, 2, 2)
    truth = np.array([False, True, False, True])
    mixed = Chosen(mixed.threshold, mixed.test, truth, mixed.threshold_rows, mixed.test_rows, ())
    whole, scores = judge(side(*CALM, 20, 1, 30, 2), mixed, "mse", found, None)
    assert (whole.false_alarms.count, whole.recall.count, whole.auc.value) == (0, 2, 1.0)
    export, _ = judge(side(*CALM, 2, 1, 30, 20), mixed, "mse", found, scores)
    assert export.flips == Flips(1, 1, 4)


def test_without_a_test_the_normal_rows_are_compared():
    found = rank(9, 0.1)
    whole, scores = judge(side(*CALM), chosen(9, 0, 0), "mse", found, None)
    assert whole.false_alarms is whole.auc is whole.recall is None and whole.roc == ()
    export, _ = judge(side(*CALM[:-1], 30), chosen(9, 0, 0), "mse", found, scores)
    assert export.flips == Flips(0, 0, 9) and export.flips_at_original == Flips(1, 0, 9)
    assert sum(export.histogram.normal) == 9 and sum(export.histogram.anomalous) == 0


def test_scores_that_are_all_equal_or_zero_have_a_histogram():
    for value in (0.0, 4.0):
        whole, _ = judge(side(*[value] * 9), chosen(9, 0, 0), "mse", rank(9, 0.1), None)
        assert sum(whole.histogram.normal) == 9 and whole.threshold == value**2


def test_a_score_of_nan_fails_by_name():
    whole, scores = judge(side(*CALM[:-1], np.nan), chosen(9, 0, 0), "mse", rank(9, 0.1), None)
    assert (whole.verdict, scores) == ("fail", None) and "1 of 9 rows" in whole.reason


def test_no_reconstruction_has_no_scores():
    bare = Reconstructed(side().side)
    assert score(bare, chosen(9, 0, 0), "mse", rank(9, 0.1)) is None
    assert judge(bare, chosen(9, 0, 0), "mse", rank(9, 0.1), None) == (bare.side, None)


def test_a_share_of_nothing_is_none():
    assert share(0, 0) is None
    assert share(1, 4).value == 0.25 and share(1, 4).low < 0.25 < share(1, 4).high
