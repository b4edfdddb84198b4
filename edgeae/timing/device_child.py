"""Child process on a device: runs a child of this machine under the machine's lock."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Any

from edgeae.errors import Busy
from edgeae.system import children
from edgeae.system.machine import named
from edgeae.timing.host_lock import host_lock


def work(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Run `job["module"]`, and yield its reports; without a module, yield the machine's facts.

    Args:
        job: `module`; `order`, its job, to which `spawned_ns` is added, as
            `edgeae.timing.worker.work` takes it; `timeout_s`, its longest run time; `wait_s`, the
            longest wait for another measurement on this machine.

    Yields:
        `{"doing": …}` if it has to wait, and then the reports.

    Raises:
        Busy: another process still measures on this machine after `wait_s`.
        EdgeaeError: the error of the child.
    """
    with ExitStack() as stack:
        yield from _locked(stack, job["wait_s"])
        if not job["module"]:
            yield named()
            return
        # CLOCK_MONOTONIC is that of this machine
        order = {**job["order"], "spawned_ns": time.monotonic_ns()}
        yield from children.stream(job["module"], order, timeout_s=job["timeout_s"])


def _locked(stack: ExitStack, wait_s: float) -> Iterator[dict[str, Any]]:
    """Hold the machine's lock until the stack ends."""
    with suppress(Busy):
        stack.enter_context(host_lock(_silent, 0.0))
        return
    yield {"doing": f"waiting at most {wait_s:.0f} s: another process is measuring there"}
    stack.enter_context(host_lock(_silent, wait_s))


def _silent(line: str) -> None:
    """Take the lock's own message, which `_locked` has told already."""


if __name__ == "__main__":
    children.serve(work)
