"""Imports a Keras file: checks it, opens it in a child process, rebuilds it flat and records it."""

import math
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from edgeae.artifacts.bundle import npy_bytes
from edgeae.artifacts.model import KERAS
from edgeae.data import Dataset
from edgeae.errors import BadInput
from edgeae.importing.bottleneck import Choice, Node, choose
from edgeae.importing.keras import architecture
from edgeae.importing.keras import reading as keras_reading
from edgeae.importing.keras.architecture import Architecture
from edgeae.importing.keras.file import KerasFile
from edgeae.importing.keras.layers import ALLOWED
from edgeae.importing.keras.shapes import Shape, infer
from edgeae.importing.publish import publish, require_worth
from edgeae.importing.record import Subject
from edgeae.importing.request import Imported, Request
from edgeae.importing.rows import input_shape, save_images, spread
from edgeae.importing.tfmot.weights import Taken, taken
from edgeae.system import atomic, children
from edgeae.system.extras import versions
from edgeae.system.scratch import scratch, write_scratch

_TIMEOUT_S = 600.0
#: A longer chain of shapes is shortened in the description.
_LONGEST_TOLD = 9
#: Keras's major version → the child process that opens its files; and the packages it needs.
_CHILDREN = {
    2: "edgeae.importing.keras.original_keras2",
    3: "edgeae.importing.keras.original_keras3",
}
_TOOLS = {2: ("tensorflow", "tf-keras"), 3: ("tensorflow", "tf-keras", "keras")}


def import_keras(request: Request, say: Callable[[str], None]) -> Imported:
    """Write `model.keras` and `train.json` of a `.keras`, `.h5` or `.hdf5` file.

    Args:
        request: one path; the caller holds the lock of the model's folder.
        say: receives progress messages of one line.

    Raises:
        BadInput: the file, one of its layers, or the data is not supported; or the model does worse
            than the mean of the data.
        RuntimeUnavailable: TensorFlow or the needed version of Keras is not installed.
        RuntimeCrashed: Keras crashed on the file.
    """
    started = time.monotonic()
    (path,) = request.paths
    file = keras_reading.read(path)
    flat = architecture.flatten(file)
    tools = versions(_TOOLS[file.version])
    dataset = request.dataset()
    rows = dataset.test.shape[1:]
    declared = rows if flat.input_shape is None else flat.input_shape
    shapes = infer(str(path), flat, input_shape(path, declared, rows, dataset.name))
    choice = _choose(request, flat, shapes)
    with scratch() as folder:
        wrapped = ", wrapped by tfmot" if flat.wrapped else ""
        say(f"{path}: Keras {file.version}, {len(flat.layers)} layers{wrapped}")
        rebuilt = _rebuilt(file, flat, dataset, shapes, choice.name, folder)
        for line in rebuilt["notes"]:
            say(line)
        content = (folder / KERAS).read_bytes()
    require_worth(request, dataset, rebuilt["losses"])
    subject = Subject(
        kind=f"keras {file.version}",
        form="keras",
        choice=choice,
        description=_describe(flat, shapes, choice),
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
    )
    return publish(request, dataset, subject, content)


def _choose(request: Request, flat: Architecture, shapes: dict[str, Shape]) -> Choice:
    (path,) = request.paths
    taken, given = shapes[flat.input], shapes[flat.output]
    if given != taken:
        raise BadInput(
            f"{path}: not an autoencoder: its input has the shape {taken}, its output {given}"
        )
    nodes = [Node(flat.input, (), math.prod(taken))]
    for layer in flat.layers:
        same = ALLOWED[layer.kind].same_values
        size = math.prod(shapes[layer.name])
        nodes.append(Node(layer.name, layer.inputs, size, same, layer.end))
    named = request.code_layer
    try:
        return choose(nodes, flat.input, flat.output, flat.aliases.get(named or "", named))
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None


def _rebuilt(
    file: KerasFile,
    flat: Architecture,
    dataset: Dataset,
    shapes: dict[str, Shape],
    code: str,
    folder: Path,
) -> dict[str, Any]:
    """Run both child processes, which write the flat model to `folder`; return what they report."""
    images = save_images(dataset, shapes[flat.input], folder)
    write_scratch(folder / "rows.npy", npy_bytes(spread(np.load(images["test"]))))
    found = taken(file, flat, folder) if flat.wrapped else _opened(file, flat, folder)
    build = {
        "source": str(file.path),
        "rows": str(folder / "rows.npy"),
        "weights": str(found.weights),
        "layers": [asdict(layer) for layer in flat.layers],
        "input": flat.input,
        "output": flat.output,
        "code": code,
        "ranges": None if found.ranges is None else asdict(found.ranges),
        "shapes": shapes,
        "images": images,
        "out": str(folder / KERAS),
    }
    (report,) = children.run("edgeae.importing.keras.rebuild", build, timeout_s=_TIMEOUT_S)
    return {**report, "notes": found.notes, "ranges": build["ranges"]}


def _opened(file: KerasFile, flat: Architecture, folder: Path) -> Taken:
    """Have Keras open the file, and take its weights and its outputs."""
    original = folder / f"original{file.suffix}"
    write_scratch(original, file.content)
    job = {
        "source": str(file.path),
        "file": str(original),
        "layers": [asdict(layer) for layer in flat.layers],
        "rows": str(folder / "rows.npy"),
        "weights": str(folder / "weights.npz"),
    }
    children.run(_CHILDREN[file.version], job, timeout_s=_TIMEOUT_S)
    return Taken(folder / "weights.npz")


def _describe(flat: Architecture, shapes: dict[str, Shape], choice: Choice) -> str:
    """Return the chain of shapes from image to reconstruction, of layers with weights."""
    names = [flat.input, *(layer.name for layer in flat.layers if layer.path)]
    sizes = ["×".join(map(str, shapes[name])) for name in names]
    chain = [item for number, item in enumerate(sizes) if sizes[number - 1 : number] != [item]]
    if len(chain) <= _LONGEST_TOLD:
        return " → ".join(chain)
    code = "×".join(map(str, shapes[choice.name]))
    return f"{len(flat.layers)} layers, {sizes[0]} → {code} → {sizes[0]}"
