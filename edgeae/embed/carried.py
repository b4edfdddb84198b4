"""The model that an embedded folder carries: its `.tflite` files with few golden vectors.

A folder is generated from what it carries and from nothing else. Therefore it can be generated
again, on another machine, and compared.
"""

import dataclasses
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeae.artifacts.bundle import EDGES, MANIFEST, Bundle, holding, npy_bytes
from edgeae.artifacts.manifest import Golden
from edgeae.data import normalization_of
from edgeae.embed.record import threshold_of
from edgeae.errors import BadInput
from edgeae.formats.opening import read_file
from edgeae.recipe import REFERENCES
from edgeae.runtimes.answers import COMPOSED, ask
from edgeae.runtimes.inference import real
from edgeae.system import atomic

#: Folder of a carried bundle.
BUNDLE = "bundle"
#: `--golden` for vectors of noise, and the number of golden vectors without `--golden`.
SYNTHETIC, GOLDEN = "synthetic", 8
_SEED = 1
_BYTES = 256


@dataclasses.dataclass(frozen=True)
class Carried:
    """What a folder carries.

    Attributes:
        source: `bundle`, or the name of a bare file.
        files: path below the carrying folder → content.
        golden: whose golden vectors they are, in words.
        threshold: of `edgeae detect`, see `Record`.
    """

    source: str
    files: dict[str, bytes]
    golden: str
    threshold: float | None = None


def carried(path: Path, golden: str) -> Carried:
    """Return what a folder that embeds `path` carries.

    Args:
        path: a bundle's folder, or a `.tflite` file.
        golden: `synthetic`, or the number of the bundle's golden vectors.

    Raises:
        BadInput: `path` is neither, or `golden` is not allowed.
        ManifestMismatch: a file of the bundle differs from its manifest.
    """
    n = _number(golden)
    if not path.is_dir():
        content, form = read_file(path)
        if form != "tflite":
            raise BadInput(f"{path}: a model in {form}; allowed are a bundle or a .tflite file")
        if golden not in (SYNTHETIC, str(GOLDEN)):
            raise BadInput(f"--golden {golden}: {path} is no bundle: its vectors are synthetic")
        return Carried(path.name, {path.name: content}, "random inputs")
    with holding(path) as bundle:
        return _of_bundle(bundle, n)


def _number(golden: str) -> int | None:
    """Return the number of vectors; None for synthetic ones."""
    if golden == SYNTHETIC:
        return None
    if not golden.isascii() or not golden.isdigit() or not 1 <= int(golden) <= 10**6:
        raise BadInput(
            f"--golden {golden!r:.40}: allowed is a number from 1, or {SYNTHETIC}: inputs of noise"
        )
    return int(golden)


def _of_bundle(bundle: Bundle, n: int | None) -> Carried:
    manifest = bundle.manifest
    artifacts = tuple(item for item in manifest.artifacts if item.format == "tflite")
    if not artifacts:
        raise BadInput(f"{bundle.shown}: the bundle has no .tflite file")
    if n is not None and n > manifest.golden.n:
        raise BadInput(
            f"--golden {n}: {bundle.shown} has {manifest.golden.n} golden vectors; allowed are 1 "
            f"to {manifest.golden.n}, or {SYNTHETIC}"
        )
    arrays = _synthetic(bundle) if n is None else _rows(bundle, n)
    files = {item.path: bundle.read(item) for item in artifacts}
    files |= {f"golden/{name}.npy": npy_bytes(array) for name, array in arrays.items()}
    count = GOLDEN if n is None else n
    hashes = {name: atomic.sha256(files[f"golden/{name}.npy"]) for name in arrays}
    manifest = dataclasses.replace(manifest, artifacts=artifacts, golden=Golden(count, hashes))
    files[MANIFEST] = manifest.to_json().encode()
    whose = f"{count} rows of {manifest.dataset['name']}" if n is not None else "inputs of noise"
    return Carried(
        BUNDLE,
        {f"{BUNDLE}/{name}": content for name, content in files.items()},
        whose,
        threshold_of(bundle),
    )


def _rows(bundle: Bundle, n: int) -> dict[str, NDArray[np.generic]]:
    return {name: bundle.golden(name)[:n] for name in bundle.manifest.golden.sha256}


def _synthetic(bundle: Bundle) -> dict[str, NDArray[np.generic]]:
    """Return golden arrays of noise, with the answers of the bundle's own artifacts.

    `code` and `reconstruction` are the real values of the artifacts' answers, as in a bundle of
    imported files, because the original may be missing.
    """
    image = _noise(bundle)
    reference = REFERENCES["tflite"]
    answers = ask(bundle.root, reference, "tflite", image, None, parts=bundle.parts)
    for problem in answers.errors.values():
        raise problem
    outputs = answers.outputs
    if COMPOSED in outputs:
        outputs = outputs | {"decoder": outputs[COMPOSED]}
    arrays: dict[str, NDArray[np.generic]] = {"image": image}
    for part in bundle.parts:
        arrays[part] = outputs[part]
        arrays[EDGES[part][1]] = real(bundle.artifact(part), outputs[part])
    return {name: arrays[name] for name in bundle.manifest.golden.sha256 if name in arrays}


def _noise(bundle: Bundle) -> NDArray[np.float32]:
    """Return `GOLDEN` inputs of noise, real values: pixels, or normally distributed numbers."""
    random = np.random.default_rng(_SEED)
    part = next((part for part in bundle.parts if EDGES[part][0] == "image"), None)
    if part is None:
        raise BadInput(f"{bundle.shown}: without an encoder, --golden {SYNTHETIC} is not possible")
    shape = (GOLDEN, *bundle.artifact(part).input.values)
    normalization = normalization_of(bundle.manifest)
    if normalization.scale != 1.0:
        return normalization.real(random.integers(0, _BYTES, shape, np.uint8))
    return random.standard_normal(shape, np.float32)
