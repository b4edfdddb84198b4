"""Runs both sides of a pair on an emulated core: instructions, flash and RAM are exact there."""

from dataclasses import asdict
from functools import cached_property
from typing import Any

from edgeae.errors import NotMeasured, OutOfTolerance
from edgeae.gate.sides import Pair, Side
from edgeae.system import children
from edgeae.timing import emulated

#: Exact figure → the field of a results row that holds it, and its unit.
FIGURES = {
    "instructions": ("instructions", ""),
    "flash": ("flash_bytes", "B"),
    "ram": ("ram_bytes", "B"),
}


class OnCore:
    """The figures of both sides of a pair with a baseline, each measured when first asked for.

    Both sides run the golden inputs of the candidate's bundle, or else of the baseline's, because
    the instructions depend on the inputs. Two bare files run the same random inputs.
    """

    def __init__(self, pair: Pair) -> None:
        self._pair = pair

    def figure(self, name: str, side: Side) -> tuple[float, str]:
        """Return a figure of a side, and its unit.

        Args:
            name: a key of `FIGURES`.
            side: the pair's candidate or baseline.

        Raises:
            OutOfTolerance: an answer of the candidate is wrong.
            NotMeasured: C does not support a model, or it does not fit; or an answer of the
                baseline is wrong.
        """
        key, unit = FIGURES[name]
        fields = self._candidate if side is self._pair.candidate else self._baseline
        return fields[key], unit

    @cached_property
    def _candidate(self) -> dict[str, Any]:
        return self._measured(self._pair.candidate)

    @cached_property
    def _baseline(self) -> dict[str, Any]:
        assert self._pair.baseline is not None
        try:
            return self._measured(self._pair.baseline)
        except OutOfTolerance as error:  # a wrong baseline must not fail the candidate
            raise NotMeasured(f"baseline {self._pair.baseline.path}: {error}") from None

    def _measured(self, side: Side) -> dict[str, Any]:
        artifact = side.artifact
        job = {
            "root": str(side.path.parent),
            "part": artifact.part,
            "format": artifact.format,
            "artifact": {**asdict(artifact), "path": side.path.name},
            "golden": None if side.bundle is None else str(side.bundle.root),
            "runtime": self._pair.runtime,
            "inputs": self._inputs,
        }
        (found,) = children.run(emulated.WORKER, job, timeout_s=emulated.TIMEOUT_S)
        return found

    @property
    def _inputs(self) -> tuple[str, str] | None:
        """The bundle and its part whose golden inputs are run; None for random inputs."""
        for side in (self._pair.candidate, self._pair.baseline):
            if side is not None and side.bundle is not None:
                return str(side.bundle.root), side.artifact.part
        return None
