"""`edgeae doctor`."""

from concurrent.futures import ThreadPoolExecutor

from edgeae.cli.output import Json, put, put_json


def doctor(json: Json = False) -> None:
    """Show this machine and which runtimes it has; what is absent comes with its remedy."""
    from edgeae import children
    from edgeae.columns import align
    from edgeae.machine import describe
    from edgeae.runtimes import RUNTIMES
    from edgeae.timing.bench import probe
    from edgeae.timing.table import machine_line

    machine = describe()
    pool = ThreadPoolExecutor(2)  # two of them load TensorFlow
    try:
        found = dict(zip(RUNTIMES, pool.map(probe, RUNTIMES), strict=True))
    except BaseException:
        # Ctrl-C: without this, the interpreter would wait for every probe to finish
        with children.ended():
            pool.shutdown(cancel_futures=True)
        raise
    finally:
        pool.shutdown()
    if json:
        put_json({"machine": machine, "runtimes": found})
        return
    rows = [["runtime", "opens", "version", "device, or what is missing"]]
    for name, entry in RUNTIMES.items():
        answer = found[name]
        version = answer.get("version", "absent")
        rows.append(
            [name, ", ".join(entry.formats), version, answer.get("device") or answer["error"]]
        )
    put(f"{machine_line(machine)}\n\n{align(rows, left=4)}")
