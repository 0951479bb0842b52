"""What a check measures along something: counted once, in the right bin, and only where it is asked for."""

from __future__ import annotations

import numpy as np
import pytest

from adapters import reference as itself
from adapters.backend import Backend
from conformance import derivation, results
from conformance.cases import CASES
from conformance.lane import Test
from conformance.test_long import test_long as long_lane
from conformance.test_values import test_values as values_lane
from properties import agreement
from properties.agreement import OutOfTolerance, Tally, agree
from properties.series import CONDITIONS, RATIOS, Series
from properties.strategies.draws import draw
from properties.strategies.long import long_reductions
from properties.trial import configure
from reference.arithmetic import FLOAT32, FLOAT64, Bounded, default_arithmetic

SELF = Backend(itself, "reference", "", "cpu", FLOAT64, "eager")


def noted(ratio: list[float], condition: float = 1.0) -> Series:
    """A series of elements of value 1 with these error/bounds, and bounds of so many roundings."""
    series, e = Series(True, True), np.full(len(ratio), condition * FLOAT32.u)
    series.note(np.array(ratio), np.array(ratio) * e, np.ones(len(ratio)), e, FLOAT32.u)
    return series


def test_ratios_are_counted_in_powers_of_two() -> None:
    """0, the smallest, the ends of bins, 1, and more than 1."""
    counts = noted([0.0, 1e-9, 2.0**-8, 2.0**-8 * 1.01, 0.25, 0.5, 0.51, 1.0, 1.01, np.inf]).ratios
    assert counts.tolist() == [1, 2, 1, 0, 0, 0, 0, 1, 1, 2, 2]
    assert len(counts) == RATIOS


@pytest.mark.parametrize(("condition", "place"), [(0.3, 0), (0.5, 0), (1.9, 0), (2.0, 1), (7.9, 1), (8.0, 2)])
def test_conditions_are_binned_by_factors_of_four(condition: float, place: int) -> None:
    """The error is in units of the roundoff of the value: half of its bound here."""
    conditions = noted([0.5], condition).conditions
    assert np.flatnonzero(conditions).tolist() == [place]
    assert conditions[place] == pytest.approx(condition / 2)


def test_conditions_leave_out_what_has_none() -> None:
    """A value of 0, and a bound that is far beyond the value."""
    series, one = Series(True, True), np.ones(1)
    series.note(one, one, 0 * one, one, FLOAT32.u)
    series.note(one, one, 2.0 ** -(2 * CONDITIONS) * one, one, FLOAT32.u)
    assert not series.conditions.any()
    assert series.ratios.sum() == 2


def test_accuracy_is_the_worst_of_each_binade() -> None:
    """Both signs, a binade with two points, and what is too small for a binade of its own."""
    series = Series()
    series.note_accuracy(
        "exp", 2, np.array([1.0, 1.5, -1.5, 2.0, 1e-9, 2.0**-14]), np.array([0.1, 0.4, 0.3, 0.2, 0.6, 0.5])
    )
    assert series.accuracy == [
        {"operation": "exp", "claimed": 2.0, "points": [(-1, 0, 0.3), (1, -14, 0.6), (1, 0, 0.4), (1, 1, 0.2)]}
    ]


def test_lengths_keep_the_worst() -> None:
    series = Series()
    for n, error, bound in ((8, 0.1, 0.5), (8, 0.2, 0.4), (16, 0.0, 1.0)):
        series.note_length(n, error, bound)
    assert series.as_data() == {"lengths": [(8, 0.2, 0.5), (16, 0.0, 1.0)]}


@pytest.mark.parametrize("is_asked", [True, False])
def test_what_is_judged_is_counted(is_asked: bool) -> None:
    """Each decided element once, by the verb itself, and not where nobody asks."""
    tally = agreement.start()
    tally.series.of_elements = is_asked
    want = Bounded(np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.5, np.inf]), default_arithmetic(FLOAT64))
    agree(np.array([1.0, 2.25, 9.0]), want, FLOAT64)
    assert tally.decided == 2
    assert tally.series.ratios.tolist() == ([1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0] if is_asked else [0] * RATIOS)


def test_a_failure_carries_both_sides() -> None:
    """All that was got and wanted, where it is little; and not where it is much."""
    for n, is_little in ((3, True), (agreement.SHOWN + 1, False)):
        want = Bounded(np.zeros(n), np.full(n, 0.5), default_arithmetic(FLOAT64))
        with pytest.raises(OutOfTolerance) as caught:
            agree(np.ones(n), want, FLOAT64)
        sides = results.counterexample(caught.value)["sides"]
        assert bool(sides) == is_little
        if sides:
            assert [x.tolist() for x in sides.values()] == [[1.0] * 3, [0.0] * 3, [0.5] * 3]


def measured(lane: Test, primitive: str) -> Tally:
    configure("smoke", 0)
    tally = agreement.start()
    lane(SELF, next(case for case in CASES if case.primitive == primitive))
    return tally


def test_values_are_followed() -> None:
    """The check of values counts every element that it decides."""
    tally = measured(values_lane, "softmax")
    assert tally.series.ratios.sum() == tally.decided > 0


def test_long_sums_are_followed() -> None:
    """The lane of long reductions notes its lengths, with errors below their bounds."""
    lengths = measured(long_lane, "sum_pool").series.lengths
    assert {4096} <= set(lengths)
    assert all(error <= bound > 0 for error, bound in lengths.values())


@pytest.mark.parametrize(
    ("primitive", "terms"),
    [("dense", {4096, 4097}), ("sum_pool", {4096}), ("softmax", {4096}), ("convolution", {8192, 4096, 8193, 4097})],
)
def test_terms_are_those_of_the_longest_sum(primitive: str, terms: set[int]) -> None:
    """By what the formula adds up: a kernel of two taps adds up two times its channels, and a bias is a term."""
    problems = long_reductions(primitive)
    assert problems
    pool = [problem for problem in problems.pool(1, 0) if not problem.choices[0]]  # the first choice of terms, 4096
    found = {derivation.longest_sum(SELF, draw(problem, "positive", FLOAT64, (0,))) for problem in pool}
    assert found
    assert found <= terms
