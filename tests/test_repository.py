"""What stands around the code: workflows, hooks, templates, the version, baselines."""

import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from edgeae_cli import ROOT

from edgeae import __version__
from edgeae.baselines.find import Candidate, resolve
from edgeae.gate.budget import from_table
from edgeae.timing.suite import find as find_suite

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
#: What a workflow may use: actions of GitHub's own, each at a version.
ACTION = re.compile(r"actions/[a-z-]+@v\d+")


def read(path: Path) -> dict[str, Any]:
    found = yaml.safe_load(path.read_text())
    found["on"] = found.pop(True)  # YAML 1.1 reads that key as a truth value
    return found


def jobs() -> list[Any]:
    return [
        pytest.param(job, id=f"{path.stem}-{name}")
        for path in WORKFLOWS
        for name, job in read(path)["jobs"].items()
    ]


def lines(job: dict[str, Any]) -> list[str]:
    """Return the lines of shell that a job runs."""
    return [line for step in job["steps"] for line in step.get("run", "").splitlines()]


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_there_are_workflows_for_changes_and_for_releases():
    assert [path.name for path in WORKFLOWS] == ["ci.yml", "release.yml"]
    assert {"lint", "test", "docs", "package", "gate"} <= set(read(WORKFLOWS[0])["jobs"])


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_may_only_read(path):
    assert read(path)["permissions"] == {"contents": "read"}
    assert all("permissions" not in job for job in read(path)["jobs"].values())
    assert "secrets." not in path.read_text()
    assert read(path)["on"].keys() <= {"push", "pull_request", "workflow_dispatch"}


@pytest.mark.parametrize("job", jobs())
def test_a_job_ends_and_uses_actions_of_a_version(job):
    assert 0 < job["timeout-minutes"] <= 60
    uses = [step["uses"] for step in job["steps"] if "uses" in step]
    assert uses and all(ACTION.fullmatch(name) for name in uses)
    for step in job["steps"]:
        if step.get("uses", "").startswith("actions/checkout"):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("job", jobs())
def test_what_a_job_calls_exists(job):
    for line in lines(job):
        words = [word for word in shlex.split(line) if not re.match(r"[A-Z]+=", word)]
        if words[0] == "make":
            assert set(words[1:]) <= targets(), line
        for word in words:
            if word.startswith(".ci/"):
                assert (ROOT / word).stat().st_mode & 0o111, line


def test_the_calls_would_be_noticed():
    every = [job for path in WORKFLOWS for job in read(path)["jobs"].values()]
    called = [line for job in every for line in lines(job)]
    assert {line.split()[1] for line in called if line.startswith("make ")} >= {
        *("lint", "test", "docs", "package", "gate")
    }
    assert sum(".ci/try-package" in line for line in called) == 4
    assert "make" not in targets() and "lint" in targets()


def test_the_pythons_that_are_tested_are_those_that_are_promised():
    said = PROJECT["project"]["classifiers"]
    promised = [found[1] for item in said if (found := re.search(r":: Python :: (3\.\d+)$", item))]
    lowest, highest = (int(name.partition(".")[2]) for name in (promised[0], promised[-1]))
    assert PROJECT["project"]["requires-python"] == f">=3.{lowest},<3.{highest + 1}"
    assert [f"3.{minor}" for minor in range(lowest, highest + 1)] == promised
    ci, release = (read(path)["jobs"] for path in WORKFLOWS)
    for job in (ci["test"], release["try"]):
        assert job["strategy"]["matrix"]["python"] == promised
    once = [
        step["with"]["python-version"]
        for job in (*ci.values(), *release.values())
        for step in job["steps"]
        if step.get("uses", "").startswith("actions/setup-python")
    ]
    assert set(once) - {"${{ matrix.python }}"} <= set(promised)


def test_a_release_publishes_nothing():
    said = (ROOT / ".github" / "workflows" / "release.yml").read_text()
    assert not re.search(r"twine upload|pypi-publish|gh release|id-token|create-release", said)
    assert 'twine/bin/twine" check --strict' in said


