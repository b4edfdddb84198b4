import contextlib
import dataclasses
import json
import re
from pathlib import Path

import pytest
from edgeae_cli import ROOT

from edgeae import recipe
from edgeae.errors import BadInput
from edgeae.metrics.tolerance import DetectionLimits, Tolerance
from edgeae.recipe import Cluster, Prune, Qat, Recipe, listing
from edgeae.recipe.schema import EDGES
from edgeae.recipe.steps import STEPS
from edgeae.recipe.table import with_defaults

SHIPPED = sorted(path for path in (ROOT / "export").glob("*.toml") if path.stem != "matrix")
#: Every field away from its default, in a combination that is possible.
EVERY_FIELD = """
description = "all of it"
quantization = "int8"
per_channel = false
io = "uint8"
formats = ["tflite", "onnx"]
onnx = "fast"
representative = 123
calibration = "percentile"
percentile = 99.5
ranges = "calibrated"
steps = ["prune", "cluster", "qat"]

[prune]
sparsity = 0.5
criterion = "magnitude"
spare_below = 0.01
schedule = "constant"
engine = "tfmot"
m_by_n = [1, 2]
steps = 200
learning_rate = 1e-4
layers = { encoder_1 = 0.75, code = 0 }

[cluster]
clusters = 8
spare_below = 0.02
steps = 300
learning_rate = 2e-4
engine = "tfmot"
centroids = "linear"
[cluster.layers]
code = 32

[qat]
steps = 400
learning_rate = 3e-4
engine = "tfmot"

[tolerance]
added_loss = 1e-2
added_p99 = 2e-2
max_abs = 1
share_over_1lsb = 0.25
builtin_share_over_1lsb = 0.5
conv_share_over_1lsb = 0.75
max_lsb = 3

[detection]
min_auc = 0.75
max_auc_drop = 0.125
max_flips = 0.25
"""


def write(folder: Path, text: str, name: str = "mine") -> Path:
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(folder: Path, text: str) -> str:
    path = write(folder, text)
    with pytest.raises(BadInput) as caught:
        recipe.parse(path)
    line = str(caught.value)
    assert line.startswith(f"{path}: ") and "\n" not in line
    return line


def test_there_are_shipped_recipes():
    assert {"float32", "int8"} <= {path.stem for path in SHIPPED}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_recipe_parses_and_says_what_it_is(path):
    found = recipe.find(path.stem)
    assert found == recipe.parse(path)
    assert found.name == path.stem
    assert found.description and "\n" not in found.description


def test_shipped_recipes_differ():
    hashes = [recipe.parse(path).sha256 for path in SHIPPED]
    assert len(set(hashes)) == len(hashes)


def test_every_field_comes_out_as_it_was_written(tmp_path):
    assert recipe.parse(write(tmp_path, EVERY_FIELD)) == Recipe(
        name="mine",
        description="all of it",
        quantization="int8",
        per_channel=False,
        io="uint8",
        formats=("tflite", "onnx"),
        onnx="fast",
        representative=123,
        calibration="percentile",
        percentile=99.5,
        ranges="calibrated",
        steps=("prune", "cluster", "qat"),
        prune=Prune(
            sparsity=0.5,
            criterion="magnitude",
            spare_below=0.01,
            schedule="constant",
            steps=200,
            learning_rate=1e-4,
            layers={"encoder_1": 0.75, "code": 0.0},
            engine="tfmot",
            m_by_n=(1, 2),
        ),
        cluster=Cluster(
            clusters=8,
            spare_below=0.02,
            steps=300,
            learning_rate=2e-4,
            layers={"code": 32},
            engine="tfmot",
            centroids="linear",
        ),
        qat=Qat(steps=400, learning_rate=3e-4, engine="tfmot"),
        tolerance=Tolerance(
            added_loss=1e-2,
            added_p99=2e-2,
            max_abs=1.0,
            share_over_1lsb=0.25,
            builtin_share_over_1lsb=0.5,
            conv_share_over_1lsb=0.75,
            max_lsb=3,
        ),
        detection=DetectionLimits(min_auc=0.75, max_auc_drop=0.125, max_flips=0.25),
    )


def test_the_example_above_leaves_no_field_out(tmp_path):
    def same(value, default):
        if isinstance(value, dict) and default:
            return [name for key in value for name in same(value[key], default[key])]
        return [value] if value == default else []

    steps = {"prune": Prune(0.9), "cluster": Cluster(4), "qat": Qat()}
    default = dataclasses.asdict(Recipe("mine"))
    default |= {name: dataclasses.asdict(step) for name, step in steps.items()}
    default |= {"detection": dataclasses.asdict(DetectionLimits())}
    said = dataclasses.asdict(recipe.parse(write(tmp_path, EVERY_FIELD)))
    assert default.keys() == said.keys()
    # integers that clustering, training or onnxruntime chose are not rounded anew, and magnitudes
    # are compared within a layer alone
    assert same(said, default) == ["mine", "nearest", "layer"]


