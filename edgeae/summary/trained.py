"""The trained models of a build, exported or not: their `train.json` and `probe.json`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgeae.artifacts.bundle import Bundle
from edgeae.artifacts.model import TRAIN, Training, open_model
from edgeae.artifacts.probe_result import Probed, read_probe

Figures = dict[str, float | None]


@dataclass(frozen=True)
class Trained:
    """One model.

    Attributes:
        name, family, description, parameters, code_size, curve, best_epoch, interrupted, seconds,
            yardsticks: see `edgeae.artifacts.model.Training`.
        dataset, dataset_sha256: name and hash of the dataset that trained it, or that tests it.
        mse: MSE of the original on the test images; None if there is no original.
        probe: the result of `edgeae train --probe` for these weights; or None.
        probe_stale: whether the result in the folder is for other weights.
    """

    name: str
    family: str
    description: str
    dataset: str
    dataset_sha256: str
    code_size: int
    parameters: int
    mse: float | None
    yardsticks: dict[str, Figures]
    curve: list[dict[str, float]]
    best_epoch: int
    interrupted: bool
    seconds: float
    probe: Probed | None
    probe_stale: bool

    def figure(self, row: str, key: str) -> float | None:
        """Return a figure (`mse`, `psnr`, `ssim`, …) of a row (`model`, `pca` or `mean`)."""
        return self.yardsticks.get(row, {}).get(key)


@dataclass(frozen=True)
class Size:
    """The best model with one code size, and PCA with the same size.

    Attributes:
        code: number of values of the code.
        model: name of the best model.
        mse: MSE of that model on the test images.
        pca_mse: MSE of PCA with as many components.
    """

    code: int
    model: str
    mse: float
    pca_mse: float


@dataclass(frozen=True)
class CodeSizes:
    """Loss by code size of one family on one dataset.

    Attributes:
        family, dataset: names.
        sizes: one entry for each code size, in ascending order.
    """

    family: str
    dataset: str
    sizes: tuple[Size, ...]


def model_folders(build: Path, bundles: Iterable[Bundle]) -> dict[str, Path]:
    """Return model → its folder, sorted by name, of every model and bundle below `build`."""
    exported = {bundle.manifest.model: bundle.model_folder for bundle in bundles}
    trained = {path.parent.name: path.parent for path in build.glob(f"*/{TRAIN}")}
    return dict(sorted({**trained, **exported}.items()))


def open_all(folders: Mapping[str, Path]) -> dict[str, Training]:
    """Read the `train.json` of each folder that has one.

    Raises:
        BadInput: a `train.json` is damaged.
        ManifestMismatch: the hash of an original's file differs from its `train.json`.
    """
    return {
        model: open_model(folder) for model, folder in folders.items() if (folder / TRAIN).exists()
    }


def trained(trainings: Mapping[str, Training], folders: Mapping[str, Path]) -> tuple[Trained, ...]:
    """Return the trained models by family and code size, as a report shows them.

    Raises:
        BadInput: a `probe.json` is damaged.
    """
    found = (_trained(item, folders[model]) for model, item in trainings.items())
    return tuple(sorted(found, key=lambda item: (item.family, item.code_size, item.name)))


def _trained(training: Training, folder: Path) -> Trained:
    found = read_probe(folder)
    stale = found is not None and found.weights_sha256 != training.weights_sha256
    return Trained(
        name=training.model,
        family=training.family,
        description=training.description,
        dataset=str(training.dataset.get("name", "")),
        dataset_sha256=str(training.dataset.get("sha256", "")),
        code_size=training.code_size,
        parameters=training.parameters,
        mse=training.losses.get("test"),
        yardsticks=training.yardsticks,
        curve=training.curve,
        best_epoch=training.best_epoch,
        interrupted=training.interrupted,
        seconds=training.seconds,
        probe=None if stale else found,
        probe_stale=stale,
    )


def code_sizes(models: Sequence[Trained]) -> tuple[CodeSizes, ...]:
    """Group the models of one family on one dataset; return the groups with several code sizes."""
    together: dict[tuple[str, str], list[Trained]] = {}
    for model in models:
        if model.mse is not None and model.figure("pca", "mse") is not None:
            together.setdefault((model.family, model.dataset_sha256), []).append(model)
    found = [
        CodeSizes(family, group[0].dataset, _sizes(group))
        for (family, _), group in together.items()
    ]
    return tuple(item for item in found if len(item.sizes) > 1)


def _sizes(group: Sequence[Trained]) -> tuple[Size, ...]:
    """Return the best model of each code size."""
    sizes: dict[int, Size] = {}
    for model in group:
        mse, linear = model.mse, model.figure("pca", "mse")
        assert mse is not None and linear is not None  # see `code_sizes`
        held = sizes.get(model.code_size)
        if held is None or mse < held.mse:
            sizes[model.code_size] = Size(model.code_size, model.name, mse, linear)
    return tuple(sizes[code] for code in sorted(sizes))
