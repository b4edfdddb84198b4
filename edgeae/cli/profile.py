"""`edgeae profile`."""

from pathlib import Path
from typing import Annotated

import typer

from edgeae.cli.output import Json, put, put_json, say


def profile(
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="ARTIFACT | -- PROGRAM [WORD]...",
            help="A .tflite or .onnx file. With --instructions, also a program; {n} in its words "
            "stands for the number of inferences.",
        ),
    ],
    runtime: Annotated[
        str | None,
        typer.Option(help="The runtime [default: litert-xnnpack or onnxruntime-cpu]."),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads of the runtime.")] = 1,
    seconds: Annotated[
        float | None, typer.Option(min=0.01, help="Duration of the timing [default: 3].")
    ] = None,
    instructions: Annotated[
        bool,
        typer.Option(
            "--instructions", help="Count the instructions of one call instead of timing."
        ),
    ] = False,
    tool: Annotated[
        str | None,
        typer.Option(help="Counting tool: callgrind, or perf if installed [default: callgrind]."),
    ] = None,
    calls: Annotated[
        int | None,
        typer.Option(min=1, help="Count N and 2N calls; the difference ÷ N is one call."),
    ] = None,
    json: Json = False,
) -> None:
    """Show the time and share of each operator of one artifact, or count instructions."""
    from edgeae.errors import BadInput
    from edgeae.timing.host_lock import host_lock

    alone = {"--seconds": seconds} if instructions else {"--tool": tool, "--calls": calls}
    for option, value in alone.items():
        if value is not None:
            beside = "not together with" if instructions else "only with"
            raise BadInput(f"{option} {value}: {beside} --instructions")
    if instructions:
        from edgeae.timing.instructions import count_artifact, count_program

        tool = tool or "callgrind"
        if len(what) > 1 and runtime is not None:
            raise BadInput("--runtime: not together with a program of your own")
        with host_lock(say):  # counting is deterministic, but it would disturb other measurements
            if len(what) == 1:
                counts = count_artifact(Path(what[0]), runtime, threads, calls, tool)
            else:
                counts = count_program(what, calls, tool)
        put_json(counts.to_json()) if json else put(counts.to_text())
        return
    if len(what) != 1:
        raise BadInput(f"{what[1]!r}: one artifact at a time; a program needs --instructions")

    import math

    from edgeae.timing.operators import choose_runtime, render
    from edgeae.timing.operators import profile as run

    seconds = 3.0 if seconds is None else seconds
    if not math.isfinite(seconds):
        raise BadInput(f"--seconds {seconds}: allowed are numbers from 0.01")
    choose_runtime(Path(what[0]), runtime)  # raises before waiting if it cannot be profiled
    with host_lock(say):
        times = run(Path(what[0]), runtime, threads, seconds)
    put_json(times.to_json()) if json else put(render(times))
