"""Results rows: one row per worker process, appended to `results.jsonl` as each process ends.

History of a row's schema:

1   the first schema; such a row has no key `schema`.
2   adds the fixed cost, cold start, batch, rounds in shuffled order, software devices, the reasons
    why a figure is unstable, and the machine's conditions around the blocks.
3   adds the exact figures of emulated cores.
4   adds the ticks that a board counted.
"""

from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from edgeae.errors import BadInput, about
from edgeae.reading import typed
from edgeae.reading.json_lines import append_line, read_lines

SCHEMA = 4


@dataclass(frozen=True)
class Result:
    """One results row, from one worker process.

    Attributes:
        model, recipe, part, format, flavour, artifact_sha256, bytes: the artifact that was timed.
        runtime, runtime_version, device: the runtime, its version, and its device.
        software: whether the device is emulated on the processor.
        threads, batch: number of threads, and of examples per call.
        process: number of the process within this bench, from 0.
        session: identifies the bench.
        round: number of the round within the bench.
        seed: seed of the order of the rounds.
        start_ns: time from the start of the process to the first answer.
        import_ns, load_ns, first_ns: the parts of `start_ns` that import the engine, load the
            artifact, and run the first inference.
        rss_peak_bytes: peak memory of the worker up to the first answer.
        block: calls per sample.
        samples_ns: raw duration of each block.
        settled: whether the median's interval reached its target.
        fixed_block: calls per block of the passthrough model, which has one operator that only
            copies: its time is that of a call before any arithmetic.
        fixed_samples_ns: raw duration of each block of the passthrough model, timed between the
            other blocks.
        warm_up_ns: duration of the warm-up.
        warmed_up: whether the trend had ended after the warm-up.
        resolution_ns, clock_ns, loop_ns: see `edgeae.timing.clock.Overhead`.
        unstable: reasons why the row is unstable, a sentence part each; see
            `timing/conditions.py`.
        conditions: `before` and `after` the blocks; see `edgeae.timing.conditions.Conditions`.
        machine: facts of the machine that measured: `host`, its name, and for a device of a cluster
            `worker`; processor, cores, memory and versions. Older rows have no name.
        commit: commit of the repository in which the bench ran; None outside a repository.
        error: reason why there are no samples; None if there are samples.
        code: exit code of the error; 0 without an error.
        note: a note for the reader.
        schema: version of this layout.
        instructions: instructions of one inference on an emulated core; exact, and the rounded mean
            over the inputs. The figures from here on are None for other runtimes.
        inputs: number of inputs that the core ran.
        flash_bytes, ram_bytes: memory that the part takes: code, constants and data; arena, data
            and stack, without the caller's input and output.
        code_bytes, constants_bytes, arena_bytes, data_bytes, stack_bytes: the parts of these two;
            data are variables with or without an initial value.
        ticks: what a board counted for each block of calls, by its own counter; empty for other
            runtimes.
        tick: what a tick is: `cycle` of the core, `timer`, or `emulated`, which is no time.
        tick_hz: ticks in a second, as the board's firmware states them.
    """

    model: str
    recipe: str
    part: str
    format: str
    flavour: str
    artifact_sha256: str
    bytes: int
    runtime: str
    threads: int
    machine: dict[str, str | int | float | None]
    commit: str | None
    runtime_version: str = ""
    device: str = ""
    batch: int = 1
    process: int = 0
    load_ns: int | None = None
    first_ns: int | None = None
    block: int | None = None
    samples_ns: tuple[int, ...] = ()
    settled: bool = False
    rss_peak_bytes: int | None = None
    error: str | None = None
    code: int = 0
    note: str = ""
    # the fields below are new in schema 2
    software: bool = False
    session: str = ""
    round: int = 0
    seed: int | None = None
    start_ns: int | None = None
    import_ns: int | None = None
    fixed_block: int | None = None
    fixed_samples_ns: tuple[int, ...] = ()
    warm_up_ns: int | None = None
    warmed_up: bool | None = None
    resolution_ns: int | None = None
    clock_ns: float | None = None
    loop_ns: float | None = None
    unstable: tuple[str, ...] = ()
    conditions: dict[str, Any] = field(default_factory=dict)
    schema: int = SCHEMA
    # the fields below are new in schema 3
    instructions: int | None = None
    inputs: int | None = None
    flash_bytes: int | None = None
    ram_bytes: int | None = None
    code_bytes: int | None = None
    constants_bytes: int | None = None
    arena_bytes: int | None = None
    data_bytes: int | None = None
    stack_bytes: int | None = None
    # the fields below are new in schema 4
    ticks: tuple[int, ...] = ()
    tick: str | None = None
    tick_hz: int | None = None

    @property
    def measured(self) -> bool:
        """Whether the row has a measurement: times, the figures of a core, or a board's ticks."""
        return bool(self.samples_ns) or self.instructions is not None or bool(self.ticks)


_NAMES = [item.name for item in fields(Result)]
#: Schema → the keys of its rows.
_KEYS = {
    1: {*_NAMES[: _NAMES.index("software")], "schema"},
    2: {*_NAMES[: _NAMES.index("instructions")], "schema"},
    3: {*_NAMES[: _NAMES.index("ticks")], "schema"},
    SCHEMA: {*_NAMES, "schema"},
}
#: Figures that are at least 1, and figures that are at least 0.
_FROM_1 = ("batch", "block", "fixed_block")
_FROM_0 = (
    *("bytes", "threads", "process", "round", "samples_ns", "fixed_samples_ns", "code"),
    *("start_ns", "import_ns", "load_ns", "first_ns"),
    *("rss_peak_bytes", "warm_up_ns", "resolution_ns", "clock_ns", "loop_ns"),
    *("instructions", "inputs", "flash_bytes", "ram_bytes", "code_bytes", "constants_bytes"),
    *("arena_bytes", "data_bytes", "stack_bytes", "ticks", "tick_hz"),
)


def append(results: Path, row: Result) -> None:
    """Append one row; see `append_line`."""
    append_line(results, asdict(row))


def read_results(results: Path) -> list[Result]:
    """Return all rows, the oldest first; no rows if the file is missing.

    An incomplete last line is skipped.

    Raises:
        BadInput: a line is not a results row.
    """
    return [_row(table, place) for place, table in read_lines(results, "a results row")]


def _row(table: Any, place: str) -> Result:
    with about(f"{place}: not a results row"):
        table = typed.check_schema({"schema": 1, **typed.value(dict[str, Any], table)}, *_KEYS)
        keys = _KEYS[table["schema"]]
        if table.keys() != keys:
            raise BadInput(f"keys {sorted(table.keys() ^ keys)} are missing or unknown")
        row = typed.build(Result, table)
        _check_figures(row)
        return row


def _check_figures(row: Result) -> None:
    """Check that the figures are possible results of a measurement.

    Raises:
        BadInput: a figure is too small; the message names its key.
    """
    least = dict.fromkeys(_FROM_1, 1) | dict.fromkeys(_FROM_0, 0)
    for key, lowest in least.items():
        value = getattr(row, key)
        found = value if isinstance(value, tuple) else (value,)
        wrong = next((item for item in found if item is not None and item < lowest), None)
        if wrong is not None:
            raise BadInput(f"{key} = {wrong}: allowed are numbers from {lowest}")
