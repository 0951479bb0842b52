"""What "=" means: every verb passes what it should, raises the failure that it should, and says where."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from properties import agreement
from properties.agreement import (
    FALSE_ALARM,
    AcceptedInvalid,
    Failure,
    Implausible,
    LawBroken,
    OutOfTolerance,
    Tally,
    WrongFormat,
    WrongShape,
    WrongSpecial,
    agree,
    at_most,
    law_holds,
    plausible,
    rejects,
    same_bits,
    same_number,
)
from reference.arithmetic import BFLOAT16, FLOAT32, FLOAT64, Bounded, Format, default_arithmetic

inf, nan = math.inf, math.nan


@pytest.fixture(autouse=True)
def tally() -> Tally:
    """Each test notes on a tally of its own."""
    return agreement.start()


def bounded(value: Any, error: Any, fmt: Format = FLOAT32) -> Bounded:
    value = np.asarray(value, dtype=np.float64)
    return Bounded(value, np.broadcast_to(np.asarray(error, dtype=np.float64), value.shape), default_arithmetic(fmt))


def narrow(x: Any, fmt: Format = FLOAT32) -> Any:
    return np.asarray(x, dtype=np.float64).astype(fmt.dtype)


def raised(kind: type[Failure], call: Callable[[], None]) -> Failure:
    """The failure of exactly this class that a call raises."""
    with pytest.raises(Failure) as caught:
        call()
    assert type(caught.value) is kind
    return caught.value


# -- agree ---------------------------------------------------------------------------------------------


def test_the_bound_itself_is_allowed(tally: Tally) -> None:
    """An error of exactly the bound agrees with ratio 1; the next number does not."""
    agree(narrow([1.0, 3.5]), bounded([1.0, 3.0], 0.5), FLOAT32)
    assert tally.worst_ratio == 1
    over = np.nextafter(np.float32(3.5), np.float32(4))
    raised(OutOfTolerance, lambda: agree(np.array([1, over], np.float32), bounded([1.0, 3.0], 0.5), FLOAT32))


def test_a_failure_carries_its_place() -> None:
    """The worst element is reported, by error/bound, with its output, index, numbers and bound."""
    want = bounded([[1.0, 2.0], [3.0, 4.0]], [[0.25, 0.25], [0.5, 0.125]])
    call = lambda: agree(narrow([[2.0, 2.0], [4.0, 5.0]]), want, FLOAT32, output="running_var")  # noqa: E731  # one use
    failure = raised(OutOfTolerance, call)
    assert (failure.output, failure.index) == ("running_var", (1, 1))
    assert (failure.got, failure.want, failure.bound) == (5.0, 4.0, 0.125)
    assert str(failure) == "running_var[1, 1] is 5.0, the reference 4.0: off by 1, allowed 0.125"


def test_a_single_number_has_no_index() -> None:
    """A 0-d result is judged like any other."""
    agree(narrow(1.0), bounded(1.0, 0.0), FLOAT32)
    agree(np.float32(1.0), bounded(1.0, 0.0), FLOAT32)  # type: ignore[arg-type]  # what indexing gives
    failure = raised(OutOfTolerance, lambda: agree(narrow(2.0), bounded(1.0, 0.0), FLOAT32))
    assert failure.index == ()
    assert str(failure).startswith("y is 2.0")


def test_the_failure_is_the_one_that_was_asked_for() -> None:
    """A law that uses agree raises its own class."""
    raised(LawBroken, lambda: agree(narrow(2.0), bounded(1.0, 0.0), FLOAT32, failure=LawBroken))


@pytest.mark.parametrize("got", [narrow([1.0]), narrow([[1.0, 1.0]]), narrow(1.0), narrow([]), 1.0, [1.0], None])
def test_another_shape_is_a_failure(got: Any) -> None:
    """Shapes are compared before numbers; nothing is broadcast."""
    failure = raised(WrongShape, lambda: agree(got, bounded([1.0, 1.0], inf), FLOAT32))
    assert (failure.got, failure.want) == (np.shape(got), (2,))


@pytest.mark.parametrize(
    "got",
    [np.ones(2), np.ones(2, np.float16), np.ones(2, ml_dtypes.bfloat16), np.ones(2, int), [1.0, 1.0]],
    ids=["float64", "float16", "bfloat16", "int64", "list"],
)
def test_another_type_is_a_failure(got: Any) -> None:
    """The result has the format of the inputs, though its numbers are right; a list is no array."""
    failure = raised(WrongFormat, lambda: agree(got, bounded([1.0, 1.0], inf), FLOAT32))
    assert failure.want == "float32"
    assert failure.got == (str(got.dtype) if hasattr(got, "dtype") else "list")


def test_every_format_is_accepted_as_its_own() -> None:
    """bfloat16 is compared as what it is, to the bit."""
    agree(narrow([1.0, 1.0078125], BFLOAT16), bounded([1.0, 1.0078125], 0.0, BFLOAT16), BFLOAT16)
    agree(np.ones(2), bounded([1.0, 1.0], 0.0), FLOAT64)


SPECIAL = [0.0, 1.0, inf, -inf, nan]


@pytest.mark.parametrize("error", [0.0, 1.0])
@pytest.mark.parametrize("want", SPECIAL)
@pytest.mark.parametrize("got", SPECIAL)
def test_special_numbers_must_be_the_references(got: float, want: float, error: float) -> None:
    """NaN agrees with NaN only and infinity with its own sign only; a finite bound excuses neither."""
    call = lambda: agree(narrow([got]), bounded([want], error), FLOAT32)  # noqa: E731  # used twice
    if got == want or (math.isnan(got) and math.isnan(want)) or abs(got - want) <= error < inf:
        call()
    elif math.isfinite(got) and math.isfinite(want):
        raised(OutOfTolerance, call)
    else:
        failure = raised(WrongSpecial, call)
        assert str((failure.got, failure.want, failure.bound)) == str((got, want, error))


def test_a_nan_is_reported_before_a_finite_error() -> None:
    """What is infinitely wrong is the worst element."""
    failure = raised(WrongSpecial, lambda: agree(narrow([9.0, nan]), bounded([1.0, 1.0], 0.5), FLOAT32))
    assert failure.index == (1,)


@pytest.mark.parametrize("got", [*SPECIAL, 1e30])
def test_where_nothing_is_known_everything_is_accepted_and_counts_as_undecided(got: float, tally: Tally) -> None:
    """An infinite bound accepts NaN too, but decides nothing."""
    agree(narrow([got, 1.0]), bounded([5.0, 1.0], [inf, 0.0]), FLOAT32)
    assert (tally.elements, tally.decided, tally.worst_ratio) == (2, 1, 0.0)


def test_undecided_means_a_bound_above_the_largest_magnitude(tally: Tally) -> None:
    """A bound as large as the result decides; one that is larger does not, whatever the element."""
    agree(narrow([0.0, -4.0, 1.0]), bounded([0.0, -4.0, 1.0], [4.0, 4.5, 0.0]), FLOAT32)
    assert (tally.elements, tally.decided) == (3, 2)
    assert tally.worst_bound == 1


def test_a_result_of_zeros_is_decided_only_without_room(tally: Tally) -> None:
    """Where the reference is 0 throughout, any positive bound is larger than the result."""
    agree(narrow([0.0, 0.0]), bounded([0.0, 0.0], [0.0, 1e-30]), FLOAT32)
    assert (tally.elements, tally.decided) == (2, 1)


def test_an_expected_nan_is_decided(tally: Tally) -> None:
    """Special numbers that the reference asks for are checked, and counted so."""
    agree(narrow([nan, inf, 1.0]), bounded([nan, inf, 1.0], 0.0), FLOAT32)
    assert (tally.elements, tally.decided) == (3, 3)


def test_nothing_to_compare_is_nothing_decided(tally: Tally) -> None:
    """Empty arrays agree if shape and type do, and add no element."""
    agree(np.zeros((0, 3), np.float32), bounded(np.zeros((0, 3)), 0.0), FLOAT32)
    assert (tally.elements, tally.decided) == (0, 0)
    raised(WrongShape, lambda: agree(np.zeros((3, 0), np.float32), bounded(np.zeros((0, 3)), 0.0), FLOAT32))
    raised(WrongFormat, lambda: agree(np.zeros((0, 3)), bounded(np.zeros((0, 3)), 0.0), FLOAT32))


def test_negative_zero_is_a_zero() -> None:
    """agree does not distinguish zeros; same_bits does."""
    agree(narrow([-0.0]), bounded([0.0], 0.0), FLOAT32)


def test_the_error_is_given_in_ulps_too(tally: Tally) -> None:
    """One ulp of 1 in float32 is 2^-23."""
    agree(narrow([1 + 2.0**-22, 0.0]), bounded([1.0, 0.0], 2.0**-20), FLOAT32)
    assert tally.worst_ulp == 2
    assert tally.worst_ratio == 0.25


def test_the_worst_is_kept(tally: Tally) -> None:
    """A tally sums its elements and keeps the largest ratio; note says whether it grew."""
    assert tally.note(0.5, 1.0, 0.1, 3, 4)
    assert not tally.note(0.25, 2.0, 0.0, 1, 1)
    assert not tally.note(0.5, 0.0, 0.2, 0, 1)
    assert (tally.worst_ratio, tally.worst_ulp, tally.worst_bound) == (0.5, 2.0, 0.2)
    assert (tally.decided, tally.elements) == (4, 6)


def test_a_failure_is_noted_before_it_is_raised(tally: Tally) -> None:
    """The measure of a failing check contains what failed."""
    raised(OutOfTolerance, lambda: agree(narrow([3.0]), bounded([1.0], 0.5), FLOAT32))
    assert tally.worst_ratio == 4


def test_a_new_check_begins_at_nothing(tally: Tally) -> None:
    """start() gives the tally on which the verbs note from now on."""
    agree(narrow([1.0]), bounded([1.0], 0.5), FLOAT32)
    fresh = agreement.start()
    assert (tally.elements, fresh.elements) == (1, 0)
    agree(narrow([1.0]), bounded([1.0], 0.5), FLOAT32)
    assert (tally.elements, fresh.elements) == (1, 1)


# -- laws and order ------------------------------------------------------------------------------------


def held(left: Any, right: Any, room: Any, scale: Any = 1.0) -> None:
    left, right = np.asarray(left, float), np.asarray(right, float)
    law_holds(left, right, np.broadcast_to(np.asarray(room, float), right.shape), FLOAT32, np.full(right.shape, scale))


def test_a_law_holds_within_its_room() -> None:
    """The sides may differ by the room and no more; a failure has the left side as got, the right as want."""
    held([1.0, 2.0], [1.0, 2.5], 0.5)
    failure = raised(LawBroken, lambda: held([1.0, 2.0], [1.0, 2.5], 0.25))
    assert (failure.index, failure.got, failure.want, failure.bound) == ((1,), 2.0, 2.5, 0.25)


def test_the_sides_of_a_law_have_one_shape() -> None:
    """Broadcasting would hide a lost axis: left, right and the reference have the same shape."""
    raised(WrongShape, lambda: held([[1.0, 1.0]], [1.0, 1.0], 0.0))
    ones = np.ones(2)
    raised(WrongShape, lambda: law_holds(ones, ones, ones, FLOAT32, np.ones(3)))


def test_a_law_has_the_same_policy_for_special_numbers() -> None:
    """NaN on one side breaks a law; on both it holds; room that is not a number allows all, and decides nothing."""
    held([nan, inf], [nan, inf], 0.0)
    raised(WrongSpecial, lambda: held([nan], [1.0], 1.0))
    raised(WrongSpecial, lambda: held([inf], [-inf], 1.0))
    tally = agreement.start()
    held([nan, 1.0], [1.0, 7.0], nan)
    assert (tally.decided, tally.elements) == (0, 2)


def test_at_most_is_one_sided() -> None:
    """The left side may be smaller by any amount, and larger by the room."""
    room = np.full(2, 0.5)
    at_most(np.array([-100.0, 1.5]), np.array([1.0, 1.0]), room, FLOAT32)
    failure = raised(LawBroken, lambda: at_most(np.array([-100.0, 2.0]), np.array([1.0, 1.0]), room, FLOAT32))
    assert (failure.index, failure.got, failure.want, failure.bound) == ((1,), 2.0, 1.0, 0.5)


def test_at_most_does_not_accept_nan() -> None:
    """A NaN on the left is not small."""
    raised(WrongSpecial, lambda: at_most(np.array([nan]), np.array([1.0]), np.zeros(1), FLOAT32))


def test_at_most_has_one_shape() -> None:
    """Neither side is broadcast: a lost axis breaks the law."""
    raised(WrongShape, lambda: at_most(np.zeros((1, 2)), np.zeros(2), np.zeros(2), FLOAT32))


# -- rejects -------------------------------------------------------------------------------------------


def fails(error: type[Exception]) -> Any:
    raise error("no")


def test_an_error_rejects(tally: Tally) -> None:
    """The error that was asked for, or one of its kind, is what an invalid input should raise."""
    rejects(lambda: fails(ValueError), ValueError, "widths differ")
    rejects(lambda: fails(UnicodeError), ValueError, "widths differ")
    assert (tally.elements, tally.decided, tally.worst_ratio) == (2, 2, 0.0)


def test_a_result_does_not_reject(tally: Tally) -> None:
    """Any result of an invalid input is a failure, which has its shape and what the reference says."""
    failure = raised(AcceptedInvalid, lambda: rejects(lambda: np.zeros((2, 3)), ValueError, "widths differ"))
    assert (failure.got, failure.want) == ([(2, 3)], "widths differ")
    assert tally.worst_ratio == inf


def test_another_error_is_not_a_rejection() -> None:
    """What is no error of the backend, such as a refusal, goes on to whoever runs the check."""
    with pytest.raises(KeyError):
        rejects(lambda: fails(KeyError), ValueError, "widths differ")


# -- same_bits and same_number -------------------------------------------------------------------------


@pytest.mark.parametrize("x", [[0.0, -0.0, nan, inf, 5e-324], [], 1.0])
def test_equal_bits_are_the_same(x: Any, tally: Tally) -> None:
    """Zeros of one sign, infinities, subnormals and NaN equal themselves; every element is decided."""
    same_bits(np.array(x), np.array(x))
    assert tally.elements == tally.decided == np.size(x)


@pytest.mark.parametrize(
    "left, right", [(0.0, -0.0), (1.0, math.nextafter(1, 2)), (nan, 1.0), (inf, -inf), (0.0, 5e-324)]
)
def test_other_bits_are_not(left: float, right: float, tally: Tally) -> None:
    """One bit is enough, the sign of a zero included; the first place is reported."""
    failure = raised(LawBroken, lambda: same_bits(np.array([1.0, left]), np.array([1.0, right])))
    assert (failure.index, str(failure.got), str(failure.want)) == ((1,), str(left), str(right))
    assert tally.worst_ratio == inf


def test_the_sign_and_the_payload_of_a_nan_do_not_count() -> None:
    """Every NaN is the same."""
    bits = np.array([0x7FF8000000000000, 0xFFF8000000000001], np.uint64).view(np.float64)
    same_bits(bits, bits[::-1])


def test_same_bits_asks_for_one_shape() -> None:
    """Neither side is broadcast."""
    raised(WrongShape, lambda: same_bits(np.zeros(2), np.zeros((1, 2))))


def test_same_bits_asks_for_one_type() -> None:
    """1 in float32 has other bits than 1 in float64."""
    with pytest.raises(Failure):
        same_bits(np.ones(2), np.ones(2, np.float32))


@pytest.mark.parametrize("got", [3, np.int64(3), np.uint8(3)])
def test_a_number_is_any_integer(got: Any) -> None:
    """Integers of NumPy count."""
    same_number(got, 3)


@pytest.mark.parametrize("got", [4, 2, None, "3", 3.5, nan, 3.0, np.float32(3.5)])
def test_another_number_or_none_is_a_failure(got: Any) -> None:
    """A size that is not the reference's, or no integer, is a wrong shape."""
    failure = raised(WrongShape, lambda: same_number(got, 3, output="side 1"))
    assert (failure.output, failure.want) == ("side 1", 3)


