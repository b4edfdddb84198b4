import json
import shutil
import subprocess
from pathlib import Path

import pytest
import tiny
from edgeae_cli import edgeae

from edgeae.errors import BadInput, NotMeasured, RuntimeCrashed, RuntimeUnavailable
from edgeae.formats.tflite.graph import write
from edgeae.timing import instructions
from edgeae.timing.instructions import count, count_artifact, count_program, read_callgrind

pytestmark = pytest.mark.system

#: A body of so many instructions, in assembler so that no compiler changes their number.
PROGRAM = """
#include <stdlib.h>
int main(int argc, char **argv) {
    long n = atol(argv[1]);
    for (long i = 0; i < n; i++)
        __asm__ volatile(".rept " BODY "\\n nop\\n .endr");
    return 0;
}
"""


@pytest.fixture(scope="module")
def programs(tmp_path_factory) -> dict[int, Path]:
    """Instructions in the body → a program that takes the number of turns."""
    assert shutil.which("gcc"), "gcc is missing: apt-get install gcc"
    assert shutil.which("valgrind"), "valgrind is missing: apt-get install valgrind"
    folder = tmp_path_factory.mktemp("programs")
    (folder / "p.c").write_text(PROGRAM)
    made = {}
    for body in (1000, 2000):
        made[body] = folder / f"p{body}"
        options = ["-O1", f'-DBODY="{body}"', "-o", str(made[body])]
        subprocess.run(["gcc", *options, str(folder / "p.c")], check=True)
    return made


def counted(program: Path, n: int) -> int:
    return count(lambda times: [str(program), str(times)], n)


def test_the_count_is_that_of_the_body_and_repeats_exactly(programs):
    first = counted(programs[1000], 100)
    assert 1000 < first < 1010  # and the loop's own few
    assert counted(programs[1000], 100) == first
    # of another number of turns too; the start, which costs far more, is in none of them
    assert counted(programs[1000], 200) == first
    assert counted(programs[2000], 100) == first + 1000


