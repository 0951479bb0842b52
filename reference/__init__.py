"""What is true: a short NumPy definition of every primitive.

Each function is the formula at the top of its module in a few lines and the same letters. It works on
float64 arrays, and on every array type that NumPy dispatches to: called with Bounded arrays
(reference.arithmetic) it returns its error bound too. It knows nothing of formats, tolerances or
frameworks. SOURCES.md lists the lectures and papers.

An adapter for a backend offers functions of the same names and signatures.
"""

import functools
from collections.abc import Callable
from typing import Any

from reference.activations import (
    complementary_gelu,
    gelu,
    gelu_by_rational_powers,
    log_softmax,
    relu,
    sigmoid,
    softmax,
    tanh,
)
from reference.attention import (
    heads_with,
    multi_head_attention,
    normalised_last,
    scaled_dot_product_attention,
    scaled_first,
    softmax_in_float32,
)
from reference.blocks import OTHERS, decoder_block, encoder_block
from reference.convolution import convolution, output_size, pad, transposed_convolution
from reference.dense import dense
from reference.dropout import dropout
from reference.normalization import (
    batch_norm,
    factored_batch_norm,
    factored_layer_norm,
    folded_batch_norm,
    folded_layer_norm,
    layer_norm,
    updating_layer_norm,
)
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
from reference.positions import sinusoidal_encoding
from reference.residual import residual

PRIMITIVES: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (
        output_size,
        pad,
        convolution,
        transposed_convolution,
        max_pool,
        sum_pool,
        average_pool,
        lp_pool,
        global_max_pool,
        global_average_pool,
        adaptive_max_pool,
        adaptive_average_pool,
        batch_norm,
        layer_norm,
        dropout,
        relu,
        sigmoid,
        tanh,
        gelu,
        softmax,
        log_softmax,
        dense,
        residual,
        scaled_dot_product_attention,
        multi_head_attention,
        sinusoidal_encoding,
        encoder_block,
        decoder_block,
    )
}

ATTENTIONS = (normalised_last, scaled_first, softmax_in_float32)

# Further formulas that implementations use; a backend claims one by its name.
FORMULAS: dict[str, dict[str, Callable[..., Any]]] = {
    "batch_norm": {"folded": folded_batch_norm, "factored": factored_batch_norm},
    "gelu": {"by_rational_powers": gelu_by_rational_powers, "complementary": complementary_gelu},
    "lp_pool": {"averaged": averaged_lp_pool},
    "layer_norm": {
        "updating": updating_layer_norm,
        "folded": folded_layer_norm,
        "factored": factored_layer_norm,
    },
    "scaled_dot_product_attention": {f.__name__: f for f in ATTENTIONS},
    "multi_head_attention": {f.__name__: heads_with(f) for f in ATTENTIONS},
    **{
        block.__name__: {name: functools.partial(block, layers=layers) for name, layers in OTHERS.items()}
        for block in (encoder_block, decoder_block)
    },
}

__all__ = [
    "FORMULAS",
    "PRIMITIVES",
    "adaptive_average_pool",
    "adaptive_max_pool",
    "average_pool",
    "batch_norm",
    "convolution",
    "decoder_block",
    "dense",
    "dropout",
    "encoder_block",
    "gelu",
    "global_average_pool",
    "global_max_pool",
    "layer_norm",
    "log_softmax",
    "lp_pool",
    "max_pool",
    "multi_head_attention",
    "output_size",
    "pad",
    "relu",
    "residual",
    "scaled_dot_product_attention",
    "sigmoid",
    "sinusoidal_encoding",
    "softmax",
    "sum_pool",
    "tanh",
    "transposed_convolution",
]
