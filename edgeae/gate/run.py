"""The gate's stage: plan the pairs of a candidate or a suite, and judge them."""

import itertools
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from edgeae.artifacts.bundle import find_bundles
from edgeae.artifacts.model import ORIGINALS
from edgeae.baselines.find import FOLDER, FORMATS, Baselines, resolve
from edgeae.errors import BadInput, NotMeasured
from edgeae.gate.budget import Budget, from_table
from edgeae.gate.finding import Finding, Outcome
from edgeae.gate.judging import OnRow, judge_all, needs_timing
from edgeae.gate.sides import Pair, Side, of_baseline, of_bundle, sides
from edgeae.runtimes import USUAL, formats
from edgeae.system.machine import describe
from edgeae.timing import suite as suites
from edgeae.timing.bench import commit, probe
from edgeae.timing.emulated import is_emulated
from edgeae.timing.host_lock import WAIT_S, host_lock
from edgeae.timing.suite import Suite

Say = Callable[[str], None]
OnFinding = Callable[[Finding], None]

#: Runtimes that the gate leaves out of a suite, because they compute nothing.
_IDLE = ("null",)


@dataclass(frozen=True)
class Plan:
    """The pairs that a gate will judge, and their budget.

    Attributes:
        pairs: the pairs, in the suite's order.
        budget: the limits.
        suite: the suite's name; empty without a suite.
        absent: (runtime, reason) for each runtime that the suite names and this machine lacks.
        seed: seed of the order of cells and of blocks.
    """

    pairs: tuple[Pair, ...]
    budget: Budget
    suite: str = ""
    absent: tuple[tuple[str, str], ...] = ()
    seed: int = 0


def run_gate(
    plan: Plan,
    *,
    say: Say,
    on_finding: OnFinding | None = None,
    on_row: OnRow | None = None,
    wait_s: float = WAIT_S,
    planted: Mapping[int, float] = MappingProxyType({}),
) -> Outcome:
    """Judge every pair of a plan, while no other bench or gate runs on this machine.

    Args:
        plan: the pairs and their budget.
        say: receives progress messages.
        on_finding, on_row: called with each cell's finding and with each process's row.
        wait_s: the longest wait, in seconds, for another bench or gate on this machine.
        planted: index of a pair → injected slowdown of its candidate, for the gate's self-test.

    Raises:
        Busy: another bench or gate still runs after `wait_s`.
    """
    findings: dict[int, Finding] = {}
    machine = describe()
    timed = any(needs_timing(pair, plan.budget) for pair in plan.pairs)
    with host_lock(say, wait_s) if timed else nullcontext():
        started = time.monotonic()
        judged = judge_all(plan.pairs, plan.budget, seed=plan.seed, on_row=on_row, planted=planted)
        for place, finding in judged:
            findings[place] = finding
            if on_finding is not None:
                on_finding(finding)
    return Outcome(
        findings=tuple(findings[place] for place in sorted(findings)),
        suite=plan.suite,
        on_inconclusive=plan.budget.on_inconclusive,
        machine=machine,
        commit=commit(),
        seed=plan.seed,
        seconds=time.monotonic() - started,
        absent=plan.absent,
    )


