"""The stack that a part may use at most: the deepest path through its calls.

The calls, those into the compiler's library included, are read from the disassembly of the linked
program. The frame of a function is what gcc states (`-fstack-usage`) or what its instructions take
from the stack pointer, whichever is larger: gcc states nothing for functions in assembly or from a
library. Generated C has no recursion and no function pointers, so the paths end.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edgeae.codegen import compiler
from edgeae.codegen.emulation.cores import Core
from edgeae.errors import NotMeasured

#: The flag with which gcc writes the frames beside an object file.
FLAG = "-fstack-usage"
_FUNCTION = re.compile(r"^[0-9a-f]+ <([^>]+)>:$")
_TARGET = re.compile(r"<([^>+]+)(\+0x[0-9a-f]+)?>")
_BRANCH = re.compile(r"(b|c\.j|j|cb|call|tail)")
#: Instructions that lower the stack pointer by a stated number of bytes.
_LOWERED = (
    re.compile(r"^sub[sw.]* sp, (?:sp, )?#(\d+)"),
    re.compile(r"^str\S* .*\[sp, #-(\d+)\]!"),
    re.compile(r"^(?:c\.)?addi?(?:16sp)? sp,(?:sp,)?-(\d+)"),
)
_PUSHED = re.compile(r"^(?:v?push|v?stmdb\S* sp!,|v?stmfd\S* sp!,)\s*\{([^}]*)\}")
#: Functions of the library that save a caller's registers: what they take stays taken.
_SAVES = re.compile("__riscv_save_")
#: Calls of an address in a register.
_INDIRECT = re.compile(r"^(blx r|blx ip|jalr [a-z]\w*$)")
#: Bytes of a pushed register, by the letter of its name; all others have 4.
_DOUBLE = "d"
#: Stands for a function that the disassembly does not name.
_POINTER = "a function pointer"


@dataclass
class _Function:
    frame: int = 0
    calls: set[str] = field(default_factory=set)


def stack_bytes(core: Core, elf: Path, root: str, usage: Path) -> int:
    """Return the most bytes of stack that a call of a function uses.

    Args:
        core: the core.
        elf: the linked program.
        root: name of the function.
        usage: the frames that gcc stated, a `.su` file.

    Raises:
        NotMeasured: a tool fails, a frame has no fixed size, or a function calls itself or a
            pointer.
    """
    listing = compiler.run([f"{core.tools}objdump", "-d", "--no-show-raw-insn", str(elf)], elf.name)
    functions = _functions(listing)
    for name, frame in _stated(usage).items():
        if name in functions:
            functions[name].frame = max(functions[name].frame, frame)
    return _deepest(functions, root, ())


def _functions(listing: str) -> dict[str, _Function]:
    """Return name → function, of a disassembly."""
    found: dict[str, _Function] = {}
    current = _Function()
    for line in listing.splitlines():
        if head := _FUNCTION.match(line):
            current = found.setdefault(head[1], _Function())
        elif "\t" in line:
            words = line.split("\t", 1)[1].split("\t")
            _read(current, f"{words[0].strip()} {' '.join(words[1:]).strip()}")
    for name, function in found.items():
        function.calls.discard(name)
    return found


def _read(function: _Function, text: str) -> None:
    """Add an instruction to its function: what it takes from the stack, and what it calls."""
    if pushed := _PUSHED.match(text):
        function.frame += _register_bytes(pushed[1])
    for pattern in _LOWERED:
        if lowered := pattern.match(text):
            function.frame += int(lowered[1])
    if _INDIRECT.match(text):
        function.calls.add(_POINTER)
    elif _BRANCH.match(text) and (target := _TARGET.search(text)):
        function.calls.add(target[1])


def _register_bytes(text: str) -> int:
    """Return the bytes of a list of registers, such as `r4-r11, lr` or `d8, d9`."""
    total = 0
    for item in (part.strip() for part in text.split(",")):
        first, _, last = item.partition("-")
        count = int(last[1:]) - int(first[1:]) + 1 if last else 1
        total += count * (8 if item.startswith(_DOUBLE) else 4)
    return total


def _stated(usage: Path) -> dict[str, int]:
    """Return function → bytes of its frame.

    Raises:
        NotMeasured: a frame has no fixed size.
    """
    frames: dict[str, int] = {}
    for line in usage.read_text(encoding="utf-8").splitlines():
        place, size, kind = line.split("\t")
        name = place.rsplit(":", 1)[1]
        if kind == "dynamic":
            raise NotMeasured(f"{name}: its stack has no fixed size")
        frames[name] = max(int(size), frames.get(name, 0))
    return frames


def _deepest(functions: Mapping[str, _Function], name: str, above: tuple[str, ...]) -> int:
    if name == _POINTER:
        raise NotMeasured(f"{above[-1]}: it calls {name}, so its stack is not known")
    if name in above:
        raise NotMeasured(f"{name}: it calls itself, so its stack has no bound")
    function = functions.get(name, _Function())
    depths = {call: _deepest(functions, call, (*above, name)) for call in function.calls}
    saved = max((depths.pop(call) for call in list(depths) if _SAVES.match(call)), default=0)
    return function.frame + saved + max(depths.values(), default=0)
