"""The status of a sweep as text."""

from collections.abc import Sequence
from pathlib import Path

from edgeae.sweep.journal import EXPORT, INTERRUPTED, MEASURE, STARTED, TIME, TRAIN, Event
from edgeae.sweep.result import page_of
from edgeae.sweep.status import Pace, Stage, Status
from edgeae.text.amounts import clock_time
from edgeae.text.columns import align

#: Stage → what it makes.
_MADE = {TRAIN: "models", EXPORT: "exports", MEASURE: "measurements", TIME: "latencies"}
#: Last event of a run that is over → how it is told; the others as they are.
_ENDS = {INTERRUPTED: "was interrupted", STARTED: "was killed, which began"}
#: Where tasks run unless the user says otherwise.
_HERE = "local"
#: The most failures and workers that are listed; `--json` has all.
_MOST = 20


def render(status: Status) -> str:
    """Return who runs the sweep, how far each stage is, the latest event, pace and failures."""
    rows = [
        ["", "planned", "ready", "failed", "ended", "left"],
        *(_row(_MADE[key], stage) for key, stage in status.stages.items() if stage.total),
    ]
    lines = [_first(status), *align(rows, left=1).splitlines()]
    if status.last is not None and status.ago_s is not None:
        lines.append(f"last: {_event(status.last)}, {clock_time(status.ago_s)} ago")
    if status.sent:
        lines.append(_sent(status.sent))
    if status.lost:
        times = "once" if status.lost == 1 else f"{status.lost:,} times"
        lines.append(f"lost: {times} a worker with a task; see the journal")
    if status.pace is not None:
        lines.append(_pace(status.pace, status.stages))
    lines += [f"failed: {_failure(item)}" for item in status.failed[:_MOST]]
    if len(status.failed) > _MOST:
        lines.append(f"… and {len(status.failed) - _MOST:,} further failures; --json has all")
    if status.result is not None:
        earlier = "an earlier run’s result" if status.running else "result"
        lines.append(f"{earlier}: {status.result} and {page_of(Path(status.result)).name}")
    return "\n".join(lines)


def _first(status: Status) -> str:
    run = status.running
    if run is not None:
        where = f" on {run.where}" if run.where not in ("", _HERE) else ""
        since = f"since {run.since}, {clock_time(run.seconds)} ago"
        return f"sweep {status.name}: process {run.process} runs it{where} {since}"
    if status.end is None:
        return f"sweep {status.name}: has not begun"
    last = status.end
    how = f"{_ENDS.get(last.event, last.event)} at {last.time}"
    how += f": {last.reason}" if last.reason else ""
    return f"sweep {status.name}: no process runs it; the last run {how}"


def _row(what: str, stage: Stage) -> list[str]:
    counts = (stage.total, stage.ready, stage.failed, stage.ended, stage.left)
    return [what, *(f"{count:,}" for count in counts)]


def _event(event: Event) -> str:
    return f"{event.cell} {event.event} ({event.stage}) at {event.time}"


def _sent(sent: Sequence[Event]) -> str:
    workers = list(dict.fromkeys(item.worker for item in sent))
    more = f" and {len(workers) - _MOST:,} more" if len(workers) > _MOST else ""
    return f"under way: {len(sent):,} on {', '.join(workers[:_MOST])}{more}"


def _failure(event: Event) -> str:
    return f"{event.cell}: {event.reason} (exit {event.code}, {event.time})"


def _pace(pace: Pace, stages: dict[str, Stage]) -> str:
    what = _MADE[pace.stage]
    done = f"{what}: {pace.ended:,} in {clock_time(pace.seconds)}"
    left = f"about {clock_time(pace.left_s)} for the {stages[pace.stage].left:,} left"
    later = [_MADE[key] for key in stages if key != pace.stage and stages[key].left]
    more = f"; nothing can be told of the {' and '.join(later)}" if later else ""
    return f"{done}: {left}{more}"
