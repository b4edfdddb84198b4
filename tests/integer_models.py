"""Small models that `integers_child.py` converts, for the tests that look at their integers."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tiny
from edgeae_cli import child

from edgeae.formats import describe
from edgeae.formats.tflite import graph_statistics
from edgeae.formats.tflite.graph import Graph, read
from edgeae.runtimes.inference import prepare, real

MODELS = ("dense", "convolutional", "mobile")


@dataclass(frozen=True)
class Converted:
    """What the child wrote."""

    folder: Path
    said: dict

    def content(self, model: str, recipe: str, part: str = "autoencoder") -> bytes:
        return (self.folder / f"{model}-{recipe}-{part}.tflite").read_bytes()

    def graph(self, model: str, recipe: str, part: str = "autoencoder") -> Graph:
        return read(self.content(model, recipe, part), f"{model}-{recipe}-{part}")

    @property
    def images(self) -> np.ndarray:
        return np.load(self.folder / "images.npy")

    def answers(self, model: str, recipe: str, kernels: str) -> np.ndarray:
        """The integers, or floats, of the whole autoencoder on all images."""
        content = self.content(model, recipe)
        given = prepare(describe.tflite("autoencoder", content, "a"), self.images)
        return tiny.run(content, given, tiny.RESOLVERS[kernels])

    def loss(self, model: str, recipe: str) -> float:
        """Mean squared distance to the float model's answers, on the reference kernels."""
        artifact = describe.tflite("autoencoder", self.content(model, recipe), "a")
        found = real(artifact, self.answers(model, recipe, "litert-reference"))
        return float(np.square(found - np.load(self.folder / f"{model}-float.npy")).mean())


def convert(folder: Path, *recipes: str) -> Converted:
    """Convert all models under recipes of `integers_child.py`, in one process."""
    return Converted(folder, child("integers_child.py", folder, *recipes))


def weights(graph: Graph) -> list:
    """The constants that operators multiply with, by their order in the file."""
    return [item for item in graph.tensors if graph_statistics.is_weight(item)]
