"""The live page in Chromium: drawn on, and held to LiteRT's reference kernels."""

import base64
import gzip
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import devtools
import numpy as np
import pytest
import tampering
import tiny

from edgeae.artifacts.bundle import Bundle
from edgeae.families.command import train_command
from edgeae.live.write import live
from edgeae.report.write import write as write_report
from edgeae.runtimes import load

pytestmark = pytest.mark.system

Build = Callable[..., Bundle]
STROKE = [(0.3, 0.25), (0.7, 0.25), (0.7, 0.3), (0.5, 0.8)]


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the tiny model under two recipes, compiled for real."""
    build = tmp_path_factory.mktemp("project") / "build"
    for flavour in ("int8", "float32"):
        tiny.write_bundle(build / "tiny" / flavour, flavour)
    page = live(build, build / "live")
    page.write()
    return page.path


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[devtools.Chromium]:
    with devtools.browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture
def page(page_file: Path, chromium: devtools.Chromium) -> devtools.Page:
    return opened(page_file, chromium.page(1280, 900))


def opened(file: Path, page: devtools.Page) -> devtools.Page:
    page.open(file.as_uri())
    page.until("window.edgeaeLive !== undefined")
    page.value("edgeaeLive.ready")
    return page


def answers(page: devtools.Page) -> dict:
    """What the page shows, after its next frame."""
    page.value("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return page.value("edgeaeLive.answers()")


def reference(part: str, flavour: str, values: list) -> np.ndarray:
    """The outputs of LiteRT's reference kernels."""
    program = tiny.program(part, flavour)
    spec = program.artifact.input
    given = np.array(values, spec.dtype).reshape(1, *spec.values)
    session = load("litert-reference").open(program, 1)
    try:
        return session.run(given).ravel()
    finally:
        session.close()


def check(shown: dict) -> None:
    """Hold what the page shows to the reference kernels: integers to the bit."""
    exact = shown["recipes"]["int8"]
    code = reference("encoder", "int8", exact["input"])
    assert np.array_equal(code, exact["code"])
    assert np.array_equal(reference("decoder", "int8", exact["code"]), exact["output"])
    assert np.array_equal(reference("autoencoder", "int8", exact["input"]), exact["output"])
    near = shown["recipes"]["float32"]
    answer = reference("autoencoder", "float32", near["input"])
    assert np.allclose(answer, near["output"], rtol=1e-5, atol=1e-5)


def test_a_stroke_changes_code_and_reconstruction_as_the_reference_says(
    page: devtools.Page,
) -> None:
    before = answers(page)
    check(before)
    images = tiny.images()[0].reshape(-1)
    assert before["recipes"]["int8"]["input"] == [int(value) - 128 for value in images]
    page.drag("#live-pad", STROKE)
    after = answers(page)
    check(after)
    for key in ("input", "code", "output"):
        assert before["recipes"]["int8"][key] != after["recipes"]["int8"][key]


def test_the_canvas_shows_the_reconstruction(page: devtools.Page) -> None:
    page.drag("#live-pad", STROKE)
    shown = answers(page)["recipes"]["int8"]
    step, zero = tiny.QUANTIZED["reconstruction"]
    real = np.array([step * (value - zero) for value in shown["output"]])
    pixels = page.value(
        "(() => { const canvas = document.querySelector('#live-answer');"
        "const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);"
        "return [canvas.width, canvas.height, ...data] })()"
    )
    assert pixels[:2] == [4, 4]
    colours = np.array(pixels[2:]).reshape(-1, 4)
    assert np.abs(colours[:, 0] - np.clip(real, 0, 1) * 255).max() <= 0.51
    assert (colours[:, :3] == colours[:, :1]).all() and (colours[:, 3] == 255).all()
    given = np.array(tiny_real(shown["input"]))
    assert shown["loss"] == pytest.approx(float(np.mean((given - real) ** 2)), rel=1e-6)
    loss = page.value("document.querySelector('#live-loss').textContent")
    assert float(loss) == pytest.approx(shown["loss"], rel=5e-3)


def tiny_real(values: list[int]) -> list[float]:
    step, zero = tiny.QUANTIZED["image"]
    return [step * (value - zero) for value in values]


def test_sliders_drive_the_decoder(page: devtools.Page) -> None:
    before = answers(page)["recipes"]["int8"]
    page.drag("#live-bars", [(0.1, 0.9), (0.1, 0.05)])
    after = answers(page)
    check_decoder(after)
    changed = after["recipes"]["int8"]
    assert changed["input"] == before["input"]
    assert changed["code"][0] != before["code"][0] and changed["code"][1:] == before["code"][1:]
    assert changed["output"] != before["output"]
    page.value("document.querySelector('#live-reset').click()")
    again = answers(page)["recipes"]["int8"]
    assert [again[key] for key in ("code", "output")] == [before["code"], before["output"]]
    # and from the keyboard: a native slider
    page.value("document.querySelector('.slider').focus()")
    page.press("ArrowUp")
    page.press("ArrowUp")
    step = answers(page)
    check_decoder(step)
    assert step["recipes"]["int8"]["code"][0] == before["code"][0] + 2


def check_decoder(shown: dict) -> None:
    exact = shown["recipes"]["int8"]
    assert np.array_equal(reference("decoder", "int8", exact["code"]), exact["output"])


