"""Laws of dropout. What chance decides is held to exact tails of the binomial distribution."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import stats

from properties.agreement import plausible, same_bits
from properties.law import law
from properties.sides import wide
from properties.strategies import dropouts
from properties.strategies.cotangents import differentiated

SOME = (0.5, 0.1, 0.25, 0.9)


@law("DROP-1", dropouts(training=(False,)))
def test_evaluation_is_the_identity(f: Any, p: Any) -> Any:
    """In evaluation dropout(x) = x."""
    return f.dropout(p.x, **p.options), p.x


@law("DROP-1", dropouts(p=(0.0,)))
def test_nothing_to_drop(f: Any, p: Any) -> Any:
    """With p = 0 dropout(x) = x."""
    return f.dropout(p.x, **p.options), p.x


@law("DROP-1", dropouts(p=(1.0,), training=(True,)))
def test_everything_dropped(f: Any, p: Any) -> Any:
    """With p = 1 dropout(x) = 0, for finite x."""
    return f.dropout(p.x, **p.options), np.zeros(p.x.shape)


@law("DROP-2", dropouts(p=SOME, training=(True,)))
def test_zero_or_rescaled(f: Any, p: Any) -> Any:
    """Every output is 0 or x / (1 - p)."""
    y = f.dropout(p.x, **p.options)
    return y, np.where(y != 0, wide(p.x) / (1 - p.p), 0.0)


def _mask(f: Any, p: Any, **options: Any) -> Any:
    return np.asarray(f.dropout(np.ones(p.x.shape), **p.options | options)) != 0


@law("DROP-3", dropouts(p=SOME, training=(True,), many=True), verb=plausible)
def test_survivors_are_binomial(f: Any, p: Any) -> Any:
    """The number of survivors among n is binomial(n, 1 - p)."""
    mask = _mask(f, p)
    return [("survivors", int(mask.sum()), mask.size, 1 - p.p)], None


@law("DROP-3", dropouts(p=SOME, training=(True,), many=True), verb=plausible)
def test_the_number_of_survivors_varies(f: Any, p: Any) -> Any:
    """Of 8 further keys, binomial(8, P[k]) give as many survivors k as the first."""
    first, *others = (int(_mask(f, p, key=p.key + i).sum()) for i in range(9))
    chance = float(stats.binom.pmf(first, math.prod(p.x.shape), 1 - p.p))
    return [("keys with as many survivors", others.count(first), len(others), chance)], None


@law("DROP-4", dropouts(p=SOME, training=(True,), many=True), verb=plausible)
def test_masks_are_independent(f: Any, p: Any) -> Any:
    """Masks of neighbours, channels, samples and calls agree like binomial(n, p^2 + (1 - p)^2)."""
    mask, other = _mask(f, p), _mask(f, p, key=p.key + 1)
    pairs = {
        "neighbours": (mask[..., ::2], mask[..., 1::2]),
        "channels": (mask[:, ::2], mask[:, 1::2]),
        "samples": (mask[::2], mask[1::2]),
        "calls with two keys": (mask, other),
    }
    return [(what, int((a == b).sum()), a.size, p.p**2 + (1 - p.p) ** 2) for what, (a, b) in pairs.items()], None


@law("DROP-6", dropouts(p=SOME, training=(True,)), verb=same_bits)
def test_the_key_decides(f: Any, p: Any) -> Any:
    """The same key gives the same mask."""
    return f.dropout(p.x, **p.options), f.dropout(p.x, **p.options)


@law("DROP-6", dropouts(p=SOME, training=(True,), many=True), verb=plausible)
def test_another_key_another_mask(f: Any, p: Any) -> Any:
    """Another key gives another mask: equal ones, at most (p^2 + (1 - p)^2)^n likely, are a failure."""
    mask, other = _mask(f, p), _mask(f, p, key=p.key + 1)
    return [("equal elements", int((mask == other).sum()), mask.size, p.p**2 + (1 - p.p) ** 2)], None


@law("DROP-7", differentiated(dropouts(p=SOME, training=(True,))))
def test_gradient_uses_the_mask(f: Any, p: Any) -> Any:
    """g = y_bar dropout(1) with the same key: what was dropped gets nothing, and what was kept y_bar / (1 - p)."""
    g = f.gradient("dropout", p.cotangent, p.x, by="x", **p.options)
    return g, wide(p.cotangent) * f.dropout(np.ones(p.x.shape), **p.options)


@law("DROP-8", dropouts(p=SOME, training=(True,)))
def test_mask_does_not_depend_on_x(f: Any, p: Any) -> Any:
    """dropout(x) = x dropout(1) with the same key: one mask, and one scale for all survivors."""
    return f.dropout(p.x, **p.options), wide(p.x) * f.dropout(np.ones(p.x.shape), **p.options)


@law("DROP-8", dropouts(p=SOME, training=(True,), many=True), verb=same_bits)
def test_survivors_have_one_scale(f: Any, p: Any) -> Any:
    """Of ones, what is not 0 is one number."""
    y = np.asarray(f.dropout(np.ones(p.x.shape), **p.options))
    return y, np.where(y != 0, y.max(), 0.0)
