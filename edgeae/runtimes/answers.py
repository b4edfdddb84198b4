"""Runs the parts of a bundle in a runtime, in child processes, and collects the outputs."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.artifacts.bundle import npy_bytes
from edgeae.artifacts.manifest import Artifact
from edgeae.errors import BadInput, EdgeaeError, ManifestMismatch, NotMeasured, RuntimeCrashed
from edgeae.recipe import PARTS
from edgeae.runtimes.serial_line import Line
from edgeae.system import children
from edgeae.system.scratch import scratch, write_scratch

#: Name of the decoder's outputs for the runtime's own codes.
COMPOSED = "composed"
#: Number of inputs for a software device or a board: it takes milliseconds for what CPU kernels
#: compute in microseconds.
SOFTWARE_IMAGES = 200
#: Longest duration of a child without its arithmetic, in seconds.
_TIMEOUT_S = 600.0
#: Tasks of a child at most: each part, and the decoder on the runtime's own codes.
_TASKS = len(PARTS) + 1
#: Seconds for a multiply-accumulate: ten times what the reference kernels took for a transposed
#: convolution (3.5 ns), because others may use the machine as well.
_SLOWEST_S = 35e-9


@dataclass
class Answers:
    """The outputs of a runtime.

    Attributes:
        version, device: version of the runtime, and name of its device.
        software: whether the device is emulated on the CPU.
        slow: whether the device is slow, see `Device`.
        outputs: `encoder`, `decoder`, `autoencoder` and `composed` → (n, …), in the artifact's
            element type. A part that failed is missing. A software or slow device only runs the
            first `SOFTWARE_IMAGES` inputs.
        errors: part → the error, for parts that failed.
        notes: part → the session's note, for parts that ran.
    """

    version: str = ""
    device: str = ""
    software: bool = False
    slow: bool = False
    outputs: dict[str, NDArray[Any]] = field(default_factory=dict)
    errors: dict[str, EdgeaeError] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)


def ask(
    root: Path,
    runtime: str,
    form: str,
    images: NDArray[np.float32],
    codes: NDArray[Any] | None,
    *,
    parts: Collection[str] = PARTS,
    threads: int = 1,
    sessions: int = 1,
    line: Line | None = None,
    say: Callable[[str], None] | None = None,
    timeout_s: float = _TIMEOUT_S,
) -> Answers:
    """Run the parts of a bundle, or of a model's folder, in a runtime, and return the outputs.

    Args:
        root: the folder of the artifacts.
        runtime: name of the runtime.
        form: format of the artifacts.
        images: (n, …) float32 inputs of encoder and autoencoder.
        codes: (n, …) inputs of the decoder; None runs the decoder only on the runtime's own codes.
            If both are equal, bit for bit, it runs once.
        parts: the parts that exist.
        threads: number of threads of the engine.
        sessions: number of sessions of the engine at once, each with a share of the inputs.
        line: where the board is, if the runtime is one.
        say: receives the progress of a slow device.
        timeout_s: longest duration of the child, in seconds; see `longest_s`.

    Raises:
        RuntimeUnavailable: the engine or its hardware is missing.
        RuntimeCrashed, ManifestMismatch, BadInput: a board does not answer, runs another model, or
            its port cannot be opened.
    """
    with scratch() as place:
        write_scratch(place / "images.npy", npy_bytes(images))
        own_codes = place / "encoder.npy"
        tasks = [
            _task("encoder", "encoder", place / "images.npy", place),
            _task("autoencoder", "autoencoder", place / "images.npy", place),
            _task(COMPOSED, "decoder", own_codes, place),
        ]
        if codes is not None:
            write_scratch(place / "codes.npy", npy_bytes(codes))
            given = _task("decoder", "decoder", place / "codes.npy", place)
            tasks.append({**given, "twin": COMPOSED})
        tasks = [task for task in tasks if task["part"] in parts]
        answers = Answers()
        job = {
            "root": str(root),
            "runtime": runtime,
            "format": form,
            "threads": threads,
            "sessions": sessions,
            "line": None if line is None else asdict(line),
        }
        if line is not None:
            timeout_s += _moving_s(line, images)
        while tasks:
            tasks = _run(job, tasks, answers, timeout_s, say or (lambda told: None))
        _name_the_cause(answers)
        for name in set(answers.notes):
            answers.outputs[name] = np.load(place / f"{name}.npy")
        return answers


def longest_s(artifacts: Iterable[Artifact], n: int) -> float:
    """Return the longest duration of a child that runs artifacts on n inputs, in seconds."""
    return _TIMEOUT_S + n * sum(artifact.macs for artifact in artifacts) * _SLOWEST_S


def _name_the_cause(answers: Answers) -> None:
    """Replace the error of a decoder without codes by the reason why there are none."""
    cause = answers.errors.get("encoder")
    if COMPOSED in answers.errors and isinstance(cause, BadInput | NotMeasured):
        answers.errors[COMPOSED] = cause


def _task(name: str, part: str, inputs: Path, place: Path) -> dict[str, str]:
    return {
        "name": name,
        "part": part,
        "inputs": str(inputs),
        "outputs": str(place / f"{name}.npy"),
    }


def _moving_s(line: Line, images: NDArray[np.float32]) -> float:
    """Return how long a child waits in all for a board that answers each call just in time."""
    moved = line.seconds(2 * images[:1].nbytes) + line.answer_s
    return _TASKS * SOFTWARE_IMAGES * moved


def _run(
    job: dict[str, Any],
    tasks: list[dict[str, str]],
    answers: Answers,
    timeout_s: float,
    say: Callable[[str], None],
) -> list[dict[str, str]]:
    """Run tasks in one child process; return the tasks that did not run because of a crash."""
    left = list(tasks)
    try:
        for report in children.stream(
            "edgeae.runtimes.child", {**job, "tasks": tasks}, timeout_s=timeout_s
        ):
            if "version" in report:
                answers.version, answers.device = report["version"], report["device"]
                answers.software, answers.slow = report["software"], report.get("slow", False)
                continue
            if "done" in report:
                say(f"{left[0]['name']} on {answers.device}: {report['done']} of {report['n']}")
                continue
            task = left.pop(0)
            if "error" in report:
                answers.errors[task["name"]] = _error(report)
            else:
                answers.notes[task["name"]] = report["note"]
    except RuntimeCrashed as error:
        if job["line"] is not None:
            raise  # another try of another part would find the same board
        if left:
            answers.errors[left.pop(0)["name"]] = error
    return left


def _error(report: dict[str, Any]) -> EdgeaeError:
    known = (BadInput, NotMeasured, ManifestMismatch, RuntimeCrashed)
    kinds: dict[int, type[EdgeaeError]] = {kind.code: kind for kind in known}
    return kinds.get(report["code"], EdgeaeError)(report["error"])
