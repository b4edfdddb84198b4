"""Serves a folder on this machine and opens a page of it in headless Chromium."""

import functools
import http.server
import queue
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from edgeae.errors import NotMeasured, RuntimeUnavailable

_OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
    "--proxy-server=http://127.0.0.1:1",  # nothing but this machine answers
)


class _Handler(http.server.SimpleHTTPRequestHandler):
    answers: ClassVar["queue.Queue[str]"]
    extensions_map: ClassVar[dict[str, str]] = {
        **http.server.SimpleHTTPRequestHandler.extensions_map,
        ".js": "text/javascript",
        ".mjs": "text/javascript",
        ".wasm": "application/wasm",
    }

    def do_POST(self) -> None:
        """Keep what a page posts."""
        self.answers.put(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def chromium() -> str:
    """Return the command of Chromium.

    Raises:
        RuntimeUnavailable: it is not installed.
    """
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if found is None:
        raise RuntimeUnavailable("no command chromium", "apt-get install chromium")
    return found


def told(folder: Path, page: str, timeout_s: float = 120.0) -> str:
    """Open a page of a folder in Chromium with a new profile; return the first text it posts.

    Raises:
        RuntimeUnavailable: Chromium is not installed.
        NotMeasured: the page posts nothing.
    """
    answers: queue.Queue[str] = queue.Queue()
    with (
        _served(folder, answers) as address,
        tempfile.TemporaryDirectory(
            ignore_cleanup_errors=True  # processes of Chromium still write while they end
        ) as profile,
    ):
        command = [chromium(), *_OPTIONS, f"--user-data-dir={profile}", f"{address}/{page}"]
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as browser:
            try:
                return answers.get(timeout=timeout_s)
            except queue.Empty:
                raise NotMeasured(f"{page}: Chromium said nothing in {timeout_s:.0f} s") from None
            finally:
                browser.terminate()


@contextmanager
def _served(folder: Path, answers: "queue.Queue[str]") -> Iterator[str]:
    kind = type("Handler", (_Handler,), {"answers": answers})
    handler = functools.partial(kind, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
