import dataclasses
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import onnx_models
import pytest
from tampering import add_onnx, corrupt, rewrite, swap_rows
from test_gate_verdict import row

from edgeae.artifacts import bundle as bundles
from edgeae.artifacts.bundle import MANIFEST, Bundle
from edgeae.errors import BadInput, ManifestMismatch, NotMeasured
from edgeae.gate import judging
from edgeae.gate.budget import Budget, from_table
from edgeae.gate.figures import agreement
from edgeae.gate.finding import Finding, Outcome
from edgeae.gate.rows import PairRow
from edgeae.gate.run import Plan, plan_pair, plan_suite, run_gate
from edgeae.gate.sequential import FEWEST, MOST
from edgeae.gate.sides import Pair, sides
from edgeae.gate.synthetic import dense
from edgeae.reading import typed

SHAPE = (64, 32, 16)


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., Path]:
    """Write a bare model: `files("old")`, `files("new", (64, 48, 16))`."""

    def build(name: str, widths: tuple[int, ...] = SHAPE, **options: object) -> Path:
        path = tmp_path / f"{name}.tflite"
        path.write_bytes(dense(widths, **{"description": name, **options}))
        return path

    return build


@pytest.fixture
def pair(files) -> Pair:
    return Pair(sides(files("new"))[0], sides(files("old"))[0], "litert-xnnpack")


@pytest.fixture
def faked(monkeypatch) -> Callable[..., list[int]]:
    """Replace worker processes by rows with these ratios, one after the other; return the calls."""

    def fake(*ratios: float, **options: float) -> list[int]:
        ran: list[int] = []

        def run(pair: Pair, number: int, seed: int, **given: object) -> PairRow:
            ran.append(number)
            return row(ratios[number % len(ratios)], process=number, **options)

        monkeypatch.setattr(judging, "run_process", run)
        return ran

    return fake


def run(*pairs: Pair, budget: Budget | None = None, seed: int = 1) -> Outcome:
    plan = Plan(pairs, budget or Budget(), seed=seed)
    return run_gate(plan, say=lambda line: None)


def only(outcome: Outcome) -> Finding:
    (finding,) = outcome.findings
    return finding


def test_a_clear_answer_stops_after_the_fewest_processes(pair, faked):
    for ratio, verdict, code in ((1.0, "pass", 0), (1.2, "fail", 1)):
        ran = faked(ratio)
        outcome = run(pair)
        assert (outcome.verdict, outcome.code) == (verdict, code)
        assert ran == list(range(FEWEST))


def test_an_unclear_answer_takes_more_processes_and_ends(pair, faked):
    ran = faked(1.02, 1.04)
    outcome = run(pair)
    assert (outcome.verdict, outcome.code) == ("inconclusive", 3)
    assert len(ran) == MOST
    assert "inside the interval after 24 processes" in only(outcome).lines[0]
    ran = faked(1.2, *[1.0] * 23)
    assert run(pair).verdict == "pass" and len(ran) == 12


def test_an_inconclusive_gate_may_be_a_warning(pair, faked):
    faked(1.02, 1.04)
    outcome = run(pair, budget=Budget(on_inconclusive="warn"))
    assert (outcome.verdict, outcome.code) == ("inconclusive", 0)


def test_the_same_bytes_pass_without_timing(files, faked):
    ran = faked(9.0)
    same = sides(files("old"))[0]
    finding = only(run(Pair(same, same, "litert-xnnpack")))
    assert finding.verdict == "pass" and ran == [] and finding.processes == 0


def test_an_absolute_limit_is_timed_even_of_the_same_bytes(files, faked):
    ran = faked(1.0, call_ns=3_000)
    same = sides(files("old"))[0]
    outcome = run(Pair(same, same, "litert-xnnpack"), budget=Budget(max_p50_us=2.0))
    assert outcome.verdict == "fail" and len(ran) == FEWEST
    assert "p50 3.00 µs, budget 2.00 µs" in only(outcome).lines[0]