def test_a_truth_value_is_no_number() -> None:
    """True is not 1."""
    raised(WrongShape, lambda: same_number(True, 1))


# -- plausible -----------------------------------------------------------------------------------------


def exact_tail(k: int, n: int, q: Fraction) -> Fraction:
    """The smaller of P(X <= k) and P(X >= k), by summing the binomial distribution."""
    terms = [math.comb(n, i) * q**i * (1 - q) ** (n - i) for i in range(n + 1)]
    return min(sum(terms[: k + 1], Fraction(0)), sum(terms[k:], Fraction(0)))


@pytest.mark.parametrize("q", [Fraction(1, 2), Fraction(1, 10), Fraction(3, 4), Fraction(0), Fraction(1)])
@pytest.mark.parametrize("n", [1, 7, 40, 64])
@pytest.mark.parametrize("share", [1, 3])
def test_the_tails_are_exact(n: int, q: Fraction, share: int) -> None:
    """A count fails exactly where a tail is below its share of the false-alarm rate, half on each side."""
    allowed = Fraction(FALSE_ALARM) / (2 * share)
    others = [("fair", 1, 2, 0.5)] * (share - 1)
    decisions = 0
    for k in range(n + 1):
        tail = exact_tail(k, n, Fraction(float(q)))
        if tail < allowed:
            failure = raised(Implausible, lambda: plausible([*others, ("count", k, n, float(q))]))  # noqa: B023  # called at once
            assert (failure.output, failure.got) == ("count", k)
            decisions += 1
        else:
            plausible([*others, ("count", k, n, float(q))])
    assert decisions or n < 40  # with 40 trials something is implausible for each q


