"""`edgeae sweep`, whose trainings, exports and measurements are fakes; all else is real."""

import json
import shutil
import sys

import pytest
from edgeae_cli import edgeae_here
from fake_sweeps import CELLS, CORE, GRID, LOSSES, MODELS, PACKED, SweepProject

from edgeae.sweep.journal import read as read_journal
from edgeae.system import atomic
from edgeae.tracking import mlflow


@pytest.fixture
def project(tmp_path) -> SweepProject:
    found = SweepProject(tmp_path)
    found.file(GRID + CORE)
    return found


def test_every_cell_is_trained_exported_and_measured_once(project):
    done = project.sweep("s.toml")
    assert done.returncode == 0, done.stderr
    assert project.trained == MODELS
    assert sorted(project.logged()) == sorted(project.counted) == sorted(CELLS)
    assert project.states() == dict.fromkeys(CELLS, "done")
    cell = project.result().cells[2]
    assert (cell.model, cell.family, cell.code, cell.data) == (
        *("simple-c8-tiny", "simple", 8),
        "tiny.npz",
    )
    assert (cell.float_loss, cell.instructions, cell.flash_bytes) == (LOSSES[8], 1000, 300)
    assert cell.loss is not None and cell.sha256 is not None
    *_, last, page = done.stdout.splitlines()
    assert last == f"{project.build.name}/sweeps/s.json: 8 cells: 8 done"
    assert page == f"{project.build.name}/sweeps/s.html"
    assert "deep-c8-tiny/int8" in (project.place / page).read_text()
    assert sorted(project.journal()) == sorted(
        [(model, "train", "trained") for model in MODELS]
        + [(cell, "export", "exported") for cell in CELLS]
        + [(cell, "measure", "measured") for cell in CELLS]
    )


def test_curves_are_written_and_runs_logged_below_the_sweeps(project, monkeypatch):
    asked = []

    def ask(job, limits, timeout_s):
        asked.append(job["runs"])
        return [{"logged": 13, "experiment": "experiment e"}]

    monkeypatch.setattr(mlflow, "_ask", ask)
    monkeypatch.setattr(mlflow.importlib.util, "find_spec", lambda name: name)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://h")
    done = project.sweep("s.toml", "--mlflow", "--tensorboard")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (project.build / "tensorboard").iterdir()} == set(MODELS)
    assert done.stderr.splitlines()[-1] == "mlflow: 13 runs logged to http://h, experiment e"
    (none, (sweep,)) = asked
    assert none == [] and sweep["name"] == "s"
    assert sweep["files"] == ["build/sweeps/s.json"]
    assert [run["name"] for run in sweep["children"]] == [*MODELS, *CELLS]
    assert sweep["children"][-1]["metrics"]["instructions"] == {0: 1000}


def test_what_is_up_to_date_is_not_done_again(project):
    project.sweep("s.toml")
    first, journal = project.result(), project.journal()
    project.trained.clear(), project.counted.clear(), project.log.unlink()
    again = project.sweep("s.toml")
    assert again.returncode == 0
    assert (project.trained, project.counted, project.logged()) == ([], [], [])
    assert project.result() == first and project.journal() == journal
    project.file(GRID.replace("[4, 8]", "[4, 8, 32]") + CORE)
    project.sweep("s.toml")
    assert project.trained == ["simple-tiny", "deep-tiny"]
    # fake bundles have the same bytes, which the core has counted
    assert (len(project.logged()), project.counted) == (4, [])
    assert {cell.instructions for cell in project.result().cells} == {1000}


def test_what_another_command_made_is_taken(project):
    project.sweep("s.toml")
    project.trained.clear(), project.counted.clear(), project.log.unlink()
    (project.place / "s.toml").rename(project.place / "t.toml")
    assert project.sweep("t.toml").returncode == 0
    assert (project.trained, project.counted, project.logged()) == ([], [], [])
    start, *events, end = read_journal(project.build / "sweeps" / "t.jsonl")
    assert {item.event for item in events} == {"up to date"} and len(events) == 4 + 8 + 8
    assert [(item.stage, item.event) for item in (start, end)] == [
        ("sweep", "started"),
        ("sweep", "ended"),
    ]
    assert start.worker == "local"


