"""Exports models under pairs of recipes, and collects losses, sizes and seconds."""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from edgeae.artifacts.bundle import open_bundle
from edgeae.comparison.pairs import PAIRS, Pair
from edgeae.conversion.plan.export import ExportCell, ExportOutcome, export, settle
from edgeae.conversion.plan.stages import CONTROL, CONVERT
from edgeae.errors import BadInput
from edgeae.summary.comparison import ENGINES, Comparison, Measured, read
from edgeae.system import atomic


def outdated(folders: Sequence[Path]) -> list[ExportCell]:
    """Return the bundles of a comparison that have to be made.

    Bundles that cannot be made are not among them: `compare` reports them.

    Args:
        folders: the models' folders.
    """
    cells = [
        _cell(pair, engine, folder) for pair in PAIRS for engine in ENGINES for folder in folders
    ]
    return settle(cells, named=True, force=False)[1]


def compare(
    folders: Sequence[Path],
    kept: Path,
    say: Callable[[str], None],
    made: Mapping[Path, ExportOutcome] | None = None,
) -> Iterator[Measured]:
    """Export each model under each pair of recipes, one bundle at a time, and yield what it is.

    Only exports of this machine, each by itself, have seconds that can be compared.

    Args:
        folders: the models' folders.
        kept: the file of earlier comparisons, from which the seconds of bundles that are up to date
            are taken. Each bundle is added at once, in place of what was there of the same cell and
            model, so that an interrupted run goes on.
        say: receives progress messages of one line.
        made: a bundle's link → the result of its export on a cluster; the others are made here.

    Raises:
        EdgeaeError: an export failed, other than by a model that tfmot does not take.
    """
    cells = {(item.about, item.engine, item.model): item for item in read(kept).measured}
    for pair in PAIRS:
        for engine in ENGINES:
            for folder in folders:
                cell = (pair.about, engine, folder.name)
                cells[cell] = _measured(pair, engine, folder, cells.get(cell), say, made or {})
                content = Comparison(tuple(cells.values())).to_json()
                atomic.write_text(kept, json.dumps(content, indent=1) + "\n")
                yield cells[cell]


def _cell(pair: Pair, engine: str, folder: Path) -> ExportCell:
    return ExportCell(folder, pair.recipe(engine), pair.names[engine][1])


def _measured(
    pair: Pair,
    engine: str,
    folder: Path,
    before: Measured | None,
    say: Callable[[str], None],
    made: Mapping[Path, ExportOutcome],
) -> Measured:
    cell = _cell(pair, engine, folder)
    away = made.get(cell.link)
    outcome, seconds = _made_here(cell, say) if away is None else (away, None)
    if outcome.error is not None:
        if engine == "edgeae" or not isinstance(outcome.error, BadInput):
            raise outcome.error
        return Measured(pair.about, engine, folder.name, refused=str(outcome.error))
    bundle = open_bundle(cell.link)
    loss, whole = bundle.manifest.loss, bundle.artifact("autoencoder")
    assert loss is not None
    found = Measured(
        about=pair.about,
        engine=engine,
        model=folder.name,
        recipe_sha256=bundle.manifest.recipe_sha256,
        weights_sha256=bundle.manifest.weights_sha256,
        ratio=loss.yardstick_ratio,
        raw=whole.bytes,
        gzip=whole.gzip_bytes,
        packed=whole.packed_bytes,
    )
    if seconds is not None:
        return replace(found, seconds=seconds)
    if away is None and before is not None and replace(before, seconds=None) == found:
        return before
    return found


def _made_here(cell: ExportCell, say: Callable[[str], None]) -> tuple[ExportOutcome, float | None]:
    """Return the result of a bundle, and the seconds of its export; None if it was up to date."""
    settled, stale = settle([cell], named=True, force=False)
    if settled:
        return settled[0], None
    clock = _Clock(say)
    outcome = next(export(stale, jobs=1, say=clock.tell))
    return outcome, outcome.seconds - clock.control


@dataclass
class _Clock:
    """Passes on what an export says, and times the training of its control.

    The first of two engines trains it for both.
    """

    say: Callable[[str], None]
    control: float = 0.0
    _since: float | None = field(default=None, repr=False)

    def tell(self, line: str) -> None:
        if line.endswith(CONTROL):
            self._since = time.monotonic()
        elif line.endswith(CONVERT) and self._since is not None:
            self.control, self._since = time.monotonic() - self._since, None
        self.say(line)
