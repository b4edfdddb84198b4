"""Batch normalisation folded into the layer before it: the same answers, and where it stays."""

import pytest
from edgeae_cli import child

pytestmark = pytest.mark.tensorflow

STAYS = ["behind-a-sum", "behind-an-activation", "other-axis", "needed-elsewhere"]


@pytest.fixture(scope="module")
def found() -> dict:
    return child("folding_child.py")


def test_what_can_be_folded_is_gone_and_the_rest_stays(found):
    assert found["kept"] == STAYS
    assert found["again"]


def test_the_answers_are_those_of_the_original(found):
    assert found["apart"] < 1e-5 * max(1, found["largest"])
    assert found["largest"] > 0.1
    assert found["unchanged"]


def test_the_code_keeps_its_layer(found):
    assert found["code_is"] == "Dense"
    assert found["code_apart"] < 1e-5
    # a code in front of its normalisation would be lost
    assert found["kept_for_the_code"] == ["n2", *STAYS]
