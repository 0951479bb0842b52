"""Wrong convolutions, transposed convolutions, paddings and output sizes."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.mutants.base import mutant
from reference import (
    convolution,
    flop_count,
    output_size,
    pad,
    parameter_count,
    toeplitz,
    transposed_convolution,
    true_convolution,
)
from reference.arithmetic import BFLOAT16
from reference.arrays import per_axis
from reference.convolution import paddings, spread

# -- output_size ---------------------------------------------------------------------------------------


@mutant("output_size")
def rounds_up(size: int, kernel: int, *, stride: int = 1, padding: Any = (0, 0), dilation: int = 1) -> int:
    """Ceil for floor: the last window may stick out."""
    return -(-(size + sum(padding) - dilation * (kernel - 1) - 1) // stride) + 1


@mutant("output_size")
def forgets_the_last(size: int, kernel: int, **options: Any) -> int:
    """Counts the steps between windows, not the windows."""
    return output_size(size, kernel, **options) - 1


@mutant("output_size")
def pads_one_side(
    size: int, kernel: int, *, stride: int = 1, padding: tuple[int, int] = (0, 0), dilation: int = 1
) -> int:
    """Adds the padding once, where it stands on both sides."""
    return (size + padding[0] - dilation * (kernel - 1) - 1) // stride + 1


@mutant("output_size")
def dilates_the_kernel_too_far(
    size: int, kernel: int, *, stride: int = 1, padding: Any = (0, 0), dilation: int = 1
) -> int:
    """A dilated kernel spans d K, not d (K - 1) + 1, elements."""
    return (size + sum(padding) - dilation * kernel) // stride + 1


@mutant("output_size")
def doubles_the_first_side(
    size: int, kernel: int, *, stride: int = 1, padding: tuple[int, int] = (0, 0), dilation: int = 1
) -> int:
    """Takes both sides for equal."""
    return (size + 2 * padding[0] - dilation * (kernel - 1) - 1) // stride + 1


@mutant("output_size")
def divides_as_floats(size: int, kernel: int, *, stride: int = 1, padding: Any = (0, 0), dilation: int = 1) -> float:
    """The right number, as a float."""
    return float(output_size(size, kernel, stride=stride, padding=padding, dilation=dilation))


# -- pad -----------------------------------------------------------------------------------------------


def _padded(x: Any, padding: Any, mode: str, value: float = 0.0) -> Any:
    """np.pad on the spatial axes, with a mode of NumPy."""
    options: dict[str, Any] = {"constant_values": value} if mode == "constant" else {}
    return np.pad(x, [(0, 0), (0, 0), *padding], mode=mode, **options)


@mutant("pad")
def repeats_the_edge(x: Any, *, padding: Any, mode: str = "constant", value: float = 0.0) -> Any:
    """Symmetric for reflect: the edge comes twice."""
    return _padded(x, padding, "symmetric") if mode == "reflect" else pad(x, padding=padding, mode=mode, value=value)


@mutant("pad")
def circles_one_too_far(x: Any, *, padding: Any, mode: str = "constant", value: float = 0.0) -> Any:
    """Circular padding takes x[S - p - 1], ..., one element off."""
    if mode != "circular":
        return pad(x, padding=padding, mode=mode, value=value)
    for axis, (before, after) in enumerate(padding, start=2):
        S = x.shape[axis]
        x = np.take(x, [(i - (i < 0)) % S for i in range(-before, S + after)], axis=axis)
    return x


@mutant("pad")
def reflects_for_circular(x: Any, *, padding: Any, mode: str = "constant", value: float = 0.0) -> Any:
    """Circular padding in the wrong order: each end continues itself."""
    mode, options = ("symmetric", {}) if mode == "circular" else (mode, {"value": value})
    return _padded(x, padding, mode) if mode == "symmetric" else pad(x, padding=padding, mode=mode, **options)


@mutant("pad")
def pads_with_zeros_only(x: Any, *, padding: Any, mode: str = "constant", value: float = 0.0) -> Any:
    """The value is ignored."""
    return pad(x, padding=padding, mode=mode)


@mutant("pad")
def swaps_before_and_after(x: Any, *, padding: Any, **options: Any) -> Any:
    """Each pair the wrong way round."""
    return pad(x, padding=[pair[::-1] for pair in padding], **options)


@mutant("pad")
def takes_the_last_axis_first(x: Any, *, padding: Any, **options: Any) -> Any:
    """The pairs in the order of the axes reversed."""
    return pad(x, padding=padding[::-1], **options)


@mutant("pad")
def mirrors_for_replicate(x: Any, *, padding: Any, mode: str = "constant", value: float = 0.0) -> Any:
    """Replicate continues with the mirror image: right for one element a side, wrong for more."""
    return _padded(x, padding, "symmetric") if mode == "replicate" else pad(x, padding=padding, mode=mode, value=value)


# -- convolution ---------------------------------------------------------------------------------------


def _written_out(x: Any, w: Any, options: dict[str, Any]) -> dict[str, Any]:
    """The options with one stride, dilation and pair of paddings for each axis."""
    rank = w.ndim - 2
    s, d = per_axis(options.get("stride", 1), rank), per_axis(options.get("dilation", 1), rank)
    pairs = paddings(options.get("padding", 0), x.shape[2:], w.shape[2:], s, d)
    return options | {"stride": s, "dilation": d, "padding": pairs}


@mutant("convolution")
def flipped_kernel(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """The convolution of signal processing, not of networks."""
    return convolution(x, np.flip(w, tuple(range(2, w.ndim))), bias, **options)


@mutant("convolution")
def ignores_the_dilation(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """Windows of adjacent elements, whatever the dilation."""
    return convolution(x, w, bias, **_written_out(x, w, options) | {"dilation": 1})


@mutant("convolution")
def dilates_but_reads_adjacent(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """The output has the dilated size, but the taps of a window lie side by side."""
    given = _written_out(x, w, options)
    size = convolution(x, w, bias, **given).shape[2:]
    dense = convolution(x, w, bias, **given | {"dilation": 1})
    return dense[(..., *(slice(P) for P in size))]


@mutant("convolution")
def dilates_every_axis_alike(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """The last axis gets the dilation of the first, where the kernel still fits."""
    given = _written_out(x, w, options)
    try:
        return convolution(x, w, bias, **given | {"dilation": (*given["dilation"][:-1], given["dilation"][0])})
    except ValueError:
        return convolution(x, w, bias, **options)


@mutant("convolution")
def starts_a_phase_late(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """With stride s the windows begin at s - 1."""
    given = _written_out(x, w, options)
    dense = convolution(x, w, bias, **given | {"stride": 1})
    shift = [1 - s for s in given["stride"]]
    every = tuple(slice(None, None, s) for s in given["stride"])
    return np.roll(dense, shift, axis=tuple(range(2, x.ndim)))[(..., *every)]


@mutant("convolution")
def swaps_the_strides(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """The strides of the axes in reverse."""
    given = _written_out(x, w, options)
    return convolution(x, w, bias, **given | {"stride": given["stride"][::-1]})


@mutant("convolution")
def rounds_the_size_up(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """Ceil in the output size: a last window that sticks out sees zeros."""
    given = _written_out(x, w, options)
    x = pad(x, padding=given["padding"], mode=given.pop("padding_mode", "zeros"))
    room = [s - 1 for s in given["stride"]]
    return convolution(x, w, bias, **given | {"padding": [(0, after) for after in room]})


@mutant("convolution")
def pads_before_only(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """All padding before the signal."""
    given = _written_out(x, w, options)
    pairs = [(sum(pair), 0) for pair in given["padding"]]
    mode = given.pop("padding_mode", "zeros")
    return convolution(_padded(x, pairs, "constant" if mode == "zeros" else "wrap"), w, bias, **given | {"padding": 0})


@mutant("convolution")
def pads_same_the_other_way(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """With an even kernel "same" puts the odd element before the signal."""
    given = _written_out(x, w, options)
    if options.get("padding") == "same" and options.get("padding_mode", "zeros") == "zeros":
        given["padding"] = [pair[::-1] for pair in given["padding"]]
    return convolution(x, w, bias, **given)


@mutant("convolution")
def pads_same_for_stride_one(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """The padding of "same" as if the stride were 1: d (K - 1) in all."""
    if options.get("padding") == "same" and options.get("padding_mode", "zeros") == "zeros":
        spans = [
            d * (K - 1) for d, K in zip(per_axis(options.get("dilation", 1), w.ndim - 2), w.shape[2:], strict=True)
        ]
        options = options | {"padding": [(span // 2, span - span // 2) for span in spans]}
    return convolution(x, w, bias, **options)


@mutant("convolution")
def full_without_dilation(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """The padding of "full" is K - 1, whatever the dilation, where the kernel still fits."""
    if options.get("padding") != "full" or options.get("padding_mode", "zeros") != "zeros":
        return convolution(x, w, bias, **options)
    try:
        return convolution(x, w, bias, **options | {"padding": [(K - 1, K - 1) for K in w.shape[2:]]})
    except ValueError:
        return convolution(x, w, bias, **options)


@mutant("convolution")
def pads_with_zeros(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """The padding mode is ignored."""
    return convolution(x, w, bias, **options | {"padding_mode": "zeros"})


@mutant("convolution")
def pads_symmetrically(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """Symmetric for reflect: the edge comes twice."""
    if options.get("padding_mode") != "reflect":
        return convolution(x, w, bias, **options)
    given = _written_out(x, w, options) | {"padding_mode": "zeros"}
    return convolution(_padded(x, given["padding"], "symmetric"), w, bias, **given | {"padding": 0})


@mutant("convolution")
def bias_of_the_next_channel(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """Each output channel gets its neighbour's bias."""
    return convolution(x, w, None if bias is None else np.roll(bias, 1), **options)


