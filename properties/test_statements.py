"""Statements of the lectures, on trial."""

from __future__ import annotations

from typing import Any

import numpy as np

from adapters.backend import BackendError
from properties.sides import wide
from properties.statement import CONVENTION, FAILS, HOLDS, Lecture, Said, statement
from properties.strategies import dropouts, max_pools, sinusoidal_encodings
from properties.strategies.statements import (
    PLAIN,
    appended,
    batches,
    continued,
    halved_kernels,
    lone_peaks,
    pooled,
    rows_of,
    samples,
    steps,
    strided_windows,
    tokens,
    windows,
    with_extras,
)

HE = Lecture("He, Junxian", '"Neural Networks, Architectures", COMP 5212 Lecture 19', "17 Apr 2024")
GONG = Lecture("Gong, Neil", '"Neural Network Architectures"', "undated")
CHEN = Lecture("Chen, Shizhe", '"Neural Networks II"', "2025")
MEILA = Lecture(
    "Meilă, Marina",
    '"Lecture Notes V – Residual and Convolutional Neural Networks, Transformers and attention"',
    "8 Feb 2026",
)
JACQUET = Lecture("Jacquet, Simon", '"Convolutional and residual neural networks: An overview"', "1 Mar 2022")

# -- what moves with its input, and what does not ------------------------------------------------------


@statement(
    "SAID-1",
    Said(CHEN, "Pooling Layer", "translation/shift invariance"),
    FAILS,
    "none: it is equivariant to shifts by the stride (POOL-3)",
    beyond=pooled(),
)
def test_pooling_is_invariant(f: Any, p: Any) -> Any:
    """max_pool(x from its second element on) = max_pool(x up to its last but one)."""
    return f.max_pool(p.x[..., 1:], **p.options), f.max_pool(p.x[..., :-1], **p.options)


@statement(
    "SAID-2",
    Said(MEILA, "Benefits", "Locally invariant to translations"),
    FAILS,
    "a lone peak that stays in its window",
    within=lone_peaks(stays=True),
    beyond=lone_peaks(stays=False),
)
def test_pooling_is_locally_invariant(f: Any, p: Any) -> Any:
    """max_pool(x moved by one place) = max_pool(x)."""
    return f.max_pool(np.roll(p.x, -1, axis=2), **p.options), f.max_pool(p.x, **p.options)


@statement(
    "SAID-3",
    Said(HE, "Convolution: translation-invariance", "translation-invariance"),
    FAILS,
    "none: it is equivariant, as the same weights in each window make it (CONV-5)",
    beyond=windows(room=1),
)
def test_convolution_is_invariant(f: Any, p: Any) -> Any:
    """conv(x from its second element on) = conv(x up to its last but one)."""
    return f.convolution(p.x[..., 1:], p.w, **p.options), f.convolution(p.x[..., :-1], p.w, **p.options)


def moved_by_one(f: Any, p: Any) -> Any:
    """conv(x moved by one place) = conv(x) moved by one place, where x goes on as p.fill says."""
    options = p.options | {"padding": 0, "padding_mode": "zeros"}

    def convolved(x: Any) -> Any:
        return f.convolution(f.pad(x, padding=p.padding, mode=p.fill), p.w, **options)

    return convolved(np.roll(p.x, 1, axis=2)), np.roll(convolved(p.x), 1, axis=2)


@statement(
    "SAID-4",
    Said(MEILA, "ConvNets – Convolutional Networks", "f is padding with 0's"),
    FAILS,
    "where no window touches the padding (CONV-5), and everywhere if the signal is continued circularly",
    within=continued("circular", stride=(1,)),
    beyond=continued("constant", stride=(1,)),
)
def test_padded_convolution_is_equivariant(f: Any, p: Any) -> Any:
    """With zeros around x, conv(x moved by one place) = conv(x) moved by one place."""
    return moved_by_one(f, p)


