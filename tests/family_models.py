"""Every family, trained a little; shared by the tests that export them."""

import json
import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import warm
from edgeae_cli import ROOT, edgeae_warm

#: Small enough to train in seconds; the variants of a family besides.
MODELS = {
    "simple": ("simple", {"tied": True}),
    "deep": ("deep", {"hidden": (24, 12), "pretrain": True}),
    "conv": ("conv", {"hidden": (4, 8)}),
    "upsampled": ("conv", {"hidden": (4, 8), "upsample": True}),
    "mobile": ("mobile", {"hidden": (4, 8)}),
    "overcomplete": ("overcomplete", {"code": 800, "weight": 1e-2}),
    "sparse": ("sparse", {"hidden": (24,), "penalty": "kl", "weight": 1e-3}),
    "denoising": ("denoising", {"hidden": (24,), "noise": "salt-and-pepper"}),
    "contractive": ("contractive", {"hidden": (24,)}),
    "variational": ("variational", {"hidden": (24,)}),
    "dense": ("dense", {"hidden": (24,)}),
    "conv1d": ("conv1d", {"hidden": (4, 8)}),
}
_TRAIN = """
import json, sys
from pathlib import Path
from edgeae import data
from edgeae.training import fit
from edgeae.families.table import settings
from edgeae.training.train import train
said, build, models, steps = json.loads(sys.argv[1])
fit.STEPS_PER_EPOCH = steps or fit.STEPS_PER_EPOCH
for name, (family, chosen) in models.items():
    chosen = {key: tuple(item) if isinstance(item, list) else item for key, item in chosen.items()}
    plan = settings(family, **{"code": 8, "epochs": 2, **chosen})
    folder = Path(build) / name
    folder.mkdir(parents=True)
    train(folder, plan, data.load(said), said)
"""

_BUILD = """
import json, sys
from dataclasses import asdict
from pathlib import Path
from edgeae import recipe
from edgeae.artifacts.publish import building
from edgeae.conversion.build import build
for model, name in json.loads(sys.argv[1]):
    plan = json.loads(json.dumps(asdict(recipe.find(name))))
    with building(Path(model), name) as out:
        list(build({"model": model, "recipe": plan, "overrides": (), "out": str(out)}))
"""


def pictures(path: Path) -> Path:
    """Write pictures whose sides are no multiples of four, with labels."""
    draw = np.random.default_rng(3)
    low = draw.random((260, 3, 4))
    images = np.round(np.kron(low, np.ones((1, 5, 5)))[:, :14, :18] * 255).astype(np.uint8)
    images[:, 0, 0], images[:, 0, 1] = 0, 255
    labels = (low.mean(axis=(1, 2)) > 0.5).astype(np.uint8)
    np.savez(
        path, x_train=images[:200], y_train=labels[:200], x_test=images[200:], y_test=labels[200:]
    )
    return path


def train_all(place: Path, data: str, models: Iterable[str], steps: int | None = None) -> None:
    """Train models of `MODELS` into `place/build`, in one process; `steps` at least per epoch."""
    job = json.dumps([data, str(place / "build"), {name: MODELS[name] for name in models}, steps])
    command = [*warm.python(), "-c", _TRAIN, job]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stderr


def build_all(place: Path, models: Iterable[str], recipes: Iterable[str]) -> None:
    """Export models of `place/build` under recipes: not by the command, but in one process."""
    job = json.dumps([[f"build/{model}", name] for model in models for name in recipes])
    command = [*warm.python(), "-c", _BUILD, job]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stderr


def export_and_verify(place: Path, recipe: str, models: Iterable[str]) -> None:
    """Export models under a recipe and verify them; both must end with 0."""
    for command in (
        ("export", *models, f"--recipe={recipe}"),
        ("verify", *(f"build/{model}/{recipe}" for model in models)),
    ):
        done = edgeae_warm(*command, cwd=place)
        assert done.returncode == 0, done.stdout + done.stderr
