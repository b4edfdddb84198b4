"""The wrappers that tfmot puts around layers, as they are written in an architecture.

Each wrapper is taken off: what remains is the layer as its author wrote it, and a record of what
the wrapper did. Nothing is loaded; see `weights` for the values that wrappers keep.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from edgeae.errors import BadInput
from edgeae.reading import files

#: The file of a SavedModel in which Keras 2 keeps the architecture.
METADATA = "keras_metadata.pb"

PRUNED, CLUSTERED, INPUT = "PruneLowMagnitude", "ClusterWeights", "QuantizeLayer"
#: The first version lacks the layer's own weights among its own; both are read alike.
QUANTIZED = ("QuantizeWrapper", "QuantizeWrapperV2")
ALLOWED = (PRUNED, CLUSTERED, *QUANTIZED, INPUT)
#: Beginnings of names of tfmot's classes, in files that name no modules.
_FAMILIES = ("PruneLowMagnitude", "ClusterWeights", "QuantizeWrapper", "QuantizeLayer")
_ROOT = "tensorflow_model_optimization"
_ACTIVATION, _NO_ACTIVATION = "QuantizeAwareActivation", "NoOpActivation"
#: The configurations of the default 8-bit scheme; its preserving variants write the same ones.
_CONFIGURATIONS = (
    "Default8BitQuantizeConfig",
    "Default8BitConvQuantizeConfig",
    "Default8BitConvTransposeQuantizeConfig",
    "Default8BitActivationQuantizeConfig",
    "Default8BitOutputQuantizeConfig",
    "NoOpQuantizeConfig",
)
#: Activations before and after which tfmot rounds, in a layer and as a layer of their own.
_ROUNDED_BEFORE = ("softmax", "sigmoid", "tanh", "gelu")
_ROUNDED_AFTER = ("linear", "relu", "swish", "gelu")
_ROUNDED_LAYERS = ("relu", "swish", "gelu", "relu6")
_QUANTIZERS = ("AllValuesQuantizer", "MovingAverageQuantizer", "LastValueQuantizer")
_BITS = 8


@dataclass(frozen=True)
class Wrapper:
    """What a wrapper did to a layer.

    Attributes:
        kind: one of `ALLOWED`.
        path: names from the outermost model to the wrapper.
        inner: name of the layer as its author wrote it; that of the wrapper for `QuantizeLayer`.
        preserves_zeros: whether clustering kept the zeros of an earlier pruning.
        weights: names of the weights whose ranges were learned.
        before, after: the activation's points at which ranges were learned, by tfmot's names of
            them; empty if there is none.
    """

    kind: str
    path: tuple[str, ...]
    inner: str
    preserves_zeros: bool = False
    weights: tuple[str, ...] = ()
    before: str = ""
    after: str = ""

    @property
    def points(self) -> list[str]:
        """The names of all ranges, in the order in which tfmot makes them."""
        return [*self.weights, *filter(None, (self.before, self.after))]


def in_saved_model(folder: Path) -> bool:
    """Return whether a SavedModel is one of Keras 2 with wrappers of tfmot."""
    path = folder / METADATA
    if not path.is_file():
        return False
    content = files.read(path, files.MODEL_BYTES)
    return any(f'"class_name": "{name}'.encode() in content for name in _FAMILIES)


def is_wrapper(item: dict[str, Any]) -> bool:
    """Return whether an entry of an architecture is of a class of tfmot."""
    root = str(item.get("module") or "").partition(".")[0]
    return root == _ROOT or str(item.get("class_name")).startswith(_FAMILIES)


def unwrap(
    where: str, item: dict[str, Any], path: tuple[str, ...]
) -> tuple[Wrapper, dict[str, Any] | None]:
    """Return what a wrapper did, and the entry of its layer; None for `QuantizeLayer`.

    Args:
        where: file and layer, for errors.
        item: an entry for which `is_wrapper` holds.
        path: names from the outermost model to the wrapper.

    Raises:
        BadInput: the class, its quantization configuration or its quantizer is not known.
        KeyError, TypeError: the entry is damaged.
    """
    kind, config = item["class_name"], item["config"]
    _check_known(where, kind, ALLOWED, "class of tfmot")
    if kind == INPUT:
        quantizer = config.get("quantizer")
        if quantizer is not None:
            _check_known(where, quantizer["class_name"], _QUANTIZERS, "quantizer")
            _check_bits(where, quantizer["config"])
        return Wrapper(kind, path, path[-1]), None
    layer = config["layer"]
    wrapper = Wrapper(
        kind, path, str(layer["config"]["name"]), bool(config.get("preserve_sparsity"))
    )
    if is_wrapper(layer):
        raise BadInput(
            f"{where}: wraps {layer['class_name']}, another wrapper; strip one before the other is "
            "put on"
        )
    if kind in QUANTIZED:
        settings = config["quantize_config"]
        _check_known(where, settings["class_name"], _CONFIGURATIONS, "QuantizeConfig")
        activation, rounded = _activation(layer["config"])
        if activation is not None:
            layer = {**layer, "config": {**layer["config"], "activation": activation}}
        wrapper = replace(wrapper, **_points(where, settings, activation if rounded else None))
    return wrapper, layer


def _activation(config: dict[str, Any]) -> tuple[Any, bool]:
    """Return a layer's activation as its author wrote it, and whether its values are rounded."""
    activation = config.get("activation")
    if not isinstance(activation, dict) or activation.get("class_name") != _ACTIVATION:
        return activation, True
    inner = activation["config"]["activation"]
    if isinstance(inner, dict) and inner.get("class_name") == _NO_ACTIVATION:
        return "linear", False
    return inner, True


def _points(where: str, settings: dict[str, Any], activation: object) -> dict[str, Any]:
    """Return the fields of a `Wrapper` that say where a layer's ranges were learned."""
    kind, config = settings["class_name"], settings["config"]
    if kind == "NoOpQuantizeConfig":
        return {}
    after = "output" if config.get("quantize_output") else ""
    if kind == "Default8BitActivationQuantizeConfig":
        return {"after": after if activation in _ROUNDED_LAYERS else ""}
    weights = tuple(map(str, config.get("weight_attrs", ())))
    if len(weights) > 1:
        raise BadInput(f"{where}: quantizes {', '.join(weights)}; allowed is one weight")
    if not config.get("activation_attrs"):
        return {"weights": weights, "after": after}
    return {
        "weights": weights,
        "before": "pre_activation" if activation in _ROUNDED_BEFORE else "",
        "after": "post_activation" if activation in _ROUNDED_AFTER else after,
    }


def _check_known(where: str, name: object, known: tuple[str, ...], what: str) -> None:
    if name not in known:
        raise BadInput(f"{where}: {name} is no {what} that is known; known are {', '.join(known)}")


def _check_bits(where: str, config: dict[str, Any]) -> None:
    if config.get("num_bits") != _BITS:
        raise BadInput(f"{where}: quantizes to {config.get('num_bits')} bits; allowed is {_BITS}")
