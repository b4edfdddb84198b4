"""The form `web`: an npm package with the generated C as WebAssembly, for browsers and Node.

The WebAssembly stands in `module.js` as base64, not in files of its own: Node, browsers and every
bundler load that without a plug-in, a request or a server's media type. The build with SIMD128 and
the one without have the same data, the weights, which therefore stand there once.
"""

import base64
import html
import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from string import Template
from typing import Any

from edgeae import __version__
from edgeae.codegen import compiler
from edgeae.codegen.footprint import Footprint, known
from edgeae.codegen.literals import comment
from edgeae.codegen.part import Part
from edgeae.codegen.wasm import build
from edgeae.codegen.wasm.changes import changes
from edgeae.codegen.wasm.sections import CODE, section_bytes
from edgeae.embed.c_sources import CSources, c_sources
from edgeae.embed.form import Form, Options, Proof
from edgeae.embed.javascript import ScriptPart, script, script_parts
from edgeae.embed.proving import complaint, passed, tool
from edgeae.embed.record import Record
from edgeae.embed.templating import filled, verbatim
from edgeae.errors import BadInput

_TARGET = "wasm32"
#: The files that npm packs; tests and golden vectors, which are a user's rows, stay behind.
_PACKED = ("index.js", "index.d.ts", "runtime.js", "module.js")
_NODE = "apt install nodejs (18 or later)"


def form(record: Record, options: Options) -> Form:
    """Return the files, and what each part takes; see `FormModule`.

    Raises:
        RuntimeUnavailable: the compiler is missing.
    """
    if options.target not in ("portable", _TARGET):
        raise BadInput(f"--target {options.target}: --as web takes {_TARGET} or portable")
    made = c_sources(record, replace(options, target=_TARGET), "WebAssembly")
    parts = script_parts(record, made.parts)
    words = {
        "title": _inside(record.title),
        "page": html.escape(record.title),
        "description": _inside(record.description),
        "package": _package_name(record),
        "first": parts[0].name,
        "method": parts[0].method,
        "classes": "\n".join(_class(item) for item in parts),
        "types": "\n".join(_types(item) for item in parts),
        "vectors": script({item.spec["name"]: _vectors(item) for item in parts}),
    }
    names = ("index.js", "index.d.ts", "golden.js", "demo.html", "README.md")
    texts = {
        "package.json": json.dumps(_manifest(record), indent=2, ensure_ascii=False) + "\n",
        **{name: filled(f"web/{name}", words) for name in names},
        "runtime.js": verbatim("web/runtime.js"),
        "test/golden.test.js": verbatim("web/golden.test.js"),
        "module.js": _module(record, made),
    }
    return Form(texts, _footprints(made), build.version())


def prove(folder: Path, record: Record) -> Proof:
    """Run the package's test in Node, and pack it if npm is there; see `FormModule`."""
    node = tool("node", _NODE)
    version = compiler.run([node, "--version"], "Node's version").strip().removeprefix("v")
    tools = f"node {version}"
    command = [node, "--test", "--test-reporter=spec", "test/golden.test.js"]
    proof = passed(command, folder, tools)
    npm = shutil.which("npm")
    if npm is None:
        return replace(proof, note="npm is not installed: the package was not packed")
    if proof.verdict != "pass":
        return proof
    return _packed(npm, folder, tools)


def _packed(npm: str, folder: Path, tools: str) -> Proof:
    """Return whether npm packs the folder; nothing is written, and no network is used."""
    done = subprocess.run(
        [npm, "pack", "--dry-run", "--json", "--ignore-scripts", "--offline"],
        cwd=folder,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        env={**os.environ, "npm_config_cache": str(folder / "node_modules" / ".cache")},
    )
    tools = f"{tools}, npm"
    if done.returncode:
        return Proof(tools, "fail", (complaint(done),))
    found = {item["path"] for item in json.loads(done.stdout)[0]["files"]}
    missing = {*_PACKED, "package.json", "README.md"} - found
    reasons = (f"npm pack leaves out {', '.join(sorted(missing))}",) if missing else ()
    return Proof(tools, "fail" if missing else "pass", reasons)


