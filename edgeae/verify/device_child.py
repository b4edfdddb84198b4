"""Child process on a device: compares a bundle's answers there with its golden vectors."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edgeae.artifacts.bundle import open_bundle
from edgeae.system import children
from edgeae.system.machine import named
from edgeae.verify.run import verify


def work(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Verify `job["bundle"]`, a copy of the client's bundle, in `job["runtimes"]` or all.

    Yields:
        `{"doing": …}` as it begins; then `machine`, `manifest_sha256`, `rows`, `composition` and
        `codes`: the facts of this machine, the bundle that was verified, and the findings.

    Raises:
        EdgeaeError: see `verify`.
    """
    bundle = open_bundle(Path(job["bundle"]))
    yield {"doing": f"verify {bundle.name}"}
    found = verify(bundle, None, job["runtimes"], _silent)
    yield {
        "machine": named(),
        "manifest_sha256": found.bundle.sha256,
        "rows": [row.to_json() for row in found.rows],
        "composition": [item.to_json() for item in found.compositions],
        "codes": list(found.codes),
    }


def _silent(line: str) -> None:
    """Take the lines of each step: they would all wait for the last one to be sent."""


if __name__ == "__main__":
    children.serve(work)
