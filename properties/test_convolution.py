"""Laws of convolution, transposed convolution and padding."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from adapters.backend import Backend
from properties.agreement import same_bits, same_number
from properties.law import law
from properties.sides import wide
from properties.strategies.convolution import (
    convolutions,
    deltas,
    flop_counts,
    parameter_counts,
    toeplitzes,
    transposed_convolutions,
    true_convolutions,
    with_place,
)
from properties.strategies.cotangents import differentiated
from properties.strategies.kinds import KINDS
from properties.trial import is_strict
from reference import PRIMITIVES
from reference.convolution import output_size, paddings, spread, toeplitz, windows

EXPLICIT = ("none", "one side each", "asymmetric")


@law("CONV-1", convolutions(), verb=same_number)
def test_output_shape(f: Any, p: Any) -> Any:
    """P = floor((S + p_before + p_after - d (K - 1) - 1) / s) + 1 on every axis."""
    (N, _, *S), (O, _, *K) = p.x.shape, p.w.shape
    pairs = paddings(p.padding, S, K, p.stride, p.dilation)
    P = [
        output_size(*n, stride=s, padding=pair, dilation=d)
        for *n, s, pair, d in zip(S, K, p.stride, pairs, p.dilation, strict=True)
    ]
    return f.convolution(*p.arrays, **p.options).shape, (N, O, *P)


@law("CONV-2", convolutions(bias=(False,), inputs=2))
def test_linear_in_the_signal(f: Any, p: Any) -> Any:
    """conv(2x + x', w) = 2 conv(x, w) + conv(x', w), without bias."""
    return (
        f.convolution(2 * p.x + p.x2, p.w, **p.options),
        2 * f.convolution(p.x, p.w, **p.options) + f.convolution(p.x2, p.w, **p.options),
    )


@law("CONV-3", convolutions(bias=(False,), kernels=2))
def test_linear_in_the_kernel(f: Any, p: Any) -> Any:
    """conv(x, 2w + w') = 2 conv(x, w) + conv(x, w'), without bias."""
    return (
        f.convolution(p.x, 2 * p.w + p.w2, **p.options),
        2 * f.convolution(p.x, p.w, **p.options) + f.convolution(p.x, p.w2, **p.options),
    )


def _per_channel(bias: Any, y: Any) -> Any:
    """A bias as numbers that broadcast along the channels of y."""
    return np.reshape(wide(bias), (-1, *[1] * (len(y.shape) - 2)))


@law("CONV-4", convolutions(bias=(True,)))
def test_bias_is_added_per_channel(f: Any, p: Any) -> Any:
    """conv(x, w, b)[n, o, i] = conv(x, w)[n, o, i] + b[o]."""
    y = f.convolution(p.x, p.w, **p.options)
    return f.convolution(*p.arrays, **p.options), y + _per_channel(p.bias, y)


@law("CONV-5", convolutions(padding=("none", "one side each"), padding_mode=("zeros",), room=6))
def test_translation_equivariance(f: Any, p: Any) -> Any:
    """conv(x from s on)[i] = conv(x)[i + 1] on the last axis, where neither window touches the padding."""
    s, before = p.stride[-1], paddings(p.padding, *[(1,) * len(p.stride)] * 4)[-1][0]
    S, span = p.x.shape[-1] - s, p.dilation[-1] * (p.w.shape[-1] - 1) + 1
    first, last = -(-before // s), (S - span + before) // s
    shifted, y = f.convolution(p.x[..., s:], p.w, p.bias, **p.options), f.convolution(*p.arrays, **p.options)
    return shifted[..., first : last + 1], y[..., first + 1 : last + 2]


@law("CONV-5", convolutions(circular_multiple=True))
def test_circular_equivariance(f: Any, p: Any) -> Any:
    """With circular padding, rolling x by s rolls conv(x) by one, on every axis at once."""
    axes = tuple(range(2, p.x.ndim))
    options = p.options | {"padding": 0, "padding_mode": "zeros"}

    def circular(x: Any) -> Any:
        return f.convolution(f.pad(x, padding=p.padding, mode="circular"), p.w, p.bias, **options)

    return circular(np.roll(p.x, p.stride, axis=axes)), np.roll(circular(p.x), [1] * len(axes), axis=axes)


@law("CONV-6", convolutions(stride=(2, 3, "mixed"), padding=EXPLICIT))
def test_stride_is_subsampling(f: Any, p: Any) -> Any:
    """conv with stride s = every s-th element of conv with stride 1."""
    every = tuple(slice(None, None, s) for s in p.stride)
    dense = f.convolution(*p.arrays, **p.options | {"stride": (1,) * len(p.stride)})
    return f.convolution(*p.arrays, **p.options), dense[(slice(None), slice(None), *every)]


@law("CONV-7", convolutions(dilation=(2, 3, "mixed")))
def test_dilation_is_a_spread_kernel(f: Any, p: Any) -> Any:
    """conv with dilation d = conv with d - 1 zeros between the taps, on finite data."""
    undilated = p.options | {"dilation": (1,) * len(p.dilation)}
    return f.convolution(*p.arrays, **p.options), f.convolution(p.x, spread(p.w, p.dilation), p.bias, **undilated)


@law("CONV-8", convolutions(groups=(2, 3)))
def test_groups_are_separate_convolutions(f: Any, p: Any) -> Any:
    """conv with groups = the concatenation of one convolution for each group."""
    biases = [None] * p.groups if p.bias is None else np.split(p.bias, p.groups)
    parts = zip(np.split(p.x, p.groups, axis=1), np.split(p.w, p.groups), biases, strict=True)
    return (
        f.convolution(*p.arrays, **p.options),
        np.concatenate([f.convolution(*part, **p.options | {"groups": 1}) for part in parts], axis=1),
    )


@law("CONV-9", deltas())
def test_delta_kernel_shifts(f: Any, p: Any) -> Any:
    """A kernel that is 1 at tap k moves the signal by d (k - (K - 1)/2); the centred one is the identity."""
    delta = np.zeros((p.x.shape[1], p.x.shape[1], *p.kernel))
    delta[(range(len(delta)), range(len(delta)), *p.tap)] = 1
    pairs = [(0, 0), (0, 0), *p.padding]
    moved = tuple(slice(d * k, d * k + S) for d, k, S in zip(p.dilation, p.tap, p.x.shape[2:], strict=True))
    return f.convolution(p.x, delta, **p.options), np.pad(p.x, pairs)[(slice(None), slice(None), *moved)]


@law(
    "CONV-10",
    convolutions(kernel=(1,), stride=(1,), padding=("none",), padding_mode=("zeros",), groups=(1,), bias=(False,)),
)
def test_pointwise_is_dense(f: Any, p: Any) -> Any:
    """A kernel of one tap, stride 1, no padding = the matrix w times the channels, at each position."""
    (N, C, *S), O = p.x.shape, p.w.shape[0]
    x, w = np.reshape(wide(p.x), (N, C, math.prod(S))), np.reshape(wide(p.w), (O, C))
    return f.convolution(p.x, p.w, **p.options), np.reshape(np.einsum("ncs,oc->nos", x, w), (N, O, *S))


@law("CONV-11", convolutions(padding=("none",), padding_mode=("zeros",), groups=(1,), dilation=(1,), more=(0,)))
def test_kernel_as_large_as_the_signal(f: Any, p: Any) -> Any:
    """A kernel of the signal's size, without padding, has one position: y[n, o] = b[o] + <x[n], w[o]>."""
    y = f.convolution(*p.arrays, **p.options)
    N, O, taps = p.x.shape[0], p.w.shape[0], math.prod(p.w.shape[1:])
    products = np.matmul(np.reshape(wide(p.x), (N, taps)), np.swapaxes(np.reshape(wide(p.w), (O, taps)), 0, 1))
    return y, np.reshape(products if p.bias is None else products + wide(p.bias), (N, O, *[1] * (p.x.ndim - 2)))


