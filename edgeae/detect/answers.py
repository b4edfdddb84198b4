"""Reconstructions of rows by the original, and by the export in each runtime."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.artifacts.bundle import Bundle, find_bundles
from edgeae.artifacts.manifest import Artifact
from edgeae.detect.result import Side
from edgeae.errors import BadInput, EdgeaeError, NotMeasured, RuntimeCrashed, RuntimeUnavailable
from edgeae.metrics.quantization import is_near, quantize
from edgeae.runtimes import USUAL
from edgeae.runtimes.answers import COMPOSED, ask, longest_s
from edgeae.runtimes.inference import prepare, real
from edgeae.verify.subject import ORIGINAL, Originals, is_original

_WHOLE = "autoencoder"
#: Flavours of files that compute in float32 with the original's weights.
_FLOATS = ("float32", "fp32")
#: Ends the error about a missing original.
_HINT = "or export the recipe float32, which then takes its place"


@dataclass(frozen=True, eq=False)
class Reconstructed:
    """What one side makes of all rows.

    Attributes:
        side: the side, without figures.
        rows: (n, …) its reconstructions, real values; None if it could not
            run.
        steps: (n, …) pairs of output and input, both integers of the artifact; None if they are not
            comparable.
    """

    side: Side
    rows: NDArray[np.floating] | None = None
    steps: tuple[NDArray[Any], NDArray[Any]] | None = None


def parts_of(bundle: Bundle) -> tuple[str, ...]:
    """Return the parts whose outputs, one after the other, are reconstructions.

    Raises:
        BadInput: the bundle has only an encoder, or only a decoder.
    """
    if _WHOLE in bundle.parts:
        return (_WHOLE,)
    if bundle.parts != ("encoder", "decoder"):
        raise BadInput(
            f"{bundle.shown}: an anomaly score needs a reconstruction; the bundle has only "
            f"{', '.join(bundle.parts)}"
        )
    return bundle.parts


def by_export(bundle: Bundle, runtime: str, form: str, rows: NDArray[np.float32]) -> Reconstructed:
    """Return the reconstructions of a bundle's files of one format in one runtime.

    Args:
        bundle: the bundle.
        runtime, form: the runtime, and a format that it opens and the bundle has.
        rows: (n, …) real values.
    """
    parts = parts_of(bundle)
    artifacts = [bundle.artifact(part, form) for part in parts]
    side = Side(
        " + ".join(artifact.path for artifact in artifacts),
        parts[-1],
        form,
        artifacts[-1].flavour,
        runtime,
    )
    try:
        limit = longest_s(artifacts, len(rows))
        answers = ask(bundle.root, runtime, form, rows, None, parts=parts, timeout_s=limit)
    except RuntimeUnavailable as error:
        return Reconstructed(replace(side, verdict="unavailable", reason=str(error)))
    side = replace(side, runtime_version=answers.version, device=answers.device)
    if answers.software:
        reason = f"{answers.device} is emulated, and answers too few rows to set a threshold"
        return Reconstructed(replace(side, verdict="unavailable", reason=reason))
    name = _WHOLE if parts == (_WHOLE,) else COMPOSED
    problem = answers.errors.get(name)
    if problem is not None:
        return Reconstructed(replace(side, verdict=_verdict(problem), reason=str(problem)))
    outputs = answers.outputs[name]
    return Reconstructed(
        side, real(artifacts[-1], outputs), _steps(artifacts[0], artifacts[-1], rows, outputs)
    )


def _verdict(problem: EdgeaeError) -> Any:
    if isinstance(problem, RuntimeCrashed):
        return "crashed"
    return "unavailable" if isinstance(problem, BadInput | NotMeasured) else "fail"


def _steps(
    first: Artifact, last: Artifact, rows: NDArray[np.float32], outputs: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """Return outputs and rows as the generated C compares them: in the artifact's own values.

    The rows are those of the input if both have the same steps, else they are quantized as the
    output is.
    """
    if first.input.dtype != last.output.dtype:
        return None
    given, target = first.input.affine, last.output.affine
    if given is None or target is None or is_near(given, target):
        return outputs, prepare(first, rows)
    return outputs, quantize(rows, target)


def by_original(bundle: Bundle, rows: NDArray[np.float32]) -> Reconstructed:
    """Return the original's reconstructions; those of the model's float32 bundle if it is absent.

    Files that were imported as they are have no original: their reference runtime takes its place.

    Raises:
        BadInput, ManifestMismatch: the original's files are damaged.
    """
    if bundle.as_is:
        found = by_export(bundle, bundle.reference, bundle.format, rows)
        return _renamed(found, f"as imported: {found.side.name}")
    side = Side("original", "", "", "float32", ORIGINAL)
    try:
        answers = Originals(rows, (_WHOLE,), _HINT).of(bundle)
    except NotMeasured as error:
        stand_in = _float32(bundle)
        if stand_in is None:
            return Reconstructed(replace(side, verdict="unavailable", reason=str(error)))
        found = by_export(stand_in, USUAL[stand_in.format], stand_in.format, rows)
        return _renamed(found, f"{stand_in.manifest.recipe}/{found.side.name}")
    return Reconstructed(side, answers[_WHOLE])


def _renamed(found: Reconstructed, name: str) -> Reconstructed:
    return replace(found, side=replace(found.side, name=name, part="", format=""))


def _float32(bundle: Bundle) -> Bundle | None:
    """Return a float bundle of the same weights beside this one, which gives its answers."""
    folder = bundle.model_folder
    candidates = find_bundles([folder]) if folder.is_dir() else []
    return next((item for item in candidates if _stands_in(item, bundle)), None)


def _stands_in(item: Bundle, bundle: Bundle) -> bool:
    same = item.manifest.weights_sha256 == bundle.manifest.weights_sha256
    normalized = item.manifest.normalization == bundle.manifest.normalization
    plain = _WHOLE in item.parts and is_original(item)
    return same and normalized and plain and item.artifact(_WHOLE, item.format).flavour in _FLOATS
