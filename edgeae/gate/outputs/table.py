"""The gate's outcome as text for a terminal, 100 columns wide."""

from collections.abc import Sequence

from edgeae.gate.finding import Outcome
from edgeae.gate.outputs import view
from edgeae.gate.outputs.format import amount, printable
from edgeae.gate.outputs.view import FigureRow
from edgeae.text.columns import align

_WIDTH = 100
#: A name is never shortened below this length, however wide the other columns are.
_SHORTEST_NAME = 16
#: If there are more figures than this, figures that pass are counted instead of listed.
_LISTED = 8


def render(outcome: Outcome) -> str:
    """Return the outcome as text: timed cells by runtime, other figures, reasons and sentence."""
    shown = view.told(outcome)
    ending = [view.own_error(outcome), *view.closing(outcome)]
    blocks = [
        _timed(view.timed_rows(shown)),
        _others(view.other_rows(shown)),
        view.identical(outcome),
        "\n".join(view.open_lines(outcome)),
        "\n".join([*view.notes(outcome.findings), *view.absent(outcome)]),
        "\n".join(line for line in ending if line),
    ]
    return "\n\n".join(block for block in blocks if block)


def _timed(rows: Sequence[FigureRow]) -> str:
    if not rows:
        return ""
    headings = _headings(rows)
    place = view.TIMED.index("limit")
    names = ("p50", *_without(view.TIMED, place))
    cells = [_without(item.texts, place) for item in rows]
    return "\n".join([*_grouped(names, rows, headings, cells, left=1), view.LEGEND])


def _headings(rows: Sequence[FigureRow]) -> list[str]:
    """Return each line's heading: the runtime and its limit.

    A missing cell has neither version nor limit; it gets the heading of a cell with the same
    runtime, threads and batch.
    """
    limits = [amount(item.figure.limit, item.figure.unit) for item in rows]
    headings = [
        f"{item.where}, limit {limit}" if limit else item.where
        for item, limit in zip(rows, limits, strict=True)
    ]
    runs = [(item.cell.runtime, item.cell.threads, item.cell.batch) for item in rows]
    with_limit = {
        run: text for run, text, limit in zip(runs, headings, limits, strict=True) if limit
    }
    return [
        text if limit else with_limit.get(run, text)
        for run, text, limit in zip(runs, headings, limits, strict=True)
    ]


def _without(texts: Sequence[str], place: int) -> tuple[str, ...]:
    return (*texts[:place], *texts[place + 1 :])


def _others(rows: Sequence[FigureRow]) -> str:
    """Return the other figures as text: all if there are few, otherwise those that do not pass."""
    many = len(rows) > _LISTED
    listed = [item for item in rows if not many or item.figure.verdict != "pass"]
    counted = [item.texts[0] for item in rows if many and item.figure.verdict == "pass"]
    lines = []
    if listed:
        names = ("exact and absolute", *view.OTHER)
        headings, cells = [item.where for item in listed], [item.texts for item in listed]
        lines = _grouped(names, listed, headings, cells, left=2)
    if counted:
        lines.append(f"{len(counted)} other figures pass: {', '.join(dict.fromkeys(counted))}")
    return "\n".join(lines)


def _grouped(
    names: Sequence[str],
    rows: Sequence[FigureRow],
    headings: Sequence[str],
    cells: Sequence[Sequence[str]],
    left: int,
) -> list[str]:
    """Return a header, then each heading followed by its lines, in columns."""
    header, *lines = _columns(names, [item.artifact for item in rows], cells, left)
    out = [header]
    for heading in dict.fromkeys(headings):
        places = [place for place, item in enumerate(headings) if item == heading]
        baselines = {rows[place].cell.baseline for place in places} - {""}
        against = f", against {printable(baselines.pop())}" if len(baselines) == 1 else ""
        out += [f"── {heading}{against}", *(lines[place] for place in places)]
    return out


def _columns(
    names: Sequence[str], artifacts: Sequence[str], cells: Sequence[Sequence[str]], left: int
) -> list[str]:
    """Return lines in columns; long names are shortened unless that makes two names equal."""
    beside = [names[1:], *cells]
    taken = sum(2 + max(map(len, column)) for column in zip(*beside, strict=True))
    room = max(_SHORTEST_NAME, _WIDTH - taken)
    short = [_shortened(name, room) for name in artifacts]
    if len(set(short)) < len(set(artifacts)):
        short = list(artifacts)
    # the last column holds words, which are aligned left in a table of numbers
    width = max(len(line[-1]) for line in beside)
    lines = zip([names[0], *short], beside, strict=True)
    table = [[first, *line[:-1], line[-1].ljust(width)] for first, line in lines]
    return align(table, left).split("\n")


def _shortened(name: str, room: int) -> str:
    """Return a name of at most `room` characters; more of its end is kept than of its start.

    The end is what distinguishes artifacts.
    """
    if len(name) <= room:
        return name
    front = (room - 1) // 3
    return f"{name[:front]}…{name[len(name) - (room - 1 - front) :]}"
