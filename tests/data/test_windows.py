"""Windows of recordings: each is a piece of the recording, and no part sees another's samples."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeae import data
from edgeae.data import Reading
from edgeae.errors import BadInput


def recording(folder: Path, samples: int, channels: int | None = None) -> str:
    """Write sample numbers, in channel c plus c / 8, so that each value tells where it was."""
    numbers = np.arange(samples, dtype=np.float32)
    values = numbers if channels is None else numbers[:, None] + np.arange(channels) / 8
    np.save(folder / "signal.npy", values.astype(np.float32))
    return str(folder / "signal.npy")


def samples_of(windows: np.ndarray) -> set[int]:
    return set(windows[:, :, 0].astype(int).ravel().tolist())


@settings(max_examples=60, deadline=None)
@given(
    samples=st.integers(40, 300),
    channels=st.sampled_from([None, 1, 3]),
    window=st.integers(1, 40),
    step=st.integers(0, 50),
    split=st.sampled_from([None, (60, 20, 20), (34, 33, 33)]),
)
def test_windows_are_pieces_and_parts_share_no_sample(
    tmp_path_factory, samples, channels, window, step, split
):
    path = recording(tmp_path_factory.mktemp("signal"), samples, channels)
    reading = Reading(window=window, step=step, split=split)
    try:
        found = data.load(path, reading=reading)
    except BadInput as error:
        assert "longer than" in str(error)
        assert window > samples * min(split or (50,)) / 100 - 1
        return
    stride = step or window
    parts = (
        [found.train, found.test] if split is None else [found.train, found.validation, found.test]
    )
    for windows in parts:
        assert windows.shape[1:] == (window, channels or 1)
        starts = windows[:, 0, 0]
        expected = starts[:, None] + np.arange(window)
        for channel in range(channels or 1):
            np.testing.assert_array_equal(windows[:, :, channel], expected + channel / 8)
        assert np.all(np.diff(starts) == stride)
    seen = [samples_of(windows) for windows in parts]
    assert sum(map(len, seen)) == len(set().union(*seen))
    assert found.trainable == (split is not None)


def test_all_windows_of_a_recording_come_in_the_order_of_time(tmp_path):
    path = recording(tmp_path, 100, 2)
    found = data.load_all(path, reading=Reading(window=20, step=10, split=(70, 10, 20)))
    assert found.test[:, 0, 0].tolist() == list(range(0, 81, 10))
    assert len(found.train) == len(found.validation) == 0 and not found.trainable


def test_a_window_with_one_sample_of_the_rare_label_has_that_label(tmp_path):
    lines = [f"{n},{'fault' if n in (17, 41, 42) else 'good'}" for n in range(60)]
    (tmp_path / "s.csv").write_text("\n".join(["x,state", *lines]) + "\n")
    found = data.load_all(str(tmp_path / "s.csv"), reading=Reading(label="state", window=6))
    faulty = [6 * k for k, label in enumerate(found.test_labels) if label == "fault"]
    assert faulty == [12, 36, 42] and set(found.test_labels) == {"fault", "good"}
    assert found.columns == ("x",) and found.test.shape == (10, 6, 1)


def test_what_is_rare_is_counted_over_the_whole_recording(tmp_path):
    lines = [f"{n},{int(n >= 70)}" for n in range(100)]  # most of the last part is faulty
    (tmp_path / "s.csv").write_text("\n".join(["x,y", *lines]) + "\n")
    found = data.load(
        str(tmp_path / "s.csv"), reading=Reading(label="y", window=5, split=(40, 20, 40))
    )
    assert found.test_labels.tolist() == [0, 0, 1, 1, 1, 1, 1, 1]
    assert found.train_labels.tolist() == [0] * 8


def test_a_training_recording_beside_a_test_recording(tmp_path):
    train, test = np.arange(100, dtype=np.float32), np.arange(1000, 1050, dtype=np.float32)
    np.savez(tmp_path / "m.npz", x_train=train, x_test=test)
    found = data.load(str(tmp_path / "m.npz"), reading=Reading(window=5, step=1))
    assert len(found.test) == 46 and found.trainable
    assert samples_of(found.train) == set(range(90))
    assert samples_of(found.validation) == set(range(90, 100))


@pytest.mark.parametrize(
    ("reading", "words"),
    [
        (
            Reading(window=51),
            "--window 51: longer than the first half of the recording, 50 samples",
        ),
        (
            Reading(window=30, split=(60, 20, 20)),
            "--window 30: longer than the validation part of the recording, 20 samples",
        ),
    ],
)
def test_a_window_longer_than_the_recording_is_refused(tmp_path, reading, words):
    path = recording(tmp_path, 100)
    with pytest.raises(BadInput) as caught:
        data.load(path, reading=reading)
    assert str(caught.value) == f"{path}: {words}"


def test_pictures_are_no_recording(tmp_path):
    np.save(tmp_path / "m.npy", np.zeros((20, 4, 4), np.float32))
    with pytest.raises(BadInput, match=r"rows of shape \(4, 4\); allowed is a recording"):
        data.load(str(tmp_path / "m.npy"), reading=Reading(window=2))


def test_single_numbers_are_rows_only_of_a_recording(tmp_path):
    path = recording(tmp_path, 100)
    with pytest.raises(BadInput, match=r"shape \(100,\)"):
        data.load(path)


def test_windows_are_another_dataset_than_other_windows(tmp_path):
    path = recording(tmp_path, 100, 2)
    hashes = {
        data.load(path, reading=reading).sha256
        for reading in (Reading(), Reading(window=5), Reading(window=6), Reading(window=5, step=1))
    }
    assert len(hashes) == 4
    same = data.load(path, reading=Reading(window=5, step=5))
    assert same.sha256 in hashes


def test_windows_that_would_fill_the_memory_are_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGEAE_MAX_UNPACKED", "1M")
    path = recording(tmp_path, 20_000)
    with pytest.raises(BadInput, match=r"9001 windows of 1000 samples unpacks to 34\.3 MiB"):
        data.load(path, reading=Reading(window=1000, step=1))
