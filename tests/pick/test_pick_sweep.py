"""`edgeae pick` among the cells of a sweep."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from grid_sweeps import cells, sweep
from hypothesis import given
from hypothesis import strategies as st
from result_rows import PASSED, verified
from typer.testing import CliRunner

from edgeae.artifacts.bundle import Bundle, open_bundle
from edgeae.cli.main import app
from edgeae.errors import BadInput, EdgeaeError, NotMeasured
from edgeae.pick.choice import Candidate, Limits, pick
from edgeae.sweep.candidates import candidates
from edgeae.sweep.result import SweepCell, place, write

Build = Callable[..., Bundle]


def run(*arguments: object):
    return CliRunner().invoke(app, ["pick", *map(str, arguments)])


def best(*arguments: object) -> dict:
    done = run(*arguments, "--json")
    assert done.exit_code == 0, (done.output, done.exception)
    return json.loads(done.stdout)["best"]


def refusal(kind: type[EdgeaeError], *arguments: object) -> str:
    done = run(*arguments)
    assert type(done.exception) is kind, (done.output, done.exception)
    assert "\n" not in str(done.exception)
    return str(done.exception)


def written(folder: Path, made: list[SweepCell]) -> Path:
    path = place(folder / "build", "s")
    write(path, sweep(made))
    return path


def test_the_lowest_loss_within_the_limits(tmp_path):
    path = written(tmp_path, cells())
    found = best(path, "--max-bytes", "2000")
    # of those of at most 2,000 bytes: simple c8 and c16, deep c8, all int8; a tie at 0.0303
    assert (found["name"], found["packed"]) == ("deep-c8-digits/int8", 2000)
    assert found["loss"] == pytest.approx(0.01 * 3 * 1.01) and found["ratio"] == 1.01
    assert found["path"] == str(tmp_path / "build" / "deep-c8-digits" / "int8")
    assert found["file"] == "autoencoder.tflite" and found["instructions"] == 6008
    assert best(path, "--max-bytes", "1M")["name"] == "deep-c32-digits/float32"
    assert best(path, "--max-instructions", "3500")["name"] == "simple-c8-digits/int8"
    # only losses: the fewest bytes
    assert best(path, "--max-loss", "0.0302")["name"] == "deep-c16-digits/int8"
    found = best(path, "--max-loss", "0.0302", "--max-loss-ratio", "1.005")
    assert found["name"] == "deep-c8-digits/float32"
    assert best(path, "--max-bytes", "2400", "--bytes", "raw")["raw"] == 1500


@given(
    st.lists(
        st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 5)), min_size=1, max_size=12
    ),
    st.tuples(*[st.integers(1, 5)] * 3),
)
def test_a_choice_by_loss_is_right_by_its_definition(figures, limit):
    (base,) = cells()[:1]
    made = [
        replace(base, model=f"m{n}", loss=a / 100, packed_bytes=b, instructions=c)
        for n, (a, b, c) in enumerate(figures)
    ]
    limits = Limits(loss=limit[0] / 100, bytes=limit[1], instructions=limit[2], least="loss")
    chosen = pick(candidates(made, Path("build")), limits)
    fits = [item for item in figures if all(x <= y for x, y in zip(item, limit, strict=True))]
    if fits:
        assert chosen.best is not None
        got = (chosen.best.loss, chosen.best.packed)
        assert got == min((item[0] / 100, item[1]) for item in fits)
    else:
        assert chosen.best is None and chosen.nearest is not None


def test_latencies_of_the_sweep_are_limited_and_other_machines_named(tmp_path):
    made = [
        replace(cell, p50_us=cell.packed_bytes / 1000, host="pi4" if "deep" in cell.model else "b")
        for cell in cells()
        if cell.packed_bytes is not None
    ]
    path = written(tmp_path, made)
    done = run(path, "--max-p50", "3us")
    assert done.exit_code == 0, done.output
    assert "p50s are those of 2 machines (b, pi4), which do not compare" in done.stderr
    assert "2 µs on null, pi4" in done.stdout
    assert run(path, "--max-p50", "1ns").exit_code == 1
    line = refusal(NotMeasured, written(tmp_path, cells()), "--max-p50", "1ms")
    assert line.endswith("not timed: the sweep has no [evaluate] runtime")


def test_what_is_printed_and_the_nearest_miss(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written(tmp_path, cells())
    done = run("build/sweeps/s.json", "--max-loss", "0.04", "--max-instructions", "5k")
    assert done.exit_code == 2  # a number, without a unit
    done = run("build/sweeps/s.json", "--max-loss", "0.04", "--max-instructions", "6100")
    assert done.stdout.splitlines() == [
        "deep-c8-digits/int8",
        "  path          build/deep-c8-digits/int8",
        "  file          autoencoder.tflite",
        "  packed        2,000 B",
        "  raw           2,500 B",
        "  gzip          not known",
        "  loss ratio    1.0100",
        "  test MSE      0.030300                   limit 0.040000",
        "  instructions  6,008                      limit 6,100",
        "  verify        not verified",
    ]
    done = run("build/sweeps/s.json", "--max-loss", "0.01", "--max-bytes", "2000")
    assert done.exit_code == 1
    # its bytes are 2 times the limit; another's loss is 2.02 times
    assert done.stdout.startswith("deep-c16-digits/int8, the nearest miss\n")
    assert done.stderr == (
        "edgeae: none of 12 meets the limits; the nearest is deep-c16-digits/int8: packed bytes "
        "4,000 B, over 2,000 B by 2,000 B (100 %); loss 0.015150, over 0.010000 by 0.005150 "
        "(51.5 %)\n"
    )


def test_cells_that_are_not_done_are_counted_and_never_picked(tmp_path):
    made = cells()
    made[-1] = replace(made[-1], state="over budget", reason="too large")
    made[0] = replace(made[0], state="failed", reason="no", loss=None)
    made[2] = replace(made[2], state="failed", reason="no", loss=None)
    path = written(tmp_path, made)
    done = run(path, "--max-bytes", "1M", "--json")
    assert json.loads(done.stdout)["judged"] == 9
    assert "left out: cells that are not done: 2 failed, 1 over budget\n" in done.stderr
    failed = [replace(cell, state="failed", reason="no") for cell in cells()]
    told = refusal(NotMeasured, written(tmp_path, failed), "--max-bytes", "1M")
    assert told == f"{path}: nothing to pick from: no cell is done"


def test_losses_of_several_datasets_are_not_compared(tmp_path):
    path = written(tmp_path, [*cells(), *cells(data="rows.npz")])
    told = refusal(BadInput, path, "--max-bytes", "1M")
    assert told.endswith(
        "the losses of 2 datasets cannot be compared; give --data, one of digits, rows.npz"
    )
    found = best(path, "--max-bytes", "1M", "--data", "rows.npz")
    assert found["name"] == "deep-c32-rows.npz/float32"
    told = refusal(BadInput, path, "--max-bytes", "1M", "--data", "row.npz")
    assert told.startswith("--data: unknown dataset 'row.npz'; did you mean 'rows.npz'?")


@pytest.fixture
def bundles(tmp_path: Path, tiny_bundle: Build) -> list[SweepCell]:
    """Cells whose bundles are there: `tiny/large`, `tiny/middle` and `tiny/small`."""
    made = []
    for cell, recipe, loss in zip(
        cells(), ("large", "middle", "small"), (0.1, 0.2, 0.3), strict=False
    ):
        bundle = verified_bundle(tiny_bundle(recipe=recipe))
        sha256 = bundle.artifact("autoencoder").sha256
        made.append(replace(cell, model="tiny", recipe=recipe, loss=loss, sha256=sha256))
    return made


def verified_bundle(bundle: Bundle, verdict: str = "pass") -> Bundle:
    verified(bundle, replace(PASSED, verdict=verdict, reasons=() if verdict == "pass" else ("x",)))
    return bundle


def test_the_verdict_of_verify_is_shown_and_kept(tmp_path, bundles):
    path = written(tmp_path, bundles)
    found = best(path, "--max-bytes", "1M")
    assert (found["name"], found["verdict"]) == ("tiny/large", "pass")
    verified_bundle(open_bundle(Path(found["path"])), "fail")
    done = run(path, "--max-bytes", "1M", "--json")
    assert json.loads(done.stdout)["best"]["name"] == "tiny/middle"
    assert "left out: tiny/large: out of tolerance in `edgeae verify`\n" in done.stderr


def test_a_bundle_that_is_another_now_is_not_picked(tmp_path, bundles):
    bundles[0] = replace(bundles[0], sha256="1" * 64)
    path = written(tmp_path, bundles)
    done = run(path, "--max-bytes", "1M", "--json")
    assert json.loads(done.stdout)["best"]["name"] == "tiny/middle"
    told = "left out: tiny/large: exported again since; `edgeae sweep` measures it"
    assert told in done.stderr.splitlines()
    path = written(tmp_path, [replace(cell, sha256="1" * 64) for cell in bundles])
    told = refusal(NotMeasured, path, "--max-bytes", "1M")
    assert told.startswith("nothing to pick from: tiny/large, tiny/middle, tiny/small: exported")


def test_where_the_bundles_are_follows_from_the_file_unless_it_was_copied(tmp_path, monkeypatch):
    path = written(tmp_path, cells()[:1])
    told = ("--max-bytes", "1M")
    assert best(path, *told)["path"].startswith(f"{tmp_path}/build/")
    monkeypatch.chdir(path.parent)
    assert best("s.json", *told)["path"].startswith(f"{tmp_path}/build/")
    assert best("s.json", *told, "--build", "b")["path"].startswith("b/simple")
    (tmp_path / "copy.json").write_bytes(path.read_bytes())
    monkeypatch.chdir(tmp_path)
    assert best("copy.json", *told)["path"].startswith("build/simple")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["s.json"], "no limit: give --max-bytes"),
        (["s.json", "deep", "--max-loss", "1"], "s.json deep: allowed is one sweep's file"),
        (["s.json", "--max-loss", "0"], "--max-loss 0: allowed is above 0, and finite"),
        (["s.json", "--max-loss", "1"], "s.json: no such file; `edgeae sweep` writes it"),
        (["old.json", "--max-loss", "1"], "old.json: schema = 1: this edgeae reads schema 2"),
        (["s.json", "--max-loss", "1", "--part", "encoder"], "--part encoder: a sweep has"),
        (["s.json", "--max-bytes", "1", "--bytes", "gzip"], "--bytes gzip: a sweep has packed"),
        (["s.json", "--max-loss", "1", "--runtime", "null"], "--runtime null: the sweep's file"),
        (["s.json", "--max-loss", "1", "--on", "pi4"], "--on pi4: the sweep's file says it"),
        (["--max-instructions", "5"], "--max-instructions 5: allowed with a sweep's file"),
        (["--max-loss", "5", "--data", "x"], "--data x: allowed with a sweep's file"),
    ],
)
def test_bad_usage_is_one_line(tmp_path, monkeypatch, arguments, reason):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.json").write_text('{"schema": 1}')
    assert refusal(BadInput, *arguments).startswith(reason)


def test_a_sweep_without_a_core_has_no_instructions_to_limit(tmp_path):
    path = written(tmp_path, cells(counted=False))
    told = refusal(NotMeasured, path, "--max-instructions", "5")
    assert told.startswith("nothing to pick from: simple-c8-digits/float32, ")
    assert told.endswith("and 8 more: not counted: the sweep has no [evaluate] core")


def test_a_build_takes_a_limit_of_the_loss_too(tmp_path, tiny_bundle):
    bundle = verified_bundle(tiny_bundle(recipe="int8"))
    assert bundle.manifest.loss is not None
    loss = bundle.manifest.loss.exported
    place = ("--build", tmp_path / "build", "--bytes", "raw")
    assert best("--max-loss", loss, *place)["name"] == "tiny/int8"
    assert run("--max-loss", loss / 2, *place).exit_code == 1


def test_an_unknown_number_of_bytes_is_the_last_of_equals():
    known = Candidate("a", "b/a", "f", 0.1, 1.0, 5, None, 9, None, "missing")
    unknown = replace(known, name="0", packed=None)
    assert pick([unknown, known], Limits(loss_ratio=2.0, kind="packed")).best == known
    assert pick([unknown, known], Limits(instructions=None, p50_ns=None, bytes=10)).best == known
