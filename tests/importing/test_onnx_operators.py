"""Each operator of ONNX as the layers that it becomes: kinds, shapes, refusals, answers."""

import json
from pathlib import Path

import numpy as np
import onnx
import onnx_models
import onnx_operators
import pytest
from edgeae_cli import script
from onnx_operators import CASES, REFUSED, SIGNAL, VECTOR, case, integers

from edgeae.errors import BadInput
from edgeae.importing.keras import flat_model
from edgeae.importing.keras.shapes import infer
from edgeae.importing.keras.weights import key
from edgeae.importing.onnx.translate import Translated, translated


def translate(model: onnx.ModelProto, origin: str = "net.onnx") -> Translated:
    return translated([model.SerializeToString()], [origin])


def constant(model: onnx.ModelProto, name: str) -> np.ndarray:
    (tensor,) = [item for item in model.graph.initializer if item.name == name]
    return onnx.numpy_helper.to_array(tensor)


def kinds(model: onnx.ModelProto) -> list[str]:
    return [layer.kind for layer in translate(model).flat.layers]


@pytest.mark.parametrize("name", CASES)
def test_layers_have_the_shapes_that_keras_gives_them(name):
    made = translate(CASES[name])
    assert infer(name, made.flat, made.shapes[made.flat.input]) == made.shapes
    given = CASES[name].graph.output[0].type.tensor_type.shape.dim
    size = int(np.prod([item.dim_value for item in given][1:]))
    assert int(np.prod(made.shapes[made.flat.output])) == size


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_translated_is_one_line(name):
    model, words = REFUSED[name]
    with pytest.raises(BadInput) as error:
        translate(model)
    line = str(error.value)
    assert "\n" not in line and line.startswith("net.onnx: ") and "--as-is" in line
    for word in words:
        assert word in line


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Gelu as TorchScript writes it", ["Activation"]),
        ("Silu", ["Activation"]),
        ("MatMul and Add", ["Dense"]),
        ("Conv, bias, factor", ["Permute", "Conv2D", "Permute"]),
        ("Conv, Flatten, Gemm", ["Permute", "Conv2D", "Flatten", "Dense"]),
        ("Gemm, Reshape, ConvTranspose", ["Dense", "Reshape", "Conv2DTranspose", "Permute"]),
        ("Transpose twice", ["Activation", "Conv2D"]),
        ("a batch of 1", ["Conv2D", "Flatten", "Dense"]),
        ("ConvTranspose 4, 2, 1", ["Permute", "Conv2DTranspose", "Permute"]),
        ("Squeeze and Unsqueeze", ["Reshape", "Conv1D", "Flatten"]),
    ],
)
def test_no_layer_is_left_that_only_moves_values_inside(name, expected):
    """A Permute is at the edges only, where rows have several channels first."""
    assert kinds(CASES[name]) == expected


def test_what_reads_the_same_values_in_two_orders_keeps_a_permute():
    assert "Permute" in kinds(CASES["Gemm read twice, Reshape, Conv"])


def test_cropping_comes_after_normalization_and_activation():
    model = case(
        "a = ConvTranspose<strides=[2,2], pads=[1,1,1,1], output_padding=[1,1]>(x, w) "
        "b = BatchNormalization(a, s, s, s, v) y = Relu(b)",
        (1, 4, 4),
        w=(1, 1, 3, 3),
        s=(1,),
        v=onnx_operators.positive(1),
    )
    found = ["Conv2DTranspose", "BatchNormalization", "Activation", "Cropping2D"]
    assert kinds(model) == found


def test_a_code_after_flatten_is_said_to_be_channels_last():
    made = translate(CASES["Conv, Flatten"])
    assert "a" in made.reordered
    assert "rows stay as the file takes them, 3×8×6; transpositions inside: 2" in made.layout
    vector = translate(CASES["Gemm, Reshape, ConvTranspose"])
    assert "a" in vector.reordered
    assert not translate(CASES["MatMul and Add"]).reordered


def test_weights_around_flatten_and_unflatten_are_put_in_the_order_of_channels_last():
    model = CASES["Conv, Flatten, Gemm"]
    (dense,) = [layer for layer in translate(model).flat.layers if layer.kind == "Dense"]
    rows = constant(model, "w").reshape(4, 6, 4, 5)  # channels, height, width
    expected = rows.transpose(1, 2, 0, 3).reshape(96, 5)
    np.testing.assert_array_equal(translate(model).weights[dense.name][0], expected)
    model = CASES["Gemm, Reshape, ConvTranspose"]
    columns, bias = constant(model, "w").reshape(12, 4, 3, 2), constant(model, "b")
    kernel, offset = translate(model).weights["a"]
    np.testing.assert_array_equal(kernel, columns.transpose(0, 2, 3, 1).reshape(12, 24))
    np.testing.assert_array_equal(offset, bias.reshape(4, 3, 2).transpose(1, 2, 0).reshape(24))


