"""What a model is compared with: PCA, PSNR and SSIM against closed forms and other libraries."""

import json
import math
import subprocess

import numpy as np
import pytest
import warm

from edgeae.training import linear
from edgeae.training.linear import pca
from edgeae.training.references import yardsticks
from edgeae.training.ssim import is_picture, ssim
from edgeae.training.table import by_reference


def correlated(n: int, width: int, seed: int = 0) -> np.ndarray:
    draw = np.random.default_rng(seed)
    mixed = draw.normal(size=(n, width)) @ draw.normal(size=(width, width)) / width
    return (0.5 + 0.2 * mixed).astype(np.float32)


def error(found: np.ndarray, wanted: np.ndarray) -> float:
    return float(np.mean((found.astype(np.float64) - wanted) ** 2))


@pytest.mark.parametrize("chunk", [7, 10_000])
def test_pca_is_that_of_scikit_learn(monkeypatch, chunk):
    from sklearn.decomposition import PCA  # takes a second, which every worker would

    monkeypatch.setattr(linear, "_CHUNK", chunk)
    train, test = correlated(200, 12), correlated(50, 12, seed=1)
    reference = PCA(5, svd_solver="full").fit(train.astype(np.float64))
    wanted = reference.inverse_transform(reference.transform(test.astype(np.float64)))
    assert np.abs(pca(train, 5).reconstruct(test) - wanted).max() < 1e-8


def test_pca_of_wide_images_is_the_same(monkeypatch):
    train, test = correlated(60, 40), correlated(50, 40, seed=1)
    exact = pca(train, 6).reconstruct(test)
    monkeypatch.setattr(linear, "_WIDEST", 20)
    assert np.abs(pca(train, 6).reconstruct(test) - exact).max() < 1e-6


def test_pca_of_few_images_has_no_more_directions_than_they_span():
    train = correlated(4, 30)
    found = pca(train, 10)
    assert found.components.shape == (30, 3)
    assert np.abs(found.reconstruct(train) - train).max() < 1e-6
    # one image is all that is known
    assert np.array_equal(pca(train[:1], 5).reconstruct(train), np.repeat(train[:1], 4, axis=0))


@pytest.mark.parametrize("code", [1, 3])
def test_pca_is_a_converged_linear_autoencoder(code):
    """x′ = W′(W(x − m)) + m trained by alternating least squares, from a random start."""
    images = correlated(300, 8).astype(np.float64)
    centred = images - images.mean(axis=0)
    encoder = np.random.default_rng(3).normal(size=(8, code))
    for _ in range(3000):
        decoder = np.linalg.lstsq(centred @ encoder, centred, rcond=None)[0]
        encoder = np.linalg.pinv(decoder)  # the best codes of a given decoder
    trained = error(centred @ encoder @ decoder, centred)
    assert trained > 1e-4
    figures = yardsticks(images, images, images, code, (8,), 1.0)
    assert figures["pca"]["mse"] == pytest.approx(trained, abs=1e-6, rel=1e-6)


def test_a_code_as_wide_as_the_image_makes_pca_exact():
    images = correlated(300, 9)
    for code in (9, 20):
        row = yardsticks(images, images, images, code, (9,), 1.0)["pca"]
        assert row["mse"] == 0 and row["psnr"] is None
        assert np.abs(pca(images, code).reconstruct(images) - images).max() < 1e-12
    assert yardsticks(images, images, images, 8, (9,), 1.0)["pca"]["mse"] > 1e-8


def test_psnr_and_mse_are_their_closed_forms():
    images = correlated(40, 9)
    figures = yardsticks(images, images, images + np.float32(0.1), 2, (9,), peak=2.0)
    assert figures["model"]["mse"] == pytest.approx(0.01, rel=1e-5)
    # 10 log10(2² / 0.1²) = 20 log10(20)
    assert figures["model"]["psnr"] == pytest.approx(20 * math.log10(20), rel=1e-6)
    assert figures["mean"]["mse"] == pytest.approx(float(images.var(axis=0).mean()), rel=1e-5)
    assert all(row["ssim"] is None for row in figures.values())  # vectors


def test_ssim_of_flat_images_is_its_closed_form():
    """Without variance, SSIM is its luminance term, (2ab + C₁) / (a² + b² + C₁)."""
    first, second = np.full((1, 12, 15), 0.3), np.full((1, 12, 15), 0.7)
    for peak in (1.0, 4.0):
        c1 = (0.01 * peak) ** 2
        wanted = (2 * 0.21 + c1) / (0.09 + 0.49 + c1)
        assert ssim(first, second, peak) == pytest.approx([wanted], rel=1e-12)


