import json
import os
import resource
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import odd_runtimes
import pytest
import tiny
import typer
import warm
from edgeae_cli import edgeae_here
from snapshots import snapshot
from tampering import add_onnx, corrupt, swap_rows

from edgeae import __version__
from edgeae.artifacts.bundle import Bundle
from edgeae.cli.main import app
from edgeae.timing.results import read_results

#: What a device need not have: here, importing one of these is an error.
FORBIDDEN = ("tensorflow", "tf_keras", "keras", "tensorflow_model_optimization", "tf2onnx")
COMMANDS = typer.main.get_command(app).commands
LITERT = ["--runtime", "litert-reference"]


@pytest.fixture
def environment(tmp_path) -> dict[str, str]:
    """A device's variables: no TensorFlow, no MNIST, and runtimes that misbehave."""
    folder = tmp_path / "site"
    folder.mkdir()
    odd = odd_runtimes.environment(folder, *FORBIDDEN)
    return {**own_variables(), **odd}


def own_variables() -> dict[str, str]:
    foreign = ("EDGEAE", "PYTHON")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
    kept["EDGEAE_LOCK"] = os.environ["EDGEAE_LOCK"]  # not this machine's: see conftest.py
    return {**kept, "COLUMNS": "200"}


@pytest.fixture
def edgeae(tmp_path, environment) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run `edgeae …` in `tmp_path` as a child process; a cold one imports all that it uses."""

    def run(*arguments: object, cold=False, **options) -> subprocess.CompletedProcess[str]:
        variables = {**environment, **options.pop("env", {})}
        variables |= {} if cold else warm.environment()
        python = (sys.executable,) if cold else warm.python("edgeae")
        command = [*python, "-m", "edgeae", *map(str, arguments)]
        return subprocess.run(
            command,
            cwd=tmp_path,
            env=variables,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            **options,
        )

    return run


def refused(done: subprocess.CompletedProcess[str], code: int) -> str:
    """Return the one line that a command ended with."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    line = done.stderr.splitlines()[-1]
    assert line.startswith("edgeae: ") and "Traceback" not in done.stderr
    return line


#: Command lines that a user may get wrong, each refused in one line.
WRONG = (
    "benhc",
    "",
    "bench --runtimes null",
    "bench --threads 0",
    "bench --threads two",
    "bench --threads 1,,2",
    "bench --batch 1,8.5",
    "bench --batch -1",
    "bench --rounds 0",
    "bench --seed -1",
    "bench --wait -1",
    "bench bad.toml",
    "bench --compare a.tflite",
    "bench --compare a.tflite b.tflite --threads 1,2",
    "bench build --compare a.tflite b.tflite",
    "bench --seconds 0",
    "bench --seconds inf build",
    "bench --seconds nan build",
    "bench --suite dmo",
    "bench --suite none.toml",
    "bench --suite bad.toml",
    "bench build --runtime litert-xnpack",
    "bench build --part encodr",
    "bench nowhere",
    "verify --golden nowhere",
    "verify --golden --runtime litert-refrence",
    "verify --golden --runtime null",
    "verify --data digts",
    "detect",
    "detect nowhere",
    "detect build/tiny/int8 --false-alarms 0",
    "detect build/tiny/int8 --false-alarms two",
    "detect build/tiny/int8 --score max",
    "detect build/tiny/int8 --normal 1",
    "detect build/tiny/int8 --data none.npz",
    "detect build/tiny/int8 --runtime litert-refrence",
    "detect build/tiny/int8",
    "encode build/tiny/int8",
    "encode build/tiny/int8 none.npy -o codes.txt",
    "encode build/tiny/int8 none.npy -o codes.npy",
    "encode build/tiny/int8 bad.toml -o codes.npy",
    "encode nowhere none.npy -o codes.npy",
    "decode build/tiny/int8 none.npy -o images.npy",
    "score build/tiny/int8 none.npy",
    "export tinny",
    "export tiny2 -r inta8",
    "export tiny2 -r bad.toml",
    "export tiny2 -r none.toml",
    "export --scheduler host:8786",
    "export --scheduler tcp://host",
    "export --retries 3",
    "export --scheduler dask --retries -1",
    "export --scheduler local --tls-ca ca.pem",
    "export --scheduler tls://host:8786 --tls-ca ca.pem",
    "export --scheduler tls://host:8786 --tls-ca ca.pem --tls-cert a.pem --tls-key a.key",
    "train simpel",
    "train",
    "train simple --hidden a,b",
    "train simple --name ../up",
    "sweep",
    "sweep none.toml",
    "sweep bad.toml",
    "sweep grid.toml --dry-run",
    "inspect none.tflite",
    "inspect bad.toml",
    "inspect",
)


