"""Compares generated C with LiteRT's reference kernels; no TensorFlow is needed."""

import ctypes
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from edgeae.codegen import compiler
from edgeae.codegen.memory import arena_bytes
from edgeae.codegen.program import Program, program
from edgeae.codegen.source import source
from edgeae.formats.tflite.graph import Graph, Operator, Tensor, read, write

#: A case is compiled once and called a few times: optimizing takes longer than all calls. Random
#: cases of `make ways` are optimized, and `test_layouts.py` looks for undefined behaviour.
CHEAP = (*compiler.STRICT, "-O0")


@dataclass(frozen=True)
class Case:
    """A model, and inputs for it of shape (n, *input shape)."""

    content: bytes
    inputs: np.ndarray


def with_more_inputs(rng: np.random.Generator, case: Case) -> Case:
    """The case of int8 with so many inputs that some sums lie half-way between two outputs."""
    inputs = rng.integers(-128, 128, (12, *case.inputs.shape[1:])).astype(np.int8)
    return replace(case, inputs=np.concatenate([case.inputs, inputs]))


def operator(name: str, inputs: Sequence[int], outputs: Sequence[int], options=None, version=1):
    """One operator; `options` is an object of the schema, such as `FullyConnectedOptionsT`."""
    settings = schema.OperatorT()
    if options is not None:
        kind = type(options).__name__.removesuffix("T")
        settings.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
        settings.builtinOptions = options
    return Operator(name, version, tuple(inputs), tuple(outputs), settings)


def model(tensors: Sequence[Tensor], operators: Sequence[Operator], source=0, target=None) -> bytes:
    """A `.tflite` of these tensors; the last one is the output if `target` is not given."""
    target = len(tensors) - 1 if target is None else target
    return write(Graph(tuple(tensors), tuple(operators), {"input": source}, {"output": target}))


def reference(case: Case) -> np.ndarray:
    """The outputs of LiteRT's reference kernels."""
    interpreter = Interpreter(
        model_content=case.content, experimental_op_resolver_type=OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    (edge,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    answers = []
    for item in case.inputs:
        interpreter.set_tensor(edge["index"], item)
        interpreter.invoke()
        answers.append(interpreter.get_tensor(result["index"]).copy())
    return np.array(answers)


def compiled(
    cases: Sequence[Case],
    layout: str = "portable",
    flags: Sequence[str] = CHEAP,
    optimize: str = "speed",
) -> tuple[list[Program], ctypes.CDLL]:
    """The programs of cases, and their C as one library: all are one file, no name may clash."""
    programs = [
        program(read(case.content, f"case {n}"), f"case {n}", layout, optimize)
        for n, case in enumerate(cases)
    ]
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for place, item in enumerate(programs):
            text = source(item, f"case_{place}")
            (Path(folder) / f"case_{place}.h").write_text(text.header)
            (Path(folder) / f"case_{place}.c").write_text(text.code)
            paths.append(f'#include "case_{place}.c"')
        (Path(folder) / "all.c").write_text("\n".join(paths))
        path = compiler.shared_library(
            [Path(folder) / "all.c"], Path(folder) / "all.so", (*flags, "-I", folder)
        )
        return programs, ctypes.CDLL(str(path))


def generated(
    cases: Sequence[Case],
    layout: str = "portable",
    flags: Sequence[str] = CHEAP,
    optimize: str = "speed",
) -> list[np.ndarray]:
    """The outputs of the generated C."""
    programs, library = compiled(cases, layout, flags, optimize)
    return [
        _run(getattr(library, f"case_{place}_run"), item, case)
        for place, (item, case) in enumerate(zip(programs, cases, strict=True))
    ]


def _run(function, item, case: Case) -> np.ndarray:
    """Call the function on each input; the arena has the bytes that the program states, no more."""
    guard = 16
    need = arena_bytes(item.plan)
    answers = []
    for value in case.inputs:
        arena = np.full(need + guard, 0x5A, np.uint8)
        size = math.prod(item.output.shape) * np.dtype(item.output.dtype).itemsize
        written = np.full(size + guard, 0x5A, np.uint8)
        given = np.ascontiguousarray(value)
        before = given.copy()
        function(
            arena.ctypes.data_as(ctypes.c_void_p),
            given.ctypes.data_as(ctypes.c_void_p),
            written.ctypes.data_as(ctypes.c_void_p),
        )
        assert (arena[need:] == 0x5A).all(), "wrote behind the arena"
        assert (written[size:] == 0x5A).all(), "wrote behind the output"
        output = written[:size].view(item.output.dtype).reshape(item.output.shape)
        assert np.array_equal(given, before, equal_nan=given.dtype.kind == "f"), "wrote its input"
        answers.append(output)
    return np.array(answers)


def check(
    cases: Sequence[Case],
    layout: str = "portable",
    flags: Sequence[str] = CHEAP,
    optimize: str = "speed",
) -> None:
    """Assert that the generated C answers as the reference kernels do, to the bit for integers."""
    for place, (case, answers) in enumerate(
        zip(cases, generated(cases, layout, flags, optimize), strict=True)
    ):
        expected = reference(case)
        if expected.dtype.kind == "f":
            limit = 1e-5 * max(1.0, float(np.abs(expected).max()))
            assert np.abs(answers - expected).max() <= limit, f"case {place}"
        else:
            wrong = int((answers != expected).sum())
            assert wrong == 0, f"case {place}: {wrong} of {expected.size} differ"
