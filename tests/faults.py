"""`make faults`: commands are killed, interrupted, raced and denied room, at moments drawn by lot.

    python tests/faults.py --seconds 300 [--seed N] [--case N]

After each fault: earlier results are whole, no child is alive, the exit code is one of those that
the fault may have, and there is at most a line of error for each thing, which names a file where
there is one. After the next undisturbed run of the same command nothing lies about. What differs
is printed with the seed and the number of the case, which `--case` runs again; the exit code is 1.

A full disk and a read-only folder are mounts of this run's own (`unshare`, as root or in a user
namespace); where that is not allowed, the last line says so.
"""

import argparse
import contextlib
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fault_project import Case, Template, damage, left, light, real

#: How long a command may take that a fault has met, and one that none has.
_PATIENCE_S = 120.0
_INSIDE = "EDGEAE_FAULTS_INSIDE"
#: The mounts that this run makes, tried on a folder.
_TRIAL = """
mount --bind "$1" "$1"
mount -o remount,ro,bind "$1"
mount -t tmpfs -o size=64m tmpfs "$1"
"""
#: From how many seconds on TensorFlow's exports are among the commands; one case in so many.
_REAL_FROM_S, _REAL_EVERY = 120.0, 12
_INTERRUPTED, _KILLED = 130, -signal.SIGKILL
#: No room, or no right, is wrong input; 0 where none was needed: `verify` has its verdict all the
#: same.
_REFUSED = {0, 2}
Draw = random.Random


@dataclass(frozen=True)
class Ended:
    """How a command ended: exit code, and what it wrote to standard error."""

    code: int
    said: str


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    Attributes:
        name: what people call it.
        meet: runs the case's command and lets the fault happen.
        codes: the exit codes that it may end with.
        mounts: whether it takes a mount.
        names: whether the error's lines must name a file.
    """

    name: str
    meet: Callable[[Case, Draw], Ended]
    codes: set[int]
    mounts: bool = False
    names: bool = False


# --- the faults ---


def _finished(process: subprocess.Popen[str]) -> Ended:
    try:
        _, said = process.communicate(timeout=_PATIENCE_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        _, said = process.communicate()
        return Ended(-signal.SIGALRM, f"{said}\nit did not end within {_PATIENCE_S:.0f} s")
    return Ended(process.returncode, said)


def _running(case: Case, draw: Draw) -> subprocess.Popen[str]:
    """Start the command; return at some moment between its first own instruction and its end."""
    case.fill()
    process = case.start()
    while process.poll() is None and not _heeds(process.pid):
        time.sleep(0.001)
    time.sleep(draw.uniform(0, case.subject.seconds))
    return process


def _heeds(process: int) -> bool:
    """Whether a process handles SIGHUP, which is the first thing that the command line sees to."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("SigCgt:"):
                return bool(int(line.split()[1], 16) >> (signal.SIGHUP - 1) & 1)
    return False


def _signalled(*numbers: signal.Signals) -> Callable[[Case, Draw], Ended]:
    def meet(case: Case, draw: Draw) -> Ended:
        process = _running(case, draw)
        for number in numbers:
            process.send_signal(number)
            time.sleep(draw.uniform(0, 0.05) if len(numbers) > 1 else 0)
        return _finished(process)

    return meet


def _child_killed(case: Case, draw: Draw) -> Ended:
    process = _running(case, draw)
    children = [number for number in case.processes() if number != process.pid]
    if children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(draw.choice(children), signal.SIGKILL)
    return _finished(process)


def _limited(case: Case, draw: Draw) -> Ended:
    """No file may grow beyond a limit, as on a disk with a quota."""
    case.fill()
    limit = int(10 ** draw.uniform(2, 5))
    bound = (limit, resource.RLIM_INFINITY)
    return _finished(
        case.start(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, bound))
    )


def _full_disk(case: Case, draw: Draw) -> Ended:
    with _small_disk(case.folder):
        case.fill()
        return _crowded(case, case.folder, draw)


def _full_temporary(case: Case, draw: Draw) -> Ended:
    case.fill()
    with _small_disk(case.temporary):
        return _crowded(case, case.temporary, draw)


