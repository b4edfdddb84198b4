"""`edgeae export` as a user meets it: lists, settings, and what is refused before anything runs."""

import json
from pathlib import Path

import pytest
from edgeae_cli import edgeae_here
from fake_exports import Project

from edgeae import recipe
from edgeae.system import atomic

TUNED = ("p60-int8", "qat-int8", "c16-int8", "p80-c16-pcqat-int8")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path, "deep", "simple")


def refused(project: Project, *arguments: str, code: int = 2) -> str:
    """Return the one line of an export that starts no child and writes nothing."""
    before = sorted(project.build.rglob("*"))
    done = project.here(*arguments)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("edgeae: ") and "internal error" not in line
    assert project.logged() == [] and sorted(project.build.rglob("*")) == before
    return line


# --- lists ---


def test_the_list_shows_every_recipe_with_its_steps(tmp_path):
    done = edgeae_here("export", "--list", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    head, *lines = done.stdout.splitlines()
    assert head.split() == ["recipe", "steps", "quantization", "formats", "description"]
    shown = {line.split()[0]: line for line in lines}
    assert shown.keys() == recipe.available().keys() and len(lines) == len(shown)
    assert " prune 80 % → cluster 16 → qat  " in shown["p80-c16-pcqat-int8"]
    assert " prune 80 % → qat " in shown["p80-pqat-int8"]
    assert "int8 per tensor" in shown["int8-per-tensor"] and "onnx fast" in shown["int8-fast"]
    for name, line in shown.items():
        assert line.endswith(recipe.find(name).description)
        starts = [head.index(word) for word in ("steps", "quantization", "description")]
        assert all(line[start - 1] == " " != line[start] for start in starts)


def test_the_list_as_json_says_the_same(tmp_path):
    found = json.loads(edgeae_here("export", "--list", "--json", cwd=tmp_path).stdout)
    assert found.keys() == recipe.available().keys()
    rung = found["p80-c16-pcqat-int8"]
    assert rung["steps"] == ["prune 80 %", "cluster 16", "qat"] and rung["description"]
    assert rung["formats"] == ["tflite", "onnx qdq"]
    assert found["int8"]["steps"] == []
    assert {name: item["sha256"] for name, item in found.items()} == {
        name: recipe.find(name).sha256 for name in found
    }


def test_a_list_of_what_settings_make(tmp_path):
    done = edgeae_here(
        "export", "--list", "-r", "p60-int8", "--set", "prune.sparsity=0.7", cwd=tmp_path
    )
    (line,) = done.stdout.splitlines()[1:]
    assert line.split()[0] == "p60-int8.prune.sparsity-0.7" and "prune 70 %" in line


# --- settings ---


def test_settings_make_a_bundle_of_their_own_beside_the_recipes(project):
    settings = ["prune.sparsity=0.7", "qat.steps=500"]
    options = ("deep", "-r", "p80-pqat-int8", "--set", settings[0], "--set", settings[1])
    done = project.run(*options)
    assert done.returncode == 0, done.stderr
    name = "p80-pqat-int8.prune.sparsity-0.7.qat.steps-500"
    assert project.bundles() == {f"deep/{name}"}
    manifest = json.loads((project.build / "deep" / name / "manifest.json").read_text())
    plan = recipe.find("p80-pqat-int8", settings)
    assert (manifest["recipe"], manifest["recipe_sha256"]) == (name, plan.sha256)
    assert manifest["overrides"] == settings
    assert "export: 1 of 1 up to date" in project.run(*options).stderr


def test_settings_go_on_top_of_each_recipe_that_is_named(project):
    done = project.here("deep", "-r", "int8", "-r", "int16x8", "--set", "representative=77")
    assert done.returncode == 0, done.stderr
    assert project.bundles() == {f"deep/{r}.representative-77" for r in ("int8", "int16x8")}


def test_settings_need_a_recipe(project):
    line = refused(project, "deep", "--set", "representative=77")
    assert line == "edgeae: --set representative=77: needs --recipe, which it changes"


# --- what is refused ---


WRONG = {
    "misspelt": ('quantization = "int8"\n[prune]\nsparcity = 0.5', "did you mean 'prune.sparsity'"),
    "sparse": (
        'quantization = "int8"\n[prune]\nsparsity = 1.2',
        "prune.sparsity = 1.2: allowed is",
    ),
    "order": (
        'extends = "qat-int8"\nsteps = ["qat", "prune"]\n[prune]\nsparsity = 0.5',
        "steps = ['qat', 'prune']: allowed is prune, cluster, qat, in this order, each once",
    ),
    "step": ('extends = "int8"\nsteps = ["distil"]', "steps = ['distil']: allowed is prune"),
    "table": ('extends = "int8"\n[distil]\nsteps = 200', "unknown key 'distil'"),
    "cycle": (
        'extends = "cycle.toml"',
        "extends = 'cycle.toml': cycle.toml → cycle.toml is a cycle",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_recipe_is_one_line_and_nothing_is_written(project, name):
    text, told = WRONG[name]
    (project.place / "export").mkdir()
    (project.place / "export" / f"{name}.toml").write_text(text)
    line = refused(project, "deep", "-r", "int8", "-r", name)
    assert f"export/{name}.toml: " in line and told in line
    assert told in refused(project, "deep")  # all recipes: this one among them


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("prune.sparsity=1.2", "prune.sparsity = 1.2: allowed is above 0 and below 1"),
        ("prune.sparcity=0.5", "did you mean 'prune.sparsity'"),
        ('steps=["qat", "prune"]', "steps = ['qat', 'prune']"),
        ("sparsity", "--set sparsity: allowed is key=value"),
    ],
)
def test_a_wrong_setting_is_one_line_and_nothing_is_written(project, setting, told):
    assert told in refused(project, "deep", "-r", "p60-int8", "--set", setting)


@pytest.mark.parametrize("plan", TUNED)
def test_what_fine_tunes_refuses_models_that_cannot_be(project, plan):
    project.model("frozen", form="graph", family="imported")
    (project.build / "frozen" / "model.keras").rename(project.build / "frozen" / "model.pb")
    line = refused(project, "frozen", "-r", plan)
    steps = ", ".join(recipe.find(plan).steps)
    assert line.endswith(f"it cannot be fine-tuned; allowed are recipes without {steps}")
    rows = {"name": "rows", "sha256": "e" * 64, "data": "rows.npy", "train": 0}
    project.model("rows", family="imported", dataset=rows)
    line = refused(project, "rows", "-r", plan)
    assert f"recipe {plan} fine-tunes and needs training data" in line and "--train-data" in line


def test_files_as_they_are_are_refused_under_every_recipe(project):
    project.model("bare", form="as-is", family="imported")
    assert "imported as is" in refused(project, "bare", "-r", "int8")
    assert "imported as is" in refused(project, "bare")


def test_what_nobody_named_is_left_out_with_a_line(project):
    rows = {"name": "rows", "sha256": "e" * 64, "data": "rows.npy", "train": 0}
    project.model("rows", family="imported", dataset=rows)
    project.matrix('[[cells]]\nmodels = ["deep", "rows"]\nrecipes = ["int8", "p60-int8"]')
    done = project.here("--json")
    assert done.returncode == 0, done.stderr
    assert project.bundles() == {"deep/int8", "deep/p60-int8", "rows/int8"}
    (line,) = [line for line in done.stderr.splitlines() if "left out" in line]
    assert line.startswith("build/rows/p60-int8: left out: recipe p60-int8 fine-tunes")
    states = {name: item["state"] for name, item in json.loads(done.stdout).items()}
    assert states == {
        "build/deep/int8": "exported",
        "build/deep/p60-int8": "exported",
        "build/rows/int8": "exported",
        "build/rows/p60-int8": "left out",
    }


def test_named_by_the_user_it_fails_and_the_others_finish(project):
    rows = {"name": "rows", "sha256": "e" * 64, "data": "rows.npy", "train": 0}
    project.model("rows", family="imported", dataset=rows)
    done = project.run("rows", "-r", "p60-int8", "-r", "int8")
    assert done.returncode == 2 and project.bundles() == {"rows/int8"}
    assert "edgeae: build/rows/p60-int8: recipe p60-int8 fine-tunes" in done.stderr


# --- what is chosen ---


def test_models_alone_take_every_recipe_and_recipes_alone_every_model(project):
    project.matrix('[[cells]]\nrecipes = ["int8"]')
    assert project.here("deep").returncode == 0
    assert project.bundles() == {f"deep/{plan}" for plan in recipe.available()}
    assert project.here("-r", "int8").returncode == 0
    assert project.bundles() - {f"deep/{plan}" for plan in recipe.available()} == {"simple/int8"}


def test_a_newcomers_plain_export_takes_no_fine_tuning_and_says_so(project):
    done = project.here()
    assert done.returncode == 0, done.stderr
    plans = {name: recipe.find(name) for name in recipe.available()}
    quick = {name for name, plan in plans.items() if not plan.steps}
    assert {"float32", "int8"} <= quick and "p60-int8" not in quick
    assert project.bundles() == {
        f"{model}/{name}" for model in ("deep", "simple") for name in quick
    }
    assert done.stderr.splitlines()[0] == (
        f"export: no export/matrix.toml: exporting every model with the {len(quick)} recipes that "
        f"do not fine-tune; name the other {len(plans) - len(quick)} with --recipe or in that file"
    )


def test_a_model_under_every_recipe_says_how_many_fine_tune(project):
    tuned = [name for name in recipe.available() if recipe.find(name).steps]
    line = f"export: {len(tuned)} of {len(recipe.available())} fine-tune; "
    assert line in project.here("deep").stderr
    assert "fine-tune" not in project.here("deep").stderr  # nothing is left to do
    assert "fine-tune" not in project.here("simple", "-r", "p60-int8").stderr


def test_a_matrix_of_ones_own(project):
    other = project.place / "other.toml"
    other.write_text('[[cells]]\nmodels = ["simple"]\nrecipes = ["float32"]')
    project.matrix('[[cells]]\nrecipes = ["int8"]')
    assert project.here("--matrix", "other.toml").returncode == 0
    assert project.bundles() == {"simple/float32"}
    assert project.here("--matrix").returncode == 0
    assert project.bundles() == {"simple/float32", "simple/int8", "deep/int8"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--matrix", "deep"), "give no others"),
        (("--matrix", "-r", "int8"), "give no others"),
        (("--matrix", "a.toml", "b.toml"), "give no others"),
        (("--matrix", "gone.toml"), "gone.toml: no such file"),
        (("depe",), "unknown model 'depe'; did you mean 'deep'"),
        (("-r", "itn8"), "unknown recipe 'itn8'; did you mean 'int8'"),
        (("--jobs", "0"), "--jobs"),
    ],
)
def test_a_wrong_choice_is_one_line(project, arguments, told):
    assert told in refused(project, *arguments)


