"""A suite, read from `bench/*.toml`: the artifacts to time, the runtimes, and their settings."""

import fnmatch
import glob
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edgeae.artifacts.bundle import Bundle
from edgeae.artifacts.manifest import Artifact
from edgeae.artifacts.model import TRAIN, open_model
from edgeae.errors import BadInput, about, unknown
from edgeae.formats.opening import open_file
from edgeae.reading import typed
from edgeae.reading.names import check_name
from edgeae.reading.parsing import read_toml
from edgeae.recipe import PARTS
from edgeae.runtimes import RUNTIMES, Line, formats
from edgeae.system import project
from edgeae.timing.emulated import is_counted

#: Value of `recipe` in the rows of the Keras model itself.
ORIGINAL = "original"
#: Value of `recipe` in the rows of a bare file.
FILE = "file"
_LONGEST_S = 3600
_MOST_ROUNDS = 1000


@dataclass(frozen=True)
class Suite:
    """The artifacts to time, and how.

    Attributes:
        name: the file's stem.
        description: one line for people.
        artifacts: bare `.tflite` and `.onnx` files: paths with `*`, relative to the current folder.
        models, recipes, parts, runtimes: name patterns; `*` is all. A suite with `artifacts` and
            neither `models` nor `recipes` times only the bare files.
        threads, batch: numbers of threads, and of examples per call; each number of threads is
            timed with each batch.
        seconds: longest time for which one worker times blocks.
        rounds: number of times that each job runs, each time in a fresh process.
        seed: seed of the order of the jobs; if it is missing, one is drawn and recorded.
        baseline: baseline of `edgeae gate`, unless `--baseline` names another one.
        budget: limits that `edgeae gate` reads; with this table, `edgeae gate` and pytest judge the
            suite.
    """

    name: str
    description: str = ""
    artifacts: tuple[str, ...] = ()
    models: tuple[str, ...] = ("*",)
    recipes: tuple[str, ...] = ("*",)
    parts: tuple[str, ...] = ("*",)
    runtimes: tuple[str, ...] = ("*",)
    threads: tuple[int, ...] = (1,)
    batch: tuple[int, ...] = (1,)
    seconds: float = 1.5
    rounds: int = 1
    seed: int | None = None
    baseline: str = ""
    budget: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _check("runtime", self.runtimes, RUNTIMES)
        _check("part", self.parts, PARTS)
        for key in ("threads", "batch"):
            if not all(count >= 1 for count in getattr(self, key)):
                found = list(getattr(self, key))
                raise BadInput(f"{key} = {found}: allowed are whole numbers from 1")
        if not 0 < self.seconds <= _LONGEST_S:
            raise BadInput(f"seconds = {self.seconds}: allowed is above 0, at most {_LONGEST_S}")
        if not 1 <= self.rounds <= _MOST_ROUNDS:
            raise BadInput(f"rounds = {self.rounds}: allowed is 1 to {_MOST_ROUNDS}")
        if self.seed is not None and self.seed < 0:
            raise BadInput(f"seed = {self.seed}: allowed are whole numbers from 0")


@dataclass(frozen=True)
class Job:
    """The job of one worker process.

    Attributes:
        model, recipe: names. The Keras model itself has the recipe `original`. A bare file has the
            recipe `file`, and its path as the model's name.
        artifact: the artifact to time.
        root: the folder that holds the artifact.
        golden: the bundle whose golden vectors check the answers; None for a bare file.
        runtime, threads, batch: the runtime and its settings.
        line: where the board is, for a runtime that is one.
    """

    model: str
    recipe: str
    artifact: Artifact
    root: Path
    golden: Path | None
    runtime: str
    threads: int
    batch: int = 1
    line: Line | None = None

    @property
    def path(self) -> Path:
        """Path of the artifact's file."""
        return self.root / self.artifact.path

    @property
    def name(self) -> str:
        """Display name of the artifact: `deep/int8 encoder.tflite`, or the path of a bare file."""
        if self.golden is None:
            return str(self.path)
        return f"{self.model}/{self.recipe} {self.artifact.part}.{self.artifact.format}"


def find(name: str) -> Suite:
    """Load a suite by name or path.

    Raises:
        BadInput: the suite does not exist, or a key or value is not allowed.
    """
    known = {
        path.stem: path
        for folder in reversed(project.folders("bench"))
        for path in sorted(folder.glob("*.toml"))
    }
    path = Path(name) if name.endswith(".toml") else known.get(name)
    if path is None:
        raise unknown("suite", name, known)
    check_name("suite", path.stem)
    return _suite(path, read_toml(path))


