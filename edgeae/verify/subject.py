"""The images and expected outputs that a bundle's answers are compared with."""

import threading
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.artifacts.bundle import EDGES, Bundle
from edgeae.artifacts.model import TRAIN, Training, open_model
from edgeae.data import normalization_of
from edgeae.errors import ManifestMismatch, NotMeasured, RuntimeUnavailable
from edgeae.metrics.parity import mse
from edgeae.metrics.tolerance import REFERENCE
from edgeae.recipe import PARTS
from edgeae.runtimes.answers import COMPOSED, Answers, ask, longest_s
from edgeae.runtimes.inference import real
from edgeae.system import children
from edgeae.system.machine import cores

ORIGINAL = "tensorflow-cpu"
GOLDEN = "golden"
_HINT = "use --golden to compare only with the bundle's golden vectors"


@dataclass(frozen=True)
class Subject:
    """Images, and the expected output of each part.

    Attributes:
        reference: the source of the expected outputs.
        images: (n, …) float32, real values.
        codes: (n, …) inputs of every decoder; None without a code.
        expected: part → (n, …) outputs, in the artifact's element type.
        original: (n, …) the original's reconstructions of these images; for a bundle as is, its own
            reconstructions; None if no part reconstructs images.
        original_loss: MSE of `original`; None without it.
        answers: the reference runtime's run that gave `expected`; None if there was none.
    """

    reference: str
    images: NDArray[np.float32]
    codes: NDArray[Any] | None
    expected: dict[str, NDArray[Any]]
    original: NDArray[np.float32] | None
    original_loss: float | None
    answers: Answers | None = None

    @classmethod
    def of(
        cls,
        reference: str,
        images: NDArray[np.float32],
        expected: dict[str, NDArray[Any]],
        original: NDArray[np.float32] | None,
        answers: Answers | None = None,
    ) -> "Subject":
        """Build a subject whose decoders get the expected codes as inputs."""
        loss = None if original is None else mse(original, images)
        return cls(reference, images, expected.get("encoder"), expected, original, loss, answers)

    def first(self, n: int) -> "Subject":
        """Return the subject of only the first `n` images, with their loss."""
        if n >= len(self.images):
            return self
        expected = {part: array[:n] for part, array in self.expected.items()}
        original = None if self.original is None else self.original[:n]
        return Subject.of(self.reference, self.images[:n], expected, original)

    def in_real_units(self, bundle: Bundle) -> "Subject":
        """Return the subject with all integers dequantized to real values."""
        expected = {
            part: real(bundle.artifact(part, bundle.format), self.expected[part])
            for part in bundle.parts
        }
        return Subject.of(self.reference, self.images, expected, self.original)


class Originals:
    """The Keras models' answers to the test images, computed once per model.

    Args:
        images: (n, …) float32, real values.
        parts: the parts to run.
        hint: ends the error about a missing original: what can be done without it.
    """

    def __init__(
        self,
        images: NDArray[np.float32],
        parts: tuple[str, ...] = PARTS,
        hint: str = _HINT,
    ) -> None:
        self.images = images
        self._parts, self._hint = parts, hint
        self._known: dict[str, dict[str, NDArray[Any]]] = {}
        self._computing = threading.Lock()

    def of(self, bundle: Bundle) -> dict[str, NDArray[Any]]:
        """Return the original's answers: part → (n, …) float32.

        Raises:
            NotMeasured: TensorFlow or the original is missing.
        """
        key = bundle.manifest.weights_sha256
        with self._computing:  # several bundles of one model may be verified at once
            if key not in self._known:
                self._known[key] = self._compute(bundle)
            return self._known[key]

    def _compute(self, bundle: Bundle) -> dict[str, NDArray[Any]]:
        folder = bundle.model_folder
        if not (folder / TRAIN).exists():
            raise NotMeasured(
                f"{folder}: the original (model.keras, {TRAIN}) is missing; {self._hint}"
            )
        training = open_model(folder)
        _check_same(bundle, training)
        try:
            answers = ask(
                folder, ORIGINAL, training.form, self.images, None, parts=self._parts, threads=2
            )
        except RuntimeUnavailable as error:
            raise NotMeasured(
                f"the Keras model is the reference: {error}; or {self._hint}"
            ) from None
        for problem in answers.errors.values():
            raise problem
        outputs = answers.outputs
        return outputs | {"decoder": outputs[COMPOSED]} if COMPOSED in outputs else outputs


