"""How the rows of a file become a model's rows: columns, label, split, windows, standardization."""

import csv
import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from edgeae.errors import BadInput
from edgeae.reading import typed

#: The largest seed of NumPy's generators that fits 32 bits.
_LARGEST_SEED = 2**32 - 1
_PARTS = "train:validation:test"


@dataclass(frozen=True)
class Reading:
    """How the rows of a file become a model's rows. The default takes a file as it is.

    Attributes:
        columns: names of the columns to use, in this order; empty for all columns in the order of
            the file. Only files with named columns (CSV with a header, Parquet) have these.
        drop: names of columns to leave out.
        label: name of the column with the labels, which judge a model and never train it; None for
            none.
        standardize: whether each column gets the mean 0 and the standard deviation 1 of the
            training rows: real = (stored − mean) / deviation. For windows a column is a channel.
        split: percent of the rows for training, validation and test; they add to 100. None leaves a
            file of rows as representative rows, which no training uses.
        seed: seed of the order in which rows are split; windows do not use it.
        window: samples of a window that is cut from a recording; 0 if each line is a row.
        step: samples between the starts of two windows; 0 for as many as a window has.
        label_optional: whether a file may lack the column of the label; it then has no labels.

    Raises:
        BadInput: a value is not allowed, or two values contradict each other.
    """

    columns: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    label: str | None = None
    standardize: bool = False
    split: tuple[int, int, int] | None = None
    seed: int = 0
    window: int = 0
    step: int = 0
    label_optional: bool = False

    def __post_init__(self) -> None:
        self._check_names()
        if self.split is not None and (min(self.split) < 1 or sum(self.split) != 100):
            shares = ":".join(map(str, self.split))
            raise BadInput(
                f"--split {shares}: adds to {sum(self.split)}; allowed are {_PARTS}, three whole "
                "numbers from 1 that add to 100, as 70:10:20"
            )
        if not 0 <= self.seed <= _LARGEST_SEED:
            raise BadInput(f"--split-seed {self.seed}: allowed is 0 to {_LARGEST_SEED:,}")
        for key in ("window", "step"):
            if getattr(self, key) < 0:
                raise BadInput(f"--{key} {getattr(self, key)}: allowed are whole numbers from 1")
        if self.step and not self.window:
            raise BadInput(f"--step {self.step}: only with --window, the samples of a window")

    def _check_names(self) -> None:
        for key in ("columns", "drop"):
            names = getattr(self, key)
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice is not None:
                raise BadInput(f"--{key} {','.join(names)}: {twice} is named twice")
        both = [name for name in self.columns if name in (*self.drop, self.label)]
        if both:
            other = "--label" if both[0] == self.label else "--drop"
            raise BadInput(f"--columns {','.join(self.columns)}: {both[0]} is in {other}, too")
        if self.label in self.drop:
            raise BadInput(f"--label {self.label}: is in --drop, too")

    @property
    def stride(self) -> int:
        """The samples between the starts of two windows."""
        return self.step or self.window

    @property
    def named(self) -> str:
        """The first option that names a column, for errors; empty if none does."""
        if self.columns:
            return f"--columns {','.join(self.columns)}"
        if self.drop:
            return f"--drop {','.join(self.drop)}"
        return "" if self.label is None else f"--label {self.label}"

    @property
    def first(self) -> str:
        """The first option that differs from the default, for errors; empty if none does."""
        others = {
            "--standardize": self.standardize,
            f"--split {':'.join(map(str, self.split or ()))}": self.split is not None,
            f"--split-seed {self.seed}": self.seed != 0,
            f"--window {self.window}": self.window != 0,
        }
        return self.named or next((option for option, given in others.items() if given), "")

    def having(self, columns: tuple[str, ...]) -> "Reading":
        """Return the reading that takes these columns by their names."""
        return replace(self, columns=columns, drop=()) if columns else self

    def labelled(self, label: str | None) -> "Reading":
        """Return the reading with another label; None for none."""
        return replace(self, label=label)

    def to_json(self) -> dict[str, Any]:
        """Return the values that differ from the default, as JSON types."""
        default = Reading()
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in asdict(self).items()
            if value != getattr(default, key)
        }

    @classmethod
    def of(cls, table: Mapping[str, Any] | None, key: str = "reading") -> "Reading":
        """Return the reading that `to_json` wrote; None gives the default.

        Raises:
            BadInput: a key or a value is not allowed; `key` is the table's path, for the error.
        """
        return typed.build(cls, {} if table is None else dict(table), key)

    def words(self) -> list[str]:
        """Return the options of the command line that give this reading."""
        options = {
            "--columns": written_names(self.columns),
            "--drop": written_names(self.drop),
            "--label": self.label,
            "--split": ":".join(map(str, self.split or ())),
            "--split-seed": self.seed,
            "--window": self.window,
            "--step": self.step,
        }
        said = [word for key, value in options.items() if value for word in (key, str(value))]
        return [*said, *(["--standardize"] if self.standardize else [])]


def names_in(option: str, text: str | None) -> tuple[str, ...]:
    """Return the names in an option's value, separated by commas; a name with a comma is quoted.

    Raises:
        BadInput: the value has an open quote, or a name is empty.
    """
    if text is None:
        return ()
    try:
        rows = list(csv.reader([text], strict=True))
    except csv.Error:
        rows = []
    names = tuple(name.strip() for row in rows for name in row)
    if len(rows) != 1 or not all(names) or not names:
        raise BadInput(f"{option} {text!r}: allowed are names of columns separated by commas")
    return names


def written_names(names: tuple[str, ...]) -> str:
    """Return names as the value of an option; see `names_in`."""
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(names)
    return text.getvalue()


#: The reading that takes a file as it is.
AS_STORED = Reading()