def test_no_baseline_is_missing(files):
    with plan_pair(files("new"), "nowhere", Budget()) as plan:
        outcome = run_gate(plan, say=lambda line: None)
    assert (outcome.verdict, outcome.code) == ("missing", 3)
    assert "edgeae baseline save" in only(outcome).lines[0]


def test_a_failing_cell_of_a_suite_is_judged_again(pair, files, faked):
    other = Pair(sides(files("third"))[0], pair.baseline, "litert-builtin")
    ran = faked(*[1.2] * FEWEST, *[1.0] * FEWEST)  # by chance red, then as it is
    outcome = run(pair, other)
    assert outcome.verdict == "pass" and len(ran) == 4 * FEWEST
    assert all("failed at first" in finding.notes[0] for finding in outcome.findings)
    faked(1.2)
    outcome = run(pair, other)
    assert outcome.verdict == "fail" and "then fail with fresh" in outcome.findings[0].notes[0]
    # a single cell is judged once
    assert faked(*[1.2] * FEWEST, *[1.0] * FEWEST) == [] and run(pair).verdict == "fail"


def test_the_familys_error_rate_is_kept():
    for cells in (2, 12, 60, 500, 5000):
        first, second = judging.ERROR_RATE, judging._second_rate(cells)
        assert cells * first * second <= judging.FAMILY_RATE + 1e-12
        assert 0 < second <= first


def test_findings_keep_the_suites_order_whatever_order_they_ran_in(files, faked):
    faked(1.0)
    old = sides(files("old"))[0]
    pairs = [Pair(sides(files(f"m{n}"))[0], old, "litert-xnnpack") for n in range(6)]
    outcome = run(*pairs, seed=3)
    assert [item.cell.candidate for item in outcome.findings] == [
        item.candidate.label for item in pairs
    ]


def test_other_edges_are_another_part(files):
    with pytest.raises(BadInput, match=r"output of 15 values per example.*has 16"):
        Pair(sides(files("new", (64, 32, 15)))[0], sides(files("old"))[0], "litert-xnnpack")


@pytest.mark.parametrize(
    ("exact", "widths", "verdict", "said"),
    [
        (("bytes", "macs", "operators", "arena"), SHAPE, "pass", ""),
        (("macs",), (64, 40, 16), "fail", "macs 3,200, baseline 2,560: ratio 1.250, budget 1.000"),
        (("operators",), (64, 32, 16, 16), "fail", "operators 3, baseline 2"),
        (("macs",), (64, 16, 16), "pass", "a saving; record it"),
    ],
)
def test_exact_figures_need_no_interval(exact, widths, verdict, said, files, faked):
    faked(1.0)
    new, old = sides(files("new", widths))[0], sides(files("old", description="new"))[0]
    finding = only(run(Pair(new, old, "litert-xnnpack"), budget=Budget(exact=exact)))
    assert finding.verdict == verdict
    assert said in " ".join(figure.reason for figure in finding.figures)
    assert len(finding.figures) == 1 + len(exact)


def test_a_saving_may_fail_until_it_is_recorded(files, faked):
    faked(1.0)
    new, old = sides(files("new", (64, 16, 16)))[0], sides(files("old"))[0]
    budget = Budget(exact=("macs",), on_saving="fail")
    assert run(Pair(new, old, "litert-xnnpack"), budget=budget).code == 1


def test_the_loss_of_bundles_is_compared(tiny_bundle, faked):
    faked(1.0)
    old = tiny_bundle("float32", model="old", recipe="r")
    table = json.loads((old.root / MANIFEST).read_text())
    new = tiny_bundle("float32", model="new", recipe="r")
    table["loss"]["exported"] *= 1.02
    new = rewrite(new.root, table)
    both = [sides(bundle.root / "autoencoder.tflite")[0] for bundle in (new, old)]
    pair = Pair(*both, "litert-xnnpack")
    assert run(pair, budget=Budget(max_loss_ratio=1.03)).verdict == "pass"
    outcome = run(pair, budget=Budget(max_loss_ratio=1.01))
    assert outcome.code == 1 and "ratio 1.0200, budget 1.0100" in only(outcome).lines[0]


