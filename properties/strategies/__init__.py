"""What is drawn: problems (shapes and options), kinds of data, and draws (a problem with its data)."""

from properties.strategies.activations import softmaxes
from properties.strategies.convolution import convolutions, output_sizes, pads
from properties.strategies.draws import Draw, draw, draws
from properties.strategies.dropout import dropouts
from properties.strategies.kinds import KINDS
from properties.strategies.normalization import batch_norms
from properties.strategies.pooling import (
    adaptive_pools,
    average_pools,
    global_pools,
    lp_pools,
    max_pools,
    sum_pools,
)
from properties.strategies.problems import Problem, Problems, Spec

__all__ = [
    "KINDS",
    "Draw",
    "Problem",
    "Problems",
    "Spec",
    "adaptive_pools",
    "average_pools",
    "batch_norms",
    "convolutions",
    "draw",
    "draws",
    "dropouts",
    "global_pools",
    "lp_pools",
    "max_pools",
    "output_sizes",
    "pads",
    "softmaxes",
    "sum_pools",
]