def test_the_version_stands_in_one_place():
    assert "version" not in PROJECT["project"] and PROJECT["project"]["dynamic"] == ["version"]
    place = ROOT / PROJECT["tool"]["hatch"]["version"]["path"]
    assert place.read_text().count(f'__version__ = "{__version__}"') == 1
    changes = (ROOT / "CHANGELOG.md").read_text()
    assert re.search(rf"^## {re.escape(__version__)}( |$)", changes, re.MULTILINE)


def test_the_hooks_run_the_tools_of_lint():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [item["repo"] for item in hooks] == ["local"]
    entries = [hook["entry"] for hook in hooks[0]["hooks"]]
    recipe = (ROOT / "Makefile").read_text().partition("\nlint:")[2].partition("\n\n")[0]
    tools = re.findall(r"^\t\$\(BIN\)/(\w+)", recipe, re.MULTILINE)
    assert [entry.removeprefix(".venv/bin/").split()[0] for entry in entries] == tools
    assert all(entry.startswith(".venv/bin/") for entry in entries)


@pytest.mark.parametrize(
    "path", sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")), ids=lambda path: path.stem
)
def test_a_template_for_issues_is_one(path):
    form = yaml.safe_load(path.read_text())
    if path.stem == "config":
        assert form == {"blank_issues_enabled": True}
        return
    assert {"name", "description", "body"} == form.keys()
    names = [item["id"] for item in form["body"]]
    assert len(set(names)) == len(names)
    assert all(item["attributes"]["label"] for item in form["body"])


# --- CONTRIBUTING.md ---


CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()


def test_the_files_that_a_contributor_is_sent_to_exist():
    named = set(re.findall(r"`([\w./-]+\.(?:py|toml|txt|md|yml))`", CONTRIBUTING))
    assert len(named) > 30
    places = [(ROOT / name, ROOT / "edgeae" / name) for name in sorted(named)]
    assert [at for at, inside in places if not at.exists() and not inside.exists()] == []
    links = re.findall(r"\]\(([\w./-]+)\)", CONTRIBUTING)
    assert links and all((ROOT / link).exists() for link in links)


def test_the_names_that_a_contributor_is_sent_to_exist():
    """In capitals, as `FAMILIES`; or of a test."""
    source = "".join(
        path.read_text()
        for folder in ("edgeae", "tests")
        for path in (ROOT / folder).rglob("*.py")
        if path != Path(__file__)
    )
    named = set(re.findall(r"`(_?[A-Z]{3,}[A-Z_]*|test_\w+)`", CONTRIBUTING))
    assert {"FAMILIES", "RUNTIMES", "ROOMS", "_COUNTS"} <= named
    assert [name for name in sorted(named) if not re.search(rf"\b{name}\b", source)] == []


def test_the_targets_that_a_contributor_is_told_exist():
    said = re.findall(r"`?\bmake ([a-z-]+)\b(?=`|  )", CONTRIBUTING)
    assert len(set(said)) > 8
    assert set(said) - targets() == set()


# --- the gate of this repository ---


def test_what_make_gate_judges_has_a_baseline():
    suite = find_suite(str(ROOT / "bench" / "digits" / "digits.toml"))
    budget = from_table(suite.budget)
    assert budget.max_ratio == 1.03 and budget.on_inconclusive == "fail"
    recipe = (ROOT / "Makefile").read_text().partition("\ngate-models:")[2].partition("\n\n")[0]
    models = re.search(r"for model in ([\w -]+); do for format in ([\w ]+); do", recipe)
    assert models is not None
    with resolve(suite.baseline, ROOT) as baselines:
        wanted = {
            f"{model}-int8.{form}" for model in models[1].split() for form in models[2].split()
        }
        bare = {item.place.name for item in baselines.items if item.bundle is None}
        assert bare == wanted and len(wanted) == 4
        for name in wanted:
            found = baselines.find(Candidate.of_file(Path(name)))
            assert found is not None  # and its bytes are those of its record


def test_the_baselines_are_small():
    files = [path for path in (ROOT / "bench" / "baselines").iterdir() if path.is_file()]
    assert 0 < sum(path.stat().st_size for path in files) < 200_000


def test_no_path_of_a_machine_is_in_a_record():
    for path in (ROOT / "bench" / "baselines").glob("*.json"):
        assert not re.search(r'"/\w', path.read_text())
