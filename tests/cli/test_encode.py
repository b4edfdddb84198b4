"""`edgeae encode`, `decode` and `score`: a file in, a file out, and one line where that fails."""

import dataclasses
import json

import numpy as np
import odd_runtimes
import pytest
import tiny
from edgeae_cli import edgeae_warm

import edgeae
from edgeae.artifacts.bundle import MANIFEST
from edgeae.embed.write import embed
from edgeae.metrics.standardization import Standardization

IMAGES = tiny.images(12, seed=9)


@pytest.fixture
def place(tiny_bundle, tmp_path):
    """A folder with `build/tiny/int8`, and with images in files."""
    tiny_bundle()
    np.save(tmp_path / "images.npy", IMAGES)
    np.savez(tmp_path / "images.npz", x=IMAGES, other=np.zeros(3))
    np.savetxt(tmp_path / "images.csv", IMAGES.reshape(12, 16) / 255, "%.9g", ",")
    np.save(tmp_path / "one.npy", IMAGES[:1])
    return tmp_path


@pytest.fixture
def bundle(place):
    with edgeae.open(place / "build" / "tiny" / "int8") as opened:
        yield opened


def run(place, line: str, code: int = 0, **env: str):
    done = edgeae_warm(*line.split(), cwd=place, **env)
    assert done.returncode == code, done.stderr
    return done


def refused(place, line: str, code: int = 2) -> str:
    done = run(place, line, code)
    assert done.stdout == ""
    (told,) = done.stderr.splitlines()
    return told


@pytest.mark.parametrize("name", ["images.npy", "images.npz", "images.csv"])
def test_codes_and_images_are_those_of_the_api(name, place, bundle):
    done = run(place, f"encode build/tiny/int8 {name} -o codes.npy")
    assert done.stdout == "codes.npy: 12 rows of 4 values, float32\n" and done.stderr == ""
    codes = bundle.encode(IMAGES)
    np.testing.assert_array_equal(np.load(place / "codes.npy"), codes)
    run(place, "decode build/tiny/int8 codes.npy -o made.npy")
    np.testing.assert_array_equal(np.load(place / "made.npy"), bundle.decode(codes))


def test_raw_codes_another_runtime_and_a_batch(place, bundle):
    how = "--runtime litert-reference --batch 8 --threads 2"
    line = f"encode build/tiny/int8 images.npy -o raw.npy --dtype int8 {how} --json"
    told = json.loads(run(place, line).stdout)
    assert told == {"output": "raw.npy", "shape": [12, 4], "dtype": "int8"}
    codes = bundle.encode(IMAGES, dtype="int8", runtime="litert-reference")
    np.testing.assert_array_equal(np.load(place / "raw.npy"), codes)
    run(place, f"decode build/tiny/int8 raw.npy -o made.npy {how}")
    made = bundle.decode(codes, runtime="litert-reference")
    np.testing.assert_array_equal(np.load(place / "made.npy"), made)


def test_a_csv_keeps_every_bit(place, bundle):
    run(place, "encode build/tiny/int8 images.npy -o deep/codes.csv")
    codes = np.loadtxt(place / "deep" / "codes.csv", delimiter=",")
    np.testing.assert_array_equal(codes.astype(np.float32), bundle.encode(IMAGES))
    run(place, "decode build/tiny/int8 deep/codes.csv -o made.csv")
    made = np.loadtxt(place / "made.csv", delimiter=",")
    np.testing.assert_array_equal(made.astype(np.float32), bundle.decode(codes))
    run(place, "score build/tiny/int8 images.npy -o scores.csv")
    np.testing.assert_array_equal(np.loadtxt(place / "scores.csv"), bundle.score(IMAGES))
    run(place, "encode build/tiny/int8 images.npy -o raw.csv --dtype int8")
    raw = np.loadtxt(place / "raw.csv", delimiter=",", dtype=int)
    np.testing.assert_array_equal(raw, bundle.encode(IMAGES, dtype="int8"))


def test_a_score_is_a_line_a_file_or_json(place, bundle):
    scores = bundle.score(IMAGES)
    lines = run(place, "score build/tiny/int8 images.npy").stdout.splitlines()
    np.testing.assert_array_equal([float(line) for line in lines], scores)
    told = json.loads(run(place, "score build/tiny/int8 images.npy --json").stdout)
    np.testing.assert_array_equal(told["scores"], scores)
    run(place, "score build/tiny/int8 images.npy --output scores.npy")
    np.testing.assert_array_equal(np.load(place / "scores.npy"), scores)


def test_one_image_is_enough(place, bundle):
    run(place, "encode build/tiny/int8 one.npy -o code.npy")
    np.testing.assert_array_equal(np.load(place / "code.npy"), bundle.encode(IMAGES[:1]))
    (place / "one.csv").write_text(",".join(map(str, IMAGES[0].reshape(-1) / 255)) + "\n")
    lines = run(place, "score build/tiny/int8 one.csv").stdout.splitlines()
    np.testing.assert_allclose([float(line) for line in lines], bundle.score(IMAGES[:1]))