def _check_same(bundle: Bundle, training: Training) -> None:
    """Raise unless a bundle was made from this training's model."""
    manifest, folder = bundle.manifest, bundle.model_folder
    own = training.as_is_sha256 if bundle.as_is else training.weights_sha256
    if own != manifest.weights_sha256:
        again = "import" if bundle.as_is else "export"
        raise NotMeasured(f"{bundle.shown}: made from other weights than {folder}; {again} again")
    made, taken = normalization_of(manifest), normalization_of(training)
    if made != taken:
        raise NotMeasured(
            f"{bundle.shown}: made for values {made.to_text()}, {folder} takes values "
            f"{taken.to_text()}; export again"
        )


def own_subject(bundle: Bundle) -> Subject:
    """Return the subject of the artifacts' own answers in the bundle's reference at export."""
    expected = {part: _golden(bundle, part, own=True) for part in bundle.parts}
    return Subject.of(GOLDEN, bundle.golden("image"), expected, _reconstruction(bundle))


def golden_subject(bundle: Bundle) -> Subject:
    """Return the golden vectors as the subject; for floats, the original's golden outputs."""
    own = bundle.as_is or not is_original(bundle)
    expected = {part: _golden(bundle, part, own) for part in bundle.parts}
    return Subject.of(GOLDEN, bundle.golden("image"), expected, _reconstruction(bundle))


def _reconstruction(bundle: Bundle) -> NDArray[np.float32] | None:
    return None if bundle.parts == ("encoder",) else bundle.golden("reconstruction")


def _golden(bundle: Bundle, part: str, own: bool) -> NDArray[Any]:
    name = part if own else EDGES[part][1]
    array = bundle.golden(name)
    spec = bundle.artifact(part, bundle.format).output
    n = bundle.manifest.golden.n
    if array.shape != (n, *spec.values) or array.dtype != spec.dtype:
        raise ManifestMismatch(
            f"{bundle.shown}/golden/{name}.npy: {array.dtype} {array.shape}, "
            f"{part} gives {spec.dtype} {(n, *spec.values)}"
        )
    return array


def subject(bundle: Bundle, originals: Originals) -> Subject:
    """Return the test images and the reference's answers to them.

    Keras gives the reference answers for floats, and LiteRT's reference kernels give those for
    integers. LiteRT also answers for the floats of a fine-tuned model, which is not the original.
    A bundle as is has no original: its reference runtime answers for floats as well.


    Raises:
        NotMeasured: there is no original to compare with.
        RuntimeUnavailable: the reference runtime is not installed.
    """
    if bundle.as_is:
        if (bundle.model_folder / TRAIN).exists():
            _check_same(bundle, open_model(bundle.model_folder))
        answers = _answers(bundle, originals.images)
        own = _real(bundle, answers.outputs)
        return Subject.of(bundle.reference, originals.images, answers.outputs, own, answers)
    images = originals.images.reshape(-1, *bundle.artifact("autoencoder").input.values)
    if is_original(bundle):
        keras = originals.of(bundle)
        return Subject.of(ORIGINAL, images, keras, keras["autoencoder"])
    # TensorFlow takes seconds to start, in which the reference kernels compute
    with children.threads(2) as pool:
        original, computing = (
            pool.submit(originals.of, bundle),
            pool.submit(_answers, bundle, images),
        )
        reconstructions, answers = original.result()["autoencoder"], computing.result()
    return Subject.of(REFERENCE, images, answers.outputs, reconstructions, answers)


def is_original(bundle: Bundle) -> bool:
    """Return whether the original is the reference: for float artifacts without fine-tuning."""
    loss = bundle.manifest.loss
    tuned = loss is not None and loss.control is not None
    return bundle.artifact("autoencoder").output.grid is None and not tuned


def _answers(bundle: Bundle, images: NDArray[np.float32]) -> Answers:
    """Return the reference runtime's answers; its decoder gets the codes of its own encoder."""
    artifacts = [bundle.artifact(part, bundle.format) for part in bundle.parts]
    answers = ask(
        bundle.root,
        bundle.reference,
        bundle.format,
        images,
        None,
        parts=bundle.parts,
        sessions=cores(),  # the reference kernels are slow, and have one thread
        timeout_s=longest_s(artifacts, len(images)),
    )
    for problem in answers.errors.values():
        raise problem
    outputs, notes = answers.outputs, answers.notes
    if COMPOSED not in outputs:
        return answers
    return replace(
        answers,
        outputs=outputs | {"decoder": outputs[COMPOSED]},
        notes=notes | {"decoder": notes[COMPOSED]},
    )


def _real(bundle: Bundle, outputs: dict[str, NDArray[Any]]) -> NDArray[np.float32] | None:
    """Return the reconstructions in real units; None if no part reconstructs images."""
    part = bundle.parts[-1]
    if part == "encoder":
        return None
    return real(bundle.artifact(part, bundle.format), outputs[part])
