"""What is true: a short NumPy definition of every primitive.

Each function is the formula at the top of its module in a few lines and the same letters. It works on
float64 arrays, and on every array type that NumPy dispatches to: called with Bounded arrays
(reference.arithmetic) it returns its error bound too. It knows nothing of formats, tolerances or
frameworks. SOURCES.md lists the lectures and papers.

An adapter for a backend offers functions of the same names and signatures.
"""

from collections.abc import Callable
from typing import Any

from reference.activations import softmax
from reference.convolution import convolution, output_size, pad
from reference.dropout import dropout
from reference.normalization import batch_norm, folded_batch_norm
from reference.pooling import (
    adaptive_average_pool,
    adaptive_max_pool,
    average_pool,
    averaged_lp_pool,
    global_average_pool,
    global_max_pool,
    lp_pool,
    max_pool,
    sum_pool,
)

POOLS = (
    max_pool,
    sum_pool,
    average_pool,
    lp_pool,
    global_max_pool,
    global_average_pool,
    adaptive_max_pool,
    adaptive_average_pool,
)

PRIMITIVES: dict[str, Callable[..., Any]] = {
    f.__name__: f for f in (output_size, pad, convolution, *POOLS, batch_norm, dropout, softmax)
}

# Further formulas that implementations use; a backend claims one by its name.
FORMULAS: dict[str, dict[str, Callable[..., Any]]] = {
    "batch_norm": {"folded": folded_batch_norm},
    "lp_pool": {"averaged": averaged_lp_pool},
}

__all__ = [
    "FORMULAS",
    "PRIMITIVES",
    "adaptive_average_pool",
    "adaptive_max_pool",
    "average_pool",
    "batch_norm",
    "convolution",
    "dropout",
    "global_average_pool",
    "global_max_pool",
    "lp_pool",
    "max_pool",
    "output_size",
    "pad",
    "softmax",
    "sum_pool",
]
