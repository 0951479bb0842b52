"""The questions that conventions answer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from properties.convention import RAISES, Asked, convention

NAN = math.nan
TIES = {"the first": (1, 0), "the last": (0, 1), "equal shares": (0.5, 0.5), "each in full": (1, 1)}

# -- convolution and padding ---------------------------------------------------------------------------


@convention(
    "CHOICE-1", "kernel of a convolution", "convolution", {"as it stands": (3, 2, 1), "turned round": (1, 2, 3)}
)
def test_correlation(f: Asked) -> Any:
    """Whether what is called convolution is the cross-correlation, or turns the kernel round."""
    return f.convolution(x=[[[0, 0, 1, 0, 0]]], w=[[[1, 2, 3]]])


@convention("CHOICE-2", "odd element of SAME", "convolution", {"after": (3, 6, 4), "before": (1, 3, 6)})
def test_odd_element(f: Asked) -> Any:
    """The side on which padding="same" puts the element that is left over."""
    return f.convolution(x=[[[1, 2, 4]]], w=[[[1, 1]]], padding="same")


@convention("CHOICE-3", "kernel that does not fit", "convolution", {"an error": RAISES, "an empty result": ()})
def test_kernel_that_does_not_fit(f: Asked) -> Any:
    """What a convolution gives where the kernel is larger than the signal."""
    return f.convolution(x=[[[1]]], w=[[[1, 1]]])


@convention(
    "CHOICE-4",
    "kernel of a transposed convolution",
    "transposed_convolution",
    {"as it stands, the adjoint": (1, 2, 3), "turned round": (3, 2, 1)},
)
def test_transposed_kernel(f: Asked) -> Any:
    """In which order the kernel appears around an impulse, with the framework's own defaults."""
    return f.bare("transposed_convolution", x=[[[1]]], w=[[[1, 2, 3]]])


@convention(
    "CHOICE-5",
    "channels of a transposed kernel",
    "transposed_convolution",
    {"(in, out)": (21,), "(out, in)": RAISES},
)
def test_transposed_channels(f: Asked) -> Any:
    """The layout of a transposed convolution's kernel from two channels to one."""
    return f.transposed_convolution(x=[[[1], [10]]], w=[[[1]], [[2]]])


@convention("CHOICE-6", "reflection", "pad", {"without the edge": (2, 1, 2, 3, 2), "with the edge": (1, 1, 2, 3, 3)})
def test_reflection(f: Asked) -> Any:
    """Whether mode="reflect" repeats the edge."""
    return f.pad(x=[[[1, 2, 3]]], padding=((1, 1),), mode="reflect")


# -- pooling -------------------------------------------------------------------------------------------


@convention("CHOICE-7", "windows that do not fit whole", "max_pool", {"left out: floor": (2,), "kept: ceil": (2, 3)})
def test_rounding_of_sizes(f: Asked) -> Any:
    """Whether the size of a pool is rounded down or up, unless it is said."""
    return f.max_pool(x=[[[1, 2, 3]]], kernel=2)


@convention("CHOICE-8", "padding in an average", "average_pool", {"counts": (2,), "does not count": (4,)})
def test_padding_in_an_average(f: Asked) -> Any:
    """Whether the zeros of the padding count in an average, unless it is said."""
    return f.average_pool(x=[[[4]]], kernel=2, padding=1)


@convention(
    "CHOICE-9",
    "beyond the padding, in an average with ceil_mode",
    "average_pool",
    {"does not count": (3, 6), "counts": (3, 3)},
)
def test_beyond_the_padding(f: Asked) -> Any:
    """Whether what a last window sees beyond the padding counts, where the padding does."""
    return f.average_pool(x=[[[2, 4, 6]]], kernel=2, ceil_mode=True)


@convention("CHOICE-10", "norm 1 of a pool", "lp_pool", {"of the magnitudes": (4,), "of the numbers": (2,)})
def test_norm_1(f: Asked) -> Any:
    """Whether a pool of norm 1 adds magnitudes, or the numbers as they are."""
    return f.lp_pool(x=[[[-1, 3]]], kernel=2, norm_type=1)


@convention("CHOICE-11", "gradient of a max-pool at a tie", "max_pool", TIES)
def test_tie_in_a_window(f: Asked) -> Any:
    """Which of two equal elements of a window gets the gradient."""
    return f.gradient("max_pool", [[[1]]], x=[[[1, 1]]], kernel=2)


@convention("CHOICE-12", "gradient of a maximum at a tie", "global_max_pool", TIES)
def test_tie(f: Asked) -> Any:
    """Which of two equal elements gets the gradient of the maximum along an axis."""
    return f.gradient("global_max_pool", [[[1]]], x=[[[1, 1]]])


@convention("CHOICE-13", "gradient of a norm at 0", "lp_pool", {"0": (0, 0), "NaN": (NAN, NAN)})
def test_norm_at_zero(f: Asked) -> Any:
    """The gradient of the Euclidean norm of two zeros, which has none."""
    return f.gradient("lp_pool", [[[1]]], x=[[[0, 0]]], kernel=2)


