"""A bundle's `detect.json` as dataclasses.

History of the schema:
1   the first.
"""

import itertools
import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

from edgeae.artifacts.beside import damaged, read_beside
from edgeae.artifacts.bundle import Bundle
from edgeae.errors import BadInput, NotMeasured, OutOfTolerance, RuntimeCrashed
from edgeae.metrics.detection import Estimate, Rank
from edgeae.reading import typed

#: File beside the manifest that holds the result.
DETECT = "detect.json"
SCHEMA = 1

Score = Literal["mse", "standardized"]


@dataclass(frozen=True)
class Rows:
    """The rows of a threshold or of a test.

    Attributes:
        dataset: name of the dataset.
        about: which of its rows they are.
        sha256: hash of the rows' real values, float32, in their order.
        normal, anomalous: numbers of rows.
    """

    dataset: str
    about: str
    sha256: str
    normal: int
    anomalous: int

    @property
    def n(self) -> int:
        """The number of rows."""
        return self.normal + self.anomalous


@dataclass(frozen=True)
class Share:
    """A share of rows.

    Attributes:
        count, n: the rows that count, and all rows.
        value: count ÷ n.
        low, high: exact 95 % confidence interval (Clopper and Pearson).
    """

    count: int
    n: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Flips:
    """How many rows are on the other side of the threshold than with the original.

    Attributes:
        to_alarm: rows that are alarms only of the export.
        to_quiet: rows that are alarms only of the original.
        n: rows that were compared.
    """

    to_alarm: int
    to_quiet: int
    n: int

    @property
    def share(self) -> float:
        """The share of rows that change sides, in both directions together."""
        return (self.to_alarm + self.to_quiet) / self.n


@dataclass(frozen=True)
class Histogram:
    """How many rows have a score in each of several intervals.

    Attributes:
        edges: the intervals' ends, ascending, above 0; a score below the first end counts for the
            first interval, and one above the last end for the last interval.
        normal, anomalous: number of rows in each interval.
    """

    edges: tuple[float, ...]
    normal: tuple[int, ...]
    anomalous: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.edges) < 2 or self.edges[0] <= 0:
            raise BadInput("edges: allowed are two or more numbers above 0")
        if any(right <= left for left, right in itertools.pairwise(self.edges)):
            raise BadInput("edges: allowed are ascending numbers")
        for key in ("normal", "anomalous"):
            counts = getattr(self, key)
            if len(counts) != len(self.edges) - 1 or min(counts, default=0) < 0:
                raise BadInput(f"{key}: allowed is a count of 0 or more for each interval")


@dataclass(frozen=True)
class Side:
    """The original, or the export in one runtime, as a detector.

    Attributes:
        name: `original`, or the file or files, such as `autoencoder.tflite`.
        part, format, flavour: the artifact; empty for the original.
        runtime, runtime_version, device: the runtime.
        verdict: `measured`; `unavailable`, if the runtime or the original is absent; `crashed`; or
            `fail`, if a score is not a number.
        reason: why there are no figures; empty if there are.
        threshold: rows with a larger score are alarms; in squared units of the data for `mse`.
        score_threshold: the same for the function `NAME_score` of the generated C, which sums
            squared errors, of integers in steps; None if the score is `standardized`, or the
            export's input and output have different element types.
        score_flips: rows that this function, with its threshold, calls otherwise than the figures
            of this side: `to_alarm` are alarms only of the function. Integers are rounded, and
            values beyond the range of the output are cut off.
        deviations: by which the errors of each column are divided if the score is `standardized`;
            else empty.
        false_alarms: alarms among the normal test rows; None without a test. Its interval is that
            of the true false-alarm rate, from the test rows alone.
        auc: area under the ROC curve, and its 95 % interval; None without anomalous rows.
        auc_drop: AUC of the original minus this one; None for the original.
        recall: alarms among the anomalous rows; None without anomalous rows.
        precision: anomalous rows among the alarms; None without anomalous rows or alarms.
        flips: test rows that change sides, each side with its own threshold; rows of the threshold
            if there is no test. None for the original.
        flips_at_original: the same if the export has the original's threshold.
        histogram: the scores of the test rows, or of the threshold's rows if there is no test.
        roc: points (false-alarm rate, recall); empty without anomalous rows.
    """

    name: str
    part: str
    format: str
    flavour: str
    runtime: str
    runtime_version: str = ""
    device: str = ""
    verdict: Literal["measured", "unavailable", "crashed", "fail"] = "measured"
    reason: str = ""
    threshold: float | None = None
    score_threshold: float | None = None
    score_flips: Flips | None = None
    deviations: tuple[float, ...] = ()
    false_alarms: Share | None = None
    auc: Estimate | None = None
    auc_drop: Estimate | None = None
    recall: Share | None = None
    precision: Share | None = None
    flips: Flips | None = None
    flips_at_original: Flips | None = None
    histogram: Histogram | None = None
    roc: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        if not all(0 <= value <= 1 for point in self.roc for value in point):
            raise BadInput("roc: allowed are pairs of numbers from 0 to 1")
        for key in ("flips", "flips_at_original", "score_flips"):
            found: Flips | None = getattr(self, key)
            if found is not None and found.n < 1:
                raise BadInput(f"{key}.n = {found.n}: allowed are whole numbers from 1")


