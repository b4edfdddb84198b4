"""The limits that a candidate must meet, read from the table `[budget]` of a suite."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from edgeae.errors import BadInput, unknown
from edgeae.runtimes import RUNTIMES

#: Figures that can be compared exactly: they are deterministic, so no interval is needed.
EXACT = ("bytes", "gzip_bytes", "macs", "arena", "operators", "instructions")


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
        parity: whether parity is checked. A bundle passes if `edgeae verify` passed on this
            runtime; a bare file passes if the candidate gives the baseline's answers.
        exact: which figures are compared exactly: `bytes`, `gzip_bytes`, `macs`, `arena`,
            `operators` and `instructions`.
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
    parity: bool = False
    exact: tuple[str, ...] = ()
    exact_growth: float = 1.0
    exact_saving: float = 0.03
    on_saving: Literal["ask", "fail"] = "ask"
    on_inconclusive: Literal["fail", "warn"] = "fail"
    runtimes: Mapping[str, "Budget"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for key in _POSITIVE:
            value = getattr(self, key)
            if value is not None and not 0 < value < math.inf:
                raise BadInput(f"{key} = {value}: allowed is above 0, and finite")
        if not 0 <= self.exact_saving < 1:
            raise BadInput(f"exact_saving = {self.exact_saving}: allowed is 0 to below 1")
        for name in self.exact:
            if name not in EXACT:
                raise unknown("exact figure", name, EXACT)
        for key, allowed in _CHOICES.items():
            if getattr(self, key) not in allowed:
                raise BadInput(f"{key} = {getattr(self, key)!r}: allowed are {', '.join(allowed)}")

    def on(self, runtime: str) -> "Budget":
        """Return the limits for one runtime."""
        return self.runtimes.get(runtime, self)

    def with_changes(self, **changed: Any) -> "Budget":
        """Return the budget with the values changed for every runtime."""
        own = {name: replace(limits, **changed) for name, limits in self.runtimes.items()}
        return replace(self, runtimes=own, **changed)

    @property
    def times_absolutely(self) -> bool:
        """Whether any limit is absolute: then even an artifact equal to its baseline is timed."""
        return any(getattr(self, key) is not None for key in _ABSOLUTE)


_ABSOLUTE = ("max_p50_us", "max_p99_us", "max_first_ms", "max_load_ms", "max_rss_mb")
_POSITIVE = ("max_ratio", *_ABSOLUTE, "max_loss_ratio", "exact_growth")
_CHOICES = {"on_saving": ("ask", "fail"), "on_inconclusive": ("fail", "warn")}


def from_table(table: Mapping[str, Any]) -> Budget:
    """Build a budget from the TOML table `[budget]`.

    Raises:
        BadInput: a key or a value is not allowed; the message lists what is allowed.
    """
    values = dict(table)
    own = values.pop("runtimes", {})
    if not isinstance(own, dict):
        raise BadInput(f"runtimes = {own!r}: allowed are tables, as [budget.runtimes.litert-gpu]")
    general = _with(Budget(), values, "")
    found = {}
    for name, limits in own.items():
        if name not in RUNTIMES:
            raise unknown("runtime", name, RUNTIMES)
        if not isinstance(limits, dict):
            raise BadInput(f"runtimes.{name} = {limits!r}: allowed is a table of limits")
        found[name] = _with(general, limits, f"runtimes.{name}.")
    return replace(general, runtimes=found)


def _with(budget: Budget, table: Mapping[str, Any], where: str) -> Budget:
    known = {item.name: item.type for item in fields(Budget) if item.name != "runtimes"}
    values = {}
    for key, value in table.items():
        if key not in known:
            raise unknown("key", f"{where}{key}", known)
        values[key] = _value(f"{where}{key}", value, getattr(Budget(), key))
    try:
        return replace(budget, **values)
    except BadInput as error:
        raise BadInput(f"{where}{error}") from None


def _value(key: str, value: Any, default: Any) -> Any:
    if isinstance(default, bool):
        if isinstance(value, bool):
            return value
        raise BadInput(f"{key} = {value!r}: allowed are true and false")
    if isinstance(default, tuple):
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            return tuple(value)
        raise BadInput(f"{key} = {value!r}: allowed is a list of {', '.join(EXACT)}")
    if isinstance(default, str):
        if isinstance(value, str):
            return value
        raise BadInput(f"{key} = {value!r}: allowed is text")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise BadInput(f"{key} = {value!r}: allowed is a number")
