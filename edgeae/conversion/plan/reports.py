"""Collects the reports of a child process that converts or trains."""

from collections.abc import Callable, Mapping
from typing import Any

from edgeae.system import children

_DOING = "doing"
#: What a child of an export says before it trains the equal-budget control, and after that.
CONTROL, CONVERT = "train the equal-budget control", "convert"


def reports(
    module: str, job: Mapping[str, Any], say: Callable[[str], None], timeout_s: float
) -> list[dict[str, Any]]:
    """Run a child process, pass on each `{"doing": …}` at once, and return its other reports.

    Args:
        module, job, timeout_s: see `children.stream`.
        say: receives the value of each `doing`.

    Raises:
        EdgeaeError: see `children.stream`.
    """
    collected = []
    # a fixed hash seed, so that the order of Python's sets does not change the files
    env = {"PYTHONHASHSEED": "0"}
    for report in children.stream(module, job, timeout_s=timeout_s, env=env):
        if _DOING in report:
            say(report[_DOING])
        else:
            collected.append(report)
    return collected
