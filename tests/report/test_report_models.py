"""The part of the report that is about models, exported or not. No TensorFlow: stand-ins."""

import base64
import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import tampering
import typer
from read_pages import Reader, in_a_browser, words
from result_rows import FOUND
from snapshots import snapshot
from test_report import check_tables, decode, on_a_phone, readable, report

from edgeae.artifacts.bundle import MANIFEST, Bundle
from edgeae.artifacts.model import Training
from edgeae.cli.main import app
from edgeae.errors import BadInput, NotMeasured
from edgeae.families.command import train_command
from edgeae.families.table import FAMILIES, model_name, settings
from edgeae.metrics.tolerance import Tolerance
from edgeae.plotting import png
from edgeae.plotting.lines import Plot, Series, lines
from edgeae.report.write import write

#: A variational training of three epochs; `loss` is the sum of its two terms.
CURVE = [
    {"loss": 0.05, "reconstruction": 0.04, "kl": 0.01, "validation_loss": 0.03},
    {"loss": 0.03, "reconstruction": 0.02, "kl": 0.01, "validation_loss": 0.012},
    {"loss": 0.025, "reconstruction": 0.02, "kl": 0.005, "validation_loss": 0.015},
]
SHAPE = (12, 14)
#: What an imported model's `train.json` holds otherwise.
ASKED = {
    "source": ["/models/my net.h5"],
    "code_layer": "z",
    "data": "/data/rows.npy",
    "train_data": None,
    "normalization": {"scale": 0.5, "offset": -1.0},
}
IMPORTED = {
    "shape": (168,),
    "losses": {},
    "family": "imported",
    "configuration": ASKED,
    "curve": [],
    "yardsticks": {},
}


@pytest.fixture
def build(tmp_path: Path) -> Path:
    return tmp_path / "build"


def figures(mse: float | None, psnr: float | None = None) -> dict[str, float | None]:
    return {"mse": mse, "psnr": psnr, "ssim": None, "shuffled": None}


def model(
    build: Path,
    like: str = "deep",
    code: int = 32,
    mse: float = 0.0071,
    shape: tuple[int, ...] = SHAPE,
    **changes: object,
) -> Training:
    """Write a model as training would; its `.keras` file is nonsense."""
    plan = settings(like, code=code)
    draw = np.random.default_rng(code)
    original = b"a zip, normally"
    training = Training(
        model=model_name(plan),
        form="keras",
        family=like,
        description=f"168 → {code} → 168",
        configuration=json.loads(json.dumps(vars(plan))),
        dataset={"name": "mnist", "sha256": "5" * 64, "data": "auto", "train": 9, "test": 10_000},
        normalization={"scale": 1 / 255, "offset": 0.0},
        bounds=(0.0, 1.0),
        input_shape=(168,),
        code_shape=(code,),
        code_layer="code",
        parameters=222_384,
        weights_sha256=hashlib.sha256(model_name(plan).encode()).hexdigest(),
        file_sha256=hashlib.sha256(original).hexdigest(),
        curve=CURVE,
        best_epoch=2,
        interrupted=False,
        losses={"validation": 0.012, "test": mse},
        yardsticks={
            "model": {"mse": mse, "psnr": 21.49, "ssim": 0.9123, "shuffled": 0.0654},
            "pca": figures(0.5 / code),
            "mean": figures(0.0675, 11.7),
        },
        seconds=123.4,
        tools={"tensorflow": "2.21.0"},
    )
    training = replace(training, **changes)  # type: ignore[arg-type]
    folder = build / training.model
    folder.mkdir(parents=True)
    (folder / "model.keras").write_bytes(original)
    (folder / "train.json").write_text(training.to_json())
    images = draw.random((10, *shape)).astype(np.float32)
    np.savez(folder / "sheet.npz", image=images, reconstruction=images / 2)
    return training


def test_a_whole_report_of_models(build: Path) -> None:
    for code, mse in ((32, 0.0071), (8, 0.02)):
        model(build, code=code, mse=mse)
    probed = model(build, "simple", mse=0.009)
    probe = replace(FOUND, weights_sha256=probed.weights_sha256)
    (build / "simple" / "probe.json").write_text(probe.to_json())
    drawn = model(build, "variational", interrupted=True)
    pixels = np.arange(30, dtype=np.uint8).reshape(5, 6)
    samples = png.encode(pixels, {"weights_sha256": drawn.weights_sha256})
    (build / "variational" / "samples.png").write_bytes(samples)
    digits = {"name": "digits", "sha256": "6" * 64, "data": "auto", "test": 300}
    model(build, model="worse", mse=0.08, dataset={**digits, "mean_loss": 0.067})
    model(build, model="mine", **IMPORTED)
    text, markdown, summary = report(build)
    snapshot(markdown, "report-models.md")
    snapshot(readable(text), "report-models.txt")
    check_tables(markdown)
    assert [item["name"] for item in summary["trained"]] == [
        *("deep-c8", "deep", "worse", "mine", "simple", "variational"),
    ]


