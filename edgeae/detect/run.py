"""Detect's stage: judge a bundle as an anomaly detector, and write `detect.json`."""

from collections.abc import Callable

import numpy as np

from edgeae.artifacts.beside import write_beside
from edgeae.artifacts.bundle import Bundle, holding
from edgeae.data import absolute
from edgeae.detect.answers import by_export, by_original, parts_of
from edgeae.detect.judging import judge
from edgeae.detect.result import DETECT, SCHEMA, Detection, Side
from edgeae.detect.rows import Asked, Chosen, choose
from edgeae.metrics.detection import Rank, rank
from edgeae.verify.openers import chosen_runtimes


def detect(
    bundle: Bundle, asked: Asked, runtimes: list[str] | None, say: Callable[[str], None]
) -> Detection:
    """Judge a bundle as an anomaly detector, and write `detect.json` beside its manifest.

    Args:
        bundle: the bundle to judge.
        asked: the rows of the threshold and of the test, the score and the false-alarm rate.
        runtimes: names of the runtimes to use; None for all.
        say: receives one line per step.

    Raises:
        BadInput: a runtime does not exist, the rows do not fit, or there are too few of them for
            the false-alarm rate.
        ManifestMismatch: a file of the bundle or the original is not the one that was exported.
    """
    # hold the bundle, so that an export published meanwhile cannot mix its files with these
    with holding(bundle.root) as pinned:
        parts_of(pinned)
        chosen = chosen_runtimes(pinned, runtimes)
        pinned.check()
        rows = choose(pinned, asked, say)
        found = rank(len(rows.threshold), asked.false_alarms)
        sides = _sides(pinned, chosen, rows, found, asked, say)
        result = _result(pinned, asked, runtimes, rows, found, sides)
        write_beside(pinned, DETECT, result.to_json(), say)
    return result


def _sides(
    pinned: Bundle,
    chosen: list[tuple[str, str]],
    rows: Chosen,
    found: Rank,
    asked: Asked,
    say: Callable[[str], None],
) -> list[Side]:
    """Return the original, followed by the export in each runtime."""
    every = np.concatenate([rows.threshold, rows.test])
    say(f"detect {pinned.name}: the original on {len(every):,} rows")
    original, scores = judge(by_original(pinned, every), rows, asked.score, found, None)
    sides = [original]
    for runtime, form in chosen:
        say(f"detect {pinned.name}: {form} on {runtime}")
        export = by_export(pinned, runtime, form, every)
        sides.append(judge(export, rows, asked.score, found, scores)[0])
    return sides


def _result(
    pinned: Bundle,
    asked: Asked,
    runtimes: list[str] | None,
    rows: Chosen,
    found: Rank,
    sides: list[Side],
) -> Detection:
    tested = rows.test_rows
    return Detection(
        schema=SCHEMA,
        model=pinned.manifest.model,
        recipe=pinned.manifest.recipe,
        manifest_sha256=pinned.sha256,
        score=asked.score,
        false_alarms=asked.false_alarms,
        rank=found,
        predicted=None if tested is None else found.predicted(tested.normal),
        threshold_rows=rows.threshold_rows,
        test_rows=tested,
        data=None if asked.data is None else absolute(asked.data),
        test=None if asked.test is None else absolute(asked.test),
        label=asked.label,
        normal=None if asked.label is None else asked.normal_label,
        runtimes=None if runtimes is None else tuple(runtimes),
        original=sides[0],
        sides=tuple(sides[1:]),
        warnings=rows.warnings,
    )
