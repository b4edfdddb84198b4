"""The samples of Zephyr and ESP-IDF that answer over a serial line, as their forms build them.

The boards are programs of this machine: `edgeae/embed/stand_ins` puts standard input and output
where a UART would be. They show that the C is right and computes the reference's bits, not that a
system's own build takes it.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
import serial_programs
import tiny
from edgeae_cli import edgeae_warm

from edgeae.artifacts.bundle import Bundle
from edgeae.embed.folder import regenerate
from edgeae.embed.form import Options, Proof
from edgeae.embed.serial_link import EXAMPLES, serial_example
from edgeae.embed.table import entry
from edgeae.embed.write import embed
from edgeae.timing.results import read_results


@dataclass(frozen=True)
class Sample:
    """What is known of a form's sample: the board's name, its ticks, and where its files are."""

    board: str
    tick: str
    tick_hz: int
    main: str
    settings: str
    optimized: dict[str, str]


SAMPLES = {
    "zephyr": Sample(
        *("stand-in", "timer", 1_000_000_000),
        *("sample_serial/src/main.c", "sample_serial/prj.conf"),
        {"size": "CONFIG_SIZE_OPTIMIZATIONS=y", "speed": "CONFIG_SPEED_OPTIMIZATIONS=y"},
    ),
    "esp-idf": Sample(
        *("linux", "cycle", 160_000_000),
        *("examples/serial/main/main.c", "examples/serial/sdkconfig.defaults"),
        {
            "size": "CONFIG_COMPILER_OPTIMIZATION_SIZE=y",
            "speed": "CONFIG_COMPILER_OPTIMIZATION_PERF=y",
        },
    ),
}


def proved(folder: Path, copy: Path, form: str) -> Proof:
    """Build a copy of a written folder, as `edgeae verify` does."""
    shutil.copytree(folder, copy)
    return entry(form).load().prove(copy, regenerate(folder).record)


@pytest.fixture(scope="module", params=SAMPLES)
def built(request, tmp_path_factory) -> tuple[str, Bundle, Path]:
    """A form, the tiny int8 bundle, and the program that the form's proof built of its sample."""
    place = tmp_path_factory.mktemp(request.param)
    bundle = tiny.write_bundle(place / "build" / "tiny" / "int8")
    embed(bundle.root, request.param, place / "out", golden="2")
    proof = proved(place / "out", place / "copy", request.param)
    assert proof.verdict == "pass", proof.reasons
    return request.param, bundle, place / "copy" / "serial_of_host"


def test_edgeae_verifies_and_counts_the_sample(built, tmp_path):
    form, bundle, program = built
    sample = SAMPLES[form]
    with serial_programs.on_terminal(program) as port:
        words = (str(bundle.root), "--port", port)
        done = edgeae_warm("verify", *words, "--golden", "--json", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        counted = edgeae_warm("bench", *words, "--part", "encoder", cwd=tmp_path)
    rows = json.loads(done.stdout)[0]["rows"]
    assert [(row["n"], row["max_lsb"], row["device"]) for row in rows] == [
        (64, 0, sample.board)
    ] * 3
    assert counted.returncode == 0, counted.stdout
    (row,) = read_results(tmp_path / "build" / "results.jsonl")
    assert (row.tick, row.tick_hz) == (sample.tick, sample.tick_hz) and row.ticks


@pytest.mark.parametrize("form", SAMPLES)
def test_a_sample_that_does_not_compile_fails_the_proof(form, tiny_bundle, tmp_path):
    embed(tiny_bundle().root, form, tmp_path / "out", golden="2")
    shutil.copytree(tmp_path / "out", tmp_path / "copy")
    main = tmp_path / "copy" / SAMPLES[form].main
    main.write_text(main.read_text() + "\nint more(void) { return missing; }\n")
    proof = entry(form).load().prove(tmp_path / "copy", regenerate(tmp_path / "out").record)
    assert proof.verdict == "fail" and "missing" in proof.reasons[0]


@pytest.mark.parametrize("form", SAMPLES)
def test_the_sample_is_optimized_as_the_model_was(form, tiny_bundle, tmp_path):
    for optimize, setting in SAMPLES[form].optimized.items():
        folder = tmp_path / optimize
        embed(tiny_bundle().root, form, folder, options=Options(optimize=optimize))
        settings = (folder / SAMPLES[form].settings).read_text().splitlines()
        assert setting in settings and "CONFIG_EDGEAE_TINY_SERIAL=y" in settings
        assert (folder / SAMPLES[form].main).read_text() == serial_example(form)


def test_every_platform_with_a_port_has_a_form_that_carries_it():
    # the tests of the form c compile posix.c, those of the guide the sketch
    assert set(SAMPLES) == set(EXAMPLES) - {"posix", "arduino"}