@pytest.mark.parametrize("q", [Fraction(1, 2), Fraction(1, 10), Fraction(9, 10)])
def test_false_alarms_are_as_rare_as_stated(q: Fraction) -> None:
    """The probability of all counts that fail, summed exactly, is at most FALSE_ALARM, and not zero."""
    n, alarm = 120, Fraction(0)
    for k in range(n + 1):
        try:
            plausible([("count", k, n, float(q))])
        except Implausible:
            alarm += math.comb(n, k) * q**k * (1 - q) ** (n - k)
    assert 0 < alarm <= Fraction(FALSE_ALARM)


def test_several_counts_share_the_false_alarm_rate() -> None:
    """A count that fails alone may pass among others."""
    q = 0.5
    k = max(k for k in range(50) if exact_tail(k, 100, Fraction(1, 2)) < Fraction(FALSE_ALARM) / 2)
    raised(Implausible, lambda: plausible([("alone", k, 100, q)]))
    plausible([("shared", k, 100, q), *[("fair", 50, 100, q)] * 99])


@pytest.mark.parametrize("k", [-1, 11])
def test_impossible_counts_are_implausible(k: int) -> None:
    """Fewer than none, or more than all, has no probability."""
    raised(Implausible, lambda: plausible([("count", k, 10, 0.5)]))


