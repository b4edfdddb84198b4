"""The gate as its users meet it: in a repository that `edgeae init` made, and on bare files."""

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import xml.etree.ElementTree as Xml
from pathlib import Path

import pytest
import warm
from edgeae_cli import ROOT, edgeae, edgeae_here, edgeae_warm

from edgeae.gate.synthetic import dense

#: Twice the example's work and more: no noise hides that.
HEAVY = (784, 512, 32)
NAME, RUNTIME = "models/example.tflite", "litert-xnnpack"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A repository as `edgeae init` makes it; copied, never changed."""
    folder = tmp_path_factory.mktemp("made")
    done = edgeae_here("init", "demo", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "demo"


@pytest.fixture
def demo(made, tmp_path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "demo"))


def make(folder: Path, *targets: str) -> subprocess.CompletedProcess[str]:
    """Run `make` as the user would, with this tree's edgeae."""
    command = ["make", *targets, f"EDGEAE={shlex.join(warm.python('edgeae'))} -m edgeae"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "MAKEFLAGS": "", "MAKELEVEL": ""}
    env |= warm.environment()
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def heavier(folder: Path) -> None:
    (folder / NAME).write_bytes(dense(HEAVY))


def test_what_init_writes_is_green_as_it_stands(demo):
    done = make(demo)
    assert done.returncode == 0, done.stderr
    assert "✓ pass" in done.stdout


def test_a_heavier_candidate_turns_it_red_and_says_why(demo):
    heavier(demo)
    done = edgeae_warm(
        "gate", "--suite", "gate", "--junit", "j.xml", "--markdown", "s.md", cwd=demo
    )
    assert done.returncode == 1, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("fail: ")]
    assert NAME in line and RUNTIME in line and "budget 1.030" in line
    ratio, low = line.split("ratio ")[1].split(" [")[0], line.split("[")[1].split(",")[0]
    assert float(ratio) > float(low) > 1.03
    suite = Xml.parse(demo / "j.xml").getroot()
    assert len(list(suite.iter("testcase"))) == 1
    assert len(list(suite.iter("failure"))) == 1
    assert "✗" in (demo / "s.md").read_text() and "example.tflite" in (demo / "s.md").read_text()


def test_a_heavier_model_that_is_meant_becomes_the_baseline(demo):
    heavier(demo)
    assert make(demo, "baseline").returncode == 0
    assert (demo / "bench/baselines/example.tflite").read_bytes() == (demo / NAME).read_bytes()
    assert make(demo).returncode == 0


def test_a_deleted_baseline_is_missing_with_exit_3(demo):
    (demo / "bench/baselines/example.tflite").unlink()
    done = make(demo)
    assert done.returncode == 2 and "Error 3" in done.stderr  # make's own code is 2
    assert "edgeae baseline save" in done.stdout


