"""A child of a training task that trains nothing: it writes the model that was asked for."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fake_exports import fake_model

from edgeae import data
from edgeae.data import Reading
from edgeae.system import children
from edgeae.training.current import tool_versions


def work(job: Mapping[str, Any], **changes: Any) -> Iterator[dict[str, Any]]:
    """Write the model; `changes` are fields of its record."""
    yield {"doing": f"train {job['model']}: 1/1 epochs"}
    folder = Path(job["out"]) / job["model"]
    dataset = data.load(job["data"], reading=Reading.of(job["reading"]))
    said = {"name": dataset.name, "sha256": dataset.sha256, "data": job["recorded"]}
    fake_model(
        folder,
        **{
            "family": job["settings"]["family"],
            "configuration": job["settings"],
            "dataset": {**said, "train": 90, "mean_loss": 0.1},
            "losses": {"test": 0.01},
            "tools": tool_versions(),
            **changes,
        },
    )
    (folder / "sheet.npz").write_bytes(b"a sheet")
    (folder / "int8").mkdir()  # nothing that a training makes


if __name__ == "__main__":
    children.serve(work)
