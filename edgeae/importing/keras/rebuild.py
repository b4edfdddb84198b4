"""Child process: builds the flat Keras 2 model, and compares its outputs with the original's."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.errors import BadInput
from edgeae.importing.keras.output_unit import after, convert, fitting, forms, maps
from edgeae.importing.keras.weights import OUTPUTS, key
from edgeae.metrics.parity import float32_gap, mse
from edgeae.originals.keras_parts import activations, imported_sha256, macs
from edgeae.originals.legacy_keras import keras
from edgeae.system import children
from edgeae.training.fit import reconstruct


def rebuild(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Build a flat model and save it as `job["out"]`.

    Args:
        job: `source`, name of the file for errors; `input`, `output`, `code` and `layers` of the
            architecture; `ranges`, the fields of `Ranges`, or None; `shapes`, name → shape;
            `weights`, the `.npz` of weights and, where Keras opened the file, expected outputs;
            `rows`, the `.npy` of the inputs of these outputs; `images`, `validation` and `test` →
            `.npy` to measure the loss on. Of a model whose first layers scaled its input also:
            `numbers`, the number of each layer in `weights`; `maps`, see `scaling.Maps`; and
            `others`, the images in each other form that the rows may have.

    Yields:
        One report: parameters, identity and losses; `chosen`, the place of the rows' form among
        `images` and `others`; and `converted`, the layer that answered in the rows' own unit, or
        None.

    Raises:
        BadInput: Keras 2 cannot build the model, its outputs differ from the original's, or they
            are in a unit that cannot be converted to that of its input.
    """
    model = _build(job)
    _set_weights(job, model)
    _check_answers(job, model)
    chosen, own_unit = fitting(job, model)
    converted = convert(job, model) if own_unit else None
    model.save(job["out"], save_format="keras")
    images = forms(job)[chosen]
    yield {
        "parameters": int(model.count_params()),
        "macs": macs(model),
        "activations": activations(model),
        "weights_sha256": imported_sha256(model, job["code"], job["ranges"]),
        "losses": {part: _loss(model, np.load(file)) for part, file in images.items()},
        "chosen": chosen,
        "converted": converted,
    }


def _build(job: dict[str, Any]) -> Any:
    shapes = job["shapes"]
    tensors = {job["input"]: keras.Input(shapes[job["input"]], name=job["input"])}
    for item in job["layers"]:
        inputs = [tensors[name] for name in item["inputs"]]
        try:
            layer = getattr(keras.layers, item["kind"])(name=item["name"], **item["config"])
            made = layer(inputs if len(inputs) > 1 else inputs[0])
        except (ValueError, TypeError, ZeroDivisionError) as error:
            reason = " ".join(str(error).split())[:300]
            raise BadInput(
                f"{job['source']}: layer {item['name']} ({item['kind']}): {reason}"
            ) from None
        shape = list(keras.backend.int_shape(made)[1:])
        if shape != shapes[item["name"]]:
            raise BadInput(
                f"{job['source']}: layer {item['name']} ({item['kind']}): has the output shape "
                f"{shape}; expected was {shapes[item['name']]}"
            )
        tensors[item["name"]] = made
    return keras.Model(tensors[job["input"]], tensors[job["output"]], name="autoencoder")


def _set_weights(job: dict[str, Any], model: Any) -> None:
    with np.load(job["weights"], allow_pickle=False) as arrays:
        numbers = job.get("numbers", range(len(job["layers"])))
        for number, item in zip(numbers, job["layers"], strict=True):
            if not item["path"]:
                continue
            layer = model.get_layer(item["name"])
            values = [arrays[key(number, weight)] for weight in range(len(layer.weights))]
            try:
                layer.set_weights(values)
            except ValueError as error:
                raise BadInput(
                    f"{job['source']}: layer {item['name']} ({item['kind']}): its weights do not "
                    f"fit: {' '.join(str(error).split())[:300]}"
                ) from None


def _check_answers(job: dict[str, Any], model: Any) -> None:
    with np.load(job["weights"], allow_pickle=False) as arrays:
        if OUTPUTS not in arrays:  # Keras opens no file that needs tfmot's code
            return
        expected = arrays[OUTPUTS]
    answers = after(maps(job)["last"], reconstruct(model, np.load(job["rows"])))
    if not np.isfinite(expected).all():
        raise BadInput(f"{job['source']}: its outputs have NaN or infinity on this data")
    most, allowed = float32_gap(answers, expected)
    if most > allowed:
        raise BadInput(
            f"{job['source']}: the outputs of the rebuilt model differ by {most:.3g}; "
            f"allowed is {allowed:.3g}"
        )


def _loss(model: Any, images: NDArray[np.float32]) -> float:
    return mse(reconstruct(model, images), images)


if __name__ == "__main__":
    children.serve(rebuild)