@pytest.mark.parametrize(
    ("change", "code", "outcome"),
    [
        (lambda demo: None, 0, {"passed": 1}),
        # a red gate is timed to the end, which `…turns_it_red…` does already
        pytest.param(heavier, 1, {"failed": 1}, marks=pytest.mark.system),
        (lambda demo: (demo / "bench/baselines/example.tflite").unlink(), 1, {"errors": 1}),
    ],
    ids=["green", "red", "missing"],
)
def test_pytest_shows_the_same_three_outcomes(demo, change, code, outcome):
    change(demo)
    command = [*warm.python("edgeae"), "-m", "pytest", "-p", "edgeae", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "--junitxml=p.xml"],
        cwd=demo,
        env={**os.environ, **warm.environment()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout
    suite = Xml.parse(demo / "p.xml").getroot().find("testsuite")
    counts = {
        "passed": int(suite.get("tests")) - sum(map(int, map(suite.get, ("failures", "errors")))),
        "failed": int(suite.get("failures")),
        "errors": int(suite.get("errors")),
    }
    assert {name: count for name, count in counts.items() if count} == outcome
    assert "edgeae gate" in done.stdout and "order drawn from seed" in done.stdout  # the summary


@pytest.mark.system
def test_a_suite_is_not_judged_by_many_pytests_at_once(demo):
    """Under pytest-xdist each worker would time all of it, beside the others."""
    command = [sys.executable, "-m", "pytest", "-n", "2", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=demo, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "run it without pytest-xdist's -n" in done.stdout


def test_two_files_with_nothing_else(tmp_path):
    (tmp_path / "old.tflite").write_bytes(dense((64, 32)))
    (tmp_path / "new.tflite").write_bytes(dense((64, 32)))
    done = edgeae_warm("gate", "old.tflite", "new.tflite", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["verdict"] == "pass" and found["findings"][0]["processes"] == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new.tflite", "old.tflite"]


def test_the_baselines_of_a_commit(demo):
    def git(*words: str) -> None:
        who = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        subprocess.run(["git", *who, *words], cwd=demo, check=True, capture_output=True)

    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "first")
    committed = (demo / "bench/baselines/example.tflite").read_bytes()
    (demo / "bench/baselines/example.tflite").write_bytes(dense(HEAVY))
    done = edgeae_warm("gate", "--baseline", "git:HEAD", "--json", cwd=demo)
    assert done.returncode == 0, done.stderr
    cell = json.loads(done.stdout)["findings"][0]["cell"]
    assert cell["baseline"].startswith("git:HEAD")
    assert cell["baseline_sha256"] == hashlib.sha256(committed).hexdigest()
    done = edgeae_warm("gate", "--baseline", "git:nowhere", cwd=demo)
    assert done.returncode == 2 and "nowhere" in done.stderr and len(lines(done)) == 1


def lines(done: subprocess.CompletedProcess[str]) -> list[str]:
    return [line for line in done.stderr.splitlines() if line.startswith("edgeae: ")]


def test_a_baseline_of_another_architecture_is_timed_here_and_said(demo):
    saved = edgeae_here("baseline", "save", "--force", NAME, cwd=demo)
    assert saved.returncode == 0, saved.stderr
    (record,) = demo.glob("bench/baselines/*.json")
    table = json.loads(record.read_text())
    table["machine"]["architecture"] = "aarch64"
    record.write_text(json.dumps(table))
    done = edgeae_warm("gate", cwd=demo)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("saved on aarch64") == 1


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            'runtimes = ["litert-xnnpack"]',
            'runtimes = ["litert-xnnpac"]',
            "unknown runtime 'litert-xnnpac'; did you mean 'litert-xnnpack'",
        ),
        ("max_ratio = 1.03", "max_ration = 1.03", "did you mean 'max_ratio'"),
        ("batch = [1]", "batch = [0]", "batch = [0]: allowed are whole numbers from 1"),
        ('artifacts = ["models/*.tflite"]', 'artifacts = ["model/*"]', "no such file"),
    ],
)
def test_a_suite_with_a_mistake_is_one_line_and_exit_2(demo, old, new, said):
    path = demo / "bench/gate.toml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    done = edgeae_here("gate", cwd=demo)
    assert done.returncode == 2 and done.stdout == ""
    (line,) = lines(done)
    assert said in line and "gate" in line


#: In the gate's workers, every 97th reading finds that the clock was set back by 10 ms.
SITE = """
import itertools, sys, time
if "edgeae.gate.worker" in sys.orig_argv:
    clock, reads = time.perf_counter_ns, itertools.count()
    time.perf_counter_ns = lambda: clock() - next(reads) // 97 * 10**7
"""


def test_a_clock_that_jumps_is_one_line_and_exit_3_and_earlier_results_stay(demo, tmp_path):
    heavier(demo)
    (demo / "rows.jsonl").write_text('{"earlier": 1}\n')
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(SITE)
    done = edgeae("gate", "--rows", "rows.jsonl", cwd=demo, PYTHONPATH=f"{site}{os.pathsep}{ROOT}")
    assert done.returncode == 3, done.stdout + done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("missing: ")]
    assert "the clock went back by" in line and NAME in line
    first, *rest = (demo / "rows.jsonl").read_text().splitlines()
    assert first == '{"earlier": 1}' and all("clock" in json.loads(row)["error"] for row in rest)


