"""Makes the original of ONNX and float `.tflite` files, rebuilt in Keras by a child process."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from edgeae.artifacts.bundle import npy_bytes
from edgeae.artifacts.model import KERAS
from edgeae.artifacts.verified_artifact import VerifiedArtifact
from edgeae.data import Dataset
from edgeae.errors import BadInput, naming
from edgeae.importing.bare.parts import Parts, given
from edgeae.importing.bottleneck import Choice
from edgeae.importing.keras import flat_model
from edgeae.importing.keras.weights import OUTPUTS, key
from edgeae.importing.onnx.translate import ADVICE, Translated, translated
from edgeae.importing.record import Made, Maker
from edgeae.importing.request import Request
from edgeae.importing.rows import save_images
from edgeae.system import atomic, children
from edgeae.system.extras import versions
from edgeae.system.scratch import scratch, write_scratch

#: Format of the files → packages that make the original.
_TOOLS = {
    "onnx": ("tensorflow", "tf-keras", "onnx"),
    "tflite": ("tensorflow", "tf-keras", "onnx", "tf2onnx"),
}
_TIMEOUT_S = 600.0


def original_of(request: Request, parts: Parts, say: Callable[[str], None]) -> Maker:
    """Return what makes the original of one file, or of an encoder and a decoder.

    Args:
        request: the import.
        parts: the parts of the files.
        say: receives progress messages of one line.

    Raises:
        BadInput: an operator cannot be translated, or the model has no code.
    """
    items = given(parts)
    origins = [str(item.path) for item in items]
    contents = [item.content for item in items]
    model = translated(contents if parts.format == "onnx" else _as_onnx(items), origins)
    source = ", ".join(origins)
    try:
        choice = flat_model.find_code(
            source, model.flat, model.shapes, _named(request, parts, model)
        )
    except BadInput as error:
        raise BadInput(f"{error}; {ADVICE}") from None
    for line in _told(model, choice, source):
        say(line)
    if parts.format == "onnx" and choice.name in model.reordered:
        say(f"{source}: {_order(model, choice)}")
    tools = versions(_TOOLS[parts.format])
    return lambda dataset, bundle: replace(
        _made(model, choice, source, dataset, bundle), tools=tools
    )


def _as_onnx(items: Sequence[VerifiedArtifact]) -> list[bytes]:
    """Return float `.tflite` files as ONNX, by a child process."""
    with scratch() as folder:
        files = []
        for number, item in enumerate(items):
            path = folder / f"{number}.tflite"
            write_scratch(path, item.content)
            out = folder / f"{number}.onnx"
            files.append({"source": str(item.path), "path": str(path), "out": str(out)})
        try:
            children.run(
                "edgeae.importing.onnx.from_tflite", {"files": files}, timeout_s=_TIMEOUT_S
            )
        except BadInput as error:
            raise BadInput(f"{error}; {ADVICE}") from None
        return [Path(file["out"]).read_bytes() for file in files]


def _named(request: Request, parts: Parts, model: Translated) -> str | None:
    """Return the layer at which the bundle as is was cut, or the one that the user named."""
    cut = None if parts.choice is None else parts.choice.name
    names = {*model.flat.aliases, *(layer.name for layer in model.flat.layers)}
    if cut in names:
        return cut
    return request.code_layer


def _told(model: Translated, choice: Choice, source: str) -> list[str]:
    told = [f"{source}: {len(model.flat.layers)} layers of Keras"]
    if model.layout:
        told.append(f"{source}: {model.layout}")
    return told


def _order(model: Translated, choice: Choice) -> str:
    shape = "×".join(map(str, model.shapes[choice.name]))
    return (
        f"the values of the code, {choice.name} ({shape}), are channels last; in the file they "
        "are channels first"
    )


def _made(model: Translated, choice: Choice, source: str, dataset: Dataset, bundle: Path) -> Made:
    """Have the child process build the model; its answers must equal the bundle's golden ones."""
    shape = model.shapes[model.flat.input]
    with scratch() as folder:
        rows = folder / "rows.npy"
        images = np.load(bundle / "golden" / "image.npy", allow_pickle=False)
        write_scratch(rows, npy_bytes(images.reshape(-1, *shape)))
        weights = folder / "weights.npz"
        expected = np.load(bundle / "golden" / "reconstruction.npy", allow_pickle=False)
        arrays = {OUTPUTS: expected.reshape(-1, *shape)}
        for number, layer in enumerate(model.flat.layers):
            for place, values in enumerate(model.weights.get(layer.name, ())):
                arrays[key(number, place)] = values
        with naming(weights):
            np.savez(weights, **arrays)
        job = flat_model.job(source, model.flat, model.shapes, choice.name, weights, None)
        files = save_images(dataset, shape, folder)
        report = flat_model.rebuilt(job, rows, files, folder / KERAS)
        content = (folder / KERAS).read_bytes()
    return Made(
        form="keras",
        choice=choice,
        description=flat_model.describe(model.flat, model.shapes, choice),
        input_shape=shape,
        code_shape=model.shapes[choice.name],
        parameters=report["parameters"],
        weights_sha256=report["weights_sha256"],
        file_sha256=atomic.sha256(content),
        losses=report["losses"],
        tools={},
        macs=report["macs"],
        activations=report["activations"],
        content=content,
    )
