"""What is drawn: problems (shapes and options), kinds of data, and draws (a problem with its data)."""

from properties.strategies.activations import (
    binary_steps,
    gelus,
    identities,
    leaky_relus,
    log_softmaxes,
    relus,
    sigmoids,
    silus,
    softmaxes,
    tanhs,
)
from properties.strategies.attention import additive_attentions, attentions, multi_head_attentions
from properties.strategies.blocks import decoder_blocks, encoder_blocks
from properties.strategies.convolution import (
    convolutions,
    flop_counts,
    output_sizes,
    pads,
    parameter_counts,
    toeplitzes,
    transposed_convolutions,
    true_convolutions,
)
from properties.strategies.dense import denses, feed_forwards
from properties.strategies.draws import Draw, draw, draws
from properties.strategies.dropout import dropouts
from properties.strategies.embedding import embeddings, patch_embeddings
from properties.strategies.kinds import KINDS
from properties.strategies.loss import cross_entropies
from properties.strategies.normalization import batch_norms, group_norms, instance_norms, layer_norms, rms_norms
from properties.strategies.pooling import (
    adaptive_pools,
    average_pools,
    global_pools,
    lp_pools,
    max_pools,
    product_pools,
    sum_pools,
)
from properties.strategies.positions import learned_encodings, naive_encodings, sinusoidal_encodings
from properties.strategies.problems import Problem, Problems, Spec
from properties.strategies.recurrence import decoder_steps, recurrences
from properties.strategies.residual import (
    basic_blocks,
    dense_blocks,
    mismatched_basic_blocks,
    mismatched_residuals,
    residuals,
)

__all__ = [
    "KINDS",
    "Draw",
    "Problem",
    "Problems",
    "Spec",
    "adaptive_pools",
    "additive_attentions",
    "attentions",
    "average_pools",
    "basic_blocks",
    "batch_norms",
    "binary_steps",
    "convolutions",
    "cross_entropies",
    "decoder_blocks",
    "decoder_steps",
    "dense_blocks",
    "denses",
    "draw",
    "draws",
    "dropouts",
    "embeddings",
    "encoder_blocks",
    "feed_forwards",
    "flop_counts",
    "gelus",
    "global_pools",
    "group_norms",
    "identities",
    "instance_norms",
    "layer_norms",
    "leaky_relus",
    "learned_encodings",
    "log_softmaxes",
    "lp_pools",
    "max_pools",
    "mismatched_basic_blocks",
    "mismatched_residuals",
    "multi_head_attentions",
    "naive_encodings",
    "output_sizes",
    "pads",
    "parameter_counts",
    "patch_embeddings",
    "product_pools",
    "recurrences",
    "relus",
    "residuals",
    "rms_norms",
    "sigmoids",
    "silus",
    "sinusoidal_encodings",
    "softmaxes",
    "sum_pools",
    "tanhs",
    "toeplitzes",
    "transposed_convolutions",
    "true_convolutions",
]
