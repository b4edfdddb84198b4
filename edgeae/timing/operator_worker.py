"""Child process: times each operator of one artifact in one runtime."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgeae.formats.opening import open_file
from edgeae.runtimes import load
from edgeae.system import children
from edgeae.timing import node_profile, prefix_timing
from edgeae.timing.worker import seeded_inputs


def work(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the fields of `operators.Profile` that the worker measures.

    Args:
        job: `path`, `runtime`, `threads` and `seconds`.

    Raises:
        RuntimeUnavailable: the engine is absent.
        BadInput: the runtime does not open the file.
        NotMeasured: the runtime would leave the model to another engine.
    """
    runtime = load(job["runtime"])
    about = {"runtime_version": runtime.version(), "device": runtime.device().name}
    program = open_file(Path(job["path"]))
    x = seeded_inputs(program.artifact, 1)
    threads, seconds = job["threads"], job["seconds"]
    if program.artifact.format == "tflite":
        found = prefix_timing.time_prefixes(runtime, program, x, threads, seconds)
        yield {**about, "method": prefix_timing.METHOD, **found}
        return
    whole = prefix_timing.time_whole(runtime, program, x, threads, seconds / 2)
    found = node_profile.time_nodes(program, x, threads, seconds / 2)
    yield {**about, "method": node_profile.METHOD, **whole, **found}


if __name__ == "__main__":
    children.serve(work)
