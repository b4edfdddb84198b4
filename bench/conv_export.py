"""Times the import, export and verification of two convolutional models, and their memory.

    python bench/conv_export.py FOLDER [MODEL] [RECIPE ...]

`denoiser` is the autoencoder of keras.io's "Convolutional autoencoder for image denoising": 28,353
parameters, on MNIST. `large` has 1.6 million parameters and takes images of 96×96×3, of which there
are 1,200, drawn at random: 600 to calibrate, and 600 to test. A model is built once, below FOLDER.
For each recipe (`int8` if none is named), one line has the seconds of export and verification, the
peak resident memory of the export's process, and what `edgeae export --jobs` counts for it.
"""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

os.environ["TF_USE_LEGACY_KERAS"] = "1"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"

_CHILD = b"edgeae.conversion.build"
_POLL_S = 0.02


def main() -> None:
    """Build, import, export and verify, and print a line for each recipe."""
    folder, *rest = sys.argv[1:]
    names = [name for name in rest if name in _MODELS] or list(_MODELS)
    recipes = [name for name in rest if name not in _MODELS] or ["int8"]
    place = Path(folder).absolute()
    place.mkdir(parents=True, exist_ok=True)
    print(f"{'model':10}{'recipe':16}{'export':>8}{'verify':>9}{'peak':>9}{'counted':>9}")
    for name in names:
        _imported(name, place)
        for recipe in recipes:
            link = f"build/{name}/{recipe}"
            with _Peak() as peak:
                export = _timed(place, "export", name, "-r", recipe, "--jobs", "1", "--force")
            verify = _timed(place, "verify", link)
            counted = _counted(place / "build" / name, recipe)
            print(
                f"{name:10}{recipe:16}{export:6.1f} s{verify:7.1f} s"
                f"{peak.bytes / 1e6:6.0f} MB{counted / 1e6:6.0f} MB",
                flush=True,
            )


def _imported(name: str, place: Path) -> None:
    if (place / "build" / name / "train.json").exists():
        return
    data = "mnist" if name == "denoiser" else str(place / f"{name}.npz")
    # in a process of its own, whose memory goes with it
    if os.fork() == 0:
        _MODELS[name](place)
        os._exit(0)
    _, status = os.wait()
    if status:
        raise SystemExit(f"{name}: could not be built")
    _timed(place, "import", f"{name}.keras", "--data", data, "--allow-worse-than-mean")


def _timed(place: Path, *arguments: str) -> float:
    started = time.monotonic()
    command = [sys.executable, "-m", "edgeae", *arguments]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):  # a model without a training may miss its tolerance
        raise SystemExit(done.stderr)
    return time.monotonic() - started


class _Peak:
    """The largest resident memory, in bytes, that any export's process had meanwhile."""

    def __enter__(self) -> "_Peak":
        self.bytes, self._open = 0, True
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._open = False
        self._thread.join()

    def _watch(self) -> None:
        while self._open:
            for process in Path("/proc").glob("[0-9]*"):
                self.bytes = max(self.bytes, _resident(process))
            time.sleep(_POLL_S)


def _resident(process: Path) -> int:
    try:
        if _CHILD not in (process / "cmdline").read_bytes():
            return 0
        lines = (process / "status").read_text().splitlines()
    except OSError:  # it ended meanwhile
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if "VmHWM" in line), 0)


def _counted(model: Path, recipe: str) -> int:
    from edgeae import recipe as recipes
    from edgeae.artifacts.model import open_model
    from edgeae.conversion.plan.memory import need

    return need(recipes.find(recipe), open_model(model))


def _denoiser(place: Path) -> None:
    from tf_keras import Model, layers

    from edgeae.data.find import load

    dataset = load("mnist")
    images = dataset.images("train", (28, 28, 1))[:6000]
    image = layers.Input(shape=(28, 28, 1))
    x: Any = image
    for _ in range(2):
        x = layers.Conv2D(32, (3, 3), activation="relu", padding="same")(x)
        x = layers.MaxPooling2D((2, 2), padding="same")(x)
    for _ in range(2):
        x = layers.Conv2DTranspose(32, (3, 3), strides=2, activation="relu", padding="same")(x)
    x = layers.Conv2D(1, (3, 3), activation="sigmoid", padding="same")(x)
    fitted = _fitted(Model(image, x), images, "binary_crossentropy")
    fitted.save(place / "denoiser.keras")


def _large(place: Path) -> None:
    from tf_keras import Model, layers

    images = _blobs(1200, 96)
    np.savez(place / "large.npz", x=images)
    image = layers.Input(shape=(96, 96, 3))
    x: Any = image
    for channels in (32, 64, 128, 128):
        x = layers.Conv2D(channels, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.Dense(120, name="code")(layers.Flatten()(x))
    x = layers.Reshape((6, 6, 128))(layers.Dense(6 * 6 * 128, activation="relu")(x))
    for channels in (128, 64, 32):
        x = layers.Conv2DTranspose(channels, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.Conv2DTranspose(3, 3, strides=2, padding="same", activation="sigmoid")(x)
    _fitted(Model(image, x), images[:600] / np.float32(255), "mse").save(place / "large.keras")


def _blobs(n: int, size: int) -> NDArray[np.uint8]:
    """Return images of one coloured disc each on a shaded ground, (n, size, size, 3)."""
    random = np.random.default_rng(0)
    rows, columns = np.mgrid[:size, :size]
    images = np.empty((n, size, size, 3), np.uint8)
    for image in images:
        (y, x), radius = random.uniform(size / 4, 3 * size / 4, 2), random.uniform(6, size / 4)
        inside = ((rows - y) ** 2 + (columns - x) ** 2 < radius**2)[..., None]
        ground = random.uniform(0, 120, 3) * (rows / size)[..., None]
        image[...] = np.where(inside, random.uniform(80, 255, 3), ground)
    return images


def _fitted(model: Any, images: NDArray[np.float32], loss: str) -> Any:
    model.compile(optimizer="adam", loss=loss)
    model.fit(images, images, epochs=2, batch_size=64, verbose=0)
    return model


_MODELS = {"denoiser": _denoiser, "large": _large}

if __name__ == "__main__":
    main()
