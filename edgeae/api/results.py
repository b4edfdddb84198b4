"""What the long methods of a bundle return: results that print as the commands do."""

from dataclasses import dataclass

from edgeae.gate.finding import Outcome, Verdict
from edgeae.timing.results import Result
from edgeae.verify.run import Findings


@dataclass(frozen=True, repr=False)
class Verification:
    """What `Bundle.verify` found; its text is the table of `edgeae verify`.

    Attributes:
        findings: one row per artifact and runtime.
    """

    findings: Findings

    @property
    def passed(self) -> bool:
        """Whether nothing is out of tolerance, and a runtime answered."""
        return not self.findings.codes

    @property
    def breaches(self) -> list[str]:
        """One line per breach, with artifact, runtime, figure and limit."""
        return self.findings.breaches

    def __repr__(self) -> str:
        from edgeae.verify.table import render

        return render([self.findings])


@dataclass(frozen=True, repr=False)
class Timings:
    """What `Bundle.bench` measured; its text is the table of `edgeae bench`.

    Attributes:
        rows: one row per worker process, with its raw samples.
    """

    rows: tuple[Result, ...]

    def __repr__(self) -> str:
        from edgeae.timing.table import render

        return render(list(self.rows))


@dataclass(frozen=True, repr=False)
class Judgement:
    """What `Bundle.gate` decided; its text is the table of `edgeae gate`.

    Attributes:
        outcome: one finding per artifact and runtime.
    """

    outcome: Outcome

    @property
    def verdict(self) -> Verdict:
        """`pass`, `fail`, `inconclusive` or `missing`: the worst of all findings."""
        return self.outcome.verdict

    @property
    def passed(self) -> bool:
        """Whether every finding passes."""
        return self.verdict == "pass"

    def __repr__(self) -> str:
        from edgeae.gate.outputs.table import render

        return render(self.outcome)
