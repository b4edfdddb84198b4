"""A child of `edgeae sensitivity` that computes nothing: its losses are known in closed form.

Three layers. One by itself adds `TOUGHNESS × (share of zeros)²` to a loss of 1, or
`TOUGHNESS ÷ clusters²`; fine-tuning leaves `FAKE_SENSITIVITY` times the sum of what the layers add.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from edgeae import recipe
from edgeae.formats.packed import weight_bytes
from edgeae.sensitivity.curves import BITS, CLUSTERS, SPARSITY, Layer, Measured
from edgeae.sensitivity.options import clustered_bytes
from edgeae.system import children

#: Layer → values, and how much it minds.
LAYERS = {"wide": (8000, 1.0), "tough one": (800, 40.0), "last": (4000, 3.0)}
#: Of what the export takes beside the kernels.
BESIDE = 100


def added(layer: str, sparsity: float, clusters: int) -> float:
    toughness = LAYERS[layer][1]
    return toughness * sparsity**2 + (toughness / clusters**2 if clusters else 0.0)


def kernel_bytes(layer: str, sparsity: float, clusters: int = 0) -> int:
    n = LAYERS[layer][0]
    if clusters:
        return clustered_bytes(curves(layer), sparsity, clusters)
    zeros = round(sparsity * n)
    return weight_bytes(np.array([0] * zeros + [1 + at % 127 for at in range(n - zeros)]), 8)[0]


def curves(layer: str) -> Layer:
    n, _ = LAYERS[layer]
    return Layer(
        layer,
        (n // 8, 8),
        n,
        n,
        8,
        tuple(Measured(s, 1 + added(layer, s, 0), kernel_bytes(layer, s)) for s in SPARSITY),
        tuple(Measured(k, 1 + added(layer, 0, k), n) for k in CLUSTERS),
        tuple(Measured(b, 1 + 4.0**-b, n * b // 8) for b in BITS),
    )


def work(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    plan = recipe.from_table(job["recipe"])
    yield {"doing": "nothing"}
    if "limit" not in job:
        yield {"n": 100, "loss": 1.0, "dataset": "tiny"}
        for layer in LAYERS:
            yield {"layer": asdict(curves(layer))}
        return
    said = json.loads(os.environ["FAKE_SENSITIVITY"])
    zeros = plan.prune.layers if plan.prune else dict.fromkeys(LAYERS, 0.0)
    values = plan.cluster.layers if plan.cluster else dict.fromkeys(LAYERS, 0)
    assert zeros.keys() == values.keys() == LAYERS.keys()
    total = sum(added(name, zeros[name], values[name]) for name in LAYERS)
    yield {
        "bytes": BESIDE + sum(kernel_bytes(name, zeros[name], values[name]) for name in LAYERS),
        "loss": 2.0 * (said.get("least", 1.0) + said["left"] * total),
        "control": 2.0,
        "spread": said.get("spread", 0.0),
        "n": 100,
        "n_test": 400,
        "loss_scale": 4.0,
    }


if __name__ == "__main__":
    children.serve(work)