@statement(
    "SAID-5",
    Said(HE, "Convolution: translation-invariance", "apply the same weights regardless of the window location"),
    FAILS,
    "stride 1; with stride s, shifts by s (CONV-5)",
    within=continued("circular", stride=(1,)),
    beyond=continued("circular", stride=(2, 3)),
)
def test_strided_convolution_is_equivariant(f: Any, p: Any) -> Any:
    """With stride s, conv(x moved by one place) = conv(x) moved by one place."""
    return moved_by_one(f, p)


# -- sizes ---------------------------------------------------------------------------------------------


def sizes(x: Any) -> Any:
    return np.array(x.shape[2:], dtype=float)


def smaller(y: Any, x: Any) -> Any:
    """The two sides of: each side of y is smaller than that of x."""
    return np.minimum(sizes(y) + 1, sizes(x)), sizes(y) + 1


@statement(
    "SAID-6",
    Said(JACQUET, "ConvNets: Convolution", "VALID: y keeps the size of x, with added zeros"),
    FAILS,
    "kernels of one tap: the words for VALID and SAME are exchanged",
    within=windows(padding=("valid",), kernel=(1,)),
    beyond=windows(padding=("valid",), kernel=(2, 3)),
)
def test_valid_keeps_the_size(f: Any, p: Any) -> Any:
    """conv(x, padding="valid") is as large as x."""
    return sizes(f.convolution(p.x, p.w, **p.options)), sizes(p.x)


@statement(
    "SAID-7",
    Said(JACQUET, "ConvNets: Convolution", "SAME: y has a smaller size than x"),
    FAILS,
    "strides above 1: the words for VALID and SAME are exchanged",
    within=windows(padding=("same",), stride=(2, 3), room=1),
    beyond=windows(padding=("same",)),
)
def test_same_is_smaller(f: Any, p: Any) -> Any:
    """conv(x, padding="same") is smaller than x."""
    return smaller(f.convolution(p.x, p.w, **p.options), p.x)


@statement(
    "SAID-8",
    Said(MEILA, "Parameters", "Same … to ensure that the output has the same size as the input"),
    HOLDS,
    "stride 1; with stride s the size is ⌈S/s⌉",
    within=windows(padding=("same",)),
    beyond=windows(padding=("same",), stride=(2, 3), room=1),
)
def test_same_keeps_the_size(f: Any, p: Any) -> Any:
    """conv(x, padding="same") is as large as x."""
    return sizes(f.convolution(p.x, p.w, **p.options)), sizes(p.x)


@statement(
    "SAID-9",
    Said(HE, "Convolution: padding", "pad = ⌊kernel_size / 2⌋ – maintains feature map size"),
    HOLDS,
    "odd kernels, stride 1",
    within=halved_kernels(odd=True),
    beyond=halved_kernels(odd=False),
)
def test_half_of_the_kernel_keeps_the_size(f: Any, p: Any) -> Any:
    """With p = floor(K / 2) on both sides the output is as large as the input."""
    return f.output_size(p.size, p.kernel, **p.options), p.size


@statement(
    "SAID-10",
    Said(CHEN, "Convolution", "Output dimension (M+2P-K)/S+1"),
    FAILS,
    "where S divides M + 2P - K; elsewhere, as in (224 + 6 - 7)/2 + 1 = 112.5, the floor is meant",
    within=strided_windows(remainder=False),
    beyond=strided_windows(remainder=True),
)
def test_size_without_the_floor(f: Any, p: Any) -> Any:
    """The output has (M + 2P - K) / S + 1 elements."""
    return (p.size + sum(p.padding) - p.kernel) / p.stride + 1, f.output_size(p.size, p.kernel, **p.options)


@statement(
    "SAID-11",
    Said(GONG, "Convolution: stride", "⌊(H_in + 2pad_h − K_h) / str⌋ + 1, *rounding operation depends on libraries"),
    HOLDS,
    "kernels that fit, dilation 1",
    within=strided_windows(remainder=True),
)
def test_size_with_the_floor(f: Any, p: Any) -> Any:
    """The output has floor((H + 2 pad - K) / str) + 1 elements."""
    return (p.size + sum(p.padding) - p.kernel) // p.stride + 1, f.output_size(p.size, p.kernel, **p.options)