def test_a_recipe_survives_json(tmp_path):
    found = recipe.parse(write(tmp_path, EVERY_FIELD))
    assert recipe.from_table(json.loads(json.dumps(dataclasses.asdict(found)))) == found
    assert recipe.from_table(json.loads(json.dumps(dataclasses.asdict(Recipe("a"))))) == Recipe("a")


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_what_a_manifest_keeps_is_the_recipe_again(path):
    found = recipe.parse(path)
    table = recipe.to_table(found)
    assert json.loads(json.dumps(table)) == table
    assert not {"name", "description", "tolerance"} & table.keys() and None not in table.values()
    tolerance = dataclasses.asdict(found.tolerance)
    again = recipe.from_table({"name": found.name, "tolerance": tolerance, **table})
    assert again == dataclasses.replace(found, description="") and again.sha256 == found.sha256


def test_what_a_manifest_keeps_tells_defaults_too():
    """They may be others when it is read."""
    keys = {field.name for field in dataclasses.fields(Recipe)}
    left_out = {"name", "description", "tolerance", "prune", "cluster", "qat"}
    later = {"ranges", "detection"}  # at their default, as in manifests from before them
    assert recipe.to_table(Recipe("a")).keys() == keys - left_out - later


def test_an_empty_file_is_the_float32_recipe(tmp_path):
    assert recipe.parse(write(tmp_path, "", "plain")) == Recipe("plain")


def test_int8_recipes_have_int8_edges_unless_they_say_so(tmp_path):
    assert recipe.parse(write(tmp_path, 'quantization = "int8"')).io == "int8"
    text = 'quantization = "int8"\nio = "float32"'
    assert recipe.parse(write(tmp_path, text)).io == "float32"


