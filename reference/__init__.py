"""What is true: a short NumPy definition of every primitive.

Each function is the formula at the top of its module in a few lines and the same letters. It works on
float64 arrays, and on every array type that NumPy dispatches to: called with Bounded arrays
(reference.arithmetic) it returns its error bound too. It knows nothing of formats, tolerances or
frameworks. README.md lists the chapters in the order of a short course, SOURCES.md the lectures and papers.

An adapter for a backend offers functions of the same names and signatures.
"""

import functools
from collections.abc import Callable
from typing import Any

from reference.activations import (
    binary_step,
    complementary_gelu,
    gelu,
    gelu_by_rational_powers,
    identity,
    leaky_relu,
    log_softmax,
    relu,
    sigmoid,
    silu,
    softmax,
    tanh,
)
from reference.attention import (
    additive_attention,
    multi_head_attention,
    normalised_last,
    scaled_dot_product_attention,
    scaled_first,
    softmax_in_float32,
)
from reference.blocks import OTHERS, decoder_block, encoder_block
from reference.convolution import (
    convolution,
    flop_count,
    output_size,
    pad,
    parameter_count,
    toeplitz,
    transposed_convolution,
    true_convolution,
)
from reference.dense import dense, feed_forward
from reference.dropout import dropout
from reference.embedding import embedding, patch_embedding
from reference.loss import cross_entropy
from reference.normalization import (
    batch_norm,
    factored_batch_norm,
    factored_group_norm,
    factored_instance_norm,
    factored_layer_norm,
    factored_rms_norm,
    folded_batch_norm,
    folded_group_norm,
    folded_instance_norm,
    folded_layer_norm,
    group_norm,
    instance_norm,
    layer_norm,
    rms_norm,
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
    product_pool,
    sum_pool,
)
from reference.positions import learned_encoding, naive_encoding, sinusoidal_encoding
from reference.recurrence import (
    decoder_step,
    gru,
    gru_step,
    interpolated_gru,
    interpolated_gru_step,
    lstm,
    lstm_step,
    rnn,
    rnn_step,
)
from reference.residual import OTHERS as OTHER_BASIC_BLOCKS
from reference.residual import basic_block, dense_block, residual

PRIMITIVES: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (
        output_size,
        pad,
        convolution,
        transposed_convolution,
        true_convolution,
        toeplitz,
        parameter_count,
        flop_count,
        max_pool,
        sum_pool,
        product_pool,
        average_pool,
        lp_pool,
        global_max_pool,
        global_average_pool,
        adaptive_max_pool,
        adaptive_average_pool,
        batch_norm,
        layer_norm,
        group_norm,
        instance_norm,
        rms_norm,
        dropout,
        identity,
        binary_step,
        relu,
        leaky_relu,
        sigmoid,
        tanh,
        gelu,
        silu,
        softmax,
        log_softmax,
        cross_entropy,
        dense,
        rnn_step,
        rnn,
        lstm_step,
        lstm,
        gru_step,
        gru,
        decoder_step,
        feed_forward,
        embedding,
        patch_embedding,
        residual,
        basic_block,
        dense_block,
        scaled_dot_product_attention,
        multi_head_attention,
        additive_attention,
        sinusoidal_encoding,
        learned_encoding,
        naive_encoding,
        encoder_block,
        decoder_block,
    )
}

ATTENTIONS = (normalised_last, scaled_first, softmax_in_float32)

# Further formulas that implementations use; a backend claims one by its name.
FORMULAS: dict[str, dict[str, Callable[..., Any]]] = {
    "batch_norm": {"folded": folded_batch_norm, "factored": factored_batch_norm},
    "basic_block": OTHER_BASIC_BLOCKS,
    "gelu": {"by_rational_powers": gelu_by_rational_powers, "complementary": complementary_gelu},
    "lp_pool": {"averaged": averaged_lp_pool},
    "layer_norm": {
        "updating": updating_layer_norm,
        "folded": folded_layer_norm,
        "factored": factored_layer_norm,
    },
    "group_norm": {"folded": folded_group_norm, "factored": factored_group_norm},
    "instance_norm": {"folded": folded_instance_norm, "factored": factored_instance_norm},
    "rms_norm": {"factored": factored_rms_norm},
    "scaled_dot_product_attention": {f.__name__: f for f in ATTENTIONS},
    "multi_head_attention": {f.__name__: functools.partial(multi_head_attention, attention=f) for f in ATTENTIONS},
    "gru_step": {"interpolated": interpolated_gru_step},
    "gru": {"interpolated": interpolated_gru},
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
    "additive_attention",
    "average_pool",
    "basic_block",
    "batch_norm",
    "binary_step",
    "convolution",
    "cross_entropy",
    "decoder_block",
    "decoder_step",
    "dense",
    "dense_block",
    "dropout",
    "embedding",
    "encoder_block",
    "feed_forward",
    "flop_count",
    "gelu",
    "global_average_pool",
    "global_max_pool",
    "group_norm",
    "gru",
    "gru_step",
    "identity",
    "instance_norm",
    "layer_norm",
    "leaky_relu",
    "learned_encoding",
    "log_softmax",
    "lp_pool",
    "lstm",
    "lstm_step",
    "max_pool",
    "multi_head_attention",
    "naive_encoding",
    "output_size",
    "pad",
    "parameter_count",
    "patch_embedding",
    "product_pool",
    "relu",
    "residual",
    "rms_norm",
    "rnn",
    "rnn_step",
    "scaled_dot_product_attention",
    "sigmoid",
    "silu",
    "sinusoidal_encoding",
    "softmax",
    "sum_pool",
    "tanh",
    "toeplitz",
    "transposed_convolution",
    "true_convolution",
]
