"""Drives Chromium by the DevTools protocol over a pipe: pages, pointers, keys and screenshots.

`with browser(tmp_path) as chromium: page = chromium.page(width, height)`. The pipe needs no port
and no other package: messages are JSON, each ended by a zero byte.
"""

import base64
import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-extensions", "--hide-scrollbars", "--remote-debugging-pipe"),
)
_TIMEOUT_S = 60.0
Message = dict[str, Any]


class Chromium:
    """A browser; `page` opens its pages."""

    def __init__(self, read: int, write: int) -> None:
        self._read, self._write = read, write
        self._rest = b""
        self._last = 0
        self.events: list[Message] = []

    def call(self, method: str, session: str | None = None, **params: Any) -> Message:
        """Call a method and return its result; events that come meanwhile are kept."""
        self._last += 1
        message: Message = {"id": self._last, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._last:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self.events.append(answer)

    def _next(self) -> Message:
        while b"\0" not in self._rest:
            content = os.read(self._read, 1 << 16)
            assert content, "Chromium ended"
            self._rest += content
        line, _, self._rest = self._rest.partition(b"\0")
        return json.loads(line)

    def page(self, width: int, height: int, *, dark: bool = False, touch: bool = False) -> "Page":
        """Open an empty page of a size."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        return Page(self, attached["sessionId"], width, height, dark, touch)


class Page:
    """A page of the browser; places are pixels of the style, from the window's corner."""

    def __init__(
        self, chromium: Chromium, session: str, width: int, height: int, dark: bool, touch: bool
    ) -> None:
        self._chromium, self._session = chromium, session
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if touch else 1,
            mobile=touch,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Emulation.setTouchEmulationEnabled", enabled=touch)
        self.call("Emulation.setFocusEmulationEnabled", enabled=True)
        self.call("Page.bringToFront")  # a page behind another paints no frames

    def call(self, method: str, **params: Any) -> Message:
        """Call a method of the page's session."""
        return self._chromium.call(method, self._session, **params)

    def open(self, address: str) -> None:
        """Load an address and wait for the load event."""
        self.call("Page.navigate", url=address)
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'")

    def value(self, expression: str) -> Any:
        """Return the value of an expression, awaited if it is a promise."""
        done = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def until(self, expression: str) -> None:
        """Wait until an expression is true."""
        deadline = time.monotonic() + _TIMEOUT_S
        while not self.value(expression):
            assert time.monotonic() < deadline, f"never: {expression}"
            time.sleep(0.02)

    def events(self, method: str) -> list[Message]:
        """Return the parameters of the page's events of a method until now."""
        self.value("1")  # so that what is on its way has arrived
        return [
            event["params"]
            for event in self._chromium.events
            if event.get("method") == method and event.get("sessionId") == self._session
        ]

    def box(self, selector: str) -> tuple[float, float, float, float]:
        """Return left, top, width and height of an element, after scrolling it into the window."""
        element = f"document.querySelector({json.dumps(selector)})"
        self.value(f"{element}.scrollIntoView({{block: 'center'}})")
        box = self.value(f"{element}.getBoundingClientRect().toJSON()")
        return box["left"], box["top"], box["width"], box["height"]

    def drag(self, selector: str, points: list[tuple[float, float]]) -> None:
        """Draw with the mouse inside an element, along points from 0 to 1."""
        left, top, width, height = self.box(selector)
        places = [(left + x * width, top + y * height) for x, y in points]
        self._mouse("mousePressed", *places[0])
        for place in places[1:]:
            self._mouse("mouseMoved", *place)
        self._mouse("mouseReleased", *places[-1])

    def _mouse(self, kind: str, x: float, y: float) -> None:
        button = {"button": "left", "buttons": 1, "clickCount": 1}
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **button)

    def wipe(self, selector: str, points: list[tuple[float, float]]) -> None:
        """Draw with a finger inside an element, along points from 0 to 1."""
        left, top, width, height = self.box(selector)
        for at, (x, y) in enumerate(points):
            place = {"x": left + x * width, "y": top + y * height}
            kind = "touchMove" if at else "touchStart"
            self.call("Input.dispatchTouchEvent", type=kind, touchPoints=[place])
        self.call("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])

    def press(self, key: str, *, shift: bool = False) -> None:
        """Press a key, by its name in `KeyboardEvent.key`."""
        text = {"text": key} if len(key) == 1 else {}
        codes = {"ArrowUp": 38, "ArrowDown": 40, "ArrowLeft": 37, "ArrowRight": 39, " ": 32}
        codes |= {"Tab": 9, "Delete": 46, "Backspace": 8, "Enter": 13}
        common = {"key": key, "windowsVirtualKeyCode": codes[key], "modifiers": 8 if shift else 0}
        self.call("Input.dispatchKeyEvent", type="keyDown", **common, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    def screenshot(self, path: Path) -> Path:
        """Write a picture of the whole page."""
        content = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(content["data"]))
        return path


def _high(descriptor: int) -> int:
    """Move a descriptor to a number above those that the shell sets."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(descriptor)
    return moved


@contextlib.contextmanager
def browser(folder: Path) -> Iterator[Chromium]:
    """Run Chromium, with its profile in a folder."""
    command = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    assert command, "chromium is missing: apt-get install chromium"
    theirs_in, ours_out = map(_high, os.pipe())
    ours_in, theirs_out = map(_high, os.pipe())
    # Chromium reads what is open as 3 and writes to 4
    shell = ["bash", "-c", f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}', "bash"]
    process = subprocess.Popen(
        [*shell, command, *_OPTIONS, f"--user-data-dir={folder / 'profile'}", "about:blank"],
        pass_fds=(theirs_in, theirs_out),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs_in)
    os.close(theirs_out)
    try:
        chromium = Chromium(ours_in, ours_out)
        yield chromium
        chromium.call("Browser.close")
    finally:
        process.terminate()
        process.wait(10)
        os.close(ours_in)
        os.close(ours_out)
