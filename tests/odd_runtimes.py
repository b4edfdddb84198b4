"""Runtimes that misbehave. They open `.tflite` files and are called `odd-…`.

A worker is a process of its own, so a test puts `environment(folder)` into its children's
environment: a `sitecustomize` there calls `register` in each of them as it starts.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgeae.artifacts.manifest import Artifact
from edgeae.artifacts.verified_artifact import VerifiedArtifact
from edgeae.errors import BadInput, RuntimeUnavailable
from edgeae.runtimes import RUNTIMES, Device, Entry

HERE = Path(__file__).parent


class _Session:
    note = "odd"

    def __init__(self, does: str, artifact: Artifact) -> None:
        self._does, self._artifact = does, artifact

    def run(self, x: np.ndarray) -> np.ndarray:
        if self._does in ("crash", f"crash-{self._artifact.part}"):
            os.kill(os.getpid(), signal.SIGSEGV)
        if self._does == "hang":
            time.sleep(600)
        output = self._artifact.output
        answer = np.zeros((len(x), *output.values), output.dtype)
        if self._does == "nan":
            answer[...] = np.nan
        return answer

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class _Odd:
    does: str
    formats: tuple[str, ...] = ("tflite",)
    answers: bool = True

    def version(self) -> str:
        if self.does == "absent":
            raise RuntimeUnavailable("no such board is connected", "plug one in")
        return "0.0"

    def device(self) -> Device:
        return Device("nothing", software=self.does == "software")

    def open(self, program: VerifiedArtifact, threads: int, batch: int = 1) -> _Session:
        if self.does == "found-absent":
            raise RuntimeUnavailable("the board's library does not load", "install it")
        if self.does == "refuses":
            raise BadInput(f"{program.path}: this board takes no such model")
        if self.does == "one-only" and batch != 1:
            raise BadInput(f"{program.path}: this board takes one example a call")
        return _Session(self.does, program.artifact)

    def open_fixed(self, artifact: Artifact, threads: int, batch: int = 1) -> _Session:
        return _Session(self.does, artifact)


CRASH = _Odd("crash")
CRASH_DECODER, CRASH_ENCODER = _Odd("crash-decoder"), _Odd("crash-encoder")
HANG, NAN, ZERO = _Odd("hang"), _Odd("nan"), _Odd("zero")
SOFTWARE, ONE_ONLY = _Odd("software", answers=False), _Odd("one-only", answers=False)
REFUSES = _Odd("refuses")
ABSENT, FOUND_ABSENT = _Odd("absent"), _Odd("found-absent")
NAMES = {f"odd-{odd.does}": name for name, odd in list(globals().items()) if isinstance(odd, _Odd)}


def register(table: MutableMapping[str, Entry] = RUNTIMES) -> None:
    """Add the odd runtimes to edgeae's table."""
    for name, attribute in NAMES.items():
        table[name] = Entry("odd_runtimes", attribute, ("tflite",), "", "misbehaves")


def environment(folder: Path, *forbidden: str, known: bool = True) -> dict[str, str]:
    """Return variables for children, where importing `forbidden` packages is an error.

    Args:
        folder: where a `sitecustomize` is written.
        forbidden: packages.
        known: whether the odd runtimes are in the children's table.
    """
    lines = ["import sys", *(f"sys.modules[{name!r}] = None" for name in forbidden)]
    if known:
        lines += ["import odd_runtimes", "odd_runtimes.register()"]
    (folder / "sitecustomize.py").write_text("\n".join([*lines, ""]))
    return {"PYTHONPATH": f"{folder}{os.pathsep}{HERE}{os.pathsep}{HERE.parent}"}


@contextlib.contextmanager
def known(folder: Path) -> Iterator[None]:
    """Put the odd runtimes into the table, here and in every child, for a `with` block.

    Args:
        folder: where a `sitecustomize` is written.
    """
    from unittest import mock  # a child needs it not, and starts sooner

    with mock.patch.dict(RUNTIMES), mock.patch.dict(os.environ, environment(folder)):
        register()
        yield