# -- sums as they are printed --------------------------------------------------------------------------


def summed(x: Any, w: Any, terms: Any, positions: Any) -> Any:
    """y[i] = sum over (j, k) in terms(i) of x[j] w[k] along the last axis, where neither is outside.

    Shapes: x (1, 1, S), w (O, 1, K) -> (1, O, the number of positions).
    """
    x, w = wide(x)[0, 0], wide(w)[:, 0]
    S, (O, K) = x.shape[0], w.shape
    y = []
    for i in positions:
        pairs = [(j, k) for j, k in terms(i) if 0 <= j < S and 0 <= k < K]
        y.append(sum((w[:, k] * x[j] for j, k in pairs), np.zeros(O)))
    return np.stack(y, axis=-1)[None] if y else np.zeros((1, O, 0))


ODD: dict[str, Any] = {"rank": (1,), "kernel": (3, 1)}


def centred(f: Any, x: Any, w: Any) -> Any:
    """What networks call convolution, with as many zeros on both sides as keep the size."""
    return f.convolution(x, w, padding=w.shape[2] // 2)


@statement(
    "SAID-12",
    Said(MEILA, "ConvNets – Convolutional Networks", "s(t) = Σ_{i=t−s}^{t+s} w_i s(t − i), equation 2"),
    FAILS,
    "with the limits −s and s, since i counts from the centre of the kernel, and with x(t − i) in the sum",
    within=with_extras(windows(**ODD), about="0"),
    beyond=with_extras(windows(**ODD), about="t"),
)
def test_limits_of_the_kernel(f: Any, p: Any) -> Any:
    """s(t) = sum of w(i) x(t - i) for i from t - s to t + s, w(i) = 0 where |i| > s, x = 0 outside 1 ... m."""
    m, s = p.x.shape[2], p.w.shape[2] // 2

    def terms(t: int) -> Any:
        centre = t if p.about == "t" else 0
        return [(t - i - 1, i + s) for i in range(centre - s, centre + s + 1)]

    return summed(p.x, p.w, terms, range(1, m + 1)), centred(f, p.x, np.flip(p.w, 2))


@statement(
    "SAID-13",
    Said(JACQUET, "ConvNets: Convolution", "y[i, j] = Σ_{i'=0, j'=0}^{i'+k_1, j'+k_2} x[i + i', j + j'] k[i', j']"),
    FAILS,
    "with k_1 - 1 as the last index: from 0 to k_1 there is one tap too many",
    within=with_extras(windows(rank=(1,)), too_many=0),
    beyond=with_extras(windows(rank=(1,)), too_many=1),
)
def test_one_tap_too_many(f: Any, p: Any) -> Any:
    """y[i] = sum of x[i + i'] k[i'] for i' from 0 to k_1, for all i for which there is an x[i + k_1]."""
    last = p.w.shape[2] - 1 + p.too_many
    positions = range(p.x.shape[2] - last)
    terms = lambda i: [(i + k, k) for k in range(last + 1)]  # noqa: E731
    return summed(p.x, p.w, terms, positions), f.convolution(p.x, p.w)


@statement(
    "SAID-14",
    Said(CHEN, "Convolution Layer", "z_ij = Σ_{u=1}^k Σ_{v=1}^k w_uv x_{i+u,j+v} + b"),
    FAILS,
    "with i and j counted from 0, though u, v and x are counted from 1; so its own example counts, "
    "whose map begins at the corner",
    within=with_extras(windows(rank=(1,)), first=0),
    beyond=with_extras(windows(rank=(1,)), first=1),
)
def test_one_tap_too_late(f: Any, p: Any) -> Any:
    """z_1, z_2, ... = conv(x)[0], conv(x)[1], ... for z_i = sum of w_u x_{i + u} for u from 1 to k."""
    k, M = p.w.shape[2], p.x.shape[2]
    positions = range(p.first, M - k + 1)
    z = summed(p.x, p.w, lambda i: [(i + u - 1, u - 1) for u in range(1, k + 1)], positions)
    return z, f.convolution(p.x, p.w)[..., : len(positions)]


@statement(
    "SAID-15",
    Said(MEILA, "Discrete convolution", "y(i) = Σ_{t=−∞}^{∞} x(t) w(i − t)"),
    CONVENTION,
    "signal processing flips the kernel, networks do not; kernels that are their own mirror image are the same in both",
    within=with_extras(windows(**ODD), mirrored=True),
    beyond=with_extras(windows(**ODD), mirrored=False),
)
def test_convolution_flips_the_kernel(f: Any, p: Any) -> Any:
    """conv(x, w)[i] = sum over t of x(t) w(i - t), with w(0) in the middle of the kernel."""
    w = p.w + np.flip(p.w, 2) if p.mirrored else p.w
    m, s = p.x.shape[2], p.w.shape[2] // 2
    return summed(p.x, w, lambda i: [(t, i - t + s) for t in range(m)], range(m)), centred(f, p.x, w)


@statement(
    "SAID-16",
    Said(GONG, "Convolution: a 2-D example", "y[n, m] = Σ_{i=−r}^r Σ_{j=−r}^r w[i, j] x[n + i, m + j]"),
    CONVENTION,
    "cross-correlation, which networks call convolution: its footnote says so; odd kernels, zeros outside x",
    within=with_extras(windows(**ODD), flipped=False),
    beyond=with_extras(windows(**ODD), flipped=True),
)
def test_convolution_is_a_correlation(f: Any, p: Any) -> Any:
    """conv(x, w)[n] = sum of w[i] x[n + i] for i from -r to r; in signal processing w stands the other way round."""
    m, r = p.x.shape[2], p.w.shape[2] // 2
    y = summed(p.x, p.w, lambda n: [(n + i, i + r) for i in range(-r, r + 1)], range(m))
    return y, centred(f, p.x, np.flip(p.w, 2) if p.flipped else p.w)


# -- formulas as they are printed ----------------------------------------------------------------------

NEAR = (1.0, -1.0, 0.0, 10.0, -30.0, 300.0, -300.0, 700.0)
FAR = (709.0, 710.0, 1000.0, 1e300)


@statement(
    "SAID-17",
    Said(GONG, "Activation function", "tanh(x) = (eˣ − e⁻ˣ) / (eˣ + e⁻ˣ)"),
    FAILS,
    "|x| < 709.78 in float64, where eˣ is a number; beyond it is ∞/∞. He (2024) prints it too",
    within=rows_of("tanh", NEAR),
    beyond=rows_of("tanh", FAR),
)
def test_tanh_as_printed(f: Any, p: Any) -> Any:
    """tanh(x) = (exp(x) - exp(-x)) / (exp(x) + exp(-x)), computed so."""
    e, e_ = np.exp(wide(p.x)), np.exp(-wide(p.x))
    return (e - e_) / (e + e_), f.tanh(p.x)


@statement(
    "SAID-18",
    Said(CHEN, "Attention: Step 1", "a_{1,i} = exp(e_{1,i}) / Σ_{j=1}^3 exp(e_{1,j})"),
    FAILS,
    "scores below 709.78 in float64, whose exponentials have a sum; beyond it is ∞/∞",
    within=rows_of("softmax", NEAR),
    beyond=rows_of("softmax", FAR),
)
def test_softmax_as_printed(f: Any, p: Any) -> Any:
    """softmax(x)[i] = exp(x[i]) / sum over j of exp(x[j]), computed so."""
    e = np.exp(wide(p.x))
    return e / np.sum(e), f.softmax(p.x)


@statement(
    "SAID-19",
    Said(JACQUET, "Neural networks: loss function", "L_CE(x) = − Σ_{i=1}^m t_i log(y_i)"),
    FAILS,
    "where no y is 0; there 0 log 0 is to be read as 0, and is no number",
    within=rows_of("log_softmax", (1.0, 0.0, 10.0, -30.0, -300.0, -700.0)),
    beyond=rows_of("log_softmax", (-740.0, -750.0, -1000.0)),
)
def test_cross_entropy_as_printed(f: Any, p: Any) -> Any:
    """- sum of t log y = - sum of t log_softmax(x), where y = softmax(x) and t = (1, 0)."""
    t = np.array([1.0, 0.0])
    return -np.sum(t * np.log(f.softmax(p.x))), -np.sum(t * f.log_softmax(p.x))


@statement(
    "SAID-20",
    Said(GONG, "One last detail: layer normalization", "σ = √(1/d Σ_j (a_j − μ)²), ā = (a − μ)/σ γ + β"),
    FAILS,
    "numbers that are not all equal, with ε = 0; equal ones are 0/0",
    within=samples(0.0, rows=1, kinds=("normal",)),
    beyond=samples(1e-5, rows=1, length=(2, 1, 3)),
)
def test_layer_norm_as_printed(f: Any, p: Any) -> Any:
    """layer_norm(a) = (a - mu) / sigma."""
    d = wide(p.x) - np.mean(wide(p.x), axis=-1, keepdims=True)
    return d / np.sqrt(np.mean(d * d, axis=-1, keepdims=True)), f.layer_norm(p.x, **p.options)


@statement(
    "SAID-21",
    Said(JACQUET, "ConvNets: Dropout", "â_i = 0 with probability d, a_i otherwise"),
    FAILS,
    "d = 0, and in evaluation. The mean of â is (1 − d) a; what frameworks drop while training is divided by 1 − d",
    within=dropouts(training=(False,), kinds=PLAIN),
    beyond=dropouts(p=(0.5, 0.25), training=(True,), kinds=PLAIN),
)
def test_dropout_as_printed(f: Any, p: Any) -> Any:
    """dropout(a) is 0 or a."""
    y = f.dropout(p.x, **p.options)
    return y, np.where(y != 0, wide(p.x), 0.0)


# -- who influences whom -------------------------------------------------------------------------------


def without_the_first(norm: Any, x: Any) -> Any:
    """A norm of all samples but the first, and that of all samples without the first."""
    return norm(x[1:]), norm(x)[1:]


@statement(
    "SAID-22",
    Said(GONG, "One last detail: layer normalization", "like batch norm, but not across the batch"),
    FAILS,
    "evaluation, with running statistics",
    within=batches(training=False),
    beyond=batches(training=True),
)
def test_batch_norm_treats_samples_separately(f: Any, p: Any) -> Any:
    """bn(the batch without its first sample) = bn(the batch) without its first."""
    return without_the_first(lambda x: f.batch_norm(x, p.running_mean, p.running_var, **p.options)[0], p.x)


@statement(
    "SAID-23",
    Said(GONG, "One last detail: layer normalization", "like batch norm, but not across the batch"),
    HOLDS,
    "everywhere",
    within=samples(1e-5),
)
def test_layer_norm_treats_samples_separately(f: Any, p: Any) -> Any:
    """ln(the batch without its first sample) = ln(the batch) without its first."""
    return without_the_first(lambda x: f.layer_norm(x, **p.options), p.x)


@statement(
    "SAID-24",
    Said(MEILA, "Pooling", "Commutative property (order does not matter)"),
    HOLDS,
    "everywhere",
    within=max_pools(padding=("none",), stride=("kernel",), dilation=(1,), ceil_mode=(False,), kinds=PLAIN),
)
def test_pooling_is_symmetric(f: Any, p: Any) -> Any:
    """max_pool(x in reverse) = max_pool(x) in reverse, for windows side by side that cover x."""
    axes = tuple(range(2, len(p.x.shape)))
    whole = tuple(slice(0, S // K * K) for S, K in zip(p.x.shape[2:], p.kernel, strict=True))
    x = p.x[(slice(None), slice(None), *whole)]
    return f.max_pool(np.flip(x, axes), **p.options), np.flip(f.max_pool(x, **p.options), axes)


# -- positions -----------------------------------------------------------------------------------------

POSITIONS: dict[str, Any] = {"base": (10000.0,), "layout": ("interleaved",)}


def relative(encoding: Any, p: Any) -> Any:
    """<p(t), p(t + k)> = <p(0), p(k)>: the product depends on the relative position k alone."""
    start = np.sum(encoding(np.zeros(())) * encoding(p.k), axis=-1)
    return np.sum(encoding(p.t) * encoding(p.t + p.k), axis=-1), np.broadcast_to(start, p.t.shape)


@statement(
    "SAID-25",
    Said(GONG, "Positional encoding: sin/cos", "similar relative position have similar positional encoding"),
    HOLDS,
    "sines and cosines",
    within=sinusoidal_encodings(offset=True, **POSITIONS),
)
def test_waves_are_relative(f: Any, p: Any) -> Any:
    """<p(t), p(t + k)> = <p(0), p(k)> for sines and cosines."""
    return relative(lambda t: f.sinusoidal_encoding(t, **p.options), p)


def products(y: Any) -> Any:
    """<y[s], y[t]> for all tokens s and t."""
    return np.matmul(y, np.swapaxes(y, -1, -2))


@statement(
    "SAID-26",
    Said(GONG, "Positional encoding: sin/cos", "Naïve positional encoding: just append t to the input"),
    FAILS,
    "sequences that begin at 0; as it says itself, “absolute position is less important than relative position”",
    within=appended(start=(0,)),
    beyond=appended(start=(1, 2, 10)),
)
def test_appended_positions_are_relative(f: Any, p: Any) -> Any:
    """The products of tokens to which t is appended are the same wherever the sequence begins."""
    here, at_zero = (f.naive_encoding(p.x, start=start) for start in (p.start, 0))
    return products(here), products(at_zero)


@statement(
    "SAID-27",
    Said(GONG, "Positional encoding: sin/cos", "p_t = (sin(t/10000^{2·1/d}), cos(t/10000^{2·1/d}), …)"),
    CONVENTION,
    "pairs counted from 1; Vaswani et al. (2017) count from 0",
    within=sinusoidal_encodings(first_index=(1,), **POSITIONS),
    beyond=sinusoidal_encodings(first_index=(0,), **POSITIONS),
)
def test_pairs_are_counted_from_one(f: Any, p: Any) -> Any:
    """p(t) = (sin(t / 10000^(2 i / d)), cos(t / 10000^(2 i / d))) for i = 1, ..., d/2."""
    i = np.arange(1, p.d // 2 + 1)
    angle = np.expand_dims(wide(p.t), -1) / 10000.0 ** (2 * i / p.d)
    pairs = np.stack([np.sin(angle), np.cos(angle)], axis=-1)
    return np.reshape(pairs, (*p.t.shape, p.d)), f.sinusoidal_encoding(p.t, **p.options)


@statement(
    "SAID-28",
    Said(GONG, "Positional encoding: learned", "need to pick a max sequence length (and can't generalize beyond it)"),
    HOLDS,
    "sequences longer than the table; those that are not have their positions",
    within=tokens(beyond_the_table=True),
    beyond=tokens(beyond_the_table=False),
)
def test_learned_positions_end(f: Any, p: Any) -> Any:
    """There is no encoding of more tokens than the table has rows."""
    try:
        f.learned_encoding(p.x, p.table)
    except (BackendError, ValueError):  # of the backend, and of the reference
        return 0.0, 0.0
    return 1.0, 0.0


@statement(
    "SAID-29",
    Said(GONG, "Activation function", "Binary step: 0 if x < 0, 1 if x ≥ 0"),
    CONVENTION,
    "the step at 0 is 1, as here by default; others put 0 or 1/2 there",
    within=steps(at_zero=(1.0,)),
    beyond=steps(at_zero=(0.5, 0.0)),
)
def test_step_at_zero(f: Any, p: Any) -> Any:
    """step(0) = 1."""
    return f.binary_step(p.x, **p.options), np.ones(p.x.shape)
