"""The null runtime: it only copies an input and an output, to measure the harness's overhead."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae import __version__
from edgeae.artifacts.manifest import Artifact, TensorSpec
from edgeae.artifacts.model import ORIGINALS
from edgeae.artifacts.verified_artifact import VerifiedArtifact
from edgeae.runtimes.protocol import Device
from edgeae.system.machine import cpu_name


class _Session:
    note = ""

    def __init__(self, source: TensorSpec, target: TensorSpec, batch: int) -> None:
        self._input = np.zeros((batch, *source.values), source.dtype)
        self._output = np.zeros((batch, *target.values), target.dtype)

    def run(self, x: NDArray[Any], /) -> NDArray[Any]:
        self._input[...] = x
        return self._output.copy()

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class _Null:
    formats: tuple[str, ...] = (*ORIGINALS, "tflite", "onnx")
    answers: bool = False

    def version(self) -> str:
        return __version__

    def device(self) -> Device:
        return Device(cpu_name())

    def open(self, program: VerifiedArtifact, threads: int, batch: int = 1) -> _Session:
        return _Session(program.artifact.input, program.artifact.output, batch)

    def open_fixed(self, artifact: Artifact, threads: int, batch: int = 1) -> _Session:
        source, target = (
            replace(spec, shape=(1, math.prod(spec.values)))
            for spec in (artifact.input, artifact.output)
        )
        return _Session(source, target, batch)


NULL = _Null()
