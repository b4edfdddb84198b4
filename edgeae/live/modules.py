"""The WebAssembly modules of the live page, which are compiled once and then kept."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path

from edgeae.artifacts.bundle import Bundle
from edgeae.codegen.part import Part
from edgeae.codegen.wasm import build as wasm
from edgeae.embed.c_sources import c_sources
from edgeae.embed.form import Options
from edgeae.embed.record import Record, read
from edgeae.errors import BadInput, NotMeasured, RuntimeUnavailable
from edgeae.live.choose import parts_of
from edgeae.system import atomic

#: Name of the model in each module; its functions are `model_encoder_run` and so on.
NAME = "model"
#: Folder of the compiled modules, beside the page.
KEPT = ".modules"
#: Compilers at once; each takes about 200 MB.
_WORKERS = 2
_DIGEST_BYTES = 32


def records(bundles: Iterable[Bundle]) -> list[Record]:
    """Return the record of each bundle, with the parts that its module has.

    Raises:
        BadInput: a file of a bundle is damaged.
        ManifestMismatch: a file of a bundle differs from its manifest.
    """
    return [_record(bundle) for bundle in bundles]


def _record(bundle: Bundle) -> Record:
    record = read(bundle.root, NAME, shown=bundle.shown)
    wanted = parts_of(bundle)
    return replace(record, parts=tuple(item for item in record.parts if item.part in wanted))


def modules(made: Iterable[Record], kept: Path) -> list[bytes | str]:
    """Return each record's module; or, as text, why C does not take it.

    Args:
        made: the records.
        kept: folder in which modules are kept for the next time; what no record needs is deleted.

    Raises:
        RuntimeUnavailable: the compiler is not installed.
    """
    compiler = wasm.version()
    with ThreadPoolExecutor(_WORKERS) as pool:
        found = list(pool.map(partial(_module, kept, compiler), made))
    _delete_others(kept, {name for name, _ in found})
    return [result for _, result in found]


def _module(kept: Path, compiler: str, record: Record) -> tuple[str, bytes | str]:
    """Return the name of the file in which a module is kept, and the module or what is wrong."""
    try:
        made = c_sources(record, Options(target="wasm32"))
        # a part without golden vectors has the same code, and is not compiled again for other rows
        texts = {name: text for name, text in made.texts.items() if not name.endswith("_golden.h")}
        name = _key(texts, made.parts, compiler)
        content = _read(kept / name)
        if content is None:
            content = wasm.module(texts, made.parts, simd=True)
            _keep(kept / name, content)
    except RuntimeUnavailable:
        raise
    except (BadInput, NotMeasured) as error:
        return "", str(error)
    return name, content


def _key(texts: Mapping[str, str], parts: Iterable[Part], compiler: str) -> str:
    names = [(part.name, part.scored) for part in parts]
    content = json.dumps([compiler, names, sorted(texts.items())])
    return f"{hashlib.sha256(content.encode()).hexdigest()}.wasm"


def _read(path: Path) -> bytes | None:
    """Return a kept module; None if it is missing, or was damaged."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    digest, module = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    return module if hashlib.sha256(module).digest() == digest else None


def _keep(path: Path, module: bytes) -> None:
    atomic.write_bytes(path, hashlib.sha256(module).digest() + module)


def _delete_others(kept: Path, names: set[str]) -> None:
    for path in kept.glob("*.wasm"):
        if path.name not in names:
            path.unlink(missing_ok=True)
