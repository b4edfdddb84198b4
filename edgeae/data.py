"""The images a model is trained, calibrated and judged on.

`mnist`   the real one: `EDGEAE_MNIST` (an `.npz` in the keras layout or a folder with the four IDX
          files, plain or .gz), then the keras cache, then a download through keras.
`digits`  the 1,797 handwritten digits that scikit-learn carries, laid out as MNIST is.
`auto`    `mnist` where it can be had, `digits` otherwise.
PATH.npz  anything else: `x_train` and `x_test`, and labels `y_train`, `y_test` if there are any.
"""

import gzip
import hashlib
import math
import os
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from edgeae import children
from edgeae.errors import BadInput, EdgeaeError, unknown

__all__ = ["BUILT_IN", "MNIST_SHA256", "Dataset", "absolute", "is_path", "load"]

#: The file that keras downloads, `mnist.npz` (the hash is keras's own).
MNIST_SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"
#: Datasets that a name is enough for.
BUILT_IN = ("digits", "mnist")
_DOWNLOAD_TIMEOUT_S = 120.0
_IDX_NAMES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}
#: The type byte of an IDX header that stands for unsigned bytes.
_IDX_UBYTE = 0x08


@dataclass(frozen=True)
class Dataset:
    """Images in [0, 1] and their split.

    Attributes:
        name: `mnist`, `digits`, or the stem of the `.npz`.
        origin: where it was found, for the console; never part of a manifest.
        train: uint8 or float32 array (n, …): without the validation images.
        validation: the last images of the training file: 5,000 of MNIST's 60,000.
        test: read once, for the figures that are reported.
        train_labels, test_labels: integer arrays (n,), or None.
        scale: what one unit of the stored values is worth: 1/255 for uint8, 1 for floats.
        sha256: of the arrays themselves, whatever file they came in.
    """

    name: str
    origin: str
    train: NDArray[Any]
    validation: NDArray[Any]
    test: NDArray[Any]
    train_labels: NDArray[Any] | None
    test_labels: NDArray[Any] | None
    scale: float
    sha256: str

    @property
    def width(self) -> int:
        """How many values one image has."""
        return int(np.prod(self.test.shape[1:]))

    def images(self, part: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Return `train`, `validation` or `test` as float32 in [0, 1], each image in `shape`.

        Raises:
            BadInput: an image does not have as many values as `shape` asks for.
        """
        stored: NDArray[Any] = getattr(self, part)
        if int(np.prod(shape)) != self.width:
            raise BadInput(
                f"dataset {self.name}: images of {self.width} values, the model takes {shape}"
            )
        real = stored.reshape(-1, *shape).astype(np.float32)
        if self.scale != 1.0:
            real *= np.float32(self.scale)
        return real


def load(
    name: str, *, download: bool = True, say: Callable[[str], None] = lambda line: None
) -> Dataset:
    """Load a dataset by name or path.

    Args:
        name: `mnist`, `digits`, `auto` or the path of an `.npz`.
        download: whether MNIST may come from the network.
        say: told in one line which dataset it became, and why.

    Raises:
        BadInput: it is not to be had, or its content is not as it should be.
    """
    if is_path(name):
        dataset = _from_npz(Path(name), Path(name).stem)
        say(f"dataset: {dataset.name} ({dataset.origin})")
        return dataset
    if name == "digits":
        dataset = _digits()
    elif name == "mnist":
        dataset = _mnist(download)
    elif name == "auto":
        dataset = _auto(download, say)
    else:
        raise unknown("dataset", name, ["auto", *BUILT_IN, "PATH.npz"])
    say(f"dataset: {dataset.name} ({dataset.origin})")
    return dataset


def is_path(name: str) -> bool:
    """Tell whether `load` takes `name` for a file rather than for a dataset's name."""
    return name.endswith(".npz")


def absolute(name: str) -> str:
    """Return what `load` takes for the same dataset in whatever folder it is asked."""
    return str(Path(name).absolute()) if is_path(name) else name


def _auto(download: bool, say: Callable[[str], None]) -> Dataset:
    # A file that the user named must be right; only MNIST's absence leads to the digits.
    if os.environ.get("EDGEAE_MNIST"):
        return _mnist(download)
    try:
        return _mnist(download)
    except EdgeaeError as error:
        say(f"MNIST is not to be had ({error}); using scikit-learn's digits instead")
        return _digits()


def _mnist(download: bool) -> Dataset:
    dataset = _find_mnist(download)
    images = dataset.test  # of the same type and size as those of the training
    if images.dtype != np.uint8 or images.shape[1:] != (28, 28):
        raise BadInput(
            f"{dataset.origin}: images are {images.dtype} of shape {images.shape[1:]}; "
            "MNIST is uint8 (n, 28, 28)"
        )
    return dataset


def _find_mnist(download: bool) -> Dataset:
    named = os.environ.get("EDGEAE_MNIST")
    if named:
        path = Path(named)
        return _from_idx(path, "mnist") if path.is_dir() else _from_npz(path, "mnist")
    cached = _keras_cache()
    if not cached.exists():
        if not download:
            raise BadInput(f"EDGEAE_MNIST is not set and {cached} is missing")
        _download(cached)
    found = hashlib.sha256(cached.read_bytes()).hexdigest()
    if found != MNIST_SHA256:
        raise BadInput(
            f"{cached}: sha256 {found[:12]}…, keras's mnist.npz has {MNIST_SHA256[:12]}…"
        )
    return _from_npz(cached, "mnist")


def _keras_cache() -> Path:
    """Where keras keeps MNIST: Keras 3 minds KERAS_HOME, tf_keras downloads to the home folder."""
    home = Path("~/.keras").expanduser()
    places = [Path(os.environ.get("KERAS_HOME") or home), home]
    files = [place / "datasets" / "mnist.npz" for place in places]
    return next((file for file in files if file.exists()), files[-1])


def _download(cached: Path) -> None:
    why = f"EDGEAE_MNIST is not set, {cached} is missing and the download"
    try:
        children.run("edgeae.training.download", {}, timeout_s=_DOWNLOAD_TIMEOUT_S)
    except EdgeaeError as error:
        raise BadInput(f"{why} failed: {error}") from None
    if not cached.exists():
        raise BadInput(f"{why} went elsewhere (is {cached.parents[2]} writable?)")


def _from_npz(path: Path, name: str) -> Dataset:
    try:
        with path.open("rb") as stream:
            arrays = _read_npz(stream)
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file") from None
    except Exception as error:  # numpy and zipfile raise a dozen classes on damaged bytes
        reason = " ".join(str(error).split()) or type(error).__name__
        raise BadInput(f"{path}: not a readable .npz ({reason})") from None
    for key in ("x_train", "x_test"):
        if key not in arrays:
            raise BadInput(f"{path}: no array {key!r}; an .npz needs x_train and x_test")
    return _dataset(name, path, arrays)


def _read_npz(stream: IO[bytes]) -> dict[str, NDArray[Any]]:
    archive = np.load(stream, allow_pickle=False)
    if not isinstance(archive, np.lib.npyio.NpzFile):
        raise ValueError("it holds one bare array")
    with archive:
        arrays = {key: archive[key] for key in archive.files if key in _IDX_NAMES}
    for key, array in arrays.items():
        if not isinstance(array, np.ndarray):  # numpy hands out what is no array as bytes
            raise ValueError(f"{key} is not an array")
    return arrays


def _from_idx(folder: Path, name: str) -> Dataset:
    return _dataset(
        name, folder, {key: _read_idx(folder, stem) for key, stem in _IDX_NAMES.items()}
    )


def _read_idx(folder: Path, stem: str) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes (http://yann.lecun.com/exdb/mnist, "file formats")."""
    candidates = [folder / stem, folder / f"{stem}.gz"]
    path = next((candidate for candidate in candidates if candidate.exists()), None)
    if path is None:
        raise BadInput(f"{folder}: neither {stem} nor {stem}.gz is there")
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput(f"{path}: not readable ({error})") from None
    rank = 3 if "idx3" in stem else 1
    magic = bytes((0, 0, _IDX_UBYTE, rank))
    if content[:4] != magic:
        raise BadInput(f"{path}: magic {content[:4].hex()}, an IDX file of bytes has {magic.hex()}")
    start = 4 + 4 * rank
    if len(content) < start:
        raise BadInput(f"{path}: {len(content)} bytes, its header alone has {start}")
    shape = struct.unpack(f">{rank}I", content[4:start])
    if len(content) - start != math.prod(shape):
        raise BadInput(f"{path}: {len(content) - start} bytes of data, its header says {shape}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _digits() -> Dataset:
    """Scikit-learn's 8×8 digits as MNIST lays them out: a 20×20 box centred in 28×28."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise BadInput(
            "dataset digits: scikit-learn is missing; pip install 'edgeae[host]'"
        ) from None
    carried = load_digits()
    spread = _bilinear(8, 20)
    # float64 and a rounding to whole grey levels: the same bytes on every machine
    boxes = np.einsum("ij,njk,lk->nil", spread, carried.images / 16.0, spread)
    images = np.zeros((len(boxes), 28, 28), np.uint8)
    images[:, 4:24, 4:24] = np.round(boxes * 255)
    order = np.random.default_rng(0).permutation(len(images))  # the file is ordered by writer
    images, labels = images[order], carried.target[order].astype(np.uint8)
    arrays = {
        "x_train": images[:1497],
        "y_train": labels[:1497],
        "x_test": images[1497:],
        "y_test": labels[1497:],
    }
    return _dataset("digits", Path("scikit-learn"), arrays)


def _bilinear(source: int, target: int) -> NDArray[np.float64]:
    """Matrix (target, source) of linear interpolation with aligned pixel centres."""
    centres = np.clip((np.arange(target) + 0.5) * source / target - 0.5, 0, source - 1)
    return np.stack([np.interp(centres, np.arange(source), row) for row in np.eye(source)], axis=1)


def _dataset(name: str, origin: Path, arrays: dict[str, NDArray[Any]]) -> Dataset:
    for key in ("x_train", "x_test"):
        _check_images(origin, key, arrays[key])
    if arrays["x_train"].shape[1:] != arrays["x_test"].shape[1:]:
        raise BadInput(
            f"{origin}: x_train holds images of shape {arrays['x_train'].shape[1:]}, "
            f"x_test of {arrays['x_test'].shape[1:]}"
        )
    if arrays["x_train"].dtype != arrays["x_test"].dtype:
        raise BadInput(
            f"{origin}: x_train is {arrays['x_train'].dtype}, x_test {arrays['x_test'].dtype}"
        )
    for key in ("train", "test"):
        labels = arrays.get(f"y_{key}")
        if labels is not None and labels.shape != arrays[f"x_{key}"].shape[:1]:
            raise BadInput(
                f"{origin}: y_{key} has shape {labels.shape}, x_{key} holds "
                f"{len(arrays[f'x_{key}'])} images"
            )
    train = arrays["x_train"]
    held_out = min(5000, len(train) // 10)
    labels = arrays.get("y_train")
    return Dataset(
        name=name,
        origin=str(origin),
        train=train[: len(train) - held_out],
        validation=train[len(train) - held_out :],
        test=arrays["x_test"],
        train_labels=None if labels is None else labels[: len(train) - held_out],
        test_labels=arrays.get("y_test"),
        scale=1 / 255 if train.dtype == np.uint8 else 1.0,
        sha256=_sha256(arrays),
    )


def _check_images(origin: Path, key: str, images: NDArray[Any]) -> None:
    if images.ndim < 2 or len(images) < 10 or images[0].size == 0:
        raise BadInput(f"{origin}: {key} has shape {images.shape}; 10 images or more are needed")
    if images.dtype == np.uint8:
        return
    if images.dtype not in (np.float32, np.float64):
        raise BadInput(f"{origin}: {key} is {images.dtype}; allowed are uint8 and floats in [0, 1]")
    bad = int(np.count_nonzero(~np.isfinite(images)))
    if bad:
        raise BadInput(f"{origin}: {key} holds {bad} pixels that are NaN or infinite")
    low, high = float(images.min()), float(images.max())
    if low < 0 or high > 1:
        raise BadInput(f"{origin}: {key} ranges from {low:g} to {high:g}; floats must be in [0, 1]")


def _sha256(arrays: dict[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for key in ("x_train", "x_test"):
        array = np.ascontiguousarray(arrays[key])
        digest.update(f"{key} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.data)
    return digest.hexdigest()
