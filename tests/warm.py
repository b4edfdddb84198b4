"""Python processes that begin where imports are over: forks of one process that has done them.

`[*warm.python(), "-m", "edgeae", …]` is what `[sys.executable, "-m", "edgeae", …]` is: a process of
its own, with its own variables, folder and streams, that ends with its own exit code. What it has
not is imports of its own. A test of what is imported, of hash seeds, of memory or of signals takes
`sys.executable`; so does one whose `sitecustomize` changes edgeae itself.
"""

import atexit
import contextlib
import functools
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from edgeae.system import tied

_HERE = Path(__file__).parent
#: In a fork whose own children are warm too: JSON, kind → where its server listens.
SOCKETS = "WARM_SOCKETS"
#: What a server has imported. Nothing that starts a thread, as onnxruntime does.
_IMPORTS = {
    "tensorflow": ("edgeae.originals.legacy_keras",),
    "edgeae": (
        *("edgeae.cli.main", "edgeae.timing.bench", "edgeae.timing.worker", "edgeae.gate.run"),
        *("edgeae.gate.worker", "edgeae.verify.run", "edgeae.runtimes.child"),
        "edgeae.runtimes.litert",
    ),
}
#: Children that begin by importing TensorFlow.
_OF_TENSORFLOW = (
    "edgeae.conversion.build",
    "edgeae.conversion.calibrate",
    "edgeae.importing.keras.rebuild",
    "edgeae.sensitivity.fine_tuned",
    "edgeae.sensitivity.one_shot",
)
#: Children that choose their Keras before anything imports one.
_COLD = (
    "edgeae.importing.keras.original_keras2",
    "edgeae.importing.keras.original_keras3",
)
#: Of BLAS, which would start its own at once.
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
_STARTING = threading.Lock()
_TEMPORARY = tempfile.gettempdir()  # before a test has its own


def python(kind: str = "tensorflow") -> tuple[str, ...]:
    """Return the command of a Python that has imported TensorFlow, or `edgeae` without it."""
    return (sys.executable, "-I", "-S", str(_HERE / "warm_client.py"), f"{_place(kind)}/socket")


def environment(*kinds: str) -> dict[str, str]:
    """Return the variables with which a warm process has warm children itself."""
    return {SOCKETS: json.dumps({kind: _place(kind) for kind in kinds or ("edgeae",)})}


@contextlib.contextmanager
def children(*kinds: str) -> Iterator[None]:
    """Let children of this process be warm: by default all, of those kinds at least."""
    cold = tied.module

    def module(name: str, *words: str) -> list[str]:
        kind = "tensorflow" if name in _OF_TENSORFLOW else "edgeae"
        if name in _COLD or (kinds and kind not in kinds):
            return cold(name, *words)
        return [*python(kind), "-m", name, *words]

    with mock.patch.object(tied, "module", module):
        yield


def _place(kind: str) -> str:
    """Return the folder where a server listens: this process's own, or its parents'."""
    given = json.loads(os.environ.get(SOCKETS, "{}"))
    with _STARTING:  # commands start children on several threads
        return given[kind] if kind in given else _start(kind)


@functools.cache
def _start(kind: str) -> str:
    place, path = tempfile.mkdtemp(dir=_TEMPORARY), f"{_HERE}{os.pathsep}{_HERE.parent}"
    server = subprocess.Popen(
        [sys.executable, "-P", str(_HERE / "warm_server.py"), f"{place}/socket", *_IMPORTS[kind]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **_ONE_THREAD, "PYTHONPATH": path},
        start_new_session=True,
    )
    atexit.register(server.communicate)  # its input ends, and it with that
    assert server.stdout is not None and server.stdout.readline() == b"ready\n"
    return place
