"""The page of the operators that the C generator supports, from their constraints."""

from edgeae.codegen.folding import RULES
from edgeae.codegen.operators import MODULES, message, operator
from edgeae.codegen.targets import TARGETS
from generate.markdown import code, table

__all__ = ["page"]


def page() -> str:
    """Return the page."""
    sections = []
    for name in sorted(MODULES):
        entry = operator(name)
        assert entry is not None
        limits = "\n".join(f"* {message(constraint)}." for constraint in entry.constraints)
        sections.append(f"### {name}\n\n{limits}\n")
    targets = table(
        ("target", "layout of the weights", "cores"),
        [(code(item.name), code(item.layout), item.about) for item in TARGETS.values()],
    )
    folded = ", ".join(sorted(RULES))
    listed = "\n".join(sections)
    return f"""# C: operators and targets

`edgeae embed --as c` takes a `.tflite` whose operators are these, within these limits. For any
other, it names the operator, its place and the limit. An operator that only dequantizes a
constant, as in files with float16 weights, is no operator here: the kernel that reads the constant
converts it. Nor is one that computes a shape, as in files with an open batch: the batch is 1, so
its output is a constant of the C file. Of integers that are shapes or constants are computed
{folded}.

Of no use here are training, dynamic shapes and several inputs or outputs. Dynamic-range files and
those of 4-bit weights with float activations are refused: their activations are quantized again for
each input, which takes a microcontroller longer than integers or floats alone.

## Targets

{targets}

The layouts `neon`, `wasm` and `x86` have kernels of their own for FULLY_CONNECTED, CONV_2D without
groups and TRANSPOSE_CONV of int8. Their answers are the bits of portable C, to which they leave
layers of one or two channels where it is faster.

## Operators

{listed}"""
