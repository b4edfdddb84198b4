"""The candidates of `edgeae pick`: the bundles of a build, each by one of its parts."""

from collections.abc import Sequence
from pathlib import Path

from edgeae.artifacts.bundle import Bundle, find_bundles
from edgeae.artifacts.model import Training
from edgeae.errors import NotMeasured, unknown
from edgeae.pick.choice import Candidate
from edgeae.reading.names import RESULTS
from edgeae.summary.exports import Export, exports
from edgeae.summary.gather import current
from edgeae.summary.latency import Latency, latency, p50_of
from edgeae.system.machine import machine_name
from edgeae.timing.results import read_results


def candidates(
    build: Path, models: Sequence[str], part: str, runtime: str | None, on: str | None = None
) -> tuple[Candidate, ...]:
    """Return the bundles that contain a part, by model, the largest first.

    Args:
        build: folder of bundles and results.
        models: names or folders of models; empty for all models.
        part: `encoder`, `decoder` or `autoencoder`.
        runtime: the runtime whose p50 is limited; or None.
        on: name of the machine whose p50 counts: a worker's or a host's. With None, a bundle that
            was timed on several machines counts with the slowest of them.

    Raises:
        BadInput: there is no such model, or a file is damaged.
        NotMeasured: there is no bundle, or nothing was timed on that machine.
    """
    bundles = find_bundles([build])
    trained = {bundle.manifest.model for bundle in bundles}
    names = {Path(model).name for model in models} or trained
    for name in sorted(names - trained):
        raise unknown("model", name, trained)
    summaries = exports([bundle for bundle in bundles if bundle.manifest.model in names])
    measured = latency(read_results(build / RESULTS), current(summaries, _NO_ORIGINALS))
    place = None if on is None else _machine(measured, on)
    by_name = {bundle.name: bundle for bundle in bundles}
    all_ = (
        _candidate(by_name[item.name], item, part, measured, runtime, place) for item in summaries
    )
    return tuple(item for item in all_ if item is not None)


def verdict(bundle: Bundle) -> str:
    """Return verify's verdict on a bundle: `pass`, `missing` or `fail`.

    Raises:
        BadInput: its `verify.json` is damaged.
    """
    (export,) = exports([bundle])
    return export.verdict


def _machine(measured: Latency, on: str) -> int:
    """Return the index of a machine in `Latency.machines`."""
    names = [machine_name(machine) for machine in measured.machines]
    if on not in names:
        there = ", ".join(sorted(set(names))) or "none"
        raise NotMeasured(f"--on {on}: nothing was timed there (machines with times: {there})")
    return names.index(on)


#: No originals: only exports can be picked.
_NO_ORIGINALS: dict[str, Training] = {}


def _candidate(
    bundle: Bundle,
    export: Export,
    part: str,
    measured: Latency,
    runtime: str | None,
    machine: int | None,
) -> Candidate | None:
    file = export.file(part) or export.file(part, "onnx")
    if file is None:
        return None
    p50 = None
    if runtime is not None:
        name = (export.model, export.recipe)
        p50 = p50_of(measured.timings, *name, part, runtime, machine)
    return Candidate(
        name=export.name,
        path=str(bundle.root),
        file=f"{file.part}.{file.format}",
        loss=export.figure("exported"),
        ratio=export.figure("yardstick_ratio"),
        raw=file.bytes,
        gzip=file.gzip_bytes,
        packed=file.packed_bytes,
        p50_ns=None if p50 is None else p50.p50_ns,
        machine="" if p50 is None else machine_name(measured.machines[p50.machine]),
        verdict=export.verdict,
    )
