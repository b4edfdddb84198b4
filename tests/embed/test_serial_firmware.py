"""The firmware's C: the same bits as LiteRT's reference kernels, and every bad frame refused.

It is compiled for this machine, with the example that is written beside it; and for an emulated
Cortex-M, whose UART stands behind a pseudo-terminal (`system`).
"""

import json
import struct
from collections.abc import Iterator

import numpy as np
import pytest
import serial
import serial_programs
import tiny
from edgeae_cli import edgeae_warm
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeae.embed.c_sources import c_sources
from edgeae.embed.form import Options
from edgeae.embed.record import read
from edgeae.embed.serial_link import serial_sources
from edgeae.runtimes import Line
from edgeae.runtimes.answers import ask
from edgeae.runtimes.serial_protocol import Frame, Frames, framed, hello_of, run_payload
from edgeae.timing.results import read_results


def embedded(bundle, folder):
    done = edgeae_warm(
        *("embed", str(bundle.root), "--as", "c", "--out", str(folder)), cwd=folder.parent
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The tiny int8 model's firmware, compiled for this machine, and its bundle."""
    folder = tmp_path_factory.mktemp("firmware")
    bundle = tiny.write_bundle(folder / "build" / "tiny" / "int8")
    return serial_programs.host_program(embedded(bundle, folder / "out")), bundle


@pytest.fixture
def line(program) -> Iterator[serial.Serial]:
    """An open line to that firmware."""
    with (
        serial_programs.on_terminal(program[0]) as port,
        serial.Serial(port, timeout=0.05) as opened,
    ):
        yield opened


def answers(line: serial.Serial, content: bytes, count: int = 1) -> list[Frame | None]:
    """Send bytes and return what is answered: `count` frames, or what comes within a second."""
    line.write(content)
    reader, found = Frames(1 << 16), []
    for _ in range(20):
        found += reader.feed(line.read(1 << 12))
        if len(found) >= count:
            break
    return found


def until_hello(line: serial.Serial, noise: bytes) -> list[int]:
    """Send noise and a hello; return the kinds of what is answered, the hello last."""
    line.write(noise + framed(1, 4, b"\x01"))
    reader, kinds = Frames(1 << 16), []
    for _ in range(60):
        for frame in reader.feed(line.read(max(1, line.in_waiting))):
            assert frame is not None
            kinds.append(frame.kind)
        if kinds[-1:] == [0x81]:
            return kinds
    raise AssertionError(f"no hello after {noise!r}: {kinds}")


# --- the protocol's C ---


def test_it_says_hello_with_name_hash_and_clock(line, program):
    (frame,) = answers(line, framed(1, 9, b"\x01"))
    assert (frame.kind, frame.number) == (0x81, 9)
    hello, bundle = hello_of(frame.payload), program[1]
    assert (hello.board, hello.model, hello.tick) == ("program", "tiny", "timer")
    assert (hello.tick_bits, hello.tick_hz) == (32, 1_000_000_000)
    assert hello.identity == read(bundle.root).identity
    for part, name in zip(hello.parts, ("encoder", "decoder", "autoencoder"), strict=True):
        artifact = bundle.artifact(name)
        assert part.name == name and artifact.sha256.startswith(part.sha256)
        assert len(part.sha256) == 16
        assert (part.input_bytes, part.output_bytes) == (
            int(np.prod(artifact.input.values)),
            int(np.prod(artifact.output.values)),
        )


def test_a_run_counts_and_its_output_is_that_of_the_reference(line, program):
    given, known = (program[1].golden(name) for name in ("encoder", "decoder"))
    for row, expected in zip(given[:20], known, strict=False):
        (frame,) = answers(line, framed(2, 1, run_payload(1, 1, row.tobytes())))
        ticks, output = struct.unpack_from("<Q", frame.payload)[0], frame.payload[8:]
        assert 0 < ticks < 10_000_000 and output == expected.tobytes()
    row = given[0].tobytes()
    counts = [
        struct.unpack_from("<Q", frame.payload)[0]
        for repeats in (0, 1, 3000)
        for frame in answers(line, framed(2, 2, run_payload(1, repeats, row)))
    ]
    assert counts[0] == 0 and counts[2] > 3 * counts[1]


def test_no_repeat_moves_the_bytes_and_runs_nothing(line, program):
    given, known = (program[1].golden(name) for name in ("encoder", "decoder"))
    (first,) = answers(line, framed(2, 1, run_payload(1, 1, given[0].tobytes())))
    (again,) = answers(line, framed(2, 2, run_payload(1, 0, given[1].tobytes())))
    assert first.payload[8:] == again.payload[8:] == known[0].tobytes() != known[1].tobytes()


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (framed(1, 7, b"\x01")[:-2] + b"\x00\xc0", 1),  # a wrong checksum
        (framed(9, 7, b"\x01"), 2),
        (framed(2, 7, run_payload(3, 1, bytes(16))), 3),
        (framed(2, 7, run_payload(255, 1, bytes(16))), 3),
        (framed(2, 7, run_payload(0, 1, bytes(15))), 4),
        (framed(2, 7, run_payload(1, 1, bytes(16))), 4),
        (framed(2, 7, b""), 4),
        (framed(2, 7, b"\x00\x00\x01\x00\x00"), 4),
    ],
)
def test_a_request_that_is_not_right_is_refused_with_its_reason(line, request_, reason):
    (frame,) = answers(line, request_)
    assert (frame.kind, frame.payload) == (0xFF, bytes([reason]))
    assert frame.number == (0 if reason == 1 else 7)
    (frame,) = answers(line, framed(1, 8, b"\x01"))
    assert frame.kind == 0x81


