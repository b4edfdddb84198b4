"""The plugin in pytest runs of its own; the gate behind it says what it is told to say.

The gate itself, under pytest, is tested where the gate is.
"""

import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from edgeae.errors import BadInput, ManifestMismatch
from edgeae.gate import run as gate_run
from edgeae.gate.budget import Budget
from edgeae.gate.finding import Cell, Figure, Finding, Outcome

pytest_plugins = ["pytester"]

MACHINE = {
    "cpu": "Fast 9000",
    "cores": 2,
    "memory_bytes": 8 * 2**30,
    "system": "Linux 6",
    "python": "3.11.2",
    "load_average": 0.25,
}
VALUES = {"pass": 1.001, "fail": 1.072, "inconclusive": 1.031, "missing": None}
#: What pytest shows of each verdict.
SHOWN = {"pass": "passed", "fail": "failed", "inconclusive": "errors", "missing": "errors"}
VERDICTS = list(SHOWN)


@dataclass(frozen=True)
class Pair:
    cell: Cell


@dataclass(frozen=True)
class Plan:
    pairs: tuple[Pair, ...]


def cell(name: str, runtime="litert-xnnpack") -> Cell:
    return Cell(name, f"base/{name}", "a" * 64, "b" * 64, runtime)


def finding(verdict: str, of: Cell, code=0) -> Finding:
    reason = "" if verdict == "pass" else f"ratio is {verdict}, budget 1.030"
    figure = Figure("p50 ratio", "×", VALUES[verdict], verdict, reason=reason, limit=1.03)
    return Finding(of, (figure,), processes=6, seconds=4.5, code=code)


def outcome(*findings: Finding, lenient=False) -> Outcome:
    return Outcome(findings, "", "warn" if lenient else "fail", MACHINE, None, 1, 4.5)


@pytest.fixture
def gated(monkeypatch):
    """Replace the gate: it says what the candidate's name says. Returns the calls."""
    calls = []

    def gate_pair(candidate, baseline, **options):
        calls.append((candidate, baseline, options))
        verdict = str(candidate).partition(".")[0]
        if verdict == "damaged":
            raise ManifestMismatch(f"{candidate}: not the bytes of its manifest")
        if verdict == "gone":
            raise FileNotFoundError(2, "No such file or directory", str(candidate))
        lenient = options["budget"].on_inconclusive == "warn"
        return outcome(finding(verdict, cell(str(candidate))), lenient=lenient)

    monkeypatch.setattr(gate_run, "gate_pair", gate_pair)
    return calls


@pytest.fixture
def suite(monkeypatch, pytester):
    """Write `bench/gate.toml` and replace the gate of a suite. Returns what was judged, where."""
    runs = []

    def write(*verdicts: str) -> list[tuple[list[str], Path]]:
        cells = {f"{verdict}-{place}.tflite": verdict for place, verdict in enumerate(verdicts)}
        plan = Plan(tuple(Pair(cell(name)) for name in cells))
        path = pytester.mkdir("bench") / "gate.toml"
        path.write_text("[budget]\nmax_ratio = 1.03\n")

        @contextmanager
        def plan_suite(name):
            assert name == str(path)
            yield plan

        def run_gate(plan, *, say):
            names = [pair.cell.candidate for pair in plan.pairs]
            runs.append((names, Path.cwd()))
            say("round 1 of 6")
            return outcome(*(finding(cells[name], cell(name)) for name in names))

        monkeypatch.setattr(gate_run, "suite_cells", lambda name: plan.pairs)
        monkeypatch.setattr(gate_run, "plan_suite", plan_suite)
        monkeypatch.setattr(gate_run, "run_gate", run_gate)
        return runs

    return write


def run(pytester, *arguments: str):
    """Run pytest in this process; warnings are errors, as in a careful project."""
    return pytester.runpytest_inprocess("-W", "error", "-p", "edgeae", *arguments)


def fixture_test(verdict: str) -> str:
    return f"""
        def test_gated(edgeae_gate):
            edgeae_gate("{verdict}.tflite", "base.tflite")
            print("the rest ran")
    """


def marked_test(verdict: str) -> str:
    return f"""
        import pytest

        @pytest.mark.edgeae(candidate="{verdict}.tflite", baseline="base.tflite")
        def test_gated():
            print("the rest ran")
    """


def nested_test(verdict: str) -> str:
    return f"""
        import pytest

        @pytest.fixture
        def model(edgeae_gate):
            edgeae_gate("{verdict}.tflite", "base.tflite")

        def test_gated(model):
            print("the rest ran")
    """


def method_test(verdict: str) -> str:
    return f"""
        import pytest, unittest

        class TestGated(unittest.TestCase):
            @pytest.mark.edgeae("{verdict}.tflite", "base.tflite")
            def test_gated(self):
                print("the rest ran")
    """