def test_wrong_usage_is_one_line_that_helps(tiny_bundle, tmp_path):
    tiny_bundle()
    (tmp_path / "bad.toml").write_text('part = ["encoder"]')
    (tmp_path / "grid.toml").write_text('[grid]\nfamilies = "depe"\nrecipes = "int8"')
    (tmp_path / "build" / "tiny2").mkdir()
    (tmp_path / "build" / "tiny2" / "train.json").write_text("{}")
    text = ""
    for command in WRONG:
        line = refused(edgeae_here(*shlex.split(command), cwd=tmp_path), 2)
        text += f"$ edgeae {command}".rstrip() + f"\n{line}\n"
    snapshot(text, "wrong-usage.txt")


def test_no_bundle_is_not_measured(edgeae, tmp_path):
    (tmp_path / "build").mkdir()
    for command in (["bench"], ["verify", "--golden"]):
        assert "no bundle at or below build; `edgeae export`" in refused(edgeae(*command), 3)


def test_the_version(edgeae):
    for arguments in (["--version"], ["--version", "bench"]):
        done = edgeae(*arguments)
        assert (done.returncode, done.stdout, done.stderr) == (0, f"edgeae {__version__}\n", "")


@pytest.mark.parametrize("name", COMMANDS)
def test_help_lists_every_option_with_what_it_does(name, tmp_path):
    done = edgeae_here(name, "--help", cwd=tmp_path, COLUMNS="200")
    assert done.returncode == 0 and done.stderr == ""
    text = " ".join(done.stdout.split())
    assert " ".join(COMMANDS[name].help.split()) in text
    for parameter in COMMANDS[name].params:
        names = parameter.opts if parameter.param_type_name == "option" else []
        assert parameter.help, f"{name} {parameter.name} has no help"
        assert " ".join(parameter.help.split()) in text
        for option in names:
            assert option in text


def test_the_list_of_commands_says_what_each_does_and_what_exit_codes_mean(edgeae):
    done = edgeae("--help")
    for name, command in COMMANDS.items():
        assert command.help and f"  {name} " in done.stdout
    for code in range(6):
        assert f"{code} " in done.stdout[done.stdout.index("Exit codes") :]


def device(tiny_bundle) -> Bundle:
    """What is copied to a device: a bundle's folder, no model beside it."""
    bundle = add_onnx(tiny_bundle("float32"))
    assert not list(bundle.root.parent.glob("*.keras"))
    return bundle


@pytest.fixture
def sane(tmp_path) -> dict[str, str]:
    """The variables of a device that has nothing but sane runtimes."""
    folder = tmp_path / "sane"
    folder.mkdir()
    return odd_runtimes.environment(folder, *FORBIDDEN, known=False)


