"""Child process of test_onnx_forms.py: two models on digits, trained and converted to ONNX.

`convert FOLDER OUT FORM` converts both models and the tiny one, `fast` into the given form whatever
the times, or for `race` into the faster; beside the files it writes what the originals answer,
`<model>.npz`. `train-and-convert FOLDER OUT FORM` trains them first.
"""

import sys
from pathlib import Path

import numpy as np
import tiny
from onnx_forms import MODELS, QDQ, RECIPES

from edgeae import data
from edgeae.artifacts.model import open_model
from edgeae.conversion import representative
from edgeae.conversion.onnx import convert as onnx
from edgeae.conversion.onnx import fast as onnx_fast
from edgeae.families.table import settings
from edgeae.originals.original import open_original
from edgeae.recipe import PARTS
from edgeae.training import fit
from edgeae.training.train import train


def train_models(place: Path) -> None:
    fit.STEPS_PER_EPOCH = 100  # a quarter: enough to learn something
    for name, (epochs, family, chosen) in MODELS.items():
        (place / name).mkdir()
        plan = settings(family, code=8, epochs=epochs, **chosen)
        train(place / name, plan, data.load("digits"), "digits")


def convert_models(place: Path, out: Path, form: str) -> None:
    if form != "race":
        onnx_fast.p50_us = lambda models, x: {name: 2.0 - (name == form) for name in models}
    for name in MODELS:
        training = open_model(place / name)
        original = open_original(place / name, training)
        dataset = data.load("digits")
        images, _ = representative.choose(
            dataset.images("train", training.input_shape), 100, training.bounds
        )
        for recipe in RECIPES:
            made = onnx.convert(original, recipe, training.weights_sha256, {}, images)
            write(out / name / recipe.name, made)
        test = dataset.images("test", training.input_shape)
        codes = original.run("encoder", test)
        np.savez(
            out / f"{name}.npz", image=test, code=codes, whole=original.run("autoencoder", test)
        )
    programs = {part: tiny.program(part) for part in PARTS}
    write(out / "tiny" / "int8", onnx.convert(original, QDQ, "0" * 64, programs, None))


def write(folder: Path, made: dict) -> None:
    folder.mkdir(parents=True)
    for part, item in made.items():
        (folder / f"{part}.{item.flavour}.onnx").write_bytes(item.content)


if __name__ == "__main__":
    what, place, out, form = sys.argv[1:]
    if what == "train-and-convert":
        train_models(Path(place))
    convert_models(Path(place), Path(out), form)
