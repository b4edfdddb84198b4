"""Child process of test_import_tfmot.py: models as tfmot leaves them, in every form, with answers.

`python tfmot_models_child.py FOLDER NAME…` writes FOLDER/NAME.h5, NAME.keras and NAME
(a SavedModel), the answers of the float model to `rows.npy` as NAME.npy, and of quantized models
what tf.lite's own converter makes as NAME.tflite.
"""

import contextlib
import sys
from pathlib import Path

import numpy as np

from edgeae.compression.tfmot import library
from edgeae.originals.legacy_keras import keras, tf

layers = keras.layers
SPARSITY, CLUSTERS, QUANTIZATION = library.sparsity, library.clusters, library.quantization
SHAPE = (8, 8, 1)


def convolutional(transposed: bool = True):
    """Convolutions plain, depthwise and transposed, a normalisation, and dense layers."""
    return keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False, name="first"),
            layers.BatchNormalization(name="norm"),
            layers.ReLU(name="relu"),
            layers.DepthwiseConv2D(3, padding="same", activation="relu", name="depthwise"),
            layers.Flatten(name="flat"),
            layers.Dense(6, name="code"),
            layers.Dense(64, activation="relu", name="wide"),
            layers.Reshape((4, 4, 4), name="square"),
            *(
                [
                    layers.Conv2DTranspose(
                        4, 3, strides=2, padding="same", activation="relu", name="up"
                    )
                ]
                if transposed
                else [layers.UpSampling2D(name="up")]
            ),
            layers.Conv2D(1, 3, padding="same", activation="sigmoid", name="last"),
        ]
    )


def dense():
    """Dense layers alone: what the schemes that preserve zeros and values take."""
    return keras.Sequential(
        [
            keras.Input(SHAPE),
            layers.Flatten(name="flat"),
            layers.Dense(16, activation="relu", name="wide"),
            layers.Dense(6, name="code"),
            layers.Dense(64, activation="sigmoid", name="last"),
            layers.Reshape(SHAPE, name="square"),
        ]
    )


def halves(rows):
    """An encoder and a decoder, each pruned, in one model."""
    encoder = keras.Sequential(
        [keras.Input(SHAPE), layers.Flatten(), layers.Dense(6, activation="relu", name="code")],
        name="encoder",
    )
    decoder = keras.Sequential(
        [keras.Input((6,)), layers.Dense(64, name="last"), layers.Reshape(SHAPE)], name="decoder"
    )
    image = keras.Input(SHAPE)
    return trained(keras.Model(image, pruned(decoder)(pruned(encoder)(image))), rows)


def pruned(model):
    schedule = SPARSITY.ConstantSparsity(0.5, 0, frequency=1)
    return SPARSITY.prune_low_magnitude(model, schedule)


def clustered(model, **more):
    def wrap(layer):
        if isinstance(layer, layers.Dense | layers.Conv2D) and layer.name != "up":
            start = CLUSTERS.CentroidInitialization.KMEANS_PLUS_PLUS
            return library.cluster_weights(layer, 5, start, **more)
        return layer

    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    return keras.models.clone_model(copy, clone_function=wrap)


def trained(model, rows, epochs=3, batch_size=32):
    pruning = any("prune" in layer.name for layer in model.submodules if hasattr(layer, "name"))
    model.compile(keras.optimizers.Adam(0.01), "mse")
    callbacks = [SPARSITY.UpdatePruningStep()] if pruning else []
    model.fit(rows, rows, batch_size, epochs, verbose=0, callbacks=callbacks)
    return model


def quantized(model, rows, sparse=False, few=False):
    annotated = QUANTIZATION.quantize_annotate_model(model)
    scheme = library.scheme(sparse, few)
    # ranges begin at −6 to 6, and move towards the activations by a thousandth in a step
    return trained(QUANTIZATION.quantize_apply(annotated, scheme), rows, 20, 8)


def stripped(model):
    return CLUSTERS.strip_clustering(SPARSITY.strip_pruning(model))


def save(folder: Path, name: str, model, rows, like=None) -> None:
    """Save a model; `like` builds the float model whose answers those of a quantized one are."""
    model.save(folder / f"{name}.h5", include_optimizer=False)
    model.save(folder / f"{name}.keras")
    with contextlib.suppress(ValueError):  # Keras cannot save some quantized models so
        model.save(folder / name)
    answering = model
    if like is not None:
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.inference_input_type = converter.inference_output_type = tf.int8
        (folder / f"{name}.tflite").write_bytes(converter.convert())
        answering = like()
        kept = {weight.name: weight.numpy() for weight in model.weights}
        answering.set_weights([kept[weight.name] for weight in answering.weights])
    np.save(folder / f"{name}.npy", answering(rows, training=False).numpy())


def main(folder: Path, names: list[str]) -> None:
    keras.utils.set_random_seed(3)
    draw = np.random.default_rng(3)
    # soft spots, of which a code of 6 values keeps something
    spots = draw.uniform(1, 7, (400, 2, 1, 1))
    grid = np.indices((8, 8))[None]
    rows = np.exp(-((grid - spots) ** 2).sum(1) / 4).astype(np.float32)[..., None]
    np.save(folder / "rows.npy", rows)
    for name in names:
        MODELS[name](lambda *given, name=name: save(folder, name, *given), rows)


def make_pruned(put, rows):
    put(trained(pruned(trained(convolutional(), rows)), rows), rows)


def make_pruned_stripped(put, rows):
    put(stripped(trained(pruned(trained(convolutional(), rows)), rows)), rows)


def make_clustered(put, rows):
    put(trained(clustered(trained(convolutional(), rows)), rows), rows)


def make_clustered_stripped(put, rows):
    put(stripped(trained(clustered(trained(convolutional(), rows)), rows)), rows)


def make_qat(put, rows):
    put(quantized(trained(convolutional(), rows), rows), rows, convolutional)


def make_qat_saved(put, rows):
    model = trained(convolutional(False), rows)
    put(quantized(model, rows), rows, lambda: convolutional(False))


def make_pqat(put, rows):
    zeros = stripped(trained(pruned(trained(dense(), rows)), rows))
    put(quantized(zeros, rows, sparse=True), rows, dense)


def make_cqat(put, rows):
    values = stripped(trained(clustered(trained(dense(), rows)), rows))
    put(quantized(values, rows, few=True), rows, dense)


MODELS = {
    "pruned": make_pruned,
    "pruned-stripped": make_pruned_stripped,
    "pruned-halves": lambda put, rows: put(halves(rows), rows),
    "clustered": make_clustered,
    "clustered-stripped": make_clustered_stripped,
    "qat": make_qat,
    "qat-saved": make_qat_saved,
    "pqat": make_pqat,
    "cqat": make_cqat,
}

if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
