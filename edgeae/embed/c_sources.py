"""The C of a record's parts, which most forms contain."""

from dataclasses import dataclass

from edgeae import __version__
from edgeae.codegen import source, targets
from edgeae.codegen.footprint import Footprint, measured
from edgeae.codegen.part import Part, size
from edgeae.codegen.program import program
from edgeae.embed.form import Options
from edgeae.embed.record import Record, RecordPart
from edgeae.formats.tflite.graph import Tensor

#: Part → the part that its code contract is with.
_PARTNERS = {"encoder": "decoder", "decoder": "encoder"}


@dataclass(frozen=True)
class CSources:
    """Generated C.

    Attributes:
        texts: file name → text: a header, a source and golden vectors a part, and shared constants.
        parts: the parts, in the order of the data flow.
        options: what they were generated for.
    """

    texts: dict[str, str]
    parts: tuple[Part, ...]
    options: Options

    @property
    def units(self) -> list[str]:
        """Names of the files to compile."""
        return [name for name in self.texts if name.endswith(".c")]

    @property
    def self_tests(self) -> list[str]:
        """The macros under which the parts have their self-tests."""
        return [f"{part.upper}_SELF_TEST" for part in self.parts]

    def footprints(self) -> tuple[Footprint, ...]:
        """Compile each part for the target, if its compiler is here; return what it takes."""
        options = self.options
        return tuple(
            measured(part.name, part.program, options.target, options.optimize)
            for part in self.parts
        )


def c_sources(record: Record, options: Options, what: str = "C99") -> CSources:
    """Generate the C of a record.

    Args:
        record: the model.
        options: target and kind of optimization.
        what: what the files are, for their heads.

    Raises:
        BadInput: an operator is not supported, or the name is none of C.
    """
    parts = tuple(_part(record, item, options) for item in record.parts)
    head = [
        f"{record.title} in {what}, written by edgeae {__version__}",
        *record.head,
        f"target {options.target}, optimized for {options.optimize}",
    ]
    return CSources(source.files(record.name, parts, head), parts, options)


def _part(record: Record, item: RecordPart, options: Options) -> Part:
    layout = targets.TARGETS[options.target].layout
    partner = _PARTNERS.get(item.part)
    return Part(
        record.part_name(item),
        program(item.graph, item.origin, layout, options.optimize),
        item.pixels,
        record.contract if partner else None,
        f"{record.name}_{partner}" if partner else "",
        compared(record, item),
        (item.inputs, item.outputs),
        item.columns_in,
        item.columns_out,
        record.threshold,
    )


def compared(record: Record, item: RecordPart) -> Tensor | None:
    """Return the tensor with which a part's output is compared: the image, for a reconstruction."""
    if item.part == "encoder":
        return None
    encoder = next((part for part in record.parts if part.part != "decoder"), None)
    if encoder is None:
        return None
    graph = encoder.graph
    image = graph.tensors[next(iter(graph.inputs.values()))]
    output = item.graph.tensors[next(iter(item.graph.outputs.values()))]
    return image if size(image) == size(output) else None
