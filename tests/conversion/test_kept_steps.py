"""What a recipe's steps reached is asked of the exported tensors again: zeros and few values."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import tiny

from edgeae.conversion.parts import cut_parts
from edgeae.conversion.tflite.kept import Kept
from edgeae.errors import OutOfTolerance
from edgeae.formats.tflite.graph import Graph, Tensor
from edgeae.recipe import Cluster, Prune, Recipe

#: Weights → others of the same shape.
Change = Callable[[np.ndarray], np.ndarray]


def recipe(prune: Prune | None = None, cluster: Cluster | None = None, form: str = "int8"):
    steps = {"prune": prune, "cluster": cluster}
    return Recipe(
        "x",
        quantization=form,
        io="int8" if form == "int8" else "float32",
        steps=tuple(step for step, settings in steps.items() if settings is not None),
        **steps,
    )


def with_weights(change: Change, **others: Change) -> Graph:
    """The tiny int8 model with other weights: in each of its layers by `change`, or its own."""

    def changed(tensor: Tensor) -> Tensor:
        layer, _, kind = tensor.name.partition("/")
        if kind != "weights":
            return tensor
        return replace(tensor, data=others.get(layer, change)(tensor.data).astype(np.int8))

    whole = tiny.int8_graph()
    return replace(
        whole, tensors=tuple(map(changed, whole.tensors)), outputs={**whole.outputs, "code": 2}
    )


def zeroed(share: float) -> Change:
    """Ones, but for so many zeros at the front."""
    return lambda weights: (np.arange(weights.size) >= share * weights.size).reshape(weights.shape)


def of_values(number: int) -> Change:
    return lambda weights: np.resize(np.arange(1, number + 1), weights.shape)


@pytest.mark.parametrize("scope", ["layer", "model"])
def test_too_few_zeros_are_refused(scope):
    plan = recipe(prune=Prune(0.5, scope=scope))
    assert cut_parts(with_weights(zeroed(0.5)), plan, None)
    with pytest.raises(OutOfTolerance, match=r"\.tflite: .*% zeros, 50 ?% asked"):
        cut_parts(with_weights(zeroed(0.4)), plan, None)


def test_a_layer_with_more_zeros_makes_up_for_another_over_the_model_alone():
    whole = with_weights(zeroed(0.9), hidden=zeroed(0.4))
    assert cut_parts(whole, recipe(prune=Prune(0.5, scope="model")), None)
    with pytest.raises(OutOfTolerance, match="hidden/weights holds 40"):
        cut_parts(whole, recipe(prune=Prune(0.5)), None)


def test_too_many_values_are_refused():
    plan = recipe(cluster=Cluster(4))
    assert cut_parts(with_weights(of_values(4)), plan, None)
    with pytest.raises(OutOfTolerance, match=r"encoder\.tflite: .* holds 5 values, 4 asked"):
        cut_parts(with_weights(of_values(5)), plan, None)


def test_what_the_originals_weights_hold_is_asked_of_the_integers():
    """Without any step: an imported model was pruned or clustered by someone else."""
    size = tiny.weights()["hidden"][0].size
    kept = (Kept("hidden/weights", size, zeros=size // 2, values=4),)
    plan = recipe()
    half = of_values(3)(np.zeros(size)) * zeroed(0.5)(np.zeros(size))

    def fits(few: np.ndarray) -> bool:
        return bool(
            cut_parts(
                with_weights(of_values(9), hidden=lambda w: np.resize(few, w.shape)),
                plan,
                None,
                kept,
            )
        )

    assert fits(half)
    more_zeros = np.where(np.arange(size) < 3 * size // 4, 0, half)
    assert fits(more_zeros)
    one_less = half.copy()
    one_less[0] = 1
    with pytest.raises(OutOfTolerance, match=f"hidden/weights holds {size // 2 - 1} zeros, the"):
        fits(one_less)
    more_values = half.copy()
    more_values[-2:] = 8, 9
    with pytest.raises(OutOfTolerance, match="hidden/weights holds 6 values, the original 4"):
        fits(more_values)


@pytest.mark.parametrize("form", ["float32", "float16"])
def test_a_depthwise_kernel_keeps_its_values(form):
    """Steps leave it alone. In float16 it stands behind a DEQUANTIZE, and is no matrix for that."""
    plan = recipe(cluster=Cluster(4), form=form)
    assert cut_parts(convolutions(form, matrix=of_values(4)), plan, None)
    with pytest.raises(OutOfTolerance, match=r"decoder\.tflite: matrix holds 5 values, 4 asked"):
        cut_parts(convolutions(form, matrix=of_values(5)), plan, None)


def convolutions(form: str, matrix: Change) -> Graph:
    """image → 18 values of a depthwise kernel → code → a matrix → reconstruction."""
    shape = (1, 4, 4, 2)
    depthwise = np.arange(18).reshape(1, 3, 3, 2).astype(form)
    made = matrix(np.zeros((2, 3, 3, 2))).astype(form)
    values = [Tensor(name, shape, "float32") for name in ("image", "code", "reconstruction")]
    biases = Tensor("bias", (2,), "float32", np.zeros(2, np.float32))
    stored = [Tensor("depthwise", depthwise.shape, form, depthwise)]
    stored.append(Tensor("matrix", made.shape, form, made))
    read, widened = (4, 5), []
    tensors = [*values, biases, *stored]
    if form == "float16":
        read = (6, 7)
        tensors += [Tensor(f"{item.name} wide", item.shape, "float32") for item in stored]
        widened = [
            tiny.operator("DEQUANTIZE", 3, (at,), (at + 2,), "DequantizeOptions") for at in (4, 5)
        ]
    strides = {"strideH": 1, "strideW": 1}
    first = tiny.operator(
        "DEPTHWISE_CONV_2D",
        1,
        (0, read[0], 3),
        (1,),
        "DepthwiseConv2DOptions",
        depthMultiplier=1,
        **strides,
    )
    second = tiny.operator("CONV_2D", 1, (1, read[1], 3), (2,), "Conv2DOptions", **strides)
    return Graph(
        tuple(tensors), (*widened, first, second), {"image": 0}, {"code": 1, "reconstruction": 2}
    )
