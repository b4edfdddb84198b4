"""The live page as it is rendered, with a stand-in for the compiler and without a browser."""

import base64
import gzip
import html.parser
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import tampering
import tiny

from edgeae.artifacts.bundle import Bundle
from edgeae.cli.report import report as command
from edgeae.codegen.wasm import build as wasm
from edgeae.errors import BadInput, ManifestMismatch, NotMeasured, RuntimeUnavailable
from edgeae.families.command import train_command
from edgeae.live import choose as choosing
from edgeae.live.choose import choose
from edgeae.live.write import Live, live, script_json
from edgeae.report.write import bundles_in
from edgeae.report.write import write as write_report

Build = Callable[..., Bundle]


class Compiler:
    """Stands in for the compiler: a module is the names of its parts and what it was made of."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, ...]] = []
        self.refused: set[str] = set()
        self.version_text = "fake 1"
        self.place = ""

    def version(self) -> str:
        return self.version_text

    def module(self, texts: Mapping[str, str], parts: Sequence, *, simd: bool) -> bytes:
        assert simd
        assert not any("golden" in name for name in texts)
        self.calls.append(tuple(part.name for part in parts))
        head = texts[f"{parts[0].name}.h"]
        for name in self.refused:
            if name in head:
                raise NotMeasured(f"{self.place}/the compiler failed.")
        return f"\0asm {self.version_text} {self.calls[-1]} {head}".encode()


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch) -> Compiler:
    fake = Compiler()
    monkeypatch.setattr(wasm, "version", fake.version)
    monkeypatch.setattr(wasm, "module", fake.module)
    return fake


@pytest.fixture
def build(tmp_path: Path) -> Path:
    return tmp_path / "build"


class Reader(html.parser.HTMLParser):
    """What a browser would make of the page: tags with attributes, and the texts of scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: dict[str | None, str] = {}
        self.words = ""
        self._script: str | None = None
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open = tag
        if tag == "script":
            self._script = dict(attrs).get("id") or "code"

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open == "script":
            self.scripts[self._script] = self.scripts.get(self._script, "") + data
        elif self._open != "style":
            self.words += data

    @property
    def said(self) -> str:
        return re.sub(r"\s+", " ", self.words)

    @property
    def models(self) -> list[dict]:
        return json.loads(self.scripts["live-models"])

    def module(self, number: int) -> str:
        return gzip.decompress(base64.b64decode(self.scripts[f"module-{number}"])).decode()


def made(build: Path) -> tuple[Live, Reader]:
    page = live(build, build / "live")
    return page, Reader(page.text)


def test_the_page_has_the_models_with_their_modules(
    build: Path, tiny_bundle: Build, compiler: Compiler
) -> None:
    for model, flavour in (("b", "float32"), ("b", "int8"), ("a", "int8")):
        tiny_bundle(flavour, model=model)
    page, read = made(build)
    assert [model["name"] for model in read.models] == ["a", "b"]
    assert [[item["name"] for item in model["recipes"]] for model in read.models] == [
        ["int8"],
        ["int8", "float32"],
    ]
    assert len(compiler.calls) == 3
    assert set(compiler.calls) == {("model_encoder", "model_decoder")}
    for model in read.models:
        for recipe in model["recipes"]:
            content = read.module(recipe["module"])
            assert recipe["bytes"] == len(content.encode())
            kind = "int8_t" if recipe["name"] == "int8" else "float"
            assert f"const {kind} *input" in content
    assert not (build / "live" / "index.html").exists()
    page.write()
    assert (build / "live" / "index.html").read_text() == page.text


