import io

import pytest
from edgeae_cli import edgeae_here
from hypothesis import given
from hypothesis import strategies as st

from edgeae.cli import output
from edgeae.reading.names import RESERVED
from edgeae.text.printable import printable
from edgeae.text.progress import Progress

#: Sets the window's title; a colour; moves up and clears a line; 8-bit CSI; turns the direction.
HOSTILE = "\x1b]0;title\x07 \x1b[31m \x1b[1A\x1b[2K \x9b31m \u202e \r \x7f \0 \udcff"
ESCAPED = r"\x1b]0;title\x07 \x1b[31m \x1b[1A\x1b[2K \x9b31m \u202e \r \x7f \x00 \udcff"


def test_what_a_terminal_would_obey_is_escaped():
    assert printable(HOSTILE) == ESCAPED


def test_layout_and_every_language_stay():
    text = "größe\t自 ± 5\xa0%\n→ deep/int8"
    assert printable(text) == text


@given(st.text())
def test_nothing_but_layout_moves_a_cursor_and_everything_can_be_encoded(text):
    shown = printable(text)
    assert shown.encode() is not None
    assert all(character >= " " or character in "\n\t" for character in shown)
    assert printable(shown) == shown


def test_results_and_talk_are_escaped(capsys):
    output.put(HOSTILE)
    output.put_json({"name": HOSTILE})
    output.say(HOSTILE)
    out, err = capsys.readouterr()
    assert err == ESCAPED + "\n" and out.startswith(ESCAPED + "\n")
    assert not set("\x1b\x07\x9b\r\0\x7f") & set(out)


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_escaped(terminal, monkeypatch):
    written = io.StringIO()
    monkeypatch.setattr(written, "isatty", lambda: terminal)
    monkeypatch.setattr("sys.stderr", written)
    monkeypatch.setenv("COLUMNS", "300")
    with Progress(2, "export", "bundle", each=True) as progress:
        progress.tell(HOSTILE)
        progress.advance(HOSTILE)
    found = written.getvalue().replace("\r\x1b[K", "")  # of the bar itself
    assert found.count(ESCAPED) == 2
    assert not set("\x1b\x07\x9b\r\0\x7f") & set(found)


@pytest.mark.parametrize(
    "arguments",
    [
        ("inspect", "\x1b[31m.tflite"),
        ("bench", "--suite", "\x1b]0;x\x07"),
        ("export", "--list", "-r", "\x1b[31m"),
        ("report", "--build", "\x1b[31m"),
        ("\x1b[31m",),
    ],
)
def test_what_was_typed_is_escaped(arguments, tmp_path):
    done = edgeae_here(*arguments, cwd=tmp_path)
    assert done.returncode in (2, 3)
    assert r"\x1b" in done.stderr and "\x1b" not in done.stderr


@pytest.mark.parametrize("name", [*RESERVED, "Report", "\x1b[31mred", "a\nb", "x" * 300, "a\\b"])
def test_no_model_has_a_name_that_cannot_be_shown_or_is_edgeae_s_own(name, tmp_path):
    for command in (("train", "simple", "--data", "digits"), ("import", "x", "--data", "digits")):
        done = edgeae_here(*command, "--name", name, cwd=tmp_path)
        (line,) = done.stderr.splitlines()
        assert done.returncode == 2 and line.startswith("edgeae: --name ") and "allowed is" in line
    assert not (tmp_path / "build").exists()