@pytest.mark.parametrize(
    "noise",
    [
        b"",
        b"\xc0" * 50,
        b"\xdb" * 50,
        b"hello, world\r\n",
        bytes(range(256)) * 20,  # longer than any frame
        framed(2, 1, run_payload(0, 1, bytes(16)))[:-5],  # a frame that breaks off
        framed(2, 1, run_payload(0, 1, bytes(5000))),
        b"\xc0\x01\xdb\xc0",
        b"\xc0\x01\x01\x01\x00\x00\x00\x00\xdb\x00\xc0",
    ],
)
def test_it_finds_the_next_frame_after_noise(line, noise):
    assert set(until_hello(line, noise)[:-1]) <= {0xFF}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=40), max_size=4))
def test_whatever_arrives_it_answers_the_next_hello(line, pieces):
    assert set(until_hello(line, b"\xc0".join(pieces))[:-1]) <= {0xFF}


# --- the whole way, on this machine ---


def test_edgeae_verifies_and_counts_the_example(program, tmp_path):
    binary, bundle = program
    with serial_programs.on_terminal(binary) as port:
        words = (str(bundle.root), "--port", port)
        done = edgeae_warm("verify", *words, "--golden", "--json", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        counted = edgeae_warm("bench", *words, "--part", "encoder", cwd=tmp_path)
    rows = json.loads(done.stdout)[0]["rows"]
    assert [(row["max_lsb"], row["device"]) for row in rows] == [(0, "program")] * 3
    assert counted.returncode == 0, counted.stdout
    (row,) = read_results(tmp_path / "build" / "results.jsonl")
    assert row.tick == "timer" and row.ticks and not row.software


@pytest.mark.parametrize("flavour", ["int8", "float32"])
def test_an_embedded_folder_is_verified_on_the_board_it_is_for(flavour, tmp_path):
    bundle = tiny.write_bundle(tmp_path / "build" / "tiny" / flavour, flavour)
    folder = embedded(bundle, tmp_path / "out")
    binary = serial_programs.host_program(folder, target=tmp_path / "program")
    with serial_programs.on_terminal(binary) as port:
        done = edgeae_warm("verify", "out", "--port", port, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)
    assert found["proof"]["verdict"] == "pass"
    rows = found["runtimes"]["rows"]
    assert [(row["n"], row["verdict"]) for row in rows] == [(8, "pass")] * 3


def test_a_bare_file_is_counted_and_its_folder_proves_no_board(tmp_path):
    path = tmp_path / "mine.tflite"
    path.write_bytes(tiny.program("encoder").content)
    done = edgeae_warm("embed", str(path), "--as", "c", "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    binary = serial_programs.host_program(tmp_path / "out", target=tmp_path / "program")
    with serial_programs.on_terminal(binary) as port:
        counted = edgeae_warm("bench", str(path), "--port", port, cwd=tmp_path)
        refused = edgeae_warm("verify", "out", "--port", port, cwd=tmp_path)
    assert counted.returncode == 0, counted.stdout
    (row,) = read_results(tmp_path / "build" / "results.jsonl")
    assert (row.recipe, row.device, len(row.ticks) >= 16) == ("file", "program", True)
    assert refused.returncode == 2
    assert "out: made from the file mine.tflite, which a board cannot be" in refused.stderr


def test_another_models_firmware_is_told_by_its_hash(program, tmp_path):
    other = tiny.write_bundle(tmp_path / "build" / "tiny" / "float32", "float32")
    with serial_programs.on_terminal(program[0]) as port:
        done = edgeae_warm("verify", str(other.root), "--golden", "--port", port, cwd=tmp_path)
    assert done.returncode == 4
    (told,) = [line for line in done.stderr.splitlines() if line.startswith("edgeae: ")]
    assert "the board program runs another encoder, of tiny: its hash is" in told


def test_the_sources_are_the_same_each_time_and_name_no_path(program, tmp_path):
    record = read(program[1].root)
    made = [serial_sources(record, c_sources(record, Options())) for _ in range(2)]
    assert made[0] == made[1]
    assert list(made[0]) == ["edgeae_serial.h", "edgeae_serial.c", "tiny_serial.c"]
    assert str(program[1].root) not in "".join(made[0].values())


# --- on an emulated core ---


@pytest.mark.system
@pytest.mark.parametrize(("core", "flavour"), [("cortex-m4", "int8"), ("cortex-m7", "float32")])
def test_the_uart_of_an_emulated_core(core, flavour, tmp_path):
    bundle = tiny.write_bundle(tmp_path / "build" / "tiny" / flavour, flavour)
    elf = serial_programs.emulated_program(embedded(bundle, tmp_path / "out"), core)
    images = tiny.images(230).reshape(-1, 16).astype(np.float32) / np.float32(255)
    known = ask(bundle.root, "litert-reference", "tflite", images, None)
    with serial_programs.on_qemu(elf, core) as port:
        found = ask(bundle.root, "c-serial", "tflite", images, None, line=Line(port))
        counted = edgeae_warm("bench", str(bundle.root), "--port", port, cwd=tmp_path)
    assert found.errors == {} and found.device == "qemu mps2" and found.software
    for name, outputs in found.outputs.items():
        assert len(outputs) == 200
        if flavour == "int8":
            np.testing.assert_array_equal(outputs, known.outputs[name][:200])
        else:
            assert np.abs(outputs - known.outputs[name][:200]).max() < 1e-5
    assert counted.returncode == 0, counted.stdout
    rows = read_results(tmp_path / "build" / "results.jsonl")
    assert [row.tick for row in rows] == ["emulated"] * 3 and all(row.software for row in rows)