def test_models_without_exports_make_a_report(build: Path) -> None:
    training = model(build)
    text, _, summary = report(build)
    assert "edgeae verify" not in text
    found = Reader(text)
    links = {attributes.get("href") for tag, attributes in found.tags if tag == "a"}
    assert links == {"#models", "#images", "#reproduce"}
    (row,) = summary["trained"]
    assert (row["name"], row["mse"], row["curve"]) == ("deep", 0.0071, CURVE)
    assert row["yardsticks"] == training.yardsticks
    assert summary["models"][0]["float32_loss"] == 0.0071
    assert summary["commands"] == ["edgeae train deep --data mnist", "edgeae report"]
    assert summary["tools"] == {"tensorflow": ["2.21.0"]}


def test_a_model_that_is_worse_than_the_mean_of_its_data_says_so(build: Path) -> None:
    said = {"name": "mnist", "sha256": "5" * 64, "data": "auto", "test": 10_000}
    model(build, mse=0.08, dataset={**said, "mean_loss": 0.067})
    model(build, code=16, mse=0.08, dataset=said)  # trained by an older version
    text, markdown, summary = report(build)
    for shown in (words(text), markdown):
        assert shown.count("does worse than the mean of its data: its test MSE is 0.08, but") == 1
    assert [bool(item["caution"]) for item in summary["models"]] == [True, False]


def test_neither_models_nor_bundles_are_not_measured(tmp_path: Path) -> None:
    with pytest.raises(NotMeasured, match="edgeae export"):
        write(tmp_path, tmp_path / "report", train_command)


def test_models_with_and_without_exports_stand_together(
    build: Path, tiny_bundle: Callable[..., Bundle]
) -> None:
    tiny_bundle()
    model(build)
    text, markdown, summary = report(build)
    assert [item["name"] for item in summary["models"]] == ["deep", "tiny"]
    assert [item["name"] for item in summary["trained"]] == ["deep"]
    assert "0 exports" not in text
    sizes = text[text.index('id="loss"') : text.index('id="fronts"')]
    assert "tiny" in sizes and ">deep<" not in sizes
    losses = markdown[markdown.index("## Loss and size") :]
    assert "| tiny |" in losses and "| deep |" not in losses
    assert words(text).count("float32 model") == 2  # a strip of each


def test_settings_on_top_of_a_recipe_have_a_command_of_their_own(
    build: Path, tiny_bundle: Callable[..., Bundle]
) -> None:
    tiny_bundle()
    tiny_bundle("float32")
    bundle = tiny_bundle(recipe="int8.tolerance.max_lsb-7", tolerance=Tolerance(max_lsb=7))
    overridden = replace(bundle.manifest, overrides=("tolerance.max_lsb=7",))
    (bundle.root / MANIFEST).write_text(overridden.to_json())
    _, _, summary = report(build)
    plain, on_top = [item for item in summary["commands"] if item.startswith("edgeae export")]
    assert plain.split()[:3] == ["edgeae", "export", "tiny"]
    assert {*plain.split()[3:]} == {"-r", "int8", "float32"}
    assert on_top == "edgeae export tiny -r int8 --set tolerance.max_lsb=7"


def strips(text: str) -> list[np.ndarray]:
    addresses = (a["src"] or "" for tag, a in Reader(text).tags if tag == "img")
    return [decode(base64.b64decode(address.partition(",")[2])) for address in addresses]


def test_the_sheet_of_a_training_is_drawn_on_the_originals_range(build: Path) -> None:
    model(build)
    with np.load(build / "deep" / "sheet.npz") as archive:
        images = archive["image"]
    drawn = strips(report(build)[0])
    low, high = images.min(), images.max()
    for strip, wanted in zip(drawn, (images, images / 2), strict=True):
        assert strip.shape == (12, 10 * 14 + 9 * 2, 2)
        tile = strip[:, 3 * 16 : 3 * 16 + 14, 0]
        assert np.abs(tile - np.clip((wanted[3] - low) / (high - low), 0, 1) * 255).max() <= 0.51