def _suite(path: Path, table: dict[str, object]) -> Suite:
    with about(path):
        suite = typed.build(Suite, table, given={"name": path.stem})
        for key, value in table.items():
            typed.require(value != [], key, value, "a list that is not empty")
    only_files = "artifacts" in table and not table.keys() & {"models", "recipes"}
    return replace(suite, models=()) if only_files else suite


def expand(suite: Suite, bundles: list[Bundle]) -> list[Job]:
    """Return one job per artifact, runtime, number of threads and batch, in a stable order.

    These are the jobs of one round. Bare files come first.

    Raises:
        BadInput: a pattern matches no model, recipe or file, or a file is damaged or neither
            `.tflite` nor `.onnx`.
        RuntimeUnavailable: a bare file is `.onnx`, and the package `onnx` is not installed.
    """
    try:
        candidates = list(_files(suite))
        if suite.models:
            _check("model", suite.models, {bundle.manifest.model for bundle in bundles})
            recipes = {bundle.manifest.recipe for bundle in bundles} | {ORIGINAL}
            _check("recipe", suite.recipes, recipes)
    except BadInput as error:
        raise BadInput(f"suite {suite.name}: {error}") from None
    for bundle in bundles:
        if _matches(bundle.manifest.model, suite.models):
            candidates += _of_bundle(suite, bundle)
    jobs: dict[tuple[object, ...], Job] = {}
    for candidate in candidates:
        for job in _runs(suite, *candidate):
            jobs.setdefault(_identity(job), job)
    return list(jobs.values())


#: Model, recipe, artifact, root and golden of a job.
_Candidate = tuple[str, str, Artifact, Path, Path | None]


def _files(suite: Suite) -> Iterator[_Candidate]:
    for pattern in suite.artifacts:
        found = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 (also absolute paths)
        if not found:
            raise BadInput(f"artifacts = {pattern!r}: no such file in {Path.cwd()}")
        for path in map(Path, found):
            artifact = replace(open_file(path).artifact, path=path.name)
            yield str(path), FILE, artifact, path.parent, None


def _of_bundle(suite: Suite, bundle: Bundle) -> list[_Candidate]:
    manifest = bundle.manifest
    held = [(manifest.recipe, bundle.root, item) for item in manifest.artifacts]
    folder = bundle.model_folder
    if (folder / TRAIN).exists():
        training = open_model(folder)
        if training.file is not None and training.weights_sha256 == manifest.weights_sha256:
            held += [(ORIGINAL, folder, training.original(folder, part)) for part in PARTS]
    return [
        (manifest.model, recipe, artifact, root, bundle.root)
        for recipe, root, artifact in held
        # the original is always part of a suite: every export is compared with it
        if recipe == ORIGINAL or _matches(recipe, suite.recipes)
        if _matches(artifact.part, suite.parts)
    ]


def _runs(
    suite: Suite, model: str, recipe: str, artifact: Artifact, root: Path, golden: Path | None
) -> Iterator[Job]:
    for runtime in RUNTIMES:
        if artifact.format in formats(runtime) and _chosen(runtime, suite.runtimes):
            each = itertools.product(suite.threads, suite.batch)
            # a core has one thread and runs one example at a time
            for threads, batch in [(1, 1)] if is_counted(runtime) else each:
                yield Job(model, recipe, artifact, root, golden, runtime, threads, batch)


def _identity(job: Job) -> tuple[object, ...]:
    """Return a key that is equal for two jobs that measure the same."""
    artifact = job.artifact
    if job.runtime == "null":
        # only input and output matter, because this runtime only copies
        edges = [(spec.values, spec.dtype) for spec in (artifact.input, artifact.output)]
        return ("null", *edges, job.batch)
    where = (job.path.absolute(), artifact.part, artifact.format)
    threads = job.threads if RUNTIMES[job.runtime].threaded else None
    return (*where, job.runtime, threads, job.batch)


def _chosen(runtime: str, patterns: tuple[str, ...]) -> bool:
    """Return whether patterns choose a runtime; only its exact name does for core or board."""
    if RUNTIMES[runtime].named_only:
        return runtime in patterns
    return _matches(runtime, patterns)


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _check(kind: str, patterns: tuple[str, ...], known: object) -> None:
    names = list(known)  # type: ignore[call-overload]
    for pattern in patterns:
        if not any(fnmatch.fnmatchcase(name, pattern) for name in names):
            raise unknown(kind, pattern, names)
