"""The machine's conditions while blocks were timed, and the reasons why a figure is unstable.

`sample` reads the counters of this machine and process; all other functions are pure. A counter
that the kernel does not report is None, and gives no reason.
"""

import os
import resource
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeae.timing.sample_statistics import FEWEST_SAMPLES, median, median_interval, trend

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_CPU = Path("/sys/devices/system/cpu")

#: If the median moves by more than this share from first to last block, the state is not steady.
_DRIFT = 0.02
_STEAL = 0.01
#: Fewer ticks than this in a short measurement are noise, not steal time.
_STEAL_TICKS = 3
_FREQUENCY = 0.05
_SWITCHES_PER_S = 100
_SWITCHES = 10
#: If other processes ran and less than this share of a core was idle, they disturbed the worker.
_IDLE_CORES = 0.5
_OTHERS_CORES = 0.1


@dataclass(frozen=True)
class Conditions:
    """The counters at one moment; durations are totals since the machine or process started.

    Attributes:
        at_s: time on a monotonic clock, in seconds.
        cores: number of cores that this process may use; the other counters cover these cores.
        load_average: load average of the last minute.
        busy_s: processor time of all processes on these cores, in seconds.
        steal_s: processor time that the hypervisor took from these cores, in seconds.
        own_s: processor time of this process, in seconds.
        switches: number of times that this process was preempted.
        swapped_pages: pages swapped in and out by the whole machine.
        throttled_s: processor time that the control group's limit withheld, in seconds.
        frequency_hz: mean frequency of these cores.
    """

    at_s: float
    cores: int
    load_average: float
    busy_s: float | None = None
    steal_s: float | None = None
    own_s: float = 0.0
    switches: int = 0
    swapped_pages: int | None = None
    throttled_s: float | None = None
    frequency_hz: float | None = None


