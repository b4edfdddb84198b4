"""Measures WebAssembly beside native C and other engines; `make bench-web` trains the model first.

    python bench/web.py BUNDLE PAGE.md FOLDER

BUNDLE is `deep` under `int8`. Its package is written below FOLDER, and npm installs onnxruntime-web
and LiteRT.js beside it. First the package must give the bits of LiteRT's reference kernels on the
10,000 test images of MNIST, in Node. Then each engine runs in rounds, one after the other in each:
native C, Node, and Chromium, each page with a new profile. Of the rounds the median counts.
"""

import ctypes
import gzip
import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from web_browser import chromium, told

from edgeae.artifacts.verified_artifact import VerifiedArtifact, open_program
from edgeae.codegen import compiler
from edgeae.codegen.wasm import build
from edgeae.codegen.wasm.sections import CODE, section_bytes
from edgeae.data.find import load as load_dataset
from edgeae.embed.c_sources import CSources, c_sources
from edgeae.embed.form import Options
from edgeae.embed.record import Record
from edgeae.embed.record import read as read_record
from edgeae.embed.write import embed
from edgeae.errors import BadInput, EdgeaeError, NotMeasured, OutOfTolerance, RuntimeUnavailable
from edgeae.formats.tflite.cut import with_edges
from edgeae.formats.tflite.graph import write
from edgeae.runtimes import load
from edgeae.runtimes.inference import prepare, run_all
from edgeae.system.machine import describe, machine_line

#: What npm installs into FOLDER.
PACKAGES = {"onnxruntime-web": "1.30.0", "@litertjs/core": "2.5.3"}
FLAGS = ("-std=c99", "-O3", "-march=native", "-ffp-contract=off")
PARTS = ("encoder", "decoder")
#: Rounds, in each of them blocks of calls; the shortest block of a round counts.
ROUNDS, BLOCKS, CALLS = 5, 5, 1000
#: Place → the engines that run there.
PLACES = {
    "Node": ("edgeae", "edgeae, plain", "onnxruntime-web"),
    "Chromium": ("edgeae", "edgeae, plain", "onnxruntime-web", "LiteRT.js"),
}
#: Engine → the files that a page fetches for it; the model is added.
_RUNTIMES = {
    "onnxruntime-web": (
        "onnxruntime-web/dist/ort.wasm.min.mjs",
        "onnxruntime-web/dist/ort-wasm-simd-threaded.mjs",
        "onnxruntime-web/dist/ort-wasm-simd-threaded.wasm",
    ),
    "LiteRT.js": (
        "@litertjs/core/dist/index.js",
        "@litertjs/wasm-utils/dist/index.js",
        "@litertjs/core/wasm/litert_wasm_internal.js",
        "@litertjs/core/wasm/litert_wasm_internal.wasm",
    ),
}
_OWN = ("index.js", "runtime.js", "module.js")
_PAGE = Path(__file__).parent / "web_page"
_TIMEOUT_S = 300.0


@dataclass
class Row:
    """What an engine took for a part at a place.

    Attributes:
        engine, place, part: what ran where.
        call_us: microseconds a call, one figure a round.
        start_ms: milliseconds until the first answer, one a round; empty for native C.
        far: how many steps the answers are at most from the reference kernels'.
        error: why there are no figures; empty if there are.
    """

    engine: str
    place: str
    part: str
    call_us: list[float] = field(default_factory=list)
    start_ms: list[float] = field(default_factory=list)
    far: int = 0
    error: str = ""


@dataclass(frozen=True)
class Sizes:
    """Bytes that a page fetches for both parts: as they are, and as a server's gzip sends them."""

    engine: str
    plain: int
    packed: int


def main() -> None:
    """Measure, and write the page.

    Raises:
        EdgeaeError: a tool is missing, or an answer of the package is wrong.
    """
    bundle, out, folder = (Path(item).absolute() for item in sys.argv[1:])
    record = read_record(bundle)
    programs = {part: open_program(bundle, part, "tflite") for part in PARTS}
    _prepare(bundle, record, folder)
    checked = _checked(programs, folder)
    inputs = {
        part: item.inputs[0].reshape(-1) for part, item in zip(PARTS, record.parts, strict=False)
    }
    rows = _measured(record, programs, inputs, folder)
    machine = machine_line(describe())
    text = page(rows, _sizes(folder), _code(record), checked, _versions(), machine)
    out.write_text(text, encoding="utf-8")


def _prepare(bundle: Path, record: Record, folder: Path) -> None:
    """Write the package, the pages and the models of the others, and install the others."""
    if shutil.which("npm") is None:
        raise RuntimeUnavailable("no command npm", "apt install nodejs npm")
    folder.mkdir(parents=True, exist_ok=True)
    embed(bundle, "web", folder / "package")
    for path in _PAGE.iterdir():
        shutil.copyfile(path, folder / path.name)
    for item in record.parts[: len(PARTS)]:
        shutil.copyfile(bundle / f"{item.part}.onnx", folder / f"{item.part}.onnx")
        (folder / f"{item.part}.tflite").write_bytes(write(with_edges(item.graph, "float32")))
    table = {"private": True, "type": "module", "dependencies": PACKAGES}
    (folder / "package.json").write_text(json.dumps(table), encoding="utf-8")
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise NotMeasured(f"npm install: {done.stderr.strip().splitlines()[-1]}")