INT8 = 'quantization = "int8"\n'
PER_TENSOR = INT8 + "per_channel = false\n"
PRUNE, CLUSTER, QAT = "[prune]\nsparsity = 0.5\n", "[cluster]\nclusters = 16\n", "[qat]\n"
WRONG = {
    "unknown key": ('quantisation = "int8"', "did you mean 'quantization'"),
    "unknown key below": ("[tolerance]\nmax_lbs = 1", "did you mean 'tolerance.max_lsb'"),
    "unknown key of a step": ("[prune]\nsparcity = 0.5", "did you mean 'prune.sparsity'"),
    "unknown step": ("[quat]\nsteps = 200", "did you mean 'qat'"),
    "extends misspelt": ('extend = "int8"', "did you mean 'extends'"),
    "a name": ('name = "other"', "name"),
    "text for a number": ('representative = "500"', "representative = '500'"),
    "a bool for a float": ("[tolerance]\nmax_abs = true", "tolerance.max_abs = True"),
    "a value for a table": ("tolerance = 3", "tolerance = 3"),
    "a list of tables": ("[[prune]]\nsparsity = 0.5", "prune ="),
    "unknown choice": ('quantization = "int3"', "float32, float16, dynamic, int8, int16x8"),
    "unknown format": ('formats = ["tflite", "pb"]', "'pb'"),
    "no format": ("formats = []", "formats = []"),
    "onnx alone": ('formats = ["onnx"]', "formats = ['onnx']"),
    "a format twice": ('formats = ["tflite", "tflite"]', "formats ="),
    "io without int8": ('io = "uint8"', "io = 'uint8'"),
    "io of int16x8": ('quantization = "int16x8"\nio = "int8"', "int16 or float32"),
    "onnx of dynamic": ('quantization = "dynamic"\nformats = ["tflite", "onnx"]', "formats ="),
    "a form of no onnx": ('onnx = "fast"', "onnx = 'fast'"),
    "per-tensor float": ("per_channel = false", "per_channel = False"),
    "too few images": ("representative = 9", "representative = 9"),
    "calibrated floats": ('calibration = "mse"', "calibration = 'mse'"),
    "least error in onnxruntime": (
        f'{INT8}formats = ["tflite", "onnx"]\nonnx = "fast"\ncalibration = "mse"',
        "calibration = 'mse': allowed is min-max or percentile with onnx = 'fast'",
    ),
    "unknown calibration": (INT8 + 'calibration = "max"', "min-max, percentile, mse"),
    "a percentile of all": (INT8 + "percentile = 100.5", "percentile = 100.5"),
    "a percentile below half": (INT8 + "percentile = 50", "percentile = 50.0"),
    "no sparsity": ('quantization = "int8"\n[prune]\nsteps = 200', "prune.sparsity is missing"),
    "sparsity 1.2": ("[prune]\nsparsity = 1.2", "prune.sparsity = 1.2"),
    "sparsity 1": ("[prune]\nsparsity = 1", "prune.sparsity = 1.0"),
    "sparsity 0": ("[prune]\nsparsity = 0.0", "prune.sparsity = 0.0"),
    "sparsity nan": ("[prune]\nsparsity = nan", "prune.sparsity = nan"),
    "a layer's sparsity": (f"{PRUNE}layers = {{ code = 1.2 }}", "prune.layers.code = 1.2"),
    "a layer's word": (f'{PRUNE}layers = {{ code = "all" }}', "prune.layers.code = 'all'"),
    "layers that are no table": (f"{PRUNE}layers = 0.5", "prune.layers = 0.5"),
    "too few steps": ("[prune]\nsparsity = 0.5\nsteps = 99", "prune.steps = 99"),
    "no rate": ("[prune]\nsparsity = 0.5\nlearning_rate = 0", "prune.learning_rate = 0.0"),
    "endless rate": ("[prune]\nsparsity = 0.5\nlearning_rate = inf", "prune.learning_rate = inf"),
    "unknown schedule": (f'{PRUNE}schedule = "cubic"', "polynomial, constant"),
    "one cluster": (f"{PER_TENSOR}[cluster]\nclusters = 1", "cluster.clusters = 1"),
    "too many clusters": (f"{PER_TENSOR}[cluster]\nclusters = 257", "cluster.clusters = 257"),
    "a layer's cluster": (
        f"{PER_TENSOR}{CLUSTER}layers = {{ code = 1 }}",
        "cluster.layers.code = 1: allowed is 0, or 2 to 256",
    ),
    "magnitudes over a model": (
        f'{PRUNE}scope = "model"\ncriterion = "magnitude"',
        "prune.criterion = 'magnitude': allowed is saliency with scope = 'model'",
    ),
    "qat of floats": (QAT, "[qat] with quantization = 'float32': allowed is int8"),
    "clusters of dynamic": (
        'quantization = "dynamic"\n' + CLUSTER,
        "[cluster] with quantization = 'dynamic': allowed is float32 or float16 or int8",
    ),
    "steps the wrong way round": (
        f'{INT8}steps = ["qat", "prune"]\n{PRUNE}{QAT}',
        "steps = ['qat', 'prune']: allowed is prune, cluster, qat, in this order",
    ),
    "a step twice": (f'{INT8}steps = ["prune", "prune"]\n{PRUNE}', "each once"),
    "a step that is none": (f'{INT8}steps = ["quantise"]', "steps = ['quantise']"),
    "a step without a table": (f'{INT8}steps = ["prune", "qat"]\n{PRUNE}', "[qat] is missing"),
    "a table without its step": (
        f'{INT8}steps = ["qat"]\n{PRUNE}{QAT}',
        "[prune]: steps = ['qat'] does not name this table; add 'prune' to the steps, "
        "or remove [prune]",
    ),
    "negative tolerance": ("[tolerance]\nadded_loss = -1e-9", "tolerance.added_loss = -1e-09"),
    "tolerance nan": ("[tolerance]\nmax_abs = nan", "tolerance.max_abs = nan"),
    "endless tolerance": ("[tolerance]\nmax_abs = inf", "tolerance.max_abs = inf"),
    "not TOML": ("quantization: int8", "not TOML"),
    "a key twice": ('io = "int8"\nio = "int8"', "not TOML"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_recipe_is_told_by_file_key_and_value(tmp_path, kind):
    text, told = WRONG[kind]
    assert told in refusal(tmp_path, text)


def test_bytes_that_are_no_text_are_told(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_bytes(b'description = "\xff\xfe"')
    with pytest.raises(BadInput, match="not TOML"):
        recipe.parse(path)


def test_a_missing_file_and_a_folder_are_told(tmp_path):
    with pytest.raises(BadInput, match=r"gone\.toml: no such file"):
        recipe.find(str(tmp_path / "gone.toml"))
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(BadInput, match=r"folder\.toml"):
        recipe.find(str(tmp_path / "folder.toml"))


def test_utf8_whatever_the_locale(tmp_path):
    assert recipe.parse(write(tmp_path, 'description = "é×σ"')).description == "é×σ"


def test_an_unknown_recipe_offers_the_nearest():
    with pytest.raises(BadInput, match="did you mean 'float32'"):
        recipe.find("flaot32")


def test_the_projects_own_recipes_come_first(tmp_path, monkeypatch):
    (tmp_path / "export").mkdir()
    write(tmp_path / "export", 'description = "mine"', "float32")
    write(tmp_path / "export", 'description = "new"', "own")
    monkeypatch.chdir(tmp_path)
    assert recipe.find("float32").description == "mine"
    assert recipe.find("own").description == "new"
    assert recipe.find("int8") == recipe.parse(ROOT / "export" / "int8.toml")


def test_the_hash_ignores_labels_alone(tmp_path):
    base = recipe.parse(write(tmp_path, EVERY_FIELD))
    changes = {
        "per_channel": {"per_channel": True, "steps": ("prune", "qat"), "cluster": None},
        "io": {"io": "int8"},
        "formats": {"formats": ("tflite",), "onnx": "qdq"},
        "onnx": {"onnx": "qdq"},
        "representative": {"representative": 124},
        "calibration": {"calibration": "min-max"},
        "percentile": {"percentile": 99.0},
        "steps": {"steps": (), "prune": None, "cluster": None, "qat": None},
        "prune": {"steps": ("cluster", "qat"), "prune": None},
        "cluster": {"steps": ("prune", "qat"), "cluster": None},
        "qat": {"steps": ("prune", "cluster"), "qat": None},
        "rounding": {
            **{"rounding": "compensated", "steps": ("prune",), "cluster": None, "qat": None},
            "onnx": "qdq",
        },
        "tolerance": {"tolerance": Tolerance()},
        "ranges": {"ranges": "learned"},
        "detection": {"detection": None},
    }
    labels = {"name", "description"}
    # int8 is bound to other keys: below
    assert changes.keys() | labels | {"quantization"} == {
        field.name for field in dataclasses.fields(Recipe)
    }
    for label in labels:
        assert dataclasses.replace(base, **{label: "other"}).sha256 == base.sha256
    hashes = {dataclasses.replace(base, **change).sha256 for change in changes.values()}
    assert len(hashes | {base.sha256}) == len(changes) + 1
    assert Recipe("a", quantization="float16").sha256 != Recipe("a").sha256


@pytest.mark.parametrize("key", [field.name for field in dataclasses.fields(Tolerance)])
def test_the_hash_changes_with_every_tolerance(key):
    assert Recipe("a", tolerance=Tolerance(**{key: 7})).sha256 != Recipe("a").sha256


@pytest.mark.parametrize(
    ("step", "base", "change"),
    [
        *[(Prune, {"sparsity": 0.5}, change) for change in ({"steps": 101}, {"sparsity": 0.6})],
        (Prune, {"sparsity": 0.5}, {"schedule": "constant"}),
        (Prune, {"sparsity": 0.5}, {"criterion": "magnitude"}),
        (Prune, {"sparsity": 0.5}, {"scope": "model"}),
        (Prune, {"sparsity": 0.5}, {"spare_below": 0.01}),
        (Prune, {"sparsity": 0.5}, {"layers": {"code": 0.5}}),
        (Cluster, {"clusters": 16}, {"clusters": 15}),
        (Cluster, {"clusters": 16}, {"layers": {"code": 16}}),
        (Cluster, {"clusters": 16}, {"spare_below": 0.01}),
        *[
            (step, base, {"learning_rate": 1e-5})
            for step, base in ((Prune, {"sparsity": 0.5}), (Cluster, {"clusters": 16}), (Qat, {}))
        ],
        (Qat, {}, {"steps": 101}),
    ],
)
def test_the_hash_changes_with_every_key_of_a_step(step, base, change):
    name = step.__name__.lower()

    def tuned(**keys):
        return Recipe(
            "a",
            quantization="int8",
            io="int8",
            per_channel=False,
            steps=(name,),
            **{name: step(**keys)},
        )

    assert tuned(**base | change).sha256 != tuned(**base).sha256


def test_a_tolerance_knows_runtimes_and_convolutions():
    limits = Tolerance(
        added_loss=1e-3,
        added_p99=1e-2,
        max_abs=1e-5,
        share_over_1lsb=0.1,
        builtin_share_over_1lsb=0.2,
        conv_share_over_1lsb=0.3,
        max_lsb=9,
    )
    shares = {
        (name, convolves): limits.on(name, convolves).share_over_1lsb
        for name in ("litert-reference", "litert-builtin", "litert-xnnpack")
        for convolves in (False, True)
    }
    assert list(shares.values()) == [0.0, 0.0, 0.2, 0.3, 0.1, 0.3]


# --- on top of another recipe ---


BASE = """
description = "the base"
quantization = "int8"
formats = ["tflite", "onnx"]
[prune]
sparsity = 0.5
steps = 200
layers = { code = 0, encoder_1 = 0.7 }
[tolerance]
max_lsb = 3
added_loss = 1e-2
"""


def test_a_recipe_lies_on_top_of_the_one_that_it_extends(tmp_path):
    base = recipe.parse(write(tmp_path, BASE, "base"))
    text = 'extends = "base"\n[prune]\nsparsity = 0.8\nlayers = { code = 0.25 }'
    found = recipe.parse(write(tmp_path, text + "\n[tolerance]\nadded_loss = 0.5"))
    assert base.prune is not None
    assert found == dataclasses.replace(
        base,
        name="mine",
        description="",  # it is not the base that is described
        prune=dataclasses.replace(
            base.prune, sparsity=0.8, layers={"code": 0.25, "encoder_1": 0.7}
        ),
        tolerance=dataclasses.replace(base.tolerance, added_loss=0.5),
    )


def test_a_chain_is_followed_to_its_end_and_files_are_found_beside(tmp_path):
    (tmp_path / "far").mkdir()
    write(tmp_path / "far", BASE, "base")
    write(tmp_path, 'extends = "far/base.toml"\nrepresentative = 77', "middle")
    found = recipe.parse(write(tmp_path, 'extends = "middle"\n[qat]'))
    assert (found.representative, found.steps) == (77, ("prune", "qat"))
    assert found.tolerance.max_lsb == 3 and found.formats == ("tflite", "onnx")


def test_steps_take_the_place_of_the_bases(tmp_path):
    write(tmp_path, BASE, "base")
    only = recipe.parse(write(tmp_path, 'extends = "base"\nsteps = ["qat"]\n[qat]'))
    assert (only.steps, only.prune) == (("qat",), None)
    none = recipe.parse(write(tmp_path, 'extends = "base"\nsteps = []'))
    assert none.steps == () and none.prune is None and none.qat is None


def test_io_follows_from_the_quantization_that_comes_of_it(tmp_path):
    write(tmp_path, 'quantization = "int8"', "base")
    text = 'extends = "base"\nquantization = "int16x8"'
    assert recipe.parse(write(tmp_path, text)).io == "int16"


def test_an_own_recipe_may_extend_the_shipped_one_of_its_name(tmp_path, monkeypatch):
    (tmp_path / "export").mkdir()
    write(tmp_path / "export", 'extends = "int8"\nrepresentative = 77', "int8")
    monkeypatch.chdir(tmp_path)
    found, shipped = recipe.find("int8"), recipe.parse(ROOT / "export" / "int8.toml")
    assert found == dataclasses.replace(shipped, representative=77, description="")


def test_an_error_names_the_file_that_holds_it(tmp_path):
    base = write(tmp_path, 'quantisation = "int8"', "base")
    path = write(tmp_path, 'extends = "base"\nrepresentative = 1')
    with pytest.raises(BadInput) as caught:
        recipe.parse(path)
    assert str(caught.value).startswith(f"{base}: unknown key 'quantisation'")
    write(tmp_path, "", "base")
    assert "mine.toml: representative = 1" in refusal(tmp_path, path.read_text())


CYCLES = {
    "itself": {"mine": 'extends = "mine"'},
    "its own file": {"mine": 'extends = "mine.toml"'},
    "each other": {"mine": 'extends = "b"', "b": 'extends = "mine"'},
    "three": {"mine": 'extends = "b"', "b": 'extends = "c.toml"', "c": 'extends = "b"'},
}


@pytest.mark.parametrize("kind", CYCLES)
def test_recipes_that_lead_back_are_told_with_the_way(tmp_path, kind):
    for name, text in CYCLES[kind].items():
        write(tmp_path, text, name)
    with pytest.raises(BadInput, match=r"extends = '.*': .*mine\.toml → .*is a cycle") as caught:
        recipe.parse(tmp_path / "mine.toml")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("base", "told"),
    [
        ('"itn8"', "extends = 'itn8': unknown recipe 'itn8'; did you mean 'int8'"),
        ('"matrix"', "extends = 'matrix': unknown recipe"),
        ("3", "extends = 3: allowed is a recipe's name or file"),
        ('["int8"]', "extends = ['int8']: allowed is"),
    ],
)
def test_a_base_that_is_none_is_told(tmp_path, base, told):
    assert told in refusal(tmp_path, f"extends = {base}")


def test_a_base_that_is_missing_is_told_by_its_file(tmp_path):
    path = write(tmp_path, 'extends = "gone.toml"')
    with pytest.raises(BadInput, match=r"gone\.toml: no such file"):
        recipe.parse(path)


# --- settings on top ---


SET = {
    "prune.sparsity=0.8": ("prune.sparsity-0.8", lambda found: found.prune.sparsity == 0.8),
    "prune.layers.encoder_1=0.9": (
        "prune.layers.encoder_1-0.9",
        lambda found: found.prune.layers == {"code": 0, "encoder_1": 0.9},
    ),
    "calibration=mse": ("calibration-mse", lambda found: found.calibration == "mse"),
    "representative = 77": ("representative-77", lambda found: found.representative == 77),
    'formats=["tflite"]': ("formats-tflite", lambda found: found.formats == ("tflite",)),
    "qat.steps=500": ("qat.steps-500", lambda found: found.steps == ("prune", "qat")),
    "steps=[]": ("steps", lambda found: not found.fine_tunes),
    "per_channel=false": ("per_channel-false", lambda found: found.per_channel is False),
    "tolerance.max_lsb=4": ("tolerance.max_lsb-4", lambda found: found.tolerance.max_lsb == 4),
}


@pytest.mark.parametrize("setting", SET)
def test_a_setting_lies_on_top_and_is_told_by_the_name(tmp_path, setting):
    path = write(tmp_path, BASE, "base")
    suffix, holds = SET[setting]
    found = recipe.find(str(path), [setting])
    assert found.name == f"base.{suffix}" and holds(found)
    assert not holds(recipe.parse(path))
    assert found.sha256 != recipe.parse(path).sha256


def test_settings_are_told_in_a_row_and_the_last_holds(tmp_path):
    path = write(tmp_path, BASE, "base")
    found = recipe.parse(path, ["prune.sparsity=0.8", "io=uint8", "prune.sparsity=0.9"])
    assert found.prune is not None and (found.prune.sparsity, found.io) == (0.9, "uint8")
    assert found.name == "base.prune.sparsity-0.8.io-uint8.prune.sparsity-0.9"


@pytest.mark.parametrize(
    "settings",
    [
        [],
        *([setting] for setting in SET),
        ["prune.sparsity=0.8", "prune.steps=3000", "io=uint8"],
        ["prune.learning_rate=3e-3", "representative=100"],
        ["prune.sparsity=0.80", "prune.learning_rate=0.0030"],
    ],
)
def test_settings_leave_the_name_as_they_came(tmp_path, settings):
    path = write(tmp_path, BASE, "base")
    assert recipe.base_name(recipe.parse(path, settings).name, settings) == "base"


WRONG_SETTINGS = {
    "prune.sparsity": "--set prune.sparsity: allowed is key=value",
    "=3": "--set =3: allowed is key=value",
    "prune..sparsity=1": "allowed is key=value",
    "prune.sparsity=1.2": "with --set prune.sparsity=1.2: prune.sparsity = 1.2: allowed is above 0",
    "prune.sparcity=0.5": "did you mean 'prune.sparsity'",
    "prune=0.5": "prune = 0.5: allowed is a table",
    "quantization=int3": "quantization = 'int3'",
    "io=int16": "io = 'int16'",
    "name=other": "a recipe's name is its file's name",
    'steps=["qat", "prune"]': "steps = ['qat', 'prune']",
    "extends=int8": "unknown key 'extends'",
}


@pytest.mark.parametrize("setting", WRONG_SETTINGS)
def test_a_wrong_setting_is_one_line(tmp_path, setting):
    with pytest.raises(BadInput) as caught:
        recipe.parse(write(tmp_path, BASE), [setting])
    assert WRONG_SETTINGS[setting] in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["float32", "dynamic", "int8-fast", "qat-int8", "c16-int8"])
def test_what_has_its_integers_elsewhere_is_not_rounded_anew(name):
    with pytest.raises(BadInput, match="rounding = 'compensated': allowed is nearest unless"):
        recipe.find(name, ["rounding=compensated"])


@pytest.mark.parametrize("name", ["int8", "int8-per-tensor", "int16x8", "int4", "p60-int8"])
def test_rounding_anew_takes_representative_images(name):
    found = recipe.find(name, ["rounding=compensated"])
    assert found.rounding == "compensated" and found.calibrates


# --- the ladder ---


#: What the end of a name says.
FORMS = {
    "float32": {"quantization": "float32"},
    "float16": {"quantization": "float16"},
    "dynamic": {"quantization": "dynamic"},
    "int8": {"quantization": "int8", "onnx": "qdq"},
    "int8-per-tensor": {"quantization": "int8", "per_channel": False, "onnx": "qdq"},
    "int8-fast": {"quantization": "int8", "per_channel": True, "onnx": "fast"},
    "int16x8": {"quantization": "int16x8"},
    "int4": {"quantization": "int4"},
}
NAME = re.compile(
    r"(?P<engine>tfmot-)?(p(?P<p>\d\d)-)?(c(?P<c>\d+)-)?((?P<t>q|pq|cq|pcq)at-)?(?P<form>[a-z]+\d*(x8)?(-[a-z-]+)?)"
)


@pytest.mark.parametrize("name", [path.stem for path in SHIPPED])
def test_a_shipped_name_decodes_itself(name):
    found = recipe.find(name)
    said = NAME.fullmatch(name)
    assert said is not None and said["form"] in FORMS
    for key, value in FORMS[said["form"]].items():
        assert getattr(found, key) == value, key
    sparsity = None if found.prune is None else f"{100 * found.prune.sparsity:.0f}"
    clusters = None if found.cluster is None else str(found.cluster.clusters)
    assert (said["p"], said["c"]) == (sparsity, clusters)
    # quantization-aware training says what it preserves
    preserved = "".join(step[0] for step in found.steps if step != "qat")
    assert said["t"] == (f"{preserved}q" if "qat" in found.steps else None)
    engine = "edgeae" if said["engine"] is None else "tfmot"
    assert all(item.engine == engine for item in found.settings)
    assert found.steps == tuple(step for step in STEPS if getattr(found, step) is not None)
    assert all(not getattr(found, step).layers for step in found.steps if step != "qat")


@pytest.mark.parametrize("name", ["pruned-int8", "p8-int8", "c16-p80-int8", "qat-p80-int8", "int9"])
def test_a_name_that_says_nothing_would_be_noticed(name):
    said = NAME.fullmatch(name)
    assert said is None or said["form"] not in FORMS


def test_the_ladder_is_all_there():
    rungs = (
        "float32 float16 dynamic int8 int8-per-tensor int8-fast int16x8 int4 qat-int8 c16-int8 "
        "c16-cqat-int8 p60-int8 p80-int8 p80-pqat-int8 p50-c16-pcqat-int8 p80-c16-pcqat-int8 "
        "p90-c16-pcqat-int8"
    )
    assert set(rungs.split()) <= {path.stem for path in SHIPPED}


def test_what_changes_more_is_allowed_more():
    """Up the ladder of what pruning, then clustering, takes away."""
    for lower, higher in (
        ("float32", "float16"),
        ("float16", "int16x8"),
        ("int16x8", "int8"),
        ("int8", "int8-per-tensor"),
        ("int8", "p60-int8"),
        ("p60-int8", "p80-int8"),
        ("p50-c16-pcqat-int8", "p80-c16-pcqat-int8"),
        ("p80-c16-pcqat-int8", "p90-c16-pcqat-int8"),
    ):
        less, more = recipe.find(lower).tolerance, recipe.find(higher).tolerance
        assert less.added_loss < more.added_loss and less.added_p99 <= more.added_p99, higher


def test_a_recipe_is_listed_by_its_steps():
    found = recipe.find("p80-c16-pcqat-int8")
    assert listing.steps(found) == "prune 80 % → cluster 16 → qat"
    assert listing.steps(recipe.find("int8")) == "-"
    assert listing.steps(recipe.find("p60-int8", ["prune.sparsity=0.625"])) == "prune 62.5 %"
    layers = recipe.find("p60-int8", ["prune.layers.code=0", "prune.layers.encoder_1=0.9"])
    assert listing.steps(layers) == "prune 60 % (2 by layer)"
    assert listing.as_json(found)["steps"] == ["prune 80 %", "cluster 16", "qat"]


# --- the reference ---

REFERENCE = ROOT / "docs" / "reference" / "recipes.md"
TOGETHER = "What goes together"


def documented() -> dict[str, dict[str, list[str]]]:
    """Return the tables of the page of recipe keys: the table's name → key → the other columns."""
    found: dict[str, dict[str, list[str]]] = {"": {}}
    table = found[""]
    for line in REFERENCE.read_text(encoding="utf-8").splitlines():
        if title := re.match(r"## `?\[?([\w ]+)", line):
            table = found.setdefault(title[1], {})
        if line.startswith("| `"):
            first, *others = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            for key in re.findall(r"`(\w+)`", first):
                table[key] = others
    return found


def documented_keys() -> dict[str, dict[str, list[str]]]:
    found = documented()
    del found[TOGETHER]
    return found


def test_every_key_is_documented_with_its_default():
    tables = documented_keys()
    kinds = {"prune": Prune(0.5), "cluster": Cluster(16), "qat": Qat(), "tolerance": Tolerance()}
    kinds |= {"detection": DetectionLimits()}
    keys = {field.name for field in dataclasses.fields(Recipe)} - {"name", *kinds}
    assert tables.pop("").keys() == keys | {"extends"}
    assert tables.keys() == kinds.keys()
    for name, default in kinds.items():
        values = dataclasses.asdict(default)
        assert tables[name].keys() == values.keys(), name
        required = {
            field.name
            for field in dataclasses.fields(default)
            if (field.default, field.default_factory) == (dataclasses.MISSING,) * 2
        }
        for key, (_, told, meaning) in tables[name].items():
            assert meaning
            if key in required:
                assert told == "required"
            elif values[key] is None or isinstance(values[key], dict):
                assert told == "none" and not values[key]
            elif isinstance(values[key], str):
                assert told == f"`{values[key]}`"
            else:
                assert float(told.strip("`")) == values[key], f"{name}.{key}"


def test_every_default_of_a_recipe_is_documented():
    default = dataclasses.asdict(Recipe("a"))
    keys = documented()[""]
    for key in ("quantization", "onnx", "calibration", "rounding"):
        assert keys[key][1] == f"`{default[key]}`", key
    for key in ("representative", "percentile", "per_channel"):
        assert json.loads(keys[key][1].strip("`")) == default[key], key
    assert tuple(json.loads(keys["formats"][1].strip("`"))) == default["formats"]
    together = documented()[TOGETHER]
    assert together.keys() == EDGES.keys()
    for form, allowed in EDGES.items():
        told = re.findall(r"`(\w+)` with `(\w+)`", keys["io"][1])
        assert allowed[0] == {quantization: io for io, quantization in told}.get(form, "float32")
        assert set(re.findall(r"`(\w+)`", together[form][0])) == set(allowed)


#: What the reference says is allowed of a number → values that are, and that are not.
ALLOWED = {
    "whole number, 10 or more": ([10, 5000], [9]),
    "whole number, 100 or more": ([100, 5000], [99]),
    "number, above 50 and up to 100": ([50.5, 100.0], [50.0, 100.5]),
    "number, above 0 and below 1": ([1e-6, 0.999], [0.0, 1.0]),
    "number, 0 to 1": ([0.0, 1.0], [-0.1, 1.1]),
    "number, 0 or more and below 1": ([0.0, 0.999], [-0.1, 1.0]),
    "whole number, 2 to 256": ([2, 256], [1, 257]),
    "table of number, 0 or more and below 1": (
        [{"a": 0.0}, {"a": 0.999}],
        [{"a": 1.0}, {"a": -0.1}],
    ),
    "list: whole number, whole number": ([[1, 2]], [[2, 1], [1, 3], [0, 2]]),
    "table of whole number, 0, or 2 to 256": (
        [{"a": 0}, {"a": 2}, {"a": 256}],
        [{"a": 1}, {"a": 257}],
    ),
}
IN_WORDS = ("description", "extends", "per_channel", "io", "formats", "steps")
#: What else a recipe needs, so that its key may be anything that is allowed.
AROUND = {"quantization": {"io": None}, "onnx": {"formats": ["tflite", "onnx"]}}
STEP = {"prune": {"sparsity": 0.5}, "cluster": {"clusters": 4}, "qat": {}, "detection": {}}
_TFMOT = {"engine": "tfmot", "criterion": "magnitude", "schedule": "constant"}
#: The same of a key of a step.
BESIDE = {
    ("prune", "engine"): {"criterion": "magnitude"},
    ("prune", "m_by_n"): _TFMOT,
    ("cluster", "centroids"): {"engine": "tfmot"},
}


def built(table: str, key: str, value: object) -> Recipe:
    """A recipe with one key set, of a step or its own."""
    said: dict = {"name": "a", "quantization": "int8", "per_channel": table != "cluster"}
    if table:
        said |= {table: {**STEP[table], **BESIDE.get((table, key), {}), key: value}}
    else:
        said |= {**AROUND.get(key, {}), key: value}
        if said["quantization"] != "int8":
            del said["per_channel"]
    return recipe.from_table(with_defaults({k: v for k, v in said.items() if v is not None}))


def test_what_is_allowed_is_documented():
    tables = documented_keys()
    limits = {allowed for allowed, *_ in tables.pop("tolerance").values()}
    assert limits == {"number, 0 or more, and finite", "whole number, 0 or more, and finite"}
    for table, keys in tables.items():
        for key, (allowed, *_) in keys.items():
            if allowed in ALLOWED:
                for value in ALLOWED[allowed][0]:
                    built(table, key, value)
                for value in ALLOWED[allowed][1]:
                    with pytest.raises(BadInput):
                        built(table, key, value)
            elif table or key not in IN_WORDS:
                choices = re.findall(r"`([\w+-]+)`", allowed)
                assert len(choices) > 1, f"{table}.{key}: {allowed}"
                for choice in choices:
                    built(table, key, choice)
                with pytest.raises(BadInput) as caught:
                    built(table, key, "none of them")
                assert str(caught.value).endswith("allowed is " + ", ".join(choices))


def test_quantizations_of_a_step_are_documented():
    together = documented()[TOGETHER]
    for step in STEPS:
        told = {form for form, (_, steps, *_) in together.items() if f"`{step}`" in steps}
        able = set()
        for form in EDGES:
            said = {"name": "a", "quantization": form, step: STEP[step]}
            if form == "int8" and step == "cluster":
                said["per_channel"] = False
            with contextlib.suppress(BadInput):
                recipe.from_table(with_defaults(said))
                able.add(form)
        assert told == able


def test_every_rung_is_documented():
    text = (ROOT / "docs" / "guides" / "compress.md").read_text(encoding="utf-8")
    ladder = text[text.index("| recipe | what it is for |") : text.index("## Your own recipe")]
    assert set(
        re.findall(
            r"`([\w-]+)`",
            "\n".join(line.split("|")[1] for line in ladder.splitlines() if line.startswith("| `")),
        )
    ) == {path.stem for path in SHIPPED}
