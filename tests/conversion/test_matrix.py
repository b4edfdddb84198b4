"""The matrix: what it names, how many exports run at once, and what is left after an accident."""

import contextlib
import dataclasses
import json
import re
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import pytest
from edgeae_cli import ROOT
from fake_exports import Project, fake_model
from processes import children_of, is_gone_soon

from edgeae import recipe
from edgeae.conversion.plan import matrix
from edgeae.conversion.plan.export import ExportCell
from edgeae.conversion.plan.memory import need, workers
from edgeae.errors import BadInput
from edgeae.system import atomic, memory
from edgeae.system.machine import cores

DEMO = ("float32", "float16", "dynamic", "int8", "int8-per-tensor", "p60-int8")
GB = 10**9


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path, "deep", "simple")


# --- what it names ---


def names(cells: list[ExportCell]) -> list[str]:
    return [f"{cell.folder.name}/{cell.recipe.name}" for cell in cells]


def chosen(place: Path, text: str, *models: str) -> list[str]:
    path = place / "mine.toml"
    path.write_text(text)
    for model in models or ("conv", "deep", "deep-c8"):
        (place / "build" / model).mkdir(parents=True, exist_ok=True)
        (place / "build" / model / "train.json").write_text("{}")
    return names(matrix.cells(path, place / "build"))


CHOICES = {
    'models = ["deep"]\nrecipes = ["int8", "float32"]': ["deep/int8", "deep/float32"],
    'models = ["*"]\nrecipes = ["int8"]': ["conv/int8", "deep/int8", "deep-c8/int8"],
    'recipes = ["int8"]': ["conv/int8", "deep/int8", "deep-c8/int8"],
    'models = ["deep*"]\nrecipes = ["int8*"]\nexclude = ["*/*-fast", "deep/int8"]': [
        "deep/int8-per-tensor",
        "deep-c8/int8",
        "deep-c8/int8-per-tensor",
    ],
    'models = ["d?ep", "deep"]\nrecipes = ["int8", "int*8"]\nexclude = ["*/*-*"]': ["deep/int8"],
}


@pytest.mark.parametrize("block", CHOICES)
def test_names_and_patterns_choose(tmp_path, monkeypatch, block):
    monkeypatch.chdir(tmp_path)
    found = chosen(tmp_path, f"[[cells]]\n{block}")
    assert [name for name in found if "int16" not in name] == CHOICES[block]


