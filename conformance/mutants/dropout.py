"""Wrong dropouts."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from conformance.mutants.base import Function, mutant, mutant_with_state
from reference import dropout

# -- dropout -------------------------------------------------------------------------------------------


def _keep(p: float, key: int, shape: tuple[int, ...]) -> Any:
    return np.random.default_rng(key).random(shape) >= p


def masked(change: Function) -> Function:
    """A mutant in training: change(x, p, key) -> y. In evaluation the identity."""

    @functools.wraps(change)
    def function(x: Any, *, p: float = 0.5, training: bool = True, key: int = 0) -> Any:
        return change(x, p, key) if training else x

    del function.__wrapped__
    return function


@mutant("dropout")
@masked
def without_rescaling(x: Any, p: float, key: int) -> Any:
    """Survivors keep their size, as in the lecture of Jacquet (2022)."""
    return np.where(_keep(p, key, x.shape), x, 0)


@mutant("dropout")
@masked
def rescaled_by_p(x: Any, p: float, key: int) -> Any:
    """1/p for 1/(1 - p)."""
    return np.where(_keep(p, key, x.shape), x / p if p else x, 0)


@mutant("dropout")
@masked
def multiplied_by_the_share(x: Any, p: float, key: int) -> Any:
    """The factor of evaluation, 1 - p, in training."""
    return np.where(_keep(p, key, x.shape), x * (1 - p), 0)


@mutant("dropout")
@masked
def keeps_with_probability_p(x: Any, p: float, key: int) -> Any:
    """p is taken for the probability to survive."""
    return dropout(x, p=1 - p, key=key)


@mutant("dropout")
@masked
def shared_by_channels(x: Any, p: float, key: int) -> Any:
    """One mask for all channels."""
    return dropout(
        x, p=p, keep=np.broadcast_to(_keep(p, key, (*x.shape[:1], *[1][: x.ndim - 1], *x.shape[2:])), x.shape)
    )


@mutant("dropout")
@masked
def shared_by_samples(x: Any, p: float, key: int) -> Any:
    """One mask for all samples."""
    return dropout(x, p=p, keep=np.broadcast_to(_keep(p, key, x.shape[1:]), x.shape))


@mutant("dropout")
@masked
def drops_channels(x: Any, p: float, key: int) -> Any:
    """Whole channels are dropped."""
    shape = (*x.shape[:2], *[1] * (x.ndim - 2))
    return dropout(x, p=p, keep=np.broadcast_to(_keep(p, key, shape), x.shape))


@mutant("dropout")
@masked
def drops_in_pairs(x: Any, p: float, key: int) -> Any:
    """Neighbours share their fate."""
    if not x.ndim:
        return dropout(x, p=p, key=key)
    half = _keep(p, key, (*x.shape[:-1], (x.shape[-1] + 1) // 2))
    return dropout(x, p=p, keep=np.repeat(half, 2, axis=-1)[..., : x.shape[-1]])


@mutant("dropout")
@masked
def drops_the_expected_number(x: Any, p: float, key: int) -> Any:
    """Always round(p n) elements, chosen by chance."""
    order = np.random.default_rng(key).permutation(x.size).reshape(x.shape)
    return dropout(x, p=p, keep=order >= round(p * x.size))


@mutant("dropout")
@masked
def ignores_the_key(x: Any, p: float, key: int) -> Any:
    """Every call has the same mask."""
    return dropout(x, p=p, key=0)


@mutant("dropout")
@masked
def ignores_the_last_bit_of_the_key(x: Any, p: float, key: int) -> Any:
    """Keys 2n and 2n + 1 give one mask."""
    return dropout(x, p=p, key=key // 2)


@mutant("dropout")
@masked
def drops_the_smallest(x: Any, p: float, key: int) -> Any:
    """The numbers decide, not chance: those below their median survive less often."""
    small = np.abs(x) < np.median(np.abs(x)) if x.size else np.zeros(x.shape, bool)
    return dropout(x, p=p, keep=_keep(p, key, x.shape) & ~small)


@mutant("dropout")
@masked
def multiplies_by_a_mask(x: Any, p: float, key: int) -> Any:
    """With p = 1 it divides by zero: 0/0."""
    return x * (_keep(p, key, x.shape) / np.float64(1 - p))


@mutant("dropout")
@masked
def drops_at_least_something(x: Any, p: float, key: int) -> Any:
    """p = 0 is taken for "not given", and so for a half."""
    return dropout(x, p=p or 0.5, key=key)


@mutant("dropout")
@masked
def a_little_off(x: Any, p: float, key: int) -> Any:
    """p is compared with eight bits of randomness, of which the lowest value is lost."""
    coarse = np.random.default_rng(key).integers(1, 17, x.shape) / 16
    return dropout(x, p=p, keep=(coarse > p) | (p == 0))


@mutant("dropout")
def active_in_evaluation(x: Any, *, p: float = 0.5, training: bool = True, key: int = 0) -> Any:
    """Evaluation drops too."""
    return dropout(x, p=p, key=key)


@mutant("dropout")
def scales_in_evaluation(x: Any, *, p: float = 0.5, training: bool = True, key: int = 0) -> Any:
    """The other convention: evaluation multiplies by 1 - p."""
    return dropout(x, p=p, key=key) if training else x * (1 - p)


@mutant_with_state("dropout")
def not_deterministic() -> Function:
    """One generator for all calls, whatever the key."""
    rng = np.random.default_rng(0)

    @masked
    def function(x: Any, p: float, key: int) -> Any:
        return dropout(x, p=p, keep=rng.random(x.shape) >= p)

    return function


@mutant("dropout")
@masked
def rescaled_by_what_survived(x: Any, p: float, key: int) -> Any:
    """Each row is divided by the share of it that survived, so that its mean is kept."""
    keep = _keep(p, key, x.shape)
    share = np.mean(keep, axis=-1, keepdims=True) if x.ndim else keep
    return np.where(keep, x / np.where(share > 0, share, 1), 0)
