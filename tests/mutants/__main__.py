"""`python -m mutants`, in `tests/`: see `make mutants`."""

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from mutants.listing import Mutant, Unfit, find, read
from mutants.run import LIMIT_S, Outcome, control, hunt

#: So many of the whole list may be missed: a test of a room need not know everything.
_MISSED = 2
_ROOT = Path(__file__).parents[2]


def main() -> int:
    """Hunt, list, or run the tests with nothing planted."""
    asked = _parser().parse_args()
    # started in the background, a shell may have it ignored, in every process below, too
    signal.signal(signal.SIGINT, signal.default_int_handler)
    chosen = find(asked.only) if asked.only else read()
    if asked.list:
        _say("\n".join(f"{item.name} ({item.room}): {item.reason}" for item in chosen))
        return 0
    checkout = asked.checkout.absolute()
    if asked.control:
        return _control(checkout, chosen, asked.jobs)
    return _hunt(checkout, chosen, asked.jobs, asked.limit, 0 if asked.only else _MISSED)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__)
    parser.add_argument("--only", action="append", metavar="NAME", help="this one; repeatable")
    parser.add_argument("--list", action="store_true", help="say what is planted, and end")
    parser.add_argument("--control", action="store_true", help="run the same tests, none planted")
    parser.add_argument("--jobs", type=int, choices=(1, 2), default=2, help="at once [2]")
    parser.add_argument("--limit", type=float, default=LIMIT_S, help="seconds for each [150]")
    parser.add_argument("--checkout", type=Path, default=_ROOT, help="another checkout to judge")
    return parser


def _hunt(checkout: Path, chosen: Sequence[Mutant], jobs: int, limit_s: float, missed: int) -> int:
    started, outcomes = time.monotonic(), []
    for outcome in hunt(checkout, chosen, jobs, limit_s):
        outcomes.append(outcome)
        _say(f"{len(outcomes)}/{len(chosen)} {_line(outcome)}")
    escaped = [outcome.mutant.name for outcome in outcomes if outcome.test is None]
    told = f"; not caught: {', '.join(escaped)}" if escaped else ""
    caught, minutes = len(chosen) - len(escaped), (time.monotonic() - started) / 60
    _say(f"{caught} of {len(chosen)} caught in {minutes:.1f} min{told}")
    return 1 if len(escaped) > missed else 0


def _line(outcome: Outcome) -> str:
    head = f"{outcome.mutant.name} ({outcome.mutant.room}):"
    if outcome.test is None:
        return f"{head} NOT CAUGHT in {outcome.seconds:.0f} s: {outcome.note}"
    return f"{head} caught in {outcome.seconds:.0f} s by {outcome.test}"


def _control(checkout: Path, chosen: Sequence[Mutant], jobs: int) -> int:
    failed = 0
    for path, said in control(checkout, chosen, jobs):
        failed += bool(said)
        _say(f"{path}: FAILED\n{said}" if said else f"{path}: passed")
    _say(f"{failed} files failed with nothing planted" if failed else "all passed")
    return 1 if failed else 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Unfit as error:
        sys.exit(f"mutants: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
