"""Verify, bench and gate of an open bundle, with the steps of the commands of these names."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from edgeae.api.results import Judgement, Timings, Verification
from edgeae.api.telling import ProgressTo, teller
from edgeae.artifacts.bundle import Bundle
from edgeae.errors import NotMeasured
from edgeae.gate.budget import from_table
from edgeae.gate.run import plan_pair, run_gate
from edgeae.reading.names import RESULTS
from edgeae.system.machine import cores
from edgeae.system.scratch import scratch
from edgeae.timing.bench import bench as run_bench
from edgeae.timing.host_lock import host_lock
from edgeae.timing.suite import Suite, expand
from edgeae.verify.images import images_key, originals_of
from edgeae.verify.run import verify as run_verify


def verify(
    bundle: Bundle,
    runtimes: Sequence[str] | None,
    golden: bool,
    data: str | None,
    progress: ProgressTo,
) -> Verification:
    """See `edgeae.api.bundle.Bundle.verify`."""
    say = teller(progress)
    originals = None if golden else originals_of([bundle], data, say)[images_key(bundle)]
    names = None if runtimes is None else list(runtimes)
    return Verification(run_verify(bundle, originals, names, say, cores()))


def bench(
    bundle: Bundle, suite: Suite, results: Path | None, wait_s: float, progress: ProgressTo
) -> Timings:
    """See `edgeae.api.bundle.Bundle.bench`."""
    say, jobs = teller(progress), expand(suite, [bundle])
    if not jobs:
        raise NotMeasured(
            f"{bundle.shown}: nothing to time: no runtime of {suite.runtimes} opens it"
        )
    with host_lock(say, wait_s), _rows(results) as path:
        rows = run_bench(
            jobs,
            suite.seconds,
            path,
            say,
            rounds=suite.rounds,
            seed=suite.seed,
            shown=progress is True,
        )
        return Timings(tuple(rows))


@contextlib.contextmanager
def _rows(results: Path | None) -> Iterator[Path]:
    """Yield the file that gets the rows: the user's, or one that is deleted afterwards."""
    if results is not None:
        yield results
        return
    with scratch() as place:
        yield place / RESULTS


def gate(
    bundle: Bundle,
    baseline: str,
    budget: Mapping[str, Any],
    *,
    wait_s: float,
    progress: ProgressTo,
    **settings: Any,
) -> Judgement:
    """See `edgeae.api.bundle.Bundle.gate`; `settings` are those of `plan_pair`."""
    say = teller(progress)
    with plan_pair(bundle.root, baseline, from_table(budget), **settings) as plan:
        outcome = run_gate(
            plan,
            say=say,
            on_finding=lambda found: say(f"{found.cell.name}: {found.verdict}"),
            wait_s=wait_s,
        )
    return Judgement(outcome)
