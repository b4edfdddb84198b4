"""Times `encode` of the Python API beside a bare loop over LiteRT's interpreter: `make bench-api`.

    python bench/api.py BUNDLE PAGE.md

Both encode MNIST's 10,000 test images by the bundle's int8 encoder on XNNPACK, one thread, in
alternating rounds of one process. The bare loop gets its input integers ready made, and keeps
integers; `encode` gets uint8 pixels and returns real codes. Both must give the same bits.
"""

import functools
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

import edgeae
from edgeae.data import load, normalization_of
from edgeae.errors import OutOfTolerance
from edgeae.metrics.quantization import dequantize, quantize
from edgeae.system.machine import cpu_name

#: The largest ratio to the bare loop that is promised.
LIMIT = 1.3
_ROUNDS = 15
_BATCHES = (8, 64, 256)
#: The call that the promise is about.
PROMISED = "`encode(images)`"


def bare(content: bytes, inputs: NDArray[np.int8]) -> Callable[[], NDArray[Any]]:
    """Return the loop that a user would write by hand."""
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]["index"]
    target = interpreter.get_output_details()[0]["index"]

    def run() -> NDArray[Any]:
        codes = []
        for row in inputs:
            interpreter.set_tensor(source, row[np.newaxis])
            interpreter.invoke()
            codes.append(interpreter.get_tensor(target)[0])
        return np.stack(codes)

    return run


def seconds(call: Callable[[], object]) -> float:
    """Return how long one call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def calls_of(bundle: edgeae.Bundle) -> dict[str, Callable[[], NDArray[Any]]]:
    """Return name → call; the first is the yardstick."""
    images = load("mnist").test
    files = {(item.part, item.format): item for item in bundle.manifest.artifacts}
    artifact = files["encoder", "tflite"]
    source, target = artifact.input.affine, artifact.output.affine
    assert source is not None and target is not None
    pixels = normalization_of(bundle.manifest).real(images)
    inputs = quantize(pixels.reshape(-1, *artifact.input.values), source).astype(np.int8)
    loop = bare((bundle.path / artifact.path).read_bytes(), inputs)
    floats = (images / 255).astype(np.float32)
    calls: dict[str, Callable[[], NDArray[Any]]] = {
        "bare loop": loop,
        PROMISED: lambda: bundle.encode(images),
    }
    for size in _BATCHES:
        calls[f"`encode(images, batch={size})`"] = functools.partial(
            bundle.encode, images, batch=size
        )
    calls["`encode(images)`, float32 images"] = lambda: bundle.encode(floats)
    expected = dequantize(loop().astype(np.int8), target)
    for name, call in list(calls.items())[1:]:
        if not np.array_equal(call(), expected):
            raise OutOfTolerance(f"{name}: other bits than the bare loop")
    return calls


def main(place: str, page: str) -> int:
    """Measure, write the page, and return the exit code: 1 if the promise is not kept."""
    with edgeae.open(place) as bundle:
        calls = calls_of(bundle)
        times: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(_ROUNDS):
            for name, call in calls.items():
                times[name].append(seconds(call))
        found = text(bundle.name, times)
    Path(page).write_text(found, encoding="utf-8")
    print(found)
    return 0 if ratio(times, PROMISED) <= LIMIT else 1


def ratio(times: dict[str, list[float]], name: str) -> float:
    """Return the median of the rounds' ratios to the bare loop."""
    pairs = zip(times[name], times["bare loop"], strict=True)
    return statistics.median(mine / theirs for mine, theirs in pairs)


def text(name: str, times: dict[str, list[float]]) -> str:
    """Return the page."""
    rows = [
        f"| {call} | {statistics.median(taken) * 1e3:.1f} | {ratio(times, call):.3f} |"
        for call, taken in times.items()
    ]
    return "\n".join(
        [
            f"`make bench-api` times the encoder of {name} on `litert-xnnpack` over the 10,000",
            "test images of MNIST, beside a loop over LiteRT's interpreter written by hand.",
            "The loop gets int8 inputs ready made and keeps int8 codes; `encode` gets uint8 pixels",
            "and returns real codes. All rows gave the same bits.",
            "",
            "| call | ms | ratio |",
            "| --- | --- | --- |",
            *rows,
            "",
            f"Medians of {_ROUNDS} alternating rounds in one process; {cpu_name()}, Python",
            f"{platform.python_version()}, one thread.",
            "",
        ]
    )


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
