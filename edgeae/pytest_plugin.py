"""pytest plugin: the gate as a fixture, as a marker, and as tests of each suite with a budget.

    def test_speed(edgeae_gate):
        edgeae_gate("models/new.tflite", "bench/baselines/new.tflite", max_ratio=1.03)

    @pytest.mark.edgeae(candidate="new.onnx", baseline="git:main")
    def test_more(): ...

Every `bench/*.toml` with a `[budget]` is collected, with one test for each of its cells. The
verdict decides what pytest shows, in every phase: fail is FAILED; inconclusive, missing, and
anything that could not be judged are ERROR. `-p no:edgeae` turns the plugin off.

pytest loads this module in every run of every project in the same environment, so it imports as
little as possible.
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

#: All outcomes of this run, for the summary at its end.
_OUTCOMES = pytest.StashKey[list["Outcome"]]()
_MARKER = (
    "edgeae(candidate, baseline, runtime=..., max_ratio=1.03, **budget): "
    "gate the candidate against its baseline before the test runs"
)
#: Number of slowest cells that the summary lists.
_SLOWEST = 10


class NotPassed(pytest.fail.Exception):  # type: ignore[misc,name-defined]  # a Failed
    """A gate did not pass.

    Attributes:
        when: the phase that pytest reports: a failed `call` is FAILED, a failed `setup` is ERROR.
    """

    def __init__(self, reason: str, when: Literal["call", "setup"]) -> None:
        super().__init__(reason, pytrace=False)
        self.when = when


class Gate:
    """The value of the fixture `edgeae_gate`; a call judges one candidate.

    Args:
        config: configuration of the run, which stores the outcomes.
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
        """Judge a candidate against its baseline; return the outcome only if the gate passes.

        Args:
            candidate, baseline: artifacts, as for `edgeae gate`.
            runtime: one or several runtimes; by default the usual runtime of the artifact's format.
            max_ratio: largest allowed p50 ratio, candidate ÷ baseline.
            threads, batch: settings that both sides run with.
            **budget: the other keys of a suite's `[budget]`.

        Raises:
            NotPassed: the verdict is not pass, or there is no verdict.
        """
        runtimes = (runtime,) if isinstance(runtime, str) else tuple(runtime)

        def judge() -> "Outcome":
            from edgeae.gate import run as gate_run
            from edgeae.gate.budget import from_table

            # a caller may give a tuple for a key that is a list in a suite
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
    """A suite with a budget: one test per cell; all cells are judged when the first test runs.

    They are judged together, because the error rate of a suite holds only for the whole suite.
    """

    _outcome: "Outcome | NotPassed | None" = None

    def collect(self) -> Iterator["CellItem"]:
        """Yield one test per cell, without opening an engine."""
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
        """Return the suite's outcome; the first call judges the suite.

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

        # `-k` and node ids select cells; the other cells are not timed
        chosen = {item.name for item in self.session.items if item.parent is self}
        with self._project(), gate_run.plan_suite(str(self.path)) as plan:
            pairs = tuple(pair for pair in plan.pairs if pair.cell.name in chosen)
            return gate_run.run_gate(replace(plan, pairs=pairs), say=_say)

    def _project(self) -> contextlib.AbstractContextManager[None]:
        """Change to the project's folder, because a suite's paths are relative to it."""
        return contextlib.chdir(self.path.parent.parent)


class CellItem(pytest.Item):
    """One cell of a suite."""

    parent: SuiteFile
    #: Duration of this cell; otherwise pytest would report the whole suite's for the first cell.
    seconds: float | None = None

    def runtest(self) -> None:
        """Pass, or raise NotPassed with the reasons for this cell."""
        if hasattr(self.config, "workerinput"):  # each worker of xdist would time the whole suite
            reason = (
                "a suite is judged as a whole, in one process: run it without pytest-xdist's -n"
            )
            raise NotPassed(reason, "setup")
        outcome = self.parent.outcome()
        own = [finding for finding in outcome.findings if finding.cell.name == self.name]
        self.seconds = sum(finding.seconds for finding in own)
        _settle(replace(outcome, findings=tuple(own)))

    def reportinfo(self) -> tuple[Path, None, str]:
        """Return the suite's file, and the test's name in a report."""
        return self.path, None, f"edgeae gate: {self.name}"


@pytest.fixture(scope="session")
def edgeae_gate(pytestconfig: pytest.Config) -> Gate:
    """Gate a candidate: `edgeae_gate(candidate, baseline, runtime=…, max_ratio=1.03)`."""
    return Gate(pytestconfig)


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker, and start with no outcomes."""
    config.addinivalue_line("markers", _MARKER)
    config.stash[_OUTCOMES] = []


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> SuiteFile | None:
    """Collect `bench/*.toml` with a `[budget]`."""
    if file_path.suffix == ".toml" and file_path.parent.name == "bench" and _is_gated(file_path):
        return SuiteFile.from_parent(parent, path=file_path)
    return None


def _is_gated(path: Path) -> bool:
    """Return whether a suite has a budget; a damaged file that seems to have one counts too."""
    import tomllib

    content = path.read_bytes()
    try:
        return "budget" in tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return b"[budget" in content


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Run the gates of a marked test before its body, in the call phase: a fail is FAILED."""
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
    """Report a gate's verdict in the phase that belongs to it, whatever phase raised it."""
    report = yield
    error = call.excinfo.value if call.excinfo else None
    if isinstance(error, NotPassed) and call.when != "teardown":
        report.when = error.when
        crash = getattr(report.longrepr, "reprcrash", None)
        if crash is not None:
            crash.message = str(error)  # so that the run's last lines show only the reason
    if isinstance(item, CellItem) and call.when == "call" and item.seconds is not None:
        report.duration = item.seconds
    return report


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the table of all gates of the run, and the durations, at its end."""
    outcomes = config.stash[_OUTCOMES]
    if outcomes:
        from edgeae.gate.outputs import table

        terminalreporter.section("edgeae gate")
        whole = _together(outcomes)
        for line in [*table.render(whole).split("\n"), *_durations(whole)]:
            terminalreporter.write_line(line)


def _together(outcomes: Sequence["Outcome"]) -> "Outcome":
    """Return all outcomes as one; it only warns about inconclusive cells if every outcome does."""
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
    """Return the outcome of `judge`, or raise NotPassed with a one-line reason."""
    try:
        return judge()
    except EdgeaeError as error:
        raise NotPassed(str(error), "setup") from None
    except OSError as error:
        raise NotPassed(str(system_error(error)), "setup") from None


def _settle(outcome: "Outcome") -> None:
    """Raise NotPassed unless the outcome's exit code is 0."""
    if outcome.code:
        lines = [line for finding in outcome.findings for line in finding.lines]
        when: Literal["call", "setup"] = "call" if outcome.verdict == "fail" else "setup"
        raise NotPassed("\n".join(lines) or outcome.sentence, when)


def _say(line: str) -> None:
    """Log a message of the gate; pytest shows it for failed tests (or `--log-cli-level=info`)."""
    logging.getLogger("edgeae").info(line)
