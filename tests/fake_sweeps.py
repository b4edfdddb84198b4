"""A project in which `edgeae sweep` trains and exports nothing, and whose core is a stand-in.

What is real: the command line, the plan, the check of what is up to date, the bundles' links and
manifests, the journal and the result. A fake training parses its words as `edgeae train` does.
"""

import contextlib
import json
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any
from unittest import mock

import tiny
import typer
from edgeae_cli import edgeae_here
from fake_exports import Project, _stream, fake_model
from result_rows import timed

from edgeae import data
from edgeae.artifacts.bundle import open_bundle
from edgeae.cli.main import app
from edgeae.cli.train import _widths
from edgeae.errors import BadInput, NotMeasured
from edgeae.families.settings import Settings
from edgeae.families.table import settings
from edgeae.reading import typed
from edgeae.sweep.plan import Model
from edgeae.sweep.result import Sweep, place, read
from edgeae.system import children
from edgeae.timing.results import Result, append
from edgeae.timing.suite import Job
from edgeae.training.current import tool_versions

_TRAIN = typer.main.get_command(app).commands["train"]
#: A grid of fakes, its models and its cells.
GRID = """
[grid]
families = ["simple", "deep"]
codes = [4, 8]
data = "tiny.npz"
recipes = ["float32", "int8"]
[train]
threads = 2
"""
CORE = "[evaluate]\ncore = 'cortex-m4'\n"
MODELS = ["simple-c4-tiny", "simple-c8-tiny", "deep-c4-tiny", "deep-c8-tiny"]
CELLS = [f"{model}/{plan}" for model in MODELS for plan in ("float32", "int8")]
#: Size of the code → test MSE of a fake model of that size.
LOSSES = {4: 0.05, 8: 0.02, 32: 0.01}

#: Packed bytes of every fake bundle.
PACKED = 700


class SweepProject(Project):
    """A folder with `tiny.npz`, in which sweeps are fakes.

    Attributes:
        trained, counted: names of the models and bundles that a child would have made, in order.
        fail: models whose training fails.
        refuse: bundles that the core does not take.
        absent: whether the core is not installed.
        interrupt: the model at which Ctrl-C comes.
        rows: number of training rows that a fake training records.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        manifest = self.template / "manifest.json"
        table = json.loads(manifest.read_text())
        for artifact in table["artifacts"]:
            artifact["packed"] = {"weights": PACKED}
        manifest.write_text(json.dumps(table))
        self.data = data.load(str(tiny.dataset_file(folder)))
        self.trained: list[str] = []
        self.counted: list[str] = []
        self.fail: set[str] = set()
        self.refuse: set[str] = set()
        self.absent = False
        self.interrupt = ""
        self.rows = 90

    def file(self, text: str, name: str = "s.toml") -> Path:
        """Write a sweep's file."""
        path = self.place / name
        path.write_text(text)
        return path

    def sweep(self, *arguments: str, **said: object) -> subprocess.CompletedProcess[str]:
        """Run `edgeae sweep …` in this process; `said` is for `fake_export_child`."""
        with contextlib.ExitStack() as stack:
            for name, fake in (
                ("edgeae.sweep.run.train_each", self._train_each),
                ("edgeae.sweep.measure.bench", self._bench),
            ):
                stack.enter_context(mock.patch(name, fake))
            stack.enter_context(mock.patch.object(children, "stream", self._stream))
            environment = self.environment(**said)
            return edgeae_here("sweep", *arguments, cwd=self.place, **environment)

    def result(self, name: str = "s") -> Sweep:
        """Return the result of a sweep."""
        found = read(place(self.build, name))
        assert found is not None
        return found

    def states(self) -> dict[str, str]:
        """Return `model/recipe` → state."""
        return {cell.name: cell.state for cell in self.result().cells}

    def journal(self) -> list[tuple[str, str, str]]:
        """Return cell, stage and event of each line of the journal about a cell."""
        return [line for line in self.whole_journal() if line[0]]

    def whole_journal(self) -> list[tuple[str, str, str]]:
        """Return cell, stage and event of each line of the journal."""
        lines = (self.build / "sweeps" / "s.jsonl").read_text().splitlines()
        rows = [json.loads(line) for line in lines]
        return [(row["cell"], row["stage"], row["event"]) for row in rows]

    def _train_each(
        self,
        commands: Mapping[str, Sequence[str]],
        *,
        jobs: int,
        say: Callable[[str], None],
        one_core: bool,
    ) -> Iterator[tuple[str, int, str]]:
        for name, words in commands.items():
            if name == self.interrupt:
                raise KeyboardInterrupt
            if name in self.fail:
                yield name, 2, "the loss is no number"
            else:
                self._train(words)
                self.trained.append(name)
                yield name, 0, ""

    def _stream(
        self, module: str, job: Mapping[str, Any], **options: object
    ) -> Iterator[dict[str, Any]]:
        """Stand in for the children of tasks, wherever they run."""
        if module != "edgeae.training.child":
            yield from _stream(module, job, **options)
            return
        name = job["model"]
        yield {"doing": "1/1 epochs"}
        if name in self.fail:
            raise BadInput("the loss is no number")
        words = Model(name, typed.build(Settings, dict(job["settings"])), "").words(
            job["recorded"], Path(job["out"])
        )
        self._train(words[:])
        (Path(job["out"]) / name / "sheet.npz").write_bytes(b"")
        self.trained.append(name)

    def _train(self, words: Sequence[str]) -> None:
        said = _TRAIN.make_context("train", list(words)).params
        keys = ("code", "activation", "epochs", "seed", "threads")
        chosen = {key: said[key] for key in keys} | {"hidden": _widths(said["hidden"])}
        plan = settings(said["family"], **chosen)
        fake_model(
            self.place / said["build"] / said["name"],
            family=plan.family,
            configuration=json.loads(json.dumps(asdict(plan))),
            dataset={
                "name": "tiny",
                "sha256": self.data.sha256,
                "data": said["data"],
                "train": self.rows,
                "mean_loss": 0.1,
            },
            curve=[{"loss": 0.1}] * plan.epochs,
            losses={"test": LOSSES[plan.size]},
            seconds=9.0,
            tools=tool_versions(),
        )

    def _bench(
        self, jobs: list[Job], seconds: float, results: Path, *_: object, **__: object
    ) -> Iterator[Result]:
        for job in reversed(jobs):
            bundle = open_bundle(job.root)
            row = timed(bundle, runtime=job.runtime, samples_ns=(), block=None)
            name = f"{job.model}/{job.recipe}"
            changes: dict[str, Any] = {"instructions": 1000, "flash_bytes": 300, "ram_bytes": 40}
            if self.absent:
                changes = {"model": "", "recipe": "", "error": "no compiler", "code": 3}
            elif name in self.refuse:
                changes = {"error": "C does not support it", "code": NotMeasured.code}
            row = Result(**{**asdict(row), **changes})
            append(results, row)
            yield row
            self.counted.append(name)
            if self.absent:
                return
