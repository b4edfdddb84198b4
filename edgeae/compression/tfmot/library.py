"""The one import of tfmot, and how a model of edgeae is wrapped by it.

The preserving schemes and the clustering that preserves zeros are found outside of the API that
tfmot 0.8.1 documents.
"""

from collections.abc import Callable, Collection
from typing import Any

from edgeae.originals.keras_parts import clone
from edgeae.originals.legacy_keras import keras  # chooses Keras 2 before tfmot looks for it

# isort: split
import tensorflow_model_optimization as tfmot
from tensorflow_model_optimization.python.core.clustering.keras.experimental import (
    cluster as preserving,
)
from tensorflow_model_optimization.python.core.quantization.keras.collab_opts.cluster_preserve import (  # noqa: E501
    default_8bit_cluster_preserve_quantize_scheme as values,
)
from tensorflow_model_optimization.python.core.quantization.keras.collab_opts.prune_preserve import (  # noqa: E501
    default_8bit_prune_preserve_quantize_scheme as zeros,
)

sparsity = tfmot.sparsity.keras
clusters = tfmot.clustering.keras
cluster_weights = preserving.cluster_weights
quantization = tfmot.quantization.keras


def wrapped(model: Any, names: Collection[str], wrap: Callable[[Any], Any]) -> Any:
    """Return a copy of a flat model in which the layers of these names are wrapped.

    tfmot wraps and changes the layers that it is given: they are those of a copy.
    """
    copy = clone(model)
    return keras.models.clone_model(
        copy, clone_function=lambda layer: wrap(layer) if layer.name in names else layer
    )


def scheme(sparse: bool, clustered: bool) -> Any:
    """Return the 8-bit scheme of quantization-aware training that keeps zeros, values or both."""
    if clustered:
        return values.Default8BitClusterPreserveQuantizeScheme(preserve_sparsity=sparse)
    if sparse:
        return zeros.Default8BitPrunePreserveQuantizeScheme()
    return quantization.default_8bit.Default8BitQuantizeScheme()


def quantized_alone(layer: Any, scheme: Any) -> None:
    """Wrap one layer of a model for quantization, to learn whether tfmot takes it.

    Raises:
        ValueError, RuntimeError, AttributeError: what tfmot raises if it does not.
    """
    registry = scheme.get_quantize_registry()
    if not registry.supports(layer):
        raise ValueError(f"its scheme has no configuration of {type(layer).__name__}")
    alone = type(layer).from_config(layer.get_config())
    given = keras.Input(layer.input_shape[1:])
    alone(given)  # builds the weights, which the configuration reads
    configuration = registry.get_quantize_config(alone)
    quantization.QuantizeWrapperV2(alone, configuration)(given)
