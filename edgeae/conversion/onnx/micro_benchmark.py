"""A micro-benchmark that compares ONNX models on this machine, on one thread."""

import statistics
from collections.abc import Callable, Mapping
from typing import Any

import onnxruntime as ort
from numpy.typing import NDArray

from edgeae.timing.measurement import time_in_rounds

#: Duration of the rounds; slow models take longer, for enough rounds.
_SECONDS = 1.0
_ERRORS_ONLY = 3


def p50_us(models: Mapping[str, Any], x: NDArray[Any]) -> dict[str, float]:
    """Return name → median time of one call in µs.

    Args:
        models: name → `ModelProto` of one input.
        x: input of each call.

    Raises:
        NotMeasured: the clock goes back.
    """
    rounds = time_in_rounds([_call(model, x) for model in models.values()], _SECONDS)
    times = dict(zip(models, zip(*rounds, strict=True), strict=True))
    return {name: round(statistics.median(ns) / 1000, 3) for name, ns in times.items()}


def _call(model: Any, x: NDArray[Any]) -> Callable[[], Any]:
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    content = model.SerializeToString()
    session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    feed, names = {session.get_inputs()[0].name: x}, [session.get_outputs()[0].name]
    return lambda: session.run(names, feed)
