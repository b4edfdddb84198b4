"""A suite: which artifacts are timed in which runtimes. Data, in `bench/*.toml`."""

import fnmatch
import tomllib
from dataclasses import dataclass, fields
from pathlib import Path

from edgeae import project
from edgeae.bundle import Artifact, Bundle
from edgeae.errors import BadInput, unknown
from edgeae.model import TRAIN, open_model
from edgeae.recipe import PARTS
from edgeae.runtimes import RUNTIMES, formats

__all__ = ["ORIGINAL", "Job", "Suite", "expand", "find"]

#: The recipe's place in the rows of the Keras model itself.
ORIGINAL = "original"
_LONGEST_S = 3600


@dataclass(frozen=True)
class Suite:
    """What to time.

    Attributes:
        name: the file's stem.
        description: one line for people.
        models, recipes, parts, runtimes: name patterns, `*` for all.
        threads: numbers of threads, each timed.
        seconds: the longest that one worker times blocks.
    """

    name: str
    description: str = ""
    models: tuple[str, ...] = ("*",)
    recipes: tuple[str, ...] = ("*",)
    parts: tuple[str, ...] = ("*",)
    runtimes: tuple[str, ...] = ("*",)
    threads: tuple[int, ...] = (1,)
    seconds: float = 1.5

    def __post_init__(self) -> None:
        _check("runtime", self.runtimes, RUNTIMES)
        _check("part", self.parts, PARTS)
        if not all(count >= 1 for count in self.threads):
            raise BadInput(f"threads = {list(self.threads)}: allowed are whole numbers from 1")
        if not 0 < self.seconds <= _LONGEST_S:
            raise BadInput(f"seconds = {self.seconds}: allowed is above 0, {_LONGEST_S} at most")


@dataclass(frozen=True)
class Job:
    """One worker process.

    Attributes:
        model, recipe: names; the recipe of the Keras model itself is `original`.
        artifact: what is timed.
        root: the folder that holds it.
        golden: the bundle whose golden vectors check the answer.
        runtime, threads: how it is run.
    """

    model: str
    recipe: str
    artifact: Artifact
    root: Path
    golden: Path
    runtime: str
    threads: int


def find(name: str) -> Suite:
    """Load a suite by name or path.

    Raises:
        BadInput: there is none, or a key or value is not allowed.
    """
    known = {
        path.stem: path
        for folder in reversed(project.folders("bench"))
        for path in sorted(folder.glob("*.toml"))
    }
    path = Path(name) if name.endswith(".toml") else known.get(name)
    if path is None:
        raise unknown("suite", name, known)
    try:
        table = tomllib.loads(path.read_text())
    except FileNotFoundError:
        raise BadInput(f"{path}: no such file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: not TOML: {error}") from None
    return _suite(path, table)


def _suite(path: Path, table: dict[str, object]) -> Suite:
    defaults = {item.name: item.default for item in fields(Suite) if item.name != "name"}
    values: dict[str, object] = {}
    try:
        for key, value in table.items():
            if key not in defaults:
                raise unknown("key", key, defaults)
            values[key] = _value(key, value, defaults[key])
        return Suite(path.stem, **values)  # type: ignore[arg-type]
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None


def _value(key: str, value: object, default: object) -> object:
    if isinstance(default, tuple):
        kind = type(default[0])
        if isinstance(value, list) and value and all(type(item) is kind for item in value):
            return tuple(value)
        raise BadInput(f"{key} = {value!r}: allowed is a list of {kind.__name__}, not empty")
    if isinstance(default, float) and isinstance(value, int | float) and type(value) is not bool:
        return value
    if isinstance(default, str) and isinstance(value, str):
        return value
    raise BadInput(f"{key} = {value!r}: allowed is a {type(default).__name__}")


def expand(suite: Suite, bundles: list[Bundle]) -> list[Job]:
    """Return one job per artifact, runtime and number of threads, in a stable order.

    Raises:
        BadInput: a pattern names a model or recipe that is not among the bundles.
    """
    try:
        _check("model", suite.models, {bundle.manifest.model for bundle in bundles})
        recipes = {bundle.manifest.recipe for bundle in bundles} | {ORIGINAL}
        _check("recipe", suite.recipes, recipes)
    except BadInput as error:
        raise BadInput(f"suite {suite.name}: {error}") from None
    jobs: dict[tuple[object, ...], Job] = {}
    for bundle in bundles:
        if not _matches(bundle.manifest.model, suite.models):
            continue
        for job in _of_bundle(suite, bundle):
            jobs.setdefault(_identity(job), job)
    return list(jobs.values())


def _of_bundle(suite: Suite, bundle: Bundle) -> list[Job]:
    manifest = bundle.manifest
    candidates = [(manifest.recipe, bundle.root, item) for item in manifest.artifacts]
    folder = bundle.model_folder
    if (folder / TRAIN).exists():
        training = open_model(folder)
        if training.weights_sha256 == manifest.weights_sha256:
            candidates += [(ORIGINAL, folder, training.original(folder, part)) for part in PARTS]
    return [
        Job(manifest.model, recipe, artifact, root, bundle.root, runtime, threads)
        for recipe, root, artifact in candidates
        # the original is always part of a suite: every export is compared with it
        if recipe == ORIGINAL or _matches(recipe, suite.recipes)
        if _matches(artifact.part, suite.parts)
        for runtime in RUNTIMES
        if artifact.format in formats(runtime) and _matches(runtime, suite.runtimes)
        for threads in suite.threads
    ]


def _identity(job: Job) -> tuple[object, ...]:
    """What makes two jobs the same measurement."""
    artifact = job.artifact
    if job.runtime == "null":
        # nothing of the artifact matters but what is copied in and out
        edges = [(spec.values, spec.dtype) for spec in (artifact.input, artifact.output)]
        return ("null", *edges)
    return (job.root.absolute(), artifact.part, artifact.format, job.runtime, job.threads)


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _check(kind: str, patterns: tuple[str, ...], known: object) -> None:
    names = list(known)  # type: ignore[call-overload]
    for pattern in patterns:
        if not any(fnmatch.fnmatchcase(name, pattern) for name in names):
            raise unknown(kind, pattern, names)
