"""Counts bundles on an emulated core, and takes from `results.jsonl` what was counted before.

Times are in `edgeae.sweep.latency`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from edgeae.artifacts.bundle import Bundle
from edgeae.errors import NotMeasured
from edgeae.reading.names import RESULTS
from edgeae.sweep.file import Evaluate
from edgeae.text.progress import Progress
from edgeae.timing.bench import bench
from edgeae.timing.emulated import runtime_of
from edgeae.timing.results import Result, read_results
from edgeae.timing.suite import Job

#: Longest time of blocks of a worker, in seconds; a core takes no times.
_SECONDS = 1.0


def measured(
    bundles: Mapping[str, Bundle], evaluate: Evaluate, build: Path, say: Callable[[str], None]
) -> Iterator[tuple[str, Result, bool]]:
    """Count the part of each bundle on the core; append the rows to the build's results.

    An emulated core counts the same each time, so that an artifact whose bytes have been counted is
    not counted again.

    Args:
        bundles: `model/recipe` → the bundle.
        evaluate: the core, and the part that runs on it.
        build: folder of models.
        say: receives a message if the core is absent.

    Yields:
        `model/recipe`, its row, which may be an error's, and whether it was counted now.
    """
    runtime, results = runtime_of(evaluate.core), build / RESULTS
    jobs = {name: _job(bundle, evaluate.part, runtime) for name, bundle in bundles.items()}
    before = counted_before(build, evaluate.core)
    left = {}
    for name, job in jobs.items():
        row = before.get(job.artifact.sha256)
        if row is None:
            left[name] = job
        else:
            yield name, row, False
    if left:
        yield from _counted(left, results, len(jobs), say)


def counted_before(build: Path, core: str) -> dict[str, Result]:
    """Return hash of an artifact → its row, of all that a core has counted in this build."""
    runtime = runtime_of(core)
    return {
        row.artifact_sha256: row
        for row in read_results(build / RESULTS)
        if row.runtime == runtime and row.instructions is not None
    }


def _job(bundle: Bundle, part: str, runtime: str) -> Job:
    manifest, root = bundle.manifest, bundle.root
    artifact = bundle.artifact(part)
    return Job(manifest.model, manifest.recipe, artifact, root, root, runtime, threads=1)


def _counted(
    jobs: Mapping[str, Job], results: Path, total: int, say: Callable[[str], None]
) -> Iterator[tuple[str, Result, bool]]:
    done = total - len(jobs)
    with Progress(total, "sweep: measure", "bundle", done=done, each=True) as progress:
        for row in bench(list(jobs.values()), _SECONDS, results, say, shown=False):
            if not row.model:  # the core is absent: one row for all
                for name, job in jobs.items():
                    yield name, replace(row, model=job.model, recipe=job.recipe), True
                return
            name = f"{row.model}/{row.recipe}"
            progress.advance(name + (f": {row.error}" if row.error else ""))
            # what a core cannot take is a cell, never a failure
            yield name, replace(row, code=0) if row.code == NotMeasured.code else row, True
