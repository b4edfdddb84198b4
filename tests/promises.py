"""What a recipe of integers promises of its files, checked on the flatbuffers themselves.

Everything expected here is from the recipe's own keys, or from TensorFlow's sources; the files are
read by `plain_tflite`.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import plain_tflite
from edgeae_cli import ROOT, child

from edgeae import recipe
from edgeae.recipe import Recipe

_SHIPPED = {
    path.stem: recipe.parse(path)
    for path in sorted((ROOT / "export").glob("*.toml"))
    if path.stem != recipe.MATRIX
}
#: Those of edgeae's own steps; tfmot's take only some of the families.
RECIPES = {
    name: plan
    for name, plan in _SHIPPED.items()
    if all(item.engine == "edgeae" for item in plan.settings)
}
#: Of those that `family_models` trains: the models that hold layers without 4-bit weights.
WIDE = ("conv", "mobile")
PARTS = ("encoder", "decoder", "autoencoder")
ORIGINAL = ("model.keras", "train.json")
#: (operator, element type of its activations) → version: `tools/versioning/op_version.cc`. The
#: halves of a pixel are the centres in all models here, and their transposed convolutions have an
#: activation of their own.
VERSIONS = {
    ("CONV_2D", "int8"): 3,
    ("CONV_2D", "int16"): 4,
    ("DEPTHWISE_CONV_2D", "int8"): 3,
    ("DEPTHWISE_CONV_2D", "int16"): 5,
    ("FULLY_CONNECTED", "int8"): 4,
    ("FULLY_CONNECTED", "int16"): 7,
    ("LOGISTIC", "int8"): 2,
    ("LOGISTIC", "int16"): 3,
    ("RESHAPE", "int8"): 1,
    ("RESHAPE", "int16"): 1,
    ("RESIZE_NEAREST_NEIGHBOR", "int8"): 3,
    ("RESIZE_NEAREST_NEIGHBOR", "int16"): 4,
    ("STRIDED_SLICE", "int8"): 2,
    ("STRIDED_SLICE", "int16"): 2,  # 1 would do; what the converter wrote is never lowered
    ("TRANSPOSE_CONV", "int8"): 4,
    ("TRANSPOSE_CONV", "int16"): 4,
}
#: (operator, version) → TFLite's release: `tools/versioning/runtime_version.cc`.
RELEASES = {
    ("CONV_2D", 3): (1, 14, 0),
    ("CONV_2D", 4): (2, 3, 0),
    ("DEPTHWISE_CONV_2D", 3): (1, 14, 0),
    ("DEPTHWISE_CONV_2D", 5): (2, 3, 0),
    ("FULLY_CONNECTED", 4): (1, 14, 0),
    ("FULLY_CONNECTED", 7): (2, 3, 0),
    ("LOGISTIC", 2): (1, 14, 0),
    ("LOGISTIC", 3): (2, 3, 0),
    ("RESHAPE", 1): (1, 5, 0),
    ("RESIZE_NEAREST_NEIGHBOR", 3): (2, 3, 0),
    ("RESIZE_NEAREST_NEIGHBOR", 4): (2, 4, 0),
    ("STRIDED_SLICE", 2): (1, 14, 0),
    ("TRANSPOSE_CONV", 4): (2, 13, 0),
}


def hashes(model: Path) -> dict[str, str]:
    """Hashes of what a recipe must not touch in a model's folder."""
    return {name: hashlib.sha256((model / name).read_bytes()).hexdigest() for name in ORIGINAL}


def build(place: Path, name: str, settings: list[str], models: Iterable[str]) -> dict[str, Path]:
    """Build a recipe of several models of `place/build` in one process; model → bundle.

    Neither the models' files nor, while it is compressed, any model's weights may change.
    """
    plan = recipe.find(name, settings)
    folders = [place / "build" / model for model in models]
    before = {folder: hashes(folder) for folder in folders}
    job = {"models": list(map(str, folders)), "recipe": name, "settings": settings}
    told = child("ladder_child.py", given=json.dumps(job), cwd=place)
    assert {folder: hashes(folder) for folder in folders} == before
    assert list(told) == [folder.name for folder in folders]
    for model, same in told.items():
        # before each step, after the last one, and after the control
        assert len(same) == (len(plan.steps) + 2 if plan.fine_tunes else 0), model
        assert all(same), model
    return {folder.name: folder / plan.name for folder in folders}


def least(plan: Recipe) -> list[str]:
    """Settings that leave a recipe as few steps as there can be, and no second format."""
    needs_onnx = plan.onnx != "qdq"
    steps = [f"{step}.steps=100" for step in plan.steps]
    return steps if needs_onnx else [*steps, 'formats=["tflite"]']


def able(plan: Recipe, models: Iterable[str]) -> list[str]:
    """Those models that a recipe can be made of."""
    narrow = plan.quantization == "int4"
    return [model for model in models if not (narrow and model in WIDE)]


