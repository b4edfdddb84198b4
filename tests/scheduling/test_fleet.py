"""Which worker gets a task."""

from edgeae.scheduling.fleet import Fleet, Worker

HERE = {"edgeae": "1", "numpy": "2"}


def fleet(**running: int) -> Fleet:
    """Return workers of two slots each: name → number of tasks that it runs."""
    found = Fleet(None)
    for name, number in running.items():
        found.workers[name] = Worker(f"tcp://{name}", name, 2, HERE, running=number)
    return found


def chosen(found: Fleet, *avoided: str, **versions: str) -> str | None:
    worker = found.choose(versions or HERE, avoided)
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
    assert chosen(found, numpy="3") is None and not found.fits({"numpy": "3"})
    found.workers["a"].refused = "its disk is full"
    assert chosen(found) == "b" and found.fits(HERE)
    assert found.workers["a"].unfit(HERE) == "its disk is full"
    told = found.workers["b"].unfit({"edgeae": "1", "numpy": "3", "onnx": "1"})
    assert told == "numpy 2, here 3; onnx is missing, here 1"