def test_an_empty_block_is_everything(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = chosen(tmp_path, "[[cells]]", "conv", "deep")
    assert sorted(found) == sorted(f"{m}/{r}" for m in ("conv", "deep") for r in recipe.available())


def test_blocks_add_up_and_name_each_bundle_once(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = [
        'models = ["deep"]\nrecipes = ["int8"]',
        'models = ["*"]\nrecipes = ["float32", "int8"]\nexclude = ["conv/*", "deep-*/float32"]',
    ]
    text = "\n".join(f"[[cells]]\n{block}" for block in blocks)
    assert chosen(tmp_path, text) == ["deep/int8", "deep/float32", "deep-c8/int8"]


WRONG = {
    "nothing": ("", "cells is missing"),
    "no block": ("cells = []", "cells = []"),
    "one table": ("[cells]", "cells = {}: allowed is a list"),
    "unknown key": ("[[cell]]", "unknown key 'cell'; did you mean 'cells'"),
    "unknown key below": ('[[cells]]\nrecipe = ["a"]', "did you mean 'cells[0].recipes'"),
    "text for a list": ('[[cells]]\nmodels = "*"', "cells[0].models = '*': allowed is a list"),
    "a number for a name": ("[[cells]]\nmodels = [3]", "cells[0].models[0] = 3"),
    "no models": ("[[cells]]\nmodels = []", "cells[0].models = []"),
    "no recipes": ("[[cells]]\nrecipes = []", "cells[0].recipes = []"),
    "half a name": (
        '[[cells]]\nexclude = ["int8"]',
        "cells[0].exclude = 'int8': allowed is model/recipe",
    ),
    "unknown model": ('[[cells]]\nmodels = ["depe"]', "unknown model 'depe'; did you mean 'deep'"),
    "unknown recipe": ('[[cells]]\nrecipes = ["itn8"]', "unknown recipe 'itn8'; did you mean"),
    "comes to nothing": ('[[cells]]\nmodels = ["x*"]', "nothing to export"),
    "all excluded": ('[[cells]]\nexclude = ["*/*"]', "nothing to export"),
    "not TOML": ("cells: all", "not TOML"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_matrix_is_told_by_file_key_and_value(tmp_path, monkeypatch, kind):
    monkeypatch.chdir(tmp_path)
    text, told = WRONG[kind]
    with pytest.raises(BadInput) as caught:
        chosen(tmp_path, text)
    line = str(caught.value)
    assert line.startswith(f"{tmp_path / 'mine.toml'}: ") and told in line and "\n" not in line
    assert line.count("mine.toml") == 1


def test_a_wrong_recipe_that_is_named_is_told_by_its_own_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "bad.toml").write_text("[prune]\nsparsity = 1.2")
    with pytest.raises(BadInput, match=r"^export/bad\.toml: prune\.sparsity = 1\.2|/bad\.toml: "):
        chosen(tmp_path, '[[cells]]\nrecipes = ["bad"]')
    assert chosen(tmp_path, '[[cells]]\nmodels = ["deep"]\nrecipes = ["int8"]') == ["deep/int8"]


def test_without_a_trained_model_it_says_what_makes_one(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("[[cells]]")
    with pytest.raises(BadInput, match="no trained model; `edgeae train` makes one"):
        matrix.cells(path, tmp_path / "build")


def test_the_shipped_matrix_is_the_demos_and_documents_its_keys(tmp_path, monkeypatch):
    path = ROOT / "export" / "matrix.toml"
    assert chosen(tmp_path, path.read_text(), "deep", "simple") == [
        f"{model}/{plan}" for model in ("deep", "simple") for plan in DEMO
    ]
    monkeypatch.chdir(tmp_path)
    assert matrix.own() is None and matrix.parse(matrix.find()) == matrix.parse(path)
    keys = {field.name for field in dataclasses.fields(matrix.Block)}
    template = ROOT / "edgeae" / "scaffold" / "templates" / "matrix.toml"
    page = (ROOT / "docs" / "reference" / "matrix.md").read_text(encoding="utf-8")
    assert all(f"| `{key}` |" in page for key in keys)
    for text in (path.read_text(), template.read_text()):
        assert all(re.search(rf"^(# *)?{key}\b", text, re.MULTILINE) for key in keys)
        tables = tomllib.loads(re.sub(r"^# (\[\[|\w+ = )", r"\1", text, flags=re.MULTILINE))
        for table in tables["cells"]:  # the examples in comments, too
            matrix.Block(**{key: tuple(value) for key, value in table.items()})


def test_the_projects_own_matrix_comes_first(tmp_path, monkeypatch):
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "matrix.toml").write_text("[[cells]]")
    monkeypatch.chdir(tmp_path)
    assert matrix.find() == matrix.own() == Path("export/matrix.toml")
    assert matrix.find("other.toml") == Path("other.toml")
    assert "matrix" not in recipe.available()


# --- how many at once ---


def tuned(*steps: str) -> recipe.Recipe:
    return recipe.find("p60-int8") if steps else recipe.find("int8")


@pytest.mark.parametrize(
    ("asked", "free", "expected", "told"),
    [
        (2, 100 * GB, 2, ""),
        (8, 100 * GB, 3, ""),  # no more than there is to do
        (3, int(1.7 * GB), 2, "2 at once, not 3: 1.7 GB of memory are free"),
        (3, GB // 2, 1, "1 at once, not 3: 0.5 GB"),  # one always
        (3, 0, 1, "1 at once, not 3"),
        (None, 0, 1, ""),  # nobody asked
        (3, None, 3, ""),  # nobody knows
    ],
)
def test_no_more_run_at_once_than_memory_allows(asked, free, expected, told):
    jobs, line = workers(asked, [int(0.8 * GB)] * 3, free)
    assert jobs == expected and line.startswith(told) and bool(line) == bool(told)


def test_what_runs_at_once_are_the_largest_at_worst(monkeypatch):
    monkeypatch.setattr("edgeae.conversion.plan.memory.cores", lambda: 3)
    assert workers(9, [GB] * 9, 3 * GB)[0] == 3
    assert workers(9, [GB] * 8 + [2 * GB], 3 * GB)[0] == 2
    assert workers(None, [GB] * 9, 100 * GB) == (3, "")


def test_memory_grows_with_the_data_the_model_and_fine_tuning(tmp_path):
    def of(plan: recipe.Recipe, images: int, **changes: int) -> int:
        sizes = {"name": "tiny", "sha256": "d" * 64, "data": "tiny.npz"}
        sizes |= {"train": images, "validation": 0, "test": images}
        return need(plan, fake_model(tmp_path / "model", dataset=sizes, **changes))

    small = of(tuned(), 1000)
    assert of(tuned(), 1_000_000) - small > 999_000 * 16 * 4
    assert of(tuned(), 1000, parameters=10**8) - small > 4 * 10**8
    assert of(tuned("prune"), 1_000_000) - of(tuned(), 1_000_000) > 10**6 * 16 * 4
    assert of(tuned(), 1000, activations=10**6) > small


def machine(place: Path, available_kb: int, groups: str) -> tuple[Path, Path]:
    (place / "proc" / "self").mkdir(parents=True)
    (place / "proc" / "meminfo").write_text(
        f"MemTotal: 99999999 kB\nMemFree: 1 kB\nMemAvailable: {available_kb} kB\n"
    )
    (place / "proc" / "self" / "cgroup").write_text(groups)
    return place / "proc", place / "groups"


def group(folder: Path, files: dict[str, object]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_text(f"{content}\n")


def v2(limit: object, current: int, cache: int) -> dict[str, object]:
    stat = f"anon 5\ninactive_file {cache}"
    return {"memory.max": limit, "memory.current": current, "memory.stat": stat}


def test_free_memory_is_what_the_kernel_says(tmp_path):
    proc, groups = machine(tmp_path, 4_000_000, "0::/\n")
    assert memory.available(proc, groups) == 4_000_000 * 1024


def test_a_control_group_may_leave_less(tmp_path):
    proc, groups = machine(tmp_path, 4_000_000, "0::/outer/inner\n")
    group(groups / "outer" / "inner", v2("max", 7, 3))
    assert memory.available(proc, groups) == 4_000_000 * 1024
    group(groups / "outer", v2(2 * GB, 1_500_000_000, 200_000_000))  # a parent's limit holds too
    assert memory.available(proc, groups) == 700_000_000
    group(groups / "outer" / "inner", v2(GB, 2 * GB, 0))
    assert memory.available(proc, groups) == 0


def test_inside_a_container_the_root_has_the_limit(tmp_path):
    proc, groups = machine(tmp_path, 4_000_000, "0::/docker/0123/of/the/host\n")
    group(groups, v2(3 * GB, GB, 0))
    assert memory.available(proc, groups) == 2 * GB


def test_control_groups_of_version_1_are_read(tmp_path):
    proc, groups = machine(tmp_path, 4_000_000, "9:cpu,cpuacct:/x\n4:memory:/job\n0::/\n")
    files = {
        "memory.limit_in_bytes": 2 * GB,
        "memory.usage_in_bytes": GB,
        "memory.stat": "inactive_file 9\ntotal_inactive_file 1000",
    }
    group(groups / "memory" / "job", files)
    group(groups / "memory", {**files, "memory.limit_in_bytes": 9223372036854771712})
    assert memory.available(proc, groups) == GB + 1000


def test_where_nobody_tells_it_is_the_whole_memory_or_unknown(tmp_path, monkeypatch):
    nowhere = tmp_path / "nowhere"
    assert memory.available(nowhere, nowhere) == memory._installed()
    assert (memory._installed() or 0) > 100_000_000

    def refuse(name):
        raise ValueError(name)

    monkeypatch.setattr(memory.os, "sysconf", refuse)
    assert memory.available(nowhere, nowhere) is None


def test_this_machine_tells():
    free = memory.available()
    assert free is not None and 0 <= free <= (memory._installed() or 0)
    assert cores() >= 1


# --- running it ---


TWO_BY_SIX = '[[cells]]\nmodels = ["*"]\nrecipes = ' + json.dumps(DEMO)
ALL = {f"{model}/{plan}" for model in ("deep", "simple") for plan in DEMO}


def test_plain_export_makes_the_projects_matrix_once(project):
    project.matrix(TWO_BY_SIX)
    done = project.here()
    assert done.returncode == 0, done.stderr
    assert project.bundles() == ALL and sorted(project.logged()) == sorted(ALL)
    again = project.here("--matrix")
    assert again.returncode == 0 and len(project.logged()) == len(ALL)
    assert again.stderr == "export: 12 of 12 up to date\n"
    assert [line.split()[0] for line in again.stdout.splitlines()[1:]] == sorted(
        f"build/{name}" for name in ALL
    )


def test_a_progress_line_a_bundle_with_its_time(project):
    project.matrix(TWO_BY_SIX)
    lines = project.here("--jobs=2").stderr.splitlines()
    counted = [line for line in lines if re.match(r"export: \d+/12 ", line)]
    for number, line in enumerate(counted, 1):
        assert line.startswith(f"export: {number}/12 ")
        assert re.search(r"(\w|-)+/(\w|-)+ exported in \d+\.\d s$", line)
    assert len(counted) == 12


def test_what_changed_is_made_again_and_nothing_else(project):
    project.matrix('[[cells]]\nrecipes = ["int8", "mine"]')
    mine = project.place / "export" / "mine.toml"
    mine.write_text('extends = "int8"\nrepresentative = 77')
    assert project.here().returncode == 0
    project.log.unlink()

    mine.write_text('extends = "int8"\nrepresentative = 78')  # the recipe
    assert project.here().returncode == 0
    assert sorted(project.logged()) == ["deep/mine", "simple/mine"]

    project.model("deep", weights_sha256="1" * 64)  # the input
    assert project.here().returncode == 0
    assert sorted(project.logged()[2:]) == ["deep/int8", "deep/mine"]

    manifest = project.build / "simple" / "int8" / "manifest.json"
    table = json.loads(manifest.read_text())
    table["tools"]["tensorflow"] = "1.0"  # a tool
    manifest.write_text(json.dumps(table))
    (project.build / "deep" / "mine" / "encoder.tflite").write_bytes(b"damaged")  # the result
    assert project.here().returncode == 0
    assert sorted(project.logged()[4:]) == ["deep/mine", "simple/int8"]


def test_one_failure_is_told_and_the_others_finish(project):
    project.matrix(TWO_BY_SIX)
    done = project.run(fail=["deep/int8", "simple/p60-int8"])
    assert done.returncode == 1
    assert project.bundles() == ALL - {"deep/int8", "simple/p60-int8"}
    told = [line for line in done.stderr.splitlines() if line.startswith("edgeae: ")]
    assert sorted(told) == [
        "edgeae: build/deep/int8: deep/int8 holds 12 % zeros, 60 % asked",
        "edgeae: build/simple/p60-int8: simple/p60-int8 holds 12 % zeros, 60 % asked",
    ]
    assert re.search(r"^export: \d+/12 .*build/deep/int8 failed in ", done.stderr, re.MULTILINE)
    assert project.left_behind() == []
    project.log.unlink()
    again = project.run()
    assert again.returncode == 0 and sorted(project.logged()) == ["deep/int8", "simple/p60-int8"]
    assert "export: 10 of 12 up to date" in again.stderr and "export: 11/12 " in again.stderr


def test_the_worst_of_several_failures_decides(project):
    project.matrix('[[cells]]\nrecipes = ["int8"]')
    (project.build / "deep" / "model.keras").write_bytes(b"another file")
    done = project.run(fail=["simple/int8"])
    assert done.returncode == 4 and "build/deep/int8: " in done.stderr


def test_fine_tuning_starts_first(project):
    project.matrix('[[cells]]\nmodels = ["deep"]\nrecipes = ["*"]')
    assert project.here("--jobs=1").returncode == 0
    steps = [
        sum(step.steps for step in (plan.prune, plan.cluster, plan.qat) if step is not None)
        for plan in (recipe.find(name.partition("/")[2]) for name in project.logged())
    ]
    assert steps == sorted(steps, reverse=True) and steps[0] > 0 and steps[-1] == 0


def test_memory_lowers_the_jobs_and_says_so(project):
    project.matrix('[[cells]]\nrecipes = ["int8", "float32"]')
    done = project.here("--jobs=4", free=1_700_000_000)
    assert done.returncode == 0
    assert done.stderr.splitlines()[0] == (
        "export: 2 at once, not 4: 1.7 GB of memory are free, and an export takes up to 0.7 GB"
    )
    project.log.unlink()
    assert "1 at once, not" not in project.here("--force", "--jobs=1", free=1_700_000_000).stderr
    order = [line.split()[0] for line in project.log.read_text().splitlines()]
    assert order == ["start", "end"] * 4


@contextlib.contextmanager
def running(project: Project, *arguments: str, **said: object) -> Iterator[subprocess.Popen[str]]:
    """Run an export for the duration of a `with` block; it is killed at the end."""
    process = project.start(*arguments, **said)
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=30)


def test_as_many_run_at_once_as_there_are_jobs(project):
    project.matrix('[[cells]]\nrecipes = ["int8", "float32"]')
    every = [f"{model}/{plan}" for model in ("deep", "simple") for plan in ("int8", "float32")]
    with running(project, "--jobs=3", wait=every) as process:
        until(lambda: len(project.logged()) >= 3)
        assert len(list(children_of(process.pid))) == 3
        time.sleep(0.5)
    assert len(project.logged()) == 3 and project.logged("end") == []


def until(holds: Callable[[], bool]) -> None:
    for _ in range(600):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("it never came to that")


def test_after_kill_9_only_the_unfinished_bundles_are_made(project):
    project.matrix(TWO_BY_SIX)
    stuck = ["deep/float32", "simple/int8"]
    with running(project, "--jobs=2", wait=stuck) as process:
        until(lambda: set(stuck) <= set(project.logged()))
        ours = list(children_of(process.pid))
        assert len(ours) == 2
        process.kill()  # SIGKILL: nothing can be cleaned up
    assert all(map(is_gone_soon, ours))
    finished = set(project.logged("end"))
    assert project.bundles() == finished and len(finished) < len(ALL)
    assert len(project.left_behind()) == 2

    project.log.unlink()
    again = project.run()
    assert again.returncode == 0, again.stderr
    assert sorted(project.logged()) == sorted(ALL - finished)
    assert project.bundles() == ALL and project.left_behind() == []
    if finished:
        assert f"export: {len(finished)} of 12 up to date" in again.stderr


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_export_leaves_the_earlier_bundle(project, end):
    assert project.here("deep", "-r", "int8").returncode == 0
    manifest = project.build / "deep/int8/manifest.json"
    before, place = manifest.read_bytes(), manifest.parent.readlink()
    process = project.start("deep", "-r", "int8", "--force", wait=["deep/int8"])
    try:
        until(lambda: len(project.logged()) == 2 and bool(project.left_behind()))
        ours = list(children_of(process.pid))
        process.send_signal(end)
        _, said = process.communicate(timeout=30)
    finally:
        process.kill()
    if end == signal.SIGINT:
        assert process.returncode == 130 and "interrupted" in said and "Traceback" not in said
    else:
        assert process.returncode == -signal.SIGKILL
    assert (manifest.read_bytes(), manifest.parent.readlink()) == (before, place)
    assert ours and all(map(is_gone_soon, ours))  # none goes on
    with atomic.lock(project.build / "deep/.bundles/int8.lock", "the test"):
        pass
    # and the next export clears what was abandoned
    assert len(project.left_behind()) == (end == signal.SIGKILL)
    again = project.here("deep", "-r", "int8", "--force")
    assert again.returncode == 0, again.stderr
    assert project.left_behind() == [] and manifest.read_bytes() == before
    assert manifest.parent.readlink() != place


def test_an_export_that_is_asked_to_end_leaves_nothing_behind(project):
    project.matrix(TWO_BY_SIX)
    stuck = ["deep/float32", "simple/int8"]
    temporary = project.place / "temporary"
    temporary.mkdir()
    with mock.patch.dict("os.environ", TMPDIR=str(temporary)):
        process = project.start("--jobs=2", wait=stuck)
    try:
        until(lambda: set(stuck) <= set(project.logged()))
        assert len(project.left_behind()) == 2 and list(temporary.iterdir())
        for _ in range(2):  # as a terminal that closes
            process.send_signal(signal.SIGHUP)
        out, said = process.communicate(timeout=30)
    finally:
        process.kill()
    assert (process.returncode, out) == (130, "")
    assert said.splitlines()[-1] == "edgeae: interrupted; no file is damaged"
    assert project.left_behind() == [] and list(temporary.iterdir()) == []


def test_nothing_to_do_takes_no_time_and_no_tensorflow(project):
    project.matrix(TWO_BY_SIX)
    assert project.here().returncode == 0
    program = (
        "import sys, time\n"
        "from edgeae.cli import main\n"
        "started = time.process_time()\n"
        "sys.argv = ['edgeae', 'export']\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        "    share = time.process_time() / started - 1\n"
        "    heavy = {'tensorflow', 'tf_keras', 'onnx', 'onnxruntime', 'ai_edge_litert'}\n"
        "    print(share, *heavy & sys.modules.keys(), file=sys.stderr)\n"
    )
    shares = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=project.place,
            env={**project.environment()},
            capture_output=True,
            text=True,
            check=True,
        )
        told, share = done.stderr.splitlines()
        assert told == "export: 12 of 12 up to date"
        shares.append(float(share))  # fails where something heavy is told beside it
    # of the processor time that the start of edgeae takes, on whatever machine
    assert min(shares) < 2
