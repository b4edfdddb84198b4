"""Signals that ask a process to end: Ctrl-C, `kill`, and a terminal that went away."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: Programs send these signals, often several times; only the first counts. Ctrl-C always counts.
_ONCE = (signal.SIGTERM, signal.SIGHUP)
#: When an interrupt is raised again, in seconds.
_SOON_S = 0.01


def heed() -> None:
    """Let each of the signals raise KeyboardInterrupt, so that the process cleans up as it ends.

    After the first signal, SIGTERM and SIGHUP are ignored: a second one, which a closing terminal
    sends, would interrupt the cleanup. SIGHUP or SIGINT stays ignored if it was ignored when the
    process started, as `nohup` and background jobs require.
    """
    for number in SIGNALS:
        if number == signal.SIGTERM or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    if not isinstance(sys.unraisablehook, _Again):
        sys.unraisablehook = _Again(sys.unraisablehook)


class _Again:
    """Raises an interrupt again that came while a destructor ran, where Python drops exceptions.

    Args:
        others: takes what else is dropped, and prints it.
    """

    def __init__(self, others: Callable[[Any], object]) -> None:
        self._others = others

    def __call__(self, dropped: Any, /) -> None:
        if not issubclass(dropped.exc_type, KeyboardInterrupt):
            self._others(dropped)
            return
        # not at once: this function runs in the destructor, too
        again = threading.Timer(_SOON_S, os.kill, (os.getpid(), signal.SIGINT))
        again.daemon = True
        again.start()


def _interrupt(number: int, frame: FrameType | None) -> None:
    for repeated in _ONCE:
        signal.signal(repeated, signal.SIG_IGN)
    signal.default_int_handler(number, frame)


def ignore() -> None:
    """Ignore the signals for the rest of this process."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextlib.contextmanager
def ignored() -> Iterator[None]:
    """Ignore the signals for the duration of a `with` block; only the main thread can do so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    try:
        ignore()
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
