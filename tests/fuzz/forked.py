"""The command line in a forked process, and its children in forks of that: milliseconds a run.

Everything is imported once, before the first fork, which must find one thread only: BLAS's others
would be gone in it (`OPENBLAS_NUM_THREADS=1`). TensorFlow is installed, but does not start; an
export's child is that of `fake_export_child`.
"""

import contextlib
import dataclasses
import importlib
import importlib.abc
import importlib.machinery
import io
import json
import os
import resource
import runpy
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from edgeae.cli.main import main
from edgeae.system import children

__all__ = ["KEPT_OUT", "PEAK_BYTES", "SECONDS", "Ended", "in_fork", "on_the_command_line", "warm"]

#: The longest that a command may take, and the most memory.
SECONDS, PEAK_BYTES = 10.0, 1_000_000_000
#: Address space of a process: what asks for more than this gets a MemoryError, not the machine.
_ADDRESS_SPACE = 6 << 30
#: Packages that take seconds and half a gigabyte to start.
_KEPT_OUT = ("tensorflow", "keras", "tf_keras", "tf2onnx")
KEPT_OUT = "kept out by the fuzzer"
#: What commands import when they run.
_WARM = (
    "fake_export_child",
    "onnx",
    "onnx.shape_inference",
    "onnxruntime",
    "h5py",
    "ai_edge_litert.interpreter",
    "edgeae.baselines.listing",
    "edgeae.baselines.save",
    "edgeae.conversion.plan.export",
    "edgeae.conversion.plan.matrix",
    "edgeae.conversion.plan.table",
    "edgeae.formats.tflite.arena",
    "edgeae.formats.describe",
    "edgeae.formats.onnx.graph_statistics",
    "edgeae.formats.passthrough",
    "edgeae.formats.onnx.metadata",
    "edgeae.gate.outputs.benchmark_action",
    "edgeae.gate.outputs.junit",
    "edgeae.gate.outputs.markdown",
    "edgeae.gate.outputs.table",
    "edgeae.gate.run",
    "edgeae.gate.worker",
    "edgeae.importing.bare.run",
    "edgeae.importing.keras.run",
    "edgeae.importing.run",
    "edgeae.formats.bundle_inspection",
    "edgeae.pick.table",
    "edgeae.pick.candidates",
    "edgeae.report.history_page",
    "edgeae.report.page",
    "edgeae.report.write",
    "edgeae.runtimes.litert",
    "edgeae.runtimes.null",
    "edgeae.runtimes.onnxruntime",
    "edgeae.timing.operators",
    "edgeae.timing.prefix_timing",
    "edgeae.timing.worker",
    "edgeae.verify.run",
    "edgeae.families.table",
    "edgeae.verify.table",
    "jinja2",
    "pyarrow.parquet",
)
_COMMAND_LINE = (sys.executable, "-m", "edgeae")


@dataclasses.dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        code: its exit code; negative for a signal.
        out, err: what it printed.
        seconds: on the clock.
        peak_bytes: the most memory that it or one of its children had.
        hung: whether it was killed for taking too long.
    """

    code: int
    out: str
    err: str
    seconds: float
    peak_bytes: int
    hung: bool = False


def warm() -> None:
    """Import what commands import, so that no fork has to."""
    sys.meta_path.insert(0, _Keeper())
    for name in _WARM:
        importlib.import_module(name)
    sys.argv = ["edgeae", "inspect", "nothing.tflite"]  # what reads arguments imports more
    with contextlib.redirect_stderr(io.StringIO()), contextlib.suppress(SystemExit):
        main()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


class _Keeper(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds packages that are not to be started, and fails to load them."""

    def find_spec(self, name: str, *_: object) -> importlib.machinery.ModuleSpec | None:
        return importlib.machinery.ModuleSpec(name, self) if name in _KEPT_OUT else None

    def exec_module(self, module: object) -> None:
        raise ImportError(KEPT_OUT)


def in_fork(arguments: Sequence[str], cwd: Path, scratch: Path, seconds: float = SECONDS) -> Ended:
    """Run `edgeae ARGUMENTS…` in a fork of this process.

    Args:
        arguments: of the command line.
        cwd: where it runs.
        scratch: a folder for what it prints.
        seconds: after which it is killed.
    """
    return _ended(lambda: _fork(lambda: _command(arguments, cwd)), scratch, seconds)


def on_the_command_line(
    arguments: Sequence[str], cwd: Path, scratch: Path, seconds: float = 60
) -> Ended:
    """Run it as a user does, in a new interpreter."""
    return _ended(lambda: _fork(lambda: _replaced(arguments, cwd)), scratch, seconds)


