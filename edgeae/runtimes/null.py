"""No engine: a session that copies an input in and an output out, which is the harness's cost."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae import __version__
from edgeae.bundle import TensorSpec
from edgeae.machine import cpu_name
from edgeae.program import Program

__all__ = ["NULL"]


class _Session:
    note = ""

    def __init__(self, source: TensorSpec, target: TensorSpec) -> None:
        self._input = np.zeros((1, *source.values), source.dtype)
        self._output = np.zeros((1, *target.values), target.dtype)

    def run(self, x: NDArray[Any]) -> NDArray[Any]:
        self._input[...] = x
        return self._output.copy()

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class _Null:
    formats: tuple[str, ...] = ("keras", "tflite", "onnx")
    answers: bool = False

    def version(self) -> str:
        return __version__

    def device(self) -> str:
        return cpu_name()

    def open(self, program: Program, threads: int) -> _Session:
        return _Session(program.artifact.input, program.artifact.output)


NULL = _Null()