def test_what_is_neither_image_nor_row_gets_a_sentence(build: Path) -> None:
    model(build, shape=(4, 6, 7))
    text = report(build)[0]
    assert "An input of 4 × 6 × 7 values is not an image" in text and "<img" not in text


@pytest.mark.parametrize(
    ("family", "shape", "told"),
    [
        ("deep", (168,), "Each plot has the first 128 values of a test row"),
        ("conv1d", (12, 14), "Each plot has the 12 values of the first channel of a test row"),
    ],
)
def test_rows_are_drawn_as_lines_on_the_originals_range(
    build: Path, family: str, shape: tuple[int, ...], told: str
) -> None:
    training = model(build, family, shape=shape)
    with np.load(build / training.model / "sheet.npz") as archive:
        rows = archive["image"].reshape(10, shape[0], -1)[:5, :128, 0]
    text = report(build)[0]
    assert told in words(text) and "5 test rows of" in text
    originals, answers = drawn_lines(text)
    assert [len(strip) for strip in (originals, answers)] == [5, 10]
    low, high = rows.min(), rows.max()
    for number, row in enumerate(rows):
        for line, wanted in ((originals[number], row), (answers[2 * number + 1], row / 2)):
            level = np.clip((wanted - low) / (high - low), 0, 1)
            assert np.allclose(line[:, 1], 54 - level * 52, atol=0.051)
            assert np.allclose(np.diff(line[:, 0]), 120 / (len(row) - 1), atol=0.11)


def drawn_lines(text: str) -> list[list[np.ndarray]]:
    """The points of each line of each strip, in pixels."""
    addresses = (a["src"] or "" for tag, a in Reader(text).tags if tag == "img")
    images = [base64.b64decode(address.partition(",")[2]).decode() for address in addresses]
    return [
        [
            np.array([place.split() for place in path[1:].split("L")], np.float64)
            for path in re.findall(r' d="([^"]*)"', image)
        ]
        for image in images
    ]


def test_golden_images_are_drawn_in_the_shape_that_the_dataset_had(
    build: Path, tiny_bundle: Callable[..., Bundle]
) -> None:
    """Flat 4 × 4 images; the training says that they were 2 × 8 pictures, or no pictures."""
    tiny_bundle()
    images = np.zeros((10, 2, 8), np.float32)
    path = build / "tiny" / "sheet.npz"
    np.savez(path, image=images, reconstruction=images)
    assert strips(report(build)[0])[0].shape == (2, 10 * 8 + 9 * 2, 2)
    np.savez(path, image=images.reshape(10, 16), reconstruction=images.reshape(10, 16))
    assert "the 16 values of a test row" in words(report(build)[0])
    np.savez(path, image=images.reshape(20, 8), reconstruction=images.reshape(20, 8))
    assert strips(report(build)[0])[0].shape[0] == 4  # of another model: guessed


def test_a_damaged_sheet_is_named(build: Path) -> None:
    model(build)
    (build / "deep" / "sheet.npz").write_bytes(b"no zip")
    with pytest.raises(BadInput, match=r"sheet\.npz: damaged"):
        report(build)


def test_samples_are_shown_while_they_are_of_these_weights(build: Path) -> None:
    training = model(build, "variational")
    path = build / "variational" / "samples.png"
    pixels = np.arange(30, dtype=np.uint8).reshape(5, 6)
    path.write_bytes(png.encode(pixels, {"weights_sha256": training.weights_sha256}))
    text, _, summary = report(build)
    assert png.data_uri(path.read_bytes()) in text and "New images" in text
    assert "edgeae sample variational" in summary["commands"]
    path.write_bytes(png.encode(pixels, {"weights_sha256": "0" * 64}))
    text, _, summary = report(build)
    assert "New images" not in text and "edgeae sample variational" not in summary["commands"]
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(BadInput, match=r"samples\.png: damaged"):
        report(build)


def test_a_probe_is_shown_while_it_is_of_these_weights(build: Path) -> None:
    training = model(build)
    path = build / "deep" / "probe.json"
    path.write_text(replace(FOUND, weights_sha256=training.weights_sha256).to_json())
    text, markdown, summary = report(build)
    assert "0.9730" in text and "0.9730" in markdown
    assert summary["trained"][0]["probe"]["features"] == FOUND.features
    assert "edgeae train deep --data mnist --probe" in summary["commands"]
    path.write_text(FOUND.to_json())
    text, markdown, summary = report(build)
    assert "after it was probed: deep" in words(text)
    assert "0.9730" not in text and "0.9730" not in markdown
    assert summary["trained"][0]["probe"] is None