def test_the_keyboard_draws(page: devtools.Page) -> None:
    page.value("document.querySelector('#live-centre').checked = false")
    page.value("document.querySelector('#live-pad').focus()")
    page.press("ArrowUp")  # shows the cursor in the middle: column 2, row 2, from 0
    page.press("ArrowLeft")
    page.press(" ")
    page.until("document.querySelector('#live-status').textContent.includes('loss')")
    said = page.value("document.querySelector('#live-status').textContent")
    assert re.fullmatch(r"painted row 3, column 2; reconstruction by int8: loss [\d.e-]+", said)
    painted = np.array(answers(page)["recipes"]["int8"]["input"]).reshape(4, 4)
    assert np.argwhere(painted > -128).tolist() == [[2, 1]]
    page.press("ArrowUp", shift=True)
    lines = np.array(answers(page)["recipes"]["int8"]["input"]).reshape(4, 4)
    assert np.argwhere(lines > -128).tolist() == [[1, 1], [2, 1]]
    check(answers(page))
    page.press("Backspace")
    page.press("Delete")
    assert set(answers(page)["recipes"]["int8"]["input"]) == {-128}
    page.press("Tab")  # leads out again
    assert page.value("document.activeElement.id") != "live-pad"


def test_a_finger_draws_and_the_page_stays_in_place(
    page_file: Path, chromium: devtools.Chromium
) -> None:
    page = opened(page_file, chromium.page(390, 844, touch=True))
    before = answers(page)["recipes"]["int8"]
    page.box("#live-pad")
    place = page.value("scrollY")
    page.wipe("#live-pad", STROKE)
    after = answers(page)
    check(after)
    assert after["recipes"]["int8"]["code"] != before["code"]
    assert page.value("scrollY") == place
    assert page.value("document.documentElement.scrollWidth") <= 390


def test_halves_of_imports_show_what_they_have(tmp_path: Path, chromium: devtools.Chromium) -> None:
    build = tmp_path / "build"
    for part in ("autoencoder", "encoder"):
        bundle = tiny.write_bundle(build / part / "int8", model=part)
        table = json.loads((bundle.root / "manifest.json").read_text())
        table["artifacts"] = [item for item in table["artifacts"] if item["part"] == part]
        tampering.rewrite(bundle.root, table)
    made = live(build, build / "live")
    made.write()
    page = opened(made.path, chromium.page(1280, 900))
    page.drag("#live-pad", STROKE)
    shown = answers(page)["recipes"]["int8"]
    assert shown["code"] is None
    assert np.array_equal(reference("autoencoder", "int8", shown["input"]), shown["output"])
    assert page.value("document.querySelector('#live-code').hidden")
    page.value("document.querySelectorAll('input[name=live-model]')[1].click()")
    page.until("edgeaeLive.answers().recipes.int8?.code")
    half = answers(page)
    assert half["recipes"]["int8"]["input"] == shown["input"]  # the drawing stays
    assert half["model"] == "encoder" and half["recipes"]["int8"]["output"] is None
    exact = half["recipes"]["int8"]
    assert np.array_equal(reference("encoder", "int8", exact["input"]), exact["code"])
    assert page.value("document.querySelector('#live-back').hidden")
    assert page.events("Runtime.exceptionThrown") == []


def test_a_long_name_widens_no_phone(tmp_path: Path, chromium: devtools.Chromium) -> None:
    build, name = tmp_path / "build", "w" * 80
    for model in (name, "v" * 80):
        tiny.write_bundle(build / model / name, model=model, recipe=name)
    made = live(build, build / "live")
    made.write()
    write_report(build, build / "report", train_command, made.card)
    page = opened(made.path, chromium.page(390, 844, touch=True))
    assert answers(page)["recipe"] == name
    assert page.value("document.documentElement.scrollWidth") <= 390
    page.open((build / "report" / "index.html").as_uri())
    page.until("document.querySelector('.live-card') !== null")
    assert page.value("document.documentElement.scrollWidth") <= 390


def test_every_recipe_can_be_chosen_and_is_timed(page: devtools.Page) -> None:
    shown = answers(page)
    assert shown["recipe"] == "int8"
    for recipe in shown["recipes"].values():
        assert set(recipe["microseconds"]) == {"encoder", "decoder"}
        assert all(0 < value < 1e4 for value in recipe["microseconds"].values())
    page.value("document.querySelectorAll('input[name=live-recipe]')[1].click()")
    assert answers(page)["recipe"] == "float32"
    name = page.value("document.querySelector('#live-recipe-name').textContent")
    assert name == "float32"


def test_the_page_paints_at_once_and_asks_for_nothing(
    page_file: Path, chromium: devtools.Chromium
) -> None:
    page = opened(page_file, chromium.page(1280, 900))
    page.drag("#live-pad", STROKE)
    answers(page)
    asked = {event["request"]["url"] for event in page.events("Network.requestWillBeSent")}
    assert {url for url in asked if not url.startswith("data:")} == {page_file.as_uri()}
    assert page.events("Log.entryAdded") == []
    refused = page.value("fetch('https://control.invalid').catch(error => error.name)")
    assert refused == "TypeError"
    assert "Content Security Policy" in str(page.events("Log.entryAdded"))


def test_an_accessibility_tree_has_names_for_all_that_can_be_used(page: devtools.Page) -> None:
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    used = {"button", "slider", "radio", "checkbox", "application", "image", "group", "RadioGroup"}
    found = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in nodes
        if not node["ignored"] and node["role"]["value"] in used
    ]
    assert [role for role, name in found if not name.strip()] == []
    roles = [role for role, _ in found]
    assert roles.count("slider") == tiny.CODE
    assert roles.count("application") == 1 and roles.count("radio") == 2


def test_the_module_imports_nothing(page_file: Path) -> None:
    text = page_file.read_text(encoding="utf-8")
    for packed in re.findall(r'id="module-\d+">([A-Za-z0-9+/=]+)<', text):
        module = gzip.decompress(base64.b64decode(packed))
        assert module[:4] == b"\0asm"
