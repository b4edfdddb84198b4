"""Rows that nobody measured: of verify, of bench and of a probe, for what reads them."""

import json
from dataclasses import asdict, replace

from edgeae.artifacts.bundle import Bundle
from edgeae.artifacts.probe_result import Probed
from edgeae.timing.results import Result
from edgeae.verify.rows import Composition, Row

MACHINE = {
    "cpu": "Fast 9000",
    "cores": 2,
    "memory_bytes": 8 * 2**30,
    "system": "Linux 6",
    "architecture": "x86_64",
    "python": "3.11.2",
    "governor": None,
    "load_average": 0.25,
}


PASSED = Row(
    "autoencoder",
    "tflite",
    "int8",
    "litert-xnnpack",
    "2.3.0",
    "cpu",
    reference="litert-reference",
    n=64,
    share_over_1lsb=0.00125,
    max_lsb=3,
    max_abs=0.0117,
    loss=0.02,
    added_loss=1e-4,
    loss_ratio=1.005,
)


def verified(bundle: Bundle, *rows: Row, composition: str = "pass") -> None:
    manifest = bundle.manifest
    reasons = () if composition == "pass" else ("composition: max_lsb 9 > 0",)
    composed = Composition("tflite", "litert-xnnpack", 64, 0, 0.0, composition, reasons)
    table = {
        "schema": 1,
        "model": manifest.model,
        "recipe": manifest.recipe,
        "manifest_sha256": bundle.sha256,
        "golden_only": False,
        "runtimes": None,
        "dataset": "tiny",
        "rows": [asdict(row) for row in rows],
        "composition": [asdict(composed)],
    }
    (bundle.root / "verify.json").write_text(json.dumps(table))


def timed(bundle: Bundle, **changes: object) -> Result:
    """Blocks of 10 calls of 100, 110, … 200 µs: p50 15.0 µs, p90 19.0 µs, p99 19.9 µs."""
    artifact = bundle.artifact("autoencoder")
    row = Result(
        model=bundle.manifest.model,
        recipe=bundle.manifest.recipe,
        part="autoencoder",
        format="tflite",
        flavour=artifact.flavour,
        artifact_sha256=artifact.sha256,
        bytes=artifact.bytes,
        runtime="litert-xnnpack",
        threads=1,
        machine=MACHINE,
        commit=None,
        runtime_version="2.3.0",
        load_ns=1_230_000,
        first_ns=45_600,
        block=10,
        samples_ns=tuple(range(100_000, 200_001, 10_000)),
        settled=True,
        rss_peak_bytes=51_000_000,
    )
    return replace(row, **changes)  # type: ignore[arg-type]


FOUND = Probed(
    weights_sha256="0" * 64,
    labels_sha256="1" * 64,
    train=100,
    test=20,
    features={
        "model": {"linear": 0.91, "nearest": 0.973},
        "pca": {"linear": 0.89, "nearest": 0.97},
        "pixels": {"linear": 0.92, "nearest": 0.96},
    },
    held_out=4,
    anomaly={"model": 0.8, "pca": 0.7},
)
