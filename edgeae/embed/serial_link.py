"""The C with which a board answers over a serial line; see `edgeae.runtimes.c_serial`.

`edgeae_serial.h` and `edgeae_serial.c` are the protocol, the same for every model;
`NAME_serial.c` is the table of a model's parts. A form adds an example with the board's functions.
"""

import numpy as np

from edgeae.codegen.literals import comment
from edgeae.codegen.memory import arena_bytes
from edgeae.codegen.part import Part, c_type, size
from edgeae.embed.c_sources import CSources
from edgeae.embed.record import Record, RecordPart
from edgeae.embed.templating import filled
from edgeae.formats.tflite.graph import Tensor
from edgeae.runtimes.serial_protocol import HASH_BYTES

#: The protocol's files, in which nothing depends on the model.
_PROTOCOL = ("edgeae_serial.h", "edgeae_serial.c")
#: Platform → its example: the three functions, and a loop that answers.
EXAMPLES = {
    "posix": "posix.c",
    "arduino": "arduino.ino",
    "zephyr": "zephyr.c",
    "esp-idf": "esp_idf.c",
}


def serial_sources(record: Record, made: CSources) -> dict[str, str]:
    """Return file name → text: the protocol, and the table of a record's parts.

    Args:
        record: the model.
        made: its generated C, which has to be in the build and on the path of its headers.
    """
    texts = {name: filled(f"serial/{name}", {}) for name in _PROTOCOL}
    return {**texts, f"{record.name}_serial.c": _table(record, made)}


def serial_example(platform: str) -> str:
    """Return the firmware of a platform in `EXAMPLES`; for `posix`, a program of this machine."""
    return filled(f"serial/{EXAMPLES[platform]}", {})


def _table(record: Record, made: CSources) -> str:
    programs = [part.program for part in made.parts]
    words = {
        "title": record.title,
        "name": record.name,
        "identity": f"{record.identity:#010x}u",
        "count": str(len(programs)),
        "includes": "\n".join(f'#include "{part.name}.h"' for part in made.parts),
        "runs": "\n\n".join(_run(part) for part in made.parts),
        "parts": "\n".join(
            _row(item, part) for item, part in zip(record.parts, made.parts, strict=True)
        ),
        "input_bytes": str(max(_bytes(program.input) for program in programs)),
        "output_bytes": str(max(_bytes(program.output) for program in programs)),
        "arena_bytes": str(max(1, *(arena_bytes(program.plan) for program in programs))),
    }
    return comment(record.head) + filled("serial/model.c", words)


def _run(part: Part) -> str:
    """Return a function that calls a part with pointers of no type, as the table needs it."""
    source, target = c_type(part.program.input), c_type(part.program.output)
    return (
        f"static void run_{part.name}(void *arena, const void *input, void *output) {{\n"
        f"  {part.name}_run(arena, (const {source} *)input, ({target} *)output);\n}}"
    )


def _row(item: RecordPart, part: Part) -> str:
    start = bytes.fromhex(item.sha256)[:HASH_BYTES]
    listed = ", ".join(f"{byte:#04x}" for byte in start)
    sizes = f"{_bytes(part.program.input)}, {_bytes(part.program.output)}"
    return f'    {{"{item.part}",\n     {{{listed}}},\n     {sizes}, run_{part.name}}},'


def _bytes(tensor: Tensor) -> int:
    return size(tensor) * np.dtype(tensor.dtype).itemsize