#: The gate's workers are killed when they have read the clock so often.
KILLED = """
import itertools, os, signal, sys, time
if "edgeae.gate.worker" in sys.orig_argv:
    clock, reads = time.perf_counter_ns, itertools.count()
    def read():
        return clock() if next(reads) < 500 else os.kill(os.getpid(), signal.SIGKILL)
    time.perf_counter_ns = read
"""


def test_a_worker_killed_midway_is_one_line_and_exit_5(demo, tmp_path):
    heavier(demo)
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(KILLED)
    done = edgeae("gate", cwd=demo, PYTHONPATH=f"{site}{os.pathsep}{ROOT}")
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("missing: ")]
    assert done.returncode == 5 and "crashed with SIGKILL" in line and NAME in line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a.tflite", "b.tflite", "c.tflite"], "allowed are OLD NEW"),
        (["a.tflite", "b.tflite", "--baseline", "c"], "allowed are OLD NEW"),
        (["nope.tflite", "--baseline", "x"], "nope.tflite: no such file"),
        (["--suite", "gate", "--threads", "2"], "--threads and --batch: only with files"),
        (["--suite", "gte"], "unknown suite 'gte'; did you mean 'gate'"),
        (["--max-ratio", "-1"], "max_ratio = -1.0: allowed is above 0"),
        (["--on-inconclusive", "pass"], "--on-inconclusive = 'pass': allowed is fail, warn"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(demo, words, said):
    done = edgeae_here("gate", *words, cwd=demo)
    assert done.returncode == 2 and done.stdout == "", done.stdout + done.stderr
    (line,) = lines(done)
    assert said in line


@pytest.mark.parametrize("option", ["--junit", "--markdown", "--benchmark-json", "--rows"])
def test_a_result_that_could_not_be_written_is_refused_before_the_work(option, demo):
    heavier(demo)
    (demo / "file").write_text("")
    for place in ("bench", "file/below"):
        done = edgeae_here("gate", option, place, cwd=demo)
        assert done.returncode == 2 and done.stdout == ""
        (line,) = lines(done)
        assert line.startswith(f"edgeae: {option} {place}: ")


def test_one_result_that_fails_to_be_written_costs_neither_the_others_nor_the_table(demo):
    # a file whose folder goes away between the check and the writing: here, one that is a link
    (demo / "gone.xml").symlink_to("/proc/none/x.xml")
    done = edgeae_warm("gate", "--markdown", "gone.xml", "--benchmark-json", "b.json", cwd=demo)
    assert done.returncode == 2 and "✓ pass" in done.stdout
    assert json.loads((demo / "b.json").read_text()) is not None
    assert any("--markdown gone.xml" in line for line in lines(done))


def test_the_summary_says_how_to_run_it_again(demo):
    done = edgeae_warm("gate", "--max-ratio", "2", "--markdown", "s.md", cwd=demo)
    assert done.returncode == 0
    (line,) = [text for text in (demo / "s.md").read_text().splitlines() if "--seed" in text]
    assert line.startswith("edgeae gate --max-ratio 2 --markdown s.md --seed ")


def test_a_damaged_candidate_is_one_line(demo):
    path = demo / NAME
    path.write_bytes(path.read_bytes()[:20_000])
    done = edgeae_warm("gate", cwd=demo)
    assert done.returncode == 2 and len(lines(done)) == 1 and NAME in lines(done)[0]


@pytest.mark.system
def test_compare_shows_two_artifacts_and_two_runtimes_side_by_side(demo):
    heavier(demo)
    old = "bench/baselines/example.tflite"
    done = edgeae_warm("bench", "--compare", old, NAME, "--processes", "2", cwd=demo)
    assert done.returncode == 0, done.stderr
    assert "B ÷ A" in done.stdout and old in done.stdout and NAME in done.stdout
    names = ("litert-xnnpack", "litert-reference")
    words = [word for name in names for word in ("--runtime", name)]
    done = edgeae_warm("bench", "--compare", old, old, *words, "--processes", "2", cwd=demo)
    assert done.returncode == 0, done.stderr
    assert all(name in done.stdout for name in names)
    ratio = float(done.stdout.split("B ÷ A ")[1].split(" ")[0])
    assert ratio > 2  # reference kernels are several times slower