def test_what_embed_wrote_is_taken(place, bundle):
    embed(bundle.path, "c", place / "out")
    run(place, "encode out images.npy -o codes.npy")
    np.testing.assert_array_equal(np.load(place / "codes.npy"), bundle.encode(IMAGES))


def test_a_table_is_read_by_the_names_of_its_columns(place, bundle):
    names = [f"c{number}" for number in range(16)]
    manifest = dataclasses.replace(
        bundle.manifest,
        dataset={
            **bundle.manifest.dataset,
            "columns": names,
            "reading": {"columns": names, "label": "kind", "standardize": True},
        },
        normalization={"scale": 1.0, "offset": 0.0},
        standardization=Standardization((1.0,) * 16, (2.0,) * 16),
    )
    (bundle.path / MANIFEST).write_text(manifest.to_json())
    rows = IMAGES.reshape(12, 16) / 255 * 2 + 1
    lines = [",".join(["more", *reversed(names)])]
    lines += [",".join(["x", *map(repr, row[::-1].tolist())]) for row in rows]
    (place / "table.csv").write_text("\n".join(lines))
    run(place, "encode build/tiny/int8 table.csv -o codes.npy")
    with edgeae.open(bundle.path) as changed:
        np.testing.assert_array_equal(np.load(place / "codes.npy"), changed.encode(rows))
    (place / "table.csv").write_text("\n".join(lines).replace("c3", "d3"))
    told = refused(place, "encode build/tiny/int8 table.csv -o codes.npy")
    assert "--columns c3: no such column" in told


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("encode build/tiny/int8 none.npy -o c.npy", "none.npy: no such file"),
        ("encode build/tiny/int8 none.png -o c.npy", "none.png: no such file"),
        ("encode build/tiny/int8 build -o c.npy", "build: allowed are .npy, .npz and .csv files"),
        ("encode build/tiny images.npy -o c.npy", "build/tiny: not a bundle"),
        ("encode build/tiny/int8 images.npy -o c.txt", "-o c.txt: allowed are files that end with"),
        ("encode build/tiny/int8 images.npy -o build.csv", "-o build.csv: a folder"),
        ("encode build/tiny/int8 images.npy", "Missing option '--output' / '-o'"),
        ("encode build/tiny/int8 images.npy -o c.npy --batch 0", "Invalid value for '--batch'"),
        ("encode build/tiny/int8 images.npy -o c.npy --dtype int4", "dtype 'int4': allowed are"),
        (
            "encode build/tiny/int8 images.npy -o c.npy --runtime litert",
            "unknown runtime 'litert'; did you mean 'litert-gpu'",
        ),
        (
            "encode build/tiny/int8 pixels.csv -o c.npy",
            "pixels.csv: images: floats from 0 to 255; allowed are",
        ),
        ("encode build/tiny/int8 wide.npy -o c.npy", "wide.npy: images: shape (3, 5); allowed are"),
        ("encode build/tiny/int8 other.npz -o c.npy", "other.npz: no array x, x_test, arr_0 (the"),
        (
            "decode build/tiny/int8 images.npy -o c.npy",
            "images.npy: codes: elements are uint8; allowed",
        ),
        ("decode build/tiny/int8 wide.npy -o c.npy", "wide.npy: codes: shape (3, 5); allowed are"),
        ("score build/tiny/int8 wide.npy", "wide.npy: images: shape (3, 5)"),
    ],
)
def test_a_refusal_is_one_line_and_writes_nothing(line, told, place):
    np.savetxt(place / "pixels.csv", IMAGES.reshape(12, 16), "%d", ",")
    np.save(place / "wide.npy", np.zeros((3, 5)))
    np.savez(place / "other.npz", y=np.zeros(3))
    (place / "build.csv").mkdir()
    before = sorted(place.iterdir())
    assert told in refused(place, line)
    assert sorted(place.iterdir()) == before


def test_a_runtime_that_is_absent_or_crashes_has_its_own_exit_code(place):
    (place / "site").mkdir()
    with odd_runtimes.known(place / "site"):
        line = "encode build/tiny/int8 images.npy -o c.npy --runtime"
        assert "no such board is connected; plug one in" in refused(place, f"{line} odd-absent", 3)
        assert "crashed with SIGSEGV" in refused(place, f"{line} odd-crash", 5)
    assert not (place / "c.npy").exists()


def test_a_changed_file_is_a_mismatch(place):
    path = place / "build" / "tiny" / "int8" / "encoder.tflite"
    path.write_bytes(path.read_bytes()[:-1])
    line = "encode build/tiny/int8 images.npy -o c.npy"
    assert "encoder.tflite: sha256" in refused(place, line, 4)
