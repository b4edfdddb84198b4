"""The test images that bundles are verified on: the dataset of their manifests."""

from collections.abc import Callable, Sequence

from edgeae import data as datasets
from edgeae.bundle import Bundle
from edgeae.errors import BadInput, EdgeaeError
from edgeae.model import TRAIN, open_model
from edgeae.verify.subject import Originals

__all__ = ["originals_of"]


def originals_of(
    bundles: Sequence[Bundle], data: str | None, say: Callable[[str], None]
) -> dict[str, Originals]:
    """Load each dataset that the bundles name, once.

    Args:
        bundles: what will be verified.
        data: the dataset to use, or None for the one that the model was trained on.
        say: told which dataset it is.

    Returns:
        dataset's sha256 → images, and room for the Keras models' answers.

    Raises:
        BadInput: the dataset is not to be had, or not the one of the manifest.
    """
    found: dict[str, Originals] = {}
    for bundle in bundles:
        sha256 = bundle.manifest.dataset["sha256"]
        if sha256 in found:
            continue
        dataset = datasets.load(data or _trained_on(bundle), say=say)
        if dataset.sha256 != sha256:
            raise BadInput(
                f"{bundle.root}: exported with dataset {bundle.manifest.dataset['name']} "
                f"{sha256[:12]}…, {dataset.name} here is {dataset.sha256[:12]}…; --data names "
                "another, --golden needs none"
            )
        found[sha256] = Originals(dataset.images("test", dataset.test.shape[1:]))
    return found


def _trained_on(bundle: Bundle) -> str:
    name: str = bundle.manifest.dataset["name"]
    try:
        training = open_model(bundle.model_folder)
        if training.dataset["sha256"] == bundle.manifest.dataset["sha256"]:
            return training.data
    except EdgeaeError:  # left behind, or damaged: that is said when its answers are needed
        if name not in datasets.BUILT_IN and (bundle.model_folder / TRAIN).exists():
            raise
    if name in datasets.BUILT_IN:
        return name
    raise BadInput(f"{bundle.root}: exported with dataset {name}; --data PATH.npz names it")
