"""Attacks on the bounds of layer norm: the moments as kernels update and merge them."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import reference
from reference.arithmetic import FLOAT16, FLOAT32, FLOAT64, Format, default_arithmetic, read
from reference.arithmetic.formats import Floats
from tests.honest import KINDS, Machine, at_random, data, outwards, share, upwards

FORMULAS = reference.FORMULAS["layer_norm"]


def merged(x: Any, weight: Any = None, bias: Any = None, *, axes: int = 1, eps: float = 1e-5, lanes: int = 4) -> Any:
    """Layer norm as vector registers compute it: each lane updates its own moments, then lanes merge.

    Two groups of m and n numbers merge into mu + (n / (m + n)) delta and M + M' + delta^2 (n / (m + n)) m
    (Chan, Golub and LeVeque, 1983). Here over the last axis, whatever axes is.
    """
    n = x.shape[-1] // lanes
    mean = squares = x[..., 0] - x[..., 0]
    count = 0
    for k in range(n * lanes, x.shape[-1]):  # what fills no register
        count += 1
        d = x[..., k] - mean
        mean = mean + d / count
        squares = squares + d * (x[..., k] - mean)
    for lane in range(lanes if n else 0):
        own, own_squares = x[..., lane], x[..., lane] - x[..., lane]
        for k in range(1, n):
            number = x[..., k * lanes + lane]
            d = number - own
            own = own + d * (1 / (k + 1))
            own_squares = own_squares + d * (number - own)
        share_of_lane = n / (count + n)
        d = own - mean
        mean = mean + share_of_lane * d
        squares = squares + (own_squares + d * d * share_of_lane * count if count else own_squares)
        count += n
    mean, var = (np.expand_dims(z, -1) for z in (mean, squares / count))
    y = (x - mean) * (1 / np.sqrt(var + eps))
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


def bounds(arrays: list[Floats], machine: Machine, *formulas: str) -> Any:
    (bound,) = read(reference.layer_norm, arrays, {}, replace(machine.claims, formulas=formulas), FORMULAS)
    return bound


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("F", [FLOAT64, FLOAT32], ids=repr)
def test_merging_lanes_stay_within_the_updating_formula(F: Format, kind: str) -> None:
    """In registers of 1 to 16 numbers, on 1 to 67 of them, however the roundings fall, no bound is exceeded."""
    rng = np.random.default_rng([9, KINDS.index(kind)])
    for n in (1, 2, 3, 4, 8, 9, 16, 19, 40, 67):
        arrays = [data(kind, rng, (3, n), F), data("normal", rng, (n,), F), data("normal", rng, (n,), F)]
        for signs in (None, upwards, outwards, at_random(n)):
            machine = Machine(F, F, F, signs=signs)
            bound = bounds(arrays, machine, "updating")
            for lanes in (1, 4, 8, 16):
                (got,) = machine.run(merged, arrays, {"lanes": lanes})
                worst = share(got, bound, skip=bound.exact if signs else False)
                assert worst <= 1, f"{worst} of the bound on {machine}, {n} numbers in {lanes} lanes: {arrays}"


@pytest.mark.parametrize("F", [FLOAT32, FLOAT16], ids=repr)
def test_updates_round_where_a_sum_does_not(F: Format) -> None:
    """The mean of eight integers is found without an error by a sum; updates pass through thirds."""
    machine = Machine(F, F, F)
    x = [np.random.default_rng(11).integers(-4, 5, (50, 8)).astype(float)]
    (got,) = machine.run(reference.normalization.updating_layer_norm, x, {})
    usual, claimed = bounds(x, machine), bounds(x, machine, "updating")
    assert share(got, claimed) <= 1 < share(got, usual), (share(got, usual), share(got, claimed))


def folded(x: Any) -> Any:
    """x a - mu a in so many words, with a mean and variance from sums."""
    n = x.shape[-1]
    mean = np.sum(x, axis=-1, keepdims=True) / n
    d = x - mean
    a = 1 / np.sqrt(np.sum(d * d, axis=-1, keepdims=True) / n + 1e-5)
    return x * a - mean * a


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("F", [FLOAT64, FLOAT32, FLOAT16], ids=repr)
def test_folding_stays_within_its_formula(F: Format, kind: str) -> None:
    """However the roundings of x a - mu a fall, the bound that claims them is not exceeded."""
    rng = np.random.default_rng([12, KINDS.index(kind)])
    for n, signs in itertools.product((1, 2, 5, 16, 33), (None, upwards, outwards, at_random(0))):
        x = [data(kind, rng, (3, n), F)]
        machine = Machine(F, F, F, signs=signs)
        (got,) = machine.run(folded, x, {})
        bound = bounds(x, machine, "folded")
        assert (worst := share(got, bound, skip=bound.exact if signs else False)) <= 1, (worst, machine, x)


def test_folding_exceeds_the_bound_unless_it_is_claimed() -> None:
    """Two equal numbers are 0; folded, with x a added to -mu a in one rounding (FMA), they are what mu a lost."""
    F = FLOAT32
    x, a = np.full((1, 2), 3333.0), F.round(1 / F.round(np.sqrt(F.round(1e-5))))
    got = F.round(x * a - F.round(x * a))
    machine = Machine(F, F, F)
    usual, claimed = bounds([x], machine), bounds([x], machine, "folded")
    assert share(got, claimed) <= 1 < share(got, usual), (share(got, usual), share(got, claimed))
    near = [F.round(1e4 + np.random.default_rng(10).standard_normal((8, 5)))]
    assert (bounds(near, machine, "folded").error < 0.1).all(), "the claim excuses anything"


def test_a_fold_may_lose_what_is_subnormal() -> None:
    """With the smallest weight each of x a and mu a is rounded to one of its multiples, before they are subtracted."""
    x, weight = np.array([[0.58, 0.36, 1.0]], np.float32), np.full(3, FLOAT32.smallest_subnormal, np.float32)
    a = (weight / np.sqrt(np.var(x) + np.float32(1e-5))).astype(np.float32)
    got = x * a - np.mean(x) * a
    claims = default_arithmetic(FLOAT32, formulas=("folded",))
    (bound,) = read(
        reference.group_norm, [x, weight, None], {"groups": 1, "eps": 1e-5}, claims, reference.FORMULAS["group_norm"]
    )
    assert (np.abs(got - bound.value) <= bound.error).all()
    assert (np.abs(got - bound.value) > FLOAT32.half_subnormal).any()