def test_parity_of_a_bundle_is_what_verify_found(tiny_bundle, faked):
    faked(1.0)
    bundle = tiny_bundle("float32")
    side = sides(bundle.root / "encoder.tflite")[0]
    pair, budget = Pair(side, side, "litert-builtin"), Budget(parity=True)
    outcome = run(pair, budget=budget)
    assert outcome.code == 3 and "edgeae verify" in only(outcome).lines[0]
    found = {"part": "encoder", "format": "tflite", "flavour": "float32", "reasons": []}
    rows = [{**found, "runtime": "litert-builtin", "verdict": "fail", "reasons": ["max_abs 1 > 0"]}]
    table = {
        "schema": 1,
        "manifest_sha256": bundle.sha256,
        "rows": rows,
        "composition": [],
    }
    (bundle.root / "verify.json").write_text(json.dumps(table))
    outcome = run(pair, budget=budget)
    assert outcome.code == 1 and "max_abs 1 > 0" in only(outcome).lines[0]


# Real worker processes from here on; figures that a loaded machine cannot turn around.


def test_answers_of_bare_files_are_compared(files):
    old, same, other = (
        sides(files(name, seed=seed))[0] for name, seed in (("old", 0), ("new", 0), ("other", 5))
    )
    rows = [
        judging.run_process(Pair(side, old, "litert-reference"), 0, 1) for side in (same, other)
    ]
    equal, different = (agreement([row]) for row in rows)
    assert (equal.verdict, equal.value, equal.unit) == ("pass", 0.0, "LSB")
    assert different.verdict == "fail" and different.value > 0
    assert different.reason.startswith("answers differ by") and "budget 0 LSB" in different.reason
    assert agreement([]).verdict == "missing"


def test_parity_of_bare_files_is_judged_where_it_is_asked(pair, faked):
    faked(1.0)
    outcome = run(pair, budget=Budget(parity=True))
    assert outcome.code == 3 and "differs from the baseline's in type" in only(outcome).lines[0]
    assert len(only(run(pair)).figures) == 1


def test_the_batch_reaches_the_engine(tmp_path):
    model, _ = onnx_models.halves()
    for edge in (*model.graph.input, *model.graph.output):
        edge.type.tensor_type.shape.dim[0].dim_value = 1
    path = tmp_path / "one.onnx"
    path.write_bytes(model.SerializeToString())
    (side,) = sides(path)
    one, four = (
        judging.run_process(Pair(side, side, "onnxruntime-cpu", 1, batch), 0, 1) for batch in (1, 4)
    )
    assert one.error is None
    assert four.error == f"{path}: has a fixed batch of 1; 4 was asked for"


def test_a_wrong_answer_fails_and_is_not_timed(tiny_bundle):
    old = tiny_bundle("float32", model="old", recipe="r")
    new = swap_rows(tiny_bundle("float32", model="new", recipe="r"), "autoencoder")
    both = [sides(bundle.root / "autoencoder.tflite")[0] for bundle in (new, old)]
    outcome = run(Pair(*both, "litert-builtin"))
    assert outcome.code == 1
    assert "wrong answer on the golden vectors" in only(outcome).lines[0]
    assert only(outcome).processes == 0


def test_nan_in_an_output_fails(odd, tiny_bundle):
    new, old = (tiny_bundle("float32", model=name, recipe="r") for name in ("new", "old"))
    for bundle in (new, old):
        (bundle.root / MANIFEST).unlink()  # bare files: there is no golden vector to differ from
    both = [sides(bundle.root / "encoder.tflite")[0] for bundle in (new, old)]
    pair = Pair(*both, "odd-nan")
    wrong = judging.run_process(pair, 1, 1)  # odd processes open the candidate first
    assert wrong.code == 1 and "NaN or infinity" in wrong.error
    assert wrong.error.startswith(f"candidate {new.root}/encoder.tflite")
    assert judging.run_process(pair, 0, 1).code == 3  # the baseline's is no fault of the candidate


