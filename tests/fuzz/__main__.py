"""`python -m fuzz`, in `tests/`: see `make fuzz`."""

import argparse
import random
import sys
from pathlib import Path

from fuzz.kinds import KINDS
from fuzz.run import Fuzz, place, report


def main() -> int:
    """Run for some seconds, or one case."""
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="how long [60]")
    parser.add_argument("--seed", type=int, help="of all cases [drawn]")
    parser.add_argument("--case", type=int, help="run this case only, and show what it printed")
    parser.add_argument("--fixed", action="store_true", help="run what was found before only")
    parser.add_argument("--flips", type=int, help="flip so many single bits for each command only")
    parser.add_argument("--kind", action="append", choices=KINDS, help="this kind only; repeatable")
    parser.add_argument("--keep", type=Path, default=Path("build/fuzz"), help="for failed cases")
    asked = parser.parse_args()
    seed = random.SystemRandom().randrange(1 << 31) if asked.seed is None else asked.seed
    with place() as folder:
        fuzz = Fuzz(folder, seed, asked.kind)
        if asked.fixed:
            return 1 if fuzz.run_fixed() else 0
        if asked.flips:
            return 1 if fuzz.run_flips(asked.flips) else 0
        if asked.case is None:
            return 1 if fuzz.run(asked.seconds, asked.keep.absolute()) else 0
        tried = fuzz.try_case(asked.case)
        sys.stdout.write(f"{tried.ended.out}\n{tried.ended.err}\n{report(tried, seed)}\n")
        return 1 if tried.faults else 0


if __name__ == "__main__":
    sys.exit(main())
