"""Saving baselines: bundles and bare files copied to where a project keeps them, each whole."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edgeae.artifacts.bundle import MANIFEST, Bundle, find_bundles, holding
from edgeae.baselines import record
from edgeae.errors import BadInput, naming
from edgeae.formats.opening import read_file
from edgeae.reading import files
from edgeae.system import atomic
from edgeae.timing.bench import commit


@dataclass(frozen=True)
class Saved:
    """What became of one baseline.

    Attributes:
        place: where it is kept: a bundle's folder, or a file.
        state: `saved`, `replaced` or `up to date`.
        files: how many it is.
        bytes: of all of them.
    """

    place: Path
    state: Literal["saved", "replaced", "up to date"]
    files: int
    bytes: int


@dataclass(frozen=True)
class _Source:
    """What is to be saved: where to, its files, and the tools that made them, where known."""

    place: Path
    files: dict[str, bytes]
    tools: dict[str, str]
    origin: Path
    is_bundle: bool


def save(places: Sequence[Path], to: Path, *, force: bool = False) -> list[Saved]:
    """Copy bundles and bare files to `to`; nothing is written unless all of it may be.

    Args:
        places: bundles, folders of them, `.tflite` and `.onnx` files.
        to: the folder of baselines, made when missing.
        force: replace a baseline that is there and differs.

    Raises:
        BadInput: a place holds nothing to save, two would be the same baseline, or one is there
            already and differs.
        ManifestMismatch: a bundle is not what its manifest describes.
        NotMeasured: a folder holds no bundle.
    """
    sources = [*_bundles(places, to), *_files(places, to)]
    _check_distinct(sources)
    to.mkdir(parents=True, exist_ok=True)
    with _alone(to):
        states = [_state(source, force) for source in sources]
        for source, state in zip(sources, states, strict=True):
            if state != "up to date":
                _write(source)
    return [
        Saved(source.place, state, len(source.files), sum(map(len, source.files.values())))
        for source, state in zip(sources, states, strict=True)
    ]


def _bundles(places: Sequence[Path], to: Path) -> Iterator[_Source]:
    folders = [place for place in places if place.is_dir() or not place.exists()]
    for found in find_bundles(folders) if folders else ():
        with holding(found.root) as bundle:
            bundle.check()
            manifest = bundle.manifest
            place = to / manifest.model / manifest.recipe
            yield _Source(place, _content(bundle), manifest.tools, bundle.shown, is_bundle=True)


def _content(bundle: Bundle) -> dict[str, bytes]:
    """Read what a bundle's manifest names, and the manifest: relative path → bytes."""
    names = [MANIFEST, *(artifact.path for artifact in bundle.manifest.artifacts)]
    names += [f"golden/{name}.npy" for name in bundle.manifest.golden.sha256]
    return {name: files.read_inside(bundle.root, name) for name in names}


def _files(places: Sequence[Path], to: Path) -> Iterator[_Source]:
    for path in places:
        if path.exists() and not path.is_dir():
            content, form = read_file(path)
            if path.suffix != f".{form}":
                raise BadInput(f"{path}: by its content this is a .{form}; name it so")
            yield _Source(to / path.name, {path.name: content}, {}, path, is_bundle=False)


def _check_distinct(sources: Sequence[_Source]) -> None:
    origins: dict[Path, Path] = {}
    for source in sources:
        other = origins.setdefault(source.place, source.origin)
        if other is not source.origin:
            raise BadInput(f"{source.place}: both {other} and {source.origin} would be saved there")


def _state(source: _Source, force: bool) -> Literal["saved", "replaced", "up to date"]:
    """Compare what is to be saved with what is there.

    Raises:
        BadInput: that differs, and there is no force.
    """
    _recover(source.place)
    if not os.path.lexists(source.place):
        return "saved"
    if source.place.is_symlink() or source.place.is_dir() != source.is_bundle:
        raise BadInput(f"{source.place}: not a baseline made by edgeae; move it away")
    differing = _differing(source)
    if not differing:
        unrecorded = not record.record_path(source.place).exists()
        return "saved" if unrecorded else "up to date"
    if not force:
        raise BadInput(
            f"{source.place}: another baseline is there already; {', '.join(differing)} of "
            f"{source.origin} differ{'s' if len(differing) == 1 else ''}; --force replaces it"
        )
    return "replaced"


def _differing(source: _Source) -> list[str]:
    """Name the files whose bytes differ from what is there; the record last."""
    folder = source.place if source.is_bundle else source.place.parent
    names = [
        name
        for name, content in sorted(source.files.items())
        if not (folder / name).is_file() or (folder / name).read_bytes() != content
    ]
    path = record.record_path(source.place)
    return names or ([] if _is_true(path, source) else [path.name])


def _is_true(path: Path, source: _Source) -> bool:
    """Whether a record, if there is one, tells of these files."""
    try:
        known = record.read(path)
    except BadInput:
        return False
    hashes = {name: atomic.sha256(content) for name, content in source.files.items()}
    return known is None or known.sha256 == hashes


def _write(source: _Source) -> None:
    text = record.record(source.files, source.tools, commit()).to_json()
    if source.is_bundle:
        _replace_folder(source.place, {**source.files, record.BUNDLE_RECORD: text.encode()})
        return
    (content,) = source.files.values()
    _replace_file(source.place, content, text.encode())


def _replace_file(place: Path, content: bytes, text: bytes) -> None:
    """Put a bare file and its record where others may be."""
    beside = place.with_name(f"{place.name}.json")
    staged = [
        (path.with_name(f".{path.name}.new"), path, held)
        for path, held in ((place, content), (beside, text))
    ]
    try:
        for temporary, path, held in staged:
            with naming(path):
                atomic.write_bytes(temporary, held)
        # killed from here on: a baseline without a record, never one with another's
        beside.unlink(missing_ok=True)
        for temporary, path, _ in staged:
            temporary.replace(path)
    finally:
        for temporary, _, _ in staged:
            temporary.unlink(missing_ok=True)


def _replace_folder(place: Path, files: dict[str, bytes]) -> None:
    """Put a folder of these files where another one may be."""
    place.parent.mkdir(parents=True, exist_ok=True)
    new = place.with_name(f".{place.name}.new")
    shutil.rmtree(new, ignore_errors=True)  # of a save that was killed
    try:
        for name, content in files.items():
            with naming(place / name):
                atomic.write_bytes(new / name, content)
        with naming(place):
            _swap(new, place)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _swap(new: Path, place: Path) -> None:
    """Rename `new` to `place`; what was there is gone afterwards, or there again after a failure.

    A rename replaces no folder that is not empty, so the old one steps aside. A process that is
    killed in that instant leaves it there, where `_recover` finds it.
    """
    aside = _aside(place)
    try:
        if place.exists():
            place.rename(aside)
        new.rename(place)
    except BaseException:
        _recover(place)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _recover(place: Path) -> None:
    """Bring back what stepped aside, or clear it away when its place is taken."""
    aside = _aside(place)
    if aside.exists() and not place.exists():
        aside.rename(place)
    shutil.rmtree(aside, ignore_errors=True)


def _aside(place: Path) -> Path:
    return place.with_name(f".{place.name}.replaced")


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold a lock on the folder itself, which leaves no file that could be committed."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