def test_the_unit_is_one_at_the_limit(tally: Tally) -> None:
    """The measure of a count that passes is at most 1, of one that fails more; each count is an element."""
    plausible([("count", 50, 100, 0.5), ("count", 45, 100, 0.5)])
    assert 0 < tally.worst_ratio <= 1
    assert tally.elements == 2
    raised(Implausible, lambda: plausible([("count", 0, 100, 0.5)]))
    assert tally.worst_ratio > 1


def test_no_counts_are_no_evidence(tally: Tally) -> None:
    """Nothing to count decides nothing."""
    plausible([])
    assert tally.elements == 0


def test_every_failure_has_a_kind_of_its_own() -> None:
    """Reports tell failures apart by their kind."""
    kinds = [kind.kind for kind in Failure.__subclasses__()]
    assert len(set(kinds)) == len(kinds)
    assert "failure" not in kinds


def test_a_sum_with_a_vacuous_bound_is_not_counted() -> None:
    """The report says from which layer on a bound says nothing; what is outside of it fails all the same."""
    x, g = np.array([1.0, -3.0]), np.array([0.0, 1.0])
    for room, decided in ((0.1, 1), (1.0, 0)):
        tally = agreement.start()
        share = agreement.agree_along(g, x, x, -3.0, room, FLOAT64, output="y")
        assert (share, tally.decided, tally.elements) == (room / 3, decided, decided)
    with pytest.raises(OutOfTolerance):
        agreement.agree_along(g, x, x, -5.0, 1.0, FLOAT64, output="y")
