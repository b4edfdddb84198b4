import collections
import hashlib
import itertools
import json
from dataclasses import replace
from pathlib import Path

import pytest
import tiny
from edgeae_cli import ROOT
from original_models import originals
from tampering import add_onnx

from edgeae.errors import BadInput, ManifestMismatch
from edgeae.timing.suite import Job, Suite, expand, find

SHIPPED = sorted((ROOT / "bench").glob("*.toml"))
LITERT = ("litert-xnnpack", "litert-builtin", "litert-reference", "litert-gpu", "c-host")
PARTS = ("encoder", "decoder", "autoencoder")


def write(folder: Path, text: str) -> str:
    path = folder / "mine.toml"
    path.write_text(text)
    return str(path)


def refusal(name: str) -> str:
    """Find what is not a suite; return the one line that says why."""
    with pytest.raises(BadInput) as caught:
        find(name)
    line = str(caught.value)
    assert "\n" not in line
    return line


def what(job: Job) -> tuple[object, ...]:
    artifact = job.artifact
    return (job.model, job.recipe, artifact.part, artifact.format, job.runtime, job.threads)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_suite_is_one_and_says_what_it_is_for(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    suite = find(path.stem)
    assert suite == find(str(path)) and suite.name == path.stem and suite.description


def test_there_are_the_two_suites_that_the_makefile_runs():
    assert {"demo", "full"} <= {path.stem for path in SHIPPED}


def test_every_key_arrives(tmp_path):
    suite = find(
        write(
            tmp_path,
            'description = "d"\nartifacts = ["a.tflite"]\nmodels = ["a", "b*"]\n'
            'recipes = ["int8"]\nparts = ["encoder"]\nruntimes = ["litert-*", "null"]\n'
            "threads = [1, 2]\nbatch = [1, 8]\nseconds = 2\nrounds = 3\nseed = 0\n"
            'baseline = "bench/baselines"\n[budget]\nmax_ratio = 1.03\n',
        )
    )
    assert suite == Suite(
        name="mine",
        description="d",
        artifacts=("a.tflite",),
        models=("a", "b*"),
        recipes=("int8",),
        parts=("encoder",),
        runtimes=("litert-*", "null"),
        threads=(1, 2),
        batch=(1, 8),
        seconds=2.0,
        rounds=3,
        seed=0,
        baseline="bench/baselines",
        budget={"max_ratio": 1.03},
    )


@pytest.mark.parametrize(
    ("named", "models"),
    [("", ()), ('models = ["deep"]\n', ("deep",)), ('recipes = ["int8"]\n', ("*",))],
)
def test_a_suite_of_files_has_no_models_unless_it_names_them(named, models, tmp_path):
    assert find(write(tmp_path, f'artifacts = ["*.tflite"]\n{named}')).models == models


def test_an_own_suite_comes_before_the_shipped_one(tmp_path, monkeypatch):
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "demo.toml").write_text('description = "mine"')
    monkeypatch.chdir(tmp_path)
    assert find("demo").description == "mine"
    assert find("full").description != "mine"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('recipe = ["int8"]', ["unknown key 'recipe'", "did you mean 'recipes'", "threads"]),
        ('name = "other"', ["unknown key 'name'"]),
        ("__class__ = 1", ["unknown key '__class__'"]),
        ("budget = 1", ["budget = 1", "allowed is a table"]),
        ('artifacts = "a.tflite"', ["artifacts = 'a.tflite'", "a list"]),
        ("artifacts = []", ["artifacts = []", "not empty"]),
        ("batch = [0]", ["batch = [0]", "from 1"]),
        ("rounds = 0", ["rounds = 0", "1 to 1000"]),
        ("rounds = 1001", ["rounds = 1001", "1 to 1000"]),
        ("rounds = 2.0", ["rounds = 2.0", "a whole number"]),
        ("seed = -1", ["seed = -1", "from 0"]),
        ("models = []", ["models = []", "not empty"]),
        ('threads = ["1"]', ["threads[0] = '1'", "a whole number"]),
        ("threads = [1, 0]", ["threads = [1, 0]", "from 1"]),
        ("threads = [-1]", ["threads = [-1]", "from 1"]),
        ("seconds = 0", ["seconds = 0", "above 0"]),
        ("seconds = -1.5", ["seconds = -1.5", "above 0"]),
        ("seconds = nan", ["seconds = nan", "above 0"]),
        ("seconds = inf", ["seconds = inf", "3600"]),
        ('parts = ["decodr"]', ["unknown part 'decodr'", "did you mean 'decoder'"]),
        (
            'runtimes = ["litert-*", "litert-xnpack"]',
            ["unknown runtime 'litert-xnpack'", "did you mean 'litert-xnnpack'"],
        ),
        ('runtimes = ["tpu-*"]', ["unknown runtime 'tpu-*'", "onnxruntime-cpu"]),
        ("threads = [1", ["not TOML"]),
    ],
)
def test_what_is_wrong_is_named_with_its_file(text, said, tmp_path):
    line = refusal(write(tmp_path, text))
    assert line.startswith(f"{tmp_path / 'mine.toml'}: ")
    for part in said:
        assert part in line


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xff\xfe")
    assert "not TOML" in refusal(str(path))


