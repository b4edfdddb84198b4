"""The candidates of `edgeae pick`: the bundles of a build, each by one of its parts."""

from collections.abc import Sequence
from pathlib import Path

from edgeae.artifacts.bundle import Bundle, find_bundles
from edgeae.artifacts.model import Training
from edgeae.errors import unknown
from edgeae.pick.choice import Candidate
from edgeae.reading.names import RESULTS
from edgeae.summary.exports import Export, exports
from edgeae.summary.gather import current
from edgeae.summary.latency import Latency, latency, p50_ns
from edgeae.timing.results import read_results


def candidates(
    build: Path, models: Sequence[str], part: str, runtime: str | None
) -> tuple[Candidate, ...]:
    """Return the bundles that contain a part, by model, the largest first.

    Args:
        build: folder of bundles and results.
        models: names or folders of models; empty for all models.
        part: `encoder`, `decoder` or `autoencoder`.
        runtime: the runtime whose p50 is limited; or None.

    Raises:
        BadInput: there is no such model, or a file is damaged.
        NotMeasured: there is no bundle.
    """
    bundles = find_bundles([build])
    trained = {bundle.manifest.model for bundle in bundles}
    names = {Path(model).name for model in models} or trained
    for name in sorted(names - trained):
        raise unknown("model", name, trained)
    summaries = exports([bundle for bundle in bundles if bundle.manifest.model in names])
    measured = latency(read_results(build / RESULTS), current(summaries, _NO_ORIGINALS))
    by_name = {bundle.name: bundle for bundle in bundles}
    all_ = (_candidate(by_name[item.name], item, part, measured, runtime) for item in summaries)
    return tuple(item for item in all_ if item is not None)


def verdict(bundle: Bundle) -> str:
    """Return verify's verdict on a bundle: `pass`, `missing` or `fail`.

    Raises:
        BadInput: its `verify.json` is damaged.
    """
    (export,) = exports([bundle])
    return export.verdict


#: No originals: only exports can be picked.
_NO_ORIGINALS: dict[str, Training] = {}


def _candidate(
    bundle: Bundle, export: Export, part: str, measured: Latency, runtime: str | None
) -> Candidate | None:
    file = export.file(part) or export.file(part, "onnx")
    if file is None:
        return None
    p50 = None
    if runtime is not None:
        p50 = p50_ns(measured.timings, export.model, export.recipe, part, runtime)
    return Candidate(
        name=export.name,
        path=str(bundle.root),
        file=f"{file.part}.{file.format}",
        loss=export.figure("exported"),
        ratio=export.figure("yardstick_ratio"),
        raw=file.bytes,
        gzip=file.gzip_bytes,
        packed=file.packed_bytes,
        p50_ns=p50,
        verdict=export.verdict,
    )