@pytest.mark.parametrize(
    ("runtime", "code", "said"),
    [
        ("odd-crash", 5, "crashed with SIGSEGV"),
        ("odd-absent", 3, "no such board is connected; plug one in"),
        ("odd-found-absent", 3, "the board's library does not load; install it"),
    ],
)
def test_a_worker_that_dies_or_an_absent_runtime_is_missing(odd, pair, runtime, code, said):
    outcome = run(replace(pair, runtime=runtime))
    assert (outcome.verdict, outcome.code) == ("missing", code)
    (line,) = only(outcome).lines
    assert said in line and "\n" not in line


def test_bytes_that_changed_meanwhile_are_not_timed(pair, files):
    files("new", (64, 40, 16))
    outcome = run(pair)
    assert outcome.code == 4 and "changed since this gate began" in only(outcome).lines[0]


def test_a_corrupt_bundle_is_a_mismatch(tiny_bundle):
    bundle = tiny_bundle()
    corrupt(bundle.root / "encoder.tflite")
    with pytest.raises(ManifestMismatch, match=r"encoder\.tflite"):
        sides(bundle.root / "encoder.tflite")


def test_a_bundle_is_all_of_its_artifacts_and_an_onnx_goes_to_onnxruntime(tiny_bundle):
    bundle = add_onnx(tiny_bundle("float32"))
    with plan_pair(bundle.root, str(bundle.root), Budget()) as plan:
        found = {(item.cell.candidate, item.runtime) for item in plan.pairs}
    assert len(found) == 6
    assert ("tiny/float32 decoder.onnx", "onnxruntime-cpu") in found
    assert ("tiny/float32 encoder.tflite", "litert-xnnpack") in found
    assert all(item.is_identical for item in plan.pairs)


def test_a_format_limits_what_is_compared(tiny_bundle):
    new = add_onnx(tiny_bundle("float32", model="new", recipe="r"))
    old = tiny_bundle("float32", model="old", recipe="r")
    with plan_pair(new.root, str(old.root), Budget()) as plan:
        absent = [pair.absence for pair in plan.pairs if pair.baseline is None]
    held = "encoder.tflite, decoder.tflite, autoencoder.tflite"
    hint = "--format tflite compares only that format"
    assert sorted(absent) == [
        f"{old.root}: holds no {part}.onnx (it holds: {held}); {hint}"
        for part in ("autoencoder", "decoder", "encoder")
    ]
    with plan_pair(new.root, str(old.root), Budget(), only=["tflite"]) as plan:
        assert {pair.candidate.artifact.format for pair in plan.pairs} == {"tflite"}
        assert len(plan.pairs) == 3 and all(pair.baseline for pair in plan.pairs)
    with plan_pair(new.root, str(old.root), Budget(), only=["tflite", "onnx"]) as plan:
        assert len(plan.pairs) == 6


