"""The rows that set a threshold, and the rows that test it."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeae import data as datasets
from edgeae.artifacts.bundle import Bundle
from edgeae.data import Dataset
from edgeae.detect.result import Rows, Score
from edgeae.errors import BadInput, EdgeaeError
from edgeae.reading import typed
from edgeae.verify.images import dataset_of

#: Ends the error about a dataset that is not the bundle's.
_HINT = "name the normal rows with --data"
#: Files whose columns have names, so that `--label` names one; other files have labels beside rows.
_TABLES = (".csv", ".parquet")
#: The most labels that an error lists.
_SHOWN = 6
#: Bytes of a row's hash: two of 10⁹ rows are alike by chance with a probability of 1e-21.
_HASH_BYTES = 16


@dataclass(frozen=True)
class Asked:
    """What a user asks for.

    Attributes:
        data: dataset of the normal rows; None for the model's own dataset.
        test: dataset of the test rows; None for those of the dataset of the normal rows.
        label: name of the labels; None if all rows are normal.
        normal: the label of normal rows; None for the number 0.
        score: see `Detection`.
        false_alarms: the largest expected false-alarm rate, above 0 and below 1.

    Raises:
        BadInput: a value is not allowed.
    """

    data: str | None = None
    test: str | None = None
    label: str | None = None
    normal: str | None = None
    score: Score = "mse"
    false_alarms: float = 0.01

    def __post_init__(self) -> None:
        typed.value(Score, self.score, "--score")
        if not 0 < self.false_alarms < 1:
            raise BadInput(f"--false-alarms {self.false_alarms:g}: allowed is above 0 and below 1")
        if self.normal is not None and self.label is None:
            raise BadInput(f"--normal {self.normal}: allowed only with --label")

    @property
    def normal_label(self) -> str:
        """The label of normal rows, as text."""
        return "0" if self.normal is None else self.normal


@dataclass(frozen=True, eq=False)
class Chosen:
    """The rows of a detection.

    Attributes:
        threshold: (n, …) real values of normal rows, float32.
        test: (m, …) real values, float32; m is 0 without a test.
        is_normal: (m,) whether a test row is normal.
        threshold_rows, test_rows: descriptions of both.
        warnings: one line each.
    """

    threshold: NDArray[np.float32]
    test: NDArray[np.float32]
    is_normal: NDArray[np.bool_]
    threshold_rows: Rows
    test_rows: Rows | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Part:
    """Some rows of a dataset, (n, …), with their labels, (n,), or None."""

    dataset: Dataset
    about: str
    rows: NDArray[np.float32]
    labels: NDArray[Any] | None

    def only(self, kept: NDArray[np.bool_], about: str) -> "_Part":
        labels = None if self.labels is None else self.labels[kept]
        return _Part(self.dataset, about, self.rows[kept], labels)


def choose(bundle: Bundle, asked: Asked, say: Callable[[str], None]) -> Chosen:
    """Return the rows of the threshold and of the test.

    The model's own dataset, also if the user names it, gives its validation rows to the threshold
    and its test rows to the test; one without training rows, of an imported model, gives a slice of
    the rows that calibrated the export to the threshold. Of another file, all rows are taken, or
    its test rows if it has training rows as well.
    Windows of a recording never overlap, whatever the model's own step is.

    Args:
        bundle: the bundle to judge.
        asked: what the user asks for.
        say: receives a message about each dataset.

    Raises:
        BadInput: a dataset cannot be loaded, its rows have another shape than the model's, or its
            labels do not tell which rows are normal.
    """
    own = _own(bundle, asked, say)
    if own is not None:
        calm, test = _part(own, "validation", _shape(bundle)), _part(own, "test", _shape(bundle))
    else:
        calm, test = _loaded(bundle, str(asked.data), asked, say, labelled=False), None
    if asked.test is not None:
        test = _loaded(bundle, asked.test, asked, say, labelled=True)
    # the labels of a built-in dataset are its classes, which no other file's labels are
    classes = calm.dataset.name in datasets.BUILT_IN and asked.test is not None
    if asked.label is not None and calm.labels is not None and not classes:
        calm = _normal_only(calm, asked)
    is_normal = _is_normal(test, asked)
    return Chosen(
        calm.rows,
        np.empty((0, *_shape(bundle)), np.float32) if test is None else test.rows,
        is_normal,
        _described(calm, np.ones(len(calm.rows), np.bool_)),
        None if test is None else _described(test, is_normal),
        _warnings(bundle, asked, calm, test, own),
    )


def _own(bundle: Bundle, asked: Asked, say: Callable[[str], None]) -> Dataset | None:
    """Return the dataset of the bundle, with the asked labels if its columns have names.

    None if the user names another dataset.
    """
    named = asked.label if _has_names(bundle.manifest.dataset) else None
    if asked.data is None:
        return dataset_of(bundle, None, say, hint=_HINT, label=named)
    try:
        found = dataset_of(bundle, asked.data, lambda line: None, label=named)
    except BadInput:
        return None  # another file; if it cannot be read at all, its own reading reports that
    say(f"dataset: {found.name} ({found.origin}), the model's own")
    return found


def _has_names(dataset: Mapping[str, Any]) -> bool:
    return bool(dataset.get("columns"))


def _loaded(
    bundle: Bundle, name: str, asked: Asked, say: Callable[[str], None], *, labelled: bool
) -> _Part:
    """Return the rows of a dataset that the user names.

    Args:
        bundle: the bundle, whose record says how a file's rows become the model's rows.
        name: path or name of the dataset.
        asked: its label.
        say: receives a message about the dataset.
        labelled: whether a table must have the column of the label; if not, all its rows are
            normal without it.
    """
    normalization = datasets.normalization_of(bundle.manifest)
    if not datasets.is_path(name):
        found = datasets.load(name, say=say, normalization=normalization)
        return _part(found, "test", _shape(bundle))
    reading = datasets.reading_of(bundle.manifest)
    label = asked.label if Path(name).suffix.lower() in _TABLES else None
    # windows that overlap are not independent, and the threshold's interval takes them for it
    reading = replace(reading, step=0, label=label, label_optional=not labelled)
    found = datasets.load_all(name, reading=reading, normalization=normalization)
    say(f"dataset: {found.name} ({found.origin})")
    part = _part(found, "test", _shape(bundle))
    return replace(part, about=f"rows of {found.name}{_disjoint(found)}")


def _shape(bundle: Bundle) -> tuple[int, ...]:
    return bundle.artifact(bundle.parts[0], bundle.format).input.values


def _part(source: Dataset, part: str, shape: tuple[int, ...]) -> _Part:
    """Return the `validation` or `test` rows; of windows, only such as do not overlap."""
    labels: NDArray[Any] | None = getattr(source, f"{part}_labels")
    every = -(-source.reading.window // source.reading.stride) if source.reading.window else 1
    return _Part(
        source,
        f"{part} rows of {source.name}{_disjoint(source)}",
        source.images(part, shape)[::every],
        None if labels is None else labels[::every],
    )


def _disjoint(source: Dataset) -> str:
    return f", disjoint windows of {source.reading.window}" if source.reading.window else ""


def _normal_only(part: _Part, asked: Asked) -> _Part:
    """Return only the rows that are labelled normal."""
    assert part.labels is not None
    kept = _normal(part.labels, asked, part.dataset.origin)
    return part.only(kept, f"normal {part.about}")


def _is_normal(test: _Part | None, asked: Asked) -> NDArray[np.bool_]:
    if asked.label is None:
        return np.ones(0 if test is None else len(test.rows), np.bool_)
    if test is None:
        raise BadInput(f"--label {asked.label}: there are no test rows; name them with --test")
    if test.labels is None:
        raise BadInput(
            f"{test.dataset.origin}: --label {asked.label}: no labels beside the rows; allowed are "
            "a column of a CSV with a header or of a Parquet file, and y of an .npz"
        )
    found = _normal(test.labels, asked, test.dataset.origin)
    if found.all():
        raise BadInput(
            f"{test.dataset.origin}: all {len(found):,} test rows are normal by "
            f"{asked.label!r}; without --label, only false alarms are judged"
        )
    return found


def _normal(labels: NDArray[Any], asked: Asked, origin: str) -> NDArray[np.bool_]:
    """Return which labels, (n,), are normal.

    Raises:
        BadInput: no label is the normal one, or it is not known which one is.
    """
    numbers = labels.dtype.kind in "iufb"
    place, listed = f"{origin}: labels {asked.label!r}", _listed(labels)
    if asked.normal is None and not numbers:
        raise BadInput(f"{place} are no numbers; name the normal one with --normal ({listed})")
    found = _equal(labels, asked.normal_label)
    if not found.any():
        none = f"{place}: none is {asked.normal_label}"
        raise BadInput(f"{none}; name the normal one with --normal ({listed})")
    return found


def _equal(labels: NDArray[Any], wanted: str) -> NDArray[np.bool_]:
    if labels.dtype.kind not in "iufb":
        return np.asarray(labels.astype(str) == wanted)
    try:
        return np.asarray(labels.astype(np.float64) == float(wanted))
    except ValueError:
        return np.zeros(len(labels), np.bool_)


def _listed(labels: NDArray[Any]) -> str:
    values = [str(value) for value in np.unique(labels)]
    more = ", …" if len(values) > _SHOWN else ""
    return f"there are: {', '.join(values[:_SHOWN])}{more}"


def _described(part: _Part, is_normal: NDArray[np.bool_]) -> Rows:
    sha256 = hashlib.sha256(np.ascontiguousarray(part.rows).data).hexdigest()
    normal = int(is_normal.sum())
    return Rows(part.dataset.name, part.about, sha256, normal, len(part.rows) - normal)


def _warnings(
    bundle: Bundle, asked: Asked, calm: _Part, test: _Part | None, own: Dataset | None
) -> tuple[str, ...]:
    lines = []
    known = _hashes(calm.rows)
    n = f"{len(calm.rows):,} threshold rows"
    if test is not None and (shared := _shared(test.rows, known)):
        lines.append(
            f"{shared:,} test rows are among the {n}: their false alarms are no fresh measurement"
        )
    try:
        source = own or dataset_of(bundle, None, lambda line: None)
    except EdgeaeError:
        lines.append("the training rows are not here: nobody checked that the threshold's are not")
        return tuple(lines)
    if not source.trainable:  # edgeae trained nothing with these rows
        return tuple(lines)
    if shared := _shared(calm.rows, _hashes(source.images("train", _shape(bundle)))):
        lines.append(
            f"{shared:,} of {n} are rows that trained the model: fresh rows have larger errors and "
            "more false alarms"
        )
    return (*lines, *_trained_on_anomalies(source, asked))


def _trained_on_anomalies(source: Dataset, asked: Asked) -> list[str]:
    """Return a warning if the labels call training rows anomalous."""
    labels = source.train_labels
    classes = source.name in datasets.BUILT_IN
    if asked.label is None or labels is None or classes:
        return []
    anomalous = int(np.count_nonzero(~_equal(labels, asked.normal_label)))
    told = f"{anomalous:,} of {len(labels):,} training rows are anomalous by {asked.label!r}"
    return [f"{told}: the model learned to reconstruct them"] if anomalous else []


def _hashes(rows: NDArray[np.float32]) -> set[bytes]:
    return set(_each_hash(rows))


def _each_hash(rows: NDArray[np.float32]) -> Iterable[bytes]:
    for row in rows:
        yield hashlib.blake2b(row.tobytes(), digest_size=_HASH_BYTES).digest()


def _shared(rows: NDArray[np.float32], known: set[bytes]) -> int:
    return sum(key in known for key in _each_hash(rows))
