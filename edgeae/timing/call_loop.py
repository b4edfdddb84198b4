"""Child process: calls one artifact repeatedly, for a tool that counts instructions.

`python -m edgeae.timing.call_loop PATH RUNTIME THREADS STEP…`: a step such as `model:100` makes 100
calls of the model, and `fixed:100` makes 100 calls of the passthrough model. Before each step, and
after the last, the loop calls the C library's `ctermid`, a mark at which callgrind can cut its
counts. Without arguments the module is a child of `children.py` that opens the artifact and calls
it once.
"""

import gc
import itertools
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from edgeae.formats.opening import open_file
from edgeae.runtimes import load
from edgeae.system import children
from edgeae.timing.measurement import bound
from edgeae.timing.worker import seeded_inputs


def work(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Open the artifact of `job` (`path`, `runtime`, `threads`), call it, yield `{version}`.

    Raises:
        RuntimeUnavailable: the engine is absent.
        BadInput: the runtime does not open the file.
    """
    calls = _opened(job["path"], job["runtime"], job["threads"])
    for call in calls.values():
        call()
    yield {"version": load(job["runtime"]).version()}


def loop(path: str, runtime: str, threads: int, steps: Sequence[str]) -> None:
    """Open an artifact and run the steps."""
    calls = _opened(path, runtime, threads)
    gc.disable()  # a garbage collection within a step would be counted
    for step in steps:
        kind, times = step.split(":")
        os.ctermid()
        _repeat(calls[kind], int(times))
    os.ctermid()


def _opened(path: str, runtime: str, threads: int) -> dict[str, Callable[[], object]]:
    engine = load(runtime)
    program = open_file(Path(path))
    x = seeded_inputs(program.artifact, 1)
    fixed = engine.open_fixed(program.artifact, threads)
    model = engine.open(program, threads)
    return {
        "model": bound(model.run, x),
        "fixed": bound(fixed.run, x.reshape(1, -1)),
    }


def _repeat(call: Callable[[], object], times: int) -> None:
    for _ in itertools.repeat(None, times):
        call()


if __name__ == "__main__":
    if sys.argv[1:]:
        _path, _runtime, _threads, *_steps = sys.argv[1:]
        loop(_path, _runtime, int(_threads), _steps)
    else:
        children.serve(work)
