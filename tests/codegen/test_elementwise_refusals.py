import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from c_cases.tensors import integers
from c_models import model, operator

from edgeae.codegen.program import program
from edgeae.errors import BadInput
from edgeae.formats.tflite.graph import Tensor, read


def tensor(name="x", shape=(2, 3), dtype="int8", scale=0.5, point=0, data=None) -> Tensor:
    return Tensor(name, shape, dtype, data, (scale,), (point,))


def options(name, **settings):
    chosen = getattr(schema, name)()
    for key, value in settings.items():
        assert hasattr(chosen, key)
        setattr(chosen, key, value)
    return chosen


def small(**change):
    return tensor("b", data=np.ones((2, 3), change.get("dtype", "int8")), **change)


JOIN, POWERS = options("ConcatenationOptionsT", axis=0), options("AddOptionsT")
REFUSED = [
    ("ADD", [tensor(dtype="uint8"), small(dtype="uint8")], tensor(dtype="uint8"), None, "float32"),
    ("ADD", [tensor(), small()], tensor(shape=(2, 4)), None, "broadcast"),
    ("ADD", [tensor(), small()], tensor(scale=1e-7), None, "is too small"),
    ("SUB", [tensor(), small()], tensor(scale=1e-7), None, "is too small"),
    ("ADD", [tensor(point=300), small()], tensor(), None, "a zero point of their type"),
    (
        "ADD",
        [tensor(), small()],
        tensor(),
        options("AddOptionsT", fusedActivationFunction=4),
        "RELU",
    ),
    (
        "ADD",
        [tensor(dtype="int16", scale=0.25), small(dtype="int16", scale=0.25)],
        tensor(dtype="int16"),
        POWERS,
        "powers of 2",
    ),
    ("MUL", [tensor(scale=1e4), small(scale=1e4)], tensor(scale=1e-3), None, "exceed 32 bits"),
    ("MUL", [tensor(scale=1e30), small(scale=1e30)], tensor(), None, "exceed 32 bits"),
    ("QUANTIZE", [tensor(dtype="int16")], tensor(dtype="uint8"), None, "int16: int8 or int16"),
    ("QUANTIZE", [tensor(dtype="int16", point=1)], tensor(dtype="int16"), None, "are 0 where"),
    ("QUANTIZE", [tensor()], tensor(scale=0.0), None, "one scale above 0"),
    ("DEQUANTIZE", [tensor(dtype="int32")], Tensor("y", (2, 3), "float32"), None, "become float32"),
    ("CONCATENATION", [tensor(), small(scale=0.25)], tensor(shape=(4, 3)), JOIN, "one scale"),
    ("CONCATENATION", [tensor(), small()], tensor(shape=(5, 3)), JOIN, "along the axis"),
    ("PAD", [tensor(), integers("p", [[1, 0]])], tensor(shape=(3, 3)), None, "with the paddings"),
    ("PAD", [tensor(), integers("p", [[-1, 0], [0, 0]])], tensor(shape=(1, 3)), None, "0 or more"),
    ("PAD", [tensor(), tensor("p", (2, 2), "int32")], tensor(shape=(3, 3)), None, "constants"),
    ("TRANSPOSE", [tensor(), integers("o", [0, 0])], tensor(shape=(2, 2)), None, "the permutation"),
    ("SPLIT", [integers("a", 1), tensor()], tensor(shape=(2, 2)), None, "equal parts"),
    (
        "STRIDED_SLICE",
        [tensor(), *(integers(name, [0, 0]) for name in "be"), integers("s", [1, 0])],
        tensor(),
        None,
        "no stride is 0",
    ),
    (
        "STRIDED_SLICE",
        [tensor(), integers("b", [0, 0]), integers("e", [2, 3]), integers("s", [1, 1])],
        tensor(),
        options("StridedSliceOptionsT", offset=True),
        "not an offset",
    ),
]


@pytest.mark.parametrize(("name", "inputs", "output", "settings", "message"), REFUSED)
def test_what_c_does_not_take_is_refused_with_the_reason(name, inputs, output, settings, message):
    places = list(range(len(inputs)))
    source = next(place for place, item in enumerate(inputs) if item.data is None)
    content = model([*inputs, output], [operator(name, places, [len(inputs)], settings)], source)
    with pytest.raises(BadInput, match=f"operator 0, {name}: .*{message}"):
        program(read(content, "file"), "file")
