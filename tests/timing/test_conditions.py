import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, replace

import numpy as np
import pytest

from edgeae.timing import conditions
from edgeae.timing.conditions import Conditions, environment_reasons, reasons, sample

BEFORE = Conditions(
    at_s=100.0,
    cores=4,
    load_average=0.5,
    busy_s=1000.0,
    steal_s=5.0,
    own_s=2.0,
    switches=10,
    swapped_pages=77,
    throttled_s=1.0,
    frequency_hz=3.0e9,
)
#: One second later, this process having used one core and nobody else any.
AFTER = replace(BEFORE, at_s=101.0, busy_s=1001.0, own_s=3.0, switches=14)
QUIET = [300_000 + step % 7 * 100 for step in range(200)]


def test_a_quiet_machine_gives_no_reason():
    assert environment_reasons(BEFORE, AFTER) == ()
    assert reasons(BEFORE, AFTER, QUIET, 0.01, True) == ()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"busy_s": 1003.8}, "other processes used 2.8 of 4 cores (load average 0.5)"),
        ({"steal_s": 5.03}, "the hypervisor took 3.0% of a core (steal time)"),
        ({"switches": 210}, "preempted 200 times in 1.0 s"),
        ({"swapped_pages": 80}, "the machine swapped 3 pages"),
        ({"throttled_s": 1.25}, "the processor limit of the control group withheld 250 ms"),
        ({"frequency_hz": 2.4e9}, "the processor's frequency changed from 3000 to 2400 MHz"),
        ({"frequency_hz": 3.6e9}, "the processor's frequency changed from 3000 to 3600 MHz"),
    ],
)
def test_each_disturbance_is_named_with_its_amount(changes, said):
    assert environment_reasons(BEFORE, replace(AFTER, **changes)) == (said,)


@pytest.mark.parametrize(
    "changes",
    [
        # two neighbours, but a core to spare for each
        {"busy_s": 1003.2},
        # this process's own two threads
        {"busy_s": 1004.0, "own_s": 6.0},
        {"steal_s": 5.005},
        {"switches": 50},
        {"frequency_hz": 2.9e9},
        {"throttled_s": 1.005},
    ],
)
def test_what_is_little_is_no_reason(changes):
    assert environment_reasons(BEFORE, replace(AFTER, **changes)) == ()


def test_where_others_cannot_be_seen_the_load_speaks():
    blind = {"busy_s": None, "steal_s": None}
    loaded = replace(BEFORE, load_average=5.3, **blind)
    assert environment_reasons(loaded, replace(AFTER, **blind)) == ("load average 5.3 on 4 cores",)
    calm = replace(BEFORE, **blind)
    assert environment_reasons(calm, replace(AFTER, **blind)) == ()


def test_over_a_moment_the_ticks_tell_nothing():
    soon = replace(BEFORE, at_s=100.05, busy_s=1000.3, own_s=2.05)
    assert environment_reasons(BEFORE, soon) == ()


def test_what_the_kernel_does_not_tell_is_no_reason():
    names = ("busy_s", "steal_s", "swapped_pages", "throttled_s", "frequency_hz")
    unknown = dict.fromkeys(names)
    assert environment_reasons(replace(BEFORE, **unknown), replace(AFTER, **unknown)) == ()
    assert environment_reasons(replace(BEFORE, **unknown), AFTER) == ()


def test_noise_that_leaves_the_median_unknown_is_a_reason():
    random = np.random.default_rng(1)
    noisy = np.exp(random.normal(np.log(300_000), 1.0, 60)).astype(int).tolist()
    (only,) = reasons(BEFORE, AFTER, noisy, 0.01, True)
    assert only.startswith("the median is known only to ±") and only.endswith(", not ±1.00%")


@pytest.mark.parametrize(("change", "said"), [(0.1, "drift of +10.0%"), (-0.1, "drift of -10.0%")])
def test_a_drift_is_a_reason_with_its_sign(change, said):
    line = 300_000 * (1 + change * (np.arange(400) / 399 - 0.5))
    found = reasons(BEFORE, AFTER, line.astype(int).tolist(), 1.0, True)
    assert found == (f"{said} from the first block to the last",)


def test_a_drift_of_less_than_two_percent_is_none():
    line = 300_000 * (1 + 0.01 * np.arange(400) / 399)
    assert reasons(BEFORE, AFTER, line.astype(int).tolist(), 0.01, True) == ()


def test_a_warm_up_that_never_ended_is_a_reason():
    found = reasons(BEFORE, AFTER, QUIET, 0.01, False)
    assert found == ("the warm-up ended while the time still changed, or with too few blocks",)


def test_blocks_of_no_length_are_one_reason():
    assert reasons(BEFORE, AFTER, [0] * 9, 0.01, True) == ("the clock is too coarse for a block",)


def test_a_few_blocks_tell_no_interval():
    found = reasons(BEFORE, AFTER, [800_000_000, 810_000_000], 0.01, False)
    assert found == ("only 2 blocks: too few for an interval",)


def test_two_ticks_are_no_theft():
    assert environment_reasons(BEFORE, replace(AFTER, steal_s=5.02)) == ()


def test_reasons_add_up():
    after = replace(AFTER, swapped_pages=78, switches=900)
    assert len(reasons(BEFORE, after, QUIET, 0.01, False)) == 3


def test_the_counters_of_this_process_count():
    before = sample()
    started = time.process_time()
    while time.process_time() - started < 0.2:
        pass
    after = sample()
    assert after.own_s - before.own_s == pytest.approx(0.2, abs=0.1)
    assert before.at_s < after.at_s and after.cores == before.cores >= 1
    # of the whole machine, in ticks: at least what this process used
    assert after.busy_s - before.busy_s > 0.15
    assert json.loads(json.dumps(asdict(after))) == asdict(after)


def test_somebody_else_is_seen():
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})  # this process and the other one share a core
    other = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        time.sleep(0.2)
        before = sample()
        time.sleep(0.6)
        after = sample()
    finally:
        os.sched_setaffinity(0, cores)
        other.kill()
        other.wait()
    assert before.cores == 1
    found = environment_reasons(before, after)
    assert any(reason.startswith("other processes used ") for reason in found)


def test_a_kernel_without_these_files_is_borne(monkeypatch):
    monkeypatch.setattr(conditions, "_read", lambda path: "")
    found = sample()
    assert found.busy_s is found.swapped_pages is found.throttled_s is found.frequency_hz is None
    assert found.cores == len(os.sched_getaffinity(0))
