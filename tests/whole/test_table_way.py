"""A table all the way without TensorFlow: import as is, verify, embed; refusals in one line."""

import json
from pathlib import Path

import numpy as np
import pytest
import tiny
from edgeae_cli import edgeae_here, edgeae_warm

from edgeae.artifacts.bundle import open_bundle

NAMES = [f"c{number}" for number in range(tiny.PIXELS)]
#: The columns' units: their standardised values are those of the images.
SCALES = 10.0 ** np.linspace(-4, 4, tiny.PIXELS)
N = 60


def rows() -> np.ndarray:
    return tiny.images(N).reshape(N, -1) / 255 * SCALES + 3 * SCALES


def written(path: Path, names: list[str], columns: dict[str, list]) -> None:
    lines = [",".join(str(columns[name][place]) for name in names) for place in range(N)]
    path.write_text("\n".join([",".join(names), *lines]) + "\n")


@pytest.fixture
def columns() -> dict[str, list]:
    table = {name: [repr(float(v)) for v in rows()[:, n]] for n, name in enumerate(NAMES)}
    kinds = ["odd" if n % 7 == 0 else "usual" for n in range(N)]
    return {"id": list(range(N)), **table, "kind": kinds}


@pytest.fixture
def place(tmp_path, columns) -> Path:
    written(tmp_path / "t.csv", ["id", *NAMES, "kind"], columns)
    for flavour in ("float32", "int8"):
        content = tiny.program("autoencoder", flavour).content
        (tmp_path / f"{flavour}.tflite").write_bytes(content)
    return tmp_path


READING = ("--drop", "id", "--label", "kind", "--standardize")


def imported(place: Path, *options: str, model: str = "float32"):
    words = ("import", f"{model}.tflite", "--data", "t.csv", "--name", "mine", *options)
    return edgeae_warm(*words, "--allow-worse-than-mean", cwd=place)


def refused(place: Path, *options: str) -> str:
    done = imported(place, *options)
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
    assert not (place / "build" / "mine").exists()
    return done.stderr


def test_a_standardised_table_all_the_way(place, columns):
    done = imported(place, *READING)
    assert done.returncode == 0, done.stderr
    record = json.loads((place / "build" / "mine" / "train.json").read_text())
    assert record["dataset"]["columns"] == NAMES
    assert record["dataset"]["reading"] == {"drop": ["id"], "label": "kind", "standardize": True}
    bundle = open_bundle(place / "build" / "mine" / "as-is")
    kept = bundle.manifest.standardization
    assert record["standardization"] == kept.to_json()
    np.testing.assert_allclose(kept.deviation / SCALES, np.std(rows() / SCALES, axis=0), rtol=0.3)
    golden = bundle.golden("image")
    assert abs(golden.mean()) < 0.3 and 0.5 < golden.std() < 1.5  # standardised, in one scale
    errors = bundle.manifest.loss.columns
    assert errors.keys() == set(NAMES)
    assert errors["c15"]["mean"] / errors["c0"]["mean"] == pytest.approx(1e8, rel=0.5)
    assert bundle.manifest.loss.labels.keys() == {"odd", "usual"}

    verify = ("verify", "build/mine/as-is", "--runtime", "litert-reference")
    assert edgeae_warm(*verify, cwd=place).returncode == 0
    written(place / "other.csv", ["more", "kind", *reversed(NAMES)], columns | {"more": ["x"] * N})
    done = edgeae_warm(*verify, "--data", "other.csv", cwd=place)
    assert done.returncode == 0, done.stderr
    written(place / "less.csv", ["kind", *NAMES[1:]], columns)
    done = edgeae_here(*verify, "--data", "less.csv", cwd=place)
    assert done.returncode == 2
    assert "less.csv: --columns c0: no such column; the file has kind, c1" in done.stderr


