"""The operators that are translated, by kind; each adds the layers that compute the same."""

from collections.abc import Callable

from edgeae.importing.onnx.graph import Operator
from edgeae.importing.onnx.operators import (
    activations,
    convolution,
    elementwise,
    normalization,
    pooling,
    resizing,
    shapes,
)
from edgeae.importing.onnx.patterns import PARTS
from edgeae.importing.onnx.translation import Translation

#: Translates one operator: adds layers, and the views of its outputs.
Rule = Callable[[Translation, Operator], None]

#: Kind → rule.
RULES: dict[str, Rule] = {
    **activations.RULES,
    **convolution.RULES,
    **elementwise.RULES,
    **normalization.RULES,
    **pooling.RULES,
    **resizing.RULES,
    **shapes.RULES,
}
#: Kinds of ONNX itself that are allowed, for errors.
ALLOWED = sorted(
    {*RULES, *PARTS} - {"Linear", "Silu"},
)