def test_layers_are_named_after_modules():
    model = case("a = Gemm(x, w, b) y = Relu(a)", VECTOR, w=(12, 4), b=(4,))
    for tensor, name in zip(model.graph.initializer, ("enc.0.weight", "enc.0.bias"), strict=True):
        tensor.name = name
    model.graph.node[0].input[1:] = ["enc.0.weight", "enc.0.bias"]
    made = translate(model)
    assert [layer.name for layer in made.flat.layers] == ["enc.0"]
    assert made.flat.aliases == {"a": "enc.0", "y": "enc.0"}


def test_a_gigabyte_is_not_made_of_a_few_bytes(monkeypatch):
    from edgeae.formats.onnx import folding

    monkeypatch.setattr(folding, "_MOST_VALUES", 10)
    model = case("a = Expand(c, s) y = Mul(x, a)", VECTOR, c=(1, 1), s=integers(1, 12))
    with pytest.raises(BadInput, match="operator Expand"):
        translate(model)


def test_two_files_become_one_model():
    encoder = case("y = Gemm(x, w)", VECTOR, w=(12, 4))
    decoder = case("y = Gemm(x, w)", (4,), w=(4, 12))
    contents = [item.SerializeToString() for item in (encoder, decoder)]
    made = translated(contents, ["e.onnx", "d.onnx"])
    assert [layer.name for layer in made.flat.layers] == ["encoder.y", "decoder.y"]
    assert made.flat.code == "encoder.y" and made.flat.layers[0].end
    wide = case("y = Gemm(x, w)", (5,), w=(5, 12)).SerializeToString()
    with pytest.raises(BadInput, match=r"d.onnx: takes codes of \(5,\); e.onnx gives \(4,\)"):
        translated([contents[0], wide], ["e.onnx", "d.onnx"])


def test_control_flow_is_refused_by_name():
    model = case("y = Relu(x)", SIGNAL)
    body = onnx.helper.make_graph([], "body", [], [model.graph.output[0]])
    chosen = onnx.helper.make_node("If", ["c"], ["y"], "choice", then_branch=body, else_branch=body)
    model.graph.node.pop()
    model.graph.node.append(chosen)
    body.node.append(onnx.helper.make_node("Identity", ["x"], ["y"]))
    for attribute in chosen.attribute:
        attribute.g.CopyFrom(body)
    model.graph.node[0].CopyFrom(chosen)
    model.graph.initializer.append(onnx.helper.make_tensor("c", onnx.TensorProto.BOOL, [], [True]))
    with pytest.raises(BadInput, match=r"operator If \(node 'choice'\): control flow"):
        translate(model)


@pytest.mark.tensorflow
def test_keras_gives_the_answers_of_onnxruntime(tmp_path: Path):
    """One child builds all models; each answers within 1e-5 of onnxruntime."""
    for number, (name, model) in enumerate(CASES.items()):
        _write_job(tmp_path / f"{number:03}", name, model)
    script("onnx_layers_child.py", tmp_path)
    for number, (name, model) in enumerate(CASES.items()):
        expected = onnx_models.run(model.SerializeToString(), onnx_operators.x_of(model))
        found = np.load(tmp_path / f"{number:03}.npy")
        if found.shape != expected.shape and "inside" not in translate(model).layout:
            found = np.moveaxis(found, -1, 1)  # one channel: rows have it last, as Keras
        limit = 1e-5 * max(1, np.abs(expected).max())
        assert np.abs(found.reshape(expected.shape) - expected).max() <= limit, name


def _write_job(place: Path, name: str, model: onnx.ModelProto) -> None:
    made = translate(model, name)
    x = onnx_operators.x_of(model)
    np.save(place.with_suffix(".x.npy"), x.reshape(-1, *made.shapes[made.flat.input]))
    weights = {
        key(number, place): values
        for number, layer in enumerate(made.flat.layers)
        for place, values in enumerate(made.weights.get(layer.name, ()))
    }
    np.savez(place.with_suffix(".npz"), **weights)
    job = flat_model.job(name, made.flat, made.shapes, "", place.with_suffix(".npz"), None)
    place.with_suffix(".json").write_text(
        json.dumps(job | {"rows": str(place.with_suffix(".x.npy"))})
    )
