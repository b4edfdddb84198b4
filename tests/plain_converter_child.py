"""`python plain_converter_child.py FOLDER [MODEL…]`: models as others make them, by tf.lite alone.

Nothing of edgeae is used here, and Keras is the one that comes with TensorFlow. Each model is
converted in every form of `FORMS`, each time in the next way of `WAYS`.
"""

import itertools
import sys
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf

keras = tf.keras
layers = keras.layers


def separable():
    """A classifier of depthwise-separable convolutions with batch normalisation."""
    x = image = keras.Input((16, 16, 3))
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(x)
    x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    for channels, strides in ((12, 1), (16, 2)):
        x = layers.DepthwiseConv2D(3, strides=strides, padding="same", use_bias=False)(x)
        x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
        x = layers.Conv2D(channels, 1, use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, layers.Dense(10, activation="softmax")(x))


def residual():
    """Two residual blocks, the second of them narrower than its input."""
    x = image = keras.Input((12, 12, 1))
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    inner = layers.Conv2D(8, 3, padding="same", activation="relu")(x)
    inner = layers.BatchNormalization()(layers.Conv2D(8, 3, padding="same")(inner))
    x = layers.ReLU()(layers.Add()([x, inner]))
    inner = layers.Conv2D(16, 3, strides=2, padding="same", activation="relu")(x)
    inner = layers.Conv2D(16, 3, padding="same")(inner)
    x = layers.Add()([layers.Conv2D(16, 1, strides=2)(x), inner])
    x = layers.Flatten()(layers.AveragePooling2D(2)(x))
    return keras.Model(image, layers.Dense(5)(x))


def decoder():
    """Transposed convolutions and a sigmoid."""
    x = code = keras.Input((8,))
    x = layers.Reshape((4, 4, 8))(layers.Dense(128, activation="relu")(x))
    x = layers.Conv2DTranspose(8, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.Conv2DTranspose(4, 3, strides=1, padding="valid", activation="relu")(x)
    x = layers.Conv2DTranspose(1, 2, strides=2, padding="same", activation="sigmoid")(x)
    return keras.Model(code, x)


def upsampling():
    """Up-sampling by the nearest pixel, and bilinear."""
    x = code = keras.Input((4, 4, 6))
    x = layers.Conv2D(8, 3, padding="same", activation="relu")(layers.UpSampling2D(2)(x))
    x = layers.UpSampling2D(2, interpolation="bilinear")(x)
    return keras.Model(code, layers.Conv2D(1, 3, padding="same", activation="tanh")(x))


def pools():
    """Pooling, LeakyReLU and padding by a layer."""
    x = image = keras.Input((14, 14, 2))
    x = layers.Conv2D(6, 3)(layers.ZeroPadding2D(1)(x))
    x = layers.MaxPooling2D(3, strides=2, padding="same")(layers.LeakyReLU()(x))
    x = layers.AveragePooling2D(3, strides=2, padding="same")(layers.Conv2D(8, 3)(x))
    x = layers.Dense(12, activation="tanh")(layers.Flatten()(x))
    return keras.Model(image, layers.Dense(4, activation="sigmoid")(x))


def branches():
    """Branches that are concatenated, subtracted, and multiplied by a gate."""
    x = image = keras.Input((10, 10, 3))
    wide = layers.Conv2D(5, 5, padding="same", activation="relu")(x)
    dilated = layers.Conv2D(5, 3, dilation_rate=2, padding="same", activation="relu")(x)
    x = layers.Concatenate()([wide, dilated])
    x = layers.Concatenate(axis=1)([x, x])
    gate = layers.Dense(10, activation="sigmoid")(layers.GlobalAveragePooling2D()(x))
    x = layers.Multiply()([x, layers.Reshape((1, 1, 10))(gate)])
    x = layers.Subtract()([layers.Conv2D(4, 1)(x), layers.Conv2D(4, 1)(x)])
    return keras.Model(image, layers.Permute((3, 1, 2))(x))


def dense():
    """Dense layers with batch normalisation between, PReLU and hard swish."""
    x = image = keras.Input((8, 8))
    x = layers.BatchNormalization()(layers.Dense(24)(layers.Flatten()(x)))
    x = layers.Dense(16)(layers.PReLU()(x))
    x = layers.Activation("hard_silu")(x)
    return keras.Model(image, layers.Dense(9, activation="softmax")(x))


MODELS = {
    item.__name__: item
    for item in (separable, residual, decoder, upsampling, pools, branches, dense)
}


def by_keras(model, _):
    return tf.lite.TFLiteConverter.from_keras_model(model)


def by_function(model, _, batch=1):
    shape = (batch, *model.input_shape[1:])
    called = tf.function(lambda x: model(x, training=False))
    function = called.get_concrete_function(tf.TensorSpec(shape, tf.float32))
    return tf.lite.TFLiteConverter.from_concrete_functions([function])


def by_open_function(model, folder):
    return by_function(model, folder, None)


def by_saved_model(model, folder):
    model.export(folder, verbose=False) if hasattr(model, "export") else model.save(folder)
    return tf.lite.TFLiteConverter.from_saved_model(folder)


#: `keras`, `open` and `saved` leave the batch open.
WAYS = {
    "keras": by_keras,
    "fixed": by_function,
    "saved": by_saved_model,
    "open": by_open_function,
}


def _quantized(converter, model, *operators, edge=tf.float32):
    rng = np.random.default_rng(0)
    shape = (1, *model.input_shape[1:])
    images = [rng.uniform(0, 1, shape).astype(np.float32) for _ in range(20)]
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([image] for image in images)
    converter.target_spec.supported_ops = list(operators)
    converter.inference_input_type = converter.inference_output_type = edge


INT8, INT16 = (
    tf.lite.OpsSet.TFLITE_BUILTINS_INT8,
    tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8,
)


def float32(converter, model):
    pass


def float16(converter, model):
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]