def test_a_format_limits_a_suite(tiny_bundle, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    add_onnx(tiny_bundle("float32"))
    path = suite(tmp_path, 'runtimes = ["litert-builtin", "onnxruntime-cpu"]\n')
    with plan_suite(str(path), only=["onnx"]) as plan:
        assert {pair.runtime for pair in plan.pairs} == {"onnxruntime-cpu"}


@pytest.fixture
def reads(monkeypatch) -> tuple[list[str], list[str]]:
    """Return the manifests that were parsed, and the artifacts that were read and hashed."""
    opened: list[str] = []
    hashed: list[str] = []
    parse, read = bundles._manifest, Bundle.read
    monkeypatch.setattr(
        bundles,
        "_manifest",
        lambda content, origin: opened.append(origin) or parse(content, origin),
    )
    monkeypatch.setattr(
        Bundle,
        "read",
        lambda bundle, artifact: hashed.append(artifact.path) or read(bundle, artifact),
    )
    return opened, hashed


def test_a_suite_opens_a_bundle_and_hashes_each_of_its_files_once(
    tiny_bundle, tmp_path, monkeypatch, reads
):
    monkeypatch.chdir(tmp_path)
    add_onnx(tiny_bundle("float32"))
    path = suite(tmp_path, 'runtimes = ["litert-builtin", "litert-reference"]\nbatch = [1, 2]\n')
    opened, hashed = reads
    opened.clear()
    with plan_suite(str(path)) as plan:
        assert len(plan.pairs) == 3 * 2 * 2
        assert len({id(pair.candidate) for pair in plan.pairs}) == 3
    parts = ("autoencoder", "decoder", "encoder")
    assert len(opened) == 1
    assert sorted(hashed) == [f"{part}.{form}" for part in parts for form in ("onnx", "tflite")]


def test_a_baseline_that_was_checked_is_not_read_again(tiny_bundle, reads):
    old, new = (tiny_bundle("float32", model=model, recipe="r") for model in ("old", "new"))
    _, hashed = reads
    with plan_pair(new.root, str(old.root), Budget()) as plan:
        assert {pair.baseline.bundle.root for pair in plan.pairs} == {old.root}
    assert sorted(hashed) == ["autoencoder.tflite", "decoder.tflite", "encoder.tflite"]


@pytest.mark.parametrize(
    ("names", "said"),
    [(["onnx"], r"--format onnx: .*old.tflite holds tflite"), (["h5"], "allowed are tflite, onnx")],
)
def test_a_format_that_nothing_has_is_refused(names, said, files):
    old = files("old")
    with pytest.raises(BadInput, match=said), plan_pair(old, str(old), Budget(), only=names):
        pass


def suite(folder: Path, text: str) -> Path:
    path = folder / "bench" / "gate.toml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_a_suite_is_cells_with_baselines(files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "base").mkdir()
    for name in ("one", "two"):
        content = files(name).read_bytes()
        (tmp_path / "base" / f"{name}.tflite").write_bytes(content)
    path = suite(
        tmp_path,
        'artifacts = ["*.tflite"]\nbaseline = "base"\nruntimes = ["litert-builtin"]\n'
        "batch = [1, 8]\nseed = 5\n[budget]\nmax_ratio = 1.1\n",
    )
    with plan_suite(str(path)) as plan:
        assert plan.budget.max_ratio == 1.1 and plan.seed == 5 and plan.suite == "gate"
        assert [(item.cell.candidate, item.batch) for item in plan.pairs] == [
            ("one.tflite", 1),
            ("one.tflite", 8),
            ("two.tflite", 1),
            ("two.tflite", 8),
        ]
        assert all(item.is_identical for item in plan.pairs)
        assert run_gate(plan, say=lambda line: None).code == 0


def test_absent_hardware_in_a_suite_is_said_and_is_no_cell(files, tmp_path, monkeypatch, odd):
    monkeypatch.chdir(tmp_path)
    files("one")
    path = suite(
        tmp_path, 'artifacts = ["*.tflite"]\nruntimes = ["litert-builtin", "odd-absent"]\n'
    )
    with plan_suite(str(path)) as plan:
        assert {item.runtime for item in plan.pairs} == {"litert-builtin"}
        assert plan.absent == (("odd-absent", "no such board is connected; plug one in"),)
    with plan_suite(str(path), runtimes=["odd-absent"]) as plan:  # asked for by name
        assert {item.runtime for item in plan.pairs} == {"odd-absent"}


def test_nothing_to_judge_is_not_measured(files, tmp_path, monkeypatch, odd):
    monkeypatch.chdir(tmp_path)
    files("one")
    path = suite(tmp_path, 'artifacts = ["*.tflite"]\nruntimes = ["odd-absent"]\n')
    with pytest.raises(NotMeasured, match="nothing to judge"), plan_suite(str(path)):
        pass


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"max_ration": 1.1}, "unknown key 'max_ration'; did you mean 'max_ratio'"),
        ({"max_ratio": "1.1"}, "max_ratio = '1.1': allowed is a number"),
        ({"max_ratio": 0}, "max_ratio = 0.0: allowed is above 0"),
        ({"max_ratio": float("nan")}, "max_ratio = nan: allowed is above 0, and finite"),
        ({"max_ratio": True}, "max_ratio = True: allowed is a number"),
        ({"parity": 1}, "parity = 1: allowed is true or false"),
        ({"exact": ["byts"]}, "exact[0] = 'byts': allowed is bytes, gzip_bytes, macs"),
        ({"exact": "bytes"}, "exact = 'bytes': allowed is a list"),
        ({"exact_saving": 1.5}, "exact_saving = 1.5: allowed is 0 to below 1"),
        ({"on_inconclusive": "pass"}, "on_inconclusive = 'pass': allowed is fail, warn"),
        ({"runtimes": {"litert-gpo": {}}}, "unknown runtime 'litert-gpo'; did you mean"),
        ({"runtimes": {"litert-builtin": 3}}, "runtimes.litert-builtin = 3: allowed is a table"),
        (
            {"runtimes": {"litert-builtin": {"max_ratoi": 1}}},
            "did you mean 'runtimes.litert-builtin.max_ratio'",
        ),
        ({"runtimes": {"null": {"runtimes": {}}}}, "unknown key 'runtimes.null.runtimes'"),
        (
            {"runtimes": {"litert-builtin": {"max_ratio": -1}}},
            "runtimes.litert-builtin.max_ratio = -1.0: allowed is above 0",
        ),
    ],
)
def test_a_wrong_budget_is_one_line(table, said):
    with pytest.raises(BadInput) as caught:
        from_table(table)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_runtimes_own_limits_stand_beside_the_general_ones():
    budget = from_table(
        {"max_ratio": 1.05, "parity": True, "runtimes": {"litert-gpu": {"max_ratio": 1.1}}}
    )
    assert budget.on("litert-gpu").max_ratio == 1.1 and budget.on("litert-gpu").parity
    assert budget.on("litert-builtin").max_ratio == 1.05
    changed = budget.with_changes(max_ratio=2.0)
    assert changed.on("litert-gpu").max_ratio == changed.max_ratio == 2.0


