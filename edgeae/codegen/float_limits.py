"""The limits of a fused activation in float models."""

import numpy as np

from edgeae.codegen.operation import FUSED, Operation

#: The largest finite float32.
LARGEST = float(np.finfo(np.float32).max)


def float_limits(operation: Operation) -> tuple[float, float]:
    """Return the smallest and largest output under the operator's fused activation.

    Raises:
        KeyError: the fused activation is none of NONE, RELU, RELU_N1_TO_1 and RELU6.
    """
    low, high = FUSED[operation.options.get("fusedActivationFunction", 0)]
    return -LARGEST if low is None else low, LARGEST if high is None else high