@pytest.mark.parametrize("verdict", VERDICTS)
@pytest.mark.parametrize("write", [fixture_test, marked_test, nested_test, method_test])
def test_the_verdict_decides_what_pytest_shows(pytester, gated, write, verdict):
    pytester.makepyfile(write(verdict))
    result = run(pytester, "-s", "--junitxml=out.xml")
    result.assert_outcomes(**{SHOWN[verdict]: 1})
    assert result.ret == (0 if verdict == "pass" else 1)
    assert ("the rest ran" in result.stdout.str()) == (verdict == "pass")
    assert junit(pytester) == {"tests": 1, "failures": verdict == "fail"} | {
        "errors": SHOWN[verdict] == "errors"
    }
    if verdict != "pass":
        result.stdout.fnmatch_lines([f"{verdict}.tflite on litert-xnnpack: ratio is {verdict}, *"])
        assert "pytest_plugin.py" not in result.stdout.str()  # a reason, not a traceback


def junit(pytester) -> dict[str, int]:
    (found,) = Xml.parse(pytester.path / "out.xml").getroot().iter("testsuite")
    return {key: int(found.get(key)) for key in ("tests", "failures", "errors")}


@pytest.mark.parametrize("verdict", VERDICTS)
def test_every_run_that_gates_ends_with_the_table(pytester, gated, verdict):
    pytester.makepyfile(fixture_test(verdict))
    result = run(pytester, "-q")
    result.stdout.fnmatch_lines(
        [
            "*= edgeae gate =*",
            f"{verdict}.tflite *{verdict}",
            "Fast 9000, 2 cores*",
            f"* {verdict}: 1 {verdict}",
            "   4.5 s  *.tflite on litert-xnnpack",
        ]
    )


def test_the_table_is_of_all_gates_together(pytester, gated):
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("verdict", ["pass", "fail", "missing"])
        def test_gated(edgeae_gate, verdict):
            edgeae_gate(f"{verdict}.tflite", "base.tflite")
        """
    )
    result = run(pytester)
    result.assert_outcomes(passed=1, failed=1, errors=1)
    result.stdout.fnmatch_lines(["* fail: 1 pass, 1 missing, 1 fail"])
    assert result.stdout.str().count("Fast 9000") == 1


def test_a_run_that_gates_nothing_says_nothing(pytester):
    pytester.makepyfile("def test_other(): pass")
    result = run(pytester)
    result.assert_outcomes(passed=1)
    assert "edgeae gate" not in result.stdout.str()


def test_a_gate_is_called_as_the_test_says(pytester, gated):
    pytester.makepyfile(
        """
        import pytest

        def test_all(edgeae_gate):
            found = edgeae_gate("pass.onnx", "old.onnx", runtime="null", max_ratio=1.1, threads=2,
                                batch=8, exact=("bytes",), max_p99_us=40)
            assert found.verdict == "pass"

        @pytest.mark.edgeae("pass.onnx", "old.onnx", runtime=["null", "onnxruntime-cpu"])
        def test_marked(): pass
        """
    )
    run(pytester).assert_outcomes(passed=2)
    (candidate, baseline, options), (_, _, marked) = gated
    assert (candidate, baseline) == ("pass.onnx", "old.onnx")
    assert callable(options.pop("say"))
    budget = Budget(max_ratio=1.1, exact=("bytes",), max_p99_us=40)
    assert options == {"runtimes": ("null",), "threads": 2, "batch": 8, "budget": budget}
    assert marked["runtimes"] == ("null", "onnxruntime-cpu") and marked["budget"] == Budget()


def test_several_markers_are_several_gates(pytester, gated):
    pytester.makepyfile(
        """
        import pytest

        pytestmark = pytest.mark.edgeae("pass.a", "base")

        @pytest.mark.edgeae("pass.b", "base")
        @pytest.mark.edgeae("fail.c", "base")
        def test_gated(): pass
        """
    )
    run(pytester).assert_outcomes(failed=1)
    assert [candidate for candidate, _, _ in gated] == ["fail.c"]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ('"damaged.tflite", "base"', "damaged.tflite: not the bytes of its manifest"),
        ('"gone.tflite", "base"', "gone.tflite: No such file or directory"),
        ('"pass.x", "base", max_ratoi=1', "unknown key 'max_ratoi'; did you mean 'max_ratio'? *"),
        ('"pass.x", "base", max_ratio=-1', "max_ratio = -1.0: allowed is above 0*"),
        ('"pass.x"', "@pytest.mark.edgeae: missing a required argument: 'baseline'"),
    ],
)
def test_what_cannot_be_judged_is_one_line_and_an_error(pytester, gated, arguments, line):
    pytester.makepyfile(f"import pytest\n@pytest.mark.edgeae({arguments})\ndef test_gated(): pass")
    result = run(pytester)
    result.assert_outcomes(errors=1)
    assert result.ret == 1
    result.stdout.fnmatch_lines([line])
    assert "Traceback" not in result.stdout.str() and "pytest_plugin.py" not in result.stdout.str()


def test_a_gate_that_only_warns_passes_and_says_so(pytester, gated):
    pytester.makepyfile(
        """
        def test_gated(edgeae_gate):
            edgeae_gate("inconclusive.tflite", "base.tflite", on_inconclusive="warn")
        """
    )
    result = run(pytester)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["warning: inconclusive.tflite on *", "*inconclusive is allowed*"])


def test_a_test_cannot_swallow_the_verdict(pytester, gated):
    pytester.makepyfile(
        """
        def test_gated(edgeae_gate):
            try:
                edgeae_gate("fail.tflite", "base.tflite")
            except Exception:
                pass
        """
    )
    run(pytester).assert_outcomes(failed=1)


def test_skipped_and_expected_failures_stay_what_they_are(pytester, gated):
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.skip
        @pytest.mark.edgeae("fail.tflite", "base")
        def test_skipped(): pass

        @pytest.mark.xfail
        @pytest.mark.edgeae("fail.tflite", "base")
        def test_expected(): pass
        """
    )
    run(pytester).assert_outcomes(skipped=1, xfailed=1)
    assert len(gated) == 1


