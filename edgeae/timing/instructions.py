"""Count the instructions of one inference, a deterministic figure.

A program runs N and 2N inferences under a tool that counts every instruction. The difference of the
two counts ÷ N is one inference, without start, load and exit. An artifact is counted the same way
within one process: `call_loop.py` marks where the N and the 2N calls begin.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgeae.errors import BadInput, NotMeasured, RuntimeUnavailable, about
from edgeae.formats.opening import file_format
from edgeae.runtimes import RUNTIMES, USUAL, formats
from edgeae.system import children
from edgeae.system.scratch import scratch

#: Tool → default N. callgrind's counts repeat exactly; perf also counts interrupts and the start,
#: whose share becomes small only with many calls.
CALLS = {"callgrind": 100, "perf": 20_000}
#: Placeholder for the number of inferences in a program's command line.
PLACEHOLDER = "{n}"
_LOOP = "edgeae.timing.call_loop"
#: The function of the C library that `call_loop.py` calls as a mark; nothing else calls it.
_MARK = "ctermid"
#: With a fixed hash seed, Python executes the same instructions in every run.
_REPEATABLE = {"PYTHONHASHSEED": "0"}
_LONGEST_S = 3600.0
_EVENT = "instructions:u"
_FEWER_KERNELS = (
    "valgrind has no AVX-512, and engines choose kernels by processor features: "
    "the counted kernels may differ from those that run without valgrind"
)
_THREADS = "threads wait for each other, so the count does not repeat exactly"


@dataclass(frozen=True)
class Count:
    """An instruction count.

    Attributes:
        what: the artifact and its runtime, or the program.
        per_call: instructions of one inference.
        fixed_per_call: instructions of one call of the passthrough model, which `per_call`
            includes; None for a program.
        calls: N, the number of calls of the shorter run; the longer run has 2N.
        tool: the counting tool, with its version.
        note: a note for the reader.
    """

    what: str
    per_call: int
    fixed_per_call: int | None
    calls: int
    tool: str
    note: str

    def to_json(self) -> dict[str, Any]:
        """Return the count as JSON values."""
        return asdict(self)

    def to_text(self) -> str:
        """Return the count as text for people."""
        unit = "inference" if self.fixed_per_call is None else "call of Session.run"
        fixed = self.fixed_per_call
        of_it = "" if fixed is None else f", including {fixed:,} of a call that only copies"
        lines = [
            f"{self.what}: {self.per_call:,} instructions per {unit}{of_it}",
            f"method: ({2 * self.calls:,} calls − {self.calls:,} calls) ÷ {self.calls:,}, "
            f"counted by {self.tool}",
            *([f"note: {self.note}"] if self.note else []),
        ]
        return "\n".join(lines)


def count(command_for: Callable[[int], list[str]], n: int, tool: str = "callgrind") -> int:
    """Return the instructions of one inference: (count of 2n − count of n) ÷ n, rounded.

    Args:
        command_for: number of inferences → command line of a program that runs this number.
        n: inferences of the shorter run.
        tool: `callgrind` or `perf`.

    Raises:
        RuntimeUnavailable: the tool is not installed, or cannot count on this machine.
        BadInput: the tool or the program does not exist.
        RuntimeCrashed: the program failed.
        NotMeasured: 2n inferences took no more instructions than n.
    """
    return _difference(command_for, n, _tool(tool))


def _difference(
    command_for: Callable[[int], list[str]], n: int, counting: Callable[[list[str]], int]
) -> int:
    return _per_call(counting(command_for(n)), counting(command_for(2 * n)), n)


def count_program(words: Sequence[str], n: int | None = None, tool: str = "callgrind") -> Count:
    """Count the instructions of one inference of a program, see `count`.

    Args:
        words: the command line, in which `{n}` stands for the number of inferences.
        n: inferences of the shorter run.
        tool: `callgrind` or `perf`.

    Raises:
        BadInput: no word holds `{n}`.
    """
    told = " ".join(words)
    if not any(PLACEHOLDER in word for word in words):
        raise BadInput(f"{told}: one word must hold {PLACEHOLDER}, the number of inferences")

    def command_for(times: int) -> list[str]:
        return [word.replace(PLACEHOLDER, str(times)) for word in words]

    _tool(tool)
    calls = n or CALLS[tool]
    per_call = count(command_for, calls, tool)
    return Count(told, per_call, None, calls, _version(tool), _note(tool))


def count_artifact(
    path: Path,
    runtime: str | None = None,
    threads: int = 1,
    n: int | None = None,
    tool: str = "callgrind",
) -> Count:
    """Count one call of `Session.run`, and one call of the passthrough model.

    Args:
        path: a `.tflite` or `.onnx` file.
        runtime: name of the runtime; None for the format's usual runtime.
        threads: threads of the engine; counts of more than one thread do not repeat exactly,
            because threads wait for each other.
        n: calls of the shorter run.
        tool: `callgrind` or `perf`.

    Raises:
        BadInput: the file, runtime or tool does not exist, or the runtime does not open the file.
        RuntimeUnavailable: the tool or the engine is not installed.
        RuntimeCrashed: the engine crashed or hung.
        NotMeasured: the tool reported no count.
    """
    chosen = _runtime(path, runtime)
    counting = _tool(tool)
    calls = n or CALLS[tool]
    job = {"path": str(path), "runtime": chosen, "threads": threads}
    # a child without the counting tool reports errors sooner and more clearly
    (about,) = children.run(_LOOP, job, timeout_s=300.0)
    loop = [sys.executable, "-P", "-m", _LOOP, str(path), chosen, str(threads)]
    if tool == "callgrind":
        per_call, fixed = _marked(loop, calls)
    else:
        per_call = _difference(lambda times: [*loop, f"model:{times}"], calls, counting)
        fixed = _difference(lambda times: [*loop, f"fixed:{times}"], calls, counting)
    what = f"{path} on {chosen} {about['version']}, {threads} thread{'s' * (threads > 1)}"
    note = "; ".join(filter(None, (_note(tool), _THREADS if threads > 1 else "")))
    return Count(what, per_call, fixed, calls, _version(tool), note)


def _runtime(path: Path, runtime: str | None) -> str:
    form = file_format(path)
    chosen = runtime or USUAL[form]
    if form not in formats(chosen):
        opens = ", ".join(name for name, entry in RUNTIMES.items() if form in entry.formats)
        raise BadInput(f"{path}: {chosen} does not open it; allowed are {opens}")
    return chosen


def _per_call(single: int, double: int, n: int) -> int:
    if double <= single:
        raise NotMeasured(
            f"{2 * n} inferences took {double:,} instructions, {n} took {single:,}: the number "
            "of inferences makes no difference"
        )
    return round((double - single) / n)


def _marked(loop: list[str], n: int) -> tuple[int, int]:
    """Return the instructions of one call of the model and of one call of the passthrough model.

    callgrind counts `call_loop.py` between its marks.
    """
    steps = [f"{kind}:{times}" for kind in ("model", "fixed") for times in (n, n, 2 * n)]
    with scratch() as folder:
        _callgrind([*loop, *steps], folder, f"--dump-before={_MARK}")
        # the first dump is the start; the first step of each kind warms up
        totals = [_total(folder / f"out.{dump}") for dump in range(2, 2 + len(steps))]
    return _per_call(totals[1], totals[2], n), _per_call(totals[4], totals[5], n)


def _total(path: Path) -> int:
    if not path.exists():
        raise NotMeasured("callgrind found no mark between the calls: is it another C library?")
    return read_callgrind(path.read_text())


def _tool(name: str) -> Callable[[list[str]], int]:
    """Return the function that counts the instructions of a command.

    Raises:
        BadInput: the tool does not exist.
        RuntimeUnavailable: the tool is not installed, or cannot count on this machine.
    """
    if name not in CALLS:
        raise BadInput(f"--tool {name}: allowed are {', '.join(CALLS)}")
    if name == "callgrind":
        _installed("valgrind", "apt-get install valgrind")
        return _count_callgrind
    _installed("perf", "apt-get install linux-perf")
    _count_perf(["true"])  # raises if perf cannot count on this machine
    return _count_perf


def _installed(program: str, remedy: str) -> None:
    if shutil.which(program) is None:
        raise RuntimeUnavailable(f"{program} is not installed", remedy)


def _count_callgrind(command: list[str]) -> int:
    with scratch() as folder:
        _callgrind(command, folder)
        return _total(folder / "out")


def _callgrind(command: list[str], folder: Path, *options: str) -> None:
    out = f"--callgrind-out-file={folder / 'out'}"
    _execute(["valgrind", "--tool=callgrind", out, *options, "--", *command], command)


def _count_perf(command: list[str]) -> int:
    with scratch() as folder:
        out = folder / "out"
        _execute(["perf", "stat", "-x,", "-e", _EVENT, "-o", str(out), "--", *command], command)
        return read_perf(out.read_text() if out.exists() else "")


def read_callgrind(text: str) -> int:
    """Return the total number of instructions of callgrind's profile.

    Raises:
        NotMeasured: the profile holds no total.
    """
    for line in reversed(text.splitlines()):
        if line.startswith("totals:"):
            return int(line.split()[1])
    raise NotMeasured("callgrind wrote no total")


def read_perf(text: str) -> int:
    """Return the instructions that `perf stat -x,` reported, summed over all kinds of core.

    Raises:
        RuntimeUnavailable: the machine does not allow counting instructions.
    """
    rows = [line.split(",") for line in text.splitlines() if "," in line and line[0] != "#"]
    values = [row[0] for row in rows if len(row) > 2 and "instructions" in row[2]]
    counted = [int(value) for value in values if value.isdigit()]
    if not counted:
        why = values[0] if values else "it wrote nothing"
        raise RuntimeUnavailable(
            f"perf counts no instructions here ({why})",
            "perf needs access to the processor's counters; --tool callgrind does not",
        )
    return sum(counted)


def _version(tool: str) -> str:
    program = {"callgrind": "valgrind", "perf": "perf"}[tool]
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    return f"{tool} ({done.stdout.strip()})"


def _note(tool: str) -> str:
    return _FEWER_KERNELS if tool == "callgrind" else ""


def _execute(command: list[str], program: list[str]) -> None:
    """Run a command, which starts `program`, to its end.

    Raises:
        BadInput: `program` does not exist.
        RuntimeCrashed: the command failed, or did not end.
    """
    if shutil.which(program[0]) is None:
        raise BadInput(f"{program[0]}: no such program, or not executable")
    with about(" ".join(program)):
        children.execute(command, timeout_s=_LONGEST_S, env=_REPEATABLE)
