"""The gate's outcome as Markdown, for GitHub's step summary or a comment on a pull request."""

from collections.abc import Iterable, Sequence

from edgeae.gate.finding import Outcome
from edgeae.gate.outputs import view
from edgeae.gate.outputs.format import printable
from edgeae.gate.outputs.view import FigureRow
from edgeae.text.markdown import plain, table

_WORDS = {"artifact", "runtime", "figure", "verdict"}


def render(outcome: Outcome) -> str:
    """Return the Markdown: sentence, latencies and reasons; all other sections are folded."""
    shown = view.told(outcome)
    *origin, sentence = view.closing(outcome)
    timed = view.timed_rows(shown)
    command = printable(outcome.command)
    blocks = [
        f"## {_plain(sentence)}",
        _table(view.TIMED, timed),
        _plain(view.LEGEND) if timed else "",
        _plain(view.identical(outcome)),
        _list(view.open_lines(outcome)),
        _folded("Other figures", _table(view.OTHER, view.other_rows(shown))),
        _folded("Notes", _list([*view.notes(outcome.findings), *view.absent(outcome)])),
        _folded("Machine", _list([view.own_error(outcome), *origin])),
        f"Run it again:\n\n```sh\n{command}\n```" if command else "",
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _table(names: Sequence[str], rows: Sequence[FigureRow]) -> str:
    if not rows:
        return ""
    header = ["artifact", "runtime", *names]
    return table(header, _WORDS, ([item.artifact, item.where, *item.texts] for item in rows))


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {_plain(line)}" for line in lines if line)


def _folded(title: str, text: str) -> str:
    # Markdown inside HTML needs an empty line on each side
    return f"<details>\n<summary>{title}</summary>\n\n{text}\n\n</details>" if text else ""


def _plain(text: str) -> str:
    return plain(printable(text))
