"""`edgeae doctor`."""

from edgeae.cli.output import Json, put, put_json


def doctor(json: Json = False) -> None:
    """Show this machine and its runtimes; an absent runtime is shown with the remedy."""
    from edgeae.runtimes import RUNTIMES
    from edgeae.system import children
    from edgeae.system.machine import describe, machine_line
    from edgeae.text.columns import align
    from edgeae.timing.bench import probe

    machine = describe()
    with children.threads(2) as pool:  # two of them load TensorFlow
        states = dict(zip(RUNTIMES, pool.map(probe, RUNTIMES), strict=True))
    if json:
        put_json({"machine": machine, "runtimes": states})
        return
    rows = [["runtime", "opens", "version", "device, or what is missing"]]
    for name, entry in RUNTIMES.items():
        answer = states[name]
        version = answer.get("version", "absent")
        where = answer.get("device") or answer["error"]
        if answer.get("software"):
            where += " (software device)"
        rows.append([name, ", ".join(entry.formats), version, where])
    put(f"{machine_line(machine)}\n\n{align(rows, left=4)}")
