import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeae.timing.pooled import pool, pool_all
from edgeae.timing.results import Result
from edgeae.timing.sample_statistics import median_interval


def row(*samples_ns: int, block: int = 10, **changes: object) -> Result:
    known = {"model": "m", "recipe": "r", "part": "encoder", "format": "tflite", "flavour": "int8"}
    rest = {"artifact_sha256": "0", "bytes": 1, "runtime": "null", "threads": 1, "machine": {}}
    return Result(
        **{**known, **rest, "commit": None, "block": block, "samples_ns": samples_ns, **changes}
    )


BLOCKS = st.lists(st.integers(1, 10**6), min_size=1, max_size=20)


@given(st.lists(BLOCKS, min_size=1, max_size=9))
def test_the_process_is_the_unit(processes):
    found = pool([row(*blocks) for blocks in processes])
    medians = [statistics.median(blocks) / 10 for blocks in processes]
    assert found.p50_ns == pytest.approx(statistics.median(medians))
    assert found.processes == len(processes)
    assert found.blocks == sum(map(len, processes))


def test_a_process_that_took_more_blocks_counts_no_more():
    found = pool([row(*[500] * 1000), row(100), row(100)])
    assert found.p50_ns == 10


def test_the_interval_of_one_process_is_over_its_blocks_and_of_several_over_them():
    blocks = [100, 110, 120, 130, 140, 150, 160, 170, 180]
    low, high = median_interval(blocks)
    assert pool([row(*blocks)]).interval == pytest.approx((high - low) / 2 / 140)
    found = pool([row(*[place] * 50) for place in (100, 104, 108, 112, 116, 120)])
    assert found.interval == pytest.approx((12 - 10) / 2 / 11)
    # fewer than six cannot reach 95 %
    assert pool([row(*[place] * 50) for place in (100, 110, 120)]).interval is None


def test_processes_that_disagree_are_unstable_whatever_each_of_them_says():
    found = pool([row(*[place] * 50, settled=True) for place in (100, 100, 140)])
    assert not found.settled
    assert found.warning == "the processes' medians are up to 40.0% apart"
    agreed = pool([row(*[place] * 50, settled=True) for place in (100, 100, 101, 100, 100, 100)])
    assert agreed.settled and agreed.warning == ""
    few = pool([row(*[place] * 50, settled=True) for place in (100, 101, 100)])
    assert few.settled and few.interval is None


def test_what_cannot_reach_95_percent_is_no_interval():
    assert pool([row(100, 120)]).interval is None
    assert pool([row(*[100, 120] * 3)]).interval is not None
    assert pool([row(*[100] * 562)]).p99_interval_ns is None
    assert pool([row(*[100] * 562, 130)]).p99_interval_ns is not None


def test_blocks_of_different_length_are_compared_per_call():
    assert pool([row(100, block=10), row(1000, block=100), row(10, block=1)]).p50_ns == 10


def test_the_fixed_cost_is_that_of_the_processes_that_have_one():
    found = pool([row(100), row(100, fixed_block=5, fixed_samples_ns=(20, 30, 25))])
    assert found.fixed_ns == 5
    assert pool([row(100)]).fixed_ns is None


def test_what_is_unsettled_or_unstable_in_one_is_so_in_all():
    rows = [
        row(1, settled=True),
        row(1, unstable=("a", "b")),
        row(1, settled=True, unstable=("c",)),
    ]
    found = pool(rows)
    assert not found.settled and found.unstable == ("a", "b", "c")
    assert found.warning == "unstable in 2 of 3 processes: a; b; c"
    assert pool(rows[:1]).warning == "" and pool(rows[:1]).settled
    assert pool(rows[1:2]).warning == "unstable: a; b"


def test_a_cold_start_is_the_median_of_those_known():
    found = pool([row(1, start_ns=30), row(1), row(1, start_ns=10), row(1, start_ns=20)])
    assert found.start_ns == 20 and found.load_ns is None


def test_throughput_counts_examples():
    assert pool([row(1000, block=1, batch=8)]).examples_per_s == pytest.approx(8e6)
    assert pool([row(0, block=1)]).examples_per_s == 0 and pool([row(0)]).interval is None


def test_groups_are_jobs_of_one_bench():
    rows = [
        row(1, session="a"),
        row(2, session="b"),
        row(1, session="a", round=1),
        row(1, session="a", batch=8),
        row(1, session="a", threads=2),
        row(1, session="a", artifact_sha256="1"),
        row(session="a"),  # not timed
    ]
    assert [item.processes for item in pool_all(rows)] == [2, 1, 1, 1, 1]
