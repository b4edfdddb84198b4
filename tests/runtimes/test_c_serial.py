"""`--port`: a board proves its bits and counts its cycles, and what goes wrong is one clear line.

The board is `fake_board`, which speaks the protocol by itself; the firmware is tested in
`test_serial_firmware.py`.
"""

import json
import re
from pathlib import Path

import fake_board
import numpy as np
import pytest
import tiny
from edgeae_cli import edgeae_warm
from odd_runtimes import environment

from edgeae.runtimes import Line, child, load
from edgeae.runtimes.answers import ask
from edgeae.timing.results import read_results
from edgeae.verify import run as verify_run
from edgeae.verify.subject import Subject

pytestmark = pytest.mark.usefixtures("everything_is_installed")


@pytest.fixture
def bundle(tiny_bundle):
    return tiny_bundle()


def parts_of(bundle, *names: str) -> dict[str, bytes]:
    return {
        name: (bundle.root / f"{name}.tflite").read_bytes()
        for name in names or ("encoder", "decoder", "autoencoder")
    }


def verify(bundle, port: str, *words: str, within: float = 0.6, **env: str):
    told = ("verify", str(bundle.root), "--port", port, "--answer-within", str(within), *words)
    return edgeae_warm(*told, "--golden", cwd=bundle.root.parents[2], **env)


def bench(bundle, port: str, *words: str, within: float = 0.6, **env: str):
    told = ("bench", str(bundle.root), "--port", port, "--answer-within", str(within), *words)
    return edgeae_warm(*told, "--seconds", "0.1", cwd=bundle.root.parents[2], **env)


def complaints(done) -> list[str]:
    """Return the lines that say what went wrong; progress has other lines."""
    return [line for line in done.stderr.splitlines() if line.startswith("edgeae: ")]


# --- verify ---


@pytest.mark.parametrize(
    "does", ["right", "starts", "text", "stale", "garbled-once", "refuses-once"]
)
def test_the_bits_of_a_board_are_proved(does, bundle):
    with fake_board.board(parts_of(bundle), does, call_s=0) as board:
        done = verify(bundle, board.port, "--json", within=5)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)[0]["rows"]
    assert [(row["part"], row["runtime"]) for row in rows] == [
        (part, "c-serial") for part in ("encoder", "decoder", "autoencoder")
    ]
    for row in rows:
        assert (row["n"], row["max_lsb"], row["verdict"]) == (64, 0, "pass")
        assert row["device"] == "fake board!" and "protocol 1, pyserial" in row["runtime_version"]
        assert re.search(r"^[\d,]+ cycles a call on fake board!$", row["note"])


def test_a_float_bundle_on_a_board_at_another_speed(tiny_bundle):
    bundle = tiny_bundle("float32")
    with fake_board.board(parts_of(bundle), kind=fake_board.EMULATED, call_s=0) as board:
        done = verify(bundle, board.port, "--baud", "9600", "--json", within=5)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)[0]["rows"]
    assert {row["verdict"] for row in rows} == {"pass"} and all(row["software"] for row in rows)


def test_a_wrong_answer_is_out_of_tolerance(bundle):
    with fake_board.board(parts_of(bundle), "wrong", call_s=0) as board:
        done = verify(bundle, board.port, within=5)
    assert done.returncode == 1, done.stderr
    for part in ("encoder", "decoder", "autoencoder"):
        assert f"/{part}.tflite on c-serial: share_over_1lsb " in done.stderr


def test_a_board_without_a_part_says_so_and_the_others_are_proved(bundle):
    with fake_board.board(parts_of(bundle, "encoder"), call_s=0) as board:
        done = verify(bundle, board.port, within=5)
    assert done.returncode == 3 and complaints(done) == []
    assert "encoder.tflite" in done.stdout and "fake board! has only encoder of tiny" in done.stdout


