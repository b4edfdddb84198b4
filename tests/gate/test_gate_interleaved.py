import random

import pytest

from edgeae.errors import NotMeasured
from edgeae.gate import interleaved
from edgeae.gate.interleaved import Blocks, interleave
from edgeae.gate.rows import PairRow, above_fixed


class Machine:
    """A clock that calls alone move, and calls of known length; what was called is written down."""

    def __init__(self) -> None:
        self.now = 0
        self.log: list[str] = []

    def clock(self) -> int:
        self.now += 1  # so that busy waiting ends
        return self.now

    def call(self, name: str, cost_ns: float, drift: float = 0.0):
        def run() -> None:
            self.log.append(name)
            self.now += round(cost_ns * (1 + drift * self.now))

        return run


def take(machine: Machine, a_ns: float, b_ns: float, f_ns: float = 500, **options) -> Blocks:
    baseline = [machine.call(f"a{number}", a_ns) for number in range(3)]
    candidate = [machine.call(f"b{number}", b_ns) for number in range(3)]
    fixed = machine.call("f", f_ns)
    return interleave(baseline, candidate, fixed, clock=machine.clock, **options)


def ratio(blocks: Blocks) -> float:
    quads = zip(blocks.candidate_ns, blocks.baseline_ns, strict=True)
    return sorted(b / a for b, a in quads)[len(blocks.baseline_ns) // 2]


def runs(log: list[str]) -> list[str]:
    """Return who was called, in turns: equal neighbours once."""
    return [name for place, name in enumerate(log) if place == 0 or log[place - 1] != name]


def test_the_ratio_is_that_of_the_calls():
    assert ratio(take(Machine(), 2_000, 2_000)) == pytest.approx(1.0, abs=1e-3)
    assert ratio(take(Machine(), 2_000, 2_500)) == pytest.approx(1.25, abs=1e-3)


def test_a_block_aims_at_three_tenths_of_a_millisecond():
    blocks = take(Machine(), 2_000, 2_000, 500)
    assert blocks.calls == 150 and blocks.fixed_calls in (599, 600)
    assert 200_000 < blocks.baseline_ns[0] / 2 < 400_000


def test_a_much_slower_candidate_shortens_the_blocks():
    assert take(Machine(), 2_000, 80_000).calls == 15
    assert take(Machine(), 2_000_000, 2_000_000).calls == 1


def test_a_linear_drift_cancels_in_abba():
    machine = Machine()
    calls = [[machine.call(f"{side}{n}", 2_000, drift=2e-9) for n in range(2)] for side in "ab"]
    blocks = interleave(*calls, machine.call("f", 500), clock=machine.clock)
    assert blocks.baseline_ns[-1] > 1.2 * blocks.baseline_ns[0]
    assert ratio(blocks) == pytest.approx(1.0, abs=1e-3)


def test_quads_are_abba_and_baab_and_every_session_has_its_turn():
    machine = Machine()
    blocks = take(machine, 2_000, 2_000)
    assert set(blocks.orders) == {"A", "B"}
    assert 0.3 < blocks.orders.count("A") / len(blocks.orders) < 0.7
    turns = runs(machine.log)
    assert {f"{side}{number}" for side in "ab" for number in range(3)} | {"f"} == set(turns)
    # within a quad the middle two blocks are of one session: a run of both, refills included
    text = " ".join(turns)
    abba = sum(f"{a} {b} {a}" in text for a in ("a0", "a1", "a2") for b in ("b0", "b1", "b2"))
    baab = sum(f"{b} {a} {b}" in text for a in ("a0", "a1", "a2") for b in ("b0", "b1", "b2"))
    assert abba and baab


def test_controls_are_of_two_sessions_of_the_baseline():
    machine = Machine()
    baseline = [machine.call("a0", 2_000), machine.call("a1", 2_100)]
    candidate = [machine.call("b0", 2_000), machine.call("b1", 4_000)]
    blocks = interleave(baseline, candidate, machine.call("f", 500), clock=machine.clock)
    ratios = [b / a for a, b in blocks.control_ns]
    assert len(ratios) == 40
    # the one opened at the odd turn is 5 % slower: an error that does not hide by changing sides
    assert {round(value, 3) for value in ratios} == {1.05}


def test_a_planted_delay_is_a_share_of_the_time_above_the_fixed_cost():
    blocks = take(Machine(), 2_500, 2_500, 1_300, planted=0.05)
    row = PairRow(
        0,
        calls=blocks.calls,
        fixed_calls=blocks.fixed_calls,
        baseline_ns=blocks.baseline_ns,
        candidate_ns=blocks.candidate_ns,
        fixed_ns=blocks.fixed_ns,
    )
    assert above_fixed(row.call_ratio, row.fixed_share) == pytest.approx(1.05, abs=1e-3)
    assert row.call_ratio == pytest.approx(1 + 0.05 * 1.2 / 2.5, abs=1e-3)


def test_the_order_is_the_seeds():
    first, again, other = (take(Machine(), 2_000, 2_000, seed=seed).orders for seed in (7, 7, 8))
    assert first == again != other


def test_every_block_begins_with_untimed_calls():
    """The first calls of a session after another's are slow here: no sample may hold them."""
    machine = Machine()
    state = {"last": "", "left": 0}

    def call(name: str):
        def run() -> None:
            if state["last"] != name:
                state.update(last=name, left=3)
            cold = state["left"] > 0
            state["left"] -= 1
            machine.now += 50_000 if cold else 2_000

        return run

    sides = [[call(f"{side}{number}") for number in range(2)] for side in "ab"]
    blocks = interleave(*sides, call("f"), clock=machine.clock)
    assert max(blocks.baseline_ns) <= 2 * (blocks.calls * 2_000 + 10)


def test_slow_models_get_fewer_quads_but_some():
    machine = Machine()
    blocks = take(machine, 100_000_000, 100_000_000, 500)
    assert 8 <= len(blocks.baseline_ns) < 20
    assert len(blocks.control_ns) >= 2


def test_a_clock_that_goes_back_is_one_clear_line():
    machine = Machine()
    jumps = random.Random(1)

    def clock() -> int:
        machine.now += 1
        return machine.now - (10**9 if jumps.random() < 0.02 else 0)

    calls = [[machine.call("a", 2_000), machine.call("b", 2_000)] for _ in range(2)]
    with pytest.raises(NotMeasured, match="clock went back by"):
        interleave(*calls, machine.call("f", 500), clock=clock)


def test_a_clock_that_stands_still_is_one_clear_line_and_no_endless_loop():
    with pytest.raises(NotMeasured, match="clock stood still"):
        interleave([lambda: None] * 2, [lambda: None] * 2, lambda: None, clock=lambda: 7)


def test_the_constants_are_those_that_were_measured():
    # blocks of 1 ms alias with the scheduler; shorter ones than 0.2 ms drown in the clock
    assert 200_000 <= interleaved.BLOCK_NS <= 400_000
