"""The runtime `c-host`: the generated C, compiled for this machine and called in this process."""

import ctypes
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.artifacts.manifest import Artifact
from edgeae.artifacts.verified_artifact import VerifiedArtifact
from edgeae.codegen import compiler
from edgeae.codegen.memory import arena_bytes
from edgeae.codegen.part import c_type, size
from edgeae.codegen.program import Program
from edgeae.codegen.source import source
from edgeae.codegen.targets import host_layout
from edgeae.runtimes.c_program import generated
from edgeae.runtimes.protocol import Device
from edgeae.system.machine import cpu_name
from edgeae.system.scratch import scratch, write_scratch

_NAME = "model"
_FLAGS = ("-std=c99", "-O3", "-march=native", "-ffp-contract=off")
_Call = Callable[[NDArray[Any]], NDArray[Any]]


class _Session:
    note = ""

    def __init__(self, library: Any, source: NDArray[Any], target: NDArray[Any], arena: int):
        self._library = library
        self.run = _call(library, source, target, np.zeros(max(arena, 1), np.uint8))

    def close(self) -> None:
        del self.run, self._library


def _call(
    library: Any, source: NDArray[Any], target: NDArray[Any], arena: NDArray[np.uint8]
) -> _Call:
    function = getattr(library, f"{_NAME}_batch")
    # pointers that are made once: making them takes longer than the model
    where = [ctypes.c_void_p(array.ctypes.data) for array in (arena, source, target)]

    def run(
        x: NDArray[Any],
        /,
        arena: Any = where[0],
        source_at: Any = where[1],
        target_at: Any = where[2],
        kept: Any = arena,  # the arrays live as long as the pointers to them
    ) -> NDArray[Any]:
        source[...] = x
        function(arena, source_at, target_at)
        return target.copy()

    return run


@dataclass(frozen=True)
class _CHost:
    formats: tuple[str, ...] = ("tflite",)
    answers: bool = True

    def version(self) -> str:
        return compiler.version()

    def device(self) -> Device:
        return Device(cpu_name())

    def open(self, program: VerifiedArtifact, threads: int, batch: int = 1) -> _Session:
        item = generated(program, host_layout())
        text = source(item, _NAME)
        loop = _loop(item, batch)
        library = self._compiled({f"{_NAME}.h": text.header, f"{_NAME}.c": text.code + loop})
        given, target = (
            np.zeros((batch, *tensor.shape[1:]), tensor.dtype)
            for tensor in (item.input, item.output)
        )
        return _Session(library, given, target, arena_bytes(item.plan))

    def open_fixed(self, artifact: Artifact, threads: int, batch: int = 1) -> _Session:
        library = self._compiled({f"{_NAME}.c": _EMPTY})
        source, target = (
            np.zeros((batch, math.prod(spec.values)), spec.dtype)
            for spec in (artifact.input, artifact.output)
        )
        return _Session(library, source, target, 0)

    def _compiled(self, texts: dict[str, str]) -> Any:
        with scratch() as folder:
            for name, text in texts.items():
                write_scratch(folder / name, text.encode())
            path = compiler.shared_library([folder / f"{_NAME}.c"], folder / f"{_NAME}.so", _FLAGS)
            return ctypes.CDLL(str(path))  # stays loaded when its file is deleted


#: The passthrough model: a call without arithmetic.
_EMPTY = f"""\
void {_NAME}_batch(void *arena, const void *input, void *output);
void {_NAME}_batch(void *arena, const void *input, void *output) {{
  (void)arena;
  (void)input;
  (void)output;
}}
"""


def _loop(item: Program, batch: int) -> str:
    """Return the function that runs a batch, one example after the other."""
    source, target = c_type(item.input), c_type(item.output)
    return f"""
void {_NAME}_batch(void *arena, const {source} *input, {target} *output);
void {_NAME}_batch(void *arena, const {source} *input, {target} *output) {{
  for (int32_t example = 0; example < {batch}; example++) {{
    {_NAME}_run(arena, input, output);
    input += {size(item.input)};
    output += {size(item.output)};
  }}
}}
"""


HOST = _CHost()
