"""The report's table of edgeae's compression beside tfmot's."""

import json
import re

from original_models import trained

from edgeae.families.command import train_command
from edgeae.report.write import write
from edgeae.summary.comparison import FILE, Comparison, Measured


def test_both_outputs_have_the_table(tmp_path, tiny_bundle):
    tiny_bundle()
    build = tmp_path / "build"
    training = trained(build / "mine", "digits")
    identity = training.weights_sha256
    ours = Measured("QAT", "edgeae", "mine", "r", identity, 1.01, 1000, 900, 800, 12.4)
    reason = "[qat] engine = 'tfmot': tfmot does not take layer <x>"
    measured = Comparison((ours, Measured("QAT", "tfmot", "mine", refused=reason)))
    (build / FILE).write_text(json.dumps(measured.to_json()))
    summary = write(build, build / "report", train_command)
    (found,) = summary["comparisons"]
    assert found["models"] == ["mine"] and len(found["rows"]) == 2
    text = (build / "report" / "summary.md").read_text()
    assert "| QAT | edgeae | 1.0100 | 1,000 B | 900 B | 800 B | 12 s |" in text
    page = (build / "report" / "index.html").read_text()
    section = page.partition('<section id="comparison">')[2].partition("</section>")[0]
    cells = re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", section))
    assert "QAT edgeae 1.0100 1,000 B 900 B 800 B 12 s QAT tfmot" in cells
    assert "layer &lt;x&gt;" in cells and '<a href="#comparison">' in page


def test_without_a_comparison_there_is_no_table(tmp_path, tiny_bundle):
    tiny_bundle()
    folder = tmp_path / "build" / "report"
    assert write(tmp_path / "build", folder, train_command)["comparisons"] == []
    assert "tfmot" not in (folder / "index.html").read_text()
    assert "tfmot" not in (folder / "summary.md").read_text()
