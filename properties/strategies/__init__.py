"""What is drawn: problems (shapes and options), kinds of data, and draws (a problem with its data)."""

from properties.strategies.activations import gelus, log_softmaxes, relus, sigmoids, softmaxes, tanhs
from properties.strategies.attention import attentions, multi_head_attentions
from properties.strategies.blocks import decoder_blocks, encoder_blocks
from properties.strategies.convolution import convolutions, output_sizes, pads, transposed_convolutions
from properties.strategies.dense import denses
from properties.strategies.draws import Draw, draw, draws
from properties.strategies.dropout import dropouts
from properties.strategies.kinds import KINDS
from properties.strategies.normalization import batch_norms, layer_norms
from properties.strategies.pooling import adaptive_pools, average_pools, global_pools, lp_pools, max_pools, sum_pools
from properties.strategies.positions import sinusoidal_encodings
from properties.strategies.problems import Problem, Problems, Spec
from properties.strategies.residual import mismatched_residuals, residuals

__all__ = [
    "KINDS",
    "Draw",
    "Problem",
    "Problems",
    "Spec",
    "adaptive_pools",
    "attentions",
    "average_pools",
    "batch_norms",
    "convolutions",
    "decoder_blocks",
    "denses",
    "draw",
    "draws",
    "dropouts",
    "encoder_blocks",
    "gelus",
    "global_pools",
    "layer_norms",
    "log_softmaxes",
    "lp_pools",
    "max_pools",
    "mismatched_residuals",
    "multi_head_attentions",
    "output_sizes",
    "pads",
    "relus",
    "residuals",
    "sigmoids",
    "sinusoidal_encodings",
    "softmaxes",
    "sum_pools",
    "tanhs",
    "transposed_convolutions",
]