def test_verify_on_a_device_takes_no_tensorflow(edgeae, tiny_bundle, sane):
    device(tiny_bundle)
    done = edgeae("verify", "--golden", env=sane, cold=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().endswith("1 bundle: all pass")
    assert "verify tiny/float32: onnx on onnxruntime-cpu" in done.stderr.splitlines()
    assert "Traceback" not in done.stderr


@pytest.mark.system
def test_bench_on_a_device_takes_no_tensorflow(edgeae, tiny_bundle, tmp_path, sane):
    bundle = device(tiny_bundle)
    quick = ("--part", "encoder", "--seconds", "0.05")
    done = edgeae("bench", bundle.root, *quick, env=sane, cold=True)
    assert done.returncode == 0, done.stderr
    rows = {row.runtime: row for row in read_results(tmp_path / "build" / "results.jsonl")}
    for name in ("litert-xnnpack", "litert-builtin", "litert-reference", "onnxruntime-cpu", "null"):
        assert rows[name].samples_ns and name in done.stdout
    assert rows["onnxruntime-cuda"].code == 3
    assert "TensorFlow" not in done.stderr and "Traceback" not in done.stderr


def test_bench_takes_bare_files_and_several_batches_and_threads(edgeae, tmp_path, sane):
    for name, content in (
        ("old model.tflite", tiny.program("encoder", "int8").content),
        ("new[1].onnx", tiny.onnx_model("encoder")),
    ):
        (tmp_path / name).write_bytes(content)
    done = edgeae(
        *("bench", "old model.tflite", "new[1].onnx", "--batch", "1,3", "--threads", "1,2"),
        *("--runtime", "litert-builtin", "--runtime", "onnxruntime-cpu", "--seconds", "0.05"),
        env=sane,
    )
    assert done.returncode == 0, done.stderr
    rows = read_results(tmp_path / "build" / "results.jsonl")
    assert sorted((row.model, row.runtime, row.threads, row.batch) for row in rows) == [
        *(
            ("new[1].onnx", "onnxruntime-cpu", threads, batch)
            for threads in (1, 2)
            for batch in (1, 3)
        ),
        *(
            ("old model.tflite", "litert-builtin", threads, batch)
            for threads in (1, 2)
            for batch in (1, 3)
        ),
    ]
    assert "cold start" in done.stdout and "fixed" in done.stdout


@pytest.mark.parametrize("jump", ["back", "ahead"])
def test_a_machine_whose_clock_jumps_is_one_line_and_leaves_earlier_results(
    jump, edgeae, tiny_bundle, tmp_path, sane
):
    bundle = tiny_bundle()
    bench = ("bench", bundle.root, "--part", "encoder", "--runtime", "litert-builtin")
    assert edgeae(*bench, "--seconds", "0.05", env=sane).returncode == 0
    results = tmp_path / "build" / "results.jsonl"
    earlier = results.read_bytes()
    # an hour, in the middle of the worker's blocks
    amount_ns = {"back": -3_600 * 10**9, "ahead": 3_600 * 10**9}[jump]
    with (tmp_path / "sane" / "sitecustomize.py").open("a") as stream:
        stream.write(
            "import time\n"
            "true, reads = time.perf_counter_ns, []\n"
            "def jumping():\n"
            f"    return true() + ({amount_ns} if len(reads) > 1_100 else reads.append(0) or 0)\n"
            "time.perf_counter_ns = jumping\n"
        )
    done = edgeae(*bench, "--seconds", "30", env=sane, cold=True)
    assert done.returncode == 3, done.stderr
    (row,) = read_results(results)[1:]
    assert row.code == 3 and row.samples_ns == () and row.error.startswith("the clock ")
    assert results.read_bytes().startswith(earlier)
    (line,) = [line for line in done.stdout.splitlines() if "clock" in line]
    assert line == f"tiny/int8 encoder.tflite on litert-builtin: {row.error}"


def test_the_forbidden_packages_are_forbidden(environment, sane):
    """Otherwise the tests above prove nothing."""
    program = (
        "import importlib, sys\n"
        "for name in sys.argv[1:]:\n"
        "    try:\n"
        "        importlib.import_module(name)\n"
        "    except ImportError as error:\n"
        "        print(name, error)\n"
    )
    for variables in (environment, {**own_variables(), **sane}):
        command = [sys.executable, "-c", program, *FORBIDDEN]
        done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
        told = done.stdout.splitlines()
        assert len(told) == len(FORBIDDEN)
        assert all("halted; None in sys.modules" in line for line in told)


def test_json_is_all_that_standard_output_gets(edgeae, tiny_bundle, sane):
    bundle = tiny_bundle()
    done = edgeae("verify", "--golden", "--json", *LITERT)
    assert done.returncode == 0 and "verify tiny/int8" in done.stderr
    (found,) = json.loads(done.stdout)
    assert found == json.loads((bundle.root / "verify.json").read_text())
    done = edgeae("bench", "--json", *LITERT, "--part", "encoder", "--seconds", "0.05")
    found = json.loads(done.stdout)
    (row,), (figures,) = found["rows"], found["pooled"]
    assert row["runtime"] == figures["runtime"] == "litert-reference" and row["samples_ns"]
    assert figures["fixed_ns"] > 0 and 0 < figures["p50_ns"] <= figures["p90_ns"]
    assert {"mad_ns", "drift", "p99_interval_ns"} <= figures.keys()
    assert "bench: 1/1" in done.stderr
    done = edgeae("inspect", "--json", bundle.root / "encoder.tflite")
    assert json.loads(done.stdout)["macs"] == 16 * 8 + 8 * 4 and done.stderr == ""
    done = edgeae("doctor", "--json", env=sane)
    assert json.loads(done.stdout)["runtimes"]["litert-reference"]["version"]
    assert set(json.loads(edgeae("export", "--list", "--json").stdout)) >= {"int8", "float32"}
    assert set(json.loads(edgeae("train", "--list", "--json").stdout)) >= {"simple", "deep"}


def test_a_wrong_artifact_is_1_and_says_which_figure(edgeae, tiny_bundle):
    bundle = swap_rows(tiny_bundle(), "decoder")
    done = edgeae("verify", "--golden", *LITERT, bundle.root)
    assert done.returncode == 1 and "out of tolerance" in done.stdout
    lines = [line for line in done.stderr.splitlines() if line.startswith("edgeae: ")]
    assert any("decoder.tflite on litert-reference: max_lsb" in line for line in lines)
    done = edgeae("bench", *LITERT, "--part", "decoder")
    assert done.returncode == 1 and "wrong answer" in done.stdout


def test_a_tampered_artifact_is_4(edgeae, tiny_bundle):
    bundle = tiny_bundle()
    corrupt(bundle.root / "encoder.tflite")
    done = edgeae("verify", "--golden", *LITERT)
    assert done.returncode == 4 and "encoder.tflite: sha256" in done.stderr
    done = edgeae("bench", *LITERT, "--part", "encoder")
    assert done.returncode == 4 and "encoder.tflite: sha256" in done.stdout


def test_a_crash_is_5_and_a_mismatch_comes_first(edgeae, tiny_bundle):
    bundle = tiny_bundle("float32")
    options = ["--part", "encoder", "--seconds", "0.05", "--runtime", "odd-crash"]
    done = edgeae("bench", *options, *LITERT)
    assert done.returncode == 5
    assert "odd-crash: crashed with SIGSEGV" in done.stdout and "µs" in done.stdout
    assert edgeae("verify", "--golden", "--runtime", "odd-crash").returncode == 5
    corrupt(bundle.root / "encoder.tflite")
    assert edgeae("verify", "--golden", "--runtime", "odd-crash").returncode == 4


def test_an_absent_runtime_is_3_by_name_and_0_in_a_suite(edgeae, tiny_bundle, tmp_path):
    device(tiny_bundle)
    quick = ["--part", "encoder", "--seconds", "0.05"]
    done = edgeae("bench", *quick, *LITERT, "--runtime", "onnxruntime-cuda")
    assert done.returncode == 3 and "pip install onnxruntime-gpu" in done.stdout
    (tmp_path / "s.toml").write_text('runtimes = ["litert-reference", "onnxruntime-cuda"]')
    done = edgeae("bench", *quick, "--suite", "s.toml")
    assert done.returncode == 0 and "onnxruntime-cuda: " in done.stdout
    done = edgeae("verify", "--golden", "--runtime", "onnxruntime-cuda")
    assert done.returncode == 3 and "all pass" not in done.stdout
    done = edgeae("verify", "--golden", *LITERT, "--runtime", "onnxruntime-cuda")
    assert done.returncode == 3


def test_what_a_runtime_that_is_there_did_not_measure_is_3(edgeae, tiny_bundle, tmp_path):
    tiny_bundle()
    (tmp_path / "s.toml").write_text('runtimes = ["litert-reference", "odd-found-absent"]')
    done = edgeae("bench", "--part", "encoder", "--seconds", "0.05", "--suite", "s.toml")
    assert done.returncode == 3 and "the board's library does not load" in done.stdout


def test_a_runtime_that_opens_nothing_here_times_nothing(edgeae, tiny_bundle):
    tiny_bundle()
    line = refused(edgeae("bench", "--runtime", "onnxruntime-cpu"), 3)
    assert "nothing to time" in line


def test_the_original_without_its_model_says_what_needs_none(edgeae, tiny_bundle, tmp_path):
    tiny_bundle()
    data = tmp_path / "build" / "tiny" / "tiny.npz"
    done = edgeae("verify", "--data", data, *LITERT)
    assert done.returncode == 3 and "--golden" in done.stderr.splitlines()[-1]


def test_a_traceback_is_shown_to_those_who_ask(edgeae):
    quiet, loud = edgeae("bench", "nowhere"), edgeae("bench", "nowhere", env={"EDGEAE_DEBUG": "1"})
    assert "Traceback" not in quiet.stderr and len(quiet.stderr.splitlines()) == 1
    assert "Traceback" in loud.stderr and "cli/bench.py" in loud.stderr
    assert loud.stderr.splitlines()[-1] == quiet.stderr.splitlines()[-1]
    assert quiet.returncode == loud.returncode == 2


def test_a_bug_is_one_line_too(edgeae, tiny_bundle, environment):
    tiny_bundle()
    site = Path(environment["PYTHONPATH"].split(os.pathsep)[0]) / "sitecustomize.py"
    site.write_text(
        "from edgeae.artifacts import bundle\nbundle.find_bundles = lambda places: 1 / 0\n"
    )
    line = refused(edgeae("bench", cold=True), 5)
    assert "internal error: ZeroDivisionError" in line and "EDGEAE_DEBUG=1" in line


def test_a_full_disk_is_one_line_and_the_results_stay_whole(edgeae, tiny_bundle, tmp_path):
    tiny_bundle()
    quick = ["bench", *LITERT, "--part", "encoder", "--seconds", "0.05"]
    assert edgeae(*quick).returncode == 0
    results = tmp_path / "build" / "results.jsonl"
    results.write_bytes(results.read_bytes() * 9)
    before = results.read_bytes()
    limit = (len(before) + 200,) * 2
    limited = {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit)}
    done = edgeae(*quick, cold=True, **limited)
    assert refused(done, 2).startswith("edgeae: build/results.jsonl: no room left")
    assert results.read_bytes() == before


