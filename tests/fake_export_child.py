"""A child of `edgeae export` that converts nothing: it copies a bundle and says what was asked.

`FAKE_EXPORT` holds JSON: `template`, a bundle's folder; `log`, a file that gets `start NAME` and
`end NAME`; `fail`, names (`model/recipe`) that are refused; `wait`, names that never end;
`control`, the losses of each control, of which `control NAME` is logged if it is trained.
"""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from edgeae import recipe
from edgeae.artifacts.model import open_model
from edgeae.compression import control_cache
from edgeae.conversion.plan.controls import control_of
from edgeae.conversion.plan.tools import tool_versions
from edgeae.errors import OutOfTolerance
from edgeae.system import children
from edgeae.system.scratch import write_scratch


def work(job: dict[str, Any]) -> Iterator[dict[str, Any]]:
    said = json.loads(os.environ["FAKE_EXPORT"])
    plan, folder, out = recipe.from_table(job["recipe"]), Path(job["model"]), Path(job["out"])
    name = f"{folder.name}/{plan.name}"
    _log(said["log"], f"start {name}")
    yield {"doing": "convert"}
    write_scratch(out / "half", b"a file of a bundle that is not whole")
    if name in said.get("fail", ()):
        raise OutOfTolerance(f"{name} holds 12 % zeros, 60 % asked")
    while name in said.get("wait", ()):
        time.sleep(0.05)
    (out / "half").unlink()
    for path in sorted(Path(said["template"]).rglob("*")):
        copy = out / path.relative_to(said["template"])
        copy.mkdir() if path.is_dir() else write_scratch(copy, path.read_bytes())
    training = open_model(folder)
    if plan.fine_tunes and "control" in said:
        kept = control_of(folder, training, plan)
        if control_cache.read(kept) is None:
            trained = control_of(Path(job.get("controls", folder)), training, plan)
            control_cache.write(trained, np.array(said["control"]))
            _log(said["log"], f"control {name}")
    manifest = json.loads((out / "manifest.json").read_text())
    manifest |= {
        "model": training.model,
        "recipe": plan.name,
        "recipe_sha256": plan.sha256,
        "weights_sha256": training.weights_sha256,
        "tools": tool_versions(plan),
        "normalization": training.normalization,
        "overrides": job["overrides"],
    }
    manifest["dataset"]["sha256"] = training.dataset["sha256"]
    write_scratch(out / "manifest.json", json.dumps(manifest).encode())
    _log(said["log"], f"end {name}")


def _log(path: str, line: str) -> None:
    with Path(path).open("a") as stream:
        stream.write(line + "\n")


if __name__ == "__main__":
    children.serve(work)
