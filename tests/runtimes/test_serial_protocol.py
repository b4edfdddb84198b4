"""The bytes of the protocol: what is no right frame never is one, and the next one is found."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeae.runtimes import serial_protocol as protocol
from edgeae.runtimes.serial_protocol import Frame, Frames, HeldPart, framed, hello_of


def frames(content: bytes, most: int = 1000, step: int = 7) -> list[Frame | None]:
    """Feed bytes in pieces and return what came out."""
    reader = Frames(most)
    pieces = [content[start : start + step] for start in range(0, len(content), step)]
    return [frame for piece in pieces for frame in reader.feed(piece)]


def test_a_frame_is_what_the_guide_says():
    # 0xCBF43926 is the published CRC-32 of these digits
    assert framed(0x31, 0x32, b"3456789") == b"\xc0123456789\x26\x39\xf4\xcb\xc0"
    escaped = framed(2, 5, b"\xc0\xdb")
    assert escaped[:7] == b"\xc0\x02\x05\xdb\xdc\xdb\xdd" and len(escaped) == 12
    assert protocol.run_payload(1, 258, b"xy") == b"\x01\x00\x02\x01\x00\x00xy"
    assert protocol.ran(b"\x01\x00\x00\x00\x01\x00\x00\x00abc") == (2**32 + 1, b"abc")


@given(st.binary(max_size=200), st.binary(max_size=60), st.integers(0, 255))
def test_noise_before_a_frame_does_not_hide_it(payload, noise, number):
    found = frames(noise + framed(0x82, number, payload))
    assert found[-1] == Frame(0x82, number, payload)
    assert all(frame is None for frame in found[:-1])


@given(st.binary(min_size=1, max_size=80), st.data())
def test_a_changed_bit_is_noticed(payload, data):
    content = bytearray(framed(0x81, 3, payload))
    place = data.draw(st.integers(1, len(content) - 2))
    content[place] ^= 1 << data.draw(st.integers(0, 7))
    assert all(frame is None for frame in frames(bytes(content)))


def test_a_frame_without_an_end_is_bounded():
    reader = Frames(100)
    for _ in range(1000):
        assert list(reader.feed(b"a" * 1000)) == []
    assert len(reader._body) <= 201 and reader.received == 1_000_000
    assert list(reader.feed(b"\xc0")) == [None] and reader.broken == 1
    assert list(reader.feed(framed(1, 2, bytes(90)))) == [Frame(1, 2, bytes(90))]
    assert list(reader.feed(framed(1, 2, bytes(200)))) == [None]


def hello(count: int = 1, tick: int = 1, bits: int = 32) -> bytes:
    head = struct.pack("<BBBBII", 1, tick, bits, count, 16_000_000, 0xFEDCBA98)
    part = b"\x07encoder" + bytes(range(8)) + struct.pack("<II", 784, 32)
    return head + b"\x06nucleo" + b"\x05de\x07p\xff" + part


def test_a_hello_says_what_the_board_is():
    found = hello_of(hello())
    assert found.board == "nucleo" and found.model == "de?p\N{REPLACEMENT CHARACTER}"
    assert (found.identity, found.tick, found.tick_bits) == (0xFEDCBA98, "cycle", 32)
    assert found.tick_hz == 16_000_000
    assert found.parts == (HeldPart("encoder", "0001020304050607", 784, 32),)


@pytest.mark.parametrize(
    "payload",
    [*(hello()[:size] for size in range(len(hello()))), hello(2), hello(tick=4), hello(bits=0)],
)
def test_a_damaged_hello_is_refused(payload):
    with pytest.raises(ValueError, match=r"\S"):
        hello_of(payload)


def test_an_answer_without_ticks_is_refused():
    with pytest.raises(ValueError, match="7 bytes"):
        protocol.ran(bytes(7))
    with pytest.raises(ValueError, match="no bytes"):
        protocol.protocol_of(b"")
