"""Load the test images on which bundles are verified: the dataset that their manifests name."""

from collections.abc import Callable, Sequence

from edgeae import data as datasets
from edgeae.artifacts.bundle import Bundle
from edgeae.artifacts.model import TRAIN, Training, open_model
from edgeae.data import Dataset, Normalization
from edgeae.errors import BadInput, EdgeaeError
from edgeae.recipe import PARTS
from edgeae.verify.subject import Originals, is_original

#: A dataset's sha256, and the map that is applied to its values.
ImagesKey = tuple[str, Normalization]


def images_key(bundle: Bundle) -> ImagesKey:
    """Return the key that determines the test images of a bundle."""
    return bundle.manifest.dataset["sha256"], datasets.normalization_of(bundle.manifest)


def originals_of(
    bundles: Sequence[Bundle], data: str | None, say: Callable[[str], None]
) -> dict[ImagesKey, Originals]:
    """Load each dataset that the bundles name, once.

    Args:
        bundles: the bundles to verify.
        data: the dataset to use; None for the dataset on which the model was trained.
        say: receives a message about each dataset.

    Returns:
        `images_key` → test images, with a cache for the original models' answers.

    Raises:
        BadInput: a dataset cannot be loaded, or is not the one that the manifest names.
    """
    originals: dict[ImagesKey, Originals] = {}
    for bundle in bundles:
        key = images_key(bundle)
        if key in originals:
            continue
        dataset = dataset_of(bundle, data, say)
        images = dataset.images("test", dataset.test.shape[1:])
        originals[key] = Originals(images, _needed(bundles, key))
    return originals


def _needed(bundles: Sequence[Bundle], key: ImagesKey) -> tuple[str, ...]:
    """Return the parts of the original whose answers bundles of a dataset are compared with."""
    theirs = (bundle for bundle in bundles if images_key(bundle) == key and not bundle.as_is)
    return PARTS if any(is_original(bundle) for bundle in theirs) else ("autoencoder",)


def dataset_of(
    bundle: Bundle,
    data: str | None,
    say: Callable[[str], None],
    *,
    hint: str = "name another with --data, or use --golden, which needs no dataset",
    label: str | None = None,
) -> Dataset:
    """Load the dataset with which a bundle was exported.

    Args:
        bundle: the bundle.
        data: name or path of the dataset; None for the dataset on which the model was trained.
        say: receives a message about the dataset.
        hint: ends the error about another dataset: what can be done.
        label: name of the column with labels; None for the one that the model recorded, if any.

    Raises:
        BadInput: the dataset cannot be loaded, or is not the one that the manifest names.
    """
    dataset, sha256 = _load(bundle, data, say, label), bundle.manifest.dataset["sha256"]
    if dataset.sha256 != sha256:
        raise BadInput(
            f"{bundle.shown}: exported with dataset {bundle.manifest.dataset['name']} "
            f"{sha256[:12]}…, {dataset.name} here is {dataset.sha256[:12]}…; {hint}"
        )
    return dataset


def _load(
    bundle: Bundle, data: str | None, say: Callable[[str], None], label: str | None
) -> Dataset:
    reading = datasets.reading_of(bundle.manifest)
    name, train = _trained_on(bundle) if data is None else (data, _training_file(bundle, data))
    return datasets.load(
        name,
        say=say,
        normalization=datasets.normalization_of(bundle.manifest),
        train=train,
        reading=reading if label is None else reading.labelled(label),
    )


def _trained_on(bundle: Bundle) -> tuple[str, str | None]:
    """Return the name of the dataset to load, and its training file or None."""
    name: str = bundle.manifest.dataset["name"]
    try:
        training = _training(bundle)
    except EdgeaeError:  # missing or damaged: reported when the original's answers are needed
        if name not in datasets.BUILT_IN and (bundle.model_folder / TRAIN).exists():
            raise
        training = None
    if training is not None:
        return training.data, training.train_data
    if name in datasets.BUILT_IN:
        return name, None
    raise BadInput(f"{bundle.shown}: exported with dataset {name}; --data PATH.npz names it")


def _training_file(bundle: Bundle, data: str) -> str | None:
    """Return the training file of a dataset of rows; with it, the dataset has the bundle's hash."""
    try:
        training = _training(bundle)
    except EdgeaeError:
        return None  # if this is wrong, the comparison of hashes reports it
    train = None if training is None else training.train_data
    if train is None:
        return None
    reading = datasets.reading_of(bundle.manifest)
    return None if datasets.load(data, reading=reading).trainable else train


def _training(bundle: Bundle) -> Training | None:
    """Return the model's training if its dataset is the one that the bundle names, else None."""
    training = open_model(bundle.model_folder)
    same = training.dataset["sha256"] == bundle.manifest.dataset["sha256"]
    return training if same else None
