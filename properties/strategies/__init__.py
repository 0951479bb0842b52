"""What is drawn: problems (shapes and options), kinds of data, and draws (a problem with its data)."""

from properties.strategies.activations import gelus, log_softmaxes, relus, sigmoids, softmaxes, tanhs
from properties.strategies.convolution import convolutions, output_sizes, pads
from properties.strategies.dense import denses
from properties.strategies.draws import Draw, draw, draws
from properties.strategies.dropout import dropouts
from properties.strategies.kinds import KINDS
from properties.strategies.normalization import batch_norms, layer_norms
from properties.strategies.problems import Problem, Problems, Spec

__all__ = [
    "KINDS",
    "Draw",
    "Problem",
    "Problems",
    "Spec",
    "batch_norms",
    "convolutions",
    "denses",
    "draw",
    "draws",
    "dropouts",
    "gelus",
    "layer_norms",
    "log_softmaxes",
    "output_sizes",
    "pads",
    "relus",
    "sigmoids",
    "softmaxes",
    "tanhs",
]
