"""What a form of embedding writes for a model."""

from collections.abc import Mapping
from dataclasses import dataclass

from edgeae.codegen.footprint import Footprint


@dataclass(frozen=True)
class Form:
    """The files of a form, and what they take of a device.

    Attributes:
        files: file name → text.
        footprints: what each part takes.
    """

    files: Mapping[str, str]
    footprints: tuple[Footprint, ...]
