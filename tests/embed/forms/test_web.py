"""The form `web`: the package's own test, its values beside Python's, and a page in Chromium."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import served_page
import tiny
import wasm_node
from c_cases import conv_2d, fully_connected
from edgeae_cli import edgeae_warm

from edgeae.codegen import compiler
from edgeae.codegen.wasm import build
from edgeae.embed.forms import web
from edgeae.embed.record import read
from edgeae.errors import RuntimeUnavailable
from edgeae.metrics.quantization import Affine, quantize

INT8 = ("int8", "int8", "int32")
_PAGE = """<iframe src="demo.html"></iframe><script>
const wait = () => {
  const page = frames[0].document;
  const verdict = page.querySelector("#verdict")?.textContent;
  const rows = page.querySelectorAll("tbody tr").length;
  if (verdict) fetch("/told", {method: "POST", body: `${verdict} ${rows} ${page.title}`});
  else setTimeout(wait, 50);
};
wait();
</script>"""


def embed(model: Path, out: Path, *arguments: str):
    words = ("embed", str(model), "--as", "web", "--out", str(out), *arguments)
    return edgeae_warm(*words, cwd=out.parent)


@pytest.fixture
def package(tiny_bundle, tmp_path):
    """Write the package of the tiny model, and return its folder."""

    def write(flavour: str = "int8", *arguments: str, **options) -> Path:
        done = embed(tiny_bundle(flavour, **options).root, tmp_path / "out", *arguments)
        assert done.returncode == 0, done.stderr
        return tmp_path / "out"

    return write


@pytest.fixture
def conv_file(tmp_path):
    path = tmp_path / "conv.tflite"
    path.write_bytes(conv_2d.random_case(np.random.default_rng(5), INT8, 8).content)
    return path


def node_test(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [wasm_node.node(), "--test", "test/golden.test.js"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def every_file(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_the_same_bundle_gives_the_same_bytes(tiny_bundle, tmp_path):
    bundle = tiny_bundle().root
    for out in ("out", "again"):
        assert embed(bundle, tmp_path / out).returncode == 0
    written = every_file(tmp_path / "out")
    assert written == every_file(tmp_path / "again")
    assert all(str(tmp_path).encode() not in content for content in written.values())
    table = json.loads(written["package.json"])
    assert (table["name"], table["version"], table["license"]) == ("tiny", "0.1.0", "UNLICENSED")
    assert set(table["files"]) < set(written) and "dependencies" not in table
    assert build.version() in written["module.js"].decode()


@pytest.mark.system
@pytest.mark.parametrize("kind", ["conv", "int16"])
def test_a_bare_file_gives_the_same_bytes_and_its_test_passes(kind, conv_file, tmp_path):
    file = conv_file
    if kind == "int16":
        file = tmp_path / "wide.tflite"
        rng = np.random.default_rng(6)
        cases = (fully_connected.random_case(rng, "int16", False) for _ in range(50))
        single = next(case for case in cases if case.inputs.shape[1] == 1)
        file.write_bytes(single.content)
    for out in ("out", "again"):
        done = embed(file, tmp_path / out)
        assert done.returncode == 0, done.stderr
    assert every_file(tmp_path / "out") == every_file(tmp_path / "again")
    done = node_test(tmp_path / "out")
    assert done.returncode == 0, done.stdout


@pytest.mark.system
def test_words_of_the_user_end_no_comment_and_are_no_markup(conv_file, tmp_path):
    file = tmp_path / "a <b> & * c.tflite"
    shutil.copyfile(conv_file, file)
    done = embed(file, tmp_path / "out", "--name", "odd", "--description", "*/ throw 1; `${x}`")
    assert done.returncode == 0, done.stderr
    assert node_test(tmp_path / "out").returncode == 0
    page = (tmp_path / "out" / "demo.html").read_text()
    assert "<b>" not in page and "&lt;b&gt; &amp;" in page


@pytest.mark.system
@pytest.mark.parametrize("flavour", ["int8", "float32"])
def test_node_runs_the_golden_vectors_and_a_wrong_one_fails(flavour, package):
    folder = package(flavour)
    assert node_test(folder).returncode == 0
    golden = (folder / "golden.js").read_text()
    outputs = re.findall(r'"outputs": "(.)', golden)
    assert len(outputs) == 3
    # the first byte of the encoder's outputs; of a float its last bits are no error
    place = golden.index('"outputs": "') + len('"outputs": "') + (0 if flavour == "int8" else 4)
    changed = "A" if golden[place] != "A" else "B"
    (folder / "golden.js").write_text(golden[:place] + changed + golden[place + 1 :])
    done = node_test(folder)
    assert done.returncode == 1 and "wrong values" in done.stdout


@pytest.mark.system
def test_verify_runs_the_package_and_npm_packs_it(package, tmp_path):
    folder = package()
    done = edgeae_warm("verify", str(folder), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if "as web" in line]
    npm = ", npm" if shutil.which("npm") else ""
    assert re.search(rf"its example \(node [\d.]+{npm}\): pass", line), line


@pytest.mark.system
def test_what_npm_says_is_part_of_the_proof(package, monkeypatch):
    assert shutil.which("npm"), "npm is missing: apt-get install npm"
    folder = package()
    record = read(folder / "edgeae" / "bundle")
    table = json.loads((folder / "package.json").read_text())
    table["files"].remove("runtime.js")
    (folder / "package.json").write_text(json.dumps(table))
    proof = web.prove(folder, record)
    assert (proof.verdict, proof.reasons) == ("fail", ("npm pack leaves out runtime.js",))
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "npm" else which(name))
    proof = web.prove(folder, record)
    assert (proof.verdict, proof.note[:20]) == ("pass", "npm is not installed")


def test_without_node_the_proof_names_the_command(package, monkeypatch):
    folder = package()
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(RuntimeUnavailable, match="no command node; apt install nodejs"):
        web.prove(folder, read(folder / "edgeae" / "bundle"))


def test_a_changed_module_is_a_mismatch_and_is_not_run(package, tmp_path):
    folder = package()
    text = (folder / "module.js").read_text()
    (folder / "module.js").write_text(text.replace("compiled by", "made by"))
    done = edgeae_warm("verify", str(folder), cwd=tmp_path)
    assert done.returncode == 4 and "module.js: differs" in done.stderr


def test_another_version_of_the_compiler_is_not_measured(package, tmp_path, monkeypatch):
    folder, recorded = package(), build.version()
    monkeypatch.setattr(build, "version", lambda: "ziglang 99.0.0")
    done = edgeae_warm("verify", str(folder), cwd=tmp_path)
    assert done.returncode == 3, done.stderr
    assert recorded in done.stderr and "ziglang 99.0.0" in done.stderr


def test_without_a_compiler_nothing_is_written(tiny_bundle, tmp_path, monkeypatch):
    monkeypatch.setattr(compiler, "zig", tuple)
    done = embed(tiny_bundle().root, tmp_path / "out")
    assert done.returncode == 3 and "pip install 'edgeae[c]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1 and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--target", "cortex-m4"), 2, "--target cortex-m4: --as web takes wasm32 or portable"),
        (("--name", "1st"), 2, "--name '1st'"),
        (("--max-flash", "100"), 1, "tiny_encoder: takes .* bytes of flash"),
    ],
)
def test_what_the_form_does_not_take_is_refused(arguments, code, message, tiny_bundle, tmp_path):
    done = embed(tiny_bundle().root, tmp_path / "out", *arguments)
    assert done.returncode == code and re.search(message, done.stderr), done.stderr
    assert not (tmp_path / "out").exists()


def test_a_name_that_javascript_has_is_refused(conv_file, tmp_path):
    done = embed(conv_file, tmp_path / "out", "--name", "promise")
    assert done.returncode == 2 and "--name 'promise': Promise has another meaning" in done.stderr


_VALUES = """
import * as model from "./index.js";
const encoder = await model.TinyEncoder.load();
const decoder = await model.TinyDecoder.load({ simd: false });
const whole = await model.TinyAutoencoder.load();
const pixels = Uint8Array.from(PIXELS);
const reals = Float32Array.from(pixels, (value) => value / 255 + 0.0013);
const code = encoder.encode(pixels, { raw: true });
console.log(JSON.stringify({
  code: [...code],
  codes: [...encoder.encode(pixels)],
  clamped: [...encoder.encode(Uint8ClampedArray.from(pixels), { raw: true })],
  quantized: [...encoder.quantize(reals)],
  odd: [...encoder.quantize([NaN, Infinity, -Infinity, ...reals.slice(3)])].slice(0, 3),
  decoded: [...decoder.decode(code)],
  reconstructed: [...whole.reconstruct(pixels)],
  scores: [decoder.score(code, pixels), whole.score(pixels)],
}));
"""


@pytest.mark.system
@pytest.mark.parametrize(("flavour", "io"), [("int8", None), ("int8", "uint8"), ("float32", None)])
def test_the_values_at_the_edges_are_those_of_edgeae(flavour, io, package, tmp_path):
    """`tiny` has the reference kernels' answers; quantization is that of `edgeae.metrics`."""
    folder = package(flavour, **({} if io is None else {"io": io}))
    image = tiny.images(3)[1].reshape(-1)
    found = wasm_node.script(folder, _VALUES.replace("PIXELS", json.dumps(image.tolist())))
    reals = (image.astype(np.float32) / np.float32(255) + np.float32(0.0013)).astype(np.float32)
    artifacts = tiny_answers(flavour, io, image)
    assert found["code"] == pytest.approx(artifacts["code"].tolist(), rel=1e-5, abs=1e-6)
    assert found["codes"] == pytest.approx(artifacts["codes"].tolist(), rel=1e-5, abs=1e-6)
    assert found["clamped"] == found["code"]
    assert found["reconstructed"] == pytest.approx(artifacts["real"].tolist(), rel=1e-5, abs=1e-5)
    errors = artifacts["stored"].astype(np.float64) - artifacts["image"]
    assert found["scores"][1] == pytest.approx((errors**2).sum(), rel=1e-4)
    if flavour == "int8":
        affine = artifacts["affine"]
        assert found["quantized"] == quantize(reals, affine).tolist()
        low, high = affine.limits
        assert found["odd"] == [low, high, low]
        assert found["decoded"] == found["reconstructed"]
        assert found["scores"][0] == found["scores"][1]


