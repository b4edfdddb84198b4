"""Child processes of `test_import_saved_model.py`.

`python saved_models_child.py make FOLDER` writes SavedModels as their users would, with TensorFlow
and Keras 3 and nothing of edgeae; of the good ones also their answers, `NAME.npz`: `x` and `y`.
`python saved_models_child.py refuse FOLDER NAME …` tries to import each and prints name → error.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
WIDTH, CODE = 16, 4


def make(folder: Path) -> None:
    import keras  # Keras 3: TF_USE_LEGACY_KERAS is not set
    import tensorflow as tf

    random = np.random.default_rng(0)
    weights = [random.normal(0, 0.4, shape).astype(np.float32) for shape in ((WIDTH, CODE),) * 2]

    def dense(self, x, between=lambda code: code):
        code = between(tf.nn.relu6(tf.matmul(x, self.into)))
        # the batch is taken from the input, around the code
        return tf.reshape(tf.tanh(tf.matmul(code, self.out, transpose_b=True)), tf.shape(x))

    class Module(tf.Module):
        def __init__(self, answer, *inputs):
            super().__init__()
            self.into, self.out = map(tf.Variable, weights)
            self.call = tf.function(lambda *x: answer(self, *x), input_signature=inputs)

    def save(name, answer, *inputs):
        shape = inputs or (tf.TensorSpec((None, WIDTH), tf.float32),)
        module = Module(answer, *shape)
        tf.saved_model.save(module, str(folder / name), signatures=module.call)
        return module.call

    def record(name, call, shape):
        x = random.random((8, *shape), dtype=np.float32)
        y = np.concatenate([np.asarray(call(row[None])) for row in x])
        np.savez(folder / f"{name}.npz", x=x, y=y)

    record("plain", save("plain", dense), (WIDTH,))
    one = tf.TensorSpec((1, WIDTH), tf.float32)
    record("one", save("one", dense, one), (WIDTH,))
    layers = keras.layers
    keras.utils.set_random_seed(0)
    image = keras.Input((8, 8, 1))
    x = layers.Conv2D(4, 3, strides=2, padding="same")(image)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    code = layers.Dense(6, name="bottleneck")(layers.Flatten()(x))
    x = layers.Reshape((2, 2, 4))(layers.Dense(16, activation="relu")(code))
    x = layers.Conv2DTranspose(4, 3, strides=2, padding="same")(layers.Dropout(0.2)(x))
    x = layers.UpSampling2D()(x)
    model = keras.Model(image, layers.Conv2D(1, 3, padding="same", activation="sigmoid")(x))
    model.export(str(folder / "conv"), verbose=False)
    record("conv", model, (8, 8, 1))

    written = str(folder / "written")

    def writes(self, x):
        tf.io.write_file(written, "x")
        return dense(self, x)

    def writes_as_a_saver_does(self, x):
        tf.raw_ops.SaveV2(
            prefix=written, tensor_names=["x"], shape_and_slices=[""], tensors=[self.into]
        )
        return dense(self, x)

    def python(self, x):
        return tf.ensure_shape(tf.py_function(lambda item: item, [x], tf.float32), x.shape)

    save("writer", writes)
    save("saver", writes_as_a_saver_does)
    save("python", python)
    save("noisy", lambda self, x: dense(self, x) + tf.random.normal((WIDTH,)))
    save("classifier", lambda self, x: tf.nn.softmax(tf.matmul(x, self.into)))
    pair = [tf.TensorSpec((None, WIDTH), tf.float32, name=name) for name in "ab"]
    save("two", lambda self, a, b: a + b, *pair)
    save("around", lambda self, x: dense(self, x) + x)
    save("mixed", lambda self, x: dense(self, x - tf.reduce_mean(x, axis=0)))
    save("integers", lambda self, x: x, tf.TensorSpec((None, WIDTH), tf.int32))


def refuse(folder: Path, names: list[str]) -> None:
    from edgeae.errors import BadInput
    from edgeae.importing.saved_model.freezing import freeze

    rows = np.random.default_rng(1).random((20, WIDTH), dtype=np.float32)
    np.save(folder / "rows.npy", rows)
    errors = {}
    for name in names:
        job = {
            "source": str(folder / name),
            "code_layer": None,
            "dataset": "rows",
            "images": dict.fromkeys(("validation", "test"), str(folder / "rows.npy")),
            "out": str(folder / f"{name}.pb"),
        }
        try:
            errors[name] = f"accepted: {list(freeze(job))}"
        except BadInput as error:
            errors[name] = str(error)
    sys.stdout.write(json.dumps(errors))


if __name__ == "__main__":
    what, where, *which = sys.argv[1:]
    make(Path(where)) if what == "make" else refuse(Path(where), which)
