"""Laws of convolution and padding."""

from __future__ import annotations

from typing import Any

import numpy as np

from properties.agreement import same_number
from properties.law import law
from properties.strategies.convolution import convolutions, deltas
from reference.convolution import output_size, paddings

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


def _spread(w: Any, d: tuple[int, ...]) -> Any:
    """Put d - 1 zeros between the taps of a kernel."""
    for axis, step in enumerate(d, start=2):
        sides, K = w.shape, w.shape[axis]
        gaps = [(0, 0)] * (w.ndim + 1)
        gaps[axis + 1] = (0, step - 1)
        w = np.pad(np.expand_dims(w, axis + 1), gaps)
        w = np.reshape(w, (*sides[:axis], K * step, *sides[axis + 1 :]))
        w = w[(slice(None),) * axis + (slice(0, step * (K - 1) + 1),)]
    return w


@law("CONV-7", convolutions(dilation=(2, 3, "mixed")))
def test_dilation_is_a_spread_kernel(f: Any, p: Any) -> Any:
    """conv with dilation d = conv with d - 1 zeros between the taps, on finite data."""
    spread = _spread(p.w, p.dilation)
    undilated = p.options | {"dilation": (1,) * len(p.dilation)}
    return f.convolution(*p.arrays, **p.options), f.convolution(p.x, spread, p.bias, **undilated)


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
    pairs = [(0, 0), (0, 0), *p.padding]
    moved = tuple(slice(d * k, d * k + S) for d, k, S in zip(p.dilation, p.tap, p.x.shape[2:], strict=True))
    return f.convolution(p.x, p.delta, **p.options), np.pad(p.x, pairs)[(slice(None), slice(None), *moved)]


@law("CONV-17", convolutions(padding=EXPLICIT))
def test_padding_first(f: Any, p: Any) -> Any:
    """conv(pad(x)) without padding = conv(x) with that padding, in every fill mode."""
    sides = paddings(p.padding, *[(1,) * len(p.stride)] * 4)
    mode = "constant" if p.padding_mode == "zeros" else p.padding_mode
    padded = f.pad(p.x, padding=sides, mode=mode)
    return f.convolution(padded, p.w, p.bias, **p.options | {"padding": 0, "padding_mode": "zeros"}), f.convolution(
        *p.arrays, **p.options
    )


@law("CONV-24", convolutions(padding=("same", "full", "valid"), padding_mode=("zeros",)))
def test_padding_by_name(f: Any, p: Any) -> Any:
    """conv with a padding that has a name = conv with that padding written out."""
    pairs = paddings(p.padding, p.x.shape[2:], p.w.shape[2:], p.stride, p.dilation)
    return f.convolution(*p.arrays, **p.options), f.convolution(*p.arrays, **p.options | {"padding": pairs})