def tiny_answers(flavour: str, io: str | None, image: np.ndarray) -> dict:
    """What LiteRT's reference kernels answer to one image, (16,) uint8, and the real values."""
    programs = {part: tiny.program(part, flavour) for part in ("encoder", "autoencoder")}
    spec = {part: item.artifact for part, item in programs.items()}
    source = spec["encoder"].input
    given = tiny._stored(image[None].astype(np.float32) / np.float32(255), source)
    reference = tiny.RESOLVERS["litert-reference"]
    code = tiny.run(programs["encoder"].content, given, reference).reshape(-1)
    stored = tiny.run(programs["autoencoder"].content, given, reference).reshape(-1)
    moved = 128 if io == "uint8" else 0  # uint8 edges: the same integers, 128 higher
    answers = {
        "codes": tiny._real(code, spec["encoder"].output),
        "real": tiny._real(stored, spec["autoencoder"].output),
        "image": given.reshape(-1),
        "stored": stored,
        "code": code.astype(np.int64) + moved if flavour == "int8" else code,
    }
    if flavour == "int8":
        answers["affine"] = Affine(source.scale, source.zero_point + moved, io or "int8")
    return answers


@pytest.mark.system
def test_a_wrong_number_of_values_is_an_error(package):
    folder = package()
    text = """
import { TinyEncoder } from "./index.js";
const encoder = await TinyEncoder.load();
const said = [];
for (const call of [() => encoder.encode([1, 2]), () => encoder.run(new Int8Array(17))]) {
  try { call(); } catch (error) { said.push(`${error.name}: ${error.message}`); }
}
console.log(JSON.stringify(said));
"""
    two, seventeen = wasm_node.script(folder, text)
    assert two == "RangeError: the input has 2 values; allowed are 16"
    assert seventeen == "RangeError: the input has 17 values; allowed are 16"


@pytest.mark.system
def test_a_page_in_chromium_runs_the_golden_vectors(package):
    folder = package()
    (folder / "frame.html").write_text(_PAGE)
    assert served_page.told(folder, "frame.html") == "PASS 6 tiny/int8"
    golden = (folder / "golden.js").read_text()
    place = golden.index('"outputs": "') + len('"outputs": "')
    changed = "A" if golden[place] != "A" else "B"
    (folder / "golden.js").write_text(golden[:place] + changed + golden[place + 1 :])
    assert served_page.told(folder, "frame.html") == "FAIL 6 tiny/int8"