#: What a board does → one of the commands that meet it, its exit code, and what it says.
FAILURES = {
    "silent": (verify, 5, r"silent: no byte within 0\.7 s; does the board run firmware"),
    "noise": (bench, 5, r"noise: [\d,]+ bytes and no right hello within 0\.7 s; is --baud 115200"),
    "late": (verify, 5, r"late: no answer within 0\.\d s \(--answer-within\)"),
    "garbled": (bench, 5, "noise: 3 requests or answers in a row had a wrong checksum"),
    "refuses": (verify, 5, "a refusal: it has no such part"),
    "short": (verify, 5, "3 bytes of output; its encoder has 4"),
    "short-hello": (bench, 5, "a damaged hello: a text of 11 bytes, 7 are left"),
    "unplugged": (bench, 5, "the line broke: is the board still connected"),
    "other": (verify, 4, "fake board! runs another "),
}


@pytest.mark.parametrize("does", FAILURES)
def test_a_board_that_fails_is_one_clear_line_with_its_code(does, bundle):
    command, code, message = FAILURES[does]
    with fake_board.board(parts_of(bundle), does, call_s=0) as board:
        done = command(bundle, board.port, *(["--part", "encoder"] if command is bench else []))
    assert done.returncode == code, (done.stdout, done.stderr)
    lines = complaints(done) if command is verify else done.stdout.splitlines()
    told = [line for line in lines if re.search(message, line)]
    assert len(told) == 1, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    if command is verify:
        assert len(lines) == 1 and not (bundle.root / "verify.json").exists()


@pytest.mark.parametrize("command", [verify, bench])
def test_another_protocol_is_named_with_what_to_do(command, bundle):
    with fake_board.board(parts_of(bundle), "protocol-2", call_s=0) as board:
        done = command(bundle, board.port)
    assert done.returncode == 3
    (line,) = [line for line in done.stdout.splitlines() if "protocol" in line]
    assert "the board speaks protocol 2, this edgeae speaks 1; embed the model again" in line


def test_another_models_board_is_noticed_before_anything_runs(bundle):
    with fake_board.board(parts_of(bundle), "other", call_s=0) as board:
        verify(bundle, board.port)
        done = bench(bundle, board.port)
    assert {kind for kind, _ in board.requests} == {1}
    (line,) = done.stdout.splitlines()[1:]
    assert line.startswith("c-serial: the board fake board! runs another model than tiny/int8")


@pytest.mark.parametrize("command", [verify, bench])
@pytest.mark.parametrize(
    ("port", "code", "message"),
    [
        ("/dev/ttyNOTHERE", 2, "--port /dev/ttyNOTHERE: there is no such port"),
        ("{folder}/file", 2, "--port {folder}/file: no serial port: "),
        ("{taken}", 2, "--port {taken}: another program has it open"),
    ],
)
def test_a_port_that_cannot_be_opened(command, port, code, message, bundle, tmp_path):
    import serial

    (tmp_path / "file").write_text("text")
    with fake_board.board({}, "silent") as board, serial.Serial(board.port, exclusive=True):
        words = {"folder": str(tmp_path), "taken": board.port}
        done = command(bundle, port.format(**words))
    assert done.returncode == code, done.stderr
    said = done.stdout + done.stderr
    assert message.format(**words) in said and "Traceback" not in said


def test_without_permission(bundle, monkeypatch):
    from edgeae.errors import BadInput
    from edgeae.runtimes.serial_line import _refusal

    refused = _refusal(str(bundle.root), PermissionError(13, "Permission denied"))
    assert isinstance(refused, BadInput) and "no permission; `sudo usermod -aG dialout" in str(
        refused
    )


@pytest.mark.parametrize("command", [verify, bench])
def test_without_pyserial(command, bundle, tmp_path):
    (tmp_path / "site").mkdir()
    missing = environment(tmp_path / "site", "serial", known=False)
    done = command(bundle, "/dev/ttyS0", **missing)
    assert done.returncode == 3, done.stderr
    assert "takes the package pyserial; pip install 'edgeae[board]'" in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("verify", "{bundle}", "--runtime", "c-serial"), "--runtime c-serial: which board?"),
        (("bench", "{bundle}", "--runtime", "c-serial"), "--runtime c-serial: which board?"),
        (("verify", "{bundle}", "--baud", "9600"), "--baud 9600: only with --port"),
        (("bench", "{bundle}", "--answer-within", "2"), "--answer-within 2: only with --port"),
        (("verify", "{bundle}", "{other}", "--port", "x"), "a board runs one bundle; .* 2 here"),
        (("bench", "{bundle}", "{other}", "--port", "x"), "a board runs one model; .* 2 here"),
        (
            ("bench", "--port", "x", "--compare", "{bundle}/encoder.tflite", "{other}"),
            "--port: not together with --compare",
        ),
        (
            ("bench", "--answer-within", "3", "--compare", "{bundle}/encoder.tflite", "{other}"),
            "--answer-within: not together with --compare",
        ),
    ],
)
def test_options_that_make_no_sense_are_refused(words, message, tiny_bundle, tmp_path):
    places = {"bundle": tiny_bundle().root, "other": tiny_bundle("float32").root}
    done = edgeae_warm(*(word.format(**places) for word in words), cwd=tmp_path)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert re.search(message, line), line


