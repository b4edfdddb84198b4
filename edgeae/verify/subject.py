"""What a bundle's answers are compared with: the images and the expected outputs."""

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae.bundle import EDGES, Bundle
from edgeae.errors import ManifestMismatch, NotMeasured, RuntimeUnavailable
from edgeae.model import TRAIN, open_model
from edgeae.parity import mse
from edgeae.recipe import PARTS, REFERENCE
from edgeae.verify.answers import COMPOSED, ask

__all__ = ["GOLDEN", "ORIGINAL", "Originals", "Subject", "golden_subject", "own_subject", "subject"]

ORIGINAL = "tensorflow-cpu"
GOLDEN = "golden"
_HINT = "pass --golden to compare with the bundle's golden vectors alone"


@dataclass(frozen=True)
class Subject:
    """Images, and what each part should make of them.

    Attributes:
        reference: whose answers these are.
        images: (n, …) float32 in [0, 1].
        codes: (n, …) what every decoder is fed with.
        expected: part → (n, …) outputs, in the artifact's element type.
        original: (n, …) the Keras model's reconstructions of these images.
        original_loss: their MSE.
    """

    reference: str
    images: NDArray[np.float32]
    codes: NDArray[Any]
    expected: dict[str, NDArray[Any]]
    original: NDArray[np.float32]
    original_loss: float

    @classmethod
    def of(
        cls,
        reference: str,
        images: NDArray[np.float32],
        expected: dict[str, NDArray[Any]],
        original: NDArray[np.float32],
    ) -> "Subject":
        """Build one whose decoders are fed with the expected codes."""
        loss = mse(original, images)
        return cls(reference, images, expected["encoder"], expected, original, loss)

    def first(self, n: int) -> "Subject":
        """Return the same for the first `n` images alone; the loss, too, is theirs."""
        if n >= len(self.images):
            return self
        expected = {part: array[:n] for part, array in self.expected.items()}
        return Subject.of(self.reference, self.images[:n], expected, self.original[:n])


class Originals:
    """The Keras models' answers over the test images, computed once per model.

    Args:
        images: (n, …) float32 in [0, 1].
    """

    def __init__(self, images: NDArray[np.float32]) -> None:
        self.images = images
        self._known: dict[str, dict[str, NDArray[Any]]] = {}
        self._computing = threading.Lock()

    def of(self, bundle: Bundle) -> dict[str, NDArray[Any]]:
        """Return part → (n, …) float32 of the model that a bundle was made from.

        Raises:
            NotMeasured: TensorFlow or the original is missing here.
        """
        key = bundle.manifest.weights_sha256
        with self._computing:  # bundles of one model may be verified at once
            if key not in self._known:
                self._known[key] = self._compute(bundle)
            return self._known[key]

    def _compute(self, bundle: Bundle) -> dict[str, NDArray[Any]]:
        folder = bundle.model_folder
        if not (folder / TRAIN).exists():
            raise NotMeasured(
                f"{folder}: the original (model.keras, {TRAIN}) is not there; {_HINT}"
            )
        if open_model(folder).weights_sha256 != bundle.manifest.weights_sha256:
            raise NotMeasured(f"{bundle.root}: made from other weights than {folder}; export again")
        try:
            answers = ask(folder, ORIGINAL, "keras", self.images, None, threads=2)
        except RuntimeUnavailable as error:
            raise NotMeasured(f"the Keras model is the reference: {error}; or {_HINT}") from None
        for problem in answers.errors.values():
            raise problem
        return answers.outputs | {"decoder": answers.outputs[COMPOSED]}


def own_subject(bundle: Bundle) -> Subject:
    """Return what the `.tflite` files themselves gave on the reference kernels at export."""
    images = bundle.golden("image")
    expected = {part: _golden(bundle, part, integers=True) for part in PARTS}
    return Subject.of(GOLDEN, images, expected, bundle.golden("reconstruction"))


def golden_subject(bundle: Bundle) -> Subject:
    """Return the golden vectors that stand in for the test images: Keras's for floats."""
    images = bundle.golden("image")
    integers = bundle.artifact("autoencoder").output.grid is not None
    expected = {part: _golden(bundle, part, integers) for part in PARTS}
    return Subject.of(GOLDEN, images, expected, bundle.golden("reconstruction"))


def _golden(bundle: Bundle, part: str, integers: bool) -> NDArray[Any]:
    name = part if integers else EDGES[part][1]
    array = bundle.golden(name)
    spec = bundle.artifact(part).output
    n = bundle.manifest.golden["n"]
    if array.shape != (n, *spec.values) or array.dtype != spec.dtype:
        raise ManifestMismatch(
            f"{bundle.root}/golden/{name}.npy: {array.dtype} {array.shape}, "
            f"{part} gives {spec.dtype} {(n, *spec.values)}"
        )
    return array


def subject(bundle: Bundle, originals: Originals) -> Subject:
    """Return the test images and the reference's answers: Keras for floats, LiteRT's for int8.

    Raises:
        NotMeasured: there is no original to compare with.
        RuntimeUnavailable: LiteRT is not installed.
    """
    keras = originals.of(bundle)
    images = originals.images.reshape(keras["autoencoder"].shape)
    if bundle.artifact("autoencoder").output.grid is None:
        return Subject.of(ORIGINAL, images, keras, keras["autoencoder"])
    answers = ask(bundle.root, REFERENCE, "tflite", images, None)
    for problem in answers.errors.values():
        raise problem
    outputs = answers.outputs | {"decoder": answers.outputs[COMPOSED]}
    return Subject.of(REFERENCE, images, outputs, keras["autoencoder"])