def test_rows_survive_json(pair):
    found = judging.run_process(pair, 3, 9)
    assert found.error is None and found.candidate_first and found.sessions == 6
    again = typed.build(PairRow, json.loads(json.dumps(dataclasses.asdict(found))))
    assert again == found


def test_instructions_are_counted_of_both_sides(monkeypatch, pair, files, faked):
    from edgeae.gate import exact
    from edgeae.timing.instructions import Count

    faked(1.0)
    counted = []

    def count(path: Path, runtime: str, threads: int) -> Count:
        counted.append((path.name, runtime, threads))
        return Count("", {"new": 1_000_600, "old": 1_000_000}[path.stem], None, 1, "", "")

    monkeypatch.setattr(exact, "count_artifact", count)
    budget = Budget(exact=("instructions",))
    assert run(pair, budget=budget).verdict == "pass"  # within what two counts differ by
    assert counted == [(f"{name}.tflite", "litert-xnnpack", 1) for name in ("old", "new")]
    monkeypatch.setattr(
        exact,
        "count_artifact",
        lambda path, *how: Count("", len(path.stem) * 100 + (path.stem == "new"), None, 1, "", ""),
    )
    outcome = run(pair, budget=budget)
    assert outcome.code == 1 and "instructions 301, baseline 300" in only(outcome).lines[0]


