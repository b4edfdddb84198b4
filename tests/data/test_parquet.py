"""Parquet files: the same table as CSV gives the same dataset, and what is no number is named."""

import importlib.util

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from edgeae import data
from edgeae.data import Reading
from edgeae.errors import BadInput, RuntimeUnavailable

N = 24


def columns() -> dict[str, list]:
    return {
        "id": list(range(N)),
        "width": [n / 4 for n in range(N)],
        "height": [n * n for n in range(N)],
        "large": [n % 3 == 0 for n in range(N)],
        "kind": ["M" if n % 3 == 0 else "B" for n in range(N)],
    }


def parquet(folder, name="t.parquet", **changes) -> str:
    path = folder / name
    pq.write_table(pa.table(columns() | changes), path, row_group_size=7)
    return str(path)


def refusal(path: str, **reading) -> str:
    with pytest.raises(BadInput) as caught:
        data.load(path, reading=Reading(**reading))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_table_is_the_same_dataset_as_its_csv(tmp_path):
    reading = Reading(columns=("height", "width"), label="kind", split=(60, 20, 20))
    found = data.load(parquet(tmp_path), reading=reading)
    rows = [",".join(map(str, row)) for row in zip(*columns().values(), strict=True)]
    (tmp_path / "t.csv").write_text("\n".join([",".join(columns()), *rows]) + "\n")
    same = data.load(str(tmp_path / "t.csv"), reading=reading)
    assert found.sha256 == same.sha256 and found.columns == same.columns
    np.testing.assert_array_equal(found.test_labels, same.test_labels)


def test_truth_values_are_numbers_and_labels(tmp_path):
    path = parquet(tmp_path)
    found = data.load_all(path, reading=Reading(columns=("large",), label="kind"))
    assert found.test.ravel().tolist() == [float(n % 3 == 0) for n in range(N)]
    labels = data.load_all(path, reading=Reading(columns=("width",), label="large")).test_labels
    assert labels.tolist() == [int(n % 3 == 0) for n in range(N)]


def test_words_of_a_dictionary_are_labels(tmp_path):
    path = parquet(tmp_path, kind=pa.array(columns()["kind"]).dictionary_encode())
    found = data.load_all(path, reading=Reading(columns=("width",), label="kind"))
    assert found.test_labels.tolist() == columns()["kind"]


def test_what_is_no_number_is_named_with_row_and_column(tmp_path):
    assert "column kind: holds string" in refusal(parquet(tmp_path))
    hole = parquet(tmp_path, "hole.parquet", width=[1.0] * 9 + [None] + [2.0] * (N - 10))
    assert "row 10, column width: a missing value" in refusal(hole, drop=("kind",))
    nan = parquet(tmp_path, "nan.parquet", width=[1.0] * 9 + [float("nan")] + [2.0] * (N - 10))
    assert "row 10, column width: a missing value" in refusal(nan, drop=("kind",))
    infinite = parquet(tmp_path, "inf.parquet", width=[float("inf")] * N)
    assert "row 1, column width: 'inf'" in refusal(infinite, drop=("kind",))
    label = parquet(tmp_path, "label.parquet", kind=["a"] * 4 + [None] + ["b"] * (N - 5))
    assert "row 5: the label is missing" in refusal(label, label="kind")
    assert "--label y: no such column; the file has id, width" in refusal(label, label="y")


def test_what_is_no_parquet_file_is_refused(tmp_path):
    path = tmp_path / "m.parquet"
    assert "no such file" in refusal(str(path))
    for content in (b"", b"PAR1", b"a,b\n1,2\n", b"PAR1" + bytes(400) + b"PAR1"):
        path.write_bytes(content)
        assert refusal(str(path)).startswith(f"{path}: not a readable Parquet file")
    whole = (tmp_path / "t.parquet", parquet(tmp_path))[0].read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert refusal(str(path)).startswith(f"{path}: not a readable Parquet file")


def test_a_table_that_would_fill_the_memory_is_refused_before_it_is_read(tmp_path, monkeypatch):
    path = tmp_path / "m.parquet"
    pq.write_table(pa.table({"a": pa.array(np.zeros(400_000))}), path)
    assert path.stat().st_size < 1 << 16
    monkeypatch.setenv("EDGEAE_MAX_UNPACKED", "1M")
    assert "the table unpacks to 3.05 MiB" in refusal(str(path))


def test_without_pyarrow_the_command_that_installs_it_is_named(tmp_path, monkeypatch):
    path = parquet(tmp_path)
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "pyarrow" else found(name)
    )
    with pytest.raises(RuntimeUnavailable) as caught:
        data.load(path)
    assert str(caught.value).endswith("pip install 'edgeae[parquet]'")
