"""The emulated runtimes: run only by name, many examples a start, and every failure is a row.

Compiler and emulator are scripts, so nothing of them has to be installed; the last test, for the
real ones, is `system`.
"""

import os

import fake_emulation
import numpy as np
import pytest
import tiny
from edgeae_cli import edgeae_warm
from odd_runtimes import HERE

from edgeae import runtimes
from edgeae.errors import NotMeasured, RuntimeCrashed, RuntimeUnavailable, exit_code
from edgeae.runtimes import RUNTIMES, c_emulated
from edgeae.runtimes.inference import run_all
from edgeae.timing.bench import probe
from edgeae.timing.operators import choose_runtime
from edgeae.timing.suite import _chosen as chosen_by
from edgeae.verify import openers
from edgeae.verify import run as verify_run
from edgeae.verify.table import render

EMULATED = [name for name, entry in RUNTIMES.items() if entry.module == c_emulated.__name__]
INPUTS = np.arange(12 * 16, dtype=np.int8).reshape(12, 16)
OUTPUTS = np.arange(12 * 16, dtype=np.int8).reshape(12, 16)[::-1]


def verify(bundle, *names):
    return verify_run.verify(bundle, None, list(names), lambda line: None)


def use(monkeypatch, folder, *arguments, **options):
    for key, value in fake_emulation.install(folder / "tools", *arguments, **options).items():
        monkeypatch.setenv(key, value)


@pytest.fixture
def impatient(tmp_path, monkeypatch):
    """Children in which the emulator may take half a second."""
    lines = "from edgeae.runtimes import c_emulated\nc_emulated._TIMEOUT_S = 0.5\n"
    (tmp_path / "sitecustomize.py").write_text(lines)
    path = [str(tmp_path), str(HERE), str(HERE.parent)]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))


def test_one_start_takes_many_examples_and_its_figures_are_noted(tmp_path, monkeypatch):
    use(monkeypatch, tmp_path, outputs=OUTPUTS)
    runtime, program = runtimes.load("c-cortex-m4"), tiny.program()
    assert runtime.version() == "arm-none-eabi-gcc 12.2.1, qemu-system-arm 9.1.2"
    assert runtime.device().software and "mps2-an386" in runtime.device().name
    session = runtime.open(program, threads=1)
    np.testing.assert_array_equal(run_all(session, program.artifact, INPUTS), OUTPUTS)
    assert session.note.startswith("1,201 instructions, ") and "64 B of stack" in session.note
    session.close()
    found = c_emulated.figures(program, "cortex-m4", INPUTS)
    assert (found.instructions, found.arena_bytes, found.stack_bytes) == (1201, 12, 64)


def test_an_emulated_core_takes_no_times(tmp_path):
    with pytest.raises(NotMeasured, match="counts instructions, not time"):
        runtimes.load("c-rv32").open_fixed(tiny.program().artifact, threads=1)
    (tmp_path / "x.tflite").write_bytes(tiny.program().content)
    with pytest.raises(Exception, match="no profile on c-rv32: an emulated core takes no times"):
        choose_runtime(tmp_path / "x.tflite", "c-rv32")


def test_they_run_only_if_they_are_named(tiny_bundle):
    bundle = tiny_bundle()
    assert EMULATED == ["c-cortex-m0", "c-cortex-m4", "c-cortex-m33", "c-cortex-m55", "c-rv32"]
    every = {name for name, _ in openers._openers(bundle, None)}
    assert "c-host" in every and not every & set(EMULATED)
    assert openers._openers(bundle, ["c-rv32"]) == [("c-rv32", "tflite")]
    for patterns, chosen in {("*",): [], ("c-*",): [], ("*", "c-rv32"): ["c-rv32"]}.items():
        assert [name for name in EMULATED if chosen_by(name, patterns)] == chosen


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"action": fake_emulation.HANG}, RuntimeCrashed, "hung: no end within 0 s"),
        ({"action": fake_emulation.FAULT}, RuntimeCrashed, "cortex-m0: the core faulted"),
        (
            {"refused": "-T", "complaint": "ld: region `FLASH' overflowed by 4321 bytes"},
            NotMeasured,
            "cortex-m0: does not fit: 4,321 bytes too many for 262,144 bytes of flash",
        ),
        ({"refused": "model.c", "complaint": "error: no"}, NotMeasured, "model.c: .* error: no"),
        ({"refused": "--nothing", "action": "exit 1"}, NotMeasured, "ended with 1"),
    ],
)
def test_a_failure_of_a_tool_is_one_clear_line(options, error, message, tmp_path, monkeypatch):
    use(monkeypatch, tmp_path, **options)
    if "hung" in message:
        monkeypatch.setattr(c_emulated, "_TIMEOUT_S", 0.3)
    session = runtimes.load("c-cortex-m0").open(tiny.program(), threads=1)
    with pytest.raises(error, match=message):
        session.run(INPUTS)


