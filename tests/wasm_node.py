"""Runs a WebAssembly module of generated C in Node."""

import base64
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np

NODE = "node is missing: apt-get install nodejs"
_SCRIPT = """
const job = JSON.parse(require("fs").readFileSync(0));
const bytes = (text) => Uint8Array.from(Buffer.from(text, "base64"));
const module = new WebAssembly.Module(bytes(job.module));
const { exports } = new WebAssembly.Instance(module);
const memory = () => new Uint8Array(exports.memory.buffer);
const outputs = job.calls.map(({ name, input, size, call, expected }) => {
  memory().set(bytes(input), exports[`${name}_input`]());
  if (expected) memory().set(bytes(expected), exports[`${name}_output`]());
  const result = exports[`${name}_${call}`]();
  const start = exports[`${name}_output`]();
  const output = () => Buffer.from(memory().slice(start, start + size)).toString("base64");
  return call === "run" ? output() : result;
});
console.log(JSON.stringify({
  imports: WebAssembly.Module.imports(module),
  exports: WebAssembly.Module.exports(module).map((item) => item.name),
  pages: exports.memory.buffer.byteLength / 65536,
  outputs,
}));
"""


def node() -> str:
    """The command of Node, or a failure that says how it is installed."""
    found = shutil.which("node")
    assert found, NODE
    return found


def script(folder: Path, text: str):
    """The JSON that a module in a folder prints."""
    (folder / "script.mjs").write_text(text)
    done = subprocess.run(
        [node(), "script.mjs"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def call(name: str, values: np.ndarray, output: np.ndarray) -> dict:
    """A call of `NAME_run`; `output` has the shape and type of what it returns."""
    return {"name": name, "input": encoded(values), "size": output.nbytes, "call": "run"}


def scored(name: str, values: np.ndarray, expected: np.ndarray) -> dict:
    """A call of `NAME_score`."""
    given = {"name": name, "input": encoded(values), "size": 0, "call": "score"}
    return {**given, "expected": encoded(expected)}


def run(module: bytes, calls: list[dict]) -> dict:
    """Imports, exports and pages of a module, and the outputs of calls: base64, or scores."""
    job = json.dumps({"module": base64.b64encode(module).decode(), "calls": calls})
    done = subprocess.run(
        [node(), "-e", _SCRIPT], input=job, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def encoded(values: np.ndarray) -> str:
    """The bytes of an array, in base64."""
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


def decoded(text: str, like: np.ndarray) -> np.ndarray:
    """An array of the shape and type of another one."""
    return np.frombuffer(base64.b64decode(text), like.dtype).reshape(like.shape)
