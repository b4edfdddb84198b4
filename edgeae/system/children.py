"""Run a job in a child process, so that a crash, a hang or a leak does not affect the parent.

The parent starts `python -m MODULE` with the job as JSON on standard input. It reads one JSON
object per line from a separate pipe, so that the output of libraries cannot be mistaken for an
answer. A module becomes such a child by ending with `children.serve(function)`. Other programs run
as children too, by `execute`; they get no job and give no answers.

A child ends when its parent ends (`edgeae.system.tied`); its temporary folder is deleted when the
child ends.
"""

import contextlib
import io
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any

from edgeae import errors
from edgeae.errors import EdgeaeError, Interrupted, RuntimeCrashed, naming
from edgeae.system import interrupts, tied
from edgeae.system.scratch import SHARED, scratch, shared

Message = dict[str, Any]
_PIPE = "EDGEAE_CHILD_PIPE"
#: The key of a report that says what the child is doing.
DOING = "doing"
#: Without this, `python -m` would first search the current folder, which may hold foreign modules.
_SAFE_PATH = {"PYTHONSAFEPATH": "1"}
#: Children that are running, of all threads.
_RUNNING: set[subprocess.Popen[str]] = set()
#: Set while no child may run; see `ended`.
_ENDED = threading.Event()
#: How often a child's parent asks whether the child is still wanted, in seconds.
_ASK_S = 0.5


def run(
    module: str, job: Mapping[str, Any], *, timeout_s: float, env: Mapping[str, str] | None = None
) -> list[Message]:
    """Run a child to its end and return all its reports; raises the errors of `stream`."""
    return list(stream(module, job, timeout_s=timeout_s, env=env))


def stream(
    module: str,
    job: Mapping[str, Any],
    *,
    timeout_s: float,
    env: Mapping[str, str] | None = None,
    wanted: Callable[[], bool] | None = None,
) -> Iterator[Message]:
    """Run a child and yield each report as it arrives.

    The thread that requests the first report must live until the last report, because the child
    ends with this thread.

    Args:
        module: the module to run, as for `python -m`.
        job: the job, as JSON values.
        timeout_s: longest duration of the child, in seconds.
        env: variables to add to this process's environment.
        wanted: asked twice a second; if it returns False, the child is ended.

    Raises:
        EdgeaeError: the error that the child raised, of the same class.
        Interrupted: the child is no longer wanted.
        RuntimeCrashed: the child crashed or ran longer than `timeout_s`; the message gives the
            reason and the child's last line.
        KeyboardInterrupt: another thread has ended all children.
    """
    with tempfile.TemporaryFile("w+") as order:  # a pipe would block on a child that never reads
        with naming(tempfile.gettempdir()):
            json.dump(job, order)
            order.seek(0)
        read_end, write_end = os.pipe()
        variables = {**_SAFE_PATH, **(env or {}), _PIPE: str(write_end)}
        deadline = time.monotonic() + timeout_s
        with _started(tied.module(module), order, variables, (write_end,)) as (child, chatter):
            for line in _lines(read_end, deadline, timeout_s, wanted):
                message = json.loads(line)
                if "raised" in message:
                    raise rebuilt(message)
                yield message
            _check_end(child, chatter, deadline, timeout_s)


def execute(command: Sequence[str], *, timeout_s: float, env: Mapping[str, str]) -> None:
    """Run a program to its end, without input; its output serves only for errors.

    Args:
        command: the program and its arguments.
        timeout_s: longest duration of the program, in seconds.
        env: variables to add to this process's environment.

    Raises:
        RuntimeCrashed: the program failed or ran longer than `timeout_s`; the message gives the
            reason and the program's last line.
        KeyboardInterrupt: another thread has ended all children.
    """
    deadline = time.monotonic() + timeout_s
    with _started(tied.program(command), subprocess.DEVNULL, env) as (child, chatter):
        _check_end(child, chatter, deadline, timeout_s)


@contextlib.contextmanager
def _started(
    command: Sequence[str],
    stdin: IO[str] | int,
    env: Mapping[str, str],
    descriptors: tuple[int, ...] = (),
) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
    """Start a child with a temporary folder; end it, and all that it started, with the block.

    Args:
        command: a command of `edgeae.system.tied`.
        stdin: the child's standard input.
        env: variables to add to this process's environment.
        descriptors: open descriptors that become the child's.

    Yields:
        the child, and the file with its standard output and error.
    """
    with tempfile.TemporaryFile("w+", errors="replace") as chatter, scratch() as temporary:
        child = subprocess.Popen(
            command,
            stdin=stdin,
            stdout=chatter,
            stderr=chatter,
            env={**os.environ, "TMPDIR": str(temporary), SHARED: shared(), **env},
            pass_fds=descriptors,
            start_new_session=True,  # Ctrl-C reaches only the parent, which then ends the child
            text=True,
        )
        for descriptor in descriptors:
            os.close(descriptor)
        _RUNNING.add(child)
        try:
            if _ENDED.is_set():
                raise KeyboardInterrupt
            yield child, chatter
        finally:
            _end(child)
            _RUNNING.discard(child)
            if os.environ.get("EDGEAE_DEBUG") == "1":
                chatter.seek(0)
                sys.stderr.write(chatter.read())


