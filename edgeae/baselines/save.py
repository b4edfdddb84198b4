"""Save baselines: copy bundles and bare files to a project's folder of baselines, atomically."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edgeae.artifacts.bundle import Bundle, find_bundles, holding
from edgeae.baselines import record
from edgeae.errors import BadInput, naming
from edgeae.formats.opening import read_file
from edgeae.reading import files
from edgeae.system import atomic
from edgeae.timing.bench import commit


@dataclass(frozen=True)
class Saved:
    """The result of saving one baseline.

    Attributes:
        place: path of the baseline: a bundle's folder, or a file.
        state: `saved`, `replaced` or `up to date`.
        files: number of files.
        bytes: size of all files together.
    """

    place: Path
    state: Literal["saved", "replaced", "up to date"]
    files: int
    bytes: int


@dataclass(frozen=True)
class _Source:
    """A baseline to save: its destination, its files, and the tools that made them, if known."""

    place: Path
    files: dict[str, bytes]
    tools: dict[str, str]
    origin: Path
    is_bundle: bool


def save(places: Sequence[Path], to: Path, *, force: bool = False) -> list[Saved]:
    """Copy bundles and bare files to `to`; if one may not be saved, nothing is written.

    Args:
        places: bundles, folders of bundles, `.tflite` and `.onnx` files.
        to: the folder of baselines, created if missing.
        force: whether to replace existing baselines that differ.

    Raises:
        BadInput: a place holds nothing to save, two sources would be the same baseline, or a
            different baseline exists already.
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
    for opened in find_bundles(folders) if folders else ():
        with holding(opened.root) as bundle:
            bundle.check()
            manifest = bundle.manifest
            place = to / manifest.model / manifest.recipe
            yield _Source(place, _content(bundle), manifest.tools, bundle.shown, is_bundle=True)


def _content(bundle: Bundle) -> dict[str, bytes]:
    """Return the manifest and all files that it names: relative path → bytes."""
    return {name: files.read_inside(bundle.root, name) for name in bundle.files}


def _files(places: Sequence[Path], to: Path) -> Iterator[_Source]:
    for path in places:
        if path.exists() and not path.is_dir():
            content, form = read_file(path)
            if path.suffix != f".{form}":
                raise BadInput(f"{path}: its content is a .{form}; rename the file")
            yield _Source(to / path.name, {path.name: content}, {}, path, is_bundle=False)


def _check_distinct(sources: Sequence[_Source]) -> None:
    origins: dict[Path, Path] = {}
    for source in sources:
        other = origins.setdefault(source.place, source.origin)
        if other is not source.origin:
            raise BadInput(f"{source.place}: both {other} and {source.origin} would be saved there")


def _state(source: _Source, force: bool) -> Literal["saved", "replaced", "up to date"]:
    """Compare the baseline to save with the existing one.

    Raises:
        BadInput: an existing baseline differs, and `force` is false.
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
            f"{source.place}: another baseline exists already; {', '.join(differing)} of "
            f"{source.origin} differ{'s' if len(differing) == 1 else ''}; --force replaces it"
        )
    return "replaced"


def _differing(source: _Source) -> list[str]:
    """Return the names of the files that differ from the existing ones, the record last."""
    folder = source.place if source.is_bundle else source.place.parent
    names = [
        name
        for name, content in sorted(source.files.items())
        if not (folder / name).is_file() or (folder / name).read_bytes() != content
    ]
    path = record.record_path(source.place)
    return names or ([] if _is_true(path, source) else [path.name])


def _is_true(path: Path, source: _Source) -> bool:
    """Return whether the existing record, if any, describes the files of `source`."""
    try:
        saved = record.read(path)
    except BadInput:
        return False
    hashes = {name: atomic.sha256(content) for name, content in source.files.items()}
    return saved is None or saved.sha256 == hashes


def _write(source: _Source) -> None:
    text = record.record(source.files, source.tools, commit()).to_json()
    if source.is_bundle:
        _replace_folder(source.place, {**source.files, record.BUNDLE_RECORD: text.encode()})
        return
    (content,) = source.files.values()
    _replace_file(source.place, content, text.encode())


def _replace_file(place: Path, content: bytes, text: bytes) -> None:
    """Write a bare file and its record, replacing existing ones."""
    beside = place.with_name(f"{place.name}.json")
    staged = [
        (path.with_name(f".{path.name}.new"), path, held)
        for path, held in ((place, content), (beside, text))
    ]
    try:
        for temporary, path, held in staged:
            with naming(path):
                atomic.write_bytes(temporary, held)
        # a kill after this line leaves a baseline without a record, never with a wrong one
        beside.unlink(missing_ok=True)
        for temporary, path, _ in staged:
            temporary.replace(path)
    finally:
        for temporary, _, _ in staged:
            temporary.unlink(missing_ok=True)


def _replace_folder(place: Path, files: dict[str, bytes]) -> None:
    """Write a folder of these files, replacing an existing one."""
    place.parent.mkdir(parents=True, exist_ok=True)
    new = place.with_name(f".{place.name}.new")
    shutil.rmtree(new, ignore_errors=True)  # left by a save that was killed
    try:
        for name, content in files.items():
            with naming(place / name):
                atomic.write_bytes(new / name, content)
        with naming(place):
            _swap(new, place)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _swap(new: Path, place: Path) -> None:
    """Rename `new` to `place`; delete the old folder, or restore it after a failure.

    A rename cannot replace a folder that is not empty, so the old folder is renamed first. If the
    process is killed between the two renames, `_recover` finds the old folder.
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
    """Restore the folder that `_swap` renamed, or delete it if `place` exists."""
    aside = _aside(place)
    if aside.exists() and not place.exists():
        aside.rename(place)
    shutil.rmtree(aside, ignore_errors=True)


def _aside(place: Path) -> Path:
    return place.with_name(f".{place.name}.replaced")


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Lock the folder itself, because a lock file in it could be committed by mistake."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
