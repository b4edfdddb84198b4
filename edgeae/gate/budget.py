"""The limits that a candidate must meet, read from the table `[budget]` of a suite."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from edgeae.errors import BadInput, unknown
from edgeae.metrics.tolerance import DetectionLimits
from edgeae.reading import typed
from edgeae.runtimes import RUNTIMES

#: Figures that can be compared exactly: they are deterministic, so no interval is needed.
Exact = Literal["bytes", "gzip_bytes", "macs", "arena", "operators", "instructions", "flash", "ram"]
OnInconclusive = Literal["fail", "warn"]


@dataclass(frozen=True)
class Budget:
    """Limits of one cell. A limit that is None is not checked.

    Attributes:
        max_ratio: largest ratio of the median calls, candidate ÷ baseline. If the fixed cost of a
            call is notable, it is subtracted from both medians.
        max_p50_us, max_p99_us: largest median and 99th percentile, over blocks, of the candidate's
            call, in µs.
        max_first_ms, max_load_ms: largest median time of the candidate's first call, and of its
            load, in ms. Only processes that load the candidate first count; at least twelve
            processes run.
        max_rss_mb: largest peak memory, in 10⁶ bytes, of the process that holds both sides. Only
            processes that load the candidate first count; at least twelve processes run.
        max_loss_ratio: largest ratio of the losses, candidate ÷ baseline, from the manifests of
            bundles.
        min_auc, max_auc_drop, max_flips: limits of the candidate as an anomaly detector, judged by
            what `edgeae detect` measured of the bundle in this runtime: the least AUC, the largest
            drop of the AUC from the original's, and the largest share of rows that change sides
            through the export. An encoder beside an autoencoder has none of these figures.
        parity: whether parity is checked. A bundle passes if `edgeae verify` passed on this
            runtime; a bare file passes if the candidate gives the baseline's answers.
        exact: which figures are compared exactly: `bytes`, `gzip_bytes`, `macs`, `arena`,
            `operators`, `instructions`, and on emulated cores `flash` (code and constants) and
            `ram` (arena, data and stack). On an emulated core `instructions`, `flash` and `ram` are
            compared if the list is empty.
        exact_growth: largest ratio of an exact figure, candidate ÷ baseline.
        exact_saving: if an exact figure shrinks by more than this share, it is a saving to record.
        on_saving: effect of a saving: `ask` passes with a note, `fail` fails until the saving is
            recorded.
        on_inconclusive: effect of an inconclusive ratio: `fail` ends with exit code 3, `warn`
            prints a warning and ends with exit code 0.
        runtimes: runtime name → its own limits; a limit that is not given there is that of
            `[budget]`.
    """

    max_ratio: float = 1.03
    max_p50_us: float | None = None
    max_p99_us: float | None = None
    max_first_ms: float | None = None
    max_load_ms: float | None = None
    max_rss_mb: float | None = None
    max_loss_ratio: float | None = None
    min_auc: float | None = None
    max_auc_drop: float | None = None
    max_flips: float | None = None
    parity: bool = False
    exact: tuple[Exact, ...] = ()
    exact_growth: float = 1.0
    exact_saving: float = 0.03
    on_saving: Literal["ask", "fail"] = "ask"
    on_inconclusive: OnInconclusive = "fail"
    runtimes: Mapping[str, "Budget"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key in _POSITIVE:
            value = getattr(self, key)
            if value is not None and not 0 < value < math.inf:
                raise BadInput(f"{key} = {value}: allowed is above 0, and finite")
        if not 0 <= self.exact_saving < 1:
            raise BadInput(f"exact_saving = {self.exact_saving}: allowed is 0 to below 1")
        _ = self.detection  # raises BadInput if a limit is not valid

    def on(self, runtime: str) -> "Budget":
        """Return the limits for one runtime."""
        return self.runtimes.get(runtime, self)

    def with_changes(self, **changed: Any) -> "Budget":
        """Return the budget with the values changed for every runtime."""
        own = {name: replace(limits, **changed) for name, limits in self.runtimes.items()}
        return replace(self, runtimes=own, **changed)

    @property
    def detection(self) -> DetectionLimits:
        """The limits of the candidate as an anomaly detector."""
        return DetectionLimits(self.min_auc, self.max_auc_drop, self.max_flips)

    @property
    def times_absolutely(self) -> bool:
        """Whether any limit is absolute: then even an artifact equal to its baseline is timed."""
        return any(getattr(self, key) is not None for key in _ABSOLUTE)


_ABSOLUTE = ("max_p50_us", "max_p99_us", "max_first_ms", "max_load_ms", "max_rss_mb")
_POSITIVE = ("max_ratio", *_ABSOLUTE, "max_loss_ratio", "exact_growth")


def from_table(table: Mapping[str, Any]) -> Budget:
    """Build a budget from the TOML table `[budget]`.

    Raises:
        BadInput: a key or a value is not allowed; the message lists what is allowed.
    """
    general = {key: value for key, value in table.items() if key != "runtimes"}
    own = typed.value(dict[str, dict[str, Any]], table.get("runtimes", {}), "runtimes")
    for name in own:
        if name not in RUNTIMES:
            raise unknown("runtime", name, RUNTIMES)
    budget = typed.build(Budget, general, given={"runtimes": {}})
    runtimes = {
        name: typed.build(Budget, general | limits, f"runtimes.{name}", given={"runtimes": {}})
        for name, limits in own.items()
    }
    return replace(budget, runtimes=runtimes)
