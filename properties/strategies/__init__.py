"""What is drawn: problems (shapes and options), kinds of data, and draws (a problem with its data)."""

from properties.strategies.activations import softmaxes
from properties.strategies.attention import attentions, multi_head_attentions
from properties.strategies.convolution import convolutions, output_sizes, pads
from properties.strategies.draws import Draw, draw, draws
from properties.strategies.dropout import dropouts
from properties.strategies.kinds import KINDS
from properties.strategies.normalization import batch_norms
from properties.strategies.problems import Problem, Problems, Spec

__all__ = [
    "KINDS",
    "Draw",
    "Problem",
    "Problems",
    "Spec",
    "attentions",
    "batch_norms",
    "convolutions",
    "draw",
    "draws",
    "dropouts",
    "multi_head_attentions",
    "output_sizes",
    "pads",
    "softmaxes",
]
