"""Originals that were never trained: beside a bundle, in a folder of their own, and in numpy."""

import hashlib
from dataclasses import asdict
from pathlib import Path

import numpy as np
import tiny
from fake_exports import fake_model

from edgeae import data
from edgeae.artifacts.bundle import Bundle
from edgeae.artifacts.model import Training
from edgeae.families.table import settings
from edgeae.runtimes.answers import COMPOSED
from edgeae.training.current import tool_versions
from edgeae.verify.run import Findings, verify
from edgeae.verify.subject import Originals


class NumpyOriginals(Originals):
    """The original's answers from numpy: what Keras would give, without it."""

    def of(self, bundle: Bundle) -> dict[str, np.ndarray]:
        known = tiny.forward(self.images)
        code, whole = (known[name].astype(np.float32) for name in ("code", "reconstruction"))
        return {"encoder": code, "decoder": whole, "autoencoder": whole, COMPOSED: whole}


def check(bundle: Bundle, *runtimes: str, against: Originals | None = None) -> Findings:
    return verify(bundle, against, list(runtimes) or None, lambda line: None)


def originals(bundle, weights: str) -> None:
    """Put a model beside the bundle, as training would; its `.keras` file is nonsense."""
    folder = bundle.root.parent
    (folder / "model.keras").write_bytes(b"a zip, normally")
    training = Training(
        model="tiny",
        form="keras",
        family="simple",
        description="",
        configuration={},
        dataset={"name": "tiny", "sha256": "d" * 64, "data": "tiny.npz"},
        normalization={"scale": 1.0, "offset": 0.0},
        bounds=(0.0, 1.0),
        input_shape=(16,),
        code_shape=(4,),
        code_layer="code",
        parameters=1,
        weights_sha256=weights,
        file_sha256=hashlib.sha256(b"a zip, normally").hexdigest(),
        curve=[],
        best_epoch=1,
        interrupted=False,
        losses={},
        yardsticks={},
        seconds=1.0,
        tools={},
    )
    (folder / "train.json").write_text(training.to_json())


def trained(folder: Path, said: str, **changes: object) -> Training:
    """Write a model's folder as training on `said` does; its `.keras` file is nonsense."""
    dataset = data.load(said)
    told = {"name": dataset.name, "sha256": dataset.sha256, "data": data.absolute(said)}
    usual = {"configuration": asdict(settings("simple")), "dataset": told, "tools": tool_versions()}
    return fake_model(
        folder, **{**usual, "normalization": {"scale": 1.0, "offset": 0.0}, **changes}
    )