def test_without_a_port_other_commands_say_what_takes_one(bundle):
    with pytest.raises(Exception, match=r"no port is named .* take --port PORT") as caught:
        load("c-serial").version()
    assert getattr(caught.value, "code", 0) == 3


def test_the_first_200_images_have_to_do(bundle):
    images = tiny.images(230).reshape(-1, 16).astype(np.float32) / np.float32(255)
    with fake_board.board(parts_of(bundle), call_s=0) as board:
        line = Line(board.port, answer_s=5)
        found = ask(bundle.root, "c-serial", "tflite", images, None, line=line)
        runs = [kind for kind, _ in board.requests].count(2)
    known = ask(bundle.root, "litert-reference", "tflite", images, None)
    assert found.slow and runs == 600
    for name, outputs in found.outputs.items():
        assert len(outputs) == 200
        np.testing.assert_array_equal(outputs, known.outputs[name][:200])


def test_a_row_of_a_board_says_that_it_is_of_200_images(bundle, monkeypatch):
    images = tiny.images(230).reshape(-1, 16).astype(np.float32) / np.float32(255)
    known = ask(bundle.root, "litert-reference", "tflite", images, None).outputs
    against = Subject.of("known", images, known | {"decoder": known["composed"]}, None)
    monkeypatch.setattr(verify_run, "golden_subject", lambda bundle: against)
    with fake_board.board(parts_of(bundle), call_s=0) as board:
        line = Line(board.port, answer_s=5)
        found = verify_run.verify(bundle, None, ["c-serial"], lambda told: None, line=line)
    assert [(row.n, row.max_lsb, row.verdict) for row in found.rows] == [(200, 0, "pass")] * 3
    assert [(item.n, item.max_lsb) for item in found.compositions] == [(200, 0)]


def test_progress_is_told(bundle, monkeypatch, tmp_path):
    monkeypatch.setattr(child, "_TELL_S", 0.0)
    images = tmp_path / "images.npy"
    np.save(images, np.zeros((25, 16), np.float32))
    task = {"name": "encoder", "part": "encoder", "inputs": str(images)}
    task["outputs"] = str(tmp_path / "out.npy")
    job = {"root": str(bundle.root), "runtime": "c-serial", "format": "tflite", "threads": 1}
    with fake_board.board(parts_of(bundle), call_s=0) as board:
        job |= {"sessions": 1, "tasks": [task], "line": {"port": board.port}}
        first, *reports, last = child.run(job)
    assert first["slow"] and len(first["holds"]) == 3
    assert reports == [{"done": count, "n": 25} for count in (10, 20, 25)]
    assert "cycles a call" in last["note"]


# --- bench ---


@pytest.mark.system
def test_the_cycles_of_a_board_are_a_row(bundle):
    with fake_board.board(parts_of(bundle)) as board:
        done = bench(bundle, board.port, "--part", "encoder", within=5)
    assert done.returncode == 0, done.stderr + done.stdout
    (row,) = read_results(Path(bundle.root.parents[2]) / "build" / "results.jsonl")
    assert (row.runtime, row.device, row.tick, row.tick_hz) == (
        *("c-serial", "fake board!", "cycle"),
        1_000_000_000,
    )
    assert row.block == 1 and len(row.ticks) >= 16 and not row.software
    assert all(2e6 <= count < 1e9 for count in row.ticks)  # a call sleeps 2 ms
    assert (row.samples_ns, row.instructions, row.start_ns) == ((), None, None)
    header, line, method = done.stdout.splitlines()[1:]
    assert header.split()[:6] == ["model/recipe", "part", "runtime", "board", "counts", "a"]
    assert re.search(r"encoder\.tflite +c-serial +fake board! .* cycles .* ms at 1000 MHz$", line)
    assert method.startswith("A board counts around each call")


