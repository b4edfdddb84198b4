"""One opened session of a bundle's artifact, which several threads may call in turn."""

import math
import threading
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from edgeae.artifacts.bundle import Bundle
from edgeae.artifacts.manifest import Artifact
from edgeae.artifacts.verified_artifact import VerifiedArtifact
from edgeae.errors import BadInput, NotMeasured, RuntimeUnavailable
from edgeae.runtimes import RUNTIMES, USUAL, Runtime, Session, formats, load
from edgeae.runtimes.inference import run_all

#: Values of one step of a long run, which bounds the memory beside images and answers: 1 MB of
#: float32, which a core's cache holds.
_STEP_VALUES = 1 << 18


@dataclass(frozen=True)
class Setting:
    """What a session is opened for.

    Attributes:
        part: `encoder`, `decoder` or `autoencoder`.
        runtime: name of the runtime.
        batch: the most examples of one call; None for as many as the artifact was exported for.
        threads: number of threads of the engine.

    Raises:
        BadInput: a number is not a whole number from 1.
    """

    part: str
    runtime: str
    batch: int | None = None
    threads: int = 1

    def __post_init__(self) -> None:
        for key in ("batch", "threads"):
            value = getattr(self, key)
            if value is not None and (type(value) is not int or value < 1):
                raise BadInput(f"{key} {value!r:.40}: allowed are whole numbers from 1")


@dataclass(eq=False)
class OpenSession:
    """An opened session.

    Attributes:
        artifact: the description of its artifact.
        session: the engine's session, which one thread at a time may use.
        batch: examples of each call; None if calls of any number are possible, or only one is.
    """

    artifact: Artifact
    session: Session
    batch: int | None
    _turn: threading.Lock = field(default_factory=threading.Lock, init=False)
    _closed: bool = field(default=False, init=False)

    @property
    def step(self) -> int:
        """How many examples are prepared and run at once in a long run: a multiple of the batch."""
        batch = self.batch or 1
        values = max(1, math.prod(self.artifact.input.values))
        return batch * max(1, _STEP_VALUES // (batch * values))

    def run(self, inputs: NDArray[Any]) -> NDArray[Any]:
        """Return the outputs of prepared inputs (n, …), both in the artifact's element types.

        Raises:
            BadInput: another thread has closed the session.
            ManifestMismatch: the outputs are not those that the manifest describes.
        """
        with self._turn:
            if self._closed:
                raise BadInput(f"{self.artifact.path}: closed by another thread")
            return run_all(self.session, self.artifact, inputs, self.batch)

    def close(self) -> None:
        """Free the model, once no thread uses it."""
        with self._turn:
            self._closed = True
            self.session.close()


def usual_runtime(bundle: Bundle) -> str:
    """Return the runtime that is used if the user names none."""
    return USUAL[bundle.format]


def form_of(bundle: Bundle, runtime: str) -> str:
    """Return the format of the bundle's artifacts that a runtime opens.

    Raises:
        BadInput: the runtime does not exist, gives no answers, or opens none of the formats.
    """
    held = {artifact.format for artifact in bundle.manifest.artifacts}
    form = next((form for form in formats(runtime) if form in held), None)
    if form is None or runtime == "null":
        able = [
            name
            for name, entry in RUNTIMES.items()
            if name != "null" and held.intersection(entry.formats)
        ]
        raise BadInput(
            f"runtime {runtime}: gives no answers for {bundle.shown}, which holds "
            f"{' and '.join(sorted(held))}; allowed are {', '.join(able)}"
        )
    return form


def open_session(bundle: Bundle, setting: Setting) -> OpenSession:
    """Open a part of a bundle in a runtime.

    Raises:
        BadInput: the bundle lacks the part, the runtime does not exist or cannot open the file.
        ManifestMismatch: the file differs from the manifest.
        NotMeasured: the runtime does not support the model.
        RuntimeUnavailable: the runtime is not installed; the message has the remedy.
    """
    artifact = bundle.artifact(setting.part, form_of(bundle, setting.runtime))
    runtime = load(setting.runtime)
    runtime.version()  # raises if the engine or its hardware is missing
    program = VerifiedArtifact(artifact, bundle.read(artifact), bundle.shown / artifact.path)
    return _opened(runtime, program, setting)


def _opened(runtime: Runtime, program: VerifiedArtifact, setting: Setting) -> OpenSession:
    if setting.batch is not None:
        try:
            session = runtime.open(program, setting.threads, setting.batch)
            return OpenSession(program.artifact, session, setting.batch)
        except RuntimeUnavailable:
            raise
        except NotMeasured:
            pass  # the file has a batch of one built in, which is within what was asked for
    return OpenSession(program.artifact, runtime.open(program, setting.threads), None)
