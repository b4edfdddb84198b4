"""Show the progress of long work on standard error: a bar on a terminal, plain lines in a pipe."""

import shutil
import sys
import threading
import time
from types import TracebackType
from typing import Self

from edgeae.text.printable import printable

_BAR_WIDTH = 24
#: Largest number of progress lines in a pipe.
_PLAIN_LINES = 10


def tell(line: str) -> None:
    """Print a line about some work to standard error."""
    sys.stderr.write(printable(line) + "\n")
    sys.stderr.flush()


class Progress:
    """Counts the steps of some work; use it as a context manager, from any thread.

    Args:
        total: number of steps.
        label: name of the work.
        unit: name of one step, for the rate.
        done: steps already done by an earlier process.
        each: whether to print a line for each step in a pipe, for long steps.
        shown: whether to print anything.
    """

    def __init__(
        self,
        total: int,
        label: str,
        unit: str,
        done: int = 0,
        each: bool = False,
        shown: bool = True,
    ) -> None:
        self._total, self._label, self._unit = total, label, unit
        self._done = self._before = done
        self._each, self._shown = each, shown
        self._started = time.monotonic()
        self._bar = sys.stderr.isatty()
        self._writing = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar:
            self._write("\n")

    def advance(self, note: str = "") -> None:
        """Count one step and show the progress; `note` is the latest figure."""
        with self._writing:
            self._done += 1
            if self._bar:
                self._draw(note)
            elif self._is_due():
                self._write(self._line(note) + "\n")

    def tell(self, line: str) -> None:
        """Show a line about the current step: beside the bar, or as its own line in a pipe."""
        with self._writing:
            if self._bar:
                self._draw(line)
            else:
                self._write(printable(line) + "\n")

    def _draw(self, note: str) -> None:
        # a line that wraps could not be overwritten
        width = shutil.get_terminal_size().columns - 1
        self._write(f"\r\x1b[K{self._line(note)[:width]}")

    def _write(self, text: str) -> None:
        if self._shown:
            sys.stderr.write(text)
            sys.stderr.flush()

    def _is_due(self) -> bool:
        if self._each or self._done == self._total:
            return True
        tenths = self._done * _PLAIN_LINES // self._total
        return tenths > (self._done - 1) * _PLAIN_LINES // self._total

    def _line(self, note: str) -> str:
        filled = _BAR_WIDTH * self._done // max(1, self._total)
        bar = f"[{'█' * filled}{'·' * (_BAR_WIDTH - filled)}] " if self._bar else ""
        count = f"{self._label}: {bar}{self._done}/{self._total} {self._pace()}"
        return f"{count}, {printable(note)}" if note else count

    def _pace(self) -> str:
        seconds = time.monotonic() - self._started
        if self._done >= self._total:
            return f"{seconds:.1f} s"
        if self._done == self._before or seconds <= 0:
            return f"{seconds:.0f} s so far"
        rate = (self._done - self._before) / seconds
        return f"{rate:.2g} {self._unit}/s, {(self._total - self._done) / rate:.0f} s left"
