"""The project that the fault run works on, the commands that it disturbs, and what must hold after.

Exports are fakes (`fake_exports.py`), but for those of the subject `real export`.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from edgeae_cli import ROOT, edgeae
from fake_exports import Project
from family_models import pictures, train_all

from edgeae.artifacts.bundle import STORE, open_bundle
from edgeae.errors import EdgeaeError
from edgeae.timing.results import read_results

__all__ = ["Case", "Subject", "Template", "damage", "left", "light", "real"]

#: The environment variable that marks every process of a case.
_MARK = "EDGEAE_FAULT_CASE"
#: How soon after a command's end its children must be gone, seconds.
_SOON_S = 2.0
_LITERT = ("--runtime", "litert-reference")
#: What a project is; the rest of the template's folder serves the fakes.
_KEPT = ("build", "bench", "export")


@dataclass(frozen=True)
class Subject:
    """A command that is disturbed.

    Attributes:
        name: what people call it.
        words: of the command line.
        errors: how many lines of error it may end with, one for each thing that it works on.
        writes: the folder that it writes to.
        seconds: how long it takes undisturbed.
    """

    name: str
    words: tuple[str, ...]
    errors: int = 1
    writes: str = "build"
    seconds: float = 0.0


_EXPORT = Subject("export", ("export", "--force", "--jobs", "2"), errors=4)
_SAVE = Subject("baseline save", ("baseline", "save", "--force"), writes="bench")
_BENCH = ("bench", "build/deep/int8", "--part", "encoder", "--seconds", "0.05", *_LITERT)
_OTHERS = (
    Subject("verify", ("verify", "--golden", "build/deep", *_LITERT), errors=2),
    Subject("bench", _BENCH),
    Subject("report", ("report",)),
)


@dataclass(frozen=True)
class Template:
    """A project where each command has something to do and something to lose.

    Attributes:
        place: its folder.
        variables: that its commands run under.
        subjects: its commands.
    """

    place: Path
    variables: dict[str, str]
    subjects: tuple[Subject, ...]


def light(place: Path) -> Template:
    """Make the project whose exports are fakes."""
    place.mkdir()
    project = Project(place, "deep", "simple")
    project.matrix('[[cells]]\nrecipes = ["int8", "float32"]')
    variables = project.environment(log=os.devnull)
    timed = [_timed(place, variables, subject) for subject in (_EXPORT, _SAVE)]
    for name in ("deep", "simple"):  # what is saved from now on is another baseline
        project.model(name, weights_sha256="1" * 64)
    _timed(place, variables, _EXPORT)
    timed += [_timed(place, variables, subject) for subject in _OTHERS]
    return Template(place, variables, tuple(timed))


def real(place: Path) -> Template:
    """Make a project with a trained model, whose exports load TensorFlow."""
    place.mkdir()
    train_all(place, str(pictures(place / "pictures.npz")), ["simple"], steps=20)
    (place / "export").mkdir()
    cells = '[[cells]]\nrecipes = ["float32", "int8"]'
    (place / "export" / "matrix.toml").write_text(cells)
    variables = {"PYTHONPATH": str(ROOT)}
    subject = replace(_EXPORT, name="real export", errors=2)
    return Template(place, variables, (_timed(place, variables, subject),))


def _timed(place: Path, variables: dict[str, str], subject: Subject) -> Subject:
    started = time.monotonic()
    done = edgeae(*subject.words, cwd=place, **variables)
    assert done.returncode == 0, done.stderr
    return replace(subject, seconds=time.monotonic() - started)


class Case:
    """A copy of a template that a command is disturbed in, with a temporary folder of its own.

    Args:
        template: what is copied.
        place: where to.
        subject: the command.
    """

    def __init__(self, template: Template, place: Path, subject: Subject) -> None:
        self.subject = subject
        self.folder, self.temporary = place / "project", place / "temporary"
        self._variables = template.variables | {
            _MARK: place.name,
            "TMPDIR": str(self.temporary),
            "EDGEAE_LOCK": str(place / "bench.lock"),
        }
        self.folder.mkdir(parents=True)
        self.temporary.mkdir()
        self._template = template

    def fill(self) -> None:
        """Copy the template; apart from `__init__`, so that a file system can be mounted before."""
        for name in _KEPT:
            if (self._template.place / name).exists():
                shutil.copytree(self._template.place / name, self.folder / name, symlinks=True)

    def start(self, *words: str, **options: object) -> subprocess.Popen[str]:
        """Start the command, or another one."""
        return subprocess.Popen(
            [sys.executable, "-m", "edgeae", *(words or self.subject.words)],
            cwd=self.folder,
            env={**os.environ, **self._variables},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            **options,  # type: ignore[call-overload]
        )

    def processes(self) -> list[int]:
        """Return the processes of this case that are alive."""
        mark = f"{_MARK}={self._variables[_MARK]}".encode()
        found = []
        for path in Path("/proc").glob("[0-9]*/environ"):
            try:
                if mark in path.read_bytes().split(b"\0"):
                    found.append(int(path.parent.name))
            except OSError:
                continue  # somebody else's, or gone by now
        return found

    def survivors(self) -> list[int]:
        """Return the processes that have not ended soon after the command."""
        deadline = time.monotonic() + _SOON_S
        while (alive := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.02)
        return alive


def damage(folder: Path, template: Path) -> Iterator[str]:
    """Say what of the earlier results is not whole any more."""
    for path in sorted(template.glob("build/*/*/manifest.json")):
        yield from _damaged_bundle(folder / path.parent.relative_to(template))
    for path in sorted(template.glob("bench/baselines/*/*/manifest.json")):
        yield from _damaged_bundle(folder / path.parent.relative_to(template))
    yield from _damaged_rows(folder / "build" / "results.jsonl", template)
    for path in sorted((folder / "build").rglob("*.json")):
        try:
            json.loads(path.read_text())
        except ValueError:
            yield f"{path}: not JSON any more"
    for name in ("report", "live"):
        page = folder / "build" / name / "index.html"
        if page.exists() and not page.read_text().rstrip().endswith("</html>"):
            yield f"{page}: half a page"


def _damaged_bundle(folder: Path) -> Iterator[str]:
    try:
        open_bundle(folder).check()
    except (EdgeaeError, OSError) as error:
        yield f"{folder}: {error}"


def _damaged_rows(path: Path, template: Path) -> Iterator[str]:
    before = template / "build" / "results.jsonl"
    if before.exists() and not path.read_bytes().startswith(before.read_bytes()):
        yield f"{path}: rows that were there are not"
    try:
        read_results(path)
    except EdgeaeError as error:
        yield str(error)


def left(folder: Path, temporary: Path) -> Iterator[str]:
    """Say what lies about that is nobody's."""
    for path in _stray(folder):
        yield f"{path} was left behind"
    for path in temporary.iterdir():
        yield f"{path} was left behind"


def _stray(folder: Path) -> Iterable[Path]:
    endings = (".part", ".tmp", ".link", ".new", ".replaced")
    yield from (path for path in folder.rglob("*") if path.suffix in endings)
    for store in folder.glob(f"build/*/{STORE}"):
        shown = {path.resolve() for path in store.parent.iterdir() if path.is_symlink()}
        folders = (path for path in store.iterdir() if path.is_dir())
        yield from (path for path in folders if path.suffix not in endings and path not in shown)