def test_levels_scales_and_examples_are_those_of_the_bundle(
    build: Path, tiny_bundle: Build, compiler: Compiler
) -> None:
    bundle = tiny_bundle()
    (model,) = made(build)[1].models
    assert (model["height"], model["width"], model["channels"]) == (4, 4, 1)
    scale = bundle.manifest.normalization["scale"]
    levels = np.arange(256, dtype=np.uint8).astype(np.float32) * np.float32(scale)
    assert np.array_equal(np.float32(model["levels"]), levels)
    examples = np.frombuffer(base64.b64decode(model["samples"]), np.uint8).reshape(-1, 4, 4)
    assert np.array_equal(examples, tiny.images()[:10])  # the very bytes of the dataset
    (recipe,) = model["recipes"]
    step, zero = tiny.QUANTIZED["image"]
    wanted = [min(max(round(float(level) / step) + zero, -128), 127) for level in levels]
    assert recipe["levels"] == wanted
    step, zero = tiny.QUANTIZED["code"]
    expected = {"type": "int8", "size": tiny.CODE, "scale": step, "zero": zero}
    assert recipe["parts"]["encoder"]["output"] == recipe["parts"]["decoder"]["input"] == expected
    code = bundle.manifest.code
    assert code and recipe["code"] == {"min": code.min, "max": code.max}