def test_a_missing_suite_offers_the_nearest(tmp_path):
    assert "did you mean 'demo'" in refusal("dmo")
    assert refusal(str(tmp_path / "none.toml")) == f"{tmp_path / 'none.toml'}: no such file"


def test_one_job_per_artifact_runtime_and_threads(tiny_bundle):
    bundles = [tiny_bundle("float32"), tiny_bundle("int8")]
    jobs = expand(Suite("s", threads=(1, 3)), bundles)
    timed = [what(job) for job in jobs if job.runtime != "null"]
    recipes = ("float32", "int8")
    cells = itertools.product(("tiny",), recipes, PARTS, ("tflite",), LITERT, (1, 3))
    # a GPU and C know no threads: one number of them is all there is to time
    expected = [cell for cell in cells if cell[4] not in ("litert-gpu", "c-host") or cell[5] == 1]
    assert collections.Counter(timed) == collections.Counter(expected)
    for job in jobs:
        assert job.root == job.golden
        assert (
            job.artifact in {bundle.root: bundle for bundle in bundles}[job.root].manifest.artifacts
        )


def test_each_format_goes_to_the_runtimes_that_open_it(tiny_bundle):
    jobs = expand(Suite("s", parts=("encoder",)), [add_onnx(tiny_bundle("float32"))])
    found = {(job.artifact.format, job.runtime) for job in jobs}
    onnx = {("onnx", "onnxruntime-cpu"), ("onnx", "onnxruntime-cuda")}
    assert found == {("tflite", name) for name in (*LITERT, "null")} | onnx


def test_null_is_timed_once_per_kind_of_edges(tiny_bundle):
    bundles = [
        add_onnx(tiny_bundle("float32")),
        tiny_bundle("int8"),
        tiny_bundle("int8", recipe="float-edges", io="float32"),
        tiny_bundle("int8", recipe="again"),
    ]
    jobs = [job for job in expand(Suite("s", threads=(1, 2)), bundles) if job.runtime == "null"]
    edges = [(job.artifact.part, job.artifact.input.dtype) for job in jobs]
    assert sorted(edges) == sorted(itertools.product(PARTS, ("float32", "int8")))


@pytest.mark.parametrize(
    ("restricted", "expected"),
    [
        ({"recipes": ("int8",)}, {"tiny/int8", "other/int8"}),
        ({"recipes": ("*32",)}, {"tiny/float32"}),
        ({"models": ("oth*",)}, {"other/int8"}),
        ({"models": ("tiny",), "recipes": ("int*", "flo*")}, {"tiny/int8", "tiny/float32"}),
        ({"models": ("tiny", "*")}, {"tiny/int8", "tiny/float32", "other/int8"}),
        ({"models": ("other",), "recipes": ("float32",)}, set()),
    ],
)
def test_patterns_choose_bundles(restricted, expected, tiny_bundle):
    bundles = [tiny_bundle("float32"), tiny_bundle("int8"), tiny_bundle("int8", model="other")]
    jobs = expand(Suite("s", **restricted, runtimes=LITERT), bundles)
    assert {f"{job.model}/{job.recipe}" for job in jobs} == expected