def test_a_program_is_counted_from_the_command_line(programs, tmp_path):
    words = ["profile", "--instructions", "--calls", "20"]
    done = edgeae(*words, "--", str(programs[1000]), "{n}", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (figure,) = [line for line in done.stdout.splitlines() if "instructions per inference" in line]
    assert 1000 < int(figure.split(": ")[1].split()[0].replace(",", "")) < 1010
    assert "(40 calls − 20 calls) ÷ 20" in done.stdout and "AVX-512" in done.stdout
    done = edgeae(*words, "--json", "--", str(programs[1000]), "{n}", cwd=tmp_path)
    assert 1000 < json.loads(done.stdout)["per_call"] < 1010


@pytest.fixture
def artifact(tmp_path) -> Path:
    path = tmp_path / "model.tflite"
    path.write_bytes(write(tiny.float_graph()))
    return path


def test_an_artifact_is_counted_on_a_real_engine(artifact):
    found = count_artifact(artifact, "litert-reference", n=10)
    assert 0 < found.fixed_per_call < found.per_call < 100_000
    macs = 16 * 8 + 8 * 4 + 4 * 16
    assert found.per_call - found.fixed_per_call > macs
    assert found.what.startswith(f"{artifact} on litert-reference ")
    assert found.tool.startswith("callgrind (valgrind-") and "AVX-512" in found.note
    assert "of a call that only copies" in found.to_text()


@pytest.mark.parametrize(
    ("words", "error", "reason"),
    [
        (["/bin/echo", "{m}"], BadInput, r"one word must hold \{n\}"),
        (["./no-such", "{n}"], BadInput, "./no-such: no such program, or not executable"),
        (["sh", "-c", "true {n}"], NotMeasured, "the number of inferences makes no difference"),
        (["sh", "-c", "echo why >&2; exit 3 # {n}"], RuntimeCrashed, "status 3: why$"),
        (["sh", "-c", "kill -SEGV $$ # {n}"], RuntimeCrashed, "SIGSEGV"),
    ],
)
def test_a_program_that_cannot_be_counted_says_why(words, error, reason):
    with pytest.raises(error, match=reason) as caught:
        count_program(words, 10)
    assert "\n" not in str(caught.value)


def test_a_placeholder_may_be_part_of_a_word(monkeypatch):
    seen = []
    monkeypatch.setitem(instructions.CALLS, "callgrind", 7)
    monkeypatch.setattr(
        instructions, "_tool", lambda name: lambda words: seen.append(words) or 100 * len(seen)
    )
    assert count_program(["p", "--times={n}", "x{n}y{n}"]).per_call == round(100 / 7)
    assert seen == [["p", "--times=7", "x7y7"], ["p", "--times=14", "x14y14"]]


@pytest.mark.parametrize(
    ("tool", "missing", "remedy"),
    [
        ("callgrind", "valgrind is not installed", "apt-get install valgrind"),
        ("perf", "perf is not installed", "apt-get install linux-perf"),
    ],
)
def test_a_missing_tool_says_what_installs_it(tool, missing, remedy, monkeypatch, artifact):
    monkeypatch.setenv("PATH", "/nowhere")
    for counting in (
        lambda: count_program(["/bin/echo", "{n}"], tool=tool),
        lambda: count_artifact(artifact, tool=tool),
    ):
        with pytest.raises(RuntimeUnavailable, match=f"^{missing}; {remedy}$") as caught:
            counting()
        assert caught.value.code == 3


def test_an_unknown_tool_is_refused(artifact):
    with pytest.raises(BadInput, match="--tool gdb: allowed are callgrind, perf"):
        count_artifact(artifact, tool="gdb")


@pytest.mark.parametrize(
    ("runtime", "reason"), [("onnxruntime-cpu", "does not open it"), ("x", "unknown runtime")]
)
def test_a_runtime_that_does_not_fit_is_refused(runtime, reason, artifact):
    with pytest.raises(BadInput, match=reason):
        count_artifact(artifact, runtime)


def test_a_damaged_artifact_is_refused_before_anything_is_counted(artifact, monkeypatch):
    artifact.write_bytes(artifact.read_bytes()[:200])
    monkeypatch.setattr(instructions, "_execute", None)
    with pytest.raises(BadInput, match=r"model\.tflite: a damaged"):
        count_artifact(artifact)


PERF = "# started on Wed\n\n"
CORE = "70,,cpu_core/instructions:u/,2,9,,\n"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (PERF + "123456789,,instructions:u,2,100.00,,\n", 123456789),
        (PERF + "5,,cpu_atom/instructions:u/,2,1,,\n70,,cpu_core/instructions:u/,2,9,,\n", 75),
        (
            PERF
            + "<not counted>,,cpu_atom/instructions:u/,0,0,,\n70,,cpu_core/instructions:u/,,\n",
            70,
        ),
    ],
)
def test_perf_is_read(text, wanted):
    assert instructions.read_perf(text) == wanted


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (PERF + "<not supported>,,instructions:u,0,100.00,,\n", "<not supported>"),
        ("", "it wrote nothing"),
        ("Error:\nAccess is limited.\n", "it wrote nothing"),
    ],
)
def test_a_machine_that_lets_nobody_count_says_so(text, why):
    refused = f"counts no instructions here .{why}.; perf needs access"
    with pytest.raises(RuntimeUnavailable, match=refused):
        instructions.read_perf(text)


def test_callgrind_is_read():
    text = "events: Ir\nsummary: 7\nfn=(1) totals: 9\n+1 2\n\ntotals: 442316492\n"
    assert read_callgrind(text) == 442316492
    with pytest.raises(NotMeasured, match="no total"):
        read_callgrind("events: Ir\n")


def perf_script(folder: Path, body: str) -> None:
    """A `perf` that writes what it is told to, in front of the real one."""
    path = folder / "perf"
    path.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo perf version 6.1 && exit\n{body}\n')
    path.chmod(0o755)


def test_perf_counts_where_the_machine_has_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    # the ninth word is the number of inferences, or none when it is asked whether it can
    perf_script(tmp_path, 'echo "$((5000 + 31 * ${9:-0})),,instructions:u,1,100.00,," >"$6"')
    found = count_program(["true", "{n}"], 100, "perf")
    assert (found.per_call, found.tool, found.note) == (31, "perf (perf version 6.1)", "")
    perf_script(tmp_path, 'echo "<not supported>,,instructions:u,0,100.00,," >"$6"')
    with pytest.raises(RuntimeUnavailable, match="not supported"):
        count_program(["true", "{n}"], 100, "perf")
