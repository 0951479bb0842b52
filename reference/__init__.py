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
from reference.attention import (
    heads_with,
    multi_head_attention,
    normalised_last,
    scaled_dot_product_attention,
    scaled_first,
    softmax_in_float32,
)
from reference.convolution import convolution, output_size, pad
from reference.dropout import dropout
from reference.normalization import batch_norm, folded_batch_norm

PRIMITIVES: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (
        output_size,
        pad,
        convolution,
        batch_norm,
        dropout,
        softmax,
        scaled_dot_product_attention,
        multi_head_attention,
    )
}

ATTENTIONS = (normalised_last, scaled_first, softmax_in_float32)

# Further formulas that implementations use; a backend claims one by its name.
FORMULAS: dict[str, dict[str, Callable[..., Any]]] = {
    "batch_norm": {"folded": folded_batch_norm},
    "scaled_dot_product_attention": {f.__name__: f for f in ATTENTIONS},
    "multi_head_attention": {f.__name__: heads_with(f) for f in ATTENTIONS},
}

__all__ = [
    "FORMULAS",
    "PRIMITIVES",
    "batch_norm",
    "convolution",
    "dropout",
    "multi_head_attention",
    "output_size",
    "pad",
    "scaled_dot_product_attention",
    "softmax",
]