def test_ssim_of_an_image_with_itself_is_one_and_each_pair_has_its_own():
    images = np.random.default_rng(0).random((3, 14, 11, 2))
    assert ssim(images, images, 1.0) == pytest.approx([1, 1, 1], abs=1e-12)
    other = images.copy()
    other[1] = 1 - other[1]
    found = ssim(images, other, 1.0)
    assert found[[0, 2]] == pytest.approx([1, 1]) and found[1] < 0
    assert ssim(images[..., :1], other[..., :1], 1.0) == pytest.approx(
        ssim(images[..., 0], other[..., 0], 1.0)
    )


@pytest.mark.tensorflow
def test_ssim_is_tensorflows():
    program = """
import json, sys
import numpy as np
from edgeae.originals.legacy_keras import tf
from edgeae.training.ssim import ssim
draw = np.random.default_rng(1)
found = []
for shape, peak in (((4, 28, 28, 1), 1.0), ((3, 13, 20, 3), 2.5)):
    first = (peak * draw.random(shape)).astype(np.float32)
    second = (first + 0.2 * peak * draw.normal(size=shape)).astype(np.float32)
    own = ssim(first, second, peak)
    theirs = tf.image.ssim(tf.constant(first), tf.constant(second), peak).numpy()
    found.append([own.tolist(), theirs.tolist()])
sys.stdout.write(json.dumps(found))
"""
    command = [*warm.python(), "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for own, theirs in json.loads(done.stdout):
        assert own == pytest.approx(theirs, abs=2e-5)
        assert min(own) > 0.1 and max(own) < 0.99


@pytest.mark.parametrize(
    ("shape", "told"),
    [((28, 28), True), ((11, 11, 3), True), ((10, 28), False), ((640,), False), ((1, 1, 1), False)],
)
def test_pictures_are_at_least_a_window(shape, told):
    assert is_picture(shape) == told


def test_shuffled_images_tell_a_copier_from_a_model():
    images = correlated(1200, 16)
    copier = yardsticks(images, images, images, 4, (4, 4), 1.0, reconstruct=lambda shown: shown)
    assert copier["model"]["shuffled"] == 0
    assert copier["pca"]["shuffled"] is None and copier["mean"]["shuffled"] is None
    fitted = pca(images, 4)
    answers = fitted.reconstruct(images)
    row = yardsticks(images, images, answers, 4, (4, 4), 1.0, fitted.reconstruct)["model"]
    assert row["shuffled"] > 1.5 * row["mse"]
    # one permutation, and always the same
    again = yardsticks(images, images, answers, 4, (4, 4), 1.0, fitted.reconstruct)["model"]
    assert again == row


def test_the_model_sees_shuffled_images_in_its_own_shape():
    images = correlated(700, 24).reshape(700, 4, 3, 2)
    shown = []

    def look(batch: np.ndarray) -> np.ndarray:
        shown.append(batch)
        return batch

    yardsticks(images, images, images, 4, (4, 3, 2), 1.0, look)
    seen = np.concatenate(shown)
    assert seen.shape == images.shape
    assert np.allclose(np.sort(seen.reshape(700, -1)), np.sort(images.reshape(700, -1)))
    assert not np.array_equal(seen, images)


def test_pictures_have_ssim_in_every_row():
    images = np.random.default_rng(0).random((30, 12, 13)).astype(np.float32)
    figures = yardsticks(images, images, images.reshape(30, -1), 3, (12, 13), 1.0)
    assert figures["model"]["ssim"] == pytest.approx(1)
    assert 0 < figures["mean"]["ssim"] < figures["pca"]["ssim"] < 1
    wanted = ssim(
        images,
        pca(images.reshape(30, -1), 3).reconstruct(images.reshape(30, -1)).reshape(images.shape),
        1.0,
    )
    assert figures["pca"]["ssim"] == pytest.approx(wanted.mean())


def test_the_table_lines_up():
    row = {"mse": 0.00698, "psnr": 21.56, "ssim": 0.91234, "shuffled": 0.0712}
    exact = {"mse": 0.0, "psnr": None, "ssim": None, "shuffled": None}
    lines = by_reference({"model": row, "pca": exact, "mean": exact}).splitlines()
    assert [line.split()[-3:] for line in lines[:2]] == [
        ["MSE", "PSNR", "SSIM"],
        ["21.6", "dB", "0.9123"],
    ]
    assert lines[1].index("0.00698") == lines[2].index("0.00000")
    assert "exact" in lines[2] and lines[4].endswith("shuffled pixels: MSE 0.07120")


def test_rows_that_are_no_pictures_are_not_called_images():
    row = {"mse": 0.5, "psnr": 3.01, "ssim": None, "shuffled": 1.25}
    text = by_reference({"model": row, "pca": row, "mean": row})
    assert "SSIM" not in text and "image" not in text
    assert text.splitlines()[3].split()[:2] == ["mean", "row"]
    assert text.endswith("model on rows with shuffled values: MSE 1.25000")
