"""What a child process that converts or trains has to report, once it is done."""

from collections.abc import Callable, Mapping
from typing import Any

from edgeae.system import children

_DOING = "doing"


def reports(
    module: str, job: Mapping[str, Any], say: Callable[[str], None], timeout_s: float
) -> list[dict[str, Any]]:
    """Run a child; tell each `{"doing": …}` as it comes, and return its other reports.

    Args:
        module, job, timeout_s: see `children.stream`.
        say: told what is being done.

    Raises:
        EdgeaeError: see `children.stream`.
    """
    found = []
    # the order of Python's sets must not reach a file
    env = {"PYTHONHASHSEED": "0"}
    for report in children.stream(module, job, timeout_s=timeout_s, env=env):
        if _DOING in report:
            say(report[_DOING])
        else:
            found.append(report)
    return found
