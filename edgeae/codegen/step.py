"""The steps of a program: calls of C kernels, and tensors that share their bytes with others."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

#: numpy's name of an element type → the C type.
C_TYPES = {
    "int8": "int8_t",
    "uint8": "uint8_t",
    "int16": "int16_t",
    "uint16": "uint16_t",
    "int32": "int32_t",
    "uint32": "uint32_t",
    "int64": "int64_t",
    "uint64": "uint64_t",
    "float32": "float",
    "float64": "double",
    "float16": "uint16_t",
}


@dataclass(frozen=True, eq=False)
class Constant:
    """One constant array of the C file.

    Attributes:
        role: what the array holds, in a word that becomes part of its name: `weights`, `bias`.
        values: one-dimensional; float16 is stored as its bits, in uint16_t.
        alignment: bytes that the kernel needs the array to be aligned to.
    """

    role: str
    values: NDArray[np.generic]
    alignment: int = 1

    def __post_init__(self) -> None:
        assert self.values.ndim == 1, f"{self.role}: {self.values.shape}"
        assert self.values.dtype.name in C_TYPES, f"{self.role}: {self.values.dtype}"

    @property
    def c_type(self) -> str:
        """The C type of one value."""
        return C_TYPES[self.values.dtype.name]

    @property
    def key(self) -> tuple[str, int, bytes]:
        """What makes two constants the same array of the C file."""
        return self.values.dtype.name, self.alignment, self.values.tobytes()


#: The value of a member of a kernel's struct; None is a null pointer.
Member = int | float | Constant | None


@dataclass(frozen=True)
class Band:
    """How a step computes a part of its output: some units of it, such as rows, from one unit on.

    The score of a reconstruction is computed band by band, so that it needs no output buffer.

    Attributes:
        count: the member that holds the number of units.
        values: output values of a unit.
        advance: member → what the next unit, or the next block, adds to it; pointers count in
            elements.
        elementwise: whether a unit reads only as many values of the input as it writes; otherwise
            each unit may read all of the input.
        block: units that the kernel computes together; every band but the last has whole blocks.
    """

    count: str
    values: int = 1
    advance: Mapping[str, int] = field(default_factory=dict)
    elementwise: bool = False
    block: int = 1


#: The band of a step that computes each output value from the same value of its input.
ELEMENTWISE = Band("size", elementwise=True)


@dataclass(frozen=True)
class Step:
    """One call of a kernel: `kernel(&members, inputs…, output)`.

    Attributes:
        kernel: name of the kernel; `kernels/NAME.c` defines it.
        inputs: what the kernel reads, in the order of its arguments: tensor indices, or constants.
        output: index of the tensor that the kernel writes.
        members: member of the kernel's struct → value. The members are those that the C file
            declares.
        in_place: whether the output may overwrite the first input, byte for byte from its start.
        scratch_bytes: bytes of the arena that the kernel uses beside its inputs and output; the
            address of the first follows the output among the arguments, if there are any.
        operator: place of the operator in the model's execution order.
        band: how the step computes a part of its output; None if it cannot.
    """

    kernel: str
    inputs: tuple[int | Constant, ...]
    output: int
    members: Mapping[str, Member] = field(default_factory=dict)
    in_place: bool = False
    scratch_bytes: int = 0
    operator: int = -1
    band: Band | None = None


@dataclass(frozen=True)
class Alias:
    """A tensor with the bytes of another one, as after a RESHAPE: nothing is computed.

    Attributes:
        source, target: tensor indices.
        operator: place of the operator in the model's execution order.
    """

    source: int
    target: int
    operator: int = -1