# -- normalisation and dropout -------------------------------------------------------------------------


def normalised(f: Asked, **options: Any) -> Any:
    """Three results for the batch -1, 9, whose mean is 4 and whose variance is 25."""
    return f.batch_norm(x=[[-1], [9]], running_mean=[0], running_var=[0], training=True, **options)


@convention("CHOICE-14", "running variance", "batch_norm", {"unbiased, n - 1": (50,), "biased, n": (25,)})
def test_running_variance(f: Asked) -> Any:
    """By what the variance is divided that moves the running one."""
    return normalised(f, momentum=1.0)[2]


@convention("CHOICE-15", "momentum of a batch norm", "batch_norm", {"weighs the batch": (1,), "weighs the past": (3,)})
def test_momentum(f: Asked) -> Any:
    """Whether a momentum of 1/4 is the share of the batch in the running mean, or that of the past."""
    return normalised(f, momentum=0.25)[1]


@convention(
    "CHOICE-16", "eps of a batch norm", "batch_norm", {"inside the root": (-0.5, 0.5), "outside": (-0.0625, 0.0625)}
)
def test_eps(f: Asked) -> Any:
    """Whether eps is added to the variance, or to its root."""
    return normalised(f, eps=75.0)[0]


@convention("CHOICE-17", "survivors of a dropout", "dropout", {"divided by 1 - p": (2,), "left as they are": (1,)})
def test_survivors(f: Asked) -> Any:
    """Whether what is kept in training is rescaled."""
    return np.max(f.dropout(x=np.ones(64), key=1))


@convention("CHOICE-18", "NaN that is dropped", "dropout", {"0": (1,), "NaN": (0,)})
def test_dropped_nan(f: Asked) -> Any:
    """Whether a NaN that is dropped is gone."""
    return np.any(f.dropout(x=np.full(64, NAN), key=1) == 0)


# -- activations and positions -------------------------------------------------------------------------


@convention("CHOICE-19", "GELU", "gelu", {"erf": (-45.5,), "tanh": (-45.4,)})
def test_gelu(f: Asked) -> Any:
    """The form of GELU that is the framework's own default, by a thousand times its value at -2."""
    return np.round(1000 * f.bare("gelu", x=[-2]), 1)


@convention("CHOICE-20", "gradient of ReLU at 0", "relu", {"0": (0,), "1/2": (0.5,), "1": (1,)})
def test_relu_at_zero(f: Asked) -> Any:
    """The gradient of max(x, 0) at 0, which has none."""
    return f.gradient("relu", [1], x=[0])


@convention(
    "CHOICE-21",
    "pairs of a positional encoding",
    "sinusoidal_encoding",
    {"counted from 0": (math.sin(1), math.cos(1)), "counted from 1": (math.sin(1e-4), math.cos(1e-4))},
)
def test_first_pair(f: Asked) -> Any:
    """Whether the first pair turns by one radian a step."""
    return f.sinusoidal_encoding(t=[1], d=2)


@convention(
    "CHOICE-22",
    "layout of a positional encoding",
    "sinusoidal_encoding",
    {"interleaved": (0, 1, 0, 1), "in halves": (0, 0, 1, 1)},
)
def test_layout(f: Asked) -> Any:
    """Whether sines and cosines lie in pairs, or all sines come first."""
    return f.sinusoidal_encoding(t=[0], d=4)


# -- attention -----------------------------------------------------------------------------------------

KEYLESS = {"NaN": (NAN, NAN), "0": (0, 0), "the mean of all values": (2, 2)}
LEAKS = {"shows": (NAN, NAN), "does not show": (1, 1)}


def attended(f: Asked, mask: Any, k: Any = ((0, 0), (0, 0)), v: Any = ((1, 1), (3, 3))) -> Any:
    """One query of zeros, two keys, and two values."""
    return f.scaled_dot_product_attention(q=[[[[0, 0]]]], k=[[k]], v=[[v]], mask=mask)


@convention("CHOICE-23", "row that a boolean mask closes", "scaled_dot_product_attention", KEYLESS)
def test_closed_row(f: Asked) -> Any:
    """What a query gets that may attend to no key, by booleans."""
    return attended(f, [[False, False]])


@convention("CHOICE-24", "row that -inf closes", "scaled_dot_product_attention", KEYLESS)
def test_row_of_minus_infinity(f: Asked) -> Any:
    """What a query gets that may attend to no key, by a mask that is added."""
    return attended(f, [[-math.inf, -math.inf]])


@convention("CHOICE-25", "NaN in a value behind a mask", "scaled_dot_product_attention", LEAKS)
def test_value_behind_a_mask(f: Asked) -> Any:
    """Whether a NaN shows in a value whose key is closed by a boolean."""
    return attended(f, [[True, False]], v=((1, 1), (NAN, NAN)))


@convention("CHOICE-26", "NaN in a key behind a mask", "scaled_dot_product_attention", LEAKS)
def test_key_behind_a_mask(f: Asked) -> Any:
    """Whether a NaN shows in a key that is closed by a boolean."""
    return attended(f, [[True, False]], k=((0, 0), (NAN, NAN)))