def _crowded(case: Case, disk: Path, draw: Draw) -> Ended:
    """Run the command where few pages are free; then there is room again."""
    ballast = disk / "ballast"
    space = os.statvfs(disk)
    with ballast.open("wb") as stream:
        taken = space.f_bavail - draw.randint(1, 40)
        os.posix_fallocate(stream.fileno(), 0, taken * space.f_bsize)
    ended = _finished(case.start())
    ballast.unlink()
    return ended


def _read_only(case: Case, draw: Draw) -> Ended:
    case.fill()
    folder = case.folder / case.subject.writes
    _mount("--bind", folder, folder)
    try:
        _mount("-o", "remount,ro,bind", folder)
        return _finished(case.start())
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextlib.contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    """Mount a disk of 64 MiB; what it holds afterwards is copied to where it was mounted."""
    _mount("-t", "tmpfs", "-o", "size=64m", "tmpfs", folder)
    kept = folder.with_name(f"{folder.name}-kept")
    try:
        yield
        shutil.copytree(folder, kept, symlinks=True)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
    folder.rmdir()
    kept.rename(folder)


def _mount(*words: object) -> None:
    subprocess.run(["mount", *map(str, words)], check=True)


def _raced(case: Case, draw: Draw) -> Ended:
    """Verify while the same bundles are exported again and again."""
    case.fill()
    ends, deadline = [], time.monotonic() + draw.uniform(3, 8)
    words = {"export": ("export", "--force", "--jobs", "2"), "verify": ("verify", "--golden")}
    running = {
        name: case.start(*words[name.split()[0]]) for name in ("export", "verify 1", "verify 2")
    }
    while running:
        for name, process in list(running.items()):
            if process.poll() is None:
                continue
            ends.append(_finished(process))
            del running[name]
            if time.monotonic() < deadline:
                running[name] = case.start(*words[name.split()[0]])
        time.sleep(0.005)
    return next((ended for ended in ends if ended.code), ends[-1])


FAULTS = (
    Fault("kill -9", _signalled(signal.SIGKILL), {_KILLED, 0}),
    Fault("SIGINT", _signalled(signal.SIGINT), {_INTERRUPTED, 0}),
    Fault("SIGTERM", _signalled(signal.SIGTERM), {_INTERRUPTED, 0}),
    Fault("SIGHUP", _signalled(signal.SIGHUP), {_INTERRUPTED, 0}),
    Fault("SIGHUP, SIGTERM", _signalled(signal.SIGHUP, signal.SIGHUP, signal.SIGTERM), {130, 0}),
    Fault("kill -9 of a child", _child_killed, {5, 0}),
    Fault("file too large", _limited, _REFUSED, names=True),
    Fault("full disk", _full_disk, _REFUSED, mounts=True, names=True),
    Fault("full temporary folder", _full_temporary, _REFUSED, mounts=True, names=True),
    Fault("read-only folder", _read_only, _REFUSED, mounts=True, names=True),
    Fault("export races verify", _raced, {0}),
)


# --- what must hold ---


def _wrong(case: Case, template: Template, fault: Fault, draw: Draw) -> Iterator[str]:
    """Let a fault happen; say what does not hold afterwards."""
    ended = fault.meet(case, draw)
    if ended.code not in fault.codes:
        allowed = sorted(fault.codes)
        yield f"exit code {ended.code}, allowed are {allowed}: {ended.said.strip()}"
    yield from _wrong_words(ended, case, fault)
    if alive := case.survivors():
        yield f"processes {alive} are alive"
    for process in alive:
        os.kill(process, signal.SIGKILL)
    # what a kill left of `baseline save`, the next one mends as it starts
    if ended.code != _KILLED or case.subject.writes != "bench":
        yield from damage(case.folder, template.place)
    again = _finished(case.start())
    if again.code != 0:
        yield f"undisturbed it ends with {again.code}: {again.said.strip()}"
    yield from damage(case.folder, template.place)
    yield from left(case.folder, case.temporary)