def is_integer(plan: Recipe) -> bool:
    return plan.quantization in ("int8", "int16x8")


def promises(plan: Recipe) -> bool:
    """Whether files can be held to more than a loss: zeros, few values, nothing but integers."""
    return is_integer(plan) or plan.fine_tunes


def check(bundle: Path, plan: Recipe) -> None:
    """Check what holds without running anything."""
    if is_integer(plan):
        check_integers(bundle, plan)
    if promises(plan):
        check_steps(bundle, plan)


def files(bundle: Path) -> dict[str, bytes]:
    return {part: (bundle / f"{part}.tflite").read_bytes() for part in PARTS}


def check_integers(bundle: Path, plan: Recipe) -> None:
    """No float, no DENSIFY, and a manifest that tells operators, versions and runtime as they are.

    Of a bundle whose edges are integers.
    """
    wide = "int16" if plan.quantization == "int16x8" else "int8"
    told = {
        item["part"]: item
        for item in json.loads((bundle / "manifest.json").read_text())["artifacts"]
        if item["format"] == "tflite"
    }
    for part, content in files(bundle).items():
        plain = plain_tflite.read(content)
        assert set(plain.activations.values()) == {wide}, part
        assert {values.dtype.name for _, values in plain.kernels.values()} == {"int8"}, part
        assert {"float16", "float32"}.isdisjoint(plain.dtypes.values()), part
        counted = Counter((node.name, node.version) for node in plain.nodes)
        assert counted.keys() == {(name, VERSIONS[name, wide]) for name, _ in counted}, part
        assert "DENSIFY" not in {name for name, _ in counted}
        ops = {(item["name"], item["version"]): item["count"] for item in told[part]["ops"]}
        assert ops == counted, part
        runtime = max(RELEASES[pair] for pair in counted)
        assert told[part]["minimum_runtime"] == ".".join(map(str, runtime)), part


def check_steps(bundle: Path, plan: Recipe) -> None:
    """Zeros and few values where the recipe's steps put them, in each of the three files."""
    found = {part: plain_tflite.read(content).matrices for part, content in files(bundle).items()}
    whole = found["autoencoder"]
    halves = [values for part in PARTS[:2] for values in found[part]]
    assert sorted(map(_content, whole)) == sorted(map(_content, halves))
    total = sum(values.size for values in whole)
    if plan.prune is not None:
        assert not plan.prune.layers
        pruned = [values for values in whole if values.size >= plan.prune.spare_below * total]
        # of integers, too, 0 stands for 0: weights lie symmetrically
        shares = [float((values == 0).mean()) for values in pruned]
        if plan.prune.scope == "model":
            shares = [float(np.average(shares, weights=[values.size for values in pruned]))]
        # tfmot rounds the number of weights that it keeps
        short = [
            share + (0.5 / values.size if plan.prune.engine == "tfmot" else 1e-9)
            for share, values in zip(shares, pruned, strict=False)
        ]
        assert shares and min(short) >= plan.prune.sparsity, shares
        assert max(shares) < 1
    if plan.cluster is not None:
        assert not plan.cluster.layers
        few = [values for values in whole if values.size >= plan.cluster.spare_below * total]
        numbers = [len(set(values.reshape(-1).tolist())) for values in few]
        assert max(numbers) <= plan.cluster.clusters, numbers
        # few values, but as many as asked: a single one would pass the line above
        assert max(numbers) > 0.5 * plan.cluster.clusters, numbers


def _content(values: np.ndarray) -> tuple[tuple[int, ...], bytes]:
    return values.shape, values.tobytes()


def check_composition(bundle: Path, pixels: np.ndarray, *, collapsed: bool = False) -> None:
    """`decoder(encoder(x))` is `autoencoder(x)`, integer by integer.

    On all images by the kernels that are fastest, on a tenth by the reference kernels.

    Args:
        bundle: whose edges are integers.
        pixels: (n, …) uint8.
        collapsed: whether the model may have the same code for many images.
    """
    content = files(bundle)
    dtype, scale, point = plain_tflite.grid(content["encoder"])
    real = pixels.astype(np.float64) / 255
    inputs = (np.rint(real / scale) + point).astype(dtype)
    if dtype == np.int8:
        np.testing.assert_array_equal(inputs, (pixels.astype(np.int16) - 128).astype(np.int8))
    few = slice(None, None, 10)
    for kernels, chosen in ((plain_tflite.FASTEST, inputs), (plain_tflite.REFERENCE, inputs[few])):
        whole = plain_tflite.run(content["autoencoder"], chosen, kernels)
        codes = plain_tflite.run(content["encoder"], chosen, kernels)
        both = plain_tflite.run(content["decoder"], codes, kernels)
        assert whole.dtype == both.dtype == dtype and len(whole) == len(chosen)
        np.testing.assert_array_equal(both, whole)
        # what answers all images alike would pass
        distinct = len(np.unique(codes.reshape(len(codes), -1), axis=0))
        assert collapsed or distinct > len(chosen) // 2
