"""The time of each operator in onnxruntime, read from onnxruntime's own profile."""

import json
import re
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.artifacts.manifest import TensorSpec
from edgeae.artifacts.verified_artifact import VerifiedArtifact
from edgeae.errors import NotMeasured
from edgeae.formats import passthrough

METHOD = (
    "onnxruntime's own profile of its optimized graph, with fused and added operators; "
    "a time is the mean of {rounds} runs without the fastest and the slowest tenth, as the profile "
    "counts whole µs. Each time includes the profile's own cost (the floor: the reported time of "
    "one operator that copies one value); shares are of the time above the floor"
)
#: Warm-up runs; onnxruntime allocates memory in the first run.
_WARM_UP = 20
#: The profile takes about 700 bytes per node and run.
_MOST_EVENTS = 40_000
_FEWEST_RUNS = 50
_ERRORS_ONLY = 3
_NAMED, _NAME = "edgeae_{}", re.compile(r"edgeae_(\d+)")
_KERNEL = "_kernel_time"


class Node:
    """One operator of onnxruntime's optimized graph.

    Attributes:
        name: name in the profile.
        kind: operator type, such as `FusedGemm`.
        shape: shape of the first output.
        times_us: time of each run, in whole µs.
    """

    def __init__(self, name: str, kind: str, shape: tuple[int, ...]) -> None:
        self.name, self.kind, self.shape = name, kind, shape
        self.times_us: list[int] = []

    @property
    def sources(self) -> list[int]:
        """Indices of the file's nodes that this operator was made of, as far as its name shows."""
        return sorted({int(number) for number in _NAME.findall(self.name)})

    @property
    def time_ns(self) -> float:
        """The mean of the times in ns, without the fastest and the slowest tenth.

        A median of whole microseconds would itself be a whole microsecond.
        """
        ordered = sorted(self.times_us)
        tenth = len(ordered) // 10
        middle = ordered[tenth : len(ordered) - tenth]
        return 1000 * sum(middle) / len(middle)


def time_nodes(
    program: VerifiedArtifact, x: NDArray[Any], threads: int, seconds: float
) -> dict[str, Any]:
    """Profile an `.onnx` file; return `rows`, `floor_ns`, `rounds` and `notes`.

    Args:
        program: the whole model.
        x: one input, shape (1, …).
        threads: threads of the engine.
        seconds: duration of the runs.


    Raises:
        NotMeasured: the profile names no operator.
    """
    from edgeae.formats.onnx import file as onnx_file
    from edgeae.formats.onnx import graph_statistics as onnx_statistics

    model = onnx_file.read(program.content, str(program.path))
    macs = [onnx_statistics.node_macs(model, node) for node in model.nodes]
    for number, node in enumerate(model.proto.graph.node):
        node.name = _NAMED.format(number)
    # a larger graph gets fewer runs, because the profile is held in memory
    most = max(_FEWEST_RUNS, _MOST_EVENTS // max(1, len(macs)))
    nodes = _profile(model.proto.SerializeToString(), x, threads, seconds, most)
    if not nodes:
        raise NotMeasured(f"{program.path}: onnxruntime's profile names no operator")
    return {
        "rows": [
            {
                "name": node.kind,
                "shape": node.shape,
                "macs": sum(macs[number] for number in node.sources),
                "time_ns": node.time_ns,
            }
            for node in nodes
        ],
        "floor_ns": _floor_ns(threads, seconds / 4, most),
        "rounds": len(nodes[0].times_us),
        "notes": _unplaced(sum(macs), nodes, macs),
    }


def _unplaced(total: int, nodes: Iterable[Node], macs: list[int]) -> list[str]:
    placed = sum(macs[number] for node in nodes for number in node.sources)
    if placed == total:
        return []
    return [f"{placed:,} of {total:,} MACs have a row; onnxruntime renamed the other operators"]


def _floor_ns(threads: int, seconds: float, most: int) -> float:
    edge = TensorSpec("x", (1, 1), "float32"), TensorSpec("y", (1, 1), "float32")
    content = passthrough.onnx(*edge)
    (node,) = _profile(content, np.zeros((1, 1), np.float32), threads, seconds, most)
    return node.time_ns


def _profile(
    content: bytes, x: NDArray[Any], threads: int, seconds: float, most: int
) -> list[Node]:
    """Run a model at most `most` times or for `seconds`; return its nodes in execution order."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    options.enable_profiling = True
    with tempfile.TemporaryDirectory() as scratch:
        options.profile_file_prefix = str(Path(scratch) / "profile")
        session = ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        deadline, runs = time.monotonic() + seconds, 0
        while runs < _WARM_UP + _FEWEST_RUNS or time.monotonic() < deadline:
            if runs >= _WARM_UP + most:
                break
            session.run(None, {name: x})
            runs += 1
        return read_profile(Path(session.end_profiling()).read_text(), skip=_WARM_UP)


def read_profile(text: str, skip: int = 0) -> list[Node]:
    """Return the nodes of onnxruntime's profile, in the order in which they first ran.

    Args:
        text: the file's text, a JSON list of events.
        skip: number of runs at the beginning that do not count.
    """
    nodes: dict[tuple[str, str], Node] = {}
    seen: dict[tuple[str, str], int] = defaultdict(int)
    for event in json.loads(text):
        name, about = str(event.get("name", "")), event.get("args", {})
        if event.get("cat") != "Node" or not name.endswith(_KERNEL):
            continue
        # a node may have no name
        key = (name, about.get("node_index", ""))
        if key not in nodes:
            nodes[key] = Node(name.removesuffix(_KERNEL), about["op_name"], _shape(about))
        seen[key] += 1
        if seen[key] > skip:
            nodes[key].times_us.append(int(event["dur"]))
    return [node for node in nodes.values() if node.times_us]


def _shape(about: dict[str, Any]) -> tuple[int, ...]:
    """Return the first output's shape from `[{"float": [1, 784]}, …]`."""
    (first, *_) = about.get("output_type_shape") or [{}]
    return tuple(next(iter(first.values()), ()))