@dataclass(frozen=True)
class Detection:
    """The content of `detect.json`.

    Attributes:
        schema: version of this layout.
        model, recipe: of the bundle.
        manifest_sha256: hash of `manifest.json` as it was judged: figures about other bytes are
            ignored.
        score: `mse`, the squared error averaged over a row's values, or `standardized`, each
            value's error divided by its column's deviation on the normal rows first.
        false_alarms: the false-alarm rate that was asked for.
        rank: which score of the normal rows is the threshold, and the rate that this gives.
        predicted: of the normal test rows, between so many are alarms with 95 % probability; null
            without a test.
        threshold_rows: the normal rows that set the threshold.
        test_rows: the rows that were judged; null without a test.
        data, test: the datasets that the user named; null for the model's own.
        label, normal: name of the labels, and the label of normal rows; null without labels.
        runtimes: runtimes that `--runtime` named; null for all.
        original: the float original. If it is not on this machine, the model's float32 bundle takes
            its place.
        sides: the export in each runtime.
        warnings: what a reader should know before believing the figures, one line each.
    """

    schema: int
    model: str
    recipe: str
    manifest_sha256: str
    score: Score
    false_alarms: float
    rank: Rank
    predicted: tuple[int, int] | None
    threshold_rows: Rows
    test_rows: Rows | None
    data: str | None
    test: str | None
    label: str | None
    normal: str | None
    runtimes: tuple[str, ...] | None
    original: Side
    sides: tuple[Side, ...]
    warnings: tuple[str, ...]

    def __post_init__(self) -> None:
        for side in (self.original, *self.sides):
            bare = side.threshold is None or side.histogram is None
            if bare and side.verdict == "measured":
                raise BadInput(f"{side.name}: threshold or histogram is null, but it is measured")

    @property
    def name(self) -> str:
        """`model/recipe`, the bundle's name for users."""
        return f"{self.model}/{self.recipe}"

    @property
    def codes(self) -> list[int]:
        """Exit codes of what failed or was not measured; empty if there are figures.

        A runtime that is absent is a row, unless the user named it, or none was measured.
        """
        kinds = {side.verdict for side in (self.original, *self.sides)}
        codes = [OutOfTolerance.code] if "fail" in kinds else []
        codes += [RuntimeCrashed.code] if "crashed" in kinds else []
        sides = {side.verdict for side in self.sides}
        if "measured" not in sides or (self.runtimes and "unavailable" in sides):
            codes.append(NotMeasured.code)
        return codes

    def side(self, part: str, format: str, runtime: str) -> Side | None:
        """Return the side of an artifact in a runtime; None if it was not judged."""
        key = (part, format, runtime)
        found = (item for item in self.sides if (item.part, item.format, item.runtime) == key)
        return next(found, None)

    def to_json(self) -> dict[str, Any]:
        """Return the file's content as JSON types."""
        table: dict[str, Any] = json.loads(json.dumps(asdict(self), allow_nan=False))
        return table


def read_detection(bundle: Bundle) -> Detection | None:
    """Return the content of a bundle's `detect.json`; None if it is missing or about other bytes.

    Raises:
        BadInput: the file is damaged.
    """
    table = read_beside(bundle, DETECT, SCHEMA)
    if table is None:
        return None
    try:
        return typed.build(Detection, table)
    except BadInput as error:
        raise damaged(bundle, DETECT, error) from None
