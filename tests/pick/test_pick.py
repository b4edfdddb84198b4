"""`edgeae pick`: the choice, by hand-made candidates; the command, by hand-made manifests."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import tampering
from edgeae_cli import edgeae_here
from hypothesis import given
from hypothesis import strategies as st
from result_rows import MACHINE, PASSED, timed, verified
from snapshots import snapshot
from typer.testing import CliRunner

from edgeae.artifacts.bundle import Bundle, open_bundle
from edgeae.cli.main import app
from edgeae.errors import BadInput, NotMeasured
from edgeae.pick.choice import Candidate, Limits, missing, pick
from edgeae.text.amounts import parse_bytes, parse_duration
from edgeae.timing.results import append


def candidate(name: str, ratio: float | None, packed: int | None, p50: float | None = None):
    return Candidate(
        name, f"build/{name}", "autoencoder.tflite", 0.01, ratio, 9_000, 4_000, packed, p50, "pass"
    )


SMALL = candidate("m/small", 1.30, 100, 900.0)
MIDDLE = candidate("m/middle", 1.04, 300, 500.0)
LARGE = candidate("m/large", 1.00, 900, 700.0)
ALL = (LARGE, SMALL, MIDDLE)


@pytest.mark.parametrize(
    ("limits", "best"),
    [
        (Limits(bytes=1000), LARGE),  # the lowest loss that fits
        (Limits(bytes=300), MIDDLE),  # a limit may be reached
        (Limits(bytes=299), SMALL),
        (Limits(loss_ratio=1.3), SMALL),  # loss alone: the fewest bytes
        (Limits(loss_ratio=1.04), MIDDLE),
        (Limits(loss_ratio=1.3, bytes=1000), LARGE),
        (Limits(p50_ns=600.0), MIDDLE),
        (Limits(p50_ns=800.0), LARGE),
        (Limits(p50_ns=600.0, loss_ratio=1.3), MIDDLE),
    ],
)
def test_the_best_of_those_that_meet_all_limits(limits, best):
    found = pick(ALL, limits)
    assert (found.best, found.nearest, found.misses) == (best, None, ())
    assert found.judged == 3


def test_of_two_alike_the_one_of_fewer_bytes():
    other = replace(LARGE, name="m/a", packed=901)
    assert pick((other, LARGE), Limits(bytes=1000)).best == LARGE
    assert pick((replace(SMALL, ratio=1.1), SMALL), Limits(loss_ratio=2.0)).best.ratio == 1.1


def test_raw_and_gzip_bytes_are_other_bytes():
    lean = replace(LARGE, name="m/lean", raw=10, gzip=8, ratio=2.0)
    assert pick((*ALL, lean), Limits(bytes=50, kind="raw")).best == lean
    assert pick((*ALL, lean), Limits(bytes=5_000, kind="gzip")).best == LARGE
    assert pick((*ALL, lean), Limits(bytes=50)).best is None


def test_the_nearest_miss_has_the_least_worst_excess():
    # of 200 bytes and 1.02: SMALL misses the loss by 27 %, MIDDLE the bytes by 50 %
    found = pick(ALL, Limits(bytes=200, loss_ratio=1.02))
    assert (found.best, found.nearest) == (None, SMALL)
    (miss,) = found.misses
    assert (miss.what, miss.value, miss.limit) == ("loss ratio", 1.30, 1.02)
    assert miss.excess == pytest.approx(0.28 / 1.02)


def test_misses_are_told_the_worst_first():
    found = pick([MIDDLE], Limits(bytes=100, loss_ratio=1.03, p50_ns=250.0))
    assert [(miss.what, round(miss.excess, 3)) for miss in found.misses] == [
        ("bytes", 2.0),
        ("p50", 1.0),
        ("loss ratio", round(0.01 / 1.03, 3)),
    ]


@given(
    st.lists(
        st.tuples(st.integers(90, 110), st.integers(1, 99), st.integers(1, 99)),
        min_size=1,
        max_size=8,
    ),
    st.integers(90, 110),
    st.integers(1, 99),
    st.integers(1, 99),
)
def test_a_choice_is_right_by_its_definition(figures, ratio, size, p50):
    limits = Limits(bytes=size, loss_ratio=ratio / 100, p50_ns=float(p50))
    found = [candidate(f"m/{n}", r / 100, s, float(p)) for n, (r, s, p) in enumerate(figures)]
    chosen = pick(found, limits)
    worst = [
        max(item.ratio / limits.loss_ratio, item.packed / size, item.p50_ns / p50) for item in found
    ]
    if min(worst) <= 1:
        fits = [item for item, excess in zip(found, worst, strict=True) if excess <= 1]
        assert chosen.best in fits
        assert (chosen.best.ratio, chosen.best.packed) == min(
            (item.ratio, item.packed) for item in fits
        )
    else:
        assert chosen.best is None
        assert worst[found.index(chosen.nearest)] == pytest.approx(min(worst))


def test_what_lacks_a_figure_that_is_limited_is_not_judged():
    bare = candidate("m/bare", None, None)
    assert missing(bare, Limits(bytes=10)) == "bytes"
    assert missing(bare, Limits(bytes=10, kind="raw")) == ""
    assert missing(bare, Limits(loss_ratio=1.0)) == "bytes"  # they are what is sought
    assert missing(replace(bare, packed=1), Limits(loss_ratio=1.0)) == "loss ratio"
    assert missing(bare, Limits(p50_ns=1.0)) == "p50"
    assert pick([bare, SMALL], Limits(bytes=1000)).judged == 1
    assert pick([bare], Limits(bytes=1000)) == pick([], Limits(bytes=1000))
    # a loss that is not known is the last resort
    assert pick([replace(bare, packed=1), SMALL], Limits(bytes=1000)).best == SMALL


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("900", 900),
        ("900B", 900),
        ("32k", 32_768),
        ("32K", 32_768),
        ("32 KiB", 32_768),
        ("1.5M", 1_572_864),
        (".5k", 512),
        ("2mib", 2_097_152),
    ],
)
def test_bytes_in_units(text, amount):
    assert parse_bytes("--max-bytes", text) == amount


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("800ns", 800),
        ("5us", 5_000),
        ("5µs", 5_000),
        ("5μs", 5_000),
        ("1.5 ms", 1.5e6),
        ("2s", 2e9),
    ],
)
def test_durations_in_units(text, ns):
    assert parse_duration("--max-p50", text) == pytest.approx(ns)


@pytest.mark.parametrize("text", ["", "k", "0", "0.2", "-3k", "32kB", "1e3", "nan", "inf", "3 4k"])
def test_what_is_no_amount_of_bytes(text):
    with pytest.raises(BadInput, match=r"^--max-bytes .*32k.*1,024"):
        parse_bytes("--max-bytes", text)


@pytest.mark.parametrize("text", ["", "5", "0us", "-5us", "5min", "five us", "5 u s"])
def test_what_is_no_duration(text):
    with pytest.raises(BadInput, match=r"^--max-p50 .*5us"):
        parse_duration("--max-p50", text)


Build = Callable[..., Bundle]


@pytest.fixture
def build(tmp_path: Path, tiny_bundle: Build) -> Path:
    """`tiny/large`, `tiny/middle` and `tiny/small`, of hand-made figures; all verified."""
    for recipe, ratio, packed in (("large", 1.0, 900), ("middle", 1.04, 300), ("small", 1.3, 100)):
        bundle = tiny_bundle(recipe=recipe)
        table = json.loads((bundle.root / "manifest.json").read_text())
        table["loss"] |= {"float32": 0.1, "control": 0.05, "exported": 0.05 * ratio}
        for artifact in table["artifacts"]:
            artifact["gzip_bytes"] = 1_000
            share = {"autoencoder": 1.0, "encoder": 0.5, "decoder": 0.5}[artifact["part"]]
            causes = {"weights": packed - 20, "biases": 10, "scales": 10, "tables": 0}
            artifact["packed"] = {key: int(size * share) for key, size in causes.items()}
        verified(tampering.rewrite(bundle.root, table), PASSED)
    return tmp_path / "build"


def run(build: Path, *arguments: str):
    return CliRunner().invoke(app, ["pick", *arguments, "--build", str(build)])


def best(build: Path, *arguments: str) -> dict:
    done = run(build, *arguments, "--json")
    assert done.exit_code == 0, (done.output, done.exception)
    return json.loads(done.stdout)["best"]


def test_the_command_finds_the_best_bundle(build):
    found = best(build, "--max-bytes", "400")
    assert (found["name"], found["packed"]) == ("tiny/middle", 300)
    assert found["path"] == str(build / "tiny" / "middle")
    assert found["ratio"] == pytest.approx(1.04)  # against the control, not against float32
    assert best(build, "tiny", "--max-loss-ratio", "1.5")["name"] == "tiny/small"
    assert best(build, "--max-bytes", "400", "--part", "encoder")["name"] == "tiny/middle"
    assert best(build, "--max-bytes", "200", "--part", "encoder")["packed"] == 150
    assert best(build, "--max-bytes", "1M", "--bytes", "raw")["name"] == "tiny/large"


def test_what_is_printed(build):
    verified(
        open_bundle(build / "tiny" / "large"), replace(PASSED, verdict="fail", reasons=("bad",))
    )
    (build / "tiny" / "small" / "verify.json").unlink()
    middle = timed(open_bundle(build / "tiny" / "middle"))
    append(build / "results.jsonl", middle)
    timing = ("--runtime", "litert-xnnpack")
    printed = ""
    for code, *arguments in (
        (0, "--max-bytes", "400", "--max-loss-ratio", "1.05"),
        (0, "--max-loss-ratio", "1.5"),
        (0, "--max-p50", "16us", *timing),
        (0, "--max-bytes", "2k", "--bytes", "raw", "--part", "encoder"),
        (1, "--max-bytes", "50"),
        (1, "--max-bytes", "80", "--max-loss-ratio", "1.01", "--max-p50", "10us", *timing),
    ):
        done = edgeae_here("pick", *arguments, cwd=build.parent)
        assert done.returncode == code
        name, *rows = done.stdout.splitlines()
        assert name.startswith("tiny/") and all(row == row.rstrip() for row in rows)
        printed += f"$ edgeae pick {' '.join(arguments)}\n{done.stderr}{done.stdout}\n"
    snapshot(printed, "pick.txt")


def test_the_nearest_miss_is_told_and_ends_with_1(build):
    done = run(build, "--max-bytes", "200", "--max-loss-ratio", "1.02", "--json")
    found = json.loads(done.stdout)
    assert (done.exit_code, found["best"], found["nearest"]["name"]) == (1, None, "tiny/small")
    (miss,) = found["misses"]
    assert (miss["what"], miss["limit"]) == ("loss ratio", 1.02)
    assert miss["excess"] == pytest.approx(0.28 / 1.02)
    assert found["limits"]["bytes"] == 200 and found["judged"] == 3


def test_what_verify_refused_is_never_picked(build):
    bundles = {path.name: path for path in (build / "tiny").iterdir() if path.is_dir()}
    verified(open_bundle(bundles["middle"]), replace(PASSED, verdict="fail", reasons=("bad",)))
    assert best(build, "--max-bytes", "400")["name"] == "tiny/small"
    (bundles["small"] / "verify.json").unlink()
    assert "not verified" in run(build, "--max-bytes", "400").stdout


def test_a_latency_takes_measured_rows(build):
    limits = ("--max-p50", "16us", "--runtime", "litert-xnnpack")
    done = run(build, *limits)
    assert isinstance(done.exception, NotMeasured)
    bench = "edgeae bench --runtime litert-xnnpack --part autoencoder"
    assert bench in str(done.exception)
    for recipe, block in (("large", 5), ("middle", 10)):  # p50 of 30 and 15 µs
        row = timed(open_bundle(build / "tiny" / recipe), block=block)
        append(build / "results.jsonl", row)
        # more threads, other batches and emulated devices do not count
        append(build / "results.jsonl", replace(row, threads=4, block=1))
        append(build / "results.jsonl", replace(row, batch=8, block=1000))
        append(build / "results.jsonl", replace(row, runtime="litert-gpu", software=True))
    found = best(build, *limits)
    assert (found["name"], found["p50_ns"]) == ("tiny/middle", 15_000)
    assert best(build, "--max-p50", "1ms", "--runtime", "litert-xnnpack")["name"] == "tiny/large"
    done = run(build, "--max-p50", "10us", "--runtime", "litert-xnnpack")
    assert done.exit_code == 1
    assert "left out: tiny/small: not timed" in done.stderr
    assert isinstance(run(build, *limits, "--part", "encoder").exception, NotMeasured)
    emulated = run(build, "--max-p50", "1s", "--runtime", "litert-gpu")
    assert isinstance(emulated.exception, NotMeasured)


def test_p50s_of_several_machines_are_told_and_one_can_be_chosen(build):
    limits = ("--max-p50", "100us", "--runtime", "litert-xnnpack")
    box, pi = {**MACHINE, "host": "box"}, {**MACHINE, "host": "raspberrypi", "worker": "pi4"}
    for recipe, block, machine in (
        ("large", 10, box),  # 15 µs
        ("large", 1, pi),  # 150 µs
        ("middle", 2, box),  # 75 µs
        ("small", 3, pi),  # 50 µs
    ):
        row = timed(open_bundle(build / "tiny" / recipe), block=block, machine=machine)
        append(build / "results.jsonl", row)
    done = run(build, *limits)
    told = "p50s are those of 2 machines (box, pi4), which do not compare: each bundle's slowest"
    assert told in done.stderr and "75 µs on litert-xnnpack, box" in done.stdout
    done = run(build, *limits, "--on", "box")
    assert "machines" not in done.stderr and "15 µs on litert-xnnpack, box" in done.stdout
    assert "left out: tiny/small: not timed on box" in done.stderr
    assert best(build, *limits, "--on", "pi4")["name"] == "tiny/small"
    told = "--on pi5: nothing was timed there (machines with times: box, pi4)"
    error = run(build, *limits, "--on", "pi5").exception
    assert isinstance(error, NotMeasured) and str(error) == told


def test_old_manifests_know_no_packed_bytes(tmp_path, tiny_bundle):
    tiny_bundle()
    done = run(tmp_path / "build", "--max-bytes", "1M")
    assert isinstance(done.exception, NotMeasured)
    assert "--bytes raw" in str(done.exception)
    assert best(tmp_path / "build", "--max-bytes", "1M", "--bytes", "raw")["packed"] is None


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "no limit: give --max-bytes"),
        (["--max-bytes", "lots"], "--max-bytes lots: allowed is"),
        (["--max-loss-ratio", "0"], "--max-loss-ratio 0: allowed is above 0"),
        (["--max-loss-ratio", "nan"], "--max-loss-ratio nan: allowed is above 0"),
        (["--max-p50", "5us"], "--max-p50 5us: needs --runtime"),
        (["--max-bytes", "1k", "--on", "pi4"], "--on pi4: needs --runtime"),
        (["--max-p50", "5", "--runtime", "litert-xnnpack"], "--max-p50 5: allowed is"),
        (["--max-bytes", "1k", "--runtime", "litert"], "unknown runtime 'litert'"),
        (["--max-bytes", "1k", "--part", "code"], "--part code: allowed are encoder"),
        (["--max-bytes", "1k", "--bytes", "flash"], "--bytes flash: allowed are packed"),
        (["tinny", "--max-bytes", "1k"], "unknown model 'tinny'; did you mean 'tiny'"),
    ],
)
def test_bad_limits_are_one_line(build, arguments, reason):
    done = run(build, *arguments)
    assert isinstance(done.exception, BadInput)
    assert str(done.exception).startswith(reason) and "\n" not in str(done.exception)


def test_exit_codes_as_a_user_sees_them(build):
    for code, arguments in (
        (0, ["--max-bytes", "400"]),
        (1, ["--max-bytes", "50"]),
        (2, ["--max-bytes", "lots"]),
        (3, ["--max-p50", "1us", "--runtime", "litert-xnnpack"]),
    ):
        done = edgeae_here("pick", *arguments, cwd=build.parent)
        assert done.returncode == code, done.stderr
        assert len(done.stderr.splitlines()) == (0 if code == 0 else 1)
