"""Problems on which statements of lectures are tried, where the chapters have none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from properties.strategies.convolution import convolutions
from properties.strategies.problems import Pick, Problem, Problems, Spec

PLAIN = ("integers", "normal")  # kinds of numbers that are easy to read


def with_extras(problems: Problems, **extras: Any) -> Problems:
    """The same problems, and what a statement needs besides."""

    def build(pick: Pick) -> Problem:
        problem = problems.build(pick)
        return replace(problem, extras={**problem.extras, **extras})

    return replace(problems, build=build)


def windows(**options: Any) -> Problems:
    """One kernel that slides over one channel, without padding unless the options have one."""
    plain = {"stride": (1,), "padding": ("none",), "dilation": (1,), "groups": (1,), "bias": (False,), "batch": (1,)}
    return convolutions(**{**plain, "channels": (1,), "padding_mode": ("zeros",), "kinds": PLAIN, **options})


def continued(fill: str, **options: Any) -> Problems:
    """Signals that are continued so that a convolution keeps their size: with zeros, or from the other end."""
    return with_extras(windows(rank=(1,), circular_multiple=True, **options), fill=fill)


def pooled() -> Problems:
    """Signals with one element more than a window, or some."""

    def build(pick: Pick) -> Problem:
        K = pick.option("kernel", (2, 3))
        return Problem("max_pool", {"x": Spec((1, 1, K + pick.option("more", (1, 2, 3))))}, {"kernel": (K,)})

    return Problems("max_pool", build, PLAIN)


def lone_peaks(*, stays: bool) -> Problems:
    """Windows side by side, and a signal that is zero but for one peak.

    stays: moved by one place towards the start, the peak is still in its window; otherwise it is not.
    """

    def build(pick: Pick) -> Problem:
        K = pick.option("kernel", (2, 3, 4))
        S = K * pick.size((2, 3, 4))
        places = [i for i in range(1, S) if bool(i % K) is stays]
        x = np.zeros((1, 1, S))
        x[..., pick.option("place", places)] = 1
        return Problem("max_pool", {"x": x}, {"kernel": (K,)})  # type: ignore[dict-item]  # numbers, not drawn ones

    return Problems("max_pool", build)


def halved_kernels(*, odd: bool) -> Problems:
    """Sizes and kernels, odd ones with stride 1 or else others, padded by half of the kernel."""

    def build(pick: Pick) -> Problem:
        K = pick.option("kernel", (3, 1, 5) if odd else (2, 3, 4))
        s = pick.option("stride", (1,) if odd else (1, 2) if K % 2 == 0 else (2, 3))
        S = max(pick.size((2, 1, 3, 8)), 2 if s > 1 else 1)
        return Problem("output_size", {"size": S, "kernel": K}, {"padding": (K // 2, K // 2), "stride": s})

    return Problems("output_size", build)


def strided_windows(*, remainder: bool) -> Problems:
    """Sizes M and kernels with a stride S; remainder: whether S leaves something of M + 2P - K."""

    def build(pick: Pick) -> Problem:
        K, S, P = pick.option("kernel", (2, 3, 1)), pick.option("stride", (2, 3, 4)), pick.option("padding", (0, 1))
        M = max(K - 2 * P, 1)
        M += -(M + 2 * P - K) % S + S * pick.size((0, 1, 2)) + (pick.size(range(1, S)) if remainder else 0)
        return Problem("output_size", {"size": M, "kernel": K}, {"padding": (P, P), "stride": S})

    return Problems("output_size", build)


def rows_of(primitive: str, numbers: Sequence[float]) -> Problems:
    """A row of 0 and one of the numbers, the first of which is the simplest."""

    def build(pick: Pick) -> Problem:
        x = np.array([0.0, pick.option("number", tuple(numbers))])
        return Problem(primitive, {"x": x}, {})  # type: ignore[dict-item]  # numbers, not drawn ones

    return Problems(primitive, build)


def batches(*, training: bool) -> Problems:
    """Batches of at least three samples, so that two are left without the first."""

    def build(pick: Pick) -> Problem:
        C = pick.size((1, 2))
        channels = {"running_mean": Spec((C,)), "running_var": Spec((C,), nonnegative=True)}
        x = Spec((pick.option("batch", (3, 4)), C, *pick.sizes((1, 2), pick.option("rank", (0, 1)))))
        return Problem("batch_norm", {"x": x, **channels}, {"training": training})

    return Problems("batch_norm", build, PLAIN)


def samples(eps: float, *, rows: int = 2, length: tuple[int, ...] = (2, 3), kinds: tuple[str, ...] = PLAIN) -> Problems:
    """Samples that are normalised along their one axis."""

    def build(pick: Pick) -> Problem:
        return Problem("layer_norm", {"x": Spec((rows, pick.option("length", length)))}, {"eps": eps})

    return Problems("layer_norm", build, kinds)


def appended(start: tuple[int, ...]) -> Problems:
    """A few tokens, the first at a position."""

    def build(pick: Pick) -> Problem:
        x = Spec((pick.option("tokens", (2, 3)), pick.option("width", (1, 2))))
        return Problem("naive_encoding", {"x": x}, {"start": pick.option("start", start)})

    return Problems("naive_encoding", build, PLAIN)


def tokens(*, beyond_the_table: bool) -> Problems:
    """Tokens and a table of positions, with fewer rows or at least as many."""

    def build(pick: Pick) -> Problem:
        rows, d = pick.option("rows", (2, 3)), pick.option("width", (1, 2))
        T = rows + pick.option("more", (1, 2)) if beyond_the_table else rows - pick.option("fewer", (0, 1))
        return Problem("learned_encoding", {"x": Spec((T, d)), "table": Spec((rows, d))}, {})

    return Problems("learned_encoding", build, PLAIN)


def steps(at_zero: tuple[float, ...]) -> Problems:
    """Zeros, and what stands for them."""

    def build(pick: Pick) -> Problem:
        x = np.zeros(pick.option("length", (1, 2)))
        return Problem("binary_step", {"x": x}, {"at_zero": pick.option("at_zero", at_zero)})  # type: ignore[dict-item]  # numbers, not drawn ones

    return Problems("binary_step", build)
