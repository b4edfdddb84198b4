"""A terminal shows what files of others hold, and acts on none of it."""

import pytest

from edgeae.cli.output import put, say
from edgeae.progress import Progress
from edgeae.shown import shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\rb\0\x9bc", r"a\rb\x00\x9bc"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        ("\ud800", r"\ud800"),
        ("a table\tof two\nlines, é × 10⁻³ 日本", "a table\tof two\nlines, é × 10⁻³ 日本"),
    ],
)
def test_what_is_not_shown_is_escaped(text, expected):
    assert shown(text) == expected


def test_results_and_talk_are_shown(capsys):
    put("\x1b[31m")
    say("\x1b[32m")
    with Progress(1, "bench", "worker") as progress:
        progress.tell("\x1b[33m")
        progress.advance("\x1b[34m")
    captured = capsys.readouterr()
    assert captured.out == "\\x1b[31m\n"
    assert "\x1b" not in captured.err and captured.err.count(r"\x1b[3") == 3
