"""The candidates of `edgeae pick` from the result of a sweep: its cells that are done."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from edgeae.artifacts.bundle import MANIFEST, open_bundle
from edgeae.errors import BadInput, EdgeaeError, unknown
from edgeae.pick.candidates import verdict
from edgeae.pick.choice import Candidate, Choice, Limits, pick
from edgeae.reading.names import SWEEPS
from edgeae.sweep.result import DONE, Sweep, SweepCell, read

#: The part whose bytes a sweep has, and the name of its file.
PART = "autoencoder"
_FILE = "autoencoder.tflite"


def read_on(path: Path, data: str | None) -> Sweep:
    """Return a sweep with the cells of one dataset, whose losses can be compared.

    Args:
        path: its file, `build/sweeps/NAME.json`.
        data: a dataset, as the grid names it; None if the sweep has only one.

    Raises:
        BadInput: there is no such file or dataset, the file is damaged, or `data` is None and the
            sweep has several datasets.
    """
    sweep = read(path)
    if sweep is None:
        raise BadInput(f"{path}: no such file; `edgeae sweep` writes it")
    names = list(dict.fromkeys(cell.data for cell in sweep.cells))
    if data is not None and data not in names:
        raise BadInput(f"--data: {unknown('dataset', data, names)}")
    if data is None and len(names) > 1:
        raise BadInput(
            f"{path}: the losses of {len(names)} datasets cannot be compared; give --data, one of "
            + ", ".join(names)
        )
    return replace(sweep, cells=tuple(cell for cell in sweep.cells if data in (None, cell.data)))


def build_of(path: Path, build: Path, usual: Path) -> Path:
    """Return the folder of a sweep's bundles: that of its file, unless the user names another.

    Args:
        path: the sweep's file.
        build: what the user named, or `usual`.
        usual: the default.
    """
    if build != usual or path.absolute().parent.name != SWEEPS:
        return build
    return path.parent.parent if len(path.parts) > 1 else path.absolute().parent.parent


def candidates(cells: Iterable[SweepCell], build: Path) -> tuple[Candidate, ...]:
    """Return the cells that are done, in the order of the grid; see `choose`."""
    return tuple(
        Candidate(
            name=cell.name,
            path=str(build / cell.model / cell.recipe),
            file=_FILE,
            loss=cell.loss,
            ratio=cell.loss_ratio,
            raw=cell.bytes,
            gzip=None,
            packed=cell.packed_bytes,
            p50_ns=None if cell.p50_us is None else cell.p50_us * 1e3,
            verdict="missing",
            instructions=cell.instructions,
            machine=cell.host or "",
        )
        for cell in cells
        if cell.state == DONE
    )


def not_done(cells: Iterable[SweepCell]) -> str:
    """Return how many cells are not done, by state: `3 failed, 1 left out`; or nothing."""
    states = Counter(cell.state for cell in cells)
    return ", ".join(f"{count:,} {state}" for state, count in states.items() if state != DONE)


def choose(
    found: Sequence[Candidate], limits: Limits, hashes: Mapping[str, str | None]
) -> tuple[Choice, dict[str, list[str]]]:
    """Choose among candidates whose bundles are still those that the sweep measured.

    The bundle of the choice is opened; only if it cannot be picked, all others are opened too. A
    bundle that is not there, as when only the sweep's file was copied, can be picked.

    Args:
        found: see `candidates`.
        limits: the limits.
        hashes: name of a candidate → hash of the autoencoder that the sweep measured.

    Returns:
        the choice, and reason → names of what cannot be picked.
    """
    chosen = pick(found, limits)
    best = chosen.best or chosen.nearest
    if best is None:
        return chosen, {}
    opened, refusal = _opened(best, hashes[best.name])
    if not refusal:
        if chosen.best is not None:
            return replace(chosen, best=opened), {}
        return replace(chosen, nearest=opened), {}
    kept: list[Candidate] = []
    refused: dict[str, list[str]] = {}
    for item in found:
        opened, refusal = _opened(item, hashes[item.name])
        if refusal:
            refused.setdefault(refusal, []).append(item.name)
        else:
            kept.append(opened)
    return pick(kept, limits), refused


def _opened(candidate: Candidate, sha256: str | None) -> tuple[Candidate, str]:
    """Return a candidate with verify's verdict, and why it cannot be picked; or nothing."""
    folder = Path(candidate.path)
    if not (folder / MANIFEST).exists():
        return candidate, ""
    try:
        bundle = open_bundle(folder)
        if bundle.artifact(PART).sha256 != sha256:
            return candidate, "exported again since; `edgeae sweep` measures it"
        found = replace(candidate, verdict=verdict(bundle))
    except EdgeaeError as error:
        return candidate, str(error)
    return found, "out of tolerance in `edgeae verify`" if found.verdict == "fail" else ""