@contextmanager
def plan_pair(
    candidate: Path,
    baseline: str,
    budget: Budget,
    *,
    runtimes: Sequence[str] = (),
    threads: Sequence[int] = (1,),
    batch: Sequence[int] = (1,),
    seed: int | None = None,
    only: Sequence[str] = (),
) -> Iterator[Plan]:
    """Plan a candidate against a baseline that the user named, for the duration of a `with` block.

    Args:
        candidate: a bare file, an artifact of a bundle, or a bundle.
        baseline: a bare file, an artifact of a bundle, a bundle, a folder of baselines, or
            `git:REF`.
        budget: the limits.
        runtimes: names of runtimes; if empty, the usual runtime of each format.
        threads, batch: settings that both sides run with; each combination is a pair.
        seed: seed of the order of cells and of blocks; drawn at random if None.
        only: formats of the artifacts to judge; all formats if empty.

    Raises:
        BadInput: a path, a runtime or a format is not valid.
        ManifestMismatch: a file is not the one that its manifest describes.
    """
    ours = _of_formats(sides(candidate), only, str(candidate))
    _check_named(runtimes, {side.artifact.format for side in ours}, str(candidate))
    absent = _absent(set(runtimes))
    with resolve(baseline, Path.cwd()) as baselines:
        pairs = tuple(
            _pair(side, baselines, name, count, size, absent)
            for side in ours
            for name in _runtimes(side, runtimes)
            for count, size in _settings(name, threads, batch)
        )
        yield Plan(pairs, budget, seed=_seed(seed))


def _of_formats(found: list[Side], only: Sequence[str], what: str) -> list[Side]:
    """Return the sides whose format is in `only`; all sides if `only` is empty.

    Raises:
        BadInput: a format does not exist, or no side has one of the formats.
    """
    for name in only:
        if name not in FORMATS:
            raise BadInput(f"--format {name}: allowed are {', '.join(FORMATS)}")
    kept = [side for side in found if not only or side.artifact.format in only]
    if found and not kept:
        held = ", ".join(sorted({side.artifact.format for side in found}))
        raise BadInput(f"--format {' --format '.join(only)}: {what} holds {held}")
    return kept


def _check_named(names: Sequence[str], held: set[str], what: str) -> None:
    """Check that each runtime that the user named opens one of the `held` formats.

    Raises:
        BadInput: a runtime does not exist, or it opens none of the files.
    """
    for name in names:
        if not held & set(formats(name)):
            opened, found = ", ".join(formats(name)), ", ".join(sorted(held)) or "nothing"
            raise BadInput(f"--runtime {name}: opens {opened}; {what} holds {found}")


def _runtimes(side: Side, names: Sequence[str]) -> list[str]:
    form = side.artifact.format
    return [name for name in names or [USUAL[form]] if form in formats(name)]


def _settings(runtime: str, threads: Sequence[int], batch: Sequence[int]) -> list[tuple[int, int]]:
    """Return each number of threads with each batch; an emulated core has one of either."""
    return [(1, 1)] if is_emulated(runtime) else list(itertools.product(threads, batch))


def _pair(
    side: Side,
    baselines: Baselines,
    runtime: str,
    threads: int,
    batch: int,
    absent: Mapping[str, str] = MappingProxyType({}),
) -> Pair:
    if runtime in absent:  # the user named it: missing, even if both sides are identical
        return Pair(side, None, runtime, threads, batch, absence=absent[runtime])
    found = baselines.find(side.sought)
    if found is None:
        absence = baselines.absence(side.sought)
        return Pair(side, None, runtime, threads, batch, absence=absence)
    return Pair(side, of_baseline(found), runtime, threads, batch)