def test_patterns_choose_parts_and_runtimes(tiny_bundle):
    suite = Suite("s", parts=("*coder",), runtimes=("litert-[br]*",))
    jobs = expand(suite, [tiny_bundle()])
    assert {job.artifact.part for job in jobs} == set(PARTS)
    assert {job.runtime for job in jobs} == {"litert-builtin", "litert-reference"}
    only = expand(Suite("s", parts=("encoder",), runtimes=("null",)), [tiny_bundle()])
    assert [(job.artifact.part, job.runtime) for job in only] == [("encoder", "null")]


def test_patterns_are_case_sensitive():
    with pytest.raises(BadInput, match=r"unknown part 'Encoder'.*'encoder'"):
        Suite("s", parts=("Encoder",))


@pytest.mark.parametrize(
    ("restricted", "said"),
    [
        ({"models": ("tinny",)}, "suite s: unknown model 'tinny'; did you mean 'tiny'"),
        ({"recipes": ("*", "int9")}, "suite s: unknown recipe 'int9'; did you mean 'int8'"),
    ],
)
def test_a_pattern_that_fits_no_bundle_is_an_error(restricted, said, tiny_bundle):
    with pytest.raises(BadInput) as caught:
        expand(Suite("s", **restricted), [tiny_bundle()])
    assert said in str(caught.value)


def test_the_order_is_the_same_each_time(tiny_bundle):
    bundles = [tiny_bundle("float32"), tiny_bundle("int8")]
    jobs = [what(job) for job in expand(Suite("s", threads=(2, 1)), bundles)]
    assert jobs == [what(job) for job in expand(Suite("s", threads=(2, 1)), bundles)]
    recipes = [job[1] for job in jobs if job[4] != "null"]
    assert recipes == sorted(recipes)
    assert [job[5] for job in jobs[:2]] == [2, 1]


def test_two_builds_of_one_recipe_are_two_measurements(tiny_bundle):
    first = tiny_bundle()
    folder = first.root.parent / "elsewhere"
    second = replace(first, root=folder)
    suite = Suite("s", parts=("encoder",), runtimes=("litert-builtin", "null"))
    jobs = expand(suite, [first, second, first])
    assert [(job.runtime, job.root) for job in jobs] == [
        ("litert-builtin", first.root),
        ("null", first.root),
        ("litert-builtin", folder),
    ]


def test_the_original_is_timed_once_whatever_the_recipes(tiny_bundle):
    bundles = [tiny_bundle("float32"), tiny_bundle("int8")]
    originals(bundles[0], bundles[0].manifest.weights_sha256)
    jobs = expand(Suite("s", recipes=("int8",)), bundles)
    keras = [job for job in jobs if job.artifact.format == "keras"]
    timed = collections.Counter((job.artifact.part, job.runtime) for job in keras)
    tensorflow = itertools.product(PARTS, ("tensorflow-cpu", "tensorflow-gpu"))
    assert timed - collections.Counter(tensorflow) == collections.Counter(
        (part, "null") for part in PARTS
    )
    assert {job.recipe for job in keras} == {"original"}
    assert {job.root for job in keras} == {bundles[0].root.parent}
    assert all(job.golden in {bundle.root for bundle in bundles} for job in keras)


def test_an_original_of_other_weights_is_no_original(tiny_bundle):
    bundle = tiny_bundle()
    originals(bundle, "0" * 64)
    assert {job.artifact.format for job in expand(Suite("s"), [bundle])} == {"tflite"}


def test_a_replaced_original_is_noticed(tiny_bundle):
    bundle = tiny_bundle()
    originals(bundle, bundle.manifest.weights_sha256)
    (bundle.root.parent / "model.keras").write_bytes(b"another")
    with pytest.raises(ManifestMismatch, match=r"model\.keras"):
        expand(Suite("s"), [bundle])