@pytest.mark.system
def test_an_import_is_up_to_date_until_the_rows_are_read_otherwise(place):
    assert imported(place, *READING).returncode == 0
    assert imported(place, *READING).stderr.startswith("build/mine: up to date\n")
    done = imported(place, *READING[:-1])
    assert "up to date" not in done.stderr and "warning: t.csv: the widest column" in done.stderr
    record = json.loads((place / "build" / "mine" / "train.json").read_text())
    assert "standardization" not in record


def test_the_c_of_a_standardised_model_takes_the_columns_own_values(place):
    assert imported(place, *READING, model="int8").returncode == 0
    words = ("embed", "build/mine/as-is", "--as", "c", "--out", "c", "--name", "m")
    assert edgeae_warm(*words, cwd=place).returncode == 0
    for part, taken, given in (
        ("encoder", True, False),
        ("decoder", False, True),
        ("autoencoder", True, True),
    ):
        text = (place / "c" / f"m_{part}.h").read_text()
        quantize, _, dequantize = text.partition("_dequantize_f32")
        assert ("- means[index % 16]) / deviations[index % 16]" in quantize) == taken
        assert ("value * deviations[index % 16] + means[index % 16]" in dequantize) == given


REFUSED = {
    "a label that is not there": (("--label", "target"), "--label target: no such column"),
    "a column that is not there": (("--columns", "c0,depth"), "--columns depth: no such column"),
    "texts": ((), "line 2, column kind: 'odd' is not a number; --drop kind"),
    "a long window": (
        ("--drop", "id", "--label", "kind", "--window", "61"),
        "--window 61: longer than the first half of the recording, 30 samples",
    ),
    "shares beyond 100": (("--split", "70:20:20"), "--split 70:20:20: adds to 110"),
    "no share": (("--split", "80:20:0"), "three whole numbers from 1"),
    "two shares": (("--split", "80:20"), "--split 80:20: allowed are three whole numbers"),
    "a part without rows": (
        ("--drop", "id", "--label", "kind", "--split", "98:1:1"),
        "--split 98:1:1: leaves no validation rows of 60",
    ),
    "a seed of nothing": (("--split-seed", "3"), "--split-seed 3: only with --split"),
    "a step of nothing": (("--step", "3"), "--step 3: only with --window"),
    "no samples": (("--window", "0"), "--window 0: allowed are whole numbers from 1"),
    "no name": (("--columns", ""), "--columns '': allowed are names of columns"),
    "two scales": (
        ("--drop", "id", "--label", "kind", "--standardize", "--scale", "2"),
        "--standardize: allowed is either this or --scale and --offset",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_a_table_cannot_do_is_said_in_a_line(place, kind):
    options, words = REFUSED[kind]
    assert words in refused(place, *options)


def test_a_missing_value_is_said_with_line_and_column(place, columns):
    columns["c3"][40] = "NA"
    written(place / "t.csv", ["id", *NAMES, "kind"], columns)
    assert "t.csv: line 42, column c3: a missing value, 'NA'" in refused(place, *READING)


def test_options_of_tables_are_for_tables(place):
    np.savez(place / "rows.npz", x=rows())
    for option, value in (("--columns", "a"), ("--drop", "a"), ("--label", "a")):
        done = edgeae_here(
            *("import", "float32.tflite", "--data", "rows.npz", "--name", "m", option, value),
            cwd=place,
        )
        assert done.returncode == 2
        assert f"rows.npz: {option} a: its columns have no names" in done.stderr


def test_a_training_is_refused_rows_that_no_share_is_for(place):
    for options, words in (
        (("--data", "t.csv", "--drop", "id,kind"), "or --split 70:10:20, which splits the rows"),
        (("--data", "digits", "--standardize"), "dataset digits: --standardize"),
        (("--data", "t.csv", "--label", "y"), "t.csv: --label y: no such column"),
    ):
        done = edgeae_warm("train", "simple", "--code", "2", *options, cwd=place)
        assert done.returncode == 2, done.stderr
        assert words in done.stderr.splitlines()[-1]
