"""The threshold in the generated C: the header has it, and the C's alarms are edgeae's."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
import tiny

from edgeae.codegen import compiler
from edgeae.detect.rows import Asked
from edgeae.detect.run import detect
from edgeae.embed.write import embed
from edgeae.metrics.tolerance import Tolerance

_MAIN = """\
#include <stdio.h>
#include "tiny_autoencoder.h"
static const {kind} rows[{n}][TINY_AUTOENCODER_INPUT_SIZE] = {{{rows}}};
int main(void) {{
  static uint8_t arena[TINY_AUTOENCODER_SCORE_ARENA_BYTES];
  static int8_t input[TINY_AUTOENCODER_INPUT_SIZE], expected[TINY_AUTOENCODER_OUTPUT_SIZE];
  int alarms = 0;
  (void)input, (void)expected;
  for (int row = 0; row < {n}; row++)
    alarms += tiny_autoencoder_score(arena, {given}, {expected}) > TINY_AUTOENCODER_SCORE_THRESHOLD;
  printf("%d\\n", alarms);
  return 0;
}}
"""


@pytest.fixture
def asked(tmp_path) -> Asked:
    np.savez(tmp_path / "normal.npz", x=tiny.images(300, seed=71))
    return Asked(str(tmp_path / "normal.npz"), false_alarms=0.05)


def macros(folder) -> dict[str, str]:
    lines = (folder / "tiny_autoencoder.h").read_text().splitlines()
    words = [line.split(maxsplit=2) for line in lines if line.startswith("#define TINY")]
    return {name: rest[0] for _, name, *rest in words if rest}


def test_the_header_has_no_threshold_before_and_one_after(tiny_bundle, tmp_path, asked):
    bundle = tiny_bundle()
    embed(bundle.root, "c", tmp_path / "before")
    assert "TINY_AUTOENCODER_SCORE_THRESHOLD" not in macros(tmp_path / "before")
    detect(bundle, asked, ["litert-xnnpack"], lambda line: None)
    embed(bundle.root, "c", tmp_path / "other")  # no threshold of the reference kernels
    assert "TINY_AUTOENCODER_SCORE_THRESHOLD" not in macros(tmp_path / "other")
    (side,) = detect(bundle, asked, ["litert-reference"], lambda line: None).sides
    embed(bundle.root, "c", tmp_path / "after")
    found = macros(tmp_path / "after")
    assert found["TINY_AUTOENCODER_SCORE_THRESHOLD"] == f"{side.score_threshold:.0f}u"
    assert "THRESHOLD" not in (tmp_path / "after" / "tiny_encoder.h").read_text()
    standardized = Asked(asked.data, false_alarms=0.05, score="standardized")
    detect(bundle, standardized, ["litert-reference"], lambda line: None)
    embed(bundle.root, "c", tmp_path / "standardized")
    assert "TINY_AUTOENCODER_SCORE_THRESHOLD" not in macros(tmp_path / "standardized")


@pytest.mark.parametrize("flavour", ["int8", "float32"])
def test_the_c_has_as_many_alarms_as_the_rank_leaves(flavour, tiny_bundle, tmp_path, asked):
    """Of 300 rows, 14 have a score above the 15th largest, but for ties."""
    bundle = tiny_bundle(flavour)
    detect(bundle, asked, ["litert-reference"], lambda line: None)
    embed(bundle.root, "c", tmp_path / "c")
    stored = tiny.images(300, seed=71).reshape(300, 16)
    rows = stored.astype(int) - 128 if flavour == "int8" else stored * np.float32(1 / 255)
    kind = "int8_t" if flavour == "int8" else "float"
    alarms = built(tmp_path / "c", kind, rows, "rows[row]", "rows[row]")
    # floats: the last digit of the threshold's own row may be on either side
    assert alarms in ((14,) if flavour == "int8" else (14, 15))


def test_an_output_of_another_scale_has_a_score_after_detect(
    tiny_bundle, tmp_path, asked, monkeypatch
):
    """As models of tables and signals have: their output is no sigmoid."""
    monkeypatch.setitem(tiny.QUANTIZED, "reconstruction", (float(np.float32(1 / 190)), -100))
    bundle = tiny_bundle(tolerance=Tolerance(max_lsb=1, added_loss=1.0))
    embed(bundle.root, "c", tmp_path / "before")
    assert "_score" not in (tmp_path / "before" / "tiny_autoencoder.h").read_text()
    (side,) = detect(bundle, asked, ["litert-reference"], lambda line: None).sides
    embed(bundle.root, "c", tmp_path / "c")
    rows = tiny.images(300, seed=71).reshape(300, 16) * np.float32(1 / 255)
    alarms = built(
        tmp_path / "c",
        "float",
        rows,
        "(tiny_autoencoder_quantize_f32(rows[row], input), input)",
        "(tiny_autoencoder_quantize_expected_f32(rows[row], expected), expected)",
    )
    assert alarms == 14 and side.score_flips.n == 300


def built(folder: Path, kind: str, rows: np.ndarray, given: str, expected: str) -> int:
    """Compile and run a program that counts the alarms among rows."""
    texts = [", ".join(f"{value:.9g}" for value in row) for row in rows]
    main = _MAIN.format(
        kind=kind,
        n=len(rows),
        rows=", ".join(f"{{{text}}}" for text in texts),
        given=given,
        expected=expected,
    )
    (folder / "alarms.c").write_text(main)
    sources = [path.name for path in folder.glob("*.c") if path.name != "main.c"]
    command = [*compiler.host(), "-std=c99", "-O1", *sources, "-lm", "-o", "alarms"]
    subprocess.run(command, cwd=folder, check=True)
    return int(subprocess.run([folder / "alarms"], capture_output=True, check=True).stdout)