def test_one_failure_does_not_stop_the_others(project):
    project.fail = {"simple-c4-tiny"}
    done = project.sweep("s.toml", fail=["deep-c4-tiny/int8"])
    assert done.returncode == 2  # of 2 and 1, by the usual priority
    states = project.states()
    failed = {"simple-c4-tiny/float32", "simple-c4-tiny/int8", "deep-c4-tiny/int8"}
    assert {name for name, state in states.items() if state == "failed"} == failed
    assert set(states.values()) == {"failed", "done"}
    assert "simple-c4-tiny/int8" not in project.logged()
    reasons = {cell.name: cell.reason for cell in project.result().cells}
    assert reasons["simple-c4-tiny/int8"] == "training: the loss is no number"
    assert reasons["deep-c4-tiny/int8"] == (
        "export: deep-c4-tiny/int8 holds 12 % zeros, 60 % asked"
    )
    assert ("simple-c4-tiny", "train", "failed") in project.journal()
    project.fail = set()
    assert project.sweep("s.toml").returncode == 0
    assert project.states() == dict.fromkeys(CELLS, "done")


def test_only_an_export_s_failure_gives_its_own_code(project):
    assert project.sweep("s.toml", fail=["deep-c4-tiny/int8"]).returncode == 1


def test_a_model_beyond_its_budget_is_not_exported_and_the_table_says_so(project):
    project.file(GRID + "[budget]\nloss = 0.03")
    done = project.sweep("s.toml")
    assert done.returncode == 0
    assert {name.split("/")[0] for name in project.logged()} == {"simple-c8-tiny", "deep-c8-tiny"}
    assert list(project.states().values()).count("over budget") == 4
    assert "over budget: float loss 0.050000 is above budget.loss = 0.03" in done.stdout
    assert ("deep-c4-tiny/int8", "export", "over budget") in project.journal()
    project.sweep("s.toml")
    assert project.journal().count(("deep-c4-tiny/int8", "export", "over budget")) == 1


def test_a_bundle_beyond_its_budget_is_not_measured(project):
    project.sweep("s.toml")
    assert {cell.packed_bytes for cell in project.result().cells} == {PACKED}
    project.file(GRID + CORE + "[budget]\npacked_bytes = 1")
    assert project.sweep("s.toml").returncode == 0
    (reason,) = {cell.reason for cell in project.result().cells}
    assert reason == f"{PACKED} packed bytes are above budget.packed_bytes = 1"
    assert all(cell.loss is not None for cell in project.result().cells)
    assert set(project.states().values()) == {"over budget"}


def test_a_bundle_that_the_core_does_not_take_is_a_cell(project):
    project.refuse = {"deep-c4-tiny/float32"}
    assert project.sweep("s.toml").returncode == 0
    states = project.states()
    assert states.pop("deep-c4-tiny/float32") == "not measured"
    assert set(states.values()) == {"done"}


def test_a_core_that_is_absent_is_reported_once_and_the_losses_are_there(project):
    project.absent = True
    done = project.sweep("s.toml")
    assert done.returncode == 3
    cells = project.result().cells
    assert {cell.state for cell in cells} == {"not measured"}
    assert {cell.reason for cell in cells} == {"c-cortex-m4: no compiler"}
    assert all(cell.loss is not None for cell in cells)


def test_an_impossible_bundle_is_left_out(project):
    project.rows = 0  # fine-tuning needs training rows
    project.file(GRID.replace('"float32", "int8"', '"float32", "p60-int8"'))
    done = project.sweep("s.toml")
    assert done.returncode == 0, done.stderr
    states = {name.split("/")[1]: state for name, state in project.states().items()}
    assert states == {"float32": "done", "p60-int8": "left out"}
    assert "left out: recipe p60-int8 fine-tunes and needs training data" in done.stdout


def test_ctrl_c_keeps_what_was_finished_and_the_same_command_continues(project):
    project.interrupt = "deep-c4-tiny"
    done = project.sweep("s.toml")
    assert done.returncode == 130
    assert done.stderr.splitlines()[-1] == (
        "edgeae: sweep: interrupted; what was finished is kept, and the same command continues "
        "from there"
    )
    assert not (project.build / "sweeps" / "s.json").exists()
    assert [event[0] for event in project.journal()] == MODELS[:2]
    assert project.whole_journal()[-1] == ("", "sweep", "interrupted")
    project.interrupt = ""
    assert project.sweep("s.toml").returncode == 0
    assert project.trained == MODELS


def test_a_journal_that_was_cut_off_or_damaged_does_not_stop_a_sweep(project):
    project.sweep("s.toml")
    path = project.build / "sweeps" / "s.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    assert project.sweep("s.toml").returncode == 0
    # the line that was cut off, and those of the second start and end
    assert path.read_bytes().count(b"\n") == whole.count(b"\n") - 1 + 2
    path.write_bytes(b"no json\n" + whole)
    done = project.sweep("s.toml")
    assert done.returncode == 0 and "the sweep goes on without it" in done.stderr