@contextlib.contextmanager
def ended() -> Iterator[None]:
    """Kill every running child, and start no child for the duration of a `with` block.

    Threads that run a child get a KeyboardInterrupt, so that they neither report the child's death
    as a crash nor start the next child. In the main thread, further Ctrl-C are ignored meanwhile,
    because they would leave children running.
    """
    _ENDED.set()
    try:
        with interrupts.ignored():
            for child in list(_RUNNING):
                _end(child)
            yield
    finally:
        _ENDED.clear()


@contextlib.contextmanager
def threads(jobs: int) -> Iterator[ThreadPoolExecutor]:
    """Yield a pool of threads that run children; leaving early, as by Ctrl-C, ends the children.

    Otherwise the interpreter would wait for every child to finish.
    """
    pool = ThreadPoolExecutor(max_workers=jobs)
    try:
        yield pool
    except BaseException:
        with ended():
            pool.shutdown(cancel_futures=True)
        raise
    finally:
        pool.shutdown()


def serve(work: Callable[[Message], Iterable[Message]], *, told: bool = False) -> None:
    """Run the child's side: read the job, report each value that `work` yields, and exit.

    Args:
        work: yields the reports for a job.
        told: whether each line that `work` prints to standard error is a report, too, of what the
            child is doing.
    """
    pipe = os.fdopen(int(os.environ.pop(_PIPE)), "w", buffering=1)
    job = json.load(sys.stdin)
    try:
        if told:
            sys.stderr = _Told(pipe)
        for message in work(job):
            pipe.write(json.dumps(message) + "\n")
    except EdgeaeError as error:
        pipe.write(json.dumps(raised(error)) + "\n")
    except OSError as error:
        pipe.write(json.dumps(raised(errors.system_error(error))) + "\n")
    finally:
        sys.stderr = sys.__stderr__
    pipe.close()


class _Told(io.TextIOBase):
    """Standard error whose lines are reports."""

    def __init__(self, pipe: IO[str]) -> None:
        self._pipe, self._pending = pipe, ""

    def write(self, text: str, /) -> int:
        *lines, self._pending = (self._pending + text).split("\n")
        for line in filter(None, map(str.strip, lines)):
            self._pipe.write(json.dumps({DOING: line}) + "\n")
        return len(text)


def raised(error: EdgeaeError) -> Message:
    """Return an error as JSON types, for another process; see `rebuilt`."""
    arguments = [str(argument) for argument in error.args]
    return {"raised": type(error).__name__, "arguments": arguments}


def rebuilt(message: Message) -> EdgeaeError:
    """Return the error that `raised` described, of the same class."""
    kind = getattr(errors, message["raised"])
    error: EdgeaeError = kind(*message["arguments"])
    return error


def _lines(
    descriptor: int, deadline: float, timeout_s: float, wanted: Callable[[], bool] | None
) -> Iterator[str]:
    pending = b""
    with selectors.DefaultSelector() as selector, os.fdopen(descriptor, "rb", 0) as pipe:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            left = max(0.0, deadline - time.monotonic())
            if not selector.select(left if wanted is None else min(left, _ASK_S)):
                if wanted is not None and not wanted():
                    raise Interrupted("no longer wanted")
                if time.monotonic() < deadline:
                    continue
                raise RuntimeCrashed(f"hung: no answer within {timeout_s:.0f} s")
            chunk = pipe.read(1 << 16)
            if not chunk:
                return
            *complete, pending = (pending + chunk).split(b"\n")
            yield from (line.decode() for line in complete)


def _check_end(
    child: subprocess.Popen[str], chatter: IO[str], deadline: float, timeout_s: float
) -> None:
    """Wait for the end of a child; raises the errors of `execute`."""
    try:
        status = child.wait(timeout=max(1.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise RuntimeCrashed(f"hung: did not end within {timeout_s:.0f} s") from None
    if status == 0:
        return
    if _ENDED.is_set():
        raise KeyboardInterrupt
    raise RuntimeCrashed(f"{_death(status)}{_last_line(chatter)}")


def _death(status: int) -> str:
    if status < 0:
        return f"crashed with {signal.Signals(-status).name}"
    return f"ended with status {status}"


def _last_line(chatter: IO[str]) -> str:
    chatter.seek(0)
    lines = [line.strip() for line in chatter.read().splitlines() if line.strip()]
    # valgrind's own lines, which begin with ==PID==, do not say why the program failed
    own = [line for line in lines if not line.startswith("==")]
    return f": {own[-1][:300]}" if own else ""


def _end(child: subprocess.Popen[str]) -> None:
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
