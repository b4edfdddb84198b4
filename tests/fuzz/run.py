"""The run itself: cases one after the other, counted by kind and by exit code."""

import collections
import contextlib
import dataclasses
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from fuzz.corpus import write_corpus
from fuzz.fixed import FIXED
from fuzz.flips import flips, is_refused
from fuzz.forked import Ended, in_fork, on_the_command_line, warm
from fuzz.judging import faults
from fuzz.kinds import KINDS, Case

__all__ = ["Fuzz", "Tried", "place"]

#: One in so many is run by a new interpreter, as a user does.
_REAL = 200
#: Commands that might start it.
_WITH_TENSORFLOW = ("export", "import", "sample", "sensitivity", "train")
_LARGEST_KEPT = 100_000_000
_PROGRESS_S = 20.0


@dataclasses.dataclass(frozen=True)
class Tried:
    """One case, how it ended, and what is wrong with that."""

    number: int
    kind: str
    case: Case
    ended: Ended
    faults: list[str]


@contextlib.contextmanager
def place() -> Iterator[Path]:
    """Give a folder in memory where there is one, and a lock of its own."""
    memory = Path("/dev/shm")
    where = memory if os.access(memory, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="edgeae-fuzz-", dir=where) as folder:
        os.environ["EDGEAE_LOCK"] = str(Path(folder) / "lock")
        os.environ["TMPDIR"] = folder
        tempfile.tempdir = folder
        yield Path(folder)


class Fuzz:
    """A corpus, and cases of it by number: the same seed and number, the same case.

    Args:
        folder: an empty one, for everything.
        seed: of all cases.
        kinds: names of `KINDS` to take; all of them unless given.
    """

    def __init__(self, folder: Path, seed: int, kinds: list[str] | None = None) -> None:
        self.corpus, self.project = folder / "corpus", folder / "project"
        self.scratch, self.seed = folder, seed
        self.kinds = kinds or list(KINDS)
        warm()
        self.corpus.mkdir()
        write_corpus(self.corpus, self.scratch)

    def try_case(self, number: int) -> Tried:
        """Make a case and run it; its project is left behind."""
        dice = random.Random(f"{self.seed}/{number}")
        weights = [KINDS[name].weight for name in self.kinds]
        kind = dice.choices(self.kinds, weights)[0]
        self.fresh()
        case = KINDS[kind].make(self.project, dice)
        real = number % _REAL == _REAL - 1 and case.arguments[0] not in _WITH_TENSORFLOW
        start = on_the_command_line if real else in_fork
        ended = start(case.arguments, self.project, self.scratch)
        return Tried(number, kind, case, ended, faults(case, ended))

    def run_fixed(self) -> int:
        """Try what was found before; return how many failed."""
        failed = 0
        for number, fixed in enumerate(FIXED):
            self.fresh()
            fixed.change(self.project)
            ended = in_fork(fixed.case.arguments, self.project, self.scratch)
            wrong = faults(fixed.case, ended)
            wrong += [f"exit code {ended.code}, not {fixed.code}"] * (ended.code != fixed.code)
            if wrong:
                failed += 1
                _say(report(Tried(number, "fixed", fixed.case, ended, wrong), self.seed))
        _say(f"{len(FIXED)} fixed cases, {failed} failed")
        return failed

    def run_flips(self, count: int) -> int:
        """Flip single bits, `count` for each command; return how many were not refused."""
        failed, own, most = 0, dict[str, int](), 0
        counts: collections.Counter[tuple[str, int]] = collections.Counter()
        for flip in flips(self.corpus, count, self.seed):
            arguments = flip.command.split()
            if flip.command not in own:
                self.fresh()
                own[flip.command] = in_fork(arguments, self.project, self.scratch).peak_bytes
            self.fresh()
            flip.apply(self.project)
            ended = in_fork(arguments, self.project, self.scratch)
            counts[arguments[0], ended.code] += 1
            most = max(most, ended.peak_bytes - own[flip.command])
            if not is_refused(ended, own[flip.command]):
                failed += 1
                _say(f"{flip}: exit {ended.code}, {ended.peak_bytes / 1e6:,.0f} MB")
        for (command, code), number in sorted(counts.items()):
            _say(f"{command}: {number} flips, exit {code}")
        _say(f"{failed} not refused; at most {most / 1e6:,.1f} MB above the command's own")
        return failed

    def fresh(self) -> None:
        """Make a new project."""
        shutil.rmtree(self.project, ignore_errors=True)
        shutil.copytree(self.corpus, self.project, symlinks=True)

    def run(self, seconds: float, failures: Path) -> int:
        """Try cases until the time is over; return how many failed.

        Args:
            seconds: how long.
            failures: a folder that keeps the project of each failed case.
        """
        began = told = time.monotonic()
        counts: collections.Counter[tuple[str, int]] = collections.Counter()
        failed, number, most_bytes, most_s = 0, 0, 0, 0.0
        while time.monotonic() - began < seconds:
            tried = self.try_case(number)
            number += 1
            counts[tried.kind, tried.ended.code] += 1
            most_bytes = max(most_bytes, tried.ended.peak_bytes)
            most_s = max(most_s, tried.ended.seconds)
            if tried.faults:
                failed += 1
                self._keep(tried, failures)
            if time.monotonic() - told > _PROGRESS_S:
                told = time.monotonic()
                rate = number / (told - began)
                _say(f"{number:,} cases, {rate:.0f} a second, {failed} failed")
        _say(_table(counts))
        _say(
            f"{number:,} cases, {failed} failed; the largest {most_bytes / 1e6:,.0f} MB, "
            f"the longest {most_s:.1f} s; seed {self.seed}"
        )
        return failed

    def _keep(self, tried: Tried, failures: Path) -> None:
        kept = failures / f"{self.seed}-{tried.number}"
        shutil.rmtree(kept, ignore_errors=True)
        kept.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(shutil.Error, OSError):  # a FIFO, a device: not to be copied
            shutil.copytree(self.project, kept, symlinks=True, ignore=_not_kept)
        _say(report(tried, self.seed))
        _say(f"  kept in {kept}")


def _not_kept(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if not _is_kept(Path(folder, name))]


def _is_kept(path: Path) -> bool:
    if path.is_symlink() or path.is_dir():
        return True
    return path.is_file() and path.stat().st_size <= _LARGEST_KEPT


def report(tried: Tried, seed: int) -> str:
    """Say what a case did, and how to run it again."""
    last = tried.ended.err.strip().splitlines()[-8:]
    return "\n".join(
        [
            f"seed {seed} case {tried.number} ({tried.kind}, {tried.case.file}): "
            f"{'; '.join(tried.faults) or 'well'}",
            f"  edgeae {' '.join(tried.case.arguments)} → {tried.ended.code}, "
            f"{tried.ended.seconds:.2f} s, {tried.ended.peak_bytes / 1e6:,.0f} MB",
            *(f"  | {line[:400]!r}" for line in last),
        ]
    )


def _table(counts: "collections.Counter[tuple[str, int]]") -> str:
    codes = sorted({code for _, code in counts})
    rows = [["kind", *(f"exit {code}" for code in codes), "cases"]]
    for kind in dict.fromkeys(kind for kind, _ in sorted(counts)):
        found = [counts[kind, code] for code in codes]
        rows.append([kind, *map(str, found), str(sum(found))])
    totals = [sum(counts[kind, code] for kind in KINDS) for code in codes]
    rows.append(["all", *map(str, totals), str(sum(totals))])
    return "\n".join(f"{row[0]:28}" + "".join(f"{cell:>9}" for cell in row[1:]) for row in rows)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
