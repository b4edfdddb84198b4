"""What a command may do with a mutant: refuse it in one clear line, or come to its end."""

import re

from fuzz.forked import KEPT_OUT, PEAK_BYTES, Ended
from fuzz.kinds import Case

__all__ = ["CODES", "faults"]

#: The exit codes of `edgeae.errors`.
CODES = (0, 1, 2, 3, 4, 5)
_TRACEBACK = re.compile(r"Traceback|internal error|Exception ignored")
#: What a terminal acts on; a tab and a line's end it may get.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_ERROR = "edgeae: "
_WARNING = "edgeae: warning: "
_FAULT = (2, 4, 5)
#: An artifact on a runtime: verify tells each breach in a line of its own.
_BREACH = re.compile(r" on [a-z-]+: ")


def faults(case: Case, ended: Ended) -> list[str]:
    """Return what is wrong with how a command ended; nothing where it did well."""
    found = []
    if ended.hung:
        return [f"not done after {ended.seconds:.0f} s"]
    if ended.code < 0:
        return [f"signal {-ended.code}"]
    if ended.code not in CODES:
        found.append(f"exit code {ended.code}")
    if ended.peak_bytes > PEAK_BYTES:
        found.append(f"{ended.peak_bytes / 1e6:,.0f} MB")
    if _TRACEBACK.search(ended.err) or _TRACEBACK.search(ended.out):
        found.append("a traceback or an internal error")
    if _CONTROL.search(ended.err) or _CONTROL.search(ended.out):
        found.append("a control character on the terminal")
    return found + _lines(case, ended)


def _lines(case: Case, ended: Ended) -> list[str]:
    lines = [line for line in ended.err.splitlines() if not line.startswith(_WARNING)]
    errors = [line for line in lines if line.startswith(_ERROR)]
    found = []
    first = next((place for place, line in enumerate(lines) if line.startswith(_ERROR)), len(lines))
    if [line for line in lines[first:] if not line.startswith(_ERROR)]:
        found.append("an error of more than one line")
    told = [line.split(": ")[1] for line in errors if not _BREACH.search(line)]
    if len(told) > len(set(told)):
        found.append(f"{len(told)} errors of one place")
    if ended.code in _FAULT and not errors and case.arguments[0] not in ("bench", "gate"):
        found.append("no line of error")
    if ended.code in _FAULT and errors and not any(_named(line, case) for line in errors):
        found.append("a line that names no file")
    return found


def _named(line: str, case: Case) -> bool:
    return any(name in line for name in case.names) or _is_usage(line)


def _is_usage(line: str) -> bool:
    """Whether it is about what the command line says: mutants of names do that, and the fuzzer."""
    return line.startswith(("edgeae: unknown ", "edgeae: dataset ")) or KEPT_OUT in line
