"""The page of runtimes, from their table."""

from edgeae.runtimes import RUNTIMES, USUAL
from edgeae.system.extras import CORE
from generate.markdown import code, table

__all__ = ["page"]


def page() -> str:
    """Return the page."""
    head = ("runtime", "opens", "what it is", "threads", "what brings it")
    rows = [
        (
            code(name),
            " ".join(map(code, entry.formats)),
            entry.about,
            "yes" if entry.threaded else "no",
            "edgeae" if entry.remedy in (CORE, "") else code(entry.remedy),
        )
        for name, entry in RUNTIMES.items()
    ]
    usual = "; ".join(f"{code(name)} for {code(form)}" for form, name in USUAL.items())
    return f"""# Runtimes

A runtime is an engine with its kernels and its device; its name says all three. The formats `keras`
and `graph` are the originals `model.keras` and `model.pb`. Where no runtime is named, commands that
need one use {usual}.
`edgeae doctor` shows which runtimes a machine has.

An emulated core runs only if it is named (`--runtime c-cortex-m4`, or the name itself in a suite,
not a pattern): each start compiles the model, and QEMU counts instructions and takes no times.
`c-serial` is a [real board](../guides/serial.md): `--port` of `edgeae verify` and `edgeae bench`
names it.

{table(head, rows)}
"""