def _ended(start: Callable[[], int], scratch: Path, seconds: float) -> Ended:
    texts = [scratch / name for name in ("out", "err")]
    with contextlib.ExitStack() as stack:
        kept = [os.dup(number) for number in (1, 2)]
        sys.stdout.flush()
        sys.stderr.flush()
        for number, path in zip((1, 2), texts, strict=True):
            stream = stack.enter_context(path.open("wb"))
            os.dup2(stream.fileno(), number)
        began = time.monotonic()
        try:
            pid = start()
        finally:
            for number, descriptor in zip((1, 2), kept, strict=True):
                os.dup2(descriptor, number)
                os.close(descriptor)
    status, usage, hung = _waited(pid, began + seconds)
    out, err = (path.read_bytes().decode(errors="replace") for path in texts)
    took = time.monotonic() - began
    code = os.waitstatus_to_exitcode(status)
    return Ended(code, out, err, took, usage.ru_maxrss * 1024, hung)


def _waited(pid: int, deadline: float) -> tuple[int, Any, bool]:
    """Wait for a process, and kill its group at the deadline."""
    pause = 0.0005
    while True:
        found, status, usage = os.wait4(pid, os.WNOHANG)
        if found:
            return status, usage, False
        if time.monotonic() > deadline:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            _, status, usage = os.wait4(pid, 0)
            return status, usage, True
        time.sleep(pause)
        pause = min(pause * 1.5, 0.02)


def _fork(work: Callable[[], int]) -> int:
    """Run `work` in a fork, whose exit code it returns; return the fork's number."""
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        code = work()
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _limit() -> None:
    os.setsid()
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _command(arguments: Sequence[str], cwd: Path) -> int:
    _limit()
    os.chdir(cwd)
    sys.argv = ["edgeae", *arguments]
    for name, number in (("stdout", 1), ("stderr", 2)):
        setattr(sys, name, os.fdopen(number, "w", closefd=False))
    children.subprocess = _Processes  # type: ignore[assignment]
    _hurry()
    _export_fakes(cwd)
    return _exit_code(main)


def _replaced(arguments: Sequence[str], cwd: Path) -> int:
    _limit()
    os.chdir(cwd)
    os.execv(_COMMAND_LINE[0], [*_COMMAND_LINE, *arguments])


def _exit_code(work: Callable[[], object]) -> int:
    try:
        work()
    except SystemExit as ended:
        if ended.code is None or isinstance(ended.code, int):
            return ended.code or 0
        sys.stderr.write(f"{ended.code}\n")
        return 1
    return 0


def _hurry() -> None:
    """Let a worker warm up for a moment only, and a gate end early: no figure is looked at."""
    from edgeae.gate import verdict
    from edgeae.timing import bench

    verdict.MOST = 2

    patience = bench.StoppingRule
    bench.StoppingRule = lambda **said: patience(**{**said, "warm_up_ns": 1_000_000})  # type: ignore


def _export_fakes(project: Path) -> None:
    from edgeae.conversion.plan import export

    export.CHILD = "fake_export_child"
    said = {"template": str(project / "build/tiny/float32"), "log": os.devnull}
    os.environ["FAKE_EXPORT"] = json.dumps(said)


class _Popen:
    """`subprocess.Popen(tied.module(MODULE), …)` as a fork that runs the module."""

    def __init__(
        self, command: Sequence[str], *, stdin: Any, stdout: Any, stderr: Any, env: Any, **_: object
    ) -> None:
        module = command[-1]  # what `edgeae.system.tied` is told to run
        files = (stdin.fileno(), stdout.fileno(), stderr.fileno())
        self.returncode: int | None = None
        self.pid = _fork(lambda: _module(module, files, env))
        with contextlib.suppress(OSError):  # whoever comes first: it may be killed at once
            os.setpgid(self.pid, self.pid)

    def poll(self) -> int | None:
        if self.returncode is None:
            found, status = os.waitpid(self.pid, os.WNOHANG)
            if found:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        deadline = None if timeout is None else time.monotonic() + timeout
        while self.poll() is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("a fork", timeout or 0)
            time.sleep(0.0005)
        assert self.returncode is not None
        return self.returncode


class _Processes:
    """What `edgeae.system.children` takes from `subprocess`."""

    Popen = _Popen
    TimeoutExpired = subprocess.TimeoutExpired


def _module(module: str, files: tuple[int, int, int], env: Any) -> int:
    with contextlib.suppress(OSError):
        os.setpgid(0, 0)
    for number, descriptor in enumerate(files):
        os.dup2(descriptor, number)
    os.environ.clear()
    os.environ.update(env)
    sys.stdin = os.fdopen(0, closefd=False)
    for name, number in (("stdout", 1), ("stderr", 2)):
        setattr(sys, name, os.fdopen(number, "w", closefd=False))
    sys.argv = [module]
    return _exit_code(lambda: runpy.run_module(module, run_name="__main__", alter_sys=True))
