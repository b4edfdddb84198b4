"""Imports a Keras file: checks it, opens it in a child process, rebuilds it flat and records it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgeae.artifacts.bundle import npy_bytes
from edgeae.artifacts.model import KERAS
from edgeae.artifacts.ranges import Ranges
from edgeae.data import Dataset, remarks
from edgeae.errors import BadInput, naming
from edgeae.importing.keras import architecture, flat_model, scaling
from edgeae.importing.keras import reading as keras_reading
from edgeae.importing.keras.architecture import Architecture, LayerSpec
from edgeae.importing.keras.file import KerasFile
from edgeae.importing.keras.scaling import Ends
from edgeae.importing.keras.shapes import Shape, infer
from edgeae.importing.keras.weights import OUTPUTS, key
from edgeae.importing.publish import publish, require_worth
from edgeae.importing.record import Subject
from edgeae.importing.request import Imported, Request
from edgeae.importing.rows import input_shape, save_images, spread
from edgeae.importing.tfmot.weights import Taken, taken
from edgeae.system import atomic, children
from edgeae.system.extras import versions
from edgeae.system.scratch import scratch, write_scratch

_TIMEOUT_S = 600.0
#: Keras's major version → the child process that opens its files; and the packages it needs.
_CHILDREN = {
    2: "edgeae.importing.keras.original_keras2",
    3: "edgeae.importing.keras.original_keras3",
}
_TOOLS = {2: ("tensorflow", "tf-keras"), 3: ("tensorflow", "tf-keras", "keras")}


def import_keras(request: Request, say: Callable[[str], None]) -> Imported:
    """Write `model.keras` and `train.json` of one or two `.keras`, `.h5` or `.hdf5` files.

    Args:
        request: one path, or two: encoder and decoder; the caller holds the lock of the model's
            folder.
        say: receives progress messages of one line.

    Raises:
        BadInput: the file, one of its layers, or the data is not supported; or the model does worse
            than the mean of the data.
        RuntimeUnavailable: TensorFlow or the needed version of Keras is not installed.
        RuntimeCrashed: Keras crashed on the file.
    """
    started = time.monotonic()
    path = request.paths[0]
    files = [keras_reading.read(item) for item in request.paths]
    flat = _flat(request, files)
    ends = scaling.ends(str(path), flat)
    tools = versions(tuple(dict.fromkeys(name for item in files for name in _TOOLS[item.version])))
    dataset = request.dataset()
    rows = dataset.test.shape[1:]
    shapes = infer(str(path), ends.inner, _input_shape(request, flat, rows, dataset.name))
    _check_codes(request, ends.inner, shapes)
    choice = flat_model.find_code(str(path), ends.inner, shapes, request.code_layer)
    with scratch() as folder:
        wrapped = ", wrapped by tfmot" if flat.wrapped else ""
        kind = "Keras " + " and ".join(dict.fromkeys(str(item.version) for item in files))
        say(f"{', '.join(map(str, request.paths))}: {kind}, {len(flat.layers)} layers{wrapped}")
        if flat.left_out:
            unused = ", ".join(flat.left_out)
            say(f"{path}: left out, as {request.output} does not need it: {unused}")
        views = [dataset.normalized(item) for item in scaling.views(ends, dataset, request)]
        rebuilt, dataset = _rebuilt(files, flat, ends, views, shapes, choice.name, folder)
        for line in (*rebuilt["notes"], *remarks(dataset)):
            say(line)
        content = (folder / KERAS).read_bytes()
    require_worth(request, dataset, rebuilt["losses"])
    subject = Subject(
        kind=kind.lower(),
        form="keras",
        choice=choice,
        description=flat_model.describe(ends.inner, shapes, choice),
        input_shape=shapes[flat.input],
        code_shape=shapes[choice.name],
        code_layer=choice.name,
        parameters=rebuilt["parameters"],
        weights_sha256=rebuilt["weights_sha256"],
        file_sha256=atomic.sha256(content),
        losses=rebuilt["losses"],
        seconds=round(time.monotonic() - started, 2),
        tools=tools,
        ranges=rebuilt["ranges"],
        macs=rebuilt["macs"],
        activations=rebuilt["activations"],
    )
    return publish(request, dataset, subject, content)


def _flat(request: Request, files: Sequence[KerasFile]) -> Architecture:
    """Return the architecture of a whole autoencoder, or of an encoder and a decoder.

    Raises:
        BadInput: see `architecture.flatten`; or the decoder does not take the encoder's codes.
    """
    first, *others = (
        architecture.flatten(file, request.output if not number else None)
        for number, file in enumerate(files)
    )
    if not others:
        return first
    if others[0].quantized_input is not None:
        raise BadInput(
            f"{request.paths[1]}: quantization-aware training rounded its input by a range of its "
            "own, which the encoder's output does not have; train the whole autoencoder so"
        )
    return architecture.joined(first, *others)


def _input_shape(
    request: Request, flat: Architecture, rows: Sequence[int], name: str
) -> tuple[int, ...]:
    declared = rows if flat.input_shape is None else flat.input_shape
    try:
        return input_shape(request.paths[0], declared, rows, name)
    except BadInput as error:
        if not flat.code:
            raise
        raise BadInput(f"{error}; of two files, the encoder comes first") from None


def _check_codes(request: Request, flat: Architecture, shapes: dict[str, Shape]) -> None:
    """Check that the decoder, if it is a file of its own, takes what the encoder gives."""
    taken = flat.codes
    if not flat.code or taken is None:
        return
    given = shapes[flat.code]
    if len(taken) != len(given) or any(
        size not in (None, there) for size, there in zip(taken, given, strict=True)
    ):
        encoder, decoder = request.paths
        raise BadInput(f"{decoder}: takes codes of shape {taken}; {encoder} gives {given}")


def _rebuilt(
    files: Sequence[KerasFile],
    flat: Architecture,
    ends: Ends,
    views: Sequence[Dataset],
    shapes: dict[str, Shape],
    code: str,
    folder: Path,
) -> tuple[dict[str, Any], Dataset]:
    """Run the child processes, which write the flat model to `folder`.

    Args:
        files, flat: the files, and the model that they make.
        ends: the model without the layers that only scale.
        views: the rows in each form that the files may take.
        shapes: name of a layer → its shape.
        code: name of the layer of the code.
        folder: receives the model.

    Returns:
        what they report, and the rows as the flat model takes them.
    """
    image, source = shapes[flat.input], ", ".join(str(file.path) for file in files)
    found = _taken(files, flat, _save_rows(views[0], image, folder / "given.npy"), folder)
    with np.load(found.weights, allow_pickle=False) as weights:
        maps = scaling.maps(source, flat, ends, weights, image)
    mapped = [maps.applied(source, view) for view in views]
    images = [_save_images(item, image, folder, number) for number, item in enumerate(mapped)]
    places = {layer.name: place for place, layer in enumerate(flat.layers)}
    ranges = None if found.ranges is None else asdict(found.ranges)
    job = flat_model.job(source, ends.inner, shapes, code, found.weights, ranges) | {
        "numbers": [places[layer.name] for layer in ends.inner.layers],
        "others": images[1:],
        "maps": maps.to_json(),
    }
    rows = _save_rows(mapped[0], image, folder / "rows.npy")
    report = flat_model.rebuilt(job, rows, images[0], folder / KERAS)
    chosen = mapped[report["chosen"]]
    notes = (*found.notes, *scaling.notes(ends, chosen, report["converted"]))
    return {**report, "notes": notes, "ranges": ranges}, chosen


def _save_rows(dataset: Dataset, shape: Shape, path: Path) -> Path:
    """Write the few test rows on which outputs are compared; return the path."""
    write_scratch(path, npy_bytes(spread(dataset.images("test", shape))))
    return path


def _save_images(dataset: Dataset, shape: Shape, folder: Path, number: int) -> dict[str, str]:
    place = folder / f"images-{number}"
    place.mkdir()
    return save_images(dataset, shape, place)


def _taken(files: Sequence[KerasFile], flat: Architecture, rows: Path, folder: Path) -> Taken:
    """Take the weights of all files, and the outputs for the rows where Keras opens them all.

    Keras opens no file with a class that is not its own: one of tfmot's, or one of the author's
    that the chosen output does not need.
    """
    foreign = flat.wrapped or bool(flat.left_out)
    every: list[Taken] = []
    for number, file in enumerate(files):
        place = folder / str(number)
        place.mkdir()
        own = tuple(layer for layer in flat.layers if layer.file == number)
        every.append(
            taken(file, replace(flat, layers=own), place)
            if foreign
            else _opened(file, own, rows, place)
        )
        if not foreign and number + 1 < len(files):
            rows = place / "codes.npy"
            with np.load(every[-1].weights, allow_pickle=False) as arrays:
                write_scratch(rows, npy_bytes(arrays[OUTPUTS]))
    if len(every) == 1:
        return every[0]
    return _merged(flat, every, folder)


def _merged(flat: Architecture, every: Sequence[Taken], folder: Path) -> Taken:
    """Return what was taken of two files as if it were one."""
    arrays: dict[str, Any] = {}
    before = 0
    for number, item in enumerate(every):
        with np.load(item.weights, allow_pickle=False) as given:
            for name, values in given.items():
                layer, _, weight = name.partition(".")
                # the outputs of the last file are those of the whole
                arrays[key(int(layer) + before, int(weight)) if weight else name] = values
        before += sum(layer.file == number for layer in flat.layers)
    path = folder / "weights.npz"
    with naming(path):
        np.savez(path, **arrays)
    ranges = [item.ranges for item in every if item.ranges is not None]
    layers = {name: found for item in ranges for name, found in item.layers.items()}
    joined = Ranges(layers, ranges[0].input) if ranges else None
    return Taken(path, tuple(line for item in every for line in item.notes), joined)


def _opened(file: KerasFile, layers: Sequence[LayerSpec], rows: Path, folder: Path) -> Taken:
    """Have Keras open a file, and take its weights and its outputs."""
    original = folder / f"original{file.suffix}"
    write_scratch(original, file.content)
    job = {
        "source": str(file.path),
        "file": str(original),
        "layers": [asdict(layer) for layer in layers],
        "rows": str(rows),
        "weights": str(folder / "weights.npz"),
    }
    children.run(_CHILDREN[file.version], job, timeout_s=_TIMEOUT_S)
    return Taken(folder / "weights.npz")