@law("CONV-15", convolutions(padding=EXPLICIT, flush=True))
def test_reflection(f: Any, p: Any) -> Any:
    """Reversing the spatial axes of x and w, and each pair of paddings, reverses those of y.

    The stride divides S + p_before + p_after - d (K - 1) - 1: no element is left over behind the last window.
    """
    axes = tuple(range(2, p.x.ndim))
    pairs = paddings(p.padding, *[(1,) * len(axes)] * 4)
    reflected = p.options | {"padding": tuple((after, before) for before, after in pairs)}
    y = f.convolution(np.flip(p.x, axes), np.flip(p.w, axes), p.bias, **reflected)
    return y, np.flip(f.convolution(*p.arrays, **p.options), axes)


@law("CONV-16", convolutions())
def test_channels_permute(f: Any, p: Any) -> Any:
    """In each group: reversing w and b in o reverses y in o; reversing x and w in c changes nothing."""

    def reversed_in(x: Any, axis: int) -> Any:
        """The channels of each group the other way round."""
        if x is None:
            return None
        apart = (*x.shape[:axis], p.groups, x.shape[axis] // p.groups, *x.shape[axis + 1 :])
        return np.reshape(np.flip(np.reshape(x, apart), axis + 1), x.shape)

    y = f.convolution(*p.arrays, **p.options)
    outputs = f.convolution(p.x, reversed_in(p.w, 0), reversed_in(p.bias, 0), **p.options)
    inputs = f.convolution(reversed_in(p.x, 1), np.flip(p.w, 1), p.bias, **p.options)
    return (outputs, inputs), (reversed_in(y, 1), y)


@law("CONV-17", convolutions(padding=EXPLICIT))
def test_padding_first(f: Any, p: Any) -> Any:
    """conv(pad(x)) without padding = conv(x) with that padding, in every fill mode."""
    sides = paddings(p.padding, *[(1,) * len(p.stride)] * 4)
    mode = "constant" if p.padding_mode == "zeros" else p.padding_mode
    padded = f.pad(p.x, padding=sides, mode=mode)
    return f.convolution(padded, p.w, p.bias, **p.options | {"padding": 0, "padding_mode": "zeros"}), f.convolution(
        *p.arrays, **p.options
    )


@law("CONV-18", convolutions(batch=(2, 3)))
def test_samples_are_independent(f: Any, p: Any) -> Any:
    """conv(x)[n] = conv(x[n]), and samples in another order give the same results in that order."""
    y = f.convolution(*p.arrays, **p.options)
    last = f.convolution(p.x[-1:], p.w, p.bias, **p.options)
    return (last, f.convolution(np.flip(p.x, 0), p.w, p.bias, **p.options)), (y[-1:], np.flip(y, 0))


def _over_positions(x: Any, g: Any, p: Any) -> Any:
    """sum over n, i of g[n, o, i] x[n, c, s i + d k - p], for o and c of the same group; x is 0 outside."""
    (N, C, *S), (_, O, *P), K = x.shape, g.shape, p.w.shape[2:]
    pairs = paddings(p.padding, S, K, p.stride, p.dilation)
    seen = windows(np.pad(x, [(0, 0), (0, 0), *pairs]), K, p.stride, p.dilation)
    seen = seen[(slice(None), slice(None), *map(slice, P))]  # without what an output padding adds
    seen = np.reshape(seen, (N, p.groups, C // p.groups, math.prod(P), math.prod(K)))
    by_group = np.einsum("nacik,naoi->aock", seen, np.reshape(g, (N, p.groups, O // p.groups, math.prod(P))))
    return np.reshape(by_group, p.w.shape)


@law("CONV-19", differentiated(convolutions(padding=EXPLICIT, padding_mode=("zeros",), bias=(False,))))
def test_gradient_of_a_shared_kernel(f: Any, p: Any) -> Any:
    """The gradient of w[o, c, k] is the sum over n, i of g[n, o, i] x[n, c, s i + d k - p]."""
    found = f.gradient("convolution", p.cotangent, *p.arrays, by="w", **p.options)
    return found, _over_positions(wide(p.x), wide(p.cotangent), p)


@law("CONV-19", differentiated(transposed_convolutions(bias=(False,))))
def test_transposed_gradient_of_a_shared_kernel(f: Any, p: Any) -> Any:
    """The gradient of w[c, o, k] is the sum over n, i of x[n, c, i] g[n, o, s i + d k - p]."""
    found = f.gradient("transposed_convolution", p.cotangent, *p.arrays, by="w", **p.options)
    return found, _over_positions(wide(p.cotangent), wide(p.x), p)


@law("CONV-19", differentiated(convolutions(bias=(True,))))
def test_gradient_of_a_shared_bias(f: Any, p: Any) -> Any:
    """The gradient of b[o] is the sum over n, i of g[n, o, i]."""
    found = f.gradient("convolution", p.cotangent, *p.arrays, by="bias", **p.options)
    return found, np.sum(wide(p.cotangent), axis=(0, *range(2, p.x.ndim)))


def _alone(x: Any, place: Any) -> Any:
    """The signal without all its numbers but one."""
    here = np.zeros(x.shape)
    if place is not None:
        here[place] = 1
    return x * here


def _placed(p: Any, shape: Any, taps: Any) -> Any:
    """Zeros, but x[place] times a tap of w wherever taps gives (index of y, index of w)."""
    source = np.full(shape, p.w.size)  # the zero behind the last tap
    for i, k in taps:
        if all(0 <= a < n for a, n in zip(i, shape, strict=True)):
            source[i] = np.ravel_multi_index(k, p.w.shape)
    tap = np.take(np.concatenate([np.reshape(wide(p.w), (-1,)), np.zeros(1)]), source)
    return tap if p.place is None else tap * wide(p.x)[p.place]


@law("CONV-21", with_place(convolutions(padding_mode=("zeros",), bias=(False,))))
def test_impulse_gives_the_taps(f: Any, p: Any) -> Any:
    """Of x zero but at j in channel c: y[o, i] = x[c, j] w[o, c, k] where s i + d k - p = j, else 0."""
    (O, C, *K), g = p.w.shape, p.groups
    pairs = paddings(p.padding, p.x.shape[2:], K, p.stride, p.dilation)

    def taps() -> Any:
        n, c, *j = p.place
        for o, *k in np.ndindex(O // g, *K):
            each = zip(j, k, p.stride, p.dilation, pairs, strict=True)
            i, left = zip(*(divmod(j_i + before - d * k_i, s) for j_i, k_i, s, d, (before, _) in each), strict=True)
            if not any(left):
                out = c // C * (O // g) + o
                yield (n, out, *i), (out, c % C, *k)

    y = f.convolution(_alone(p.x, p.place), p.w, **p.options)
    return y, _placed(p, y.shape, taps() if p.place else ())


def _elsewhere(f: Any, p: Any, primitive: str, number: Any) -> tuple[Any, Any]:
    """The results with another number at p.place, and without, where no window holds that place."""
    here = np.zeros(p.x.shape, bool)
    if p.place is not None:
        here[p.place] = True
    held = PRIMITIVES[primitive](here.astype(float), np.ones(p.w.shape), **p.options) > 0
    call = getattr(f, primitive)
    changed, y = (call(x, p.w, p.bias, **p.options) for x in (np.where(here, number, p.x), p.x))
    return np.where(held, 0, changed), np.where(held, 0, y)


def takes_nan(primitive: str) -> Callable[[Backend], bool]:
    """What is asked about NaN, and does not claim that zeros which it adds meet other numbers."""
    return lambda backend: is_strict(backend) and not backend.arithmetic(primitive).spreads_specials


@law("CONV-22", with_place(convolutions()), verb=same_bits)
def test_locality(f: Any, p: Any) -> Any:
    """Another number in the signal does not change a bit of any output whose window does not hold it."""
    return _elsewhere(f, p, "convolution", 1 - p.x)


@law("CONV-22", with_place(convolutions()), verb=same_bits, concerns=takes_nan("convolution"))
def test_locality_of_nan(f: Any, p: Any) -> Any:
    """A NaN in the signal does not change a bit of any output whose window does not hold it."""
    return _elsewhere(f, p, "convolution", np.nan)


@law("CONV-22", with_place(transposed_convolutions()), verb=same_bits)
def test_transposed_locality(f: Any, p: Any) -> Any:
    """Another number in the signal does not change a bit of any output that none of its taps reaches."""
    return _elsewhere(f, p, "transposed_convolution", 1 - p.x)


@law("CONV-22", with_place(transposed_convolutions()), verb=same_bits, concerns=takes_nan("transposed_convolution"))
def test_transposed_locality_of_nan(f: Any, p: Any) -> Any:
    """A NaN in the signal does not change a bit of any output that none of its taps reaches."""
    return _elsewhere(f, p, "transposed_convolution", np.nan)


@law("CONV-23", convolutions(rank=(2, 3), stride=("mixed", 1), dilation=("mixed", 1)))
def test_spatial_axes_transpose(f: Any, p: Any) -> Any:
    """Reversing the order of the spatial axes of x, w and every option reverses it in y."""

    def turned(x: Any) -> Any:
        return np.transpose(x, (0, 1, *reversed(range(2, len(x.shape)))))

    options = p.options | {name: value[::-1] for name, value in p.options.items() if isinstance(value, tuple)}
    y = f.convolution(*p.arrays, **p.options)
    return f.convolution(turned(p.x), turned(p.w), p.bias, **options), turned(y)


@law("CONV-24", convolutions(padding=("same", "full", "valid"), padding_mode=("zeros",)))
def test_padding_by_name(f: Any, p: Any) -> Any:
    """conv with a padding that has a name = conv with that padding written out."""
    pairs = paddings(p.padding, p.x.shape[2:], p.w.shape[2:], p.stride, p.dilation)
    return f.convolution(*p.arrays, **p.options), f.convolution(*p.arrays, **p.options | {"padding": pairs})


@law("CONV-1", transposed_convolutions(), verb=same_number)
def test_transposed_shape(f: Any, p: Any) -> Any:
    """P = (S - 1) s - p_before - p_after + d (K - 1) + 1 + output padding on every axis."""
    (N, _, *S), (_, O, *K) = p.x.shape, p.w.shape
    pairs = paddings(p.padding, S, K, p.stride, p.dilation)
    axes = zip(S, K, p.stride, p.dilation, p.output_padding, pairs, strict=True)
    P = [(S_i - 1) * s - sum(pair) + d * (K_i - 1) + 1 + more for S_i, K_i, s, d, more, pair in axes]
    return f.transposed_convolution(*p.arrays, **p.options).shape, (N, O * p.groups, *P)


@law("CONV-2", transposed_convolutions(bias=(False,), inputs=2))
def test_transposed_is_linear(f: Any, p: Any) -> Any:
    """transposed(2x + x', w) = 2 transposed(x, w) + transposed(x', w), without bias."""
    return (
        f.transposed_convolution(2 * p.x + p.x2, p.w, **p.options),
        2 * f.transposed_convolution(p.x, p.w, **p.options) + f.transposed_convolution(p.x2, p.w, **p.options),
    )


@law("CONV-4", transposed_convolutions(bias=(True,)))
def test_transposed_bias_is_added_per_channel(f: Any, p: Any) -> Any:
    """transposed(x, w, b)[n, o, j] = transposed(x, w)[n, o, j] + b[o]."""
    y = f.transposed_convolution(p.x, p.w, **p.options)
    return f.transposed_convolution(*p.arrays, **p.options), y + _per_channel(p.bias, y)


@law("CONV-13", transposed_convolutions(bias=(False,), forward=True))
def test_adjoint(f: Any, p: Any) -> Any:
    """<conv(z, w), x> = <z, transposed(x, w)> for each sample.

    The output padding is below the stride: it is (S + p_before + p_after - d (K - 1) - 1) mod s for the
    size S of z, so that conv(z) has the size of x.
    """
    options = {name: value for name, value in p.options.items() if name != "output_padding"}
    y, back = f.convolution(p.z, p.w, **options), f.transposed_convolution(p.x, p.w, **p.options)
    every = tuple(range(1, len(y.shape)))
    return np.sum(y * wide(p.x), axis=every), np.sum(wide(p.z) * back, axis=every)


@law("CONV-21", with_place(transposed_convolutions(bias=(False,))))
def test_transposed_impulse_gives_the_taps(f: Any, p: Any) -> Any:
    """Of x zero but at i in channel c: y[o, j] = x[c, i] w[c, o, k] where j = s i + d k - p, else 0."""
    (C, O, *K), g = p.w.shape, p.groups
    pairs = paddings(p.padding, p.x.shape[2:], K, p.stride, p.dilation)

    def taps() -> Any:
        n, c, *i = p.place
        for o, *k in np.ndindex(O, *K):
            each = zip(i, k, p.stride, p.dilation, pairs, strict=True)
            j = [s * i_i + d * k_i - before for i_i, k_i, s, d, (before, _) in each]
            yield (n, c // (C // g) * O + o, *j), (c, o, *k)

    y = f.transposed_convolution(_alone(p.x, p.place), p.w, **p.options)
    return y, _placed(p, y.shape, taps() if p.place else ())


def _with_zeros(x: Any, n: int) -> Any:
    """n zeros behind, along the last axis."""
    return np.pad(x, [*[(0, 0)] * (len(x.shape) - 1), (0, n)])


@law("CONV-12", convolutions(rank=(1,), padding=EXPLICIT, padding_mode=("zeros",), groups=(1,), bias=(False,)))
def test_product_with_a_toeplitz_matrix(f: Any, p: Any) -> Any:
    """conv(x, w)[n, o] = every s-th row of T x[n], with the taps, d - 1 zeros between them, along each row of T."""
    w, sides = spread(wide(p.w), p.dilation), paddings(p.padding, *[(1,)] * 4)
    x: Any = np.pad(wide(p.x), [(0, 0), (0, 0), *sides])
    P = x.shape[-1] - w.shape[-1] + 1
    T = toeplitz(_with_zeros(w[..., :1], P - 1), _with_zeros(w, P - 1))[..., :: p.stride[0], :]
    return f.convolution(p.x, p.w, **p.options), np.einsum("ncj,ocij->noi", x, T)


@law("CONV-12", true_convolutions(rank=(1,), mode=("full",)))
def test_true_convolution_by_a_toeplitz_matrix(f: Any, p: Any) -> Any:
    """conv(x, w) = T x where w, and zeros behind it, is the first column of T."""
    (S,), y = p.x.shape, f.true_convolution(p.x, p.w, **p.options)
    w = wide(p.w)
    return y, np.matmul(toeplitz(_with_zeros(w, S - 1), _with_zeros(w[:1], S - 1)), wide(p.x))


@law("CONV-12", toeplitzes())
def test_diagonals_are_constant(f: Any, p: Any) -> Any:
    """T[i + 1, j + 1] = T[i, j]; the first column is c and what follows in the first row is r, or c."""
    T, c, r = f.toeplitz(*p.arrays), wide(p.c), wide(p.c if p.r is None else p.r)
    flat = (*T.shape[:-2], (T.shape[-2] - 1) * (T.shape[-1] - 1))
    first: list[Any] = [T[..., :, 0], T[..., 0, 1:], np.reshape(T[..., 1:, 1:], flat)]
    again: list[Any] = [c, r[..., 1:], np.reshape(T[..., :-1, :-1], flat)]
    return np.concatenate(first, -1), np.concatenate(again, -1)


OF_THREE = tuple(kind for kind in KINDS if kind != "large")  # products of three large numbers overflow


@law("CONV-14", true_convolutions(mode=("full",)))
def test_commutes(f: Any, p: Any) -> Any:
    """x * w = w * x, with full padding."""
    return f.true_convolution(p.x, p.w, **p.options), f.true_convolution(p.w, p.x, **p.options)


@law(
    "CONV-14",
    true_convolutions(mode=("full", "valid"), order=("signal first",), further=True, room=2, kinds=OF_THREE),
)
def test_associates(f: Any, p: Any) -> Any:
    """(x * w) * v = x * (w * v), with full padding; without any, if the kernels are composed in full."""
    return (
        f.true_convolution(f.true_convolution(p.x, p.w, **p.options), p.v, **p.options),
        f.true_convolution(p.x, f.true_convolution(p.w, p.v), **p.options),
    )


def _correlated(f: Any, x: Any, w: Any) -> Any:
    """What networks call convolution, of one channel, with full padding."""
    return f.convolution(x[None, None], w[None, None], padding=tuple(n - 1 for n in w.shape))[0, 0]


@law("CONV-14", true_convolutions(mode=("full",)))
def test_correlation_with_the_flipped_kernel(f: Any, p: Any) -> Any:
    """x * w is the cross-correlation of x with w turned round."""
    return f.true_convolution(p.x, p.w, **p.options), _correlated(f, p.x, np.flip(p.w))


@law("CONV-14", true_convolutions(mode=("full",)))
def test_symmetric_kernel(f: Any, p: Any) -> Any:
    """With a symmetric kernel, w + flip(w), convolution and cross-correlation are the same."""
    w = p.w + np.flip(p.w)
    return f.true_convolution(p.x, w, **p.options), _correlated(f, p.x, w)


@law("CONV-14", true_convolutions(mode=("same", "valid")))
def test_parts_of_the_full_convolution(f: Any, p: Any) -> Any:
    """In mode "same" y is the S elements of the full result from (K - 1)/2 on, in "valid" those from min(S, K) - 1."""
    y, every = f.true_convolution(p.x, p.w, **p.options), f.true_convolution(p.x, p.w)
    axes = list(zip(p.x.shape, p.w.shape, strict=True))
    first = [(K - 1) // 2 if p.mode == "same" else min(S, K) - 1 for S, K in axes]
    P = [S if p.mode == "same" else abs(S - K) + 1 for S, K in axes]
    return y, every[tuple(slice(i, i + n) for i, n in zip(first, P, strict=True))]


@law("CONV-20", parameter_counts(), verb=same_number)
def test_parameters(f: Any, p: Any) -> Any:
    """A convolution has O (C / groups) K_1 K_2 ... weights, and O numbers in its bias."""
    without = p.outputs * (p.channels // p.groups) * math.prod(p.kernel)
    return (f.parameter_count(*p.arrays, **p.options),), (without + (p.outputs if p.bias else 0),)


@law("CONV-20", flop_counts(), verb=same_number)
def test_operations_by_groups_and_samples(f: Any, p: Any) -> Any:
    """g groups have the operations of g convolutions of C / g channels, N samples those of N."""
    count = f.flop_count(*p.arrays, **p.options)
    one = p.options | {"groups": 1, "batch": 1}
    return (count,), (p.batch * p.groups * f.flop_count(p.channels // p.groups, p.outputs // p.groups, **one),)


@law("CONV-20", flop_counts(), verb=same_number)
def test_operations_without_padding(f: Any, p: Any) -> Any:
    """Without padding and bias: one or two operations for each weight at each position."""
    given = p.options | {"padding": 0, "bias": False, "size": tuple(n + 9 for n in p.size)}
    axes = zip(given["size"], p.kernel, p.stride, p.dilation, strict=True)
    P = [output_size(S, K, stride=s, dilation=d) for S, K, s, d in axes]
    weights = p.outputs * (p.channels // p.groups) * math.prod(p.kernel)
    each = f.flop_count(1, 1, size=(1,), kernel=(1,), bias=False)
    return (f.flop_count(*p.arrays, **given),), (each * p.batch * weights * math.prod(P),)
