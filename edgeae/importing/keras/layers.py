"""The layers that an imported model may have, and their configuration in Keras 2.

Only the keys of a layer's configuration that are listed here are passed on, and their values must
be plain data. A key that is not listed must be absent, null, false or empty: otherwise a setting
that changes the outputs could be dropped silently.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgeae.errors import BadInput


@dataclass(frozen=True)
class Rule:
    """The rule for a class of layers.

    Attributes:
        keys: keys of its configuration in Keras 2 that are passed on.
        weights: whether it has weights.
        same_values: whether it passes its input's values on in another shape.
    """

    keys: tuple[str, ...]
    weights: bool = False
    same_values: bool = False


_CONV = ("kernel_size", "strides", "padding", "data_format", "dilation_rate", "use_bias")
_POOL = ("pool_size", "strides", "padding", "data_format")
_NORM = ("axis", "epsilon", "center", "scale")

#: Class of a layer → rule.
ALLOWED = {
    "Dense": Rule(("units", "use_bias"), weights=True),
    **dict.fromkeys(("Conv1D", "Conv2D"), Rule((*_CONV, "filters", "groups"), weights=True)),
    **dict.fromkeys(
        ("Conv1DTranspose", "Conv2DTranspose"),
        Rule((*_CONV, "filters", "output_padding"), weights=True),
    ),
    "DepthwiseConv2D": Rule((*_CONV, "depth_multiplier"), weights=True),
    **dict.fromkeys(
        ("SeparableConv1D", "SeparableConv2D"),
        Rule((*_CONV, "filters", "depth_multiplier"), weights=True),
    ),
    **dict.fromkeys(
        ("MaxPooling1D", "MaxPooling2D", "AveragePooling1D", "AveragePooling2D"), Rule(_POOL)
    ),
    **dict.fromkeys(
        (
            *("GlobalMaxPooling1D", "GlobalMaxPooling2D"),
            *("GlobalAveragePooling1D", "GlobalAveragePooling2D"),
        ),
        Rule(("data_format", "keepdims")),
    ),
    "BatchNormalization": Rule(_NORM, weights=True),
    "LayerNormalization": Rule(_NORM, weights=True),
    "Activation": Rule(()),
    "ReLU": Rule(("max_value", "negative_slope", "threshold")),
    "LeakyReLU": Rule(("alpha",)),
    "PReLU": Rule(("shared_axes",), weights=True),
    "ELU": Rule(("alpha",)),
    "Softmax": Rule(("axis",)),
    "Flatten": Rule(("data_format",), same_values=True),
    "Reshape": Rule(("target_shape",), same_values=True),
    "Permute": Rule(("dims",), same_values=True),
    "UpSampling1D": Rule(("size",)),
    "UpSampling2D": Rule(("size", "data_format", "interpolation")),
    "ZeroPadding1D": Rule(("padding",)),
    "ZeroPadding2D": Rule(("padding", "data_format")),
    "Cropping1D": Rule(("cropping",)),
    "Cropping2D": Rule(("cropping", "data_format")),
    "Concatenate": Rule(("axis",)),
    **dict.fromkeys(("Add", "Subtract", "Multiply", "Average", "Maximum"), Rule(())),
    "Rescaling": Rule(("scale", "offset")),
    "Normalization": Rule(("axis", "mean", "variance", "invert"), weights=True),
}
#: Layers that only act in training; at inference they pass their input on.
DROPPED = (
    *("ActivityRegularization", "AlphaDropout", "Dropout", "GaussianDropout", "GaussianNoise"),
    *("Identity", "SpatialDropout1D", "SpatialDropout2D"),
)
#: Layers that take several inputs.
MERGING = ("Add", "Average", "Concatenate", "Maximum", "Multiply", "Subtract")
#: Activation functions of a layer that are the same in Keras 2 and 3.
_ACTIVATIONS = (
    *("elu", "exponential", "gelu", "linear", "relu", "relu6", "selu", "sigmoid", "silu"),
    *("softmax", "softplus", "softsign", "swish", "tanh"),
)
#: Layers that may be the activation of another layer.
_ACTIVATION_LAYERS = ("ELU", "LeakyReLU", "ReLU", "Softmax")
#: Keras's slope of the function `leaky_relu`; the slope of the layer is 0.3.
_LEAKY_RELU_SLOPE = 0.2
_RENAMED = {("LeakyReLU", "negative_slope"): "alpha"}
#: Keys that only affect training or loading.
_IGNORED = (
    *("name", "trainable", "dtype", "batch_input_shape", "batch_shape", "input_shape"),
    *("activation", "momentum", "renorm_momentum", "synchronized", "fused"),
)
_IGNORED_ENDINGS = ("_initializer", "_regularizer", "_constraint")
#: Keys that a class inherits but does not use, or that only Keras 3 has → their allowed value.
_INHERITED = {"groups": 1, "data_format": "channels_last"}
#: Objects that a configuration may have: they are built in, and none runs code from the file.
_OBJECTS = (
    *("Constant", "GlorotNormal", "GlorotUniform", "HeNormal", "HeUniform", "Identity"),
    *("LecunNormal", "LecunUniform", "Ones", "Orthogonal", "RandomNormal", "RandomUniform"),
    *("TruncatedNormal", "VarianceScaling", "Zeros", "L1", "L1L2", "L2"),
    *("MaxNorm", "MinMaxNorm", "NonNeg", "UnitNorm", "DTypePolicy", "Policy"),
    *("OrthogonalRegularizer", "SeedGenerator", *_ACTIVATION_LAYERS),
    *("__numpy__", "__tensor__", "__tuple__"),
)
_FLOAT32 = (None, "float32")


def check_objects(where: str, config: object) -> None:
    """Check that a configuration has no code and only Keras's own objects.

    Args:
        where: file and layer, for the error.
        config: the configuration as JSON types.

    Raises:
        BadInput: it has a function, a lambda, or a custom object.
    """
    left = [config]
    while left:
        item = left.pop()
        if isinstance(item, dict):
            if "class_name" in item:
                _check_object(where, item)
            left += item.values()
        elif isinstance(item, list):
            left += item


def _check_object(where: str, item: Mapping[str, Any]) -> None:
    name = item["class_name"]
    if name in ("__lambda__", "Lambda"):
        raise BadInput(f"{where}: holds a lambda; code in a file is never run")
    module, registered = item.get("module"), item.get("registered_name")
    root = str(module or "keras").partition(".")[0]
    harmless = name in _OBJECTS and root in ("keras", "tf_keras")
    if not harmless or registered not in (None, name):
        full_name = f"{module}.{name}" if module else str(name)
        raise BadInput(
            f"{where}: holds {registered or full_name}, which is not one of Keras's objects"
        )


def options(where: str, kind: str, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of a layer's configuration that is passed on to Keras 2.

    Args:
        where: file and layer, for the error.
        kind: a key of `ALLOWED`.
        config: the configuration in the file; `check_objects` has checked it.

    Raises:
        BadInput: a key that could change the outputs is unknown, or its value is not allowed.
    """
    _check_dtype(where, config.get("dtype"))
    order = config.get("data_format")
    if order not in (None, "channels_last"):
        raise BadInput(f"{where}: data_format is {order}; allowed is channels_last")
    chosen = {}
    for written, value in config.items():
        key = _RENAMED.get((kind, written), written)
        if key in ALLOWED[kind].keys:
            chosen[key] = _plain(where, key, value)
        elif value and not _can_be_ignored(key, value):
            raise BadInput(f"{where}: {key} = {value!r} is unknown; allowed is {key} unset")
    if kind.endswith("Transpose") and chosen.get("output_padding", 0) is None:
        del chosen["output_padding"]  # None leaves the choice to Keras
    return chosen


