"""What a user names may lie anywhere and be reached through links, but must be a regular file."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import tiny
from edgeae_cli import edgeae_here
from fake_exports import fake_model

#: A refusal takes milliseconds; what waits for a FIFO's other end waits for ever.
LONGEST_S = 30


@pytest.fixture(autouse=True)
def never_hangs() -> Iterator[None]:
    def late(*_: object) -> None:
        raise AssertionError("it hangs")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(LONGEST_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A model, and what only looks like files, under the names of each kind of file."""
    fake_model(tmp_path / "build" / "deep")
    (tmp_path / "good.tflite").write_bytes(tiny.program("autoencoder", "int8").content)
    for ending in ("npz", "npy", "csv", "idx", "toml", "tflite", "onnx", "keras"):
        os.mkfifo(tmp_path / f"fifo.{ending}")
        (tmp_path / f"zero.{ending}").symlink_to("/dev/zero")
        monkeypatch.chdir(tmp_path)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"sock.{ending}")
        (tmp_path / f"on-{ending}.toml").write_text('description = "x"\nextends = "fifo.toml"\n')
        (tmp_path / f"of-{ending}.toml").write_text(f'artifacts = ["fifo.{ending}"]\n')
    return tmp_path


DATA = [
    ("import", "good.tflite", "--name", "m", "--data"),
    ("train", "simple", "--data"),
    ("zoo", "simple", "--data"),
]
MODELS = [
    ("import", "--data", "digits", "--name", "m"),
    ("import", "good.tflite", "--data", "digits", "--name", "m"),
    ("inspect",),
    ("profile",),
    ("bench",),
    ("baseline", "save"),
    ("gate", "good.tflite", "--baseline"),
    ("gate", "good.tflite"),
]
RECIPES = [("export", "--list", "-r"), ("bench", "--suite"), ("gate", "--suite")]
RECIPES += [("export", "--matrix")]
PLACES = ("fifo", "zero", "sock")
CASES = [
    *(
        (command, f"{place}.{end}")
        for command in DATA
        for place in PLACES
        for end in ("npz", "csv")
    ),
    *((DATA[0], f"{place}.{end}") for place in PLACES for end in ("npy", "csv", "idx")),
    *((command, f"{place}.tflite") for command in MODELS for place in PLACES),
    *((MODELS[0], f"{place}.{end}") for place in PLACES for end in ("onnx", "keras")),
    *((command, f"{place}.toml") for command in RECIPES for place in PLACES),
]


@pytest.mark.parametrize(("command", "name"), CASES)
def test_what_is_no_regular_file_is_refused_at_once_by_every_command(command, name, folder):
    done = edgeae_here(*command, name, cwd=folder)
    (line,) = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (2, "")
    assert name in line and "not a regular file" in line and "internal" not in line


@pytest.mark.parametrize(
    ("command", "name", "named"),
    [
        (("export", "--list", "-r"), "on-toml.toml", "fifo.toml"),
        (("bench", "--suite"), "of-tflite.toml", "fifo.tflite"),
        (("gate", "--suite"), "of-onnx.toml", "fifo.onnx"),
    ],
)
def test_so_is_what_a_file_names(command, name, named, folder):
    done = edgeae_here(*command, name, cwd=folder)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2 and f"{named}: not a regular file" in line


def test_links_to_regular_files_are_followed(folder):
    (folder / "link.tflite").symlink_to(folder / "good.tflite")
    assert edgeae_here("inspect", "link.tflite", cwd=folder).returncode == 0


def test_a_chain_of_recipes_has_an_end(tmp_path):
    (tmp_path / "r0.toml").write_text('description = "x"\n')
    for number in range(1, 1200):
        text = f'description = "x"\nextends = "r{number - 1}.toml"\n'
        (tmp_path / f"r{number}.toml").write_text(text)
    done = edgeae_here("export", "--list", "-r", "r1199.toml", cwd=tmp_path)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2 and "the chain has more than 16 files" in line
