"""Signals that ask a process to end: Ctrl-C, `kill`, and a terminal that went away."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: Programs send these signals, often several times; only the first counts. Ctrl-C always counts.
_ONCE = (signal.SIGTERM, signal.SIGHUP)


def heed() -> None:
    """Let each of the signals raise KeyboardInterrupt, so that the process cleans up as it ends.

    After the first signal, SIGTERM and SIGHUP are ignored: a second one, which a closing terminal
    sends, would interrupt the cleanup. SIGHUP or SIGINT stays ignored if it was ignored when the
    process started, as `nohup` and background jobs require.
    """
    for number in SIGNALS:
        if number == signal.SIGTERM or signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


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
