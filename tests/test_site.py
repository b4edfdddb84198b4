"""The documentation as a browser gets it: built strictly, without the network, and on a phone."""

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from edgeae_cli import ROOT

pytestmark = pytest.mark.system

CONTROL = "control.invalid"
#: Where Chromium itself asks for updates and accounts, whatever it shows.
BROWSERS_OWN = (".google.com", "update.googleapis.com", "optimizationguide-pa.googleapis.com")
#: What a browser would fetch by itself, from another place than the site's own folder.
_FETCHED = re.compile(
    r"<(?:script|img|iframe|source|link)\b[^>]+(?:src|href)=[\"']?((?:https?:)?//[^\"' >]+)"
)
_MEASURE = """<!doctype html><meta charset=utf-8><body><p>unmeasured</p><script>
const pages = PAGES, found = {}
new Image().src = "http://CONTROL/"  // which shows that requests are seen
let left = pages.length
for (const page of pages) {
  const frame = document.createElement("iframe")
  frame.style = "width:WIDTHpx;height:844px;border:0"
  frame.src = page
  frame.onload = () => setTimeout(() => {
    const site = frame.contentDocument
    found[page] = {
      width: site.documentElement.scrollWidth,
      title: site.title,
    }
    frame.remove()
    if (--left === 0) document.querySelector("p").textContent = JSON.stringify(found)
  }, 500)
  document.body.append(frame)
}
</script>"""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(place)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return place


def pages(site: Path) -> list[Path]:
    return sorted(site.rglob("*.html"))


def test_nothing_of_a_page_lies_elsewhere(site: Path) -> None:
    assert len(pages(site)) > 25
    for page in pages(site):
        assert _FETCHED.findall(page.read_text(encoding="utf-8")) == [], page
    for style in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?(https?:)?//", style.read_text(encoding="utf-8")), style


@pytest.mark.parametrize("width", [390, 1280])
def test_no_page_is_wider_than_its_window_or_fetches_from_elsewhere(
    site: Path, tmp_path: Path, width: int
) -> None:
    with recording() as proxy:
        found = in_a_browser(site, tmp_path, width, proxy.port)
    assert len(found) == len(pages(site))
    for page, told in found.items():
        assert told["title"], page
        assert told["width"] <= width, page
    assert {host for host in proxy.hosts if not host.endswith(BROWSERS_OWN)} == {CONTROL}


@dataclass
class Proxy:
    """A proxy that answers nothing, and keeps the hosts that it was asked for."""

    port: int
    hosts: set[str] = field(default_factory=set)


@contextlib.contextmanager
def recording() -> Iterator[Proxy]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        proxy = Proxy(server.getsockname()[1])

        def listen() -> None:
            with contextlib.suppress(OSError):  # closed
                while True:
                    client, _ = server.accept()
                    with client:
                        target = client.recv(4096).split(b" ")[1].decode()
                        host = re.sub(r"^\w+://", "", target).partition("/")[0]
                        proxy.hosts.add(host.partition(":")[0])

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield proxy
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)


def in_a_browser(site: Path, tmp_path: Path, width: int, port: int) -> dict:
    """Open every page of the site at a width, behind a proxy: title, and how wide it is."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    assert chromium, "chromium is missing: apt-get install chromium"
    urls = json.dumps([page.as_uri() for page in pages(site)])
    text = _MEASURE.replace("PAGES", urls).replace("WIDTH", str(width)).replace("CONTROL", CONTROL)
    (tmp_path / "measure.html").write_text(text, encoding="utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    options += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    options += ["--allow-file-access-from-files", "--virtual-time-budget=60000"]
    options += [f"--proxy-server=http://127.0.0.1:{port}"]
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    measure = (tmp_path / "measure.html").as_uri()
    done = subprocess.run(
        [chromium, *options, profile, "--window-size=1400,900", "--dump-dom", measure],
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    measured = re.search(r"<p>(\{.*?\})</p>", done.stdout)
    assert measured, done.stderr
    return json.loads(measured[1].replace("&amp;", "&"))