def test_a_gate_after_the_test_leaves_its_result_alone(pytester, gated):
    pytester.makepyfile(
        """
        import pytest

        @pytest.fixture
        def model(edgeae_gate):
            yield
            edgeae_gate("fail.tflite", "base.tflite")

        def test_gated(model): pass
        """
    )
    run(pytester, "--junitxml=out.xml").assert_outcomes(passed=1, errors=1)
    assert junit(pytester)["errors"] == 1


def test_other_tests_fail_as_ever(pytester):
    pytester.makepyfile(
        """
        import pytest

        @pytest.fixture
        def broken(): raise ValueError("in set-up")

        def test_error(broken): pass
        def test_fail(): assert 1 == 2
        """
    )
    run(pytester).assert_outcomes(failed=1, errors=1)


def test_the_marker_and_the_fixture_are_documented(pytester):
    markers = run(pytester, "--markers", "--strict-markers").stdout
    markers.fnmatch_lines(["@pytest.mark.edgeae(candidate, baseline, runtime=*max_ratio=1.03*"])
    run(pytester, "--fixtures").stdout.fnmatch_lines(["edgeae_gate*session scope*"])


def test_a_suite_with_a_budget_is_a_test_for_each_cell(pytester, suite):
    runs = suite("pass", "fail", "inconclusive", "missing", "pass")
    result = run(pytester, "-v", "--junitxml=out.xml", "--durations=5", "--durations-min=1")
    result.assert_outcomes(passed=2, failed=1, errors=2)
    assert result.ret == 1 and len(runs) == 1
    result.stdout.fnmatch_lines(
        [
            "bench/gate.toml::pass-0.tflite on litert-xnnpack PASSED*",
            "bench/gate.toml::fail-1.tflite on litert-xnnpack FAILED*",
            "bench/gate.toml::inconclusive-2.tflite on litert-xnnpack ERROR*",
            "bench/gate.toml::missing-3.tflite on litert-xnnpack ERROR*",
            "*= edgeae gate =*",
            "* fail: 2 pass, 1 inconclusive, 1 missing, 1 fail",
        ]
    )
    assert junit(pytester) == {"tests": 5, "failures": 1, "errors": 2}
    # a cell's own time, not the suite's
    assert result.stdout.str().count("4.50s ") == 5


def test_the_gates_talk_is_a_log(pytester, suite):
    suite("pass")
    assert "round 1" not in run(pytester).stdout.str()
    run(pytester, "--log-cli-level=info").stdout.fnmatch_lines(["INFO * round 1 of 6"])


