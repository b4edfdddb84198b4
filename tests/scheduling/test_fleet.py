"""Which worker gets a task."""

from edgeae.scheduling.fleet import Fleet, Worker
from edgeae.scheduling.task import Needs

HERE = {"edgeae": "1", "numpy": "2"}
ANY = Needs(HERE)


def fleet(**running: int) -> Fleet:
    """Return workers of two slots each: name → number of tasks that it runs."""
    found = Fleet(None)
    for name, number in running.items():
        found.workers[name] = Worker(f"tcp://{name}", name, 2, HERE, running=number)
    return found


def chosen(found: Fleet, *avoided: str, **versions: str) -> str | None:
    worker = found.choose(Needs(versions or HERE), avoided)
    return None if worker is None else worker.name


def test_the_one_with_most_free_slots():
    assert chosen(fleet(a=1, b=0, c=2)) == "b"
    assert chosen(fleet(a=2, b=2)) is None and fleet(a=2, b=2).is_busy
    assert chosen(fleet()) is None and not fleet().is_busy


def test_one_that_died_under_the_task_only_if_there_is_no_other():
    assert chosen(fleet(a=1, b=0), "b") == "a"
    assert chosen(fleet(a=2, b=0), "b") == "b"


def test_none_that_differs_or_was_left_out():
    found = fleet(a=0, b=1)
    assert chosen(found, numpy="3") is None and not found.fits(Needs({"numpy": "3"}))
    found.workers["a"].refused = "its disk is full"
    assert chosen(found) == "b" and found.fits(ANY)
    assert found.workers["a"].unfit(ANY) == "its disk is full"
    told = found.workers["b"].unfit(Needs({"edgeae": "1", "numpy": "3", "onnx": "1"}))
    assert told == "numpy 2, here 3; onnx is missing, here 1"


# --- measurements ---

MEASURE = Needs(HERE, {"bench": 1})


def devices(**resources: dict[str, float]) -> Fleet:
    """Return workers of two slots each: name → resource → how much of it the worker declares."""
    found = fleet(**dict.fromkeys(resources, 0))
    for name, declared in resources.items():
        found.workers[name].resources = declared
    return found


def test_a_measurement_goes_only_to_a_worker_that_declares_bench():
    found = devices(box={}, pi4={"bench": 1.0})
    assert found.choose(MEASURE, ()).name == "pi4"
    assert not devices(box={}).fits(MEASURE)
    assert found.workers["box"].unfit(MEASURE) == "it does not declare the resource bench"


def test_and_such_a_worker_gets_nothing_else():
    found = devices(pi4={"bench": 1.0})
    assert not found.fits(ANY) and found.choose(ANY, ()) is None
    assert "is kept for measurements" in found.workers["pi4"].unfit(ANY)


def test_one_measurement_at_a_time_although_slots_are_free():
    found = devices(pi4={"bench": 1.0})
    worker = found.workers["pi4"]
    worker.take(MEASURE)
    assert found.choose(MEASURE, ()) is None and found.fits(MEASURE) and not found.is_busy
    worker.free(MEASURE)
    assert found.choose(MEASURE, ()) is worker and worker.running == 0


def test_the_named_one_and_no_other():
    found = devices(pi3={"bench": 1.0}, pi4={"bench": 1.0}, box={})
    on = {name: Needs(HERE, {"bench": 1}, name) for name in ("pi4", "box", "pi5")}
    assert found.choose(on["pi4"], ()).name == "pi4"
    assert found.choose(on["pi4"], ("pi4",)).name == "pi4"  # it died under the task: there is none
    assert found.choose(on["box"], ()) is None and found.choose(on["pi5"], ()) is None
    told = "no worker is called 'pi5'; did you mean 'pi4'? (there are: box, pi3, pi4)"
    assert found.why_none(on["pi5"]) == told
    told = "worker box cannot run it: it does not declare the resource bench; pi3, pi4 can"
    assert found.why_none(on["box"]) == told
    assert devices().why_none(MEASURE) == "no worker can run it (there is none)"


def test_a_worker_that_was_not_meant_is_not_told_to_be_left_out():
    found = devices(box={}, pi4={"bench": 1.0})
    assert found.workers["box"].misplaced(MEASURE) and not found.workers["box"].left_out(MEASURE)
    other = Needs({"edgeae": "2"}, {"bench": 1})
    assert found.workers["pi4"].left_out(other) == "edgeae 1, here 2"