def test_without_models_it_says_what_makes_one(tmp_path):
    done = edgeae_here("export", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "edgeae: build: no trained model; `edgeae train` makes one\n"
    assert not (tmp_path / "build").exists()


# --- what a loss warns of ---


def _with_loss(project: Project, float32: float) -> None:
    """Let the next exports' original have another loss."""
    path = project.template / "manifest.json"
    table = json.loads(path.read_text())
    table["loss"]["float32"] = float32
    path.write_text(json.dumps(table))


def test_a_loss_of_more_than_half_as_much_again_is_a_line_of_its_own(project):
    exported = json.loads((project.template / "manifest.json").read_text())["loss"]["exported"]
    _with_loss(project, exported / 1.49)
    assert "warning" not in project.here("deep", "-r", "int8").stderr
    _with_loss(project, exported / 1.6)
    done = project.here("deep", "simple", "-r", "int4")
    assert done.returncode == 0
    told = [line for line in done.stderr.splitlines() if "warning" in line]
    assert [line.partition(": the loss")[0] for line in told] == [
        "warning: deep/int4",
        "warning: simple/int4",
    ]
    for line in told:
        assert "is 1.6 times the original's" in line
        # of images, none of whose columns has a scale of its own
        assert line.endswith("the original's; a remedy: use the recipe dynamic or int16x8")
    again = project.here("deep", "simple", "-r", "int4")
    assert "2 of 2 up to date" in again.stderr
    assert [line for line in again.stderr.splitlines() if "warning" in line] == told


def test_a_bundle_whose_manifest_lacks_what_its_data_gives_to_lose_stays_up_to_date(project):
    """Those of earlier versions do; and TensorFlow is not asked for."""
    assert "mean_loss" not in (project.template / "manifest.json").read_text()
    assert project.here("deep", "-r", "int8").returncode == 0
    path = project.build / "deep" / "int8" / "manifest.json"
    before = path.read_bytes()
    done = project.here("deep", "-r", "int8")
    assert "1 of 1 up to date" in done.stderr and path.read_bytes() == before


def test_a_bundle_that_another_export_writes_is_named_once(project):
    (project.build / "deep" / ".bundles").mkdir()
    with atomic.lock(project.build / "deep" / ".bundles" / "int8.lock", "the test"):
        done = project.here("deep", "--recipe", "int8")
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("edgeae: ")]
    assert done.returncode == 2
    assert line.startswith("edgeae: build/deep/int8: being written by another edgeae (process ")
