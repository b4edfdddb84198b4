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
            help="A .tflite or .onnx file; with --instructions also a program, in whose words "
            "{n} stands for the number of inferences.",
        ),
    ],
    runtime: Annotated[
        str | None,
        typer.Option(help="Which runtime [default: litert-xnnpack or onnxruntime-cpu]."),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads of the runtime.")] = 1,
    seconds: Annotated[
        float | None, typer.Option(min=0.01, help="How long to time [default: 3].")
    ] = None,
    instructions: Annotated[
        bool, typer.Option("--instructions", help="Count the instructions of one call instead.")
    ] = False,
    tool: Annotated[
        str | None,
        typer.Option(help="What counts: perf where the machine has it [default: callgrind]."),
    ] = None,
    calls: Annotated[
        int | None,
        typer.Option(min=1, help="Count this many and twice as many calls; the difference counts."),
    ] = None,
    json: Json = False,
) -> None:
    """Show the time and share of each operator of one artifact, or count instructions."""
    from edgeae.errors import BadInput
    from edgeae.timing.host_lock import host_lock

    alone = {"--seconds": seconds} if instructions else {"--tool": tool, "--calls": calls}
    for option, value in alone.items():
        if value is not None:
            beside = "not together with" if instructions else "goes with"
            raise BadInput(f"{option} {value}: {beside} --instructions")
    if instructions:
        from edgeae.timing.instructions import count_artifact, count_program

        tool = tool or "callgrind"
        if len(what) > 1 and runtime is not None:
            raise BadInput("--runtime: not together with a program of your own")
        with host_lock(say):  # a count does not wobble, but what others time would
            if len(what) == 1:
                found = count_artifact(Path(what[0]), runtime, threads, calls, tool)
            else:
                found = count_program(what, calls, tool)
        put_json(found.to_json()) if json else put(found.to_text())
        return
    if len(what) != 1:
        raise BadInput(f"{what[1]!r}: one artifact at a time; a program takes --instructions")

    import math

    from edgeae.timing.operators import choose_runtime, render
    from edgeae.timing.operators import profile as run

    seconds = 3.0 if seconds is None else seconds
    if not math.isfinite(seconds):
        raise BadInput(f"--seconds {seconds}: allowed are numbers from 0.01")
    choose_runtime(Path(what[0]), runtime)  # nothing to wait for if it cannot be done
    with host_lock(say):
        times = run(Path(what[0]), runtime, threads, seconds)
    put_json(times.to_json()) if json else put(render(times))