def test_rows_that_are_no_pictures_are_examples_as_the_recipe_takes_them(
    build: Path, tiny_bundle: Build, compiler: Compiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tiny_bundle()
    monkeypatch.setattr("edgeae.live.facts.picture", lambda shape: None)
    _, read = made(build)
    (model,) = read.models
    assert not model["picture"] and "levels" not in model
    (recipe,) = model["recipes"]
    rows = np.frombuffer(base64.b64decode(recipe["rows"]), np.int8).reshape(-1, 16)
    step, zero = tiny.QUANTIZED["image"]
    images = bundle.golden("image")[:10].reshape(-1, 16)
    assert np.array_equal(rows, np.clip(np.round(images / step) + zero, -128, 127))
    shown = np.frombuffer(base64.b64decode(model["samples"]), np.float32).reshape(-1, 16)
    assert np.array_equal(shown, images)
    assert "Move the code" in read.said


@pytest.mark.parametrize("part", ["encoder", "autoencoder"])
def test_a_half_is_shown_as_far_as_it_goes(
    build: Path, tiny_bundle: Build, compiler: Compiler, part: str
) -> None:
    bundle = tiny_bundle()
    table = json.loads((bundle.root / "manifest.json").read_text())
    table["artifacts"] = [item for item in table["artifacts"] if item["part"] == part]
    tampering.rewrite(bundle.root, table)
    page, read = made(build)
    (recipe,) = read.models[0]["recipes"]
    assert list(recipe["parts"]) == [part] and compiler.calls == [(f"model_{part}",)]
    assert len(recipe["levels"]) == 256
    assert page.card.picture is None
    # a decoder takes no image
    table["artifacts"] = [{**table["artifacts"][0], "part": "decoder"}]
    tampering.rewrite(bundle.root, table)
    assert "tiny/int8 it has no .tflite file that takes images" in made(build)[1].said


def test_the_page_asks_for_nothing(build: Path, tiny_bundle: Build, compiler: Compiler) -> None:
    tiny_bundle()
    text = made(build)[0].text
    read = Reader(text)
    assert not re.search(r"url\(|@import|https?:|fetch\(|XMLHttpRequest|WebSocket|import\(", text)
    for tag, attributes in read.tags:
        assert tag not in ("iframe", "object", "embed", "base", "form")
        for name in ("src", "href", "srcset", "action", "poster", "data"):
            address = attributes.get(name)
            assert address is None or address.startswith("data:"), (tag, address)
    (policy,) = [a["content"] for tag, a in read.tags if a.get("http-equiv")]
    assert policy == (
        "default-src 'none'; script-src 'unsafe-inline' 'wasm-unsafe-eval'; "
        "style-src 'unsafe-inline'; img-src data:"
    )


def test_labels_and_descriptions_lead_somewhere(
    build: Path, tiny_bundle: Build, compiler: Compiler
) -> None:
    tiny_bundle()
    read = made(build)[1]
    known = [attributes["id"] for _, attributes in read.tags if attributes.get("id")]
    assert len(known) == len(set(known))
    for tag, attributes in read.tags:
        for key in ("aria-labelledby", "aria-describedby"):
            assert set((attributes.get(key) or "").split()) <= set(known), (tag, attributes)
        if attributes.get("role") in ("group", "application", "img"):
            assert attributes.get("aria-label") or attributes.get("aria-labelledby"), attributes
    asked = set(re.findall(r"\$\(\"([a-z-]+)\"\)", read.scripts["code"]))
    assert {f"live-{name}" for name in asked} <= set(known)


def test_a_name_written_by_somebody_else_ends_no_element(
    build: Path, tiny_bundle: Build, compiler: Compiler
) -> None:
    name = "<script>x<!--"
    tiny_bundle(model=name, recipe="<b>")
    read = made(build)[1]
    assert [model["name"] for model in read.models] == [name]
    assert len([tag for tag, _ in read.tags if tag == "script"]) == 3  # facts, module, code
    assert "<" not in script_json({"</script>": "<!--"})


def test_the_same_build_gives_the_same_page(
    build: Path, tiny_bundle: Build, compiler: Compiler
) -> None:
    tiny_bundle()
    assert made(build)[0].text == live(build, build / "elsewhere").text


def test_a_module_is_compiled_once(build: Path, tiny_bundle: Build, compiler: Compiler) -> None:
    tiny_bundle()
    first = made(build)[0].text
    assert made(build)[0].text == first and len(compiler.calls) == 1
    (kept,) = (build / "live" / ".modules").iterdir()
    kept.write_bytes(kept.read_bytes()[:-1] + b"?")  # a damaged one is compiled again
    assert made(build)[0].text == first and len(compiler.calls) == 2
    compiler.version_text = "fake 2"
    assert "fake 2" in made(build)[1].module(0) and len(compiler.calls) == 3
    assert len(list((build / "live" / ".modules").iterdir())) == 1  # the old one is deleted


def test_what_c_does_not_take_is_named(build: Path, tiny_bundle: Build, compiler: Compiler) -> None:
    for flavour in ("int8", "float32"):
        tiny_bundle(flavour)
    compiler.refused, compiler.place = {"recipe float32"}, str(build / "tiny" / "float32")
    _, read = made(build)
    assert [item["name"] for item in read.models[0]["recipes"]] == ["int8"]
    assert "tiny/float32 C does not take it: the compiler failed." in read.said
    assert str(build) not in read.said
    compiler.refused, compiler.version_text = {"recipe"}, "fake 2"
    _, read = made(build)
    assert "C takes none of the exports" in read.said and "Left out: 2" in read.said
    assert not read.scripts


def test_bounds_leave_out_the_largest_and_say_so(
    build: Path, tiny_bundle: Build, compiler: Compiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    for model in ("a", "b"):
        for flavour in ("int8", "float32"):
            tiny_bundle(flavour, model=model)
        tiny_bundle("int8", model=model, recipe="again")
    monkeypatch.setattr(choosing, "MODULES", 3)
    choice = choose(bundles_in(build))
    # each model's int8 before the second of any
    assert [bundle.name for bundle in choice.bundles] == ["a/int8", "a/again", "b/int8"]
    assert [item.name for item in choice.left_out] == ["a/float32", "b/again", "b/float32"]
    assert "the page has 3 modules" in made(build)[1].said
    small = sum(
        bundle.artifact(part).gzip_bytes * 4 // 3 + 1
        for bundle in choice.bundles[:1]
        for part in ("encoder", "decoder")
    )
    monkeypatch.setattr(choosing, "PAGE_BYTES", 2 * small)
    choice = choose(bundles_in(build))
    assert [bundle.name for bundle in choice.bundles] == ["a/int8", "b/int8"]
    assert {item.reason for item in choice.left_out} == {"with it, the page would exceed 0 MB."}


def test_a_bundle_of_another_dataset_gets_no_input_that_is_not_its_own(
    build: Path, tiny_bundle: Build, compiler: Compiler
) -> None:
    tiny_bundle("float32")
    other = tiny_bundle("int8")
    table = json.loads((other.root / "manifest.json").read_text())
    table["dataset"]["sha256"] = "1" * 64
    tampering.rewrite(other.root, table)
    _, read = made(build)
    assert [item["name"] for item in read.models[0]["recipes"]] == ["float32"]
    assert "tiny/int8 it is of another dataset than tiny/float32; export it again." in read.said


def test_without_a_compiler_page_and_report_say_so(
    build: Path, tiny_bundle: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_bundle()

    def missing() -> str:
        raise RuntimeUnavailable("no compiler for WebAssembly", "pip install 'edgeae[c]'")

    monkeypatch.setattr(wasm, "version", missing)
    page, read = made(build)
    assert "no compiler for WebAssembly" in read.said and "pip install 'edgeae[c]'" in read.said
    assert "script" not in [tag for tag, _ in read.tags]
    report = reported(build, page)
    assert "no compiler for WebAssembly: pip install 'edgeae[c]', then edgeae report" in report.said
    assert "live-card" not in [attributes.get("class") for _, attributes in report.tags]


def reported(build: Path, page: Live) -> Reader:
    write_report(build, build / "report", train_command, page.card)
    return Reader((build / "report" / "index.html").read_text())


def test_the_report_leads_to_the_page(build: Path, tiny_bundle: Build, compiler: Compiler) -> None:
    for flavour in ("int8", "float32"):
        tiny_bundle(flavour)
    page, _ = made(build)
    page.write()
    report = reported(build, page)
    (link,) = [a for _, a in report.tags if a.get("class") == "live-card"]
    assert (build / "report" / str(link["href"])).resolve() == page.path.resolve()
    assert "2 exports of 1 model" in report.said
    assert "script" not in [tag for tag, _ in report.tags]
    bars = [attributes for tag, attributes in report.tags if tag == "rect"]
    assert len(bars) == tiny.CODE
    assert ("a", {"href": "#live"}) in report.tags


@pytest.mark.parametrize("out", [None, "elsewhere"])
def test_the_command_writes_both_pages_beside_each_other(
    build: Path,
    tiny_bundle: Build,
    compiler: Compiler,
    capsys: pytest.CaptureFixture[str],
    out: str | None,
) -> None:
    tiny_bundle()
    place = build.parent / out if out else None
    command(out=place, build=str(build))
    folder = place or build / "report"
    assert capsys.readouterr().out == f"{folder / 'index.html'}\n"
    page = (place or build) / "live" / "index.html"
    assert page.read_text().endswith("</html>\n")
    (link,) = re.findall(r'class="live-card" href="([^"]+)"', (folder / "index.html").read_text())
    assert (folder / link).resolve() == page.resolve()
    # the pages are no bundles, and are found as none
    assert [bundle.name for bundle in bundles_in(build)] == ["tiny/int8"]


def test_a_build_without_exports_has_a_page_that_says_so(
    build: Path, compiler: Compiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    build.mkdir()
    with pytest.raises(NotMeasured):
        made(build)
    monkeypatch.setattr("edgeae.live.write.bundles_in", lambda build: [])
    _, read = made(build)
    assert "Nothing is exported yet. edgeae export" in read.said


@pytest.mark.parametrize("place", ["encoder.tflite", "golden/image.npy"])
def test_a_damaged_bundle_ends_the_command(
    build: Path, tiny_bundle: Build, compiler: Compiler, place: str
) -> None:
    path = tiny_bundle().root / place
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ManifestMismatch, match=path.name):
        made(build)
    assert not (build / "live").exists()


def test_a_folder_that_is_missing_is_refused(build: Path) -> None:
    with pytest.raises((BadInput, NotMeasured)):
        made(build)
