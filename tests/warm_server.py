"""`python -P warm_server.py SOCKET MODULE…`: imports modules once, and forks for each who asks.

It ends when its standard input does, and its folder with it. A fork whose client is gone is killed.
No module may start a thread: what a thread holds, a fork would wait for. See `warm.py`.
"""

import atexit
import contextlib
import fcntl
import gc
import importlib
import json
import marshal
import os
import runpy
import selectors
import signal
import socket
import sys
import threading
import traceback
import types
from pathlib import Path

import warm

from edgeae.system import tied

_ABOVE = 200  # no descriptor that a client names is as high


def serve(place: str, *modules: str) -> None:
    before = set(os.environ)
    for name in modules:
        importlib.import_module(name)
    if "edgeae.cli.main" in modules:
        sys.modules["edgeae.cli.main"]._commands()  # what each command line would begin with
    threads = list(Path("/proc/self/task").iterdir())
    assert len(threads) == 1, f"{modules} start threads: {threads}"
    gc.freeze()
    chosen = {name: os.environ[name] for name in set(os.environ) - before}
    with socket.socket(socket.AF_UNIX) as listener, selectors.DefaultSelector() as selector:
        listener.bind(place)
        listener.listen(64)
        selector.register(listener, selectors.EVENT_READ)
        selector.register(0, selectors.EVENT_READ)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        _loop(listener, selector, chosen)
    Path(place).unlink()
    Path(place).parent.rmdir()


def _loop(
    listener: socket.socket, selector: selectors.BaseSelector, chosen: dict[str, str]
) -> None:
    """Fork for clients, tell them how forks end, kill the forks of clients that are gone."""
    # of both a client and its fork; a number that was closed may be another's by now
    running: dict[int, tuple[int, socket.socket, object]] = {}
    while True:
        for key, _ in selector.select():
            if key.fd == 0:
                return
            if key.fd == listener.fileno():
                client, _ = listener.accept()
                pid = _fork(client, listener, selector, chosen)
                handle = os.pidfd_open(pid)
                running[handle] = pid, client, handle
                running[client.fileno()] = pid, client, client
                selector.register(handle, selectors.EVENT_READ)
                selector.register(client, selectors.EVENT_READ)
            elif key.fd in running and running[key.fd][2] is key.fileobj:
                pid, client, _ = running.pop(key.fd)
                selector.unregister(key.fd)
                if isinstance(key.fileobj, int):
                    _told(client, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
                    os.close(key.fd)
                    if running.pop(client.fileno(), None):
                        selector.unregister(client)
                    client.close()
                else:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(pid, signal.SIGKILL)


def _told(client: socket.socket, status: int) -> None:
    with contextlib.suppress(BrokenPipeError):
        client.sendall(status.to_bytes(8, "little", signed=True))


def _fork(
    client: socket.socket,
    listener: socket.socket,
    selector: selectors.BaseSelector,
    chosen: dict[str, str],
) -> int:
    size, descriptors, *_ = socket.recv_fds(client, 8, 8)
    job = marshal.loads(_exactly(client, int.from_bytes(size, "little")))
    server = os.getpid()
    pid = os.fork()
    if pid:
        for descriptor in descriptors:
            os.close(descriptor)
        return pid
    status = 1
    try:
        os.setsid()
        tied._tie(server)
        for key in list(selector.get_map().values()):
            if key.fd:
                os.close(key.fd)
        selector.close()
        _take(descriptors, job["given"])
        os.environ.clear()
        os.environ.update({**chosen, **job["environment"]})
        status = _run(job["words"], job["folder"])
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _exactly(client: socket.socket, size: int) -> bytes:
    content = b""
    while len(content) < size:
        content += client.recv(size - len(content))
    return content


def _take(descriptors: list[int], numbers: list[int]) -> None:
    """Give descriptors the numbers that they have in the client, and streams to the first three."""
    above = [fcntl.fcntl(item, fcntl.F_DUPFD_CLOEXEC, _ABOVE) for item in descriptors]
    for item in descriptors:
        os.close(item)
    for item, number in zip(above, numbers, strict=True):
        os.dup2(item, number)
        os.close(item)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115


def _run(words: list[str], folder: str) -> int:
    """Do what `python WORD…` does, to the end; return its exit code."""
    os.chdir(folder)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    status = 0
    given = json.loads(os.environ.get(warm.SOCKETS, "{}"))
    try:
        with warm.children(*given) if given else contextlib.nullcontext():
            _main(words)
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        if isinstance(ended.code, str):
            sys.stderr.write(f"{ended.code}\n")
    except BaseException:
        traceback.print_exc()
        status = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    return status


def _main(words: list[str]) -> None:
    kind, *rest = words
    sys.orig_argv = [sys.executable, *words]
    safe = "PYTHONSAFEPATH" in os.environ
    if kind == "-m":
        _look(None if safe else str(Path.cwd()))
        sys.argv = rest
        if not hasattr(sys.modules.get(rest[0]), "__path__"):
            sys.modules.pop(rest[0], None)  # it runs once, as the main module
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    elif kind == "-c":
        _look(None if safe else "")
        sys.argv = ["-c", *rest[1:]]
        sys.modules["__main__"] = module = types.ModuleType("__main__")
        exec(compile(rest[0], "<string>", "exec"), module.__dict__)
    else:
        _look(None if safe else str(Path(kind).parent))
        sys.argv = words
        runpy.run_path(kind, run_name="__main__")


def _look(first: str | None) -> None:
    """Look for modules where a Python of this environment would, and begin as it does."""
    own = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:] = [*([] if first is None else [first]), *filter(None, own), *_BASE]
    if any(Path(folder, "sitecustomize.py").exists() for folder in filter(None, own)):
        sys.modules.pop("sitecustomize", None)
        importlib.import_module("sitecustomize")


#: Where modules are looked for without `PYTHONPATH`.
_BASE = [
    place for place in sys.path if place not in os.environ.get("PYTHONPATH", "").split(os.pathsep)
]

if __name__ == "__main__":
    serve(*sys.argv[1:])
