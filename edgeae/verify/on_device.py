"""Verify's stage on a device that is a worker of a cluster, by the golden vectors alone.

What a device finds is in a file of its own beside the manifest, such as `verify.pi4.json`:
`verify.json` is about this machine.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from edgeae.artifacts.beside import write_beside
from edgeae.artifacts.bundle import Bundle, holding
from edgeae.errors import EdgeaeError, ManifestMismatch, NotMeasured, about
from edgeae.reading import typed
from edgeae.reading.names import is_name
from edgeae.scheduling.device import Device
from edgeae.scheduling.task import Folder, NoWorker
from edgeae.system.machine import machine_name
from edgeae.verify.openers import openable
from edgeae.verify.rows import VERIFY, Composition, Row
from edgeae.verify.run import Findings

_CHILD = "edgeae.verify.device_child"
#: Longest run time of the child, in seconds: it may compile C, and starts slowly on a small board.
_TIMEOUT_S = 1800.0


@dataclass(frozen=True)
class _Answer:
    """What a device answers; see `edgeae.verify.device_child`."""

    machine: dict[str, str | int | float | None]
    manifest_sha256: str
    rows: tuple[Row, ...]
    composition: tuple[Composition, ...]
    codes: tuple[int, ...]


def verify_on(
    device: Device,
    bundles: Sequence[Bundle],
    runtimes: list[str] | None,
    say: Callable[[str], None],
) -> Iterator[Findings | EdgeaeError]:
    """Verify bundles one after another on a device; write the findings beside their manifests.

    Args:
        device: the device.
        bundles: the bundles to verify.
        runtimes: names of the runtimes to use; None for all that the device has.
        say: receives which bundles are skipped, and the reason if findings are not written.

    Yields:
        The findings of a bundle, or the error that prevented them.

    Raises:
        BadInput: a runtime does not exist, or none of the named ones opens any of the bundles.
        NoWorker: the device is not there, or not any more.
        EdgeaeError: the scheduler is gone.
    """
    for bundle in openable(bundles, runtimes, say):
        try:
            yield _verified(device, bundle, runtimes, say)
        except NoWorker:
            raise
        except EdgeaeError as error:
            yield error


def _verified(
    device: Device, bundle: Bundle, runtimes: list[str] | None, say: Callable[[str], None]
) -> Findings:
    with holding(bundle.root) as pinned:
        folder = Folder(bundle.root, pinned.files)
        job = {"bundle": "{bundle}", "runtimes": runtimes}
        done = device.run(f"verify {bundle.name}", _CHILD, job, {"bundle": folder}, _TIMEOUT_S)
        if done.error is not None:
            raise done.error
        found = _answer(done.reports[-1], device.name)
        if found.manifest_sha256 != pinned.sha256:
            raise NotMeasured(f"{bundle.shown}: a newer export replaced it; verify again")
        named = {"worker": device.name} if is_name(device.name) else {}
        findings = Findings(
            replace(pinned, root=pinned.shown),
            found.rows,
            found.composition,
            found.codes,
            golden_only=True,
            runtimes=None if runtimes is None else tuple(runtimes),
            machine={**named, **found.machine},
        )
        write_beside(pinned, file_of(findings.machine), findings.to_json(), say)
    return findings


def _answer(report: Mapping[str, Any], worker: str) -> _Answer:
    try:
        with about(f"worker {worker}: its answer is damaged"):
            return typed.build(_Answer, dict(report))
    except EdgeaeError as error:
        raise ManifestMismatch(str(error)) from None


def file_of(machine: Mapping[str, Any]) -> str:
    """Return the name of the file of a device's findings: `verify.pi4.json`."""
    name = machine_name(machine)
    safe = name if is_name(name) else "device"
    return VERIFY.replace(".json", f".{safe}.json")
