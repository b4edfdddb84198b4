"""`edgeae init`: what it writes is whole, overwrites nothing, and passes its gate as it stands."""

import importlib.metadata
import json
import os
import re
import shlex
import subprocess
import tomllib
import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tiny
import warm
from edgeae_cli import ROOT, edgeae_here
from wheels import build_wheel, environment

from edgeae import __version__
from edgeae.conversion.plan import matrix
from edgeae.embed.table import FORMS
from edgeae.errors import BadInput
from edgeae.formats.tflite.graph import read
from edgeae.gate.budget import Budget, from_table
from edgeae.recipe import find as find_recipe
from edgeae.runtimes import load
from edgeae.scaffold.write import repository, source, write
from edgeae.system import atomic
from edgeae.system.extras import CORE, EXTRAS, remedy
from edgeae.timing.suite import find as find_suite

FILES = {
    ".github/workflows/edgeae.yml",
    ".gitignore",
    "Makefile",
    "README.md",
    "bench/baselines/example.tflite",
    "bench/gate.toml",
    "export/float32.toml",
    "export/int8.toml",
    "export/matrix.toml",
    "models/example.tflite",
}


@pytest.fixture
def demo(tmp_path: Path) -> Path:
    write(tmp_path / "demo")
    return tmp_path / "demo"


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


# --- writing ---


def test_a_repository_is_these_files(demo: Path) -> None:
    assert files(demo).keys() == FILES
    assert files(demo) == repository()
    umask = os.umask(0)
    os.umask(umask)
    for path in demo.rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o777 if path.is_dir() else 0o666) & ~umask


def test_again_it_writes_nothing(demo: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in demo.rglob("*")}
    again = write(demo)
    assert again.written == () and set(again.unchanged) == FILES
    assert {path: path.stat().st_mtime_ns for path in demo.rglob("*")} == before


def test_existing_files_are_listed_and_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    (tmp_path / "Makefile").symlink_to("nowhere")
    with pytest.raises(BadInput) as caught:
        write(tmp_path)
    said = str(caught.value)
    assert "Makefile, README.md exist already" in said and "--force" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Makefile", "README.md"]
    assert (tmp_path / "README.md").read_text() == "mine"


def test_force_replaces_them_and_only_them(demo: Path) -> None:
    (demo / "README.md").write_text("mine")
    (demo / "export" / "mine.toml").write_text("mine")
    again = write(demo, force=True)
    assert again.written == ("README.md",)
    assert files(demo) == {**repository(), "export/mine.toml": b"mine"}