@pytest.mark.parametrize("name", EMULATED)
def test_a_missing_tool_is_named_with_the_command_that_installs_it(name, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(RuntimeUnavailable, match="is not installed") as caught:
        runtimes.load(name).version()
    assert caught.value.remedy == RUNTIMES[name].remedy and "apt install" in caught.value.remedy


def test_a_tool_that_does_not_start_is_absent(tmp_path, monkeypatch):
    use(monkeypatch, tmp_path, refused="no", complaint="")
    (tmp_path / "tools" / "qemu-system-arm").write_text("#!/bin/sh\nexit 127\n")
    with pytest.raises(RuntimeUnavailable, match=r"qemu-system-arm does not start.*apt install"):
        runtimes.load("c-cortex-m4").version()


def test_missing_tools_are_a_row_of_verify(tiny_bundle, monkeypatch):
    bundle = tiny_bundle()
    monkeypatch.setenv("PATH", "/nowhere")
    findings = verify(bundle, "c-cortex-m4", "litert-reference")
    (row,) = [row for row in findings.rows if row.runtime == "c-cortex-m4"]
    assert (row.part, row.verdict) == ("*", "unavailable") and findings.codes == ()
    assert "arm-none-eabi-gcc is not installed; apt install gcc-arm" in row.reasons[0]


def test_a_model_that_does_not_fit_is_a_row_that_says_by_how_much(
    tiny_bundle, tmp_path, monkeypatch
):
    bundle = tiny_bundle()
    complaint = "ld: region `FLASH' overflowed by 4321 bytes"
    use(monkeypatch, tmp_path, refused="-T", complaint=complaint)
    findings = verify(bundle, "c-cortex-m0", "litert-reference")
    rows = [row for row in findings.rows if row.runtime == "c-cortex-m0"]
    assert [row.part for row in rows] == ["encoder", "decoder", "autoencoder"]
    for row in rows:
        assert row.verdict == "unavailable" and row.software
        assert "4,321 bytes too many for 262,144 bytes of flash" in row.reasons[0]
    assert findings.codes == () and findings.breaches == []
    assert "tiny/int8/encoder.tflite and 2 more on c-cortex-m0: cortex-m0: does not fit" in render(
        [findings]
    )


def test_an_emulator_that_hangs_is_a_crash(tiny_bundle, tmp_path, monkeypatch, impatient):
    bundle = tiny_bundle()
    use(monkeypatch, tmp_path, fake_emulation.HANG)
    findings = verify(bundle, "c-cortex-m4")
    assert {row.verdict for row in findings.rows} == {"crashed"}
    assert exit_code(findings.codes) == 5 and "hung" in findings.breaches[0]


def test_named_by_the_user_what_is_not_taken_was_not_measured(tiny_bundle, tmp_path, monkeypatch):
    bundle = tiny_bundle()
    use(monkeypatch, tmp_path, refused="-T", complaint="ld: region `RAM' overflowed by 7 bytes")
    done = edgeae_warm(
        "verify", str(bundle.root), "--golden", "--runtime", "c-cortex-m0", cwd=tmp_path
    )
    assert done.returncode == 3, done.stderr
    assert "7 bytes too many for 16,384 bytes of ram" in done.stdout


def test_the_doctor_shows_them(tmp_path, monkeypatch):
    use(monkeypatch, tmp_path)
    found = probe("c-cortex-m55")
    assert found["software"] and "qemu-system-arm 9.1.2" in found["version"]


@pytest.mark.system
@pytest.mark.parametrize("name", EMULATED)
def test_a_bundle_passes_on_the_real_tools(name, tiny_bundle):
    findings = verify(tiny_bundle(), name)
    assert [row.verdict for row in findings.rows] == ["pass"] * 3
    for row in findings.rows:
        assert (row.n, row.max_lsb) == (64, 0) and " instructions, " in row.note
