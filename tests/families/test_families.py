"""The families: their terms against finite differences, their graphs, and their options."""

import json
import math
from typing import Any

import numpy as np
import pytest
from edgeae_cli import child, edgeae_here
from fake_exports import fake_model

from edgeae.errors import BadInput
from edgeae.families.settings import Settings
from edgeae.families.table import FAMILIES, OPTIONS, model_name, settings

ACTIVATIONS = (["sigmoid"], ["tanh", "sigmoid"], ["relu", "tanh", "sigmoid"])
QUESTIONS = (
    "kl_gradients",
    "divergences",
    "multiplied",
    "mobile_parameters",
    "tied",
    "noises",
    "diverged",
    "collector",
    "components",
    "signals",
)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The answers to every question, of one process."""
    rows = np.random.default_rng(0).random((60, 12), dtype=np.float32)
    path = tmp_path_factory.mktemp("families") / "rows.npz"
    np.savez(path, x_train=rows[:40], x_test=rows[40:])
    fake_model(path.parent / "foreign", input_shape=(12,))
    asked: dict[str, tuple[str, object]] = {name: (name, None) for name in QUESTIONS}
    asked["opened"] = ("opened", str(path.parent / "foreign"))
    asked["seeds"] = ("seeds", {"data": str(path), "seeds": [0, 1, 0]})
    for names in ACTIVATIONS:
        asked[f"contractive {len(names)}"] = ("contractive_gradients", {"activations": names})
    return child("families_child.py", json.dumps(asked))


def test_the_gradients_of_both_divergences_are_those_of_finite_differences(found):
    for name, (apart, largest) in found["kl_gradients"].items():
        assert largest > 0.01, name
        assert apart < 1e-6 * max(1, largest), name


def test_both_divergences_are_what_integration_gives(found):
    found = found["divergences"]

    def bernoulli(rho, mean):
        return rho * math.log(rho / mean) + (1 - rho) * math.log((1 - rho) / (1 - mean))

    assert found["sparsity"] == pytest.approx(bernoulli(0.2, 0.5) + bernoulli(0.2, 0.25), rel=1e-5)

    def integral(mean, log_variance):
        spread = math.exp(0.5 * log_variance)
        z = np.linspace(mean - 12 * spread, mean + 12 * spread, 200_001)
        q = np.exp(-0.5 * ((z - mean) / spread) ** 2) / (spread * math.sqrt(2 * math.pi))
        log_ratio = -0.5 * ((z - mean) / spread) ** 2 - math.log(spread) + 0.5 * z**2
        return float((q * log_ratio).sum() * (z[1] - z[0]))

    # the second image's code is the prior itself
    expected = (integral(1.5, 0.4) + integral(-0.5, -1.0)) / 2
    assert found["gaussian"] == pytest.approx(expected, rel=1e-5)


def test_a_term_is_multiplied_by_its_weight(found):
    for family, (once, twice) in found["multiplied"].items():
        assert once > 0 and twice == pytest.approx(2 * once, rel=1e-5), family


def test_the_mobile_encoder_is_small(found):
    assert found["mobile_parameters"] < 12_000


@pytest.mark.parametrize("layers", [len(names) for names in ACTIVATIONS])
def test_the_contractive_term_is_the_jacobians_norm_and_its_gradient(found, layers):
    found = found[f"contractive {layers}"]
    norm, explicit = found["norm"]
    assert norm == pytest.approx(explicit, rel=1e-6)
    assert len(found["gradients"]) == layers
    for apart, largest in found["gradients"]:
        assert largest > 1e-3 and apart < 1e-6 * max(1, largest)


def test_tied_weights_stay_tied_and_are_exported_as_two_layers(found):
    found = found["tied"]
    assert found["moved"] > 0.01
    assert found["apart"] == 0
    assert found["exported"] < 1e-6


def test_a_model_of_rows_starts_as_pca_where_its_layers_have_room(found):
    apart = found["components"]
    assert apart.pop("(7,)") > 0.1  # of fewer than two units per value of the code
    assert len(apart) == 3 and max(apart.values()) < 1e-4


def test_a_model_of_signals_takes_any_length_and_starts_at_the_mean(found):
    for shape, sizes in found["signals"]["shapes"].items():
        time, channels = (*(int(size) for size in shape.strip("(),").split(",")), 1)[:2]
        assert sizes[:4] == [time, channels] * 2
        assert sizes[4] == max(1, time * channels // 8)
    assert found["signals"]["bias"] == pytest.approx(found["signals"]["mean"] * 4, abs=1e-5)


def test_garbage_is_collected_but_not_looked_for_among_tensorflows_modules(found):
    assert found["collector"]["enabled"] and found["collector"]["frozen"] > 100_000


def test_a_model_whose_weights_are_not_those_of_its_record_is_refused(found):
    own, foreign = found["opened"]
    assert own == [4]
    assert "foreign/model.keras: weights are not those of train.json; train again" in foreign


def test_the_seed_alone_decides_the_weights(found):
    first, other, again = found["seeds"]
    assert first == again != other


def test_a_training_that_diverges_says_so(found):
    assert "training diverged: reconstruction nan in epoch 1; a lower" in found["diverged"]


def test_noise_is_what_its_name_says_and_a_function_of_the_seed(found):
    found = found["noises"]
    for noise, figures in found.items():
        assert figures["same"] and not figures["other"], noise
        assert figures["levels"] > 0.01, noise  # each image has an amount of its own
    # the amount is even between 0 and its largest: E[σ²] = a²/3, E[share] = a/2
    assert found["gaussian"]["variance"] == pytest.approx(0.4**2 / 3, rel=0.05)
    assert found["masking"]["zeros"] == pytest.approx(0.25, rel=0.05)
    assert found["masking"]["ones"] == 0
    for value in ("zeros", "ones"):
        assert found["salt-and-pepper"][value] == pytest.approx(0.125, rel=0.05)


@pytest.mark.parametrize("family", FAMILIES)
def test_defaults_are_allowed_and_carry_the_family(family):
    plan = settings(family)
    assert plan.family == family
    assert model_name(plan) == (family if plan.code in (32, None) else f"{family}-c{plan.code}")


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_that_a_family_lacks_is_refused_with_those_that_have_it(family, option):
    value = {"hidden": (8,), "penalty": "l1", "noise": "masking"}.get(option, 0.5)
    if option in ("tied", "pretrain", "upsample"):
        value = True
    if option in FAMILIES[family].options:
        chosen = {"penalty": "kl"} if option == "rho" else {}
        assert getattr(settings(family, **{option: value, **chosen}), option) == value
        return
    with pytest.raises(BadInput) as caught:
        settings(family, **{option: value})
    line = str(caught.value)
    assert f"--{option}" in line and family in line
    able = [name for name, item in FAMILIES.items() if option in item.options]
    assert able and all(name in line for name in able)


@pytest.mark.parametrize(
    ("chosen", "told"),
    [
        ({"family": "sparse", "penalty": "l3"}, "penalty"),
        ({"family": "sparse", "penalty": "kl", "rho": 1.0}, "--rho"),
        ({"family": "sparse", "weight": -1.0}, "--weight"),
        ({"family": "sparse", "rho": 0.1}, "--rho"),
        ({"family": "sparse", "penalty": "none", "weight": 0.1}, "--weight"),
        ({"family": "sparse", "weight": math.inf}, "--weight"),
        ({"family": "denoising", "noise": "pink"}, "noise"),
        ({"family": "denoising", "noise": "masking", "amount": 1.0}, "--amount"),
        ({"family": "denoising", "amount": 0.0}, "--amount"),
        ({"family": "variational", "beta": math.nan}, "--beta"),
        ({"family": "deep", "activation": "softplus"}, "activation"),
        ({"family": "deep", "loss": "mae"}, "loss"),
        ({"family": "conv", "hidden": ()}, "--hidden"),
        ({"family": "mobile", "hidden": ()}, "--hidden"),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else value,
)
def test_a_value_that_is_not_allowed_is_one_line(chosen, told):
    with pytest.raises(BadInput, match=told) as caught:
        settings(**chosen)
    assert "allowed" in str(caught.value) or "there are" in str(caught.value)


def test_list_describes_each_family_with_its_objective(tmp_path):
    lines = edgeae_here("train", "--list", cwd=tmp_path).stdout.splitlines()
    described = [line for line in lines if not line.startswith(" ")]
    assert [line.split()[0] for line in described] == list(FAMILIES)
    assert all("minimises" in line for line in described)
    rules = [family.rule.about for family in FAMILIES.values() if family.rule]
    assert [line.strip() for line in lines if line.startswith(" ")] == rules
    table = json.loads(edgeae_here("train", "--list", "--json", cwd=tmp_path).stdout)
    assert list(table) == list(FAMILIES)


def test_settings_are_data():
    plan = settings("sparse", weight=2e-3)
    assert isinstance(plan, Settings)
    assert plan.having(weight=None) == plan and plan.having(weight=1.0).weight == 1.0
