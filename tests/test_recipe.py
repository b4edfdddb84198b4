import dataclasses
import json
from pathlib import Path

import pytest

from edgeae import recipe
from edgeae.errors import BadInput
from edgeae.recipe import Prune, Recipe, Tolerance

REPOSITORY = Path(recipe.__file__).parent.parent
SHIPPED = sorted((REPOSITORY / "export").glob("*.toml"))
#: Every field away from its default, in a combination that is possible.
EVERY_FIELD = """
description = "all of it"
quantization = "int8"
per_channel = false
io = "uint8"
formats = ["tflite", "onnx"]
representative = 123

[prune]
sparsity = 0.5
steps = 200
learning_rate = 1e-4

[tolerance]
added_loss = 1e-2
max_abs = 1
share_over_1lsb = 0.25
builtin_share_over_1lsb = 0.5
conv_share_over_1lsb = 0.75
max_lsb = 3
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
        representative=123,
        prune=Prune(sparsity=0.5, steps=200, learning_rate=1e-4),
        tolerance=Tolerance(
            added_loss=1e-2,
            max_abs=1.0,
            share_over_1lsb=0.25,
            builtin_share_over_1lsb=0.5,
            conv_share_over_1lsb=0.75,
            max_lsb=3,
        ),
    )


def test_the_example_above_leaves_no_field_out(tmp_path):
    def leaves(value):
        if isinstance(value, dict):
            return [leaf for item in value.values() for leaf in leaves(item)]
        return [value]

    default = dataclasses.asdict(Recipe("mine")) | {"prune": dataclasses.asdict(Prune(0.9))}
    said = dataclasses.asdict(recipe.parse(write(tmp_path, EVERY_FIELD)))
    same = [a for a, b in zip(leaves(default), leaves(said), strict=True) if a == b]
    assert same == ["mine"]


def test_a_recipe_survives_json(tmp_path):
    found = recipe.parse(write(tmp_path, EVERY_FIELD))
    assert recipe.from_table(json.loads(json.dumps(dataclasses.asdict(found)))) == found
    assert recipe.from_table(json.loads(json.dumps(dataclasses.asdict(Recipe("a"))))) == Recipe("a")


def test_an_empty_file_is_the_float32_recipe(tmp_path):
    assert recipe.parse(write(tmp_path, "", "plain")) == Recipe("plain")


def test_int8_recipes_have_int8_edges_unless_they_say_so(tmp_path):
    assert recipe.parse(write(tmp_path, 'quantization = "int8"')).io == "int8"
    text = 'quantization = "int8"\nio = "float32"'
    assert recipe.parse(write(tmp_path, text)).io == "float32"


WRONG = {
    "unknown key": ('quantisation = "int8"', "did you mean 'quantization'"),
    "unknown key below": ("[tolerance]\nmax_lbs = 1", "did you mean 'tolerance.max_lsb'"),
    "a name": ('name = "other"', "name"),
    "text for a number": ('representative = "500"', "representative = '500'"),
    "a number for text": ("description = 3", "description = 3"),
    "a float for an int": ("representative = 500.0", "representative = 500.0"),
    "a bool for an int": ("representative = true", "representative = True"),
    "a bool for a float": ("[tolerance]\nmax_abs = true", "tolerance.max_abs = True"),
    "an int for a bool": ('quantization = "int8"\nper_channel = 0', "per_channel = 0"),
    "text for a list": ('formats = "tflite"', "formats = 'tflite'"),
    "a list for text": ('quantization = ["int8"]', "quantization = ['int8']"),
    "a table for text": ("[quantization]\na = 1", "quantization ="),
    "a value for a table": ("tolerance = 3", "tolerance = 3"),
    "a list of tables": ("[[prune]]\nsparsity = 0.5", "prune ="),
    "unknown choice": ('quantization = "int4"', "float32, float16, dynamic, int8"),
    "unknown format": ('formats = ["tflite", "pb"]', "'pb'"),
    "no format": ("formats = []", "formats = []"),
    "onnx alone": ('formats = ["onnx"]', "formats = ['onnx']"),
    "a format twice": ('formats = ["tflite", "tflite"]', "formats ="),
    "io without int8": ('io = "uint8"', "io = 'uint8'"),
    "onnx of float16": ('quantization = "float16"\nformats = ["tflite", "onnx"]', "formats ="),
    "per-tensor float": ("per_channel = false", "per_channel = False"),
    "too few images": ("representative = 9", "representative = 9"),
    "no sparsity": ('quantization = "int8"\n[prune]\nsteps = 200', "prune.sparsity is missing"),
    "sparsity 1.2": ("[prune]\nsparsity = 1.2", "prune.sparsity = 1.2"),
    "sparsity 1": ("[prune]\nsparsity = 1", "prune.sparsity = 1.0"),
    "sparsity 0": ("[prune]\nsparsity = 0.0", "prune.sparsity = 0.0"),
    "sparsity nan": ("[prune]\nsparsity = nan", "prune.sparsity = nan"),
    "too few steps": ("[prune]\nsparsity = 0.5\nsteps = 99", "prune.steps = 99"),
    "no rate": ("[prune]\nsparsity = 0.5\nlearning_rate = 0", "prune.learning_rate = 0.0"),
    "endless rate": ("[prune]\nsparsity = 0.5\nlearning_rate = inf", "prune.learning_rate = inf"),
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
    assert recipe.find("int8") == recipe.parse(REPOSITORY / "export" / "int8.toml")


def test_the_hash_ignores_labels_alone(tmp_path):
    base = recipe.parse(write(tmp_path, EVERY_FIELD))
    changes = {
        "quantization": None,  # changed below: int8 is bound to other keys
        "per_channel": True,
        "io": "int8",
        "formats": ("tflite",),
        "representative": 124,
        "prune": None,
        "tolerance": Tolerance(),
    }
    assert changes.keys() | {"name", "description"} == {f.name for f in dataclasses.fields(Recipe)}
    for label in ("name", "description"):
        assert dataclasses.replace(base, **{label: "other"}).sha256 == base.sha256
    del changes["quantization"]
    hashes = {dataclasses.replace(base, **{key: value}).sha256 for key, value in changes.items()}
    assert len(hashes | {base.sha256}) == len(changes) + 1
    assert Recipe("a", quantization="float16").sha256 != Recipe("a").sha256


@pytest.mark.parametrize("key", [field.name for field in dataclasses.fields(Tolerance)])
def test_the_hash_changes_with_every_tolerance(key):
    assert Recipe("a", tolerance=Tolerance(**{key: 7})).sha256 != Recipe("a").sha256


@pytest.mark.parametrize("change", [{"steps": 101}, {"learning_rate": 1e-5}, {"sparsity": 0.6}])
def test_the_hash_changes_with_every_pruning_key(change):
    def pruned(**keys):
        return Recipe("a", quantization="int8", io="int8", prune=Prune(**keys))

    assert pruned(**{"sparsity": 0.5} | change).sha256 != pruned(sparsity=0.5).sha256


def test_a_tolerance_knows_runtimes_and_convolutions_and_the_range_of_values():
    limits = Tolerance(1e-3, 1e-5, 0.1, 0.2, 0.3, 9)
    shares = {
        (name, convolves): limits.on(name, convolves).share_over_1lsb
        for name in ("litert-reference", "litert-builtin", "litert-xnnpack")
        for convolves in (False, True)
    }
    assert list(shares.values()) == [0.0, 0.0, 0.2, 0.3, 0.1, 0.3]
    assert limits.over(1.0) == limits
    assert limits.over(80.0).added_loss == pytest.approx(6.4)
    assert limits.over(80.0).max_abs == limits.max_abs
