"""Progress of long work, on standard error: a bar on a terminal, plain lines when piped."""

import sys
import time
from types import TracebackType
from typing import Self

__all__ = ["Progress"]

_BAR_WIDTH = 24
#: Piped, at most this many lines tell of one piece of work.
_PLAIN_LINES = 10


class Progress:
    """Counts steps of known number; use as a context manager.

    Args:
        total: how many steps there will be.
        label: what is being done.
        unit: what one step is, for the rate.
    """

    def __init__(self, total: int, label: str, unit: str) -> None:
        self._total, self._label, self._unit = total, label, unit
        self._done = 0
        self._started = time.monotonic()
        self._bar = sys.stderr.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar and self._done:
            sys.stderr.write("\n")

    def advance(self, note: str = "") -> None:
        """Count one step and say so; `note` is the latest figure."""
        self._done += 1
        if self._bar:
            sys.stderr.write(f"\r\x1b[K{self._line(note)}")
        elif self._is_due():
            sys.stderr.write(self._line(note) + "\n")
        sys.stderr.flush()

    def _is_due(self) -> bool:
        if self._done == self._total:
            return True
        tenths = self._done * _PLAIN_LINES // self._total
        return tenths > (self._done - 1) * _PLAIN_LINES // self._total

    def _line(self, note: str) -> str:
        seconds = time.monotonic() - self._started
        rate = self._done / seconds if seconds > 0 else 0.0
        left = (self._total - self._done) / rate if rate else 0.0
        filled = _BAR_WIDTH * self._done // self._total
        bar = f"[{'█' * filled}{'·' * (_BAR_WIDTH - filled)}] " if self._bar else ""
        pace = (
            f"{rate:.2g} {self._unit}/s, {left:.0f} s left"
            if self._done < self._total
            else (f"{seconds:.1f} s")
        )
        return f"{self._label}: {bar}{self._done}/{self._total} {pace}" + (
            f", {note}" if note else ""
        )
