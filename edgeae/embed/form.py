"""What every form of embedding takes and returns."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edgeae.codegen.footprint import Footprint
from edgeae.embed.record import Record


@dataclass(frozen=True)
class Options:
    """What the C of a form is generated for.

    Attributes:
        target: a key of `edgeae.codegen.targets.TARGETS`.
        optimize: `size` or `speed`.
    """

    target: str = "portable"
    optimize: str = "speed"


@dataclass(frozen=True)
class Form:
    """The files of a form, and what they take of a device.

    Attributes:
        files: path below the folder, with slashes → text or bytes.
        footprints: what each part takes; empty for forms without C.
        compiler: the compiler with its version, if the files hold what it made: another version
            gives other bytes.
    """

    files: Mapping[str, str | bytes]
    footprints: tuple[Footprint, ...] = ()
    compiler: str = ""


@dataclass(frozen=True)
class Proof:
    """What the example of an embedded folder said when it was built and run.

    Attributes:
        tools: the tools with their versions, such as `gcc 12.2, make`.
        verdict: `pass`, `fail`, or `unavailable` if a tool is missing.
        reasons: why it did not pass.
        note: what was not run for real, such as `against stand-in headers`; empty if all was.
    """

    tools: str
    verdict: str
    reasons: tuple[str, ...] = ()
    note: str = ""


class FormModule(Protocol):
    """The functions of a form's module."""

    def form(self, record: Record, options: Options) -> Form:
        """Return the files; the same arguments give the same bytes.

        Raises:
            BadInput: the model, its name or an option is not possible in this form.
        """

    def prove(self, folder: Path, record: Record) -> Proof:
        """Build the files in `folder`, a copy that may be written to, and run their example.

        Raises:
            RuntimeUnavailable: a tool is missing; the message has the command that installs it.
        """