def test_an_emulators_ticks_are_no_cycles_and_no_time(bundle):
    with fake_board.board(parts_of(bundle), kind=fake_board.EMULATED, hz=1000) as board:
        done = bench(bundle, board.port, "--part", "encoder", within=5)
    assert done.returncode == 0, done.stderr + done.stdout
    (row,) = read_results(Path(bundle.root.parents[2]) / "build" / "results.jsonl")
    assert row.tick == "emulated" and row.software
    assert "ticks of an emulator" in done.stdout and "Hz" not in done.stdout
    assert "cycles" not in done.stdout


def test_the_report_shows_what_bench_took_from_a_board(bundle):
    cwd = bundle.root.parents[2]
    with fake_board.board(parts_of(bundle), kind=fake_board.EMULATED, hz=1000) as board:
        bench(bundle, board.port, "--part", "encoder", within=5)
    done = edgeae_warm("report", cwd=cwd)
    assert done.returncode == 0, done.stderr
    text = (cwd / "build" / "report" / "summary.md").read_text()
    assert re.search(r"\| encoder \| fake board! \| [\d,.]+ \| an emulator’s \|", text), text


@pytest.mark.system
@pytest.mark.parametrize(
    ("clock", "message"),
    [
        ({"kind": 0}, "fake board! has no counter: its tick_kind is 0"),
        ({"hz": 2_000_000_000}, "counts .* ms a call at 2000 MHz, but .* ms pass: its tick_hz is"),
        ({"bits": 20}, "or its counter of 20 bits wraps in a call"),
    ],
)
def test_a_counter_that_cannot_be_believed_is_not_measured(clock, message, bundle):
    with fake_board.board(parts_of(bundle), **clock) as board:
        done = bench(bundle, board.port, "--part", "encoder", within=5)
    assert done.returncode == 3, done.stdout
    assert re.search(message, done.stdout), done.stdout


@pytest.mark.system
def test_fast_calls_are_counted_together(bundle):
    """A timer of 1 MHz sees 200 µs as 200 ticks: several calls are one count."""
    clock = {"kind": fake_board.TIMER, "call_s": 2e-4}
    with fake_board.board(parts_of(bundle), "microseconds", hz=1_000_000, **clock) as board:
        done = bench(bundle, board.port, "--part", "encoder", within=5)
    assert done.returncode == 0, done.stdout
    (row,) = read_results(Path(bundle.root.parents[2]) / "build" / "results.jsonl")
    assert row.block > 1 and all(count > 500 for count in row.ticks)
    assert "ticks of a timer" in done.stdout


def test_a_wrong_answer_is_not_counted(bundle):
    with fake_board.board(parts_of(bundle), "wrong", call_s=0) as board:
        done = bench(bundle, board.port, "--part", "encoder", within=5)
    assert done.returncode == 1
    assert "wrong answer on the golden vectors" in done.stdout and "cycles" not in done.stdout


def test_the_row_of_a_failure_names_the_board(bundle):
    with fake_board.board(parts_of(bundle), "late", call_s=0) as board:
        done = bench(bundle, board.port, "--part", "encoder")
    assert done.returncode == 5
    (row,) = read_results(Path(bundle.root.parents[2]) / "build" / "results.jsonl")
    assert row.device == "fake board!" and "late: no answer" in row.error


def test_rows_of_boards_are_no_times_of_this_machine(bundle):
    from edgeae.timing.emulated import is_counted, is_emulated
    from edgeae.timing.operators import choose_runtime

    assert is_counted("c-serial") and not is_emulated("c-serial")
    with pytest.raises(Exception, match="no profile on c-serial: a board counts whole calls"):
        choose_runtime(bundle.root / "encoder.tflite", "c-serial")
