"""Finds out which parts imported `.tflite` or `.onnx` files are, and checks that they fit."""

from dataclasses import dataclass, replace
from pathlib import Path

from edgeae.artifacts.manifest import Artifact, TensorSpec
from edgeae.artifacts.verified_artifact import VerifiedArtifact
from edgeae.errors import BadInput, about
from edgeae.formats import describe
from edgeae.formats.opening import read_file
from edgeae.importing.bottleneck import Choice
from edgeae.system.extras import onnx_lacking

_FLOAT = "float32"
_INTEGERS = ("int8", "uint8", "int16")


@dataclass(frozen=True)
class Parts:
    """The parts in the imported files.

    Attributes:
        programs: part → its bytes and description, in the order of the data flow. `path` is the
            user's file; `artifact.path` is the path in the bundle.
        choice: the code of a whole autoencoder that was cut; None if nothing was cut.
        remark: one line with the reason why a whole autoencoder was not cut; or empty.
    """

    programs: dict[str, VerifiedArtifact]
    choice: Choice | None = None
    remark: str = ""

    @property
    def input(self) -> VerifiedArtifact:
        """The part whose input is the image."""
        return next(iter(self.programs.values()))

    @property
    def format(self) -> str:
        """The format of all files: `tflite` or `onnx`."""
        return self.input.artifact.format


def given(parts: Parts) -> list[VerifiedArtifact]:
    """Return the files that the user gave, without the parts that were cut out of one."""
    return [item for item in parts.programs.values() if item.artifact.parent is None]


def read_parts(paths: tuple[Path, ...], code_layer: str | None) -> Parts:
    """Return the parts in one file (an encoder or a whole autoencoder) or two (encoder, decoder).

    A single file whose output has the shape of its input is a whole autoencoder. It is cut at its
    bottleneck, if it has one.

    Args:
        paths: the files.
        code_layer: the tensor at which a whole autoencoder is cut; None searches for the
            bottleneck.

    Raises:
        BadInput: a file is not a model of one input and one output, the halves do not fit each
            other, or the whole cannot be cut at `code_layer`.
        RuntimeUnavailable: a file is `.onnx`, and the package `onnx` is not installed.
    """
    programs = [_open(path) for path in paths]
    whole = len(programs) == 1 and _reconstructs(programs[0].artifact, programs[0].artifact)
    if whole:
        return _cut(programs[0], code_layer)
    if code_layer is not None:
        flows = " and ".join(f"{item.path} {_flow(item.artifact)}" for item in programs)
        raise BadInput(f"--code-layer {code_layer}: only for a whole autoencoder; {flows}")
    if len(programs) == 2:
        _check_halves(*programs)
    names = ("encoder", "decoder")
    return Parts({part: _as(part, item) for part, item in zip(names, programs, strict=False)})


def _open(path: Path) -> VerifiedArtifact:
    content, form = read_file(path)
    try:
        if form == "onnx":
            from edgeae.importing.onnx.external import inlined

            content = inlined(path, content)
        with about(path):
            artifact = describe.bare(content, form, str(path))
    except ModuleNotFoundError as error:
        if error.name != "onnx":
            raise
        raise onnx_lacking(str(path)) from None
    _check_edges(artifact)
    return VerifiedArtifact(artifact, content, path)


def _check_edges(artifact: Artifact) -> None:
    for kind, spec in (("input", artifact.input), ("output", artifact.output)):
        place = f"{artifact.path}: {kind} {spec.name!r} is {spec.dtype}"
        if spec.dtype not in (_FLOAT, *_INTEGERS):
            raise BadInput(f"{place}: allowed are {_FLOAT}, {', '.join(_INTEGERS)}")
        if spec.dtype != _FLOAT and spec.affine is None:
            raise BadInput(f"{place} without a scale, so its integers have no real values")


def _reconstructs(encoder: Artifact, decoder: Artifact) -> bool:
    return encoder.input.values == decoder.output.values


def _check_halves(encoder: VerifiedArtifact, decoder: VerifiedArtifact) -> None:
    """Check that two files are the halves of one autoencoder.

    Raises:
        BadInput: formats, shapes, element types or scales do not fit; the message names both files.
    """
    first, second = encoder.artifact, decoder.artifact
    if first.format != second.format:
        raise BadInput(
            f"{encoder.path} is .{first.format}, {decoder.path} .{second.format}: "
            "encoder and decoder must have the same format"
        )
    if first.output.values != second.input.values:
        raise BadInput(
            f"{encoder.path} gives a code of {_shape(first.output)}, "
            f"{decoder.path} takes {_shape(second.input)}: they are not halves of one autoencoder"
        )
    if not _reconstructs(first, second):
        raise BadInput(
            f"{encoder.path} takes {_shape(first.input)}, {decoder.path} gives "
            f"{_shape(second.output)}: they are not halves of one autoencoder"
        )
    if (first.output.dtype, first.output.affine) != (second.input.dtype, second.input.affine):
        raise BadInput(
            f"{encoder.path} gives the code as {_type_and_scale(first.output)}, "
            f"{decoder.path} takes {_type_and_scale(second.input)}: both must have the same type, "
            "scale and zero point"
        )


def _cut(program: VerifiedArtifact, code_layer: str | None) -> Parts:
    """Return the parts of a whole autoencoder; it is not cut if it has no bottleneck.

    Raises:
        BadInput: the autoencoder cannot be cut at `code_layer`.
    """
    if program.artifact.format == "tflite":
        from edgeae.importing.bare.tflite import halves
    else:
        from edgeae.importing.bare.onnx import halves
    whole = _as("autoencoder", program)
    try:
        choice, contents = halves(program, code_layer)
        cuts = {part: _half(part, content, program) for part, content in contents.items()}
    except BadInput as error:
        if code_layer is not None:
            raise BadInput(f"{program.path}: {error}") from None
        return Parts(
            {"autoencoder": whole}, remark=f"{program.path}: not cut into encoder, decoder: {error}"
        )
    return Parts({**cuts, "autoencoder": whole}, choice)


def _half(part: str, content: bytes, whole: VerifiedArtifact) -> VerifiedArtifact:
    form = whole.artifact.format
    artifact = describe.bare(content, form, f"its {part}")
    _check_edges(artifact)
    cut = _as(part, VerifiedArtifact(artifact, content, whole.path))
    return replace(cut, artifact=replace(cut.artifact, parent=f"autoencoder.{form}"))


def _as(part: str, program: VerifiedArtifact) -> VerifiedArtifact:
    artifact = program.artifact
    path = f"{part}.{artifact.format}"
    return replace(program, artifact=replace(artifact, part=part, path=path))


def _flow(artifact: Artifact) -> str:
    return f"takes {_shape(artifact.input)} and gives {_shape(artifact.output)}"


def _shape(spec: TensorSpec) -> str:
    return "×".join(map(str, spec.values)) or "no values"


def _type_and_scale(spec: TensorSpec) -> str:
    if spec.affine is None:
        return spec.dtype
    return f"{spec.dtype}, scale {spec.scale:.9g}, zero point {spec.zero_point}"
