"""The section of the report, and the commands that make it again."""

import json
import re

import numpy as np
import pytest
import tiny

from edgeae.artifacts.bundle import Bundle
from edgeae.detect.result import DETECT
from edgeae.detect.rows import Asked
from edgeae.detect.run import detect
from edgeae.errors import BadInput
from edgeae.families.command import train_command
from edgeae.report.write import write


@pytest.fixture
def bundle(tiny_bundle) -> Bundle:
    tiny_bundle("float32")
    return tiny_bundle()


@pytest.fixture
def asked(tmp_path) -> Asked:
    noise = np.random.default_rng(5).integers(0, 256, (30, 4, 4)).astype(np.uint8)
    rows = np.concatenate([tiny.images(70, seed=61), noise])
    np.savez(tmp_path / "a test.npz", x=rows, y=np.repeat([0, 1], [70, 30]))
    np.savez(tmp_path / "normal.npz", x=tiny.images(120, seed=62))
    return Asked(str(tmp_path / "normal.npz"), str(tmp_path / "a test.npz"), "y")


def report(bundle: Bundle) -> tuple[str, str, dict]:
    build = bundle.root.parent.parent
    write(build, build / "report", train_command)
    names = ("index.html", "summary.md", "summary.json")
    page, markdown, summary = ((build / "report" / name).read_text() for name in names)
    return page, markdown, json.loads(summary)


def test_the_report_has_a_section_with_table_and_plots(bundle, asked):
    found = detect(bundle, asked, ["litert-reference"], lambda line: None)
    page, markdown, summary = report(bundle)
    assert summary["detections"] == [found.to_json()]
    section = page.partition('<section id="detection">')[2].partition("</section>")[0]
    assert '<a href="#detection">' in page and "float32/autoencoder.tflite" in section
    drawings = re.findall(r'<svg .*?aria-labelledby="(\w+)-0-(\d+)-title', section)
    assert sorted(drawings) == [
        ("roc", "350"),
        ("roc", "548"),
        ("scores", "350"),
        ("scores", "548"),
    ]
    side = found.sides[0]
    assert f"threshold {side.threshold:.4g}" in section
    assert f"{side.auc.value:.4f} [" in section and f"{side.auc.value:.4f}" in markdown
    assert "## Anomaly detection" in markdown and "script" not in section
    (command,) = [line for line in summary["commands"] if line.startswith("edgeae detect")]
    assert command == (
        f"edgeae detect build/tiny/int8 --data {asked.data} --test '{asked.test}' --label y "
        "--normal 0 --false-alarms 0.01 --score mse --runtime litert-reference"
    )


def test_each_bar_of_the_drawing_is_its_share_of_the_rows(bundle, asked):
    found = detect(bundle, asked, ["litert-reference"], lambda line: None)
    page, *_ = report(bundle)
    section = page.partition('id="scores-0-548-title"')[2].partition("</svg>")[0]
    areas = re.findall(r'<polygon points="([^"]+)" class="area s(\d)"', section)
    assert [kind for _, kind in areas] == ["0", "1"]
    for (points, _), counts in zip(
        areas, (found.sides[0].histogram.normal, found.sides[0].histogram.anomalous), strict=True
    ):
        heights = [float(pair.split(",")[1]) for pair in points.split()]
        ground, tops = heights[0], heights[1:-1:2]
        assert len(tops) == len(counts) and heights[-1] == ground
        highest = (ground - min(tops)) / max(counts)
        for top, count in zip(tops, counts, strict=True):
            assert ground - top == pytest.approx(count * highest, abs=0.2)


def test_without_a_test_there_is_no_roc_curve(bundle, asked):
    detect(bundle, Asked(asked.data), ["litert-reference"], lambda line: None)
    page, *_ = report(bundle)
    section = page.partition('<section id="detection">')[2].partition("</section>")[0]
    assert "Scores of int8 on litert-reference" in section and "ROC" not in section


def test_absent_sides_are_rows_of_the_section(odd, tiny_bundle, asked):
    bundle = tiny_bundle("int8", recipe="alone")
    detect(bundle, asked, ["odd-absent", "odd-nan"], lambda line: None)
    page, markdown, _ = report(bundle)
    section = page.partition('<section id="detection">')[2].partition("</section>")[0]
    assert "no such board is connected" in section and "no such board" in markdown


def test_a_report_without_detections_has_no_section(bundle):
    page, markdown, summary = report(bundle)
    assert 'id="detection"' not in page and "Anomaly" not in markdown
    assert summary["detections"] == []


def test_a_damaged_file_stops_the_report_in_one_line(bundle):
    (bundle.root / DETECT).write_text(json.dumps({"schema": 1, "manifest_sha256": bundle.sha256}))
    with pytest.raises(BadInput, match=r"detect\.json: damaged: .*; `edgeae detect` writes"):
        report(bundle)
