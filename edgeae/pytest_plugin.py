"""pytest plugin: a gate as a fixture, as a marker, and as the tests of each suite with a budget.

    def test_speed(edgeae_gate):
        edgeae_gate("models/new.tflite", "bench/baselines/new.tflite", max_ratio=1.03)

    @pytest.mark.edgeae(candidate="new.onnx", baseline="git:main")
    def test_more(): ...

Every `bench/*.toml` that holds a `[budget]` is collected, a test for each of its cells. Whatever
the phase, the verdict decides what pytest shows: fail is FAILED; inconclusive, missing, and what
could not be judged at all, are ERROR. `-p no:edgeae` turns all of it off.

pytest loads this module in every run of every project beside it, so it imports next to nothing.
"""

import contextlib
import inspect
import logging
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from edgeae.errors import EdgeaeError, system_error

if TYPE_CHECKING:
    from edgeae.gate.finding import Outcome

__all__ = ["CellItem", "Gate", "NotPassed", "SuiteFile"]

#: Everything that was judged in this run, for the summary at its end.
_OUTCOMES = pytest.StashKey[list["Outcome"]]()
_MARKER = (
    "edgeae(candidate, baseline, runtime=..., max_ratio=1.03, **budget): "
    "gate the candidate against its baseline before the test runs"
)
#: The slowest gates that the summary names.
_SLOWEST = 10


class NotPassed(pytest.fail.Exception):  # type: ignore[misc,name-defined]  # a Failed
    """A gate that does not pass.

    Attributes:
        when: the phase in which pytest shows it: a failed `call` is FAILED, a `setup` is ERROR.
    """

    def __init__(self, reason: str, when: Literal["call", "setup"]) -> None:
        super().__init__(reason, pytrace=False)
        self.when = when


class Gate:
    """What the fixture `edgeae_gate` gives a test: called, it judges one candidate.

    Args:
        config: of the run, which keeps the outcomes.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def __call__(
        self,
        candidate: str | Path,
        baseline: str | Path,
        *,
        runtime: str | Sequence[str] = (),
        max_ratio: float = 1.03,
        threads: int = 1,
        batch: int = 1,
        **budget: Any,
    ) -> "Outcome":
        """Judge a candidate beside its baseline; returns only if the gate lets it through.

        Args:
            candidate, baseline: artifacts, as `edgeae gate` takes them.
            runtime: one or several; by default what the artifact's format is run in.
            max_ratio: of the p50, candidate ÷ baseline.
            threads, batch: how both are run.
            **budget: the other keys of a suite's `[budget]`.

        Raises:
            NotPassed: the verdict is not pass, or there is none.
        """
        runtimes = (runtime,) if isinstance(runtime, str) else tuple(runtime)

        def judge() -> "Outcome":
            from edgeae.gate import run as gate_run
            from edgeae.gate.budget import from_table

            # a suite's lists are tuples to some who write Python
            lists = {key: list(item) for key, item in budget.items() if isinstance(item, tuple)}
            limits = from_table({"max_ratio": max_ratio, **budget, **lists})
            return gate_run.gate_pair(
                candidate,
                baseline,
                runtimes=runtimes,
                budget=limits,
                threads=threads,
                batch=batch,
                say=_say,
            )

        outcome = _judged(judge)
        self._config.stash[_OUTCOMES].append(outcome)
        _settle(outcome)
        return outcome


class SuiteFile(pytest.File):
    """A suite with a budget: a test for each cell, judged together when the first one runs.

    Together, because a suite of many cells keeps the error rate of one only as a whole.
    """

    _outcome: "Outcome | NotPassed | None" = None

    def collect(self) -> Iterator["CellItem"]:
        """Yield a test for each cell; no engine is opened for that."""
        try:
            with self._project():
                from edgeae.gate import run as gate_run

                names = [pair.cell.name for pair in gate_run.suite_cells(str(self.path))]
        except EdgeaeError as error:
            raise self.CollectError(str(error)) from None
        except OSError as error:
            raise self.CollectError(str(system_error(error))) from None
        if not names:
            raise self.CollectError(f"{self.path}: no cell to gate")
        for name in names:
            yield CellItem.from_parent(self, name=name)

    def outcome(self) -> "Outcome":
        """Return what the gate found about the suite, judging it the first time.

        Raises:
            NotPassed: nothing could be judged.
        """
        if self._outcome is None:
            try:
                self._outcome = _judged(self._judge)
                self.config.stash[_OUTCOMES].append(self._outcome)
            except NotPassed as error:
                self._outcome = error
        if isinstance(self._outcome, NotPassed):
            raise self._outcome
        return self._outcome

    def _judge(self) -> "Outcome":
        from edgeae.gate import run as gate_run

        # `-k` and node ids choose cells; what was not chosen is not timed
        chosen = {item.name for item in self.session.items if item.parent is self}
        with self._project(), gate_run.plan_suite(str(self.path)) as plan:
            pairs = tuple(pair for pair in plan.pairs if pair.cell.name in chosen)
            return gate_run.run_gate(replace(plan, pairs=pairs), say=_say)

    def _project(self) -> contextlib.AbstractContextManager[None]:
        """Names in a suite are from its project's folder, wherever pytest was started."""
        return contextlib.chdir(self.path.parent.parent)


