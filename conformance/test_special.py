"""Special values: a few of them among ordinary numbers, in each array of a call in turn.

NaN, both infinities, minus zero, subnormal numbers, and the largest ones. In all of them the policy is that of
the reference: a NaN or an infinity that it makes certain appears, at its place and at no other; results that
may overflow, and whatever depends on the sign of a number which rounding decides, are undecided; a NaN wins
against every number, also in a maximum. What differs is this:

    primitive               array    special           policy
    convolution,            w        NaN, infinity     undecided where a tap lies outside of the signal: 0 times
    transposed_convolution                             it is NaN, or it takes no part
    convolution,            x, w     NaN, infinity     undecided where a backend claims that zeros which it adds
    true_convolution,                                  meet other numbers (claim: spreads_specials)
    patch_embedding
    true_convolution        x, w     NaN, infinity     undecided where it meets no number of the other one: which of
                                                       both is padded with zeros is left open
    dropout                 x        NaN, infinity     convention where it is dropped: it is replaced, or it is
                                                       multiplied by 0 (by_product)
    attention               q, k     NaN, infinity     convention behind a boolean mask: the score is replaced, or
                                                       -inf is added to it (adds_masks)
    attention               q, k     infinity          undecided where NaN: a row of scores that are all -inf is 0/0,
                                                       or nothing is attended to and it is 0
    attention               any      NaN, infinity,    undecided for a query without keys: it is closed, or what
                                     overflow          is added to NaN, or multiplied by it, is NaN
    attention               v        NaN, infinity     as the reference, also behind a mask: 0 times it is NaN
    pad, tanh, gelu         x        -0                keeps its sign
    dropout                 x        -0                keeps its sign in evaluation
    max pools               x        -0                keeps its sign where no 0 is in the signal; which of both
                                                       zeros is larger is undecided
    others                  any      -0                the sign of a zero is undecided

An adapter is held to the convention that it declares, as everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

import reference
from adapters.backend import Backend
from conformance.cases import INTEGERS, Case
from conformance.lane import lane
from properties.agreement import agree_where, same_signs
from properties.sides import bounded
from properties.strategies import Draw, Problems
from properties.strategies.attention import may_attend
from properties.strategies.problems import has_numbers
from properties.strategies.special import SPECIAL
from properties.trial import is_strict
from reference.arithmetic import Bounded
from reference.arrays import Mask

# What the scores are made of; a mask is -inf where it is closed, and then the row has an open place.
SCORES = {
    "scaled_dot_product_attention": ("q", "k"),
    "multi_head_attention": ("query", "key", "w_q", "w_k", "b_q", "b_k"),
}
BLOCKS = ("basic_block", "dense_block", "encoder_block", "decoder_block")
WIDEST = 4 / 7  # of the kinds are no finite numbers, and one bug may concern all of these
MAXIMA = ("max_pool", "global_max_pool", "adaptive_max_pool")


def special_problems(case: Case) -> Problems | None:
    """The problems of a primitive that takes numbers of a format; a block does with others what its layers do."""
    if case.primitive in (*INTEGERS, *BLOCKS):
        return None
    return replace(case.problems, kinds=tuple(SPECIAL), wanted=has_numbers)


@lane("SPECIAL", concerns=is_strict, problems=special_problems, draws=2 * len(SPECIAL), widest=WIDEST)
def test_special(backend: Backend, draw: Draw, case: Case) -> None:
    """A NaN or an infinity that the reference makes certain appears, and no other; a zero that is kept keeps its sign.

    What is undecided, and what a convention, stands in the table of conformance/test_special.py.
    """
    arrays, options = list(draw.arrays.values()), draw.options
    got, want = backend.call(draw.primitive, arrays, options), bounded(backend, draw.primitive, arrays, options)
    for name, y, bound in zip(case.outputs, got, want, strict=True):
        agree_where(~undecided(draw, backend, bound), y, bound, backend.format, output=name)
        if keeps_signs(draw):
            same_signs(y, bound, output=name)


def undecided(draw: Draw, backend: Backend, bound: Bounded) -> Mask:
    """Where the table says so."""
    if draw.primitive in SCORES:
        scored = _numbers(draw, SCORES[draw.primitive])
        is_nan = np.isnan(bound.value) & any(np.isinf(x).any() for x in scored)
        return is_nan | closed_rows(draw, bound) if _may_meet_nan(draw, backend) else is_nan
    if backend.arithmetic(draw.primitive).spreads_specials and not _are_finite(draw):
        return np.ones(bound.shape, bool)
    if draw.primitive == "true_convolution":
        return meets_nothing(draw)
    if draw.primitive not in ("convolution", "transposed_convolution"):
        return np.zeros(bound.shape, bool)
    return taps_outside(draw) & ~np.isfinite(bound.value)


def _may_meet_nan(draw: Draw, backend: Backend) -> bool:
    """Whether a query may meet a NaN or an infinity, in its keys or on the way to its result, if nothing closes it."""
    arrays = {name: None if "mask" in name else x for name, x in draw.arrays.items()}
    if not all(np.isfinite(x).all() for x in _numbers(draw, tuple(name for name in arrays if "mask" not in name))):
        return True
    (y,) = bounded(backend, draw.primitive, list(arrays.values()), {**draw.options, "causal": False})
    return not np.isfinite(y.error).all()


def closed_rows(draw: Draw, bound: Bounded) -> Mask:
    """Which results belong to a query that may attend to no key, of some head at least."""
    has_heads = draw.primitive == "multi_head_attention"
    query, key = (draw.query, draw.query if draw.key is None else draw.key) if has_heads else (draw.q, draw.k)
    *batch, T, _ = query.shape
    seen = may_attend((*batch, *([draw.heads] if has_heads else []), T), key.shape[-2], draw.mask, draw.causal)
    if has_heads and draw.key_padding_mask is not None:
        seen = seen & draw.key_padding_mask[..., None, None, :]
    closed = ~np.any(seen, axis=-1)
    return np.broadcast_to((np.any(closed, axis=-2) if has_heads else closed)[..., None], bound.shape)


def _numbers(draw: Draw, names: tuple[str, ...]) -> list[Any]:
    """Those of the arrays that hold numbers."""
    arrays = (draw.arrays[name] for name in names)
    return [x.astype(np.float64) for x in arrays if x is not None and x.dtype != bool]


def _are_finite(draw: Draw) -> bool:
    return all(np.isfinite(x).all() for x in _numbers(draw, ("x", "w")))


def meets_nothing(draw: Draw) -> Mask:
    """Where some number of either array that is not finite has no number of the other one to meet."""
    x, w = (~np.isfinite(z) for z in _numbers(draw, ("x", "w")))
    of = reference.PRIMITIVES[draw.primitive]
    met = of(1.0 * x, np.ones(w.shape), **draw.options) + of(np.ones(x.shape), 1.0 * w, **draw.options)
    return np.asarray(met < np.sum(x) + np.sum(w))


def taps_outside(draw: Draw) -> Mask:
    """Where a tap that is no finite number meets no element of the signal, but its padding."""
    special = ~np.isfinite(draw.w.astype(np.float64))
    ones, rank = np.ones(draw.x.shape), draw.w.ndim - 2
    met = reference.PRIMITIVES[draw.primitive](ones, special.astype(float), **draw.options)
    groups = draw.groups if draw.primitive == "transposed_convolution" else 1
    O = met.shape[1]
    taps = special if groups == 1 and draw.primitive == "convolution" else _by_output(special, groups)
    every = np.reshape(np.sum(taps, axis=tuple(range(1, taps.ndim))), (O,) + (1,) * rank)
    return np.asarray(met < every)


def _by_output(taps: Mask, groups: int) -> Mask:
    """The taps of a transposed convolution, (C, O/groups, *K), with the channels of the result first."""
    C, O_g = taps.shape[:2]
    return np.reshape(np.swapaxes(np.reshape(taps, (groups, C // groups, O_g, -1)), 1, 2), (groups * O_g, -1))


SIGNED: dict[str, Callable[[Draw], bool]] = {
    "pad": lambda draw: True,
    "tanh": lambda draw: True,
    "gelu": lambda draw: True,
    "dropout": lambda draw: not draw.training,
} | dict.fromkeys(MAXIMA, lambda draw: not _has_plain_zero(draw.x))


def keeps_signs(draw: Draw) -> bool:
    """Whether the sign of every zero of the result is certain."""
    return draw.primitive in SIGNED and SIGNED[draw.primitive](draw)


def _has_plain_zero(x: Any) -> bool:
    values = x.astype(np.float64)
    return bool(np.any((values == 0) & ~np.signbit(values)))