def _can_be_ignored(key: str, value: object) -> bool:
    return key in _IGNORED or key.endswith(_IGNORED_ENDINGS) or _INHERITED.get(key) == value


def _plain(where: str, key: str, value: object) -> Any:
    items = value if isinstance(value, list) else [value]
    items = [part for item in items for part in (item if isinstance(item, list) else [item])]
    if any(isinstance(item, dict | list) for item in items):
        raise BadInput(f"{where}: {key} is {value!r}; allowed are numbers and words")
    return value


def _check_dtype(where: str, dtype: object) -> None:
    name = dtype["config"].get("name") if isinstance(dtype, dict) else dtype
    if name not in _FLOAT32:
        raise BadInput(f"{where}: dtype is {name}; allowed is float32")


def activation(where: str, value: object) -> tuple[str, dict[str, Any]]:
    """Return the class and configuration of the layer that computes an activation.

    Args:
        where: file and layer, for the error.
        value: value of `activation` in the layer's configuration.

    Raises:
        BadInput: the activation is not one of those allowed here.
    """
    if value is None:
        return "Activation", {"activation": "linear"}
    if isinstance(value, dict):
        check_objects(where, value)
        kind = value["class_name"]
        if kind not in _ACTIVATION_LAYERS:
            raise BadInput(f"{where}: activation {kind}; {_allowed_activations()}")
        return kind, options(where, kind, value["config"])
    if value == "leaky_relu":
        return "LeakyReLU", {"alpha": _LEAKY_RELU_SLOPE}
    if value not in _ACTIVATIONS:
        raise BadInput(f"{where}: activation {value!r}; {_allowed_activations()}")
    return "Activation", {"activation": value}


def _allowed_activations() -> str:
    return f"allowed are {', '.join(sorted((*_ACTIVATIONS, 'leaky_relu')))}"
