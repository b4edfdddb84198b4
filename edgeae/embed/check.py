"""Checks an embedded folder: its bytes first, then its own example, then its model."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgeae.artifacts.bundle import open_bundle
from edgeae.embed.carried import BUNDLE
from edgeae.embed.folder import OWN, read_record, regenerate
from edgeae.embed.form import Proof
from edgeae.embed.record import Record
from edgeae.embed.table import entry
from edgeae.errors import (
    BadInput,
    EdgeaeError,
    NotMeasured,
    OutOfTolerance,
    RuntimeUnavailable,
    exit_code,
    system_error,
)
from edgeae.runtimes import Line
from edgeae.system.scratch import scratch
from edgeae.verify.run import Findings, verify


@dataclass(frozen=True)
class EmbeddedFindings:
    """All findings about one embedded folder, whose bytes are those that its model gives.

    Attributes:
        folder: the folder.
        form: name of the form.
        title: the model, such as `deep/int8`.
        proof: what the folder's own example said.
        model: findings about the bundle that the folder carries, from its golden vectors; None if
            it was made from a bare file.
    """

    folder: Path
    form: str
    title: str
    proof: Proof
    model: Findings | None

    @property
    def code(self) -> int:
        """The exit code."""
        codes = list(self.model.codes) if self.model else []
        verdicts = {"fail": OutOfTolerance.code, "unavailable": NotMeasured.code}
        return exit_code([*codes, verdicts.get(self.proof.verdict, 0)])

    @property
    def breaches(self) -> list[str]:
        """One line per failure."""
        own = self.proof.reasons if self.proof.verdict == "fail" else ()
        lines = [f"{self.folder} as {self.form}: {reason}" for reason in own]
        return lines + (self.model.breaches if self.model else [])

    def to_json(self) -> dict[str, Any]:
        """Return the findings as JSON types."""
        return {
            "folder": str(self.folder),
            "form": self.form,
            "model": self.title,
            "proof": asdict(self.proof),
            "runtimes": None if self.model is None else self.model.to_json(),
        }


def check(
    folder: Path,
    runtimes: list[str] | None,
    say: Callable[[str], None],
    line: Line | None = None,
) -> EmbeddedFindings:
    """Check a folder that `edgeae embed` wrote.

    Its files are generated again and compared byte for byte. Only if they are equal, a copy is
    built and its example is run, and the model that it carries is verified against its golden
    vectors in the runtimes of this machine.

    Args:
        folder: the folder.
        runtimes: names of the runtimes to use; None for all.
        say: receives one line per step.
        line: where the board is, for a runtime that is one.

    Raises:
        BadInput: the record is damaged, a runtime does not exist, or a board is to be verified with
            a folder that was made from a bare file.
        ManifestMismatch: a file is missing or differs, or a board runs another model.
        NotMeasured: another version of edgeae wrote the folder.
        RuntimeCrashed: a board does not answer.
    """
    say(f"verify {folder}: comparing with what its model gives")
    written, recorded = regenerate(folder), read_record(folder)
    if line is not None and recorded.source != BUNDLE:
        raise BadInput(
            f"{folder}: made from the file {recorded.source}, which a board cannot be verified "
            "with; edgeae bench takes the file itself with --port"
        )
    say(f"verify {folder}: building and running its example")
    proof = _proof(folder, recorded.form, written.record, tuple(written.files))
    model = None
    if recorded.source == BUNDLE:
        model = verify(open_bundle(folder / OWN / BUNDLE), None, runtimes, say, line=line)
    return EmbeddedFindings(folder, recorded.form, written.record.title, proof, model)


def check_all(
    folders: Sequence[Path],
    runtimes: list[str] | None,
    say: Callable[[str], None],
    line: Line | None = None,
) -> Iterator[EmbeddedFindings | EdgeaeError]:
    """Check several folders; an error in one does not stop the others. See `check`."""
    for folder in folders:
        try:
            yield check(folder, runtimes, say, line)
        except EdgeaeError as error:
            yield error
        except OSError as error:
            yield system_error(error)


def _proof(folder: Path, form: str, record: Record, files: tuple[str, ...]) -> Proof:
    with scratch() as place:
        copy = place / form
        for path in files:
            (copy / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / path, copy / path)
        try:
            return entry(form).load().prove(copy, record)
        except RuntimeUnavailable as error:
            return Proof("", "unavailable", (str(error),))


def render(item: EmbeddedFindings) -> str:
    """Return a line about a folder's bytes and its example."""
    proof = item.proof
    tools = f" ({proof.tools})" if proof.tools else ""
    reason = f": {proof.reasons[0]}" if proof.reasons else ""
    note = f"; {proof.note}" if proof.note else ""
    return (
        f"{item.folder}: as {item.form}, the bytes that {item.title} gives; "
        f"its example{tools}: {proof.verdict}{reason}{note}"
    )