def _checked(programs: Mapping[str, VerifiedArtifact], folder: Path) -> int:
    """Compare the package with the reference kernels on all test images; return their number."""
    dataset = load_dataset("mnist", download=False)
    images = dataset.normalization.real(dataset.test).astype(np.float32)
    given = prepare(programs["encoder"].artifact, images)
    for part in PARTS:
        expected = _reference(programs[part], given)
        for simd in (True, False):
            found = _in_node(part, simd, given, folder).reshape(expected.shape)
            if wrong := int((found != expected).sum()):
                raise OutOfTolerance(f"{part}, SIMD128 {simd}: {wrong:,} values are wrong")
        given = expected
    return len(images)


def _reference(program: VerifiedArtifact, inputs: NDArray[Any]) -> NDArray[Any]:
    return run_all(load("litert-reference").open(program, threads=1), program.artifact, inputs)


def _in_node(part: str, simd: bool, inputs: NDArray[Any], folder: Path) -> NDArray[np.int8]:
    inputs.tofile(folder / "inputs.bin")
    job = {"type": _type(part), "simd": simd, "inputs": "inputs.bin", "size": inputs[0].size}
    return np.frombuffer(_node(job, folder), np.int8)


def _node(job: Mapping[str, Any], folder: Path) -> bytes:
    done = subprocess.run(
        ["node", "node.js"],
        input=json.dumps(job).encode(),
        cwd=folder,
        capture_output=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        raise NotMeasured(f"node: {done.stderr.decode().strip().splitlines()[-1]}")
    return done.stdout


def _type(part: str) -> str:
    return f"Deep{part.capitalize()}"


def _measured(
    record: Record,
    programs: Mapping[str, VerifiedArtifact],
    inputs: Mapping[str, NDArray[Any]],
    folder: Path,
) -> list[Row]:
    """Run all engines, one after the other in each round."""
    native = _Native(record, folder)
    rows = {
        (place, engine, part): Row(engine, place, part)
        for part in PARTS
        for place, engines in ({"native": ("C, -O3",)} | PLACES).items()
        for engine in engines
    }
    for number in range(ROUNDS):
        for (place, _, part), row in rows.items():
            sys.stderr.write(f"round {number + 1}/{ROUNDS}: {row.engine}, {place}, {part}\n")
            if place == "native":
                row.call_us.append(native.microseconds(part, inputs[part]))
            elif not row.error:
                _once(row, programs[part], inputs[part], folder)
    return list(rows.values())


def _once(row: Row, program: VerifiedArtifact, given: NDArray[Any], folder: Path) -> None:
    """Measure an engine in a new process, and add what it took to its row."""
    artifact = program.artifact
    source, target = artifact.input.affine, artifact.output.affine
    if source is None or target is None:
        raise BadInput(f"{program.path}: not of int8")
    job = {
        "engine": row.engine,
        "type": _type(row.part),
        "onnx": f"{row.part}.onnx",
        "tflite": f"{row.part}.tflite",
        "shape": [1, given.size],
        "input": given.tolist(),
        "source": {"scale": source.scale, "zeroPoint": source.zero_point},
        "target": {"scale": target.scale, "zeroPoint": target.zero_point},
        "calls": CALLS,
        "blocks": BLOCKS,
    }
    if row.place == "Node":
        found = json.loads(_node(job, folder))
    else:
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        found = json.loads(told(folder, "index.html", _TIMEOUT_S))
    if "error" in found:
        row.error = found["error"]
        return
    expected = _reference(program, given.reshape(1, *artifact.input.values)).reshape(-1)
    row.call_us.append(min(found["call_us"]))
    row.start_ms.append(found["start_ms"])
    row.far = int(np.abs(np.array(found["output"], np.int64) - expected).max())


class _Native:
    """The portable C of a record, compiled as `c-host` does it and called in a loop of C."""

    def __init__(self, record: Record, folder: Path) -> None:
        made = c_sources(record, Options())
        place = folder / "native"
        place.mkdir(exist_ok=True)
        for name, text in made.texts.items():
            (place / name).write_text(text, encoding="utf-8")
        (place / "many.c").write_text("\n".join(_loops(made)), encoding="utf-8")
        units = [place / name for name in (*made.units, "many.c")]
        self._library = ctypes.CDLL(str(compiler.shared_library(units, place / "many.so", FLAGS)))

    def microseconds(self, part: str, given: NDArray[Any]) -> float:
        """Return the shortest block's microseconds a call."""
        arrays = (np.zeros(1 << 16, np.uint8), given.copy(), np.zeros(1 << 16, np.int8))
        pointers = [ctypes.c_void_p(item.ctypes.data) for item in arrays]
        taken = []
        for _ in range(BLOCKS + 1):
            start = time.perf_counter()
            getattr(self._library, f"many_{part}")(*pointers, CALLS)
            taken.append((time.perf_counter() - start) / CALLS * 1e6)
        return min(taken[1:])


def _loops(made: CSources) -> Iterator[str]:
    for part in made.parts:
        yield f'#include "{part.name}.h"'
        name = part.name.rsplit("_", 1)[1]
        yield f"void many_{name}(void *arena, const int8_t *input, int8_t *output, int calls);"
        yield f"void many_{name}(void *arena, const int8_t *input, int8_t *output, int calls) {{"
        yield f"  while (calls-- > 0) {part.name}_run(arena, input, output);\n}}"


def _sizes(folder: Path) -> list[Sizes]:
    models = {"onnxruntime-web": "onnx", "LiteRT.js": "tflite"}
    own = [folder / "package" / name for name in _OWN]
    others = {
        engine: [folder / "node_modules" / name for name in names]
        + [folder / f"{part}.{models[engine]}" for part in PARTS]
        for engine, names in _RUNTIMES.items()
    }
    return [
        Sizes(
            engine,
            sum(path.stat().st_size for path in paths),
            sum(len(gzip.compress(path.read_bytes(), 9)) for path in paths),
        )
        for engine, paths in {"edgeae": own, **others}.items()
    ]


def _code(record: Record) -> dict[str, int]:
    """Return the bytes of encoder and decoder: their weights, and their code in both builds."""
    made = c_sources(record, Options("wasm32"))
    parts = made.parts[: len(PARTS)]
    code = {
        name: section_bytes(build.module(made.texts, parts, simd=name == "simd"))[CODE]
        for name in ("simd", "plain")
    }
    return {"weights": sum(part.program.constant_bytes for part in parts), **code}


def _versions() -> str:
    node = _said(["node", "--version"]).removeprefix("v")
    browser = _said([chromium(), "--version", "--no-sandbox"]).split(" built")[0]
    packages = [f"{name} {version}" for name, version in PACKAGES.items()]
    return ", ".join([compiler.version(), build.version(), f"Node {node}", browser, *packages])


def _said(command: Sequence[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def page(
    rows: Sequence[Row],
    sizes: Sequence[Sizes],
    code: Mapping[str, int],
    checked: int,
    versions: str,
    machine: str,
) -> str:
    """Return the page."""
    native = {row.part: statistics.median(row.call_us) for row in rows if row.place == "native"}
    return _TEXT.format(
        checked=checked,
        rounds=ROUNDS,
        calls=CALLS,
        versions=versions,
        machine=machine,
        **code,
        sizes="\n".join(f"| {item.engine} | {item.plain:,} | {item.packed:,} |" for item in sizes),
        calls_table="\n".join(_line(row, native[row.part]) for row in rows),
    )


def _line(row: Row, native: float) -> str:
    cells = [row.part, row.engine, row.place]
    if row.error:
        return f"| {' | '.join([*cells, row.error.replace('|', '/')[:120], '', '', ''])} |"
    call = statistics.median(row.call_us)
    start = f"{statistics.median(row.start_ms):,.0f}" if row.start_ms else "–"
    return (
        f"| {' | '.join([*cells, f'{call:,.1f}', f'{call / native:.2f}', start, str(row.far)])} |"
    )


_TEXT = """\
<!-- Generated by `make bench-web`: run it again, do not edit this page. -->

# WebAssembly, measured

The npm package of [`edgeae embed --as web`](guides/web.md) for `deep` under `int8`, trained on
MNIST, beside native C and two other engines of browsers, on one machine. `make bench-web` trains
the model, measures and writes this page.

In Node, encoder and decoder of the package give the bits of LiteRT's reference kernels on all
{checked:,} test images, with SIMD128 and without.

{versions}; {machine}.

## Download

What a page fetches for encoder and decoder, in bytes. In the package, the weights of both are
{weights:,} bytes; their code is {simd:,} bytes with SIMD128 and {plain:,} bytes without.

| engine | bytes | with gzip |
| :-- | --: | --: |
{sizes}

## Calls

* **µs a call**: from an array of integers to an array of integers, through the engine's own
  interface, one call after the other on one thread. The median of {rounds} rounds; a round is a new
  process (for Chromium a new profile) and counts its shortest block of {calls:,} calls. Native C is
  the portable C, compiled as the runtime `c-host` does it, in a loop of C.
* **of native**: that time divided by native C's, in the same rounds.
* **start**: milliseconds from the first import to the first answer. In Chromium the files come from
  a server on the same machine: the download over a real network comes on top.
* **LSB**: how far the answers to one image are at most from the reference kernels', in steps.

LiteRT.js runs in browsers only, and its tensors hold float32, int32 and uint8: its files have
float32 at their edges, and the time has the conversion. Both others compute on the CPU, in
WebAssembly.

| part | engine | where | µs a call | of native | start | LSB |
| :-- | :-- | :-- | --: | --: | --: | --: |
{calls_table}
"""


if __name__ == "__main__":
    try:
        main()
    except EdgeaeError as error:
        sys.stderr.write(f"bench-web: {error}\n")
        sys.exit(error.code)