def int8(converter, model):
    _quantized(converter, model, INT8, edge=tf.int8)


def int8_per_tensor(converter, model):
    _quantized(converter, model, INT8, edge=tf.int8)
    converter._experimental_disable_per_channel = True
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True


def uint8_edges(converter, model):
    _quantized(converter, model, INT8, edge=tf.uint8)


def float_edges(converter, model):
    _quantized(converter, model, INT8)


def int16x8(converter, model):
    _quantized(converter, model, INT16, edge=tf.int16)


def int16_float_edges(converter, model):
    _quantized(converter, model, INT16)


FORMS = {
    item.__name__: item
    for item in (
        *(float32, float16, int8, int8_per_tensor),
        *(uint8_edges, float_edges, int16x8, int16_float_edges),
    )
}
#: The converter has no int16 form of HARD_SWISH and PRELU.
NOT_CONVERTED = {("dense", "int16x8"), ("dense", "int16_float_edges")}


def _initialise(model) -> None:
    """Give every weight a value that a trained one might have, batch normalisation's too."""
    rng = np.random.default_rng(1)
    for weight in model.weights:
        shape = tuple(weight.shape)
        fan = max(1, int(np.prod(shape[:-1])))
        value = rng.normal(0, 1 / np.sqrt(fan) if len(shape) > 1 else 0.3, shape)
        if "variance" in weight.name or "gamma" in weight.name:
            value = np.abs(value) + 0.5
        weight.assign(value.astype(np.float32))


def main(folder: str, *names: str) -> None:
    for name in names or MODELS:
        place = list(MODELS).index(name)
        model = MODELS[name]()
        _initialise(model)
        ways = itertools.islice(itertools.cycle(WAYS.items()), place, None)
        for (form, change), (way, make) in zip(FORMS.items(), ways, strict=False):
            if (name, form) in NOT_CONVERTED:
                continue
            with tempfile.TemporaryDirectory() as saved:
                converter = make(model, saved)
                change(converter, model)
                content = converter.convert()
            Path(folder, f"{name}-{form}-{way}.tflite").write_bytes(content)


if __name__ == "__main__":
    main(*sys.argv[1:])