def test_loss_against_code_size_takes_the_best_of_each_size(build: Path) -> None:
    for code, mse in ((64, 0.004), (8, 0.02), (32, 0.0071)):
        model(build, code=code, mse=mse)
    model(build, model="better", mse=0.006)
    model(build, "simple", code=8)
    # another dataset makes another plot
    other = {"name": "digits", "sha256": "6" * 64, "data": "digits", "test": 300}
    model(build, model="elsewhere", code=16, dataset=other)
    text, markdown, summary = report(build)
    (found,) = summary["code_sizes"]
    assert (found["family"], found["dataset"]) == ("deep", "mnist")
    assert [(item["code"], item["model"]) for item in found["sizes"]] == [
        (8, "deep-c8"),
        (32, "better"),
        (64, "deep-c64"),
    ]
    assert [item["pca_mse"] for item in found["sizes"]] == [0.5 / 8, 0.5 / 32, 0.5 / 64]
    assert "| better | 32 | 0.006000 | 0.015625 | 0.3840 |" in markdown
    drawings = re.findall(r"<svg[^>]*sizes-0-640-title.*?</svg>", text, re.S)
    assert len(drawings) == 1 and "better" not in drawings[0]
    points = ElementTree.fromstring(drawings[0]).findall(".//path")
    assert len(points) == 6  # three sizes, and PCA's


def test_a_curve_has_every_term_and_marks_the_epoch_that_was_kept(build: Path) -> None:
    model(build, "variational")
    model(build)
    text = report(build)[0]
    drawings = re.findall(r'<svg[^>]*"curve-\d+-title.*?</svg>', text, re.S)
    assert len(drawings) == 2
    for drawing in drawings:
        svg = ElementTree.fromstring(drawing)
        legend = [item.text for item in svg.iter("text") if item.get("class") == "label"]
        assert legend == ["loss", "reconstruction", "kl", "validation MSE"]
        assert len(svg.findall(".//polyline")) == 4
        (marker,) = svg.findall(".//path")
        assert marker.find("title").text == "best epoch 2: validation MSE 0.012000"  # type: ignore[union-attr]


def test_a_loss_of_one_term_is_drawn_once(build: Path) -> None:
    curve = [{key: row[key] for key in ("loss", "validation_loss")} for row in CURVE]
    model(build, curve=[{**row, "reconstruction": row["loss"]} for row in curve])
    svg = re.findall(r"<svg[^>]*curve-0-title.*?</svg>", report(build)[0], re.S)[0]
    assert svg.count("<polyline") == 2 and ">loss<" not in svg


PLOT = Plot("p", "a title", "a description", "epochs", "loss")


def places(drawing: str) -> list[list[tuple[float, float]]]:
    told = [item.get("points", "") for item in ElementTree.fromstring(drawing).iter("polyline")]
    return [[tuple(map(float, pair.split(","))) for pair in line.split()] for line in told]  # type: ignore[misc]


def test_lines_are_logarithmic_upwards_and_even_to_the_right() -> None:
    curve = Series("a", ((1, 1.0), (2, 0.1), (3, 0.01), (4, 0.0)), 0)
    ((first, second, third),) = places(lines([curve], PLOT, 350, 250))  # 0 has no logarithm
    assert second[0] - first[0] == pytest.approx(third[0] - second[0], abs=0.2)
    assert second[1] - first[1] == pytest.approx(third[1] - second[1], abs=0.2)
    assert first[1] < third[1]
    sizes = Series("b", ((2, 0.3), (8, 0.2), (32, 0.1)), 1)
    drawing = lines([sizes], replace(PLOT, ticks=(2, 8, 32), markers=True), 350, 250)
    ((first, second, third),) = places(drawing)
    assert second[0] - first[0] == pytest.approx(third[0] - second[0], abs=0.2)
    assert drawing.count("<path") == 3


@pytest.mark.parametrize(
    "points",
    [
        ((1, 0.5),),
        ((1, 0.5), (2, 0.5)),
        ((1, 1e-9), (500, 1e9)),
        tuple((n, 0.5) for n in range(99)),
    ],
    ids=["one", "flat", "wide", "long"],
)
def test_any_line_can_be_drawn(points: tuple[tuple[float, float], ...]) -> None:
    drawing = lines([Series("a", points, 0)], PLOT, 350, 250)
    for tag in ElementTree.fromstring(drawing).iter("text"):
        assert 0 <= float(tag.get("x", "-1")) <= 350 and 0 <= float(tag.get("y", "-1")) <= 250
    assert "NaN" not in drawing and "inf" not in drawing


