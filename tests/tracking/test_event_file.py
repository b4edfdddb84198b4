"""Event files, read by protobuf and held to records that TensorFlow wrote."""

import struct

import pytest
from board_files import parsed

from edgeae.tracking import event_file

#: `tf.io.TFRecordWriter` wrote `edgeae`, and the bytes 0 to 199, as these records.
SMALL = bytes.fromhex("06000000000000007369d53765646765616507d01ab4")
LARGE = bytes.fromhex("c800000000000000fdaa9078") + bytes(range(200)) + bytes.fromhex("ef9c6a6d")


def event(content: bytes) -> object:
    """Parse a record's event."""
    return parsed("Event", content[12:-4])


@pytest.mark.parametrize("whole", [SMALL, LARGE], ids=["small", "large"])
def test_a_record_is_that_of_tensorflow(whole):
    data = whole[12:-4]
    # the event's time is the data's first nine bytes; a float64 of eight of them
    if len(data) > 9:
        begun = event_file.record(0.5, data[9:])
        assert begun[:12] == whole[:12] and len(begun) == len(whole)
    assert event_file._checksum(whole[:8]) == whole[8:12]
    assert event_file._checksum(data) == whole[-4:]


def test_figures_of_a_step():
    (value,) = struct.unpack("<f", struct.pack("<f", 0.1))
    found = event(event_file.record(12.5, event_file.scalars(300, {"a/b": 0.1, "c": -2.0})))
    assert (found.wall_time, found.step) == (12.5, 300)
    assert [(item.tag, item.simple_value) for item in found.summary.value] == [
        *(("a/b", value), ("c", -2.0))
    ]


def test_a_file_begins_with_its_version():
    assert event(event_file.record(1.0, event_file.version())).file_version == "brain.Event:2"


def test_a_start_is_one():
    found = event(event_file.record(1.0, event_file.start()))
    assert (found.step, found.session_log.status) == (0, 1)


def test_settings_are_those_of_the_plugin_hparams():
    given = {"family": "deep", "seed": 3, "lr": 0.5, "tied": True, "pretrain": False}
    found = event(event_file.record(1.0, event_file.hyperparameters(given)))
    (value,) = found.summary.value
    assert value.tag == "_hparams_/session_start_info" and value.tensor.dtype == 1
    assert value.metadata.plugin_data.plugin_name == "hparams"
    pairs = parsed("HParams", value.metadata.plugin_data.content).start.hparams
    got = {pair.key: pair.value for pair in pairs}
    assert got["family"].text == "deep"
    assert (got["seed"].number, got["lr"].number) == (3.0, 0.5)
    assert (got["tied"].truth, got["pretrain"].truth) == (True, False)
    assert len(got["pretrain"].SerializeToString(deterministic=True)) == 0  # a bool in proto3
    assert set(got) == set(given)


def test_what_is_written_is_read_again_and_what_is_damaged_is_not():
    events = [event_file.version(), event_file.scalars(1, {"x": 1.0})]
    content = b"".join(event_file.record(4.0, item) for item in events)
    assert event_file.events(content) == events
    assert event_file.events(b"") == []
    assert event_file.events(content[:-1]) is None
    for place in (3, 9, 30, len(content) - 2):
        damaged = bytearray(content)
        damaged[place] ^= 1
        assert event_file.events(bytes(damaged)) is None
