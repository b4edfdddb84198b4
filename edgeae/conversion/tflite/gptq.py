"""GPTQ: rounds weights so that the rounding errors compensate each other.

Rounding each weight to the nearest integer minimises the error of the weights. GPTQ minimises the
error of the layer's sums: the inputs of a layer are correlated, so the error of one weight can be
compensated by the weights of correlated inputs. E. Frantar et al., "GPTQ: Accurate Post-Training
Quantization for Generative Pre-trained Transformers", 2023; B. Hassibi et al., "Optimal Brain
Surgeon", 1993. Here, weights that are 0 also stay 0.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Added to the diagonal of a Gram matrix, as a share of its mean, as in the paper.
_DAMPING = 0.01
#: Number of columns whose errors are propagated to the later columns at once, as in the paper.
_BLOCK = 64


def compensated(
    weights: NDArray[np.floating],
    gram: NDArray[np.float64],
    scales: NDArray[np.floating],
    levels: int,
    among: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """Return integers Q for which ‖(W − sQ) Xᵀ‖² is small.

    The columns are rounded in turn, those with the largest inputs first. The error of a column is
    propagated to the remaining columns: δ = −(w − sq)/[H⁻¹]ⱼⱼ · [H⁻¹]ⱼ, where H⁻¹ is that of the
    remaining columns. Its row j follows from row j of the upper Cholesky factor of the whole H⁻¹.

    Args:
        weights: W, (outputs, inputs).
        gram: H = XᵀX of the inputs, (inputs, inputs).
        scales: s, (outputs,).
        levels: q is in −levels … levels.
        among: the allowed values of q, in rising order; None for all of −levels … levels. Weights
            that are 0 always become 0.

    Returns:
        Q, int64 (outputs, inputs).
    """
    order = np.argsort(-np.diag(gram), kind="stable")
    left = np.asarray(weights, np.float64)[:, order]
    zero = left == 0
    damped = gram[np.ix_(order, order)].astype(np.float64)
    damped[np.diag_indices_from(damped)] += max(_DAMPING * np.diag(gram).mean(), 1e-12)
    upper = np.linalg.cholesky(np.linalg.inv(damped)).T
    result = np.zeros(left.shape, np.int64)
    for start in range(0, left.shape[1], _BLOCK):
        end = min(start + _BLOCK, left.shape[1])
        errors = np.empty((len(left), end - start))
        for column in range(start, end):
            steps = _nearest(left[:, column] / scales, levels, among)
            steps[zero[:, column]] = 0
            error = (left[:, column] - steps * scales) / upper[column, column]
            left[:, column:end] -= np.outer(error, upper[column, column:end])
            errors[:, column - start] = error
            result[:, column] = steps
        left[:, end:] -= errors @ upper[start:end, end:]
    back = np.empty_like(result)
    back[:, order] = result
    return back


def _nearest(
    wanted: NDArray[np.float64], levels: int, among: NDArray[np.int64] | None
) -> NDArray[Any]:
    if among is None:
        return np.clip(np.round(wanted), -levels, levels)
    return among[np.searchsorted((among[1:] + among[:-1]) / 2, wanted)]
