"""Which descriptions are of one machine."""

from edgeae.system.machine import describe, hardware, identities, machine_line, machine_name, named

PI = {"cpu": "Cortex-A72", "cores": 4, "memory_bytes": 2**32, "architecture": "aarch64"}
BOX = {**PI, "cpu": "Fast 9000"}


def same(one: dict[str, object], other: dict[str, object], *further: dict[str, object]) -> bool:
    identity = identities([one, other, *further])
    return identity(one) == identity(other)


def test_two_boards_of_the_same_hardware_are_two_machines():
    first, second = {**PI, "host": "a"}, {**PI, "host": "b"}
    assert not same(first, second) and same(first, {**first, "load_average": 9.0})
    # both have the name that their system came with, and only the workers' names differ
    assert not same({**first, "worker": "pi1"}, {**first, "worker": "pi2"})
    assert not same(first, {**BOX, "host": "a"})


def test_an_old_description_is_of_the_only_machine_of_its_hardware():
    named, other = {**PI, "host": "a"}, {**PI, "host": "b"}
    assert same(PI, named) and not same(PI, named, other)
    assert not same(PI, {**named, "worker": "pi4"})  # which was measured by hand or by nobody
    assert not same(BOX, named) and same(PI, dict(PI))


def test_a_machine_is_called_as_people_call_it():
    assert machine_name({**PI, "host": "raspberrypi", "worker": "pi4"}) == "pi4"
    assert machine_name({**PI, "host": "raspberrypi"}) == "raspberrypi"
    assert machine_name(PI) == "Cortex-A72" and machine_name({}) == "unknown"
    line = machine_line({**PI, "host": "raspberrypi", "worker": "pi4"})
    assert line.startswith("pi4 on raspberrypi: Cortex-A72, 4 cores, 4 GiB, ")
    assert machine_line(PI).startswith("Cortex-A72, 4 cores")


def test_only_rows_name_this_machine():
    assert "host" not in describe() and named()["host"]  # baselines and pages are published
    assert hardware(named()) == hardware(describe())
