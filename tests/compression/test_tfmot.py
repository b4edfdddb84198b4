"""The steps by tfmot: zeros, values and ranges are in models and files; refusals name layers."""

import numpy as np
import plain_tflite
import pytest
from ai_edge_litert.interpreter import Interpreter
from edgeae_cli import child

pytestmark = [pytest.mark.tensorflow, pytest.mark.system]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tfmot")


@pytest.fixture(scope="module")
def found(folder) -> dict:
    return child("tfmot_child.py", str(folder))


@pytest.mark.parametrize("name", ["pruned", "2 of 4", "clustered", "both"])
def test_wrappers_are_gone_and_the_source_is_as_it_was(name, found):
    made = found["plain"][name]
    assert made["same"] and made["layers"] == ["image", "code", "last"]


def test_each_layer_has_its_zeros(found):
    for name in ("pruned", "both"):
        for kernel in map(np.array, found["plain"][name]["kernels"]):
            assert (kernel == 0).mean() == pytest.approx(0.6, abs=0.5 / kernel.size)


def test_sparsity_grows_over_the_share_of_steps_of_edgeaes_own_pruning(found):
    many, few, once = found["schedules"]
    assert (many["begin_step"], many["end_step"], many["frequency"]) == (0, 1700, 100)
    assert (few["end_step"], few["frequency"]) == (40, 4)
    assert many["final_sparsity"] == few["final_sparsity"] == once["target_sparsity"] == 0.6


def test_of_each_four_weights_two_are_zeros(found):
    for kernel in map(np.array, found["plain"]["2 of 4"]["kernels"]):
        # tfmot counts along the rows of the transposed kernel, the order of TFLite's weights
        assert ((kernel.T.reshape(-1, 4) == 0).sum(axis=1) >= 2).all()


def test_each_layer_has_few_values_and_zero_is_one_of_them_where_it_was_pruned(found):
    for name in ("clustered", "both"):
        for kernel in map(np.array, found["plain"][name]["kernels"]):
            assert len(np.unique(kernel)) <= 8


def weights(path) -> list[np.ndarray]:
    """The weights of a file's operators, by the tests' own reader."""
    return plain_tflite.read(path.read_bytes()).matrices


@pytest.mark.parametrize("name", ["pqat", "pcqat"])
def test_exported_weights_have_the_zeros(name, found, folder):
    for kernel in weights(folder / f"{name}-autoencoder.tflite"):
        assert (kernel == 0).mean() >= 0.6 - 0.5 / kernel.size


@pytest.mark.parametrize("name", ["cqat", "pcqat"])
def test_exported_weights_have_few_values(name, found, folder):
    for kernel in weights(folder / f"{name}-autoencoder.tflite"):
        assert len(np.unique(kernel)) <= 8


@pytest.mark.parametrize("name", ["qat", "pqat", "cqat", "pcqat"])
def test_the_file_answers_as_the_model_that_was_trained(name, found, folder):
    interpreter = Interpreter(str(folder / f"{name}-autoencoder.tflite"))
    interpreter.allocate_tensors()
    (source,), (target,) = interpreter.get_input_details(), interpreter.get_output_details()
    scale, zero = source["quantization"]
    step, offset = target["quantization"]
    apart = []
    for image, answer in zip(
        found["quantized"]["images"], found["quantized"]["answers"][name], strict=True
    ):
        given = np.clip(np.round(np.array(image) / scale) + zero, -128, 127).astype(np.int8)
        interpreter.set_tensor(source["index"], given.reshape(source["shape"]))
        interpreter.invoke()
        output = (interpreter.get_tensor(target["index"]).reshape(-1).astype(float) - offset) * step
        apart.append(np.abs(output - np.array(answer).reshape(-1)) / step)
    assert np.mean(np.array(apart) > 1.5) <= 0.01


def test_what_tfmot_does_not_take_is_refused_by_step_layer_and_reason(found):
    zeros, values, activation = found["refusals"]
    start = "[qat] engine = 'tfmot': tfmot does not take layer"
    assert zeros.startswith(f"{start} last (Conv2DTranspose): ")
    assert activation.startswith(f"{start} code (Dense): ")
    assert values == "taken"  # tfmot clusters transposed convolutions
    assert all("\n" not in line and len(line) < 400 for line in found["refusals"])
