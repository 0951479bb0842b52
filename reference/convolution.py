"""Convolution, its output size, padding, the transposed and the true convolution, and its matrix.

    y[n, o, i] = b[o] + sum over c, k of  x[n, c, s i + d k - p] w[o, c, k]        x is 0 outside

for the position i of an output and the tap k of a kernel, each one index a spatial axis. What
networks call convolution does not flip the kernel: in signal processing it is the
cross-correlation (He, 2024, "Convolution: a 2-D example"; Gong, "Convolution: a 2-D example", which
says so in a footnote). s is the stride, d the dilation, p the padding before the signal.

The transposed convolution is the adjoint of this map: it carries each number back to where it came from,

    y[n, o, j] = b[o] + sum over c, i, k with s i + d k - p = j of  x[n, c, i] w[c, o, k]
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from reference.arrays import Array, Padding, Pair, PerAxis, per_axis


def output_size(size: int, kernel: int, *, stride: int = 1, padding: Pair = (0, 0), dilation: int = 1) -> int:
    """Count the positions that a kernel can take along one axis of a signal.

        P = floor((S + p_before + p_after - d (K - 1) - 1) / s) + 1

    Shapes: all arguments are counts of elements.
    Raises: ValueError if the kernel does not fit into the padded signal, K, s or d is not positive, or S or p
    is negative.
    Source: He (2024), "Convolution: stride"; Gong, "Convolution: stride", with the floor in both.

    >>> output_size(8, 3, stride=2, padding=(1, 1))
    4
    """
    if min(kernel, stride, dilation) < 1:
        raise ValueError(f"kernel {kernel}, stride {stride} and dilation {dilation} must be positive")
    if min(size, *padding) < 0:
        raise ValueError(f"size {size} and padding {padding} must not be negative")
    room = size + sum(padding) - dilation * (kernel - 1) - 1
    if room < 0:
        raise ValueError(f"a kernel of {kernel} taps, dilation {dilation}, does not fit into {size} + {padding}")
    return room // stride + 1


def paddings(
    padding: Padding, sizes: Sequence[int], kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> tuple[Pair, ...]:
    """Write a padding out: how many elements come before and after the signal on each axis.

    "valid" adds none; "full" adds d (K - 1) on both sides, so that every overlap counts; "same" adds
    max((ceil(S/s) - 1) s + d (K - 1) + 1 - S, 0) in all, so that ceil(S/s) outputs result, and puts the
    odd element after the signal.

    >>> paddings("same", sizes=(5,), kernel=(4,), stride=(1,), dilation=(1,))
    ((1, 2),)
    """
    spans = [d * (K - 1) for K, d in zip(kernel, dilation, strict=True)]
    if isinstance(padding, str):
        if padding == "valid":
            return ((0, 0),) * len(spans)
        if padding == "full":
            return tuple((span, span) for span in spans)
        if padding == "same":
            if min(stride) < 1:
                raise ValueError(f"stride {stride} must be positive")
            needed = [(-(-S // s) - 1) * s + span + 1 - S for S, s, span in zip(sizes, stride, spans, strict=True)]
            return tuple((max(total, 0) // 2, max(total, 0) - max(total, 0) // 2) for total in needed)
        raise ValueError(f'padding "{padding}" is none of "valid", "same", "full"')
    sides = (padding,) * len(spans) if isinstance(padding, int) else padding
    pairs = tuple((side, side) if isinstance(side, int) else (int(side[0]), int(side[1])) for side in sides)
    if len(pairs) != len(spans) or any(side < 0 for pair in pairs for side in pair):
        raise ValueError(f"padding {padding} is not one nonnegative side or pair for each of {len(spans)} axes")
    return pairs


FILLS = {"zeros": "constant", "constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def pad(x: Array, *, padding: Sequence[Pair], mode: str = "constant", value: float = 0.0) -> Array:
    """Continue a signal beyond its ends, on every spatial axis.

    With i counted from the first element of a signal of S elements, element i of the result is
        constant    value outside        reflect   x[-i], x[2 (S - 1) - i]: the edge is not repeated
        replicate   x[0], x[S - 1]       circular  x[i mod S]

    Shapes: x (N, C, *S), one pair (before, after) for each spatial axis -> (N, C, *(S + before + after)).
    Raises: ValueError for an unknown mode, a negative padding, reflect with a padding of S or more,
    replicate of nothing, circular with a padding of more than S.
    Source: Meilă (2026), "Parameters", for zeros; PyTorch, "torch.nn.functional.pad", for the other modes.

    >>> pad(np.array([[[1.0, 2.0, 3.0]]]), padding=[(2, 1)], mode="reflect")
    array([[[3., 2., 1., 2., 3., 2.]]])
    """
    sizes = np.shape(x)[2:]
    if mode not in FILLS:
        raise ValueError(f'mode "{mode}" is none of {", ".join(FILLS)}')
    pairs = paddings(padding, sizes, *[(1,) * len(sizes)] * 3)
    reach = {"reflect": -1, "replicate": math.inf, "circular": 0}.get(mode)
    for S, pair in zip(sizes, pairs, strict=True):
        if (reach is not None and max(pair) > max(S + reach, 0)) or (mode == "replicate" and S == 0):
            raise ValueError(f"mode {mode} cannot continue {S} elements by {pair}")
    width = [(0, 0), (0, 0), *pairs]
    if FILLS[mode] == "constant":
        return np.pad(x, width, constant_values=value)
    return np.pad(x, width, mode=FILLS[mode])  # type: ignore[call-overload]  # NumPy types each mode apart


def windows(x: Array, kernel: Sequence[int], stride: Sequence[int], dilation: Sequence[int]) -> Array:
    """View a padded signal as the windows that a kernel sees.

    Shapes: x (N, C, *S) -> (N, C, *P, *K), with P as in output_size.
    """
    rank = len(kernel)
    spans = tuple(d * (K - 1) + 1 for K, d in zip(kernel, dilation, strict=True))
    every_window = sliding_window_view(x, spans, axis=tuple(range(2, 2 + rank)))
    return every_window[(slice(None), slice(None), *(slice(None, None, step) for step in (*stride, *dilation)))]


def convolution(
    x: Array,
    w: Array,
    bias: Array | None = None,
    *,
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
) -> Array:
    """Slide every kernel over the signal and take the inner product with each window.

    With groups, output channel o sees only the input channels of its own group.

    Shapes: x (N, C, *S), w (O, C/groups, *K), bias (O,) -> (N, O, *P), with P as in output_size;
    one to three spatial axes. padding: one side or pair an axis, or "valid", "same", "full".
    Raises: ValueError if the ranks, channels or groups do not match, the kernel does not fit, an option is not
    one for each axis or out of range, or a name is unknown; also what pad raises.
    Source: He (2024), "Convolution: a 2-D example" to "Convolution: stride".

    >>> convolution(np.array([[[1.0, 2.0, 4.0]]]), np.array([[[-1.0, 1.0]]]))
    array([[[1., 2.]]])
    """
    (N, C, *S), (O, C_w, *K) = np.shape(x), np.shape(w)
    if (
        len(S) != len(K)
        or groups < 1
        or C != C_w * groups
        or O % groups
        or (bias is not None and np.shape(bias) != (O,))
    ):
        raise ValueError(f"signal {np.shape(x)}, kernels {np.shape(w)}, bias and {groups} groups do not fit together")
    strides, dilations = per_axis(stride, len(K)), per_axis(dilation, len(K))
    pairs = paddings(padding, S, K, strides, dilations)
    axes = zip(S, K, strides, pairs, dilations, strict=True)
    P = [output_size(S_i, K_i, stride=s, padding=p, dilation=d) for S_i, K_i, s, p, d in axes]

    x = pad(x, padding=pairs, mode=padding_mode)
    if groups > 1:
        biases = [None] * groups if bias is None else np.split(bias, groups)
        parts = zip(np.split(x, groups, axis=1), np.split(w, groups), biases, strict=True)
        return np.concatenate([convolution(*part, stride=strides, dilation=dilations) for part in parts], axis=1)

    seen = np.reshape(windows(x, K, strides, dilations), (N, C, math.prod(P), math.prod(K)))
    y = np.einsum("ncpk,ock->nop", seen, np.reshape(w, (O, C, math.prod(K))))
    if bias is not None:
        y = y + np.reshape(bias, (O, 1))
    return np.reshape(y, (N, O, *P))


def spread(x: Array, steps: Sequence[int]) -> Array:
    """Put step - 1 zeros between neighbours on every spatial axis.

    Shapes: x (N, C, *S), no S of 0 -> (N, C, *((S - 1) step + 1)).

    >>> spread(np.array([[[1.0, 2.0, 3.0]]]), [2])
    array([[[1., 0., 2., 0., 3.]]])
    """
    for axis, step in enumerate(steps, start=2):
        (*before, S), after = np.shape(x)[: axis + 1], np.shape(x)[axis + 1 :]
        gaps = [(0, step - 1) if i == axis + 1 else (0, 0) for i in range(len(steps) + 3)]
        x = np.reshape(np.pad(np.expand_dims(x, axis + 1), gaps), (*before, S * step, *after))
        x = x[(slice(None),) * axis + (slice(0, (S - 1) * step + 1),)]
    return x


def transposed_convolution(
    x: Array,
    w: Array,
    bias: Array | None = None,
    *,
    stride: PerAxis = 1,
    padding: Padding = 0,
    output_padding: PerAxis = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
) -> Array:
    """Carry every number of the signal to the places from which a convolution would have taken it.

    A convolution of stride s forgets how many elements were left over behind its last window;
    output_padding gives them back. What is computed is a convolution: of the signal with s - 1 zeros
    between its elements, with the kernels turned round. So kernels must be finite (0 times infinity is no
    number), and the error bound counts taps that meet a zero, though these make no error.

    Shapes: x (N, C, *S), w (C, O/groups, *K), bias (O,) -> (N, O, *P) with
    P = (S - 1) s - p_before - p_after + d (K - 1) + 1 + output_padding; one to three spatial axes.
    Raises: ValueError if the ranks, channels or groups do not match, the signal is empty, a size P is
    below 1, padding is a name, an option is not one for each axis or out of range, or output_padding is
    neither below the stride nor below the dilation: no convolution leaves so much over.
    Source: Dumoulin and Visin (2016), "A guide to convolution arithmetic for deep learning", chapter 4.

    >>> transposed_convolution(np.array([[[1.0, 10.0]]]), np.array([[[1.0, 2.0, 3.0]]]), stride=2)
    array([[[ 1.,  2., 13., 20., 30.]]])
    """
    (N, C, *S), (C_w, O_g, *K) = np.shape(x), np.shape(w)
    if len(S) != len(K) or groups < 1 or C != C_w or C % groups or 0 in S or isinstance(padding, str):
        raise ValueError(f"signal {(N, C, *S)}, kernels {np.shape(w)}, {groups} groups and {padding=} do not fit")
    s, d, more = (per_axis(value, len(K)) for value in (stride, dilation, output_padding))
    if min(*K, *s, *d) < 1 or min(more) < 0:
        raise ValueError(
            f"kernel {K}, stride {s} and dilation {d} must be positive, output_padding {more} not negative"
        )
    if any(m >= max(s_i, d_i) for m, s_i, d_i in zip(more, s, d, strict=True)):
        raise ValueError(f"output_padding {more} is below neither stride {s} nor dilation {d}")
    pairs = paddings(padding, S, K, s, d)
    spans = [d_i * (K_i - 1) for d_i, K_i in zip(d, K, strict=True)]
    sides = [(span - p, span - q + m) for span, (p, q), m in zip(spans, pairs, more, strict=True)]

    x = pad(spread(x, s), padding=[(max(p, 0), max(q, 0)) for p, q in sides])
    cut = [slice(max(-p, 0), n - max(-q, 0)) for (p, q), n in zip(sides, np.shape(x)[2:], strict=True)]
    x = x[(slice(None), slice(None), *cut)]
    w = np.reshape(np.flip(w, tuple(range(2, 2 + len(K)))), (groups, C // groups, O_g, *K))
    w = np.reshape(np.swapaxes(w, 1, 2), (groups * O_g, C // groups, *K))
    return convolution(x, w, bias, dilation=d, groups=groups)


def true_convolution(x: Array, w: Array, *, mode: str = "full") -> Array:
    """Turn a kernel round and slide it over a signal of one channel, as in signal processing.

        y[i] = sum over k of  x[i - k] w[k]        x is 0 outside, 0 <= i < S + K - 1

    "full" keeps every i, "same" as many as x has from floor((K - 1)/2) on, "valid" those where one of both lies
    wholly in the other. Both can change places, so the shorter one is taken for the kernel; only what "same"
    keeps depends on the order.

    Shapes: x (*S), w (*K) with as many axes -> (*(S + K - 1)), (*S) or (*(abs(S - K) + 1)).
    Raises: ValueError if one is empty, the axes are not as many, the mode is unknown, or it is "valid" and none
    is as long as the other on every axis.
    Source: Meilă (2026), "ConvNets – Convolutional Networks", equation 1, and "Discrete convolution".

    >>> true_convolution(np.array([1.0, 2.0, 4.0]), np.array([1.0, -1.0]))
    array([ 1.,  1.,  2., -4.])
    """
    S, K = np.shape(x), np.shape(w)
    if len(S) != len(K) or 0 in (*S, *K) or mode not in ("full", "same", "valid"):
        raise ValueError(f'{S} and {K} must have as many axes, none of them empty; "{mode}" a mode')
    axes = list(zip(S, K, strict=True))
    if mode == "valid" and any(s < k for s, k in axes) and any(s > k for s, k in axes):
        raise ValueError(f"neither {S} nor {K} holds the other")
    first, P = zip(
        *{
            "full": [(0, s + k - 1) for s, k in axes],
            "same": [((k - 1) // 2, s) for s, k in axes],
            "valid": [(min(s, k) - 1, abs(s - k) + 1) for s, k in axes],
        }[mode],
        strict=True,
    )
    if math.prod(K) > math.prod(S):
        x, w, S, K = w, x, K, S
    seen = [(i - k + 1, i + p) for i, k, p in zip(first, K, P, strict=True)]  # of x, by outputs i to i + p - 1
    x = x[tuple(slice(max(a, 0), b) for a, b in seen)]
    sides = [(max(-a, 0), max(b - s, 0)) for (a, b), s in zip(seen, S, strict=True)]
    return convolution(x[None, None], np.flip(w)[None, None], padding=sides)[0, 0]


def toeplitz(c: Array, r: Array | None = None) -> Array:
    """Build the matrix that has the same number all along each diagonal.

        T[i, j] = c[i - j]  where i >= j,  r[j - i]  elsewhere        r = c, unless it is given

    The convolution with w is a product with such a matrix: T[i, j] = w[i - j], which is 0 outside of w.

    Shapes: c (*N, m), r (*N, n) -> (*N, m, n); r[..., 0] is not used.
    Raises: ValueError if one has no axis or no elements, or the leading axes differ.
    Source: Meilă (2026), "ConvNets – Convolutional Networks"; SciPy, "scipy.linalg.toeplitz", for c and r.

    >>> toeplitz(np.array([1.0, -1.0, 0.0, 0.0]), np.array([1.0, 0.0, 0.0])) @ np.array([1.0, 2.0, 4.0])
    array([ 1.,  1.,  2., -4.])
    """
    r = c if r is None else r
    if 0 in (np.ndim(c), np.ndim(r), *np.shape(c)[-1:], *np.shape(r)[-1:]) or np.shape(c)[:-1] != np.shape(r)[:-1]:
        raise ValueError(f"{np.shape(c)} and {np.shape(r)} are not a column and a row for each matrix")
    m, n = np.shape(c)[-1], np.shape(r)[-1]
    diagonals = np.concatenate([np.flip(c, -1), r[..., 1:]], axis=-1)  # from the lowest on
    return np.take(diagonals, np.arange(n) - np.arange(m)[:, None] + m - 1, axis=-1)


def parameter_count(channels: int, outputs: int, *, kernel: Sequence[int], groups: int = 1, bias: bool = True) -> int:
    """Count the numbers that a convolution learns.

        O (C / groups) K_1 K_2 ... + O        without the last O if there is no bias

    Shapes: channels is C and outputs O; kernel has an entry for each spatial axis.
    Raises: ValueError if groups do not divide C and O, or a count is not positive.
    Source: He (2024), "Convolution: # parameters and # operations".

    >>> parameter_count(3, 64, kernel=(7, 7), bias=False)
    9408
    """
    if min(channels, outputs, groups, *kernel) < 1 or channels % groups or outputs % groups:
        raise ValueError(f"{groups} groups of {channels} channels and {outputs} outputs, kernel {kernel}")
    return outputs * (channels // groups) * math.prod(kernel) + outputs * bias


def flop_count(
    channels: int,
    outputs: int,
    *,
    size: Sequence[int],
    kernel: Sequence[int],
    batch: int = 1,
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    bias: bool = True,
    operations: int = 1,
    counts_bias: bool = True,
    counts_padding: bool = True,
) -> int:
    """Count the floating-point operations of a convolution.

        (operations O (C / groups) K_1 K_2 ... + O) N P_1 P_2 ...        without the second O if there is no bias

    so with one operation for a product and its sum, the parameters times the positions. Whether those are one
    operation or two, whether the bias counts, and whether products with the zeros of the padding do, are
    conventions. Without these, K P becomes the number of pairs (i, k) whose s i + d k - p lies in the signal.

    Shapes: channels is C, outputs O, batch N; size has an entry for each spatial axis, and kernel too.
    Raises: ValueError as parameter_count and output_size.
    Source: He (2024), "Convolution: # parameters and # operations", where one product and sum is one operation.

    >>> flop_count(3, 64, size=(224, 224), kernel=(7, 7), stride=2, padding=3, bias=False)
    118013952
    """
    weights = parameter_count(channels, outputs, kernel=kernel, groups=groups, bias=False) // math.prod(kernel)
    s, d = per_axis(stride, len(kernel)), per_axis(dilation, len(kernel))
    pairs = paddings(padding, size, kernel, s, d)
    axes = list(zip(size, kernel, s, pairs, d, strict=True))
    P = [output_size(S, K, stride=s_i, padding=p, dilation=d_i) for S, K, s_i, p, d_i in axes]
    met = [
        sum(counts_padding or 0 <= s_i * i + d_i * k - before < S for i in range(P_i) for k in range(K))
        for P_i, (S, K, s_i, (before, _), d_i) in zip(P, axes, strict=True)
    ]
    additions = outputs * math.prod(P) if bias and counts_bias else 0
    return batch * (operations * weights * math.prod(met) + additions)