def test_the_last_lines_say_why(pytester, gated):
    pytester.makepyfile(fixture_test("fail"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CI", "true")  # there pytest cuts no line
        result = run(pytester)
    name = "test_the_last_lines_say_why.py::test_gated"
    reason = "fail.tflite on litert-xnnpack: ratio is fail, budget 1.030"
    result.stdout.fnmatch_lines([f"FAILED {name} - {reason}"])


def test_a_suite_is_judged_in_its_project_wherever_pytest_starts(pytester, suite):
    runs = suite("pass")
    elsewhere = pytester.mkdir("elsewhere")
    pytester.makeini("[pytest]")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(elsewhere)
        run(pytester, str(pytester.path / "bench")).assert_outcomes(passed=1)
        assert Path.cwd() == elsewhere
    assert runs == [(["pass-0.tflite"], pytester.path)]


def test_only_the_chosen_cells_are_judged(pytester, suite):
    runs = suite("pass", "fail", "pass")
    run(pytester, "-k", "pass").assert_outcomes(passed=2, deselected=1)
    name = "bench/gate.toml::fail-1.tflite on litert-xnnpack"
    run(pytester, name).assert_outcomes(failed=1)
    assert [names for names, _ in runs] == [["pass-0.tflite", "pass-2.tflite"], ["fail-1.tflite"]]


def test_collecting_a_suite_judges_nothing(pytester, suite):
    runs = suite("fail")
    result = run(pytester, "--collect-only", "-q")
    assert result.ret == 0 and runs == []
    result.stdout.fnmatch_lines(["bench/gate.toml::fail-0.tflite on litert-xnnpack"])


def test_other_toml_files_are_none_of_its_business(pytester, suite):
    suite("pass")
    for place, text in {
        "bench/full.toml": "seconds = 1.5",
        "bench/torn.toml": "seconds = ",
        "other/gate.toml": "[budget]",
        "gate.toml": "[budget]",
    }.items():
        path = pytester.path / place
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    run(pytester).assert_outcomes(passed=1)


@pytest.mark.parametrize("error", [BadInput("gate.toml: unknown key"), PermissionError(13, "no")])
def test_a_suite_that_cannot_be_read_is_one_line_and_an_error(pytester, suite, monkeypatch, error):
    suite("pass")

    def refuse(name):
        raise error

    monkeypatch.setattr(gate_run, "suite_cells", refuse)
    result = run(pytester)
    result.assert_outcomes(errors=1)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["gate.toml: unknown key" if error.args[0] != 13 else "no"])
    assert "Traceback" not in result.stdout.str()


def test_a_suite_of_no_cells_is_an_error(pytester, suite):
    suite()
    result = run(pytester)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*bench/gate.toml: no cell to gate"])


def test_a_torn_suite_with_a_budget_is_told(pytester):
    (pytester.mkdir("bench") / "gate.toml").write_text("[budget]\nmax_ratio = \n")
    result = run(pytester)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*gate.toml: not TOML*"])


def test_a_suite_that_cannot_be_judged_is_an_error_of_each_cell(pytester, suite, monkeypatch):
    suite("pass", "pass")
    tries = []

    def refuse(plan, **options):
        tries.append(plan)
        raise BadInput("somebody else is timing")

    monkeypatch.setattr(gate_run, "run_gate", refuse)
    result = run(pytester)
    result.assert_outcomes(errors=2)
    assert len(tries) == 1
    result.stdout.fnmatch_lines(["somebody else is timing"])


def test_a_cell_that_the_gate_left_out_is_an_error(pytester, suite, monkeypatch):
    suite("pass", "pass")
    only = outcome(finding("pass", cell("pass-0.tflite")))
    monkeypatch.setattr(gate_run, "run_gate", lambda plan, **options: only)
    run(pytester).assert_outcomes(passed=1, errors=1)


def test_it_can_be_turned_off(pytester, suite):
    suite("fail")
    pytester.makepyfile("def test_other(): pass")
    result = pytester.runpytest_inprocess("-p", "no:edgeae")
    result.assert_outcomes(passed=1)


def test_a_run_without_gates_loads_nothing_heavy(pytester):
    pytester.makepyfile(
        """
        import sys

        def test_light(request):
            assert request.config.pluginmanager.hasplugin("edgeae")
            loaded = {name.partition(".")[0] for name in sys.modules}
            heavy = {"numpy", "typer", "onnx", "onnxruntime", "ai_edge_litert", "tensorflow"}
            assert loaded & heavy == set()
            assert [name for name in sys.modules if name.startswith("edgeae.gate")] == []
        """
    )
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error"]
    done = subprocess.run(command, cwd=pytester.path, capture_output=True, text=True, check=False)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_it_is_found_by_its_name_without_autoload(pytester, monkeypatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    command = [sys.executable, "-m", "pytest", "-p", "edgeae", "--fixtures", "-q"]
    done = subprocess.run(command, cwd=pytester.path, capture_output=True, text=True, check=False)
    assert "edgeae_gate" in done.stdout, done.stdout + done.stderr


def test_outcomes_together_warn_only_if_each_does():
    from edgeae.pytest_plugin import _together

    mild = outcome(finding("inconclusive", cell("a")), lenient=True)
    strict = outcome(finding("pass", cell("b")))
    assert _together([mild, mild]).code == 0
    assert _together([strict, mild]).code == 3
    assert _together([mild, replace(strict, seconds=2.0)]).seconds == 6.5