def test_a_link_is_replaced_not_followed(demo: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("mine")
    (demo / "README.md").unlink()
    (demo / "README.md").symlink_to(outside)
    write(demo, force=True)
    assert outside.read_text() == "mine" and not (demo / "README.md").is_symlink()


@pytest.mark.parametrize("force", [True, False])
@pytest.mark.parametrize(
    ("made", "said"),
    [
        ("bench", "bench: is a file"),
        ("README.md/x", "README.md: is a folder"),
        (".", "demo: is a file"),
    ],
)
def test_what_is_in_the_way_is_named_before_anything_is_written(
    made: str, said: str, force: bool, tmp_path: Path
) -> None:
    path = tmp_path / "demo" / made
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine")
    with pytest.raises(BadInput, match=said):
        write(tmp_path / "demo", force=force)
    assert [item for item in tmp_path.rglob("*") if item.is_file()] == [path]


@pytest.mark.parametrize("kept", range(0, len(FILES), 3))
def test_what_was_interrupted_can_be_repeated(
    kept: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_bytes, written = atomic.write_bytes, []

    def interrupted(path: Path, content: bytes) -> None:
        if len(written) == kept:
            raise KeyboardInterrupt
        written.append(path)
        write_bytes(path, content)

    with monkeypatch.context() as patched:
        patched.setattr(atomic, "write_bytes", interrupted)
        with pytest.raises(KeyboardInterrupt):
            write(tmp_path)
    assert len(files(tmp_path)) == kept
    again = write(tmp_path)
    assert len(again.unchanged) == kept
    assert files(tmp_path) == repository()


# --- what is written ---


def test_the_example_is_its_own_baseline_and_runs(demo: Path) -> None:
    content = (demo / "models" / "example.tflite").read_bytes()
    assert content == (demo / "bench" / "baselines" / "example.tflite").read_bytes()
    graph = read(content, "example")
    edges = [graph.tensors[index] for index in (*graph.inputs.values(), *graph.outputs.values())]
    assert [(edge.shape, edge.dtype) for edge in edges] == [((1, 784), "int8"), ((1, 32), "int8")]
    import numpy as np

    random = np.random.default_rng(0)
    x = random.integers(-128, 128, (4, 784)).astype(np.int8)
    codes = tiny.run(content, x, tiny.RESOLVERS["litert-reference"])
    assert len(np.unique(codes)) > 10  # it computes something


def test_the_suite_is_one_that_edgeae_reads(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(demo)
    suite = find_suite("gate")
    assert suite.artifacts == ("models/*.tflite",) and suite.models == ()
    assert (suite.baseline, suite.runtimes) == ("bench/baselines", ("litert-xnnpack",))
    assert (suite.threads, suite.batch) == ((1,), (1,))
    budget = from_table(suite.budget)
    assert budget.max_ratio == 1.03 and budget.on_inconclusive == "fail"
    assert budget.on("litert-gpu").max_ratio == 1.10


def test_every_key_of_the_budget_is_documented_and_every_documented_key_works(demo: Path) -> None:
    text = (demo / "bench" / "gate.toml").read_text()
    told = set(re.findall(r"^(?:# )?(\w+) = ", text, re.MULTILINE))
    assert set(Budget.__dataclass_fields__) - {"runtimes"} <= told
    loose = re.sub(r"^# (\w+ = )", r"\1", text, flags=re.MULTILINE)  # every example at once
    budget = from_table(tomllib.loads(loose)["budget"])
    assert budget.parity and budget.exact == ("bytes", "macs", "arena", "operators")
    assert None not in (budget.max_p50_us, budget.max_p99_us, budget.max_rss_mb)


def test_the_recipes_are_those_that_edgeae_ships(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(demo)
    for name in ("int8", "float32"):
        assert (demo / "export" / f"{name}.toml").read_bytes() == (
            ROOT / "export" / f"{name}.toml"
        ).read_bytes()
        assert find_recipe(name).quantization == name


def test_the_recipes_stand_alone(demo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What they extend, if anything, is written too, so that it can be changed here."""
    monkeypatch.chdir(demo)
    for path in (demo / "export").glob("*.toml"):
        base = tomllib.loads(path.read_text()).get("extends")
        assert base is None or (demo / "export" / f"{base}.toml").exists()


def test_the_matrix_takes_every_model_under_the_projects_recipes(
    demo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(demo)
    for model in ("deep", "mine"):
        (demo / "build" / model).mkdir(parents=True)
        (demo / "build" / model / "train.json").write_text("{}")
    own = matrix.own()
    assert own is not None
    found = [f"{cell.folder.name}/{cell.recipe.name}" for cell in matrix.cells(own, Path("build"))]
    assert found == ["deep/float32", "deep/int8", "mine/float32", "mine/int8"]


def test_a_project_with_recipes_of_its_own_gets_the_shipped_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "export").mkdir()
    (tmp_path / "export" / "int8.toml").write_text("mine")
    monkeypatch.chdir(tmp_path)
    assert repository()["export/int8.toml"] == (ROOT / "export" / "int8.toml").read_bytes()


def test_nothing_of_this_machine_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, demo = tmp_path / "home", tmp_path / "demo"
    monkeypatch.setenv("HOME", str(home))
    write(demo)
    for path, content in files(demo).items():
        for word in (str(ROOT), str(home), str(demo)):
            assert word.encode() not in content, path


# --- the workflow ---


def yaml(text: str) -> Any:
    """Read the part of YAML that the workflow is written in: blocks, and scalars as text.

    Raises:
        ValueError: it is anything else.
    """
    lines = []
    for raw in text.splitlines():
        line = re.sub(r"(^|\s+)#( .*)?$", "", raw)
        if "\t" in line:
            raise ValueError(raw)
        if line.strip():
            lines.append((len(line) - len(line.lstrip()), line.strip()))
    value = _block(lines)
    if lines:
        raise ValueError(f"left over: {lines[0]}")
    return value


def _block(lines: list[tuple[int, str]]) -> Any:
    indent = lines[0][0]
    listed: list[Any] = []
    table: dict[str, Any] = {}
    while lines and lines[0][0] == indent:
        line = lines.pop(0)[1]
        if line.startswith("- "):
            lines.insert(0, (indent + 2, line[2:]))
            listed.append(_block(lines))
            continue
        key, colon, rest = line.partition(":")
        if not colon or not re.fullmatch(r"[\w-]+", key) or key in table:
            raise ValueError(line)
        table[key] = _value(rest.strip(), indent, lines)
    if (lines and lines[0][0] > indent) or (listed and table):
        raise ValueError(lines[:1])
    return listed or table


def _value(text: str, indent: int, lines: list[tuple[int, str]]) -> Any:
    inside = bool(lines) and lines[0][0] > indent
    if text in ("|", ">-"):
        pieces = list(_scalar(indent, lines))
        return ("\n" if text == "|" else " ").join(pieces)
    if (text and inside) or ": " in text.strip('"'):
        raise ValueError(text)
    return _block(lines) if inside else text.strip('"')


def _scalar(indent: int, lines: list[tuple[int, str]]) -> Iterator[str]:
    while lines and lines[0][0] > indent:
        yield lines.pop(0)[1]


@pytest.mark.parametrize(
    "broken", ["a:\n\tb: c", "a: b: c", "a: b\n  c: d", "a: b\na: c", "a", "- a: b\nc: d"]
)
def test_the_reader_of_yaml_would_notice(broken: str) -> None:
    with pytest.raises(ValueError):
        yaml(broken)


def test_the_workflow_runs_the_gate_and_keeps_its_results(demo: Path) -> None:
    workflow = yaml((demo / ".github" / "workflows" / "edgeae.yml").read_text())
    assert workflow["on"] == {"push": {"branches": "[main]"}, "pull_request": ""}
    assert workflow["permissions"] == {"contents": "read"}
    (job,) = workflow["jobs"].values()
    steps = job["steps"]
    uses = [step["uses"].partition("@") for step in steps if "uses" in step]
    assert [name for name, _, version in uses if re.fullmatch(r"v\d+", version)] == [
        "actions/checkout",
        "actions/setup-python",
        "actions/upload-artifact",
    ]
    checkout, python, install, gate, upload = steps
    assert checkout["with"] == {"fetch-depth": "0"}
    assert python["with"] == {"python-version": "3.12"}
    assert install["run"] == "pip install vendor/edgeae-*.whl"
    assert gate["run"].startswith("edgeae gate --suite gate --junit gate.xml ")
    assert gate["run"].endswith('--markdown "$GITHUB_STEP_SUMMARY"')
    assert upload["if"] == "always()" and "gate.xml" in upload["with"]["path"].split("\n")


def test_the_workflows_command_is_one_that_edgeae_has(demo: Path, tmp_path: Path) -> None:
    workflow = yaml((demo / ".github" / "workflows" / "edgeae.yml").read_text())
    command = workflow["jobs"]["gate"]["steps"][3]["run"].split()
    summary = tmp_path / "summary.md"
    arguments = [str(summary) if "SUMMARY" in word else word for word in command[1:]]
    done = edgeae_here(*arguments, cwd=demo)
    assert done.returncode == 0, done.stderr
    (case,) = ElementTree.parse(demo / "gate.xml").iter("testcase")
    assert "example.tflite" in f"{case.attrib}" and len(case.findall("failure")) == 0
    assert "pass" in summary.read_text()


# --- make ---


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *arguments, f"EDGEAE={shlex.join(warm.python('edgeae'))} -m edgeae"],
        cwd=folder,
        env={
            **{**os.environ, "PYTHONPATH": str(ROOT), "MAKEFLAGS": "", "MAKELEVEL": ""},
            **warm.environment(),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_make_passes_as_it_stands(demo: Path) -> None:
    done = make(demo)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "pass" in done.stdout and "models/example.tflite" in done.stderr


def test_every_target_is_described_and_is_a_command(demo: Path) -> None:
    text = (demo / "Makefile").read_text()
    described = re.findall(r"^([a-z]+):.*## \w", text, re.MULTILINE)
    assert set(described) == {
        *("help", "gate", "train", "export", "verify", "bench", "baseline", "report"),
    }
    phony = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert phony and sorted(phony[1].split()) == sorted(described)
    listing = make(demo, "help").stdout
    assert [line.split()[0] for line in listing.splitlines()] == described
    known = edgeae_here("--help", cwd=demo).stdout
    for target in set(described) - {"help"}:
        run = make(demo, "-n", target).stdout.split(" -m edgeae ")[1]
        assert f"  {run.split()[0]} " in known


# --- the command ---


def test_a_user_is_told_what_comes_next(tmp_path: Path) -> None:
    done = edgeae_here("init", "demo", cwd=tmp_path)
    assert done.returncode == 0 and done.stderr == ""
    lines = done.stdout.splitlines()
    assert {line for line in lines if line.startswith("demo/")} == {f"demo/{x}" for x in FILES}
    assert "  cd demo" in lines and any(line.split()[:1] == ["make"] for line in lines)
    assert sum(line.startswith("  pip wheel --no-deps --wheel-dir vendor ") for line in lines) == 1
    told = json.loads(edgeae_here("init", "demo", "--json", cwd=tmp_path).stdout)
    assert told["written"] == [] and set(told["unchanged"]) == FILES


def test_here_is_the_default_and_needs_no_cd(tmp_path: Path) -> None:
    done = edgeae_here("init", cwd=tmp_path)
    assert done.returncode == 0 and "  cd " not in done.stdout
    assert files(tmp_path).keys() == FILES


def test_a_user_who_has_files_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    done = edgeae_here("init", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("edgeae: .: README.md exists already")
    assert edgeae_here("init", "--force", cwd=tmp_path).returncode == 0
    assert (tmp_path / "README.md").read_text() != "mine"


# --- with a form of embedding ---


@pytest.fixture
def embedded(tmp_path: Path) -> Path:
    write(tmp_path / "demo", embed="c")
    return tmp_path / "demo"


def test_a_form_of_embedding_is_a_target_a_step_and_a_paragraph(embedded: Path) -> None:
    assert files(embedded).keys() == FILES
    changed = {path for path, content in files(embedded).items() if content != repository()[path]}
    assert changed == {"Makefile", "README.md", ".github/workflows/edgeae.yml"}
    for path in changed:
        text = (embedded / path).read_text()
        assert text.startswith(repository()[path].decode()) and "$FORM$" not in text
    workflow = yaml((embedded / ".github" / "workflows" / "edgeae.yml").read_text())
    *before, step = workflow["jobs"]["gate"]["steps"]
    assert len(before) == 5
    assert step == {"name": "Embed", "run": "make embed && git diff --exit-code -- embed"}
    assert "embed each of models/ in embed/NAME, as c" in make(embedded, "help").stdout
    assert write(embedded, embed="c").written == ()


def test_what_the_target_embeds_is_verified_and_the_same_each_time(embedded: Path) -> None:
    done = make(embedded, "embed")
    assert done.returncode == 0, done.stderr
    first = files(embedded / "embed" / "example")
    assert "edgeae/record.json" in first and "example.c" in first
    assert make(embedded, "embed").returncode == 0
    assert files(embedded / "embed" / "example") == first
    (embedded / "models" / "broken.tflite").write_bytes(b"TFL3")
    done = make(embedded, "embed")
    assert done.returncode != 0 and "broken.tflite" in done.stderr


def test_an_unknown_form_is_refused_with_the_list(tmp_path: Path) -> None:
    done = edgeae_here("init", "demo", "--embed", "arduno", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("edgeae: unknown form 'arduno'")
    assert f"(there are: {', '.join(sorted(FORMS))})" in line
    assert list(tmp_path.iterdir()) == []


# --- an installed wheel ---


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with edgeae's wheel, and an environment `env` that holds it."""
    folder = tmp_path_factory.mktemp("wheel")
    wheel = build_wheel(folder)
    done = type_in(environment(folder / "env"), shlex.join(["pip", "install", str(wheel)]), ROOT)
    assert done.returncode == 0, done.stderr
    return folder


def type_in(
    place: Path, line: str, cwd: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a line of a shell in an environment, where pip may ask no registry."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    path = f"{place / 'bin'}{os.pathsep}{kept['PATH']}"
    return subprocess.run(
        ["bash", "-e", "-c", line],
        cwd=cwd,
        env={**kept, "PATH": path, "PIP_NO_INDEX": "1", **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def run_installed(installed: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return type_in(installed / "env", shlex.join(arguments), cwd)


@pytest.mark.system
def test_the_installed_edgeae_is_the_wheels(installed: Path, tmp_path: Path) -> None:
    program = "import edgeae; print(edgeae.__file__)"
    done = run_installed(installed, "python", "-c", program, cwd=tmp_path)
    assert done.stdout.startswith(str(installed / "env"))
    assert not (ROOT / "edgeae" / "_project").exists()


@pytest.mark.system
def test_the_wheel_holds_templates_recipes_and_suites(installed: Path) -> None:
    (wheel,) = installed.glob("edgeae-*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    templates = {path.name for path in (ROOT / "edgeae" / "scaffold" / "templates").iterdir()}
    assert {f"edgeae/scaffold/templates/{name}" for name in templates} <= held
    for folder in ("export", "bench"):
        names = {path.name for path in (ROOT / folder).glob("*.toml")}
        inside = f"edgeae/_project/{folder}/"
        assert {inside + name for name in names} == {name for name in held if inside in name}
    pages = {path.name for path in (ROOT / "edgeae" / "report").glob("*.j2")}
    assert {f"edgeae/report/{name}" for name in pages} <= held
    assert "edgeae/py.typed" in held


@pytest.mark.system
def test_init_of_an_installed_wheel_writes_the_same_and_its_gate_passes(
    installed: Path, tmp_path: Path
) -> None:
    done = run_installed(installed, "edgeae", "init", "demo", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert files(tmp_path / "demo") == repository()
    done = run_installed(installed, "edgeae", "gate", "--suite", "gate", cwd=tmp_path / "demo")
    assert done.returncode == 0, done.stderr
    listed = run_installed(installed, "edgeae", "export", "--list", cwd=tmp_path)
    assert {"int8", "float32"} <= {line.split()[0] for line in listed.stdout.splitlines()}


@pytest.mark.system
def test_the_workflow_works_as_typed_once_what_init_prints_was_typed(
    installed: Path, tmp_path: Path
) -> None:
    done = run_installed(installed, "edgeae", "init", "demo", cwd=tmp_path)
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("  pip wheel ")]
    demo, here = tmp_path / "demo", installed / "env"
    assert type_in(here, line, demo).returncode == 0
    (wheel,) = installed.glob("edgeae-*.whl")
    assert files(demo / "vendor") == {wheel.name: wheel.read_bytes()}
    there = environment(tmp_path / "runner")
    workflow = yaml((demo / ".github" / "workflows" / "edgeae.yml").read_text())
    for step in workflow["jobs"]["gate"]["steps"]:
        if "run" in step:
            summary = {"GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}
            done = type_in(there, step["run"], demo, **summary)
            assert done.returncode == 0, done.stdout + done.stderr
    assert "pass" in (tmp_path / "summary.md").read_text()


@pytest.mark.system
def test_what_errors_say_to_install_can_be_typed(installed: Path) -> None:
    """Edgeae itself is in no registry, and pip may ask none here."""
    done = type_in(installed / "env", "\n".join([CORE, *map(remedy, EXTRAS)]), installed)
    assert done.returncode == 0, done.stderr
    assert "does not provide" not in done.stderr


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"url": "file:///some/check%20out", "dir_info": {"editable": True}}, "/some/check out"),
        ({"url": "file:///a/edgeae-1-py3-none-any.whl"}, "/a/edgeae-1-py3-none-any.whl"),
        ({"url": "https://a.example/edgeae-1.whl"}, "https://a.example/edgeae-1.whl"),
        (
            {"url": "https://a.example/e.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}},
            "git+https://a.example/e.git@abc",
        ),
        (None, f"edgeae=={__version__}"),
    ],
)
def test_where_edgeae_came_from_is_told_in_the_words_of_pip(
    told: object, expected: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    info = tmp_path / "edgeae-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: edgeae\nVersion: 1\n")
    if told:
        (info / "direct_url.json").write_text(json.dumps(told))
    monkeypatch.syspath_prepend(tmp_path)
    assert source() == expected


def test_a_checkout_that_is_run_where_it_lies_is_the_source(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", missing)
    assert source() == str(ROOT)


def test_the_runtime_of_the_suite_is_one_that_a_device_has() -> None:
    assert load("litert-xnnpack").version()