def test_a_verify_that_cannot_be_written_leaves_the_one_before(edgeae, tiny_bundle):
    bundle = tiny_bundle()
    assert edgeae("verify", "--golden", *LITERT).returncode == 0
    before = sorted(bundle.root.iterdir())
    (bundle.root / "verify.json").write_text("the one before")
    limit = (2000, 2000)
    done = edgeae(
        "verify",
        "--golden",
        *LITERT,
        cold=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
    )
    assert done.returncode == 2 and "no room left" in done.stderr.splitlines()[-1]
    assert (bundle.root / "verify.json").read_text() == "the one before"
    assert sorted(bundle.root.iterdir()) == before


def test_results_that_cannot_be_printed_are_an_error(edgeae, environment, tmp_path):
    command = [sys.executable, "-m", "edgeae", "export", "--list"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command, env=environment, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 2
    assert done.stderr == "edgeae: standard output: No space left on device\n"


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_who_has_seen_enough_is_no_error(unbuffered, environment):
    command = [sys.executable, "-m", "edgeae", "export", "--list"]
    read_end, write_end = os.pipe()
    os.close(read_end)
    variables = {**environment, "PYTHONUNBUFFERED": unbuffered}
    done = subprocess.run(
        command, env=variables, stdout=write_end, stderr=subprocess.PIPE, check=False
    )
    os.close(write_end)
    assert (done.returncode, done.stderr) == (0, b"")


def marked(marker: str) -> list[int]:
    """Return the processes whose environment holds `marker`."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if marker.encode() in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue  # somebody else's, or gone by now
    return found


@pytest.mark.parametrize(
    ("command", "signals"),
    [
        ("bench", ["SIGTERM"]),
        ("bench", ["SIGHUP"] * 2),
        ("bench", ["SIGINT"] * 3),
        ("verify", ["SIGINT"] * 3),
        ("doctor", ["SIGTERM"]),
    ],
)
def test_an_interrupt_is_130_and_leaves_no_child_and_whole_rows(
    command, signals, tiny_bundle, environment, tmp_path
):
    tiny_bundle("float32")
    marker = f"INTERRUPTED={tmp_path}"
    options = {
        # a row comes, and then (with this seed) a worker that would hang for two minutes
        "bench": ["--part", "encoder", "--seed", "0", *LITERT, "--runtime", "odd-hang"],
        "verify": ["--golden", "--runtime", "odd-hang"],
        "doctor": [],
    }[command]
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    if command == "doctor":
        site = Path(environment["PYTHONPATH"].split(os.pathsep)[0]) / "sitecustomize.py"
        site.write_text("import os, time\n'EDGEAE_CHILD_PIPE' in os.environ and time.sleep(50)\n")
    with subprocess.Popen(
        [sys.executable, "-m", "edgeae", command, *options],
        cwd=tmp_path,
        env={**environment, "INTERRUPTED": str(tmp_path), "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as parent:
        results = tmp_path / "build" / "results.jsonl"
        deadline = time.monotonic() + 30
        while len(marked(marker)) < 2 or (command == "bench" and not results.exists()):
            assert parent.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
        time.sleep(0.3)
        for name in signals:
            parent.send_signal(signal.Signals[name])
            time.sleep(0.01)
        try:
            out, said = parent.communicate(timeout=20)  # the children would take longer
        finally:
            parent.kill()
    assert parent.returncode == 130
    assert out == "" and said.splitlines()[-1].startswith("edgeae: interrupted")
    assert "Traceback" not in said
    assert marked(marker) == []
    if command == "bench":
        assert [row.runtime for row in read_results(results)] == ["litert-reference"]
    assert not list((tmp_path / "build").rglob(".*.tmp")) and not list(temporary.iterdir())


def test_doctor_shows_every_runtime_and_what_is_missing(edgeae, environment):
    site = Path(environment["PYTHONPATH"].split(os.pathsep)[0]) / "sitecustomize.py"
    with site.open("a") as stream:  # a process for each runtime: one odd one is enough
        stream.write(
            "for name in {*odd_runtimes.NAMES} - {'odd-absent'}:\n"
            "    del odd_runtimes.RUNTIMES[name]\n"
        )
    done = edgeae("doctor")
    assert done.returncode == 0 and done.stderr == ""
    lines = {line.split()[0]: line for line in done.stdout.splitlines() if line}
    for name in ("litert-xnnpack", "onnxruntime-cpu", "null"):
        assert "absent" not in lines[name]
    assert "absent" in lines["tensorflow-cpu"] and "edgeae[host]" in lines["tensorflow-cpu"]
    assert "plug one in" in lines["odd-absent"]


def test_inspect_prints_the_page(edgeae, tiny_bundle):
    done = edgeae("inspect", tiny_bundle().root / "autoencoder.tflite")
    assert done.returncode == 0 and done.stderr == ""
    assert "FULLY_CONNECTED" in done.stdout and f"{tiny.PIXELS}" in done.stdout


def test_lists_need_no_project(edgeae):
    for command in ("export", "train"):
        done = edgeae(command, "--list")
        assert done.returncode == 0 and done.stdout and done.stderr == ""
