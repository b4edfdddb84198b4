"""A folder that `edgeae embed` wrote can be made again from what it carries, and is compared so."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import tiny
from edgeae_cli import edgeae_warm
from tampering import corrupt

from edgeae.artifacts.bundle import open_bundle
from edgeae.artifacts.verified_artifact import open_program
from edgeae.cli import embed as cli
from edgeae.embed import check, folder
from edgeae.embed.carried import GOLDEN, SYNTHETIC
from edgeae.embed.form import Options, Proof
from edgeae.embed.record import Package
from edgeae.embed.table import FORMS, Entry
from edgeae.embed.write import embed
from edgeae.errors import BadInput, ManifestMismatch, NotMeasured
from edgeae.formats.tflite.graph import write
from edgeae.runtimes import load
from edgeae.runtimes.inference import run_all
from edgeae.system import atomic

RUNTIME = ["litert-reference"]


def quiet(line: str) -> None:
    del line


@pytest.fixture
def embedded(tiny_bundle, tmp_path) -> Path:
    embed(tiny_bundle().root, "c", tmp_path / "out")
    return tmp_path / "out"


@pytest.fixture
def unbuilt(monkeypatch):
    """Fail if a folder is built."""

    def prove(*_: object) -> Proof:
        raise AssertionError("a folder that differs was built")

    monkeypatch.setattr("edgeae.embed.forms.c.prove", prove)


def test_an_equal_folder_is_built_and_its_model_verified(embedded, tmp_path):
    (embedded / "mine.txt").write_text("a file of the user's")
    done = edgeae_warm("verify", str(embedded), "--runtime", RUNTIME[0], "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)
    assert (found["form"], found["model"]) == ("c", "tiny/int8")
    assert (found["proof"]["verdict"], found["proof"]["reasons"]) == ("pass", [])
    rows = found["runtimes"]["rows"]
    assert [(row["part"], row["n"], row["max_lsb"]) for row in rows] == [
        (part, GOLDEN, 0) for part in ("encoder", "decoder", "autoencoder")
    ]


def test_its_line_stands_above_the_rows_of_the_runtimes(embedded, tmp_path):
    done = edgeae_warm("verify", str(embedded), "--runtime", RUNTIME[0], cwd=tmp_path)
    first, header, *_ = done.stdout.splitlines()
    assert first.startswith(f"{embedded}: as c, the bytes that tiny/int8 gives; its example (")
    assert first.endswith("): pass") and header.split()[:3] == ["bundle", "artifact", "runtime"]


@pytest.mark.parametrize(
    "file",
    ["tiny_encoder.c", "Makefile", "edgeae/bundle/manifest.json", "edgeae/bundle/decoder.tflite"],
)
def test_a_changed_file_is_a_mismatch_and_nothing_is_built(file, embedded, unbuilt):
    corrupt(embedded / file)
    with pytest.raises(ManifestMismatch, match=f"{file}: differs from what `edgeae embed` wrote"):
        check.check(embedded, RUNTIME, quiet)


def test_a_missing_file_is_a_mismatch(embedded, unbuilt, tmp_path):
    (embedded / "tiny_decoder.h").unlink()
    done = edgeae_warm("verify", str(embedded), cwd=tmp_path)
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("edgeae: "))
    assert done.returncode == 4 and "tiny_decoder.h: named in edgeae/record.json but not" in line


def test_a_change_whose_hash_is_recorded_is_a_mismatch_all_the_same(embedded, unbuilt):
    path = embedded / "tiny_encoder.c"
    path.write_text(path.read_text() + "/* planted */\n")
    table = json.loads((embedded / folder.RECORD).read_text())
    table["files"]["tiny_encoder.c"] = atomic.sha256(path.read_bytes())
    (embedded / folder.RECORD).write_text(json.dumps(table, indent=1) + "\n")
    with pytest.raises(ManifestMismatch, match=r"tiny_encoder\.c: differs from what its model"):
        check.check(embedded, RUNTIME, quiet)


def test_another_version_of_edgeae_cannot_compare(embedded, unbuilt, monkeypatch):
    monkeypatch.setattr(folder, "__version__", "9.9.9")
    with pytest.raises(NotMeasured, match=r"written by edgeae 0\.[0-9.]+, this is 9\.9\.9"):
        check.check(embedded, RUNTIME, quiet)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("form", "cc", "unknown form 'cc'; did you mean 'c'"),
        ("schema", 2, "schema"),
        ("source", "../bundle", "allowed is a plain name inside the folder"),
        ("options", {"target": 1, "optimize": "speed"}, r"record\.json: options\.target = 1"),
        ("package", {"version": "one"}, "--package-version 'one'"),
    ],
)
def test_a_damaged_record_is_refused(key, value, message, embedded, unbuilt):
    table = json.loads((embedded / folder.RECORD).read_text())
    (embedded / folder.RECORD).write_text(json.dumps({**table, key: value}))
    with pytest.raises(BadInput, match=message):
        check.check(embedded, RUNTIME, quiet)


def test_a_folder_with_other_files_is_refused(tiny_bundle, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("mine")
    with pytest.raises(BadInput, match=r"--out .*out: holds 'thesis\.txt'; allowed is an empty"):
        embed(tiny_bundle().root, "c", tmp_path / "out")
    assert [item.name for item in (tmp_path / "out").iterdir()] == ["thesis.txt"]


def test_a_second_embedding_replaces_its_files_and_leaves_others(embedded, tmp_path):
    (embedded / "mine.txt").write_text("mine")
    embed(tmp_path / "build" / "tiny" / "int8", "c", embedded, name="other")
    names = {item.name for item in embedded.iterdir()}
    assert "mine.txt" in names and "other_encoder.c" in names
    assert not any(name.startswith("tiny_") for name in names)
    assert check.check(embedded, RUNTIME, quiet).code == 0


def test_a_folder_that_was_moved_to_another_place_is_still_verified(embedded, tmp_path):
    moved = embedded.rename(tmp_path / "app")
    for item in sorted((tmp_path / "build").rglob("*"), reverse=True):
        item.unlink() if item.is_file() else item.rmdir()
    assert check.check(moved, RUNTIME, quiet).code == 0


def test_a_bare_file_is_carried_and_proved(tmp_path):
    (tmp_path / "my model.tflite").write_bytes(write(tiny.int8_graph()))
    done = embed(tmp_path / "my model.tflite", "c", tmp_path / "out")
    assert done.golden == "random inputs"
    found = check.check(tmp_path / "out", RUNTIME, quiet)
    assert (found.proof.verdict, found.model, found.code) == ("pass", None, 0)
    with pytest.raises(BadInput, match="made from the file my model"):
        folder.carried_bundle(tmp_path / "out")
    with pytest.raises(BadInput, match="is no bundle: its vectors are synthetic"):
        embed(tmp_path / "my model.tflite", "c", tmp_path / "other", golden="5")


@pytest.mark.parametrize("n", [1, 5, 64])
def test_the_first_rows_of_the_golden_vectors_ship(n, tiny_bundle, tmp_path):
    bundle = tiny_bundle()
    most = bundle.manifest.golden.n
    done = embed(bundle.root, "c", tmp_path / "out", golden=str(min(n, most)))
    assert done.golden == f"{min(n, most)} rows of {bundle.manifest.dataset['name']}"
    carried = open_bundle(folder.carried_bundle(tmp_path / "out"))
    carried.check()
    for name in bundle.manifest.golden.sha256:
        assert np.array_equal(carried.golden(name), bundle.golden(name)[: min(n, most)])
    text = (tmp_path / "out" / "tiny_encoder_golden.h").read_text()
    assert f"#define TINY_ENCODER_GOLDEN_COUNT {min(n, most)}\n" in text


@pytest.mark.parametrize("flavour", ["int8", "float32"])
def test_synthetic_vectors_are_none_of_the_users_rows(flavour, tiny_bundle, tmp_path):
    bundle = tiny_bundle(flavour)
    done = embed(bundle.root, "c", tmp_path / "out", golden=SYNTHETIC)
    assert done.golden == "inputs of noise"
    place = folder.carried_bundle(tmp_path / "out")
    carried = open_bundle(place)
    images, users = carried.golden("image"), bundle.golden("image")
    assert len(images) == GOLDEN and images.std() > 0.1
    distances = np.abs(images.reshape(GOLDEN, 1, -1) - users.reshape(1, len(users), -1))
    assert distances.max(axis=-1).min() > 0.1
    program = open_program(place, "decoder", "tflite")
    answers = run_all(
        load("litert-reference").open(program, threads=1),
        program.artifact,
        carried.golden("encoder"),
    )
    assert np.array_equal(answers, carried.golden("decoder"))
    assert check.check(tmp_path / "out", RUNTIME, quiet).code == 0


@pytest.mark.parametrize("golden", ["0", "65", "-1", "many", "1.5", ""])
def test_a_number_of_golden_vectors_that_is_not_possible_is_refused(golden, tiny_bundle, tmp_path):
    with pytest.raises(BadInput, match=r"--golden .*allowed"):
        embed(tiny_bundle().root, "c", tmp_path / "out", golden=golden)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("version", "1.0"),
        ("version", "1.0.0-beta"),
        ("license", "a; b"),
        ("description", "two\nlines"),
        ("url", "ftp://x"),
        ("url", 'https://x"y'),
        ("author", "a\x1b[31m"),
    ],
)
def test_a_detail_that_a_manifest_does_not_take_is_refused(key, value):
    with pytest.raises(BadInput, match=f"--(package-)?{key} .*allowed"):
        Package(**{key: value})


def test_the_same_bundle_gives_the_same_folder(tiny_bundle, tmp_path):
    bundle = tiny_bundle()
    for name in ("one", "two"):
        embed(bundle.root, "c", tmp_path / name, options=Options("cortex-m4", "size"))
    one, two = (
        {
            str(path.relative_to(tmp_path / name)): path.read_bytes()
            for path in (tmp_path / name).rglob("*")
            if path.is_file()
        }
        for name in ("one", "two")
    )
    assert one == two and not any(str(tmp_path).encode() in content for content in one.values())


@pytest.mark.parametrize(
    ("script", "verdict", "reason"),
    [
        ("echo PASS", "pass", ""),
        ("echo PASS; exit 3", "fail", "sh ended with 3: PASS"),
        ("echo FAIL", "fail", "sh ended with 0: FAIL"),
        ("echo x.c:1: error: no >&2; exit 2", "fail", "sh ended with 2: x.c:1: error: no"),
        ("sleep 9", "fail", "sh took longer than 0 s"),
        ("true", "fail", "sh ended with 0: no output"),
    ],
)
def test_an_example_passes_only_if_it_says_so(script, verdict, reason, tmp_path):
    from edgeae.embed.proving import passed

    timeout = 0.3 if "sleep" in script else 30
    found = passed(["sh", "-c", script], tmp_path, "sh", timeout_s=timeout)
    assert (found.verdict, "".join(found.reasons)) == (verdict, reason)


def test_a_form_whose_tool_is_missing_is_a_row_and_exit_3(embedded, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    done = edgeae_warm("verify", str(embedded), "--runtime", RUNTIME[0], cwd=tmp_path)
    assert done.returncode == 3
    assert "unavailable: no command make; apt install make" in done.stdout.splitlines()[0]


def test_help_and_guide_name_every_form():
    assert sorted(cli.FORMS.split(", ")) == sorted(FORMS)
    page = (Path(__file__).parents[2] / "docs" / "guides" / "forms.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| \[`([a-z-]+)`\]", page, re.MULTILINE)) == set(FORMS)


def test_every_form_has_its_functions():
    for name, item in FORMS.items():
        module = item.load()
        assert isinstance(item, Entry) and callable(module.form) and callable(module.prove), name
