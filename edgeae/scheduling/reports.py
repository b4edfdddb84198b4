"""Collects the reports of a child process that converts or trains."""

from collections.abc import Callable, Mapping
from typing import Any

from edgeae.system import children

#: A fixed hash seed, so that the order of Python's sets does not change the files.
_VARIABLES = {"PYTHONHASHSEED": "0"}


def reports(
    module: str,
    job: Mapping[str, Any],
    say: Callable[[str], None],
    timeout_s: float,
    *,
    variables: Mapping[str, str] | None = None,
    wanted: Callable[[], bool] | None = None,
) -> list[children.Message]:
    """Run a child process, pass on each `{"doing": …}` at once, and return its other reports.

    Args:
        module, job, timeout_s, wanted: see `children.stream`.
        say: receives the value of each `doing`.
        variables: variables to add to the child's environment.

    Raises:
        EdgeaeError: see `children.stream`.
    """
    collected = []
    env = {**_VARIABLES, **(variables or {})}
    for report in children.stream(module, job, timeout_s=timeout_s, env=env, wanted=wanted):
        if children.DOING in report:
            say(report[children.DOING])
        else:
            collected.append(report)
    return collected