@contextmanager
def plan_suite(
    name: str,
    *,
    bundles: Sequence[Path] = (),
    baseline: str | None = None,
    runtimes: Sequence[str] = (),
    seed: int | None = None,
    only: Sequence[str] = (),
) -> Iterator[Plan]:
    """Plan every cell of a suite, for the duration of a `with` block.

    Args:
        name: name of a file in `bench/`, or a path.
        bundles: folders with the suite's bundles; `build` if empty.
        baseline: replaces the suite's baseline.
        runtimes: runtimes to judge; an absent one is then `missing` instead of left out. If empty,
            those of the suite.
        seed: replaces the suite's seed.
        only: formats of the artifacts to judge; all formats if empty.

    Raises:
        BadInput: the suite, its budget, a format or a path is not valid.
        ManifestMismatch: a file is not the one that its manifest describes.
        NotMeasured: no cell can be judged on this machine.
    """
    suite = suites.find(name)
    try:
        budget = from_table(suite.budget)
    except BadInput as error:
        raise BadInput(f"suite {suite.name}: [budget]: {error}") from None
    spec = baseline or suite.baseline or FOLDER
    with resolve(spec, Path.cwd()) as baselines:
        cells = _cells(suite, bundles, runtimes)
        kept = _of_formats([side for side, *_ in cells], only, f"suite {suite.name}")
        cells = [cell for cell in cells if cell[0] in kept]
        _check_named(runtimes, {side.artifact.format for side, *_ in cells}, f"suite {suite.name}")
        missing = _absent({runtime for _, runtime, _, _ in cells})
        # an emulated core is in a suite only by its name
        asked = {name for name in missing if name in runtimes or is_emulated(name)}
        absent = {name: why for name, why in missing.items() if name not in asked}
        _check_distinct([side for side, *_ in cells], spec)
        pairs = tuple(
            _pair(side, baselines, runtime, threads, batch, missing)
            for side, runtime, threads, batch in cells
            if runtime not in absent
        )
        if not pairs:
            raise NotMeasured(f"suite {suite.name}: nothing to judge on this machine")
        chosen = suite.seed if seed is None else seed
        yield Plan(pairs, budget, suite.name, tuple(absent.items()), _seed(chosen))


def _cells(
    suite: Suite, bundles: Sequence[Path], runtimes: Sequence[str]
) -> list[tuple[Side, str, int, int]]:
    for name in runtimes:
        formats(name)  # raises for a name that does not exist
    found = find_bundles(list(bundles) or [Path("build")]) if suite.models else []
    bundles_by_root = {item.root: item for item in found}
    opened: dict[Path, Side] = {}
    cells = []
    for job in suites.expand(suite, found):
        wanted = job.runtime in runtimes if runtimes else job.runtime not in _IDLE
        if not wanted or job.artifact.format in ORIGINALS:
            continue  # an original is not shipped: exports are made from it
        if job.path not in opened:
            bundle = None if job.golden is None else bundles_by_root[job.golden]
            held = sides(job.path) if bundle is None else of_bundle(bundle)
            opened |= {side.path: side for side in held}
        cells.append((opened[job.path], job.runtime, job.threads, job.batch))
    return cells


def _check_distinct(candidates: Sequence[Side], spec: str) -> None:
    """Check that no two bare files would be compared with the same baseline.

    Raises:
        BadInput: two bare files have the same name.
    """
    places: dict[str, Path] = {}
    for side in candidates:
        if side.bundle is None and places.setdefault(side.path.name, side.path) != side.path:
            first = places[side.path.name]
            raise BadInput(
                f"{first} and {side.path}: both would be compared with {spec}/{side.path.name}; "
                "give them different names"
            )


def _absent(runtimes: set[str]) -> dict[str, str]:
    """Return the runtimes that this machine lacks: name → reason."""
    return {
        name: str(found["error"]) for name in sorted(runtimes) if "error" in (found := probe(name))
    }


def _seed(asked: int | None) -> int:
    return secrets.randbelow(2**31) if asked is None else asked


def gate_pair(
    candidate: str | Path,
    baseline: str | Path,
    *,
    budget: Budget,
    say: Say,
    runtimes: Sequence[str] = (),
    threads: int = 1,
    batch: int = 1,
) -> Outcome:
    """Judge a candidate against a baseline; `plan_pair` and `run_gate` describe the arguments."""
    with plan_pair(
        Path(candidate),
        str(baseline),
        budget,
        runtimes=runtimes,
        threads=(threads,),
        batch=(batch,),
    ) as plan:
        return run_gate(plan, say=say)


def suite_cells(name: str | Path) -> tuple[Pair, ...]:
    """Return the cells of a suite for listing; files of a `git:REF` baseline no longer exist."""
    with plan_suite(str(name)) as plan:
        return plan.pairs
