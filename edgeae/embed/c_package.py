"""The form `c`: C99 sources with a self-test, an example, a Makefile and a README."""

from pathlib import Path
from string import Template

from edgeae import __version__
from edgeae.codegen import source, targets
from edgeae.codegen.footprint import measured
from edgeae.codegen.part import Part, c_type, size
from edgeae.codegen.program import program
from edgeae.embed.form import Form
from edgeae.embed.record import Record, RecordPart
from edgeae.formats.tflite.graph import Tensor

_TEMPLATES = Path(__file__).parent / "templates"
#: Part → the part that its code contract is with.
_PARTNERS = {"encoder": "decoder", "decoder": "encoder"}


def form(record: Record, target: str, optimize: str) -> Form:
    """Return the files, and what each part takes of the target.

    Args:
        record: the model.
        target: a key of `edgeae.codegen.targets.TARGETS`.
        optimize: `size` or `speed`.

    Raises:
        BadInput: an operator is not supported, or the name is none of C.
    """
    parts = [_part(record, item, target, optimize) for item in record.parts]
    head = [
        f"{record.title} in C99, written by edgeae {__version__}",
        *record.head,
        f"target {target}, optimized for {optimize}",
    ]
    texts = source.files(record.name, parts, head)
    sources = " ".join(name for name in texts if name.endswith(".c"))
    words = {
        "title": record.title,
        "sources": sources,
        "tests": " ".join(f"-D{part.upper}_SELF_TEST" for part in parts),
        "includes": "\n".join(f'#include "{part.name}.h"' for part in parts),
        "checks": "\n".join(_check(part) for part in parts),
        "call": _call(parts[0]),
    }
    for name in ("main.c", "Makefile", "README.md"):
        texts[name] = Template((_TEMPLATES / name).read_text(encoding="utf-8")).substitute(words)
    taken = (measured(part.name, part.program, target, optimize) for part in parts)
    return Form(texts, tuple(taken))


def _part(record: Record, item: RecordPart, target: str, optimize: str) -> Part:
    layout = targets.TARGETS[target].layout
    name = record.name if item.part == "model" else f"{record.name}_{item.part}"
    partner = _PARTNERS.get(item.part)
    return Part(
        name,
        program(item.graph, item.origin, layout, optimize),
        item.pixels,
        record.contract if partner else None,
        f"{record.name}_{partner}" if partner else "",
        _compared(record, item),
        (item.inputs, item.outputs),
        item.columns_in,
        item.columns_out,
        record.threshold,
    )


def _compared(record: Record, item: RecordPart) -> Tensor | None:
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


def _check(part: Part) -> str:
    kind = c_type(part.program.output)
    return Template(
        """\
  {
    static uint8_t arena[${upper}_ARENA_BYTES];
    static $kind output[${upper}_OUTPUT_SIZE];
    const int32_t wrong = ${name}_self_test(arena, sizeof arena, output);
    printf("$name: %ld wrong values\\n", (long)wrong);
    failed |= wrong != 0;
  }"""
    ).substitute(name=part.name, upper=part.upper, kind=kind)


def _call(part: Part) -> str:
    source_type, target_type = c_type(part.program.input), c_type(part.program.output)
    return (
        f"static uint8_t arena[{part.upper}_ARENA_BYTES];\n"
        f"{source_type} input[{part.upper}_INPUT_SIZE];\n"
        f"{target_type} output[{part.upper}_OUTPUT_SIZE];\n"
        f"{part.name}_run(arena, input, output);"
    )
