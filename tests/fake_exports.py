"""A project whose models were never trained and whose exports convert nothing, in milliseconds.

What is real: the command line, the child processes, the locks, the links, the manifests.
"""

import contextlib
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest import mock

import fake_export_child
import tiny
import warm
from edgeae_cli import ROOT, edgeae_here

from edgeae.artifacts.model import Training
from edgeae.system import children, memory

#: Runs in every process of the project: another child, and the memory of another machine.
_SITE = """
import os
import edgeae.conversion.plan.export as export, edgeae.system.memory as memory
import edgeae.training.tasks as trainings
export.CHILD, trainings._CHILD = "fake_export_child", "fake_training_child"
if "FAKE_FREE" in os.environ:
    memory.available = lambda: int(os.environ["FAKE_FREE"])
"""
_ORIGINAL = b"a zip, normally"
_IMPORT = {
    **{"source": ["net.h5"], "data": "rows.npy", "train_data": None},
    **{"normalization": None, "code_layer": None, "choice": None},
}


def fake_model(folder: Path, **changes: object) -> Training:
    """Write a model's folder as training does; its `.keras` file is nonsense."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.keras").write_bytes(_ORIGINAL)
    values: dict[str, object] = {
        "model": folder.name,
        "form": "keras",
        "family": "simple",
        "description": "",
        "configuration": _IMPORT if changes.get("family") == "imported" else {},
        "dataset": {"name": "tiny", "sha256": "d" * 64, "data": "tiny.npz", "train": 90},
        "normalization": {"scale": 1 / 255, "offset": 0.0},
        "bounds": (0.0, 1.0),
        "input_shape": (16,),
        "code_shape": (4,),
        "code_layer": "code",
        "parameters": 1,
        "weights_sha256": hashlib.sha256(folder.name.encode()).hexdigest(),
        "file_sha256": hashlib.sha256(_ORIGINAL).hexdigest(),
        "curve": [],
        "best_epoch": 1,
        "interrupted": False,
        "losses": {},
        "yardsticks": {},
        "seconds": 1.0,
        "tools": {},
    }
    training = Training(**{**values, **changes})  # type: ignore[arg-type]
    (folder / "train.json").write_text(training.to_json())
    return training


class Project:
    """A folder with models, and with exports that are fakes."""

    def __init__(self, place: Path, *models: str) -> None:
        self.place = place
        self.build = place / "build"
        self.log = place / "log"
        self.template = tiny.write_bundle(place / "template" / "bundle").root
        self._site = place / "site"
        self._site.mkdir()
        (self._site / "sitecustomize.py").write_text(_SITE)
        for name in models:
            self.model(name)

    def model(self, name: str, **changes: object) -> Training:
        """Write a model as training does, apart from the weights."""
        return fake_model(self.build / name, **changes)

    def environment(self, **said: object) -> dict[str, str]:
        """Return the variables under which exports are fakes; see `fake_export_child`."""
        told = {"template": str(self.template), "log": str(self.log), **said}
        paths = (self._site, Path(__file__).parent, ROOT)
        return {"FAKE_EXPORT": json.dumps(told), "PYTHONPATH": os.pathsep.join(map(str, paths))}

    def run(self, *arguments: str, **said: object) -> subprocess.CompletedProcess[str]:
        """Run `edgeae export …` to its end."""
        return self.command("export", *arguments, **said)

    def command(self, *words: str, **said: object) -> subprocess.CompletedProcess[str]:
        """Run `edgeae …` to its end, where trainings on a cluster are fakes, too."""
        free = {"FAKE_FREE": str(said.pop("free"))} if "free" in said else {}
        command = [*warm.python("edgeae"), "-m", "edgeae", *words]
        return subprocess.run(
            command,
            cwd=self.place,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={**os.environ, **self.environment(**said), **free, **warm.environment()},
        )

    def here(self, *arguments: str, **said: object) -> subprocess.CompletedProcess[str]:
        """Run `edgeae export …` in this process, and its children's work: thirty times as fast."""
        free = said.pop("free", None)
        with mock.patch.object(children, "stream", _stream), contextlib.ExitStack() as stack:
            if free is not None:
                stack.enter_context(mock.patch.object(memory, "available", lambda: free))
            return edgeae_here("export", *arguments, cwd=self.place, **self.environment(**said))

    def start(self, *arguments: str, **said: object) -> subprocess.Popen[str]:
        """Start `edgeae export …`, to be killed."""
        return subprocess.Popen(
            [sys.executable, "-m", "edgeae", "export", *arguments],
            cwd=self.place,
            env={**os.environ, **self.environment(**said)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def matrix(self, text: str) -> Path:
        """Write the project's matrix."""
        path = self.place / "export" / "matrix.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    def logged(self, what: str = "start") -> list[str]:
        """Return the names of the exports that started, or that came to their `end`, in order."""
        if not self.log.exists():
            return []
        lines = [line.split(" ", 1) for line in self.log.read_text().splitlines()]
        return [name for kind, name in lines if kind == what]

    def bundles(self) -> set[str]:
        """Return the bundles that are there."""
        return {
            path.parent.relative_to(self.build).as_posix()
            for path in self.build.glob("*/*/manifest.json")
            if not path.parent.parent.name.startswith(".")
        }

    def left_behind(self) -> list[Path]:
        """Return what an export that did not end left in the store."""
        return list(self.build.glob("*/.bundles/*.part"))


def _stream(module: str, job: Mapping[str, Any], **_: object) -> Iterator[dict[str, Any]]:
    return fake_export_child.work(json.loads(json.dumps(job)))