def test_a_second_sweep_of_the_same_name_is_refused(project):
    lock = project.build / "sweeps" / ".s.lock"
    with atomic.lock(lock, "sweep s"):
        done = project.sweep("s.toml")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("edgeae: sweep s: being written by another")


def test_a_dry_run_makes_nothing_and_counts(project):
    done = project.sweep("s.toml", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert not project.build.exists()
    lines = done.stdout.splitlines()
    assert "deep-c4-tiny    float32 int8" in lines
    assert [
        line.split() for line in lines if line.startswith(("models", "exports", "measure"))
    ] == [
        ["models", "4", "0", "4"],
        ["exports", "8", "0", "8"],
        ["measurements", "8", "0", "8"],
    ]
    assert lines[-1].startswith("no estimate of core-hours: ")


def test_a_dry_run_knows_what_is_there_and_estimates_from_recorded_times(project):
    project.sweep("s.toml")
    lines = project.sweep("s.toml", "--dry-run").stdout.splitlines()
    assert lines[-1] == "nothing to train or to export"
    stages = ("models ", "exports", "measurements")
    assert [line.split()[-1] for line in lines if line.startswith(stages)] == ["0", "0", "0"]
    project.file(GRID.replace("[4, 8]", "[4, 8, 32]") + CORE)
    ahead = json.loads(project.sweep("s.toml", "--dry-run", "--json").stdout)
    assert ahead["train"]["left"] == ahead["train"]["estimated"] == 2
    assert ahead["export"]["left"] == ahead["export"]["estimated"] == 4
    # 9 s each, of as many epochs and rows; TensorFlow starts in 6 s; two threads
    assert ahead["train"]["core_s"] == pytest.approx(2 * 15 * min(2, ahead["cores"]))
    assert ahead["core_hours"] == pytest.approx(
        (ahead["train"]["core_s"] + ahead["export"]["core_s"]) / 3600
    )


def test_a_dry_run_counts_no_export_of_a_model_that_is_beyond_its_budget(project):
    project.sweep("s.toml")
    project.file(GRID.replace("[4, 8]", "[4, 8, 32]") + CORE + "[budget]\nloss = 0.03")
    ahead = json.loads(project.sweep("s.toml", "--dry-run", "--json").stdout)
    stages = ("train", "export", "measure")
    assert [ahead[stage]["total"] for stage in stages] == [6, 12, 8]
    assert [ahead[stage]["left"] for stage in stages] == [2, 4, 4]
    shutil.rmtree(project.build / "deep-c4-tiny" / ".bundles")  # 4 is beyond the budget
    ahead = json.loads(project.sweep("s.toml", "--dry-run", "--json").stdout)
    assert ahead["export"]["left"] == 4


def test_a_damaged_bundle_is_made_again(project):
    project.sweep("s.toml")
    project.log.unlink()
    (project.build / "deep-c4-tiny" / "int8" / "encoder.tflite").write_bytes(b"damaged")
    assert project.sweep("s.toml").returncode == 0
    assert project.logged() == ["deep-c4-tiny/int8"]


def test_a_foreign_model_is_trained_again(project):
    """A model of other settings under the same name is not taken for the grid's."""
    project.sweep("s.toml")
    project.trained.clear()
    shutil.rmtree(project.build / "deep-c4-tiny")
    project.model("deep-c4-tiny")
    assert project.sweep("s.toml").returncode == 0
    assert project.trained == ["deep-c4-tiny"]


def test_unknown_data_is_refused_before_anything_is_made(project):
    project.file(GRID.replace("tiny.npz", "digts"))
    for arguments in ((), ("--dry-run",)):
        done = project.sweep("s.toml", *arguments)
        assert done.returncode == 2 and done.stdout == ""
        last = done.stderr.splitlines()[-1]
        assert last.startswith("edgeae: s.toml: grid.data = 'digts': unknown dataset 'digts'")
    assert not project.build.exists()


def test_a_file_that_is_none_is_refused(tmp_path):
    for name, told in (("s.txt", "allowed is a sweep's file"), ("none.toml", "no such file")):
        done = edgeae_here("sweep", name, cwd=tmp_path)
        assert done.returncode == 2 and done.stderr == f"edgeae: {name}: {told}" + (
            ", such as sweep.toml\n" if name == "s.txt" else "\n"
        )


def test_without_jinja2_nothing_is_trained(project, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    done = project.sweep("s.toml")
    assert done.returncode == 3
    told = "edgeae: the page needs jinja2; pip install 'edgeae[report]'"
    assert done.stderr.splitlines()[-1] == told
    assert project.trained == []


def test_json_is_the_file(project):
    done = project.sweep("s.toml", "--json")
    assert json.loads(done.stdout) == json.loads((project.build / "sweeps" / "s.json").read_text())
