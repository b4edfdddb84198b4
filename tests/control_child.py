"""Child process of test_control.py: a control of a small model, three times."""

import json
import sys
from pathlib import Path

import numpy as np

from edgeae import data
from edgeae.compression import control
from edgeae.compression.fine_tuning import fine_tune
from edgeae.metrics.loss import image_losses
from edgeae.originals.legacy_keras import keras
from edgeae.recipe import Prune, Qat, Recipe
from edgeae.training.fit import deterministic, reconstruct


def main(folder: Path) -> None:
    deterministic(0)
    draw = np.random.default_rng(1)
    images = draw.integers(0, 256, (300, 4, 4), np.uint8)
    np.savez(folder / "rows.npz", x_train=images[:200], x_test=images[200:])
    dataset = data.load(str(folder / "rows.npz"))
    image = keras.Input((16,), name="image")
    code = keras.layers.Dense(8, name="code")(image)
    net = keras.Model(image, keras.layers.Dense(16, activation="sigmoid", name="last")(code))
    before = [weight.numpy().copy() for weight in net.weights]
    test = dataset.images("test", (16,))
    plan = Recipe(
        "x",
        quantization="int8",
        io="int8",
        prune=Prune(0.5, steps=200, learning_rate=1e-2),
        qat=Qat(steps=100, learning_rate=1e-3),
        steps=("prune", "qat"),
    )
    kept, calls = folder / ".controls" / "a.npy", []

    def counted(*arguments):
        (_, _, settings, *_) = arguments
        calls.append([settings.steps, settings.learning_rate])
        fine_tune(*arguments)

    control.fine_tune = counted
    found, trained = [], []
    for _ in range(3):
        count = len(calls)
        found.append(control.control_losses(net, dataset, plan, 0, kept))
        trained.append(len(calls) > count)
        if len(found) == 2:
            content = bytearray(kept.read_bytes())
            content[200] ^= 1  # a digit of a loss
            kept.write_bytes(content)
    original = image_losses(reconstruct(net, test), test)
    told = {
        "trained": trained,
        "calls": calls,
        "same": all(np.array_equal(item, found[0]) for item in found),
        "better": bool(found[0].mean() < 0.9 * original.mean()),
        "untouched": all(
            np.array_equal(weight.numpy(), old)
            for weight, old in zip(net.weights, before, strict=True)
        ),
    }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
