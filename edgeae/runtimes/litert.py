"""The runtimes of LiteRT's interpreter (TFLite), with three sets of kernels."""

import importlib.metadata
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from edgeae.artifacts.manifest import Artifact
from edgeae.artifacts.verified_artifact import VerifiedArtifact
from edgeae.errors import BadInput, NotMeasured
from edgeae.runtimes.protocol import Device
from edgeae.system.machine import cpu_name

#: How LiteRT names an operator for which there is no kernel.
_LACKING = re.compile(r"builtin opcode '(\w+)' version '(\d+)'")


class _Session:
    def __init__(self, interpreter: Any, delegated: bool) -> None:
        self._interpreter, self._delegated = interpreter, delegated
        self.run = _call(interpreter)

    @cached_property
    def note(self) -> str:
        return _left_over(self._interpreter) if self._delegated else ""

    def close(self) -> None:
        del self.run, self._interpreter


def _call(interpreter: Any) -> Callable[[NDArray[Any]], NDArray[Any]]:
    set_tensor, invoke, get_tensor = (
        interpreter.set_tensor,
        _unchecked_invoke(interpreter),
        interpreter.get_tensor,
    )
    source = interpreter.get_input_details()[0]["index"]
    target = interpreter.get_output_details()[0]["index"]

    def run(x: NDArray[Any], /) -> NDArray[Any]:
        set_tensor(source, x)
        invoke()
        return get_tensor(target)  # type: ignore[no-any-return]

    return run


def _unchecked_invoke(interpreter: Any) -> Callable[[], object]:
    """Return the engine's own `Invoke`, which `interpreter.invoke` calls after a check in Python.

    The check searches for NumPy views of the interpreter's memory, which a session never makes. It
    takes 5 % of a call of 2 µs, more than everything else that a session adds. Afterwards
    `interpreter.invoke` raises RuntimeError, because the bound method counts as such a view.
    """
    wrapped = getattr(interpreter, "_interpreter", None)  # private: may be removed
    return getattr(wrapped, "Invoke", None) or interpreter.invoke  # type: ignore[no-any-return]


@dataclass(frozen=True)
class _LiteRt:
    resolver: Any
    delegated: bool
    formats: tuple[str, ...] = ("tflite",)
    answers: bool = True

    def version(self) -> str:
        return importlib.metadata.version("ai-edge-litert")

    def device(self) -> Device:
        return Device(cpu_name())

    def open(self, program: VerifiedArtifact, threads: int, batch: int = 1) -> _Session:
        interpreter = self._interpreter(program.content, str(program.path), threads, batch)
        _check_edge(program, interpreter)
        return _Session(interpreter, self.delegated)

    def open_fixed(self, artifact: Artifact, threads: int, batch: int = 1) -> _Session:
        from edgeae.formats import passthrough  # not at the top: it would count as start-up time

        content = passthrough.tflite(artifact.input, artifact.output, batch)
        return _Session(self._interpreter(content, "passthrough model", threads), delegated=False)

    def _interpreter(self, content: bytes, origin: str, threads: int, batch: int = 1) -> Any:
        try:
            interpreter = Interpreter(
                model_content=content,
                num_threads=threads,
                experimental_op_resolver_type=self.resolver,
            )
            if batch > 1:
                details = interpreter.get_input_details()[0]
                interpreter.resize_tensor_input(details["index"], [batch, *details["shape"][1:]])
            interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            reason = self._reason(error)
            if batch > 1:
                message = f"{origin}: refused by LiteRT with a batch of {batch}: {reason}"
                raise NotMeasured(message) from None
            raise BadInput(f"{origin}: refused by LiteRT: {reason}") from None
        return interpreter

    def _reason(self, error: Exception) -> str:
        """Return why LiteRT refuses a file, in one line."""
        lacking = _LACKING.search(str(error))
        if lacking is None or self.resolver != OpResolverType.BUILTIN_REF:
            return " ".join(str(error).split())
        return (
            f"its reference kernels, with which answers are compared, lack {lacking[1]} of version "
            f"{lacking[2]}; allowed are models without it, such as with another activation"
        )


def _check_edge(program: VerifiedArtifact, interpreter: Any) -> None:
    if not (interpreter.get_input_details() and interpreter.get_output_details()):
        raise BadInput(f"{program.path}: lacks an input or an output")
    details = interpreter.get_input_details()[0]
    expected = program.artifact.input
    if np.dtype(details["dtype"]) != np.dtype(expected.dtype):
        raise BadInput(
            f"{program.path}: input is {np.dtype(details['dtype'])}, expected {expected.dtype}"
        )


def _left_over(interpreter: Any) -> str:
    """Return a note if XNNPACK did not take all operators; else empty.

    Raises:
        NotMeasured: XNNPACK took no operator, so a measurement would be that of another runtime.
    """
    details = getattr(interpreter, "_get_ops_details", None)  # private: may be removed
    if details is None:
        return "delegation unknown"
    nodes = details()
    delegates = [node for node in nodes if node["op_name"] == "DELEGATE"]
    if not delegates:
        raise NotMeasured("XNNPACK took none of the operators; litert-builtin would run them")
    inputs = {int(item["index"]) for item in interpreter.get_input_details()}
    outputs = {int(item["index"]) for item in interpreter.get_output_details()}
    took_all = (
        len(delegates) == 1
        and inputs <= {int(index) for index in delegates[0]["inputs"]}
        and outputs <= {int(index) for index in delegates[0]["outputs"]}
    )
    return "" if took_all else "some operators ran outside XNNPACK"


XNNPACK = _LiteRt(OpResolverType.AUTO, delegated=True)
BUILTIN = _LiteRt(OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES, delegated=False)
REFERENCE = _LiteRt(OpResolverType.BUILTIN_REF, delegated=False)
