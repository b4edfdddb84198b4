"""One job in one child process, so that a crash, a hang or a leak stays there.

The parent starts `python -m MODULE` with the job as JSON on its standard input and reads one JSON
object per line from a pipe of its own, so that whatever a library prints cannot be mistaken for
an answer. A module becomes such a child by ending with `children.serve(function)`.

A child ends with its parent (`edgeae.system.tied`), and its temporary folder with the child.
"""

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any

from edgeae import errors
from edgeae.errors import EdgeaeError, RuntimeCrashed, naming
from edgeae.system import interrupts, tied
from edgeae.system.scratch import scratch

Message = dict[str, Any]
_PIPE = "EDGEAE_CHILD_PIPE"
#: `python -m` would first look for modules in the current folder, where files of others may lie.
_SAFE_PATH = {"PYTHONSAFEPATH": "1"}
#: Children that run now, on whichever thread.
_RUNNING: set[subprocess.Popen[str]] = set()
#: Set while no child may run; see `ended`.
_ENDED = threading.Event()


def run(
    module: str, job: Mapping[str, Any], *, timeout_s: float, env: Mapping[str, str] | None = None
) -> list[Message]:
    """Run a child to its end and return all that it reported. See `stream` for the errors."""
    return list(stream(module, job, timeout_s=timeout_s, env=env))


def stream(
    module: str, job: Mapping[str, Any], *, timeout_s: float, env: Mapping[str, str] | None = None
) -> Iterator[Message]:
    """Run a child and yield each of its reports as it comes.

    The thread that asks for the first report must live until the last: the child ends with it.

    Args:
        module: the module to run, as `python -m` takes it.
        job: what to do; JSON.
        timeout_s: the longest time between the start and the end of the child, seconds.
        env: variables added to this process's environment.

    Raises:
        EdgeaeError: the one that the child raised, of the same class.
        RuntimeCrashed: the child died or outlived `timeout_s`; says how, with its last line.
        KeyboardInterrupt: another thread has ended all children.
    """
    with (
        tempfile.TemporaryFile("w+", errors="replace") as chatter,
        tempfile.TemporaryFile("w+") as order,  # a pipe would block on a child that never reads
        scratch() as temporary,
    ):
        with naming(tempfile.gettempdir()):
            json.dump(job, order)
            order.seek(0)
        read_end, write_end = os.pipe()
        child = subprocess.Popen(
            tied.module(module),
            stdin=order,
            stdout=chatter,
            stderr=chatter,
            env={
                **os.environ,
                **_SAFE_PATH,
                "TMPDIR": str(temporary),
                **(env or {}),
                _PIPE: str(write_end),
            },
            pass_fds=(write_end,),
            start_new_session=True,  # Ctrl-C reaches the parent alone, which then ends the child
            text=True,
        )
        os.close(write_end)
        _RUNNING.add(child)
        try:
            if _ENDED.is_set():
                raise KeyboardInterrupt
            deadline = time.monotonic() + timeout_s
            for line in _lines(read_end, deadline, timeout_s):
                message = json.loads(line)
                if "raised" in message:
                    raise _rebuild(message)
                yield message
            child.wait(timeout=max(1.0, deadline - time.monotonic()))
            if child.returncode != 0:
                if _ENDED.is_set():
                    raise KeyboardInterrupt
                raise RuntimeCrashed(f"{_death(child.returncode)}{_last_line(chatter)}")
        except subprocess.TimeoutExpired:
            raise RuntimeCrashed(f"hung at its end, past {timeout_s:.0f} s") from None
        finally:
            _end(child)
            _RUNNING.discard(child)
            if os.environ.get("EDGEAE_DEBUG") == "1":
                chatter.seek(0)
                sys.stderr.write(chatter.read())


@contextlib.contextmanager
def ended() -> Iterator[None]:
    """Kill every running child; for the duration of a `with` block, none may start.

    Threads that run one get a KeyboardInterrupt: they must neither take the death of a child for a
    crash nor go on with the next. In the main thread, further Ctrl-C are ignored meanwhile: they
    would leave children behind.
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
    """Give threads that each run children; leaving early, as by Ctrl-C, ends the children too.

    Without that, the interpreter would wait for every one of them to finish.
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


def serve(work: Callable[[Message], Iterable[Message]]) -> None:
    """Be the child: read the job, report what `work` yields, then exit."""
    pipe = os.fdopen(int(os.environ.pop(_PIPE)), "w", buffering=1)
    job = json.load(sys.stdin)
    try:
        for message in work(job):
            pipe.write(json.dumps(message) + "\n")
    except EdgeaeError as error:
        pipe.write(_raised(error))
    except OSError as error:
        pipe.write(_raised(errors.system_error(error)))
    pipe.close()


def _raised(error: EdgeaeError) -> str:
    arguments = [str(argument) for argument in error.args]
    return json.dumps({"raised": type(error).__name__, "arguments": arguments}) + "\n"


def _lines(descriptor: int, deadline: float, timeout_s: float) -> Iterator[str]:
    pending = b""
    with selectors.DefaultSelector() as selector, os.fdopen(descriptor, "rb", 0) as pipe:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise RuntimeCrashed(f"hung: no answer within {timeout_s:.0f} s")
            chunk = pipe.read(1 << 16)
            if not chunk:
                return
            *complete, pending = (pending + chunk).split(b"\n")
            yield from (line.decode() for line in complete)


def _rebuild(message: Message) -> EdgeaeError:
    kind = getattr(errors, message["raised"])
    error: EdgeaeError = kind(*message["arguments"])
    return error


def _death(status: int) -> str:
    if status < 0:
        return f"crashed with {signal.Signals(-status).name}"
    return f"ended with status {status}"


def _last_line(chatter: IO[str]) -> str:
    chatter.seek(0)
    lines = [line.strip() for line in chatter.read().splitlines() if line.strip()]
    return f": {lines[-1][:300]}" if lines else ""


def _end(child: subprocess.Popen[str]) -> None:
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
