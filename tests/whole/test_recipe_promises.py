"""The ladder's last rung keeps what its three steps reached, in the files themselves.

All rungs, on every family: `test_family_ways.py`.
"""

from pathlib import Path

import numpy as np
import promises
import pytest
from family_models import pictures, train_all

from edgeae import recipe

RUNG = "p90-c16-pcqat-int8"


@pytest.mark.system
@pytest.mark.tensorflow
def test_zeros_clusters_and_integers_are_in_the_files_and_the_source_is_as_it_was(tmp_path):
    data = pictures(tmp_path / "pictures.npz")
    train_all(tmp_path, str(data), ["sparse"], steps=20)
    plan = recipe.find(RUNG)
    assert plan.steps == ("prune", "cluster", "qat")
    bundle = promises.build(tmp_path, RUNG, promises.least(plan), ["sparse"])["sparse"]
    promises.check_integers(bundle, plan)
    promises.check_steps(bundle, plan)
    with np.load(data) as arrays:
        pixels = np.concatenate([arrays["x_train"], arrays["x_test"]])
    promises.check_composition(bundle, pixels)


@pytest.mark.parametrize("name", ["p60-int8", "c16-int8"])
def test_dense_weights_of_many_values_would_be_noticed(name, tiny_bundle):
    bundle = tiny_bundle().root
    promises.check_integers(bundle, recipe.find("int8"))
    promises.check_steps(bundle, recipe.find("int8"))
    with pytest.raises(AssertionError):
        promises.check_steps(bundle, recipe.find(name))


def test_a_float_model_would_be_noticed(tiny_bundle):
    with pytest.raises(AssertionError):
        promises.check_integers(tiny_bundle("float32").root, recipe.find("int8"))


@pytest.mark.parametrize("told", ['"version": 4', '"minimum_runtime": "1.14.0"'])
def test_a_manifest_that_tells_another_version_would_be_noticed(told, tiny_bundle):
    bundle = tiny_bundle().root
    path: Path = bundle / "manifest.json"
    text = path.read_text()
    assert told in text
    path.write_text(text.replace(told, told.replace("4", "5")))
    with pytest.raises(AssertionError):
        promises.check_integers(bundle, recipe.find("int8"))