def _package_name(record: Record) -> str:
    """Return the name as npm allows it: small letters, digits and hyphens."""
    return record.name.lower().replace("_", "-")


def _manifest(record: Record) -> dict[str, Any]:
    package = record.package
    named = {"author": package.author, "homepage": package.url}
    return {
        "name": _package_name(record),
        "version": package.version,
        "description": record.description,
        # npm's word for: no licence is given
        "license": package.license or "UNLICENSED",
        **{key: value for key, value in named.items() if value},
        "type": "module",
        "main": "./index.js",
        "types": "./index.d.ts",
        "exports": {".": {"types": "./index.d.ts", "default": "./index.js"}},
        "files": list(_PACKED),
        "sideEffects": False,
        "engines": {"node": ">=18"},
        "scripts": {"test": "node --test test/golden.test.js"},
    }


def _module(record: Record, made: CSources) -> str:
    """Return module.js: the build without SIMD128, and what turns it into the one with it."""
    plain, simd = (build.module(made.texts, made.parts, simd=item) for item in (False, True))
    pieces = [
        list(item) if isinstance(item, tuple) else _base64(item) for item in changes(plain, simd)
    ]
    head = [
        f"{record.title} in WebAssembly, written by edgeae {__version__}",
        *record.head,
        f"compiled by {build.version()}",
    ]
    return comment(head) + "\n".join(
        [
            "/* The module without SIMD128, in base64. */",
            f'export const plain =\n  "{_base64(plain)}";',
            "/* The one with it: bytes in base64, and runs of the other, as start and size. */",
            f"export const simd = {script(pieces)};",
            "",
        ]
    )


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _footprints(made: CSources) -> tuple[Footprint, ...]:
    return tuple(_footprint(made, part) for part in made.parts)


def _footprint(made: CSources, part: Part) -> Footprint:
    """Return what a part by itself takes, with SIMD128."""
    code = section_bytes(build.module(made.texts, [part], simd=True))[CODE]
    return replace(
        known(part.name, part.program),
        code_bytes=code,
        stack_bytes=build.STACK_BYTES,
        compiler=f"{build.version()}, wasm32 with SIMD128; the stack is what the module reserves",
    )


def _inside(text: str) -> str:
    """Return text as it may stand in a comment."""
    return text.replace("*/", "* /")


def _vectors(item: ScriptPart) -> dict[str, str]:
    inputs, outputs = item.golden
    return {"type": item.name, "inputs": inputs, "outputs": outputs}


def _class(item: ScriptPart) -> str:
    """Return the class of a part in index.js."""
    spec = ",\n".join(f"    {key}: {script(value)}" for key, value in item.spec.items())
    score = ""
    if item.score:
        arguments = item.score if ", " in item.score else f"{item.score}, {item.score}"
        score = f"\n\n  score({item.score}) {{\n    return super.computeScore({arguments});\n  }}"
    return Template(
        """
export class $name extends Part {
  static spec = {
$spec,
  };

  $method(values, options) {
    return super.compute(values, options);
  }$score
}"""
    ).substitute(name=item.name, method=item.method, spec=spec, score=score)


def _types(item: ScriptPart) -> str:
    """Return the declaration of a part's class in index.d.ts."""
    arguments = ", ".join(f"{word}: Values" for word in item.score.split(", ") if word)
    score = (
        "\n  /** The sum of the squared errors of the reconstruction, in steps of its scale. */"
        f"\n  score({arguments}): number;"
        if item.score
        else ""
    )
    return filled(
        "web/part.d.ts",
        {
            "name": item.name,
            "method": item.method,
            "input": item.input,
            "output": item.output,
            "score": score,
        },
    )
