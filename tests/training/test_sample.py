"""`edgeae sample`, and the tiles that it and the report lay out."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from edgeae_cli import edgeae_forked, edgeae_here
from fake_exports import Project

from edgeae.artifacts.model import SHEET
from edgeae.artifacts.sheet import pack_sheet
from edgeae.plotting import png
from edgeae.plotting.tiles import picture, tiles


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        ((28, 28), (28, 28, 1)),
        ((28, 20, 1), (28, 20, 1)),
        ((16, 12, 3), (16, 12, 3)),
        ((16, 12, 2), None),
        ((640,), None),
        ((64, 1), None),
        ((4, 3), (4, 3, 1)),
    ],
)
def test_pictures_are_grey_or_of_three_colours(shape, told):
    assert picture(shape) == told


@pytest.mark.parametrize("channels", [1, 3])
def test_tiles_are_the_images_with_transparent_gaps(channels):
    images = np.random.default_rng(0).uniform(-0.5, 2.5, (5, 4, 3, channels))
    images[0, 0, 0] = np.nan
    laid = tiles(images, 3, 0.0, 2.0)
    assert laid.shape == (2 * 4 + 2, 3 * 3 + 2 * 2, channels + 1)
    seen = np.zeros(laid.shape[:2], bool)
    for number, image in enumerate(images):
        down, across = divmod(number, 3)
        at = (slice(down * 6, down * 6 + 4), slice(across * 5, across * 5 + 3))
        wanted = np.clip(np.nan_to_num(image), 0, 2) / 2 * 255
        assert np.abs(laid[at][..., :channels] - wanted).max() <= 0.51
        assert (laid[at][..., channels] == 255).all()
        seen[at] = True
    assert not laid[~seen].any()


def test_tiles_of_one_value_are_black():
    assert not tiles(np.ones((1, 2, 2, 1)), 1, 1.0, 1.0)[..., 0].any()


@pytest.mark.tensorflow
@pytest.mark.system
def test_samples_are_the_decoders_answers_to_a_normal_code(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    images = np.round(np.kron(draw.random((300, 3, 3)), np.ones((4, 5))) * 255).astype(np.uint8)
    np.savez(tmp_path / "pictures.npz", x_train=images[:250], x_test=images[250:])
    quick = ("--code", "3", "--epochs", "1", "--data", "pictures.npz", "--hidden", "8")
    assert edgeae_forked("train", "variational", *quick, cwd=tmp_path).returncode == 0
    done = edgeae_forked("sample", "variational-c3", "--n", "7", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["n"], told["seed"], told["shape"]) == (7, 0, [12, 15, 1])
    folder = tmp_path / "build" / "variational-c3"
    arrays, sheet = folder / "samples.npy", folder / "samples.png"
    samples = np.load(arrays)
    assert samples.shape == (7, 12, 15, 1) and samples.dtype == np.float32
    assert 0 <= samples.min() < samples.max() <= 1
    weights = json.loads((folder / "train.json").read_text())["weights_sha256"]
    said = {"weights_sha256": weights}
    assert sheet.read_bytes() == png.encode(tiles(samples, 3, 0.0, 1.0), said)
    assert png.notes(sheet.read_bytes()) == said
    assert struct.unpack(">II", sheet.read_bytes()[16:24]) == (3 * 15 + 4, 3 * 12 + 4)
    _by_hand(folder, samples.reshape(7, -1), seed=0)
    # another seed, other images: those of the codes that it gives
    again = ("sample", "build/variational-c3", "-n", "7", "--seed", "1")
    assert edgeae_forked(*again, cwd=tmp_path).stdout == "build/variational-c3/samples.png\n"
    others = np.load(arrays)
    assert np.abs(others - samples).max() > 1e-3
    _by_hand(folder, others.reshape(7, -1), seed=1)


def _by_hand(folder: Path, samples: np.ndarray, seed: int) -> None:
    """The decoder, code → 8 → 180, from the weights in the file and no Keras."""
    import io
    import zipfile

    import h5py

    with zipfile.ZipFile(folder / "model.keras") as archive:
        content = io.BytesIO(archive.read("model.weights.h5"))
    layers = []
    with h5py.File(content) as file:
        file.visititems(
            lambda name, item: (
                layers.append((item["0"][:], item["1"][:]))
                if name.endswith("/vars") and len(item)
                else None
            )
        )
    (first, second) = (pair for pair in layers if pair[0].shape in ((3, 8), (8, 180)))
    pairs = sorted((first, second), key=lambda pair: len(pair[1]))
    codes = np.random.default_rng(seed).standard_normal((7, 3)).astype(np.float32)
    hidden = np.maximum(codes @ pairs[0][0] + pairs[0][1], 0)
    wanted = 1 / (1 + np.exp(-(hidden @ pairs[1][0] + pairs[1][1])))
    assert np.abs(samples - wanted).max() < 1e-5


def test_other_families_have_no_prior_and_vectors_are_no_images(tmp_path: Path) -> None:
    project = Project(tmp_path)
    for family in ("simple", "variational"):
        project.model(f"{family}-c4", family=family, input_shape=(30,))
    rows = np.zeros((10, 30), np.float32)
    (tmp_path / "build/variational-c4" / SHEET).write_bytes(pack_sheet(rows, rows))
    for model, told in (("simple-c4", "family simple"), ("variational-c4", "rows of 30 values")):
        done = edgeae_here("sample", model, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert told in done.stderr and done.stderr.count("\n") == 1
        assert not (tmp_path / "build" / model / "samples.png").exists()
