"""What readers and browsers make of a page of HTML."""

import html.parser
import json
import re
import shutil
import subprocess
from pathlib import Path


class Reader(html.parser.HTMLParser):
    """What a browser would make of the page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.text += data


def words(text: str) -> str:
    return re.sub(r"\s+", " ", Reader(text).text)


def rows_of(text: str) -> list[list[str]]:
    """The cells of every row of every table."""
    return [
        [words(cell).strip() for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.S)]
        for row in re.findall(r"<tr.*?</tr>", text, re.S)
    ]


def in_a_browser(text: str, tmp_path: Path, width: int) -> dict:
    """What a browser makes of a page: its width, which tables scroll, labels that are cut off."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    assert chromium, "chromium is missing: apt-get install chromium"
    (tmp_path / "phone.html").write_text(
        "<!doctype html><meta charset=utf-8><body><p>unmeasured</p>"
        f'<iframe style="width:{width}px;height:844px;border:0" srcdoc="{_quoted(text)}"></iframe>'
        """<script>onload = () => {
          const page = document.querySelector("iframe").contentDocument;
          page.querySelectorAll("details").forEach(item => item.open = true);
          const tables = [...page.querySelectorAll(".scroll")];
          const cut = [...page.querySelectorAll("svg text")].filter(item => {
            const [box, svg] = [item, item.ownerSVGElement].map(e => e.getBoundingClientRect());
            return box.width && (box.left < svg.left - 1 || box.right > svg.right + 1);
          });
          document.querySelector("p").textContent = JSON.stringify({
            page: page.documentElement.scrollWidth,
            wide: tables.filter(item => item.scrollWidth > item.clientWidth).map(
              item => item.getAttribute("aria-label")),
            cut: cut.map(item => item.textContent),
          });
        }</script>"""
    )
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    options += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    done = subprocess.run(
        [
            chromium,
            *options,
            f"--user-data-dir={tmp_path / 'profile'}",
            "--window-size=1400,900",
            "--dump-dom",
            (tmp_path / "phone.html").as_uri(),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    measured = re.search(r"<p>(.*?)</p>", done.stdout)
    assert measured, done.stderr
    return json.loads(measured[1])


def _quoted(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;")
