"""One mutant after the other: planted, and tested until a test fails."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import TypeVar

from mutants.copies import copy, planted
from mutants.listing import Mutant, Unfit

__all__ = ["LIMIT_S", "Outcome", "Sandbox", "control", "hunt"]

Item = TypeVar("Item")
Found = TypeVar("Found")
#: How long the tests of a room may take to catch a mutant.
LIMIT_S = 150.0
#: What `make test` leaves out, too.
_SELECTED = "not acceptance and not system and not timing and not ways"
#: Of pytest: all passed, some failed, nothing was selected.
_PASSED, _FAILED, _NOTHING = 0, 1, 5


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant.

    Attributes:
        mutant: which.
        test: the test that caught it; None where none did.
        seconds: how long that took.
        note: why it was not caught; empty where it was.
    """

    mutant: Mutant
    test: str | None
    seconds: float
    note: str = ""


@dataclass(frozen=True)
class _Tested:
    """What pytest made of one file: its exit code, None where time was up, and what failed."""

    code: int | None
    failed: tuple[str, ...]
    said: str


class Sandbox:
    """A copy of a checkout in a temporary folder, and the pytest that runs there.

    Args:
        checkout: what is copied.
        folder: an empty one.
    """

    def __init__(self, checkout: Path, folder: Path) -> None:
        self.root, self._cache, self._scratch = (
            folder / name for name in ("checkout", "cache", "scratch")
        )
        self._running: subprocess.Popen[str] | None = None
        self._closed = False
        copy(checkout, self.root)

    def run(self, path: Path, limit_s: float, *, again: bool = False) -> _Tested:
        """Run the tests of one file until one fails, in a process group of their own.

        Args:
            path: the file.
            limit_s: when to end them.
            again: only the test that failed in the run before.
        """
        if not again:
            shutil.rmtree(self._cache, ignore_errors=True)
        command = [sys.executable, "-m", "pytest", "-x", "--tb=short", "-m", _SELECTED]
        command += ["-o", f"cache_dir={self._cache}", f"--basetemp={self._scratch}"]
        command += ["--last-failed", "--last-failed-no-failures=none"] if again else []
        environment = {**os.environ, "PYTHONPATH": str(self.root)}
        environment.pop("PYTEST_ADDOPTS", None)
        with subprocess.Popen(
            [*command, str(path.relative_to(self.root))],
            cwd=self.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as self._running:
            try:
                if self._closed:
                    raise subprocess.TimeoutExpired(command, limit_s)
                said, _ = self._running.communicate(timeout=limit_s)
            except subprocess.TimeoutExpired:
                return _Tested(None, (), "")
            finally:
                self._end()
        code = self._running.returncode
        return _Tested(code, self._last_failed() if code == _FAILED else (), said)

    def close(self) -> None:
        """End what runs; nothing runs any more."""
        self._closed = True
        self._end()

    def imported(self) -> Path:
        """Return where `edgeae` is imported from: tests of another checkout would tell nothing."""
        done = subprocess.run(
            [sys.executable, "-c", "import edgeae; print(edgeae.__file__)"],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": str(self.root)},
            capture_output=True,
            text=True,
            check=True,
        )
        return Path(done.stdout.strip())

    def _last_failed(self) -> tuple[str, ...]:
        known = json.loads((self._cache / "v/cache/lastfailed").read_text(encoding="utf-8"))
        return tuple(known)

    def _end(self) -> None:
        running = self._running
        if running is not None and running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()


def hunt(
    checkout: Path, mutants: Sequence[Mutant], jobs: int, limit_s: float = LIMIT_S
) -> Iterator[Outcome]:
    """Plant each mutant and run the tests of its room; yield the outcomes as they come.

    Args:
        checkout: the repository's folder; nothing in it is changed.
        mutants: which.
        jobs: mutants at once, each in a copy of its own.
        limit_s: for the tests of one mutant.

    Raises:
        Unfit: a mutant does not fit the checkout; before any test is run.
    """
    for mutant in mutants:
        mutant.place(checkout)
        mutant.test_files(checkout)
    yield from _spread(
        checkout, jobs, lambda sandbox, item: _judged(sandbox, item, limit_s), mutants
    )


def control(checkout: Path, mutants: Iterable[Mutant], jobs: int) -> Iterator[tuple[Path, str]]:
    """Run every file of tests that some mutants name, with nothing planted.

    Yields:
        file, relative to the checkout, and the end of what pytest said where it did not pass.
    """
    files = dict.fromkeys(
        path.relative_to(checkout) for item in mutants for path in item.test_files(checkout)
    )

    def tested(sandbox: Sandbox, name: Path) -> tuple[Path, str]:
        found = sandbox.run(sandbox.root / name, 4 * LIMIT_S)
        return name, "" if found.code in (_PASSED, _NOTHING) else found.said[-2000:] or "no end"

    yield from _spread(checkout, jobs, tested, list(files))


def _spread(
    checkout: Path, jobs: int, work: Callable[[Sandbox, Item], Found], items: Sequence[Item]
) -> Iterator[Found]:
    with _sandboxes(checkout, jobs) as sandboxes, ThreadPoolExecutor(jobs) as pool:
        free: SimpleQueue[Sandbox] = SimpleQueue()
        for sandbox in sandboxes:
            free.put(sandbox)

        def one(item: Item) -> Found:
            sandbox = free.get()
            try:
                return work(sandbox, item)
            finally:
                free.put(sandbox)

        running = [pool.submit(one, item) for item in items]
        try:
            for done in as_completed(running):
                yield done.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for sandbox in sandboxes:
                sandbox.close()
            raise


@contextmanager
def _sandboxes(checkout: Path, jobs: int) -> Iterator[list[Sandbox]]:
    with tempfile.TemporaryDirectory(prefix="mutants-", ignore_cleanup_errors=True) as folder:
        sandboxes = [Sandbox(checkout, Path(folder, str(number))) for number in range(jobs)]
        for sandbox in sandboxes:
            found = sandbox.imported()
            if not found.is_relative_to(sandbox.root):
                raise Unfit(f"edgeae is imported from {found}, not from the copy in {sandbox.root}")
        yield sandboxes


def _judged(sandbox: Sandbox, mutant: Mutant, limit_s: float) -> Outcome:
    started = time.monotonic()
    with planted(mutant, sandbox.root):
        path, found, note = _first_failure(sandbox, mutant, started + limit_s)
    seconds = time.monotonic() - started
    if found is None:
        return Outcome(mutant, None, seconds, note)
    (test, *_) = found.failed
    if sandbox.run(path, LIMIT_S, again=True).code != _PASSED:
        return Outcome(mutant, None, seconds, f"{test} fails without it, too")
    return Outcome(mutant, test, seconds)


def _first_failure(
    sandbox: Sandbox, mutant: Mutant, deadline: float
) -> tuple[Path, _Tested | None, str]:
    """Return the file of the test that failed and what it said; or why none did."""
    files = mutant.test_files(sandbox.root)
    for path in files:
        found = sandbox.run(path, max(0.0, deadline - time.monotonic()))
        if found.code == _FAILED:
            return path, found, ""
        if found.code is None:
            return path, None, f"time was up in {path.name}"
        if found.code not in (_PASSED, _NOTHING):
            end = " ".join(found.said.split())[-200:]
            return path, None, f"pytest could not run {path.name}: … {end}"
    names = ", ".join(path.name for path in files)
    return path, None, f"passed: {names}"