def sample() -> Conditions:
    """Read the counters now."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    busy_s, steal_s, cores = _processor()
    return Conditions(
        at_s=time.monotonic(),
        cores=cores,
        load_average=os.getloadavg()[0],
        busy_s=busy_s,
        steal_s=steal_s,
        own_s=used.ru_utime + used.ru_stime,
        switches=used.ru_nivcsw,
        swapped_pages=_swapped(),
        throttled_s=_throttled(),
        frequency_hz=_frequency(),
    )


def reasons(
    before: Conditions, after: Conditions, samples_ns: Sequence[int], target: float, warmed_up: bool
) -> tuple[str, ...]:
    """Return the reasons why a figure is unstable, as sentence parts; empty if it is stable.

    Args:
        before, after: conditions before and after the blocks.
        samples_ns: duration of each block, in order, in ns.
        target: requested relative error of the median.
        warmed_up: whether the trend had ended before the first block.
    """
    return (
        *sample_reasons(samples_ns, target, warmed_up),
        *environment_reasons(before, after),
    )


def sample_reasons(samples_ns: Sequence[int], target: float, warmed_up: bool) -> tuple[str, ...]:
    """Return the reasons that the blocks themselves show."""
    if len(samples_ns) < FEWEST_SAMPLES:
        return (f"only {len(samples_ns)} blocks: too few for an interval",)
    found = []
    middle, (low, high) = median(samples_ns), median_interval(samples_ns)
    if middle <= 0:
        return ("the clock is too coarse for a block",)
    if (high - low) / 2 > target * middle:
        error = (high - low) / 2 / middle
        found.append(f"the median is known only to ±{error:.2%}, not ±{target:.2%}")
    drift = trend(samples_ns)
    if drift.significant and abs(drift.change) > _DRIFT:
        found.append(f"drift of {drift.change:+.1%} from the first block to the last")
    if not warmed_up:
        found.append("the warm-up ended while the time still changed, or with too few blocks")
    return tuple(found)


def environment_reasons(before: Conditions, after: Conditions) -> tuple[str, ...]:
    """Return the reasons that lie in the machine: disturbances that change a latency."""
    found = []
    seconds = max(after.at_s - before.at_s, 1e-9)
    others = _others(before, after)
    if others is None:
        if before.load_average > before.cores:
            found.append(f"load average {before.load_average:.1f} on {before.cores} cores")
    elif others[0] > _OTHERS_CORES and sum(others) > before.cores - _IDLE_CORES:
        found.append(
            f"other processes used {others[0]:.1f} of {before.cores} cores "
            f"(load average {after.load_average:.1f})"
        )
    steal_s = _passed(before.steal_s, after.steal_s)
    if steal_s > max(_STEAL * seconds, (_STEAL_TICKS - 0.5) / _TICKS_PER_S):
        found.append(f"the hypervisor took {steal_s / seconds:.1%} of a core (steal time)")
    switches = after.switches - before.switches
    if switches > max(_SWITCHES, _SWITCHES_PER_S * seconds):
        found.append(f"preempted {switches} times in {seconds:.1f} s")
    pages = int(_passed(before.swapped_pages, after.swapped_pages))
    if pages:
        found.append(f"the machine swapped {pages} pages")
    withheld_s = _passed(before.throttled_s, after.throttled_s)
    if withheld_s > _STEAL * seconds:
        found.append(f"the processor limit of the control group withheld {withheld_s * 1e3:.0f} ms")
    if before.frequency_hz and after.frequency_hz:
        change = after.frequency_hz / before.frequency_hz - 1
        if abs(change) > _FREQUENCY:
            told = f"{before.frequency_hz / 1e6:.0f} to {after.frequency_hz / 1e6:.0f} MHz"
            found.append(f"the processor's frequency changed from {told}")
    return tuple(found)


def _others(before: Conditions, after: Conditions) -> tuple[float, float] | None:
    """Return the cores used by other processes, and by this process; None if not known."""
    seconds = after.at_s - before.at_s
    # the machine's counters advance in ticks of 10 ms: less than 0.1 s is too short
    if before.busy_s is None or after.busy_s is None or seconds < 0.1:
        return None
    own = (after.own_s - before.own_s) / seconds
    return max(0.0, (after.busy_s - before.busy_s) / seconds - own), own


def _passed(before: float | None, after: float | None) -> float:
    return 0.0 if before is None or after is None else after - before


def _processor() -> tuple[float | None, float | None, int]:
    """Return (busy seconds, stolen seconds, number) of the cores that this process may use."""
    own = {f"cpu{number}" for number in os.sched_getaffinity(0)}
    # user nice system idle iowait irq softirq steal, in ticks; see proc_stat(5)
    lines = [line.split() for line in _read("/proc/stat").splitlines()]
    ticks = [[int(field) for field in words[1:9]] for words in lines if words and words[0] in own]
    if not ticks:
        return None, None, len(own)
    whole = [[*core, *[0] * (8 - len(core))] for core in ticks]
    busy = sum(core[0] + core[1] + core[2] + core[5] + core[6] for core in whole)
    return busy / _TICKS_PER_S, sum(core[7] for core in whole) / _TICKS_PER_S, len(own)


def _swapped() -> int | None:
    found = dict(line.split() for line in _read("/proc/vmstat").splitlines())
    return int(found["pswpin"]) + int(found["pswpout"]) if "pswpin" in found else None


def _throttled() -> float | None:
    found = dict(line.split() for line in _read("/sys/fs/cgroup/cpu.stat").splitlines())
    return int(found["throttled_usec"]) / 1e6 if "throttled_usec" in found else None


def _frequency() -> float | None:
    places = (_CPU / f"cpu{number}/cpufreq/scaling_cur_freq" for number in os.sched_getaffinity(0))
    found = [_read(path) for path in places]
    known = [int(text) * 1000 for text in found if text.strip().isdigit()]
    return sum(known) / len(known) if known else None


def _read(path: str | Path) -> str:
    """Return the text of a kernel file; empty if this kernel does not have the file."""
    try:
        return Path(path).read_text()
    except OSError:
        return ""