def test_a_damaged_train_json_is_named(tiny_bundle):
    bundle = tiny_bundle()
    (bundle.root.parent / "train.json").write_text(json.dumps({"model": "tiny"}))
    with pytest.raises(BadInput, match=r"train\.json: damaged"):
        expand(Suite("s"), [bundle])


def test_batch_is_an_axis_beside_threads(tiny_bundle):
    suite = Suite("s", parts=("encoder",), runtimes=("litert-builtin",), threads=(1, 2))
    jobs = expand(replace(suite, batch=(1, 8, 64)), [tiny_bundle()])
    axes = [(job.threads, job.batch) for job in jobs]
    assert axes == list(itertools.product((1, 2), (1, 8, 64)))


def test_null_is_timed_for_each_batch(tiny_bundle):
    suite = Suite("s", parts=("encoder",), runtimes=("null",), threads=(1, 2), batch=(1, 8))
    assert [job.batch for job in expand(suite, [tiny_bundle()])] == [1, 8]


@pytest.fixture
def files(tmp_path, monkeypatch) -> Path:
    """A folder with bare files: `one/a.tflite`, `two/a.tflite` and `b.onnx`."""
    for name, flavour in (("one", "float32"), ("two", "int8")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.tflite").write_bytes(tiny.program("encoder", flavour).content)
    (tmp_path / "b.onnx").write_bytes(tiny.onnx_model("encoder"))
    (tmp_path / "c.txt").write_text("no model")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_bare_files_are_timed_without_a_bundle(files):
    suite = Suite("s", artifacts=("*/a.tflite", "b.*"), models=(), runtimes=("*-cpu", "*-builtin"))
    jobs = expand(suite, [])
    assert [(job.name, job.runtime) for job in jobs] == [
        ("one/a.tflite", "litert-builtin"),
        ("two/a.tflite", "litert-builtin"),
        ("b.onnx", "onnxruntime-cpu"),
    ]
    for job in jobs:
        assert (job.recipe, job.artifact.part, job.golden) == ("file", "model", None)
        assert job.artifact.sha256 == hashlib.sha256(job.path.read_bytes()).hexdigest()
    assert [job.model for job in jobs] == ["one/a.tflite", "two/a.tflite", "b.onnx"]
    assert [job.artifact.flavour for job in jobs] == ["float32", "int8", "fp32"]


def test_a_bare_file_is_described_as_the_export_it_is(files):
    (job,) = expand(Suite("s", artifacts=("two/*",), models=(), runtimes=("litert-builtin",)), [])
    known = tiny.program("encoder", "int8").artifact
    for name in ("format", "flavour", "sha256", "bytes", "gzip_bytes", "inputs", "outputs", "ops"):
        assert getattr(job.artifact, name) == getattr(known, name)


def test_files_stand_beside_bundles_where_a_suite_names_both(files, tiny_bundle):
    suite = Suite("s", artifacts=("one/*",), parts=("encoder",), runtimes=("litert-builtin",))
    assert [job.recipe for job in expand(suite, [tiny_bundle()])] == ["file", "int8"]


def test_a_file_that_two_patterns_name_is_timed_once(files):
    suite = Suite("s", artifacts=("one/*", "*/a.tflite", f"{files}/one/a.tflite"), models=())
    jobs = expand(replace(suite, runtimes=("litert-builtin",)), [])
    assert [job.path.parent.name for job in jobs] == ["one", "two"]


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("three/*.tflite", "suite s: artifacts = 'three/*.tflite': no such file in"),
        ("c.txt", "c.txt: neither a .tflite nor an .onnx file"),
        ("one", "one: a folder, not a file"),
    ],
)
def test_a_pattern_that_fits_no_model_is_an_error(pattern, said, files):
    with pytest.raises(BadInput) as caught:
        expand(Suite("s", artifacts=(pattern,), models=()), [])
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_damaged_file_is_an_error_before_anything_is_timed(files):
    content = (files / "two" / "a.tflite").read_bytes()
    (files / "two" / "a.tflite").write_bytes(content[: len(content) // 2])
    with pytest.raises(BadInput, match=r"two/a\.tflite: a damaged or truncated"):
        expand(Suite("s", artifacts=("*/a.tflite",), models=()), [])
