"""A Dask cluster of processes of their own: a scheduler, and workers in folders of their own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from task_examples import PATHS

_STARTS_S = 60.0


class Processes:
    """A scheduler on the loopback interface, and its workers.

    Args:
        root: a folder for all of them.
        options: further options of all of them, as for TLS.
        protocol: `tcp` or `tls`.
        python: the interpreter of another environment for the scheduler.
    """

    def __init__(
        self, root: Path, *options: str, protocol: str = "tcp", python: Path | None = None
    ) -> None:
        self._root, self._options = root, options
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        told = root / "scheduler.json"
        self.scheduler = self._start(
            "scheduler",
            {},
            *("scheduler", "--host", "127.0.0.1", "--port", "0", "--protocol", protocol),
            *("--no-dashboard", "--scheduler-file", str(told)),
            python=python,
        )
        limit = time.monotonic() + _STARTS_S
        while not told.exists():
            assert self.scheduler.poll() is None and time.monotonic() < limit, self.log("scheduler")
            time.sleep(0.05)
        self.address: str = json.loads(told.read_text())["address"]

    def worker(
        self,
        name: str,
        variables: Mapping[str, str] | None = None,
        *options: str,
        python: Path | None = None,
    ) -> None:
        """Start a worker of one thread, without a nanny: whoever kills it has killed it.

        Args:
            name: its name.
            variables: variables to add to its environment.
            options: further options, such as `--resources bench=1`.
            python: the interpreter of another environment, which has an edgeae of its own.
        """
        folder = self._root / name
        folder.mkdir()
        self.workers[name] = self._start(
            name,
            variables or {},
            *("worker", self.address, "--name", name, "--nthreads", "1", "--no-nanny"),
            *("--memory-limit", "0", "--no-dashboard", "--local-directory", str(folder)),
            *options,
            python=python,
        )

    def kill(self, name: str) -> None:
        """End a worker, or the scheduler, as the kernel does when memory is short."""
        process = self.scheduler if name == "scheduler" else self.workers[name]
        process.kill()
        process.wait()

    def log(self, name: str) -> str:
        """Return what a process printed."""
        return (self._root / f"{name}.log").read_text(errors="replace")

    def end(self) -> None:
        """End all processes."""
        for process in (*self.workers.values(), self.scheduler):
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.wait()

    def _start(
        self, name: str, variables: Mapping[str, str], *words: str, python: Path | None = None
    ) -> subprocess.Popen[bytes]:
        path = {"PYTHONPATH": PATHS} if python is None else {"PYTHONPATH": ""}
        with (self._root / f"{name}.log").open("wb") as log:
            return subprocess.Popen(
                [str(python or sys.executable), "-m", "dask", *words, *self._options],
                cwd=self._root,
                env={**os.environ, **path, **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )


def certificates(root: Path) -> None:
    """Write a certificate that signs itself, and its key."""
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=edgeae", "-keyout", "key.pem", "-out", "cert.pem"),
        ],
        cwd=root,
        check=True,
        capture_output=True,
        env={**os.environ, "RANDFILE": str(root / "rnd")},
    )
