"""Imports bare `.tflite` or `.onnx` files: a bundle as they are, and an original if possible."""

import math
import time
from collections.abc import Callable
from dataclasses import replace

from edgeae.artifacts.manifest import Manifest
from edgeae.artifacts.model import AS_IS as FORM
from edgeae.artifacts.publish import building
from edgeae.artifacts.verified_artifact import VerifiedArtifact
from edgeae.data import Dataset, remarks
from edgeae.errors import BadInput, about
from edgeae.importing.bare.bundle import write_bundle
from edgeae.importing.bare.original import plan
from edgeae.importing.bare.parts import Parts, given, read_parts
from edgeae.importing.publish import publish, require_worth
from edgeae.importing.record import Made, Subject
from edgeae.importing.request import Imported, Request
from edgeae.recipe import AS_IS

#: Data that uses less than this share of an integer input's range probably lacks a normalization.
_LEAST_USED = 1 / 8


def import_bare(request: Request, say: Callable[[str], None]) -> Imported:
    """Write the bundle `as-is/`, an original if TensorFlow is there to make one, and `train.json`.

    Nothing is written unless both can be made: the original's answers equal the bundle's.

    Args:
        request: one path (an encoder or a whole autoencoder) or two (encoder and decoder).
        say: receives progress messages of one line.

    Raises:
        BadInput: the files are not models, do not fit each other or the data, or do worse than the
            mean of the data; or they cannot become an original, and the request does not say
            `as_is`.
        RuntimeUnavailable: the reference runtime is not installed.
        RuntimeCrashed: the reference runtime crashed on a file.
    """
    started = time.monotonic()
    parts = read_parts(request.paths, request.code_layer)
    dataset = request.dataset()
    _check_rows(parts, dataset)
    for line in (parts.remark, _range_warning(parts, dataset), *remarks(dataset)):
        if line:
            say(line)
    planned = plan(request, parts, say)
    if planned.line:
        say(f"{request.folder}: as is, without an original: {planned.line}")
    say(f"{request.folder}: running {', '.join(parts.programs)} in {parts.format}")
    with building(request.folder, AS_IS) as out:
        manifest = write_bundle(out, request.name, dataset, parts)
        require_worth(request, dataset, _losses(manifest))
        made = None if planned.maker is None else planned.maker(dataset, out)
    if made is None:
        subject = _subject(parts, manifest, time.monotonic() - started)
        return publish(request, dataset, replace(subject, without_original=planned.reason), None)
    subject = _subject_of(made, parts, manifest, time.monotonic() - started)
    return publish(request, dataset, subject, made.content)


def _check_rows(parts: Parts, dataset: Dataset) -> None:
    """Check that the model takes the rows of the dataset.

    Raises:
        BadInput: it does not; the message also states if the two files are in the wrong order.
    """
    try:
        with about(parts.input.path):
            dataset.images("test", parts.input.artifact.input.values)
    except BadInput as error:
        last = list(parts.programs.values())[-1]
        if math.prod(last.artifact.input.values) != dataset.width:
            raise
        raise BadInput(f"{error}; {last.path} takes them: the encoder comes first") from None


def _subject(parts: Parts, manifest: Manifest, seconds: float) -> Subject:
    encoder = parts.programs.get("encoder")
    return Subject(
        kind=parts.format,
        form=FORM,
        choice=parts.choice,
        description=_description(parts),
        input_shape=parts.input.artifact.input.values,
        # (0,) means that there is no code
        code_shape=(0,) if encoder is None else encoder.artifact.output.values,
        code_layer="" if parts.choice is None else parts.choice.name,
        parameters=sum(map(_parameters, given(parts))),
        weights_sha256=manifest.weights_sha256,
        file_sha256="",
        losses=_losses(manifest),
        seconds=round(seconds, 2),
        tools=manifest.tools,
    )


def _subject_of(made: Made, parts: Parts, manifest: Manifest, seconds: float) -> Subject:
    """Return the facts about an original that lies beside the bundle as is."""
    return Subject(
        kind=parts.format,
        form=made.form,
        choice=made.choice,
        description=made.description,
        input_shape=made.input_shape,
        code_shape=made.code_shape,
        code_layer=made.choice.name,
        parameters=made.parameters,
        weights_sha256=made.weights_sha256,
        file_sha256=made.file_sha256,
        losses=made.losses,
        seconds=round(seconds, 2),
        tools=manifest.tools | made.tools,
        as_is=manifest.weights_sha256,
        macs=made.macs,
        activations=made.activations,
    )


def _losses(manifest: Manifest) -> dict[str, float]:
    return {} if manifest.loss is None else {"test": manifest.loss.exported}


def _description(parts: Parts) -> str:
    shapes = [parts.input.artifact.input]
    shapes += [
        parts.programs[part].artifact.output
        for part in ("encoder", "decoder")
        if part in parts.programs
    ]
    if "decoder" not in parts.programs and "autoencoder" in parts.programs:
        shapes.append(parts.programs["autoencoder"].artifact.output)
    chain = " → ".join("×".join(map(str, spec.values)) for spec in shapes)
    flavours = dict.fromkeys(item.artifact.flavour for item in given(parts))
    return f"{chain}, {'/'.join(flavours)} .{parts.format} as is"


def _parameters(program: VerifiedArtifact) -> int:
    origin = str(program.path)
    if program.artifact.format == "tflite":
        from edgeae.formats.tflite import graph as tflite
        from edgeae.formats.tflite import graph_statistics

        return graph_statistics.parameters(tflite.read(program.content, origin))
    from edgeae.formats.onnx import file as onnx_file
    from edgeae.formats.onnx import graph_statistics as onnx_statistics

    return onnx_statistics.parameters(onnx_file.read(program.content, origin))


def _range_warning(parts: Parts, dataset: Dataset) -> str:
    """Return a warning if the range of an integer input does not fit the data; else empty."""
    program = parts.input
    affine = program.artifact.input.affine
    if affine is None:
        return ""
    low, high = ((limit - affine.zero_point) * affine.scale for limit in affine.limits)
    images = dataset.images("test", program.artifact.input.values)
    least, most = float(images.min()), float(images.max())
    clipped = least < low - affine.scale or most > high + affine.scale
    if not clipped and most - least >= _LEAST_USED * (high - low):
        return ""
    return (
        f"warning: {program.path}: the range of its input is {low:.4g} to {high:.4g}, that of "
        f"dataset {dataset.name} is {least:.4g} to {most:.4g}; --scale and --offset convert the "
        "data"
    )