class CellItem(pytest.Item):
    """One cell of a suite."""

    parent: SuiteFile
    #: How long this cell took; what the suite took would be told of the first cell alone.
    seconds: float | None = None

    def runtest(self) -> None:
        """Pass, or raise what the gate found about this cell."""
        if hasattr(self.config, "workerinput"):  # each of xdist's workers would time all of it
            told = "a suite is judged as a whole and alone: run it without pytest-xdist's -n"
            raise NotPassed(told, "setup")
        outcome = self.parent.outcome()
        own = [finding for finding in outcome.findings if finding.cell.name == self.name]
        self.seconds = sum(finding.seconds for finding in own)
        _settle(replace(outcome, findings=tuple(own)))

    def reportinfo(self) -> tuple[Path, None, str]:
        """Return the suite's file and the name that a report shows."""
        return self.path, None, f"edgeae gate: {self.name}"


@pytest.fixture(scope="session")
def edgeae_gate(pytestconfig: pytest.Config) -> Gate:
    """Gate a candidate: `edgeae_gate(candidate, baseline, runtime=…, max_ratio=1.03)`."""
    return Gate(pytestconfig)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker; start with no outcome."""
    config.addinivalue_line("markers", _MARKER)
    config.stash[_OUTCOMES] = []


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> SuiteFile | None:
    """Collect `bench/*.toml` with a `[budget]`."""
    if file_path.suffix == ".toml" and file_path.parent.name == "bench" and _is_gated(file_path):
        return SuiteFile.from_parent(parent, path=file_path)
    return None


def _is_gated(path: Path) -> bool:
    """Whether a suite holds a budget, or does not read as TOML but seems to: that is told then."""
    import tomllib

    content = path.read_bytes()
    try:
        return "budget" in tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return b"[budget" in content


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Gate a marked test before its body: within the call, so that a fail is FAILED."""
    gate = Gate(item.config)
    for marker in item.iter_markers("edgeae"):
        try:
            inspect.signature(gate).bind(*marker.args, **marker.kwargs)
        except TypeError as error:
            raise NotPassed(f"@pytest.mark.edgeae: {error}", "setup") from None
        gate(*marker.args, **marker.kwargs)
    return (yield)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show a gate's verdict as what it is, in whichever phase it was reached."""
    report = yield
    error = call.excinfo.value if call.excinfo else None
    if isinstance(error, NotPassed) and call.when != "teardown":
        report.when = error.when
        crash = getattr(report.longrepr, "reprcrash", None)
        if crash is not None:
            crash.message = str(error)  # the last lines of a run: the reason, without its class
    if isinstance(item, CellItem) and call.when == "call" and item.seconds is not None:
        report.duration = item.seconds
    return report


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """End the run with the table of everything that was gated, and how long it took."""
    outcomes = config.stash[_OUTCOMES]
    if outcomes:
        from edgeae.gate.outputs import table

        terminalreporter.section("edgeae gate")
        whole = _together(outcomes)
        for line in [*table.render(whole).split("\n"), *_durations(whole)]:
            terminalreporter.write_line(line)


def _together(outcomes: Sequence["Outcome"]) -> "Outcome":
    """Return all outcomes as one; it only warns of what is inconclusive if each of them does."""
    lenient = all(outcome.on_inconclusive == "warn" for outcome in outcomes)
    return replace(
        outcomes[-1],
        findings=tuple(finding for outcome in outcomes for finding in outcome.findings),
        on_inconclusive="warn" if lenient else "fail",
        seconds=sum(outcome.seconds for outcome in outcomes),
        absent=tuple(dict.fromkeys(item for outcome in outcomes for item in outcome.absent)),
    )


def _durations(outcome: "Outcome") -> list[str]:
    timed = [finding for finding in outcome.findings if finding.processes]
    timed.sort(key=lambda finding: finding.seconds, reverse=True)
    lines = [f"{finding.seconds:6.1f} s  {finding.cell.name}" for finding in timed[:_SLOWEST]]
    return ["", f"slowest of {len(timed)} timed cells:", *lines] if lines else []


def _judged(judge: Callable[[], "Outcome"]) -> "Outcome":
    """Return an outcome, or raise what stood in its way in a line."""
    try:
        return judge()
    except EdgeaeError as error:
        raise NotPassed(str(error), "setup") from None
    except OSError as error:
        raise NotPassed(str(system_error(error)), "setup") from None


def _settle(outcome: "Outcome") -> None:
    """Let an outcome through whose exit code is 0."""
    if outcome.code:
        lines = [line for finding in outcome.findings for line in finding.lines]
        when: Literal["call", "setup"] = "call" if outcome.verdict == "fail" else "setup"
        raise NotPassed("\n".join(lines) or outcome.sentence, when)


def _say(line: str) -> None:
    """Keep the gate's talk for the report of a test that does not pass (`--log-cli-level=info`)."""
    logging.getLogger("edgeae").info(line)