def test_nothing_above_zero_is_no_drawing() -> None:
    assert lines([Series("a", ((1, 0.0),), 0)], PLOT, 350, 250) == ""
    assert lines([], PLOT, 350, 250) == ""


def test_an_imported_model_is_shown_with_what_is_known_of_it(build: Path) -> None:
    model(build, model="mine", **IMPORTED)
    text, _, summary = report(build)
    assert summary["trained"][0]["mse"] is None and summary["code_sizes"] == []
    assert "Learning curves" not in text
    assert summary["commands"][0] == (
        "edgeae import '/models/my net.h5' --data /data/rows.npy --scale 0.5 --offset -1.0 "
        "--code-layer z --name mine"
    )


def test_an_encoder_alone_has_neither_loss_nor_reconstructions(
    build: Path, tiny_bundle: Callable[..., Bundle]
) -> None:
    bundle = tiny_bundle()
    table = json.loads((bundle.root / "manifest.json").read_text())
    hashes = table["golden"]["sha256"]
    table["golden"]["sha256"] = {name: hashes[name] for name in ("image", "code", "encoder")}
    table["artifacts"] = [item for item in table["artifacts"] if item["part"] == "encoder"]
    tampering.rewrite(bundle.root, {**table, "loss": None, "recipe": "as-is"})
    text, markdown, summary = report(build)
    assert summary["exports"][0]["loss"] is None and summary["models"][0]["float32_loss"] is None
    assert "imported as is: there is no original" in words(text)
    assert len(strips(text)) == 1  # the originals alone
    assert "| tiny | as-is |  |  |  |  |" in markdown


CHOSEN = {
    "simple": {"tied": True, "code": 8},
    "deep": {"hidden": (64,), "pretrain": True, "seed": 3},
    "conv": {"upsample": True, "activation": "tanh", "loss": "bce"},
    "mobile": {"epochs": 7, "batch": 64, "learning_rate": 1e-3},
    "overcomplete": {"penalty": "none"},
    "sparse": {"penalty": "kl", "weight": 0.5, "rho": 0.1},
    "denoising": {"noise": "masking", "amount": 0.4},
    "contractive": {"weight": 1e-7, "hidden": (50, 40)},
    "variational": {"beta": 0.0625},
    "dense": {"hidden": (90,), "code": 7},
    "conv1d": {"hidden": (8, 8), "epochs": 9},
}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("own", [False, True], ids=["defaults", "chosen"])
def test_the_command_that_trains_again_means_the_same_settings(
    build: Path, family: str, own: bool
) -> None:
    plan = settings(family, **(CHOSEN[family] if own else {}))
    training = model(build, family, configuration=json.loads(json.dumps(vars(plan))))
    program, command, *rest = train_command(replace(training, model="own name"))
    assert (program, command) == ("edgeae", "train")
    verb = typer.main.get_command(app).commands["train"]  # type: ignore[attr-defined]
    context = verb.make_context("train", list(rest))
    parsed = context.params
    assert (parsed["family"], parsed["data"], parsed["name"]) == (family, "mnist", "own name")
    options = ("code", "hidden", "activation", "loss", "epochs", "batch", "seed", "tied")
    options += ("pretrain", "upsample", "penalty", "weight", "rho", "noise", "amount", "beta")
    asked = {key: parsed[key] for key in options} | {"learning_rate": parsed["lr"]}
    if asked["hidden"] is not None:
        asked["hidden"] = tuple(int(item) for item in asked["hidden"].split(","))
    assert settings(family, **asked) == plan
    # family, data and name; the defaults need no option
    assert (len(rest) == 5) is not own


def test_a_name_is_said_where_it_is_not_the_default(build: Path) -> None:
    training = model(build, code=8)
    assert "--name" not in train_command(training)
    assert train_command(replace(training, model="mine"))[-4:] == ["--name", "mine", "--code", "8"]


@pytest.mark.system
def test_the_models_fit_a_phone(build: Path, tmp_path: Path) -> None:
    model(build, "variational")
    for code in (2, 8, 32):
        model(build, code=code, description=" → ".join(["12345"] * 20))
    found = on_a_phone(report(build)[0], tmp_path)
    assert found["page"] <= 390 and found["wide"] and found["cut"] == []


@pytest.mark.system
def test_the_table_of_models_fits_a_laptop(build: Path, tmp_path: Path) -> None:
    for family in FAMILIES:
        model(build, family, parameters=1_222_384, seconds=323.0)
    model(build, "variational", code=128, interrupted=True)
    found = in_a_browser(report(build)[0], tmp_path, 1280)
    assert found["page"] <= 1280 and found["wide"] == [] and found["cut"] == []
