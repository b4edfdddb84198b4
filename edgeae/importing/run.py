"""`edgeae import`: chooses the importer for a path, and skips an import that is up to date."""

import contextlib
import zipfile
from collections.abc import Callable
from pathlib import Path

from edgeae import data as datasets
from edgeae.artifacts.bundle import STORE, holding
from edgeae.artifacts.model import AS_IS, IMPORTED, TRAIN, Training, open_model
from edgeae.errors import BadInput, EdgeaeError
from edgeae.formats.opening import file_format
from edgeae.importing.bottleneck import Choice
from edgeae.importing.keras.file import is_keras
from edgeae.importing.request import Imported, Request
from edgeae.importing.tfmot import wrappers
from edgeae.metrics.loss import is_worse
from edgeae.reading import files, typed
from edgeae.reading.parsing import read_json
from edgeae.system import atomic

Importer = Callable[[Request, Callable[[str], None]], Imported]

#: The lock that training holds, too.
_LOCK = ".train.lock"
_SAVED_MODEL = "saved_model.pb"
#: Allowed kinds of paths, for errors.
_ALLOWED = "a Keras file (.keras, .h5, .hdf5), a SavedModel folder, .tflite or .onnx"


def import_model(request: Request, force: bool, say: Callable[[str], None]) -> Imported:
    """Import a model, unless the folder already has the result of the same request.

    Args:
        request: what to import, and under which name.
        force: import even if nothing changed, and replace a model that edgeae trained.
        say: receives progress messages of one line.

    Raises:
        BadInput: the path is not a model that can be imported, or the name is taken.
        Busy: another process is writing the same model.
        RuntimeUnavailable: TensorFlow is not installed.
    """
    importer = _importer(request.paths)
    if request.output is not None and importer is not _keras_importer():
        raise BadInput(
            f"--output {request.output}: allowed are Keras files; {request.paths[0]} is none"
        )
    if request.as_is and importer in (_keras_importer(), _saved_model_importer()):
        raise BadInput(f"--as-is: allowed are .tflite and .onnx files; {request.paths[0]} is none")
    if not force:
        _check_name(request)
        imported = _current(request)
        if imported is not None:
            say(f"{request.folder}: up to date")
            return imported
    created = _missing(request.folder)
    with atomic.lock(request.folder / _LOCK, str(request.folder)):
        try:
            return importer(request, say)
        except EdgeaeError:
            _tidy(created)
            raise


def _missing(folder: Path) -> list[Path]:
    """Return a folder and those above it that do not exist, the innermost first."""
    return [place for place in (folder, *folder.parents) if not place.exists()]


def _tidy(created: list[Path]) -> None:
    """Remove the folders that a failed import created, unless they have other files.

    Args:
        created: the folders, the innermost first: the model's, whose lock the caller holds.
    """
    if not created:
        return
    model, store = created[0], created[0] / STORE
    for left in (store / f"{AS_IS}.lock", model / _LOCK):
        left.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # a folder is not empty: those above it are not either
        for place in [store] * store.exists() + created:
            place.rmdir()


def _importer(paths: tuple[Path, ...]) -> Importer:
    """Return the importer for the paths; it is chosen by content, not by name."""
    if len(paths) == 1 and (paths[0] / _SAVED_MODEL).is_file():
        if wrappers.in_saved_model(paths[0]):
            return _keras_importer()
        return _saved_model_importer()
    for path in paths:
        _check_path(path)
    kinds = [is_keras(path) for path in paths]
    if not any(kinds):
        from edgeae.importing.bare.run import import_bare

        return import_bare
    if not all(kinds):
        keras, other = sorted(paths, key=is_keras, reverse=True)
        raise BadInput(f"{other}: allowed beside a Keras file, {keras}, is another Keras file")
    return _keras_importer()


def _saved_model_importer() -> Importer:
    from edgeae.importing.saved_model.run import import_saved_model

    return import_saved_model


def _keras_importer() -> Importer:
    from edgeae.importing.keras.run import import_keras

    return import_keras


def _check_path(path: Path) -> None:
    if path.is_dir():
        raise BadInput(f"{path}: a folder without {_SAVED_MODEL}; allowed is {_ALLOWED}")
    if not path.exists():
        raise BadInput(f"{path}: no such file")
    if not path.is_file():
        raise BadInput(f"{path}: not a regular file; allowed is {_ALLOWED}")
    if is_torch(path):
        raise BadInput(f"{path}: {ADVICE}")
    if not is_keras(path):
        try:
            file_format(path)
        except BadInput:
            raise BadInput(f"{path}: not a model, by its content; allowed is {_ALLOWED}") from None


def _check_name(request: Request) -> None:
    try:
        family = read_json(request.folder / TRAIN)["family"]
    except (OSError, BadInput, TypeError, KeyError):
        return  # missing or damaged: there is no model to lose
    if family != IMPORTED:
        raise BadInput(
            f"{request.folder}: holds a model that edgeae trained ({family}); --name chooses "
            "another, --force replaces it"
        )


def _current(request: Request) -> Imported | None:
    """Return the import in the folder if it is up to date with this request, or None."""
    try:
        training = open_model(request.folder)
        configuration = training.configuration
        if any(configuration.get(key) != value for key, value in request.asked().items()):
            return None
        choice = typed.value(Choice | None, configuration.get("choice"), "configuration.choice")
        if datasets.asked_of(training) != request.reading:
            return None
        dataset = request.dataset()
    except EdgeaeError:
        return None  # damaged or half replaced: a new import reports what is wrong
    if dataset.sha256 != training.dataset["sha256"]:
        return None
    # an import may have taken the map of the rows from the model's own layers
    mean_loss = dataset.normalized(datasets.normalization_of(training)).mean_loss
    worse = is_worse(training.losses.get("test", 0.0), mean_loss)
    if worse and not (request.allow_worse_than_mean and training.worse_than_mean):
        return None  # the import must fail, or record the fact, which older versions did not
    if training.as_is_sha256 is not None and not _is_whole(request.folder / AS_IS, training):
        return None
    if training.form == AS_IS and not request.as_is and _can_have_original(training):
        return None
    return Imported(training, choice)


def _is_whole(link: Path, training: Training) -> bool:
    """Return whether the `as-is` bundle exists, is undamaged and belongs to this model."""
    try:
        with holding(link) as bundle:
            bundle.check()
    except EdgeaeError:
        return False
    return bundle.manifest.weights_sha256 == training.as_is_sha256


def _can_have_original(training: Training) -> bool:
    """Return whether TensorFlow was missing when the model was imported, and no longer is."""
    from edgeae.importing.bare.original import missing

    return training.configuration.get("without_original") is None and not missing()


#: The error for PyTorch files.
ADVICE = (
    "a PyTorch file, by its content: pickled objects, which can run code; "
    "torch.onnx.export(model, example, 'model.onnx') makes a file that can be imported"
)
_ZIP = b"PK\x03\x04"
#: A pickle of protocol 2, which begins with PyTorch's long magic number.
_LEGACY = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
_PICKLE = "/data.pkl"


def is_torch(path: Path) -> bool:
    """Return whether `torch.save` or `torch.jit.save` wrote a file; nothing is unpickled."""
    with files.open_regular(path) as stream:
        start = stream.read(len(_LEGACY))
        if not start.startswith(_ZIP):
            return start == _LEGACY
        try:
            with zipfile.ZipFile(stream) as archive:
                return any(name.endswith(_PICKLE) for name in archive.namelist())
        except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError):
            return False  # no archive or a damaged one, which the Keras reader reports