@convention(
    "CHOICE-27",
    "causal attention to more keys than queries",
    "scaled_dot_product_attention",
    {"counted from the first": (1, 2), "counted from the last": (2, 3)},
)
def test_causal_alignment(f: Asked) -> Any:
    """Whether the first of two queries sees one of three keys, or two."""
    values = [[[[1, 1], [3, 3], [5, 5]]]]
    y = f.scaled_dot_product_attention(q=np.zeros((1, 1, 2, 2)), k=np.zeros((1, 1, 3, 2)), v=values, causal=True)
    return y[..., 0]


# -- numbers -------------------------------------------------------------------------------------------


@convention("CHOICE-28", "subnormal numbers", "dense", {"kept": (0.25,), "flushed": (0,)})
def test_subnormals(f: Asked) -> Any:
    """What becomes of a quarter of the smallest normal number, in units of that number."""
    smallest = f.backend.format.smallest_normal
    return f.dense(x=[[smallest / 4]], w=[[1]]) / smallest


# -- steps, losses and gates ---------------------------------------------------------------------------


@convention("CHOICE-29", "step at 0", "binary_step", {"0": (0,), "1/2": (0.5,), "1": (1,)})
def test_step(f: Asked) -> Any:
    """What a step is at 0, unless it is said."""
    return f.binary_step(x=[0])


LOG_2 = math.log(2)
WEIGHTS = (1.0, 3.0)


def lost(f: Asked, target: Any, weight: Any = WEIGHTS, **options: Any) -> Any:
    """The cross-entropy of scores of which nothing follows: log 2 for each target."""
    return f.cross_entropy(x=np.zeros((len(target), 2)), target=np.array(target), weight=weight, **options)


@convention(
    "CHOICE-30",
    "divisor of a weighted mean loss",
    "cross_entropy",
    {"the weights of the targets": (LOG_2,), "the number of samples": (2 * LOG_2,)},
)
def test_divisor(f: Asked) -> Any:
    """What the sum of weighted losses is divided by."""
    return lost(f, [0, 1])


@convention(
    "CHOICE-31",
    "what a weight multiplies in a smoothed loss",
    "cross_entropy",
    {"the term of its class": (1.5 * LOG_2,), "the samples of its class": (LOG_2,)},
)
def test_smoothing_with_weights(f: Asked) -> Any:
    """Whether the terms of label smoothing have the weights of their classes, or that of the target."""
    return lost(f, [0], label_smoothing=0.5, reduction="sum")


@convention("CHOICE-32", "mean loss of no target", "cross_entropy", {"NaN": (NAN,), "0": (0,)})
def test_no_target(f: Asked) -> Any:
    """What the mean is if every target is ignored."""
    return lost(f, [-100], None)


def gated(f: Asked, primitive: str, w_x: Any, w_h: Any, b_h: Any, **states: Any) -> Any:
    """One step of one unit, whose gates have one number each."""
    column = [[w] for w in w_x]
    step = getattr(f, primitive)
    return step(x=[[1]], **states, w_x=column, w_h=[[w] for w in w_h], b_x=[0] * len(w_x), b_h=list(b_h))


@convention(
    "CHOICE-33",
    "reset gate of a GRU",
    "gru_step",
    {
        "after the matrix of the state": ((math.tanh(1.5) + 1) / 2,),
        "before it": ((math.tanh(2.5) + 1) / 2,),
    },
)
def test_reset_gate(f: Asked) -> Any:
    """Whether a reset gate of 1/2 halves what the matrix of the state gives, with its bias, or the state."""
    return gated(f, "gru_step", (0, 0, 0), (0, 0, 1), (0, 0, 2), h=[[1]])


@convention("CHOICE-34", "gates of a GRU", "gru_step", {"reset, update, new": (0.5,), "update, reset, new": (1,)})
def test_gates_of_a_gru(f: Asked) -> Any:
    """In which order the gates lie, by what the first of them does."""
    return gated(f, "gru_step", (100, 0, 0), (0, 0, 0), (0, 0, 0), h=[[1]])


def kept(i: float, f: float, g: float) -> float:
    """The memory 2 after a step of an LSTM."""
    sigmoid = [1 / (1 + math.exp(-a)) for a in (i, f)]
    return sigmoid[1] * 2 + sigmoid[0] * math.tanh(g)


@convention(
    "CHOICE-35",
    "gates of an LSTM",
    "lstm_step",
    {
        "input, forget, new, output": (kept(1, 2, 3),),
        "input, new, forget, output": (kept(1, 3, 2),),
        "input, output, forget, new": (kept(1, 3, 4),),
        "forget, input, new, output": (kept(2, 1, 3),),
    },
)
def test_gates_of_an_lstm(f: Asked) -> Any:
    """In which order the gates lie, by the memory after one step."""
    _, c = gated(f, "lstm_step", (1, 2, 3, 4), (0, 0, 0, 0), (0, 0, 0, 0), h=[[0]], c=[[2]])
    return c