@mutant("convolution")
def bias_twice(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """The bias is added once by the kernel and once by its caller."""
    return convolution(x, w, None if bias is None else 2 * bias, **options)


@mutant("convolution")
def bias_forgotten_in_groups(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """The path for groups has no bias."""
    return convolution(x, w, bias if options.get("groups", 1) == 1 else None, **options)


@mutant("convolution")
def bias_along_the_last_axis(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """The bias is broadcast along the last axis where that is possible."""
    y = convolution(x, w, None, **options)
    if bias is None or y.shape[-1] != bias.size:
        return convolution(x, w, bias, **options)
    return y + bias


@mutant("convolution")
def bias_always(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """There is a bias of 1 where none was given."""
    return convolution(x, w, np.ones(len(w)) if bias is None else bias, **options)


@mutant("convolution")
def interleaves_the_groups(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """Input channel c belongs to group c mod g."""
    g, C = options.get("groups", 1), x.shape[1]
    return convolution(x[:, np.arange(C).reshape(-1, g).T.ravel()], w, bias, **options)


@mutant("convolution")
def interleaves_the_outputs(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """Output channels of different groups alternate, as after a channel shuffle."""
    y = convolution(x, w, bias, **options)
    return y[:, np.arange(y.shape[1]).reshape(options.get("groups", 1), -1).T.ravel()]


@mutant("convolution")
def swaps_the_groups(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """The first group sees the channels of the last."""
    g, C = options.get("groups", 1), x.shape[1]
    return convolution(x[:, np.arange(C).reshape(g, -1)[::-1].ravel()], w, bias, **options)


@mutant("convolution")
def cuts_negatives(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """An activation that was fused by mistake: no output is negative."""
    return np.maximum(convolution(x, w, bias, **options), 0)


@mutant("convolution")
def last_position_from_zero(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """The last window of each row sees a signal of zeros."""
    y = convolution(x, w, bias, **options).copy()
    y[..., -1:] = 0 if bias is None else np.reshape(bias, (-1, *[1] * (x.ndim - 2)))
    return y


@mutant("convolution")
def tiles_of_three(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """Each fourth output of a row repeats the one before it: a tile that is one too short."""
    y = convolution(x, w, bias, **options).copy()
    y[..., 3::4] = y[..., 2:-1:4]
    return y


@mutant("convolution")
def single_precision(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """float64 is computed in float32."""
    narrow = [z if z is None else z.astype(np.float32) for z in (x, w, bias)]
    return convolution(*narrow, **options).astype(x.dtype)


@mutant("convolution")
def clips_the_kernel(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """The weights are kept within -1 and 1, as after a training with clipped weights."""
    return convolution(x, np.clip(w, -1, 1), bias, **options)


@mutant("convolution")
def bias_before_the_sum(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """Each tap adds the bias, so it comes once for each of them."""
    return convolution(x, w, None if bias is None else bias * w[0].size, **options)


@mutant("convolution")
def transposes_a_pointwise_kernel(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """The fast path for kernels of one tap takes the matrix the wrong way round, where it is square."""
    is_pointwise = w[0, 0].size == 1 and w.shape[0] == w.shape[1]
    return convolution(x, np.swapaxes(w, 0, 1) if is_pointwise else w, bias, **options)


@mutant("convolution")
def blocks_of_two_channels(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """Each third output channel repeats the one before it: a block that is one too short."""
    y = convolution(x, w, bias, **options).copy()
    y[:, 2::3] = y[:, 1:-1:3]
    return y


@mutant("convolution")
def leaves_out_an_odd_channel(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """Input channels are read in pairs: the last of an odd number does not count, unless it is the only one."""
    C = w.shape[1]
    kept = (np.arange(C) < max(C - C % 2, 1)).reshape(-1, *[1] * (w.ndim - 2))
    return convolution(x, np.where(kept, w, 0), bias, **options)


@mutant("convolution")
def first_sample_twice(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """The last sample gets the result of the first."""
    y = convolution(x, w, bias, **options).copy()
    y[-1:] = y[:1]
    return y


# -- transposed_convolution ----------------------------------------------------------------------------


def _per_option(w: Any, options: dict[str, Any]) -> tuple[tuple[int, ...], ...]:
    """Stride, dilation and output padding, one number for each axis."""
    usual = {"stride": 1, "dilation": 1, "output_padding": 0}
    return tuple(per_axis(options.get(name, value), w.ndim - 2) for name, value in usual.items())


def _fitted(y: Any, shape: tuple[int, ...], bias: Any) -> Any:
    """A result cut or filled with its bias until it has a shape."""
    filled = np.zeros(shape)
    if bias is not None:
        filled = filled + np.reshape(bias, (-1, *[1] * (len(shape) - 2)))
    common = tuple(slice(min(n, m)) for n, m in zip(shape, y.shape, strict=True))
    filled[common] = y[common]
    return filled


@mutant("transposed_convolution")
def turns_the_kernel(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """The kernel is flipped once too often, or not at all."""
    return transposed_convolution(x, np.flip(w, tuple(range(2, w.ndim))), bias, **options)


@mutant("transposed_convolution")
def ignores_the_stride(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """The numbers of the signal stay neighbours; only the size is right."""
    shape = transposed_convolution(x, w, bias, **options).shape
    dense = transposed_convolution(x, w, bias, **options | {"stride": 1, "padding": 0, "output_padding": 0})
    return _fitted(dense, shape, bias)


@mutant("transposed_convolution")
def repeats_for_zeros(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """Each number is repeated s times, where zeros should follow it."""
    s, _, _ = _per_option(w, options)
    size = spread(x, s).shape
    for axis, step in enumerate(s, start=2):
        x = np.repeat(x, step, axis=axis)
    return transposed_convolution(x[tuple(slice(n) for n in size)], w, bias, **options | {"stride": 1})


@mutant("transposed_convolution")
def forgets_the_output_padding(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """The smallest of the sizes that the convolution could have come from."""
    return transposed_convolution(x, w, bias, **options | {"output_padding": 0})


@mutant("transposed_convolution")
def fills_the_output_padding(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """What output padding adds is the bias alone, though kernels may reach it."""
    y = transposed_convolution(x, w, bias, **options)
    return _fitted(transposed_convolution(x, w, bias, **options | {"output_padding": 0}), y.shape, bias)


@mutant("transposed_convolution")
def output_padding_in_front(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """What output padding adds stands before the rest."""
    _, _, more = _per_option(w, options)
    return np.roll(transposed_convolution(x, w, bias, **options), more, axis=tuple(range(2, x.ndim)))


@mutant("transposed_convolution")
def pads_as_a_convolution(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """The padding is put around the signal and its zeros, not taken from the result, where the kernel reaches."""
    s, d, _ = _per_option(w, options)
    K = w.shape[2:]
    pairs = paddings(options.get("padding", 0), K, K, s, d)
    spans = [d_i * (K_i - 1) for d_i, K_i in zip(d, K, strict=True)]
    around = [(max(span - p, 0), max(span - q, 0)) for span, (p, q) in zip(spans, pairs, strict=True)]
    try:
        return transposed_convolution(x, w, bias, **options | {"padding": around})
    except ValueError:
        return transposed_convolution(x, w, bias, **options)


@mutant("transposed_convolution")
def takes_the_weights_of_a_convolution(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """Output channels come first in w, where that is possible."""
    is_square = w.shape[0] == w.shape[1] and options.get("groups", 1) == 1
    return transposed_convolution(x, np.swapaxes(w, 0, 1) if is_square else w, bias, **options)


@mutant("transposed_convolution")
def ignores_a_dilation(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """The taps stay neighbours; only the size is right."""
    shape = transposed_convolution(x, w, bias, **options).shape
    K, pairs = w.shape[2:], options.get("padding", 0)
    dense = options | {"dilation": 1, "padding": 0, "output_padding": 0}
    y = transposed_convolution(x, w, bias, **dense)
    before = [p for p, _ in paddings(pairs, K, *[(1,) * len(K)] * 3)]
    return _fitted(y[(..., *(slice(p, None) for p in before))], shape, bias)


@mutant("transposed_convolution")
def exchanges_the_groups(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """The first group sees the channels of the last."""
    g, C = options.get("groups", 1), x.shape[1]
    return transposed_convolution(x[:, np.arange(C).reshape(g, -1)[::-1].ravel()], w, bias, **options)


@mutant("transposed_convolution")
def bias_at_every_tap(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """Each tap that reaches an element brings the bias along."""
    if bias is None:
        return transposed_convolution(x, w, **options)
    taps = transposed_convolution(
        np.ones((1, 1, *x.shape[2:])), np.ones((1, 1, *w.shape[2:])), **options | {"groups": 1}
    )
    return transposed_convolution(x, w, **options) + taps * np.reshape(bias, (-1, *[1] * (x.ndim - 2)))


@mutant("transposed_convolution")
def cuts_what_is_negative(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """An activation that was fused by mistake: no output is negative."""
    return np.maximum(transposed_convolution(x, w, bias, **options), 0)


@mutant("transposed_convolution")
def single_precision_inside(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """float64 is computed in float32."""
    narrow = [z if z is None else z.astype(np.float32) for z in (x, w, bias)]
    return transposed_convolution(*narrow, **options).astype(x.dtype)


# -- wrong in one corner alone -------------------------------------------------------------------------


@mutant("convolution")
def strided_odd_padding(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """Only with a stride above 1 and an odd padding before the signal the windows begin one element late."""
    given = _written_out(x, w, options)
    odd = [s > 1 and before % 2 == 1 for s, (before, _) in zip(given["stride"], given["padding"], strict=True)]
    if given.get("padding_mode", "zeros") != "zeros":
        return convolution(x, w, bias, **options)
    pairs = zip(odd, given["padding"], strict=True)
    return convolution(
        x, w, bias, **given | {"padding": [(p - 1, q + 1) if is_odd else (p, q) for is_odd, (p, q) in pairs]}
    )


@mutant("convolution")
def depthwise_is_flipped(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """Only where every channel is a group of its own the kernel is turned round."""
    is_depthwise = 1 < options.get("groups", 1) == x.shape[1]
    return convolution(x, np.flip(w, tuple(range(2, w.ndim))) if is_depthwise else w, bias, **options)


@mutant("convolution")
def empty_batch_is_an_error(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """Only a batch without samples is refused."""
    if not len(x):
        raise ValueError("an empty batch")
    return convolution(x, w, bias, **options)


@mutant("convolution")
def dilated_groups_share_a_bias(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """Only with dilation and groups together every group gets the bias of the first."""
    g = options.get("groups", 1)
    if bias is None or g == 1 or max(per_axis(options.get("dilation", 1), w.ndim - 2)) == 1:
        return convolution(x, w, bias, **options)
    return convolution(x, w, np.tile(bias[: len(bias) // g], g), **options)


@mutant("convolution", format=BFLOAT16)
def sums_in_bfloat16(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """Every partial sum is rounded to the format."""
    y = 0
    for k in np.ndindex(w.shape[1:]):
        one = np.zeros(w.shape)
        one[(slice(None), *k)] = w[(slice(None), *k)]
        y = (y + convolution(x.astype(float), one, **options)).astype(x.dtype)
    return y if bias is None else y + np.reshape(bias, (-1, *[1] * (x.ndim - 2)))


@mutant("transposed_convolution")
def output_padding_before(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """Only with a padding that differs on both sides the output padding comes before the result."""
    sides = options.get("padding", 0)
    more = per_axis(options.get("output_padding", 0), w.ndim - 2)
    if isinstance(sides, int) or all(isinstance(side, int) or side[0] == side[1] for side in sides):
        return transposed_convolution(x, w, bias, **options)
    y = transposed_convolution(x, w, bias, **options)
    return np.roll(y, more, axis=tuple(range(2, x.ndim)))


@mutant("pad")
def forgets_an_empty_batch(x: Any, *, padding: Any, **options: Any) -> Any:
    """Only a batch without samples comes back as it is."""
    return pad(x, padding=padding, **options) if len(x) else x


@mutant("output_size")
def ignores_a_dilation_that_strides(size: int, kernel: int, **options: Any) -> int:
    """Only with a stride above 1 the dilation does not count."""
    return output_size(size, kernel, **options | ({"dilation": 1} if options.get("stride", 1) > 1 else {}))


# -- what reaches where it should not --------------------------------------------------------------------


@mutant("convolution")
def zeros_between_the_groups(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """One kernel for all channels, with zeros for those of other groups, which a NaN does not respect."""
    g, (O, C, *K) = options.get("groups", 1), w.shape
    every = np.zeros((g, O // g, g, C, *K))
    every[range(g), :, range(g)] = w.reshape(g, O // g, C, *K)
    return convolution(x, every.reshape(O, g * C, *K), bias, **options | {"groups": 1})


@mutant("transposed_convolution")
def as_one_matrix(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """The product with the whole matrix, whose zeros meet every number of the signal."""
    shape, n = x.shape[1:], x[0].size if len(x) else 0
    columns = transposed_convolution(np.eye(n).reshape(n, *shape), w, **options)
    y = np.reshape(np.reshape(x, (len(x), n)) @ np.reshape(columns, (n, -1)), (len(x), *columns.shape[1:]))
    return y if bias is None else y + np.reshape(bias, (-1, *[1] * (x.ndim - 2)))


def _rescaled(of: Any) -> Any:
    def rescales_by_the_largest(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
        """The signal is divided by its largest number, and the result multiplied: each bit depends on all numbers."""
        largest = np.max(np.abs(x), initial=0.0)
        scale = largest if 0 < largest < np.inf else 1.0
        y = of(x / scale, w, **options) * scale
        return y if bias is None else y + np.reshape(bias, (-1, *[1] * (x.ndim - 2)))

    return rescales_by_the_largest


mutant("convolution")(_rescaled(convolution))
mutant("transposed_convolution")(_rescaled(transposed_convolution))


# -- true_convolution ------------------------------------------------------------------------------------


@mutant("true_convolution")
def correlates(x: Any, w: Any, *, mode: str = "full") -> Any:
    """The cross-correlation of networks: the kernel is not turned round."""
    return true_convolution(x, np.flip(w), mode=mode)


@mutant("true_convolution")
def turns_the_last_axis(x: Any, w: Any, *, mode: str = "full") -> Any:
    """Only the last axis of the kernel is turned round."""
    return true_convolution(x, np.flip(w, tuple(range(w.ndim - 1))), mode=mode)


@mutant("true_convolution")
def same_from_the_other_middle(x: Any, w: Any, *, mode: str = "full") -> Any:
    """The middle of an even kernel is the element after it: "same" begins one later."""
    if mode != "same":
        return true_convolution(x, w, mode=mode)
    y = np.pad(true_convolution(x, w), [(0, 1)] * x.ndim)
    return y[tuple(slice(k // 2, k // 2 + s) for s, k in zip(x.shape, w.shape, strict=True))]


@mutant("true_convolution")
def same_as_the_longer(x: Any, w: Any, *, mode: str = "full") -> Any:
    """As in numpy.convolve, "same" has the size of the longer one of both."""
    is_longer = mode == "same" and w.size > x.size
    return true_convolution(w, x, mode=mode) if is_longer else true_convolution(x, w, mode=mode)


@mutant("true_convolution")
def wraps_around(x: Any, w: Any, *, mode: str = "full") -> Any:
    """Transforms of the length of the longer one: what is behind the end comes back at the start."""
    y = true_convolution(x, w)
    n = tuple(map(max, x.shape, w.shape))
    for axis, size in enumerate(n):
        y = y.copy()
        head, tail = np.split(y, [size], axis)
        head[(slice(None),) * axis + (slice(tail.shape[axis]),)] += tail
        y = np.concatenate([head, tail], axis)
    return y if mode == "full" else true_convolution(x, w, mode=mode)


@mutant("true_convolution")
def by_a_fourier_transform(x: Any, w: Any, *, mode: str = "full") -> Any:
    """The product of transforms: errors as large as those of the largest result everywhere."""
    if mode != "full":
        return true_convolution(x, w, mode=mode)
    sizes, axes = [s + k - 1 for s, k in zip(x.shape, w.shape, strict=True)], tuple(range(x.ndim))
    return np.fft.irfftn(np.fft.rfftn(x, sizes, axes) * np.fft.rfftn(w, sizes, axes), sizes, axes)


@mutant("true_convolution")
def valid_of_a_longer_kernel_turned(x: Any, w: Any, *, mode: str = "full") -> Any:
    """Where signal and kernel change places, the result of "valid" comes out backwards."""
    y = true_convolution(x, w, mode=mode)
    return np.flip(y) if mode == "valid" and w.size > x.size else y


# -- toeplitz ----------------------------------------------------------------------------------------------


def _row(c: Any, r: Any) -> Any:
    return c if r is None else r


@mutant("toeplitz")
def transposed_where_it_is_square(c: Any, r: Any = None) -> Any:
    """The column along the first row, where both are as long."""
    return toeplitz(r, c) if r is not None and r.shape == c.shape else toeplitz(c, r)


@mutant("toeplitz")
def corner_of_the_row(c: Any, r: Any = None) -> Any:
    """The diagonal has the first number of the row, not of the column."""
    return toeplitz(np.concatenate([_row(c, r)[..., :1], c[..., 1:]], -1), r)


@mutant("toeplitz")
def goes_round(c: Any, r: Any = None) -> Any:
    """Without a row a circulant matrix: each column is the one before it, moved down with its end at the start."""
    return toeplitz(c, np.roll(np.flip(c, -1), 1, -1) if r is None else r)


@mutant("toeplitz")
def along_the_other_diagonals(c: Any, r: Any = None) -> Any:
    """A Hankel matrix: the columns are right, in reverse."""
    return np.flip(toeplitz(c, r), -1)


@mutant("toeplitz")
def by_products(c: Any, r: Any = None) -> Any:
    """Each row is a product of all diagonals with ones and zeros, which a NaN does not respect."""
    row = _row(c, r)
    m, n = c.shape[-1], row.shape[-1]
    diagonals = np.concatenate([np.flip(c, -1), row[..., 1:]], -1)
    chosen = np.equal.outer(np.arange(n) - np.arange(m)[:, None] + m - 1, np.arange(m + n - 1))
    return np.einsum("...d,ijd->...ij", diagonals, chosen.astype(float))


@mutant("toeplitz")
def in_single_precision(c: Any, r: Any = None) -> Any:
    """float64 goes through float32."""
    return toeplitz(c.astype(np.float32), None if r is None else r.astype(np.float32)).astype(c.dtype)


@mutant("toeplitz")
def one_matrix_for_all(c: Any, r: Any = None) -> Any:
    """Every matrix of a batch is the first."""
    y = toeplitz(c, r)
    return np.broadcast_to(y[:1], y.shape) if y.ndim > 2 else y


# -- counts ------------------------------------------------------------------------------------------------


@mutant("parameter_count")
def no_groups(channels: int, outputs: int, **options: Any) -> int:
    """Each output channel is taken to see all input channels."""
    return parameter_count(channels, outputs, **options | {"groups": 1})


@mutant("parameter_count")
def a_bias_for_each_group(channels: int, outputs: int, **options: Any) -> int:
    """The bias has a number for each output channel of one group."""
    without = parameter_count(channels, outputs, **options | {"bias": False})
    return without + (outputs // options.get("groups", 1) if options.get("bias", True) else 0)


@mutant("parameter_count")
def always_a_bias(channels: int, outputs: int, **options: Any) -> int:
    """The bias counts also where there is none."""
    return parameter_count(channels, outputs, **options | {"bias": True})


@mutant("parameter_count")
def a_bias_for_each_input(channels: int, outputs: int, **options: Any) -> int:
    """The bias has a number for each input channel."""
    without = parameter_count(channels, outputs, **options | {"bias": False})
    return without + (channels if options.get("bias", True) else 0)


@mutant("parameter_count")
def square_kernels(channels: int, outputs: int, *, kernel: Any, **options: Any) -> int:
    """Every side of the kernel is the first."""
    return parameter_count(channels, outputs, kernel=(kernel[0],) * len(kernel), **options)


@mutant("parameter_count")
def a_kernel_for_each_pair(channels: int, outputs: int, *, kernel: Any, groups: int = 1, bias: bool = True) -> int:
    """The groups divide inputs and outputs, each once."""
    outputs_of_one = parameter_count(channels // groups, outputs // groups, kernel=kernel, bias=False)
    return outputs_of_one + (outputs if bias else 0)


@mutant("flop_count")
def positions_of_the_signal(channels: int, outputs: int, **options: Any) -> int:
    """As many positions as the signal has elements: right for "same" and a stride of 1."""
    size = tuple(n + k - 1 for n, k in zip(options["size"], options["kernel"], strict=True))
    return flop_count(channels, outputs, **options | {"size": size, "stride": 1, "padding": 0, "dilation": 1})


@mutant("flop_count")
def positions_rounded_up(channels: int, outputs: int, **options: Any) -> int:
    """The last window may stick out."""
    s = per_axis(options.get("stride", 1), len(options["kernel"]))
    size = tuple(n + s_i - 1 for n, s_i in zip(options["size"], s, strict=True))
    return flop_count(channels, outputs, **options | {"size": size})


@mutant("flop_count")
def dilated_taps_count(channels: int, outputs: int, **options: Any) -> int:
    """The zeros between the taps count as taps."""
    d = per_axis(options.get("dilation", 1), len(options["kernel"]))
    spans = tuple(d_i * (k - 1) + 1 for d_i, k in zip(d, options["kernel"], strict=True))
    return flop_count(channels, outputs, **options | {"kernel": spans, "dilation": 1})


@mutant("flop_count")
def of_one_sample(channels: int, outputs: int, **options: Any) -> int:
    """The batch does not count."""
    return flop_count(channels, outputs, **options | {"batch": 1})


@mutant("flop_count")
def groups_do_not_matter(channels: int, outputs: int, **options: Any) -> int:
    """Each output channel is taken to see all input channels."""
    return flop_count(channels, outputs, **options | {"groups": 1})


@mutant("flop_count")
def an_operation_more_for_each_position(channels: int, outputs: int, **options: Any) -> int:
    """The bias is added without one, too."""
    return flop_count(channels, outputs, **options | {"bias": True})


@mutant("flop_count")
def padding_of_the_larger_side(channels: int, outputs: int, **options: Any) -> int:
    """Both sides of an axis are taken to be the larger one."""
    r = len(options["kernel"])
    sides = tuple(max(pair) for pair in paddings(options.get("padding", 0), *[(1,) * r] * 4))
    return flop_count(channels, outputs, **options | {"padding": sides})
