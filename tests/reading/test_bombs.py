import os
import subprocess
import sys
from pathlib import Path

import bombs
import numpy as np
import pytest
import tiny
import typer
from edgeae_cli import ROOT, edgeae_here
from keras_files import dense, keras

from edgeae.cli import options as reading
from edgeae.cli.main import app
from edgeae.errors import BadInput
from edgeae.importing.keras import file as keras_file
from edgeae.reading.files import MODEL_BYTES
from edgeae.reading.unpacking import VARIABLE

pytestmark = pytest.mark.cold

#: What a refusal may take beyond what the command takes anyway.
MOST_MB = 300
#: An ONNX file whose graph has two gigabytes.
GRAPH = b"\x08\x08\x3a\xf0\xff\xff\xff\x07"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A model to import, and rows for it."""
    place = tmp_path_factory.mktemp("bombs")
    (place / "ae.tflite").write_bytes(tiny.program("autoencoder", "float32").content)
    np.savez(place / "rows.npz", x=tiny.images(20).reshape(20, -1).astype(np.float32))
    return place


def importing(folder: Path, model: str, data: str, *more: str) -> tuple[int, str, int]:
    """Import in a process of its own: exit code, what was said, and its peak memory in MB."""
    env = {name: value for name, value in os.environ.items() if name != VARIABLE}
    with (folder / "said").open("w+") as said:
        command = [sys.executable, "-m", "edgeae", "import", model, "--data", data, "--name", "m"]
        process = subprocess.Popen(
            [*command, *more], cwd=folder, stderr=said, env={**env, "PYTHONPATH": str(ROOT)}
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        return process.returncode, (folder / "said").read_text(), usage.ru_maxrss >> 10


@pytest.fixture(scope="module")
def usual_mb(folder) -> int:
    """The peak memory of an import that is refused for its data's name."""
    code, _, taken = importing(folder, "ae.tflite", "nowhere.npz")
    assert code == 2
    return taken


def endless(path: Path) -> Path:
    with path.open("wb") as stream:
        for _ in range(64):
            stream.write(b"1," * (1 << 19))
    return path


def sparse(path: Path, start: bytes, size: int = 6 * bombs.GIB) -> Path:
    with path.open("wb") as stream:
        stream.write(start)
        stream.truncate(len(start) + size)
    return path


@pytest.mark.parametrize(
    ("name", "write", "words"),
    [
        ("x.npz", bombs.npz, "x.npy unpacks to 6 GiB"),
        ("x-idx2-ubyte.gz", bombs.idx, "unpacks to 6 GiB"),
        ("x.npy", lambda path: sparse(path, bombs.npy_head("(1572864, 1024)")), "to 6 GiB"),
        ("y.npy", lambda path: sparse(path, bombs.npy_head(f"({2**50},)")), "its header states"),
        ("x.csv", endless, "line 1 has more than 8 million characters"),
    ],
)
def test_data_that_stand_for_gigabytes_are_refused_at_once(folder, usual_mb, name, write, words):
    path = write(folder / name)
    code, said, taken = importing(folder, "ae.tflite", str(path))
    path.unlink()
    assert code == 2 and words in said and str(path) in said and len(said.splitlines()) == 1
    assert taken < usual_mb + MOST_MB


@pytest.mark.parametrize(
    ("name", "write", "words"),
    [
        ("x.keras", bombs.keras, "model.weights.h5 unpacks to 8 GiB"),
        ("x.tflite", lambda path: sparse(path, b"\x1c\0\0\0TFL3"), "allowed are 2,147,483,647"),
        ("x.onnx", lambda path: sparse(path, b"\x08\x07"), "allowed are 2,147,483,647"),
        ("y.tflite", lambda path: sparse(path, b"\x1c\0\0\0TFL3", MODEL_BYTES - 8), "damaged"),
        ("y.onnx", lambda path: sparse(path, GRAPH, MODEL_BYTES - 8), "damaged"),
        ("y.keras", lambda path: sparse(path, b"PK\x03\x04"), "allowed are 2,147,483,647"),
        ("x.h5", lambda path: sparse(path, b"\x89HDF\r\n\x1a\n"), "allowed are 2,147,483,647"),
    ],
)
def test_models_that_stand_for_gigabytes_are_refused_at_once(folder, usual_mb, name, write, words):
    path = write(folder / name)
    code, said, taken = importing(folder, str(path), "rows.npz")
    path.unlink()
    assert code == 2 and words in said and str(path) in said and len(said.splitlines()) == 1
    assert taken < usual_mb + MOST_MB


def test_the_flag_raises_and_lowers_the_limit(folder):
    (folder / "ae.tflite").write_bytes(tiny.program("autoencoder", "float32").content)
    arguments = ("import", "ae.tflite", "--data", "rows.npz", "--name", "m", "--build", "lower")
    # the rows are not what it reconstructs, and no original is needed
    arguments += ("--allow-worse-than-mean", "--as-is")
    lower = edgeae_here(*arguments, "--max-unpacked", "1k", cwd=folder)
    assert lower.returncode == 2
    assert "unpacks to" in lower.stderr and "--max-unpacked allows more" in lower.stderr
    said = {VARIABLE: "1k"}
    higher = edgeae_here(*arguments, "--max-unpacked", "1.5GiB", cwd=folder, **said)
    assert higher.returncode == 0, higher.stderr
    wrong = edgeae_here(*arguments, "--max-unpacked", "much", cwd=folder)
    assert wrong.returncode == 2 and "--max-unpacked much: allowed is" in wrong.stderr


def test_child_processes_know_the_limit(monkeypatch):
    monkeypatch.setenv(VARIABLE, "1")
    reading._allow("2G")
    told = [sys.executable, "-c", "from edgeae.reading.unpacking import limit; print(limit())"]
    done = subprocess.run(told, capture_output=True, text=True, check=True, cwd=ROOT)
    assert int(done.stdout) == 2 * bombs.GIB


def commands() -> dict[str, typer.core.TyperCommand]:
    """Every command by its words."""
    root = typer.main.get_command(app)
    found = dict(root.commands)
    group = found.pop("baseline")
    return found | {f"baseline {name}": item for name, item in group.commands.items()}


#: Read neither data, nor Keras files, nor golden vectors.
WITHOUT = ("init", "pick", "history", "inspect", "profile", "doctor", "selftest")


def test_every_command_that_unpacks_has_the_flag():
    having = {
        name
        for name, item in commands().items()
        if "--max-unpacked" in [option for parameter in item.params for option in parameter.opts]
    }
    assert having == commands().keys() - set(WITHOUT)


def test_a_keras_file_s_members_are_bounded_each_time_they_are_unpacked(tmp_path, monkeypatch):
    file = keras_file.read(keras(tmp_path / "net.keras", dense(8, 2, 8)))
    monkeypatch.setenv(VARIABLE, "100")
    with pytest.raises(BadInput, match=r"net\.keras: .* --max-unpacked allows more"):
        file.judged()