def _wrong_words(ended: Ended, case: Case, fault: Fault) -> Iterator[str]:
    if "Traceback" in ended.said:
        yield f"a traceback: {ended.said}"
    lines = [line for line in ended.said.splitlines() if line.startswith("edgeae: ")]
    most = 0 if ended.code in (0, _KILLED) else case.subject.errors
    if len(lines) > most:
        yield f"{len(lines)} lines of error, at most {most}: {lines[0][:300]} …"
    if ended.code > 0 and not ended.said.strip():
        yield f"not a word about exit code {ended.code}"
    if fault.names:
        yield from (f"names no file: {line}" for line in lines if not _names_a_file(line, case))
    yield from (f"an internal error: {line}" for line in lines if "internal error" in line)


def _names_a_file(line: str, case: Case) -> bool:
    places = ("build/", "bench/", str(case.folder), str(case.temporary), tempfile.gettempdir())
    return any(place in line for place in places)


# --- the run ---


def _can_mount() -> bool:
    return os.environ.get(_INSIDE) == "1"


def _enter_namespace() -> None:
    """Start this program again where mounts are its own; return where that is not allowed."""
    if _INSIDE in os.environ:
        return
    command = ["unshare", "--mount" if os.geteuid() == 0 else "--map-root-user", "--mount"]
    allowed = False
    with contextlib.suppress(FileNotFoundError), tempfile.TemporaryDirectory() as folder:
        trial = [*command, "sh", "-ec", _TRIAL, "sh", folder]
        allowed = subprocess.run(trial, capture_output=True, check=False).returncode == 0
    os.environ[_INSIDE] = str(int(allowed))
    if allowed:
        os.execvp("unshare", [*command, sys.executable, *sys.argv])


def _told(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class _Run:
    """Cases one after the other, each drawn from the seed and its number."""

    def __init__(self, place: Path, seed: int, seconds: float) -> None:
        self._place, self._seed = place, seed
        self._light = light(place / "light")
        self._real = real(place / "real") if seconds >= _REAL_FROM_S else None
        self.faults = [fault for fault in FAULTS if _can_mount() or not fault.mounts]
        self.counts: Counter[str] = Counter()
        self.failed: list[int] = []

    def one(self, number: int) -> None:
        """Run a case; say what is wrong, and leave its folder then."""
        draw = random.Random(f"{self._seed} {number}")
        fault = self.faults[number % len(self.faults)]
        template = self._template(number, fault)
        case = Case(template, self._place / f"case{number}", draw.choice(template.subjects))
        try:
            wrong = list(_wrong(case, template, fault, draw))
        except Exception:  # an accident of the run itself is a failure too
            wrong = [traceback.format_exc()]
        self.counts[fault.name] += 1
        if wrong:
            self.failed.append(number)
            head = f"case {number}, seed {self._seed}: {fault.name} on {case.subject.name}"
            _told("\n  ".join([f"{head}, in {case.folder.parent}", *wrong]))
        else:
            shutil.rmtree(case.folder.parent)

    def _template(self, number: int, fault: Fault) -> Template:
        if self._real is None or fault.meet is _raced or number % _REAL_EVERY:
            return self._light
        return self._real


def main() -> int:
    """Run cases until the time is up; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--case", type=int, default=None, help="run only this one")
    asked = parser.parse_args()
    _enter_namespace()
    started = time.monotonic()
    seed = random.SystemRandom().randrange(10**6) if asked.seed is None else asked.seed
    place = Path(tempfile.mkdtemp(prefix="faults-"))
    run = _Run(place, seed, asked.seconds)
    number = 0 if asked.case is None else asked.case
    while True:
        run.one(number)
        number += 1
        if asked.case is not None or time.monotonic() - started > asked.seconds:
            break
    for fault in FAULTS:
        without = fault.mounts and not _can_mount()
        _told(
            f"{run.counts[fault.name]:5} {fault.name}{' (mounts are not allowed here)' * without}"
        )
    total = sum(run.counts.values())
    _told(f"{total} cases, {len(run.failed)} failed; seed {seed}")
    if not run.failed:
        shutil.rmtree(place)
    return int(bool(run.failed))


if __name__ == "__main__":
    sys.exit(main())
