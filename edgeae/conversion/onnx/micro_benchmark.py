"""A micro-benchmark that compares ONNX models on this machine, on one thread."""

import itertools
import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import onnxruntime as ort
from numpy.typing import NDArray

#: Blocks last some hundred microseconds: longer ones alias with the scheduler's period.
_BLOCK_NS = 300_000
_ROUNDS, _WARM_UP = 200, 50
_ERRORS_ONLY = 3


def p50_us(models: Mapping[str, Any], x: NDArray[Any]) -> dict[str, float]:
    """Return name → median time of one call in µs.

    Each round times one block of every model, and the order is reversed from round to round, so a
    disturbance of the machine affects all models alike.

    Args:
        models: name → `ModelProto` of one input.
        x: input of each call.
    """
    calls = {name: _call(model, x) for name, model in models.items()}
    lengths = {name: _block(call) for name, call in calls.items()}
    times: dict[str, list[float]] = {name: [] for name in calls}
    order = list(calls)
    for _ in range(_ROUNDS):
        for name in order:
            times[name].append(_time_ns(calls[name], lengths[name]) / lengths[name])
        order.reverse()
    return {name: round(statistics.median(found) / 1000, 3) for name, found in times.items()}


def _call(model: Any, x: NDArray[Any]) -> Callable[[], Any]:
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    content = model.SerializeToString()
    session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    feed, names = {session.get_inputs()[0].name: x}, [session.get_outputs()[0].name]
    return lambda: session.run(names, feed)


def _block(call: Callable[[], Any]) -> int:
    """Return the number of calls that last about as long as a block."""
    _time_ns(call, _WARM_UP)
    return max(1, round(_BLOCK_NS * _WARM_UP / _time_ns(call, _WARM_UP)))


def _time_ns(call: Callable[[], Any], times: int) -> int:
    started = time.perf_counter_ns()
    for _ in itertools.repeat(None, times):
        call()
    return time.perf_counter_ns() - started
