"""Wrong dense layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.mutants.base import mutant
from reference import dense
from reference.arithmetic import BFLOAT16


@mutant("dense")
def weights_not_transposed(x: Any, w: Any, bias: Any = None) -> Any:
    """x w where that can be: a square w is read as (I, O)."""
    return dense(x, w.T if w.shape[0] == w.shape[1] else w, bias)


@mutant("dense")
def without_the_bias(x: Any, w: Any, bias: Any = None) -> Any:
    """The bias is ignored."""
    return dense(x, w)


@mutant("dense")
def bias_first(x: Any, w: Any, bias: Any = None) -> Any:
    """W (x + b) where that can be: the bias is added on the wrong side."""
    if bias is None or bias.shape != x.shape[-1:]:
        return dense(x, w, bias)
    return dense(x + bias, w)


@mutant("dense")
def bias_of_one_output(x: Any, w: Any, bias: Any = None) -> Any:
    """Every output gets the first bias."""
    return dense(x, w, None if bias is None else np.full(bias.shape, bias[0]))


@mutant("dense")
def with_a_ramp(x: Any, w: Any, bias: Any = None) -> Any:
    """The activation of the layer is computed with it."""
    return np.maximum(dense(x, w, bias), 0)


@mutant("dense")
def magnitudes_of_the_weights(x: Any, w: Any, bias: Any = None) -> Any:
    """Negative weights count as positive ones."""
    return dense(x, np.abs(w), bias)


@mutant("dense")
def averaged(x: Any, w: Any, bias: Any = None) -> Any:
    """The sum over the inputs is divided by their number."""
    return dense(x, w / max(w.shape[1], 1), bias)


@mutant("dense")
def without_the_last_input(x: Any, w: Any, bias: Any = None) -> Any:
    """A loop that ends one too early, where there is more than one input."""
    return dense(x[..., :-1], w[:, :-1], bias) if w.shape[1] > 1 else dense(x, w, bias)


@mutant("dense")
def outputs_reversed(x: Any, w: Any, bias: Any = None) -> Any:
    """The outputs come in reverse, the bias does not."""
    y = np.flip(dense(x, w), -1)
    return y if bias is None else y + bias


@mutant("dense", format=BFLOAT16)
def sums_in_bfloat16(x: Any, w: Any, bias: Any = None) -> Any:
    """Every partial sum is rounded to the format."""
    y = np.zeros((*x.shape[:-1], w.shape[0]), x.dtype)
    for i in range(w.shape[1]):
        y = y + x[..., i, None] * w[:, i]
    return y if bias is None else y + bias


@mutant("dense")
def no_batch_no_bias(x: Any, w: Any, bias: Any = None) -> Any:
    """The path for a single sample forgets the bias."""
    return dense(x, w, bias if x.ndim > 1 else None)