def test_a_runtime_that_is_named_and_absent_is_missing_even_for_the_same_bytes(odd, files):
    old = files("old")
    with plan_pair(old, str(old), Budget(), runtimes=["odd-absent"]) as plan:
        outcome = run_gate(plan, say=lambda line: None)
    assert (outcome.verdict, outcome.code) == ("missing", 3)
    assert "no such board is connected" in only(outcome).lines[0]


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["onnxruntime-cpu"], "--runtime onnxruntime-cpu: opens onnx; .*old.tflite holds tflite"),
        (["litert-builtin", "onnxruntime-cpu"], "--runtime onnxruntime-cpu"),
        (["litert-bultin"], "unknown runtime 'litert-bultin'; did you mean 'litert-builtin'"),
    ],
)
def test_a_named_runtime_that_opens_nothing_is_refused(names, said, files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    old = files("old")
    with pytest.raises(BadInput, match=said), plan_pair(old, str(old), Budget(), runtimes=names):
        pass
    path = suite(tmp_path, 'artifacts = ["old.tflite"]\n')
    if "litert-bultin" in names:
        with pytest.raises(BadInput, match=said), plan_suite(str(path), runtimes=names):
            pass


def test_two_candidates_of_one_name_would_face_one_baseline(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("v1", "v2"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "enc.tflite").write_bytes(dense(SHAPE))
    path = suite(tmp_path, 'artifacts = ["v*/*.tflite"]\nruntimes = ["litert-builtin"]\n')
    told = r"v1/enc.tflite and v2/enc.tflite: both would be compared with bench/baselines/enc"
    with pytest.raises(BadInput, match=told), plan_suite(str(path)):
        pass


def test_a_wrong_answer_of_the_baseline_is_no_fault_of_the_candidate(tiny_bundle):
    old = swap_rows(tiny_bundle("float32", model="old", recipe="r"), "autoencoder")
    new = tiny_bundle("float32", model="new", recipe="r")
    both = [sides(bundle.root / "autoencoder.tflite")[0] for bundle in (new, old)]
    outcome = run(Pair(*both, "litert-builtin"))
    assert (outcome.verdict, outcome.code) == ("missing", 3)
    (line,) = only(outcome).lines
    assert f"baseline {old.root}/autoencoder.tflite: wrong answer" in line


def test_a_bundle_that_is_replaced_meanwhile_is_noticed(tiny_bundle):
    new, old = (tiny_bundle("float32", model=name, recipe="r") for name in ("new", "old"))
    old = swap_rows(old, "encoder")
    both = [sides(bundle.root / "encoder.tflite")[0] for bundle in (new, old)]
    swap_rows(new, "encoder")  # the manifest follows, as after another export
    outcome = run(Pair(*both, "litert-builtin"))
    assert outcome.code == 4 and "changed since this gate began" in only(outcome).lines[0]


def test_an_absolute_limit_is_judged_twice_in_a_suite_too(pair, files, faked):
    other = Pair(sides(files("third"))[0], pair.baseline, "litert-builtin")
    ran = faked(1.0, call_ns=3_000)
    outcome = run(pair, other, budget=Budget(max_p50_us=2.0))
    assert outcome.verdict == "fail" and len(ran) == 4 * FEWEST


def test_parity_looks_at_every_input(files, monkeypatch):
    """An answer that differs for one input of many is a difference."""
    from edgeae.formats.tflite.graph import read, write

    old = files("old", (16, 64, 8))
    graph = read(old.read_bytes(), "old")
    index, weights = next(
        (place, tensor) for place, tensor in enumerate(graph.tensors) if tensor.name == "weights1"
    )
    hidden = _hidden(old)
    dead = [unit for unit in range(64) if hidden[0][unit] == -128 and hidden[:, unit].max() > -128]
    assert dead  # units that the first input leaves at zero, and others do not
    changed = weights.data.copy()
    changed[:, dead] = 0
    tensors = [*graph.tensors]
    tensors[index] = replace(weights, data=changed)
    new = old.with_name("new.tflite")
    new.write_bytes(write(replace(graph, tensors=tuple(tensors))))
    found = judging.run_process(Pair(sides(new)[0], sides(old)[0], "litert-reference"), 0, 1)
    assert found.difference > 0


def _hidden(path: Path):
    """The hidden layer's answers to the inputs that parity is judged on."""
    import numpy as np

    from edgeae.formats.opening import open_file
    from edgeae.formats.tflite.cut import cut
    from edgeae.formats.tflite.graph import read, write
    from edgeae.runtimes import load
    from edgeae.timing.worker import seeded_inputs

    inputs = seeded_inputs(open_file(path).artifact)
    graph = read(path.read_bytes(), "old")
    names = [tensor.name for tensor in graph.tensors]
    part = path.with_name("hidden.tflite")
    part.write_bytes(
        write(cut(graph, {"image": names.index("image")}, {"hidden": names.index("hidden0")}))
    )
    session = load("litert-reference").open(open_file(part), 1)
    return np.concatenate([session.run(one[None]) for one in inputs])
