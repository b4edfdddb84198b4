"""What a notebook shows of a bundle: figures and pictures, escaped, without a script."""

import base64
import dataclasses
import re
import zlib
from html.parser import HTMLParser

import numpy as np
import tiny
from tampering import corrupt

import edgeae
from edgeae.artifacts.bundle import MANIFEST
from edgeae.metrics.standardization import Standardization
from edgeae.plotting import png


class Page(HTMLParser):
    """The tags, attributes and texts of a piece of HTML; `open` is what was not closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def shown(root) -> str:
    with edgeae.open(root) as bundle:
        return bundle._repr_html_()


def picture(html: str) -> bytes:
    (content,) = re.findall(r'src="data:image/[a-z+]+;base64,([^"]+)"', html)
    return base64.b64decode(content)


def changed(bundle, **fields: object):
    manifest = dataclasses.replace(bundle.manifest, **fields)
    (bundle.root / MANIFEST).write_text(manifest.to_json())
    return bundle.root


def test_it_shows_size_loss_code_and_pictures(tiny_bundle):
    files = tiny_bundle()
    html = shown(files.root)
    page = Page(html)
    text = " ".join(page.texts)
    loss, code = files.manifest.loss, files.manifest.code
    size = (files.root / "encoder.tflite").stat().st_size
    assert "tiny/int8" in text and f"{size:,} B, int8, 160 MACs" in text
    assert f"MSE {loss.exported:.5f}" in text and f"the original's {loss.float32:.5f}" in text
    assert f"4 values, {code.min:.3g} to {code.max:.3g}, scale 0.003" in text
    assert png.size(picture(html)) == (10 * 4 + 9 * 2, 2 * 4 + 2)  # ten images, and two rows
    assert page.open == []


def test_it_has_no_script_no_style_sheet_and_no_colour_of_its_own(tiny_bundle):
    page = Page(shown(tiny_bundle().root))
    assert set(page.tags) == {"div", "p", "strong", "table", "tbody", "tr", "th", "td", "img"}
    for key, value in page.attributes:
        assert not key.startswith("on") and "http" not in str(value)
        assert key == "src" or not re.search("color|background|#", str(value))
    assert dict(page.attributes)["alt"]  # for those who do not see it


def test_the_second_row_is_the_exports_own_reconstructions(tiny_bundle):
    files = tiny_bundle()
    content = picture(shown(files.root))
    place = content.index(b"IDAT")
    length = int.from_bytes(content[place - 4 : place], "big")
    rows = np.frombuffer(zlib.decompress(content[place + 4 : place + 4 + length]), np.uint8)
    grid = rows.reshape(10, -1)[:, 1:].reshape(10, 58, 2)[..., 0]
    images = tiny.images(64)[:10]
    steps = (images.reshape(10, 16).astype(np.int16) - 128).astype(np.int8)
    whole = tiny.run(
        (files.root / "autoencoder.tflite").read_bytes(), steps, tiny.RESOLVERS["litert-reference"]
    )
    scale, zero = tiny.QUANTIZED["reconstruction"]
    made = np.clip((whole.astype(float) - zero) * scale, 0, 1).reshape(10, 4, 4)
    for place in range(10):
        at = slice(6 * place, 6 * place + 4)
        np.testing.assert_array_equal(grid[:4, at], images[place])
        np.testing.assert_allclose(grid[6:10, at], made[place] * 255, atol=0.51)


def test_names_are_escaped(tiny_bundle):
    files = tiny_bundle()
    dataset = {**files.manifest.dataset, "name": "<script>alert('x')</script>\"&"}
    html = shown(changed(files, dataset=dataset))
    assert "<script" not in html
    assert "<script>alert('x')</script>\"&" in " ".join(Page(html).texts)


def test_rows_of_columns_are_lines(tiny_bundle):
    files = tiny_bundle()
    columns = [f"c{number}" for number in range(16)]
    for fields in (
        {"dataset": {**files.manifest.dataset, "columns": columns}},
        {
            "normalization": {"scale": 1.0, "offset": 0.0},
            "standardization": Standardization((0.0,) * 16, (1.0,) * 16),
        },
        {"dataset": {**files.manifest.dataset, "reading": {"window": 16}}},
    ):
        html = shown(changed(files, **fields))
        assert picture(html).startswith(b"<svg") and picture(html).count(b"<path") == 10
        assert "<script" not in html


def test_an_encoder_has_no_reconstructions(tiny_bundle):
    files = tiny_bundle()
    (encoder,) = [item for item in files.manifest.artifacts if item.part == "encoder"]
    html = shown(changed(files, artifacts=(encoder,)))
    assert "<img" not in html and "encoder.tflite" in html


def test_a_damaged_golden_vector_is_told_and_not_shown(tiny_bundle):
    files = tiny_bundle()
    corrupt(files.root / "golden" / "image.npy")
    html = shown(files.root)
    assert "<img" not in html and "golden/image.npy: sha256" in html
