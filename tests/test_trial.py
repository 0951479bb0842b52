"""The trial: what it visits, what it refuses, how it reports a failure, and how the ledger is held honest."""

from __future__ import annotations

import itertools
import re
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from adapters import apart
from adapters.apart import end_of
from adapters.backend import Backend, BackendError, NotOffered, backends
from adapters.deviations import Deviation, Example
from adapters.loading import load
from conformance.mutants import Adapter, tried
from properties import agreement, trial
from properties.agreement import (
    Failure,
    LawBroken,
    OutOfTolerance,
    Raised,
    Tally,
    WrongShape,
    WrongSpecial,
    agree,
    rejects,
    same_bits,
)
from properties.law import LAW_FORMATS, law
from properties.sides import bounded
from properties.strategies import (
    KINDS,
    Draw,
    Problems,
    batch_norms,
    convolutions,
    dropouts,
    mismatched_residuals,
    pads,
    residuals,
    sinusoidal_encodings,
    softmaxes,
)
from properties.trial import BrokenDeviation, Check, StaleDeviation, WideDeviation
from reference import batch_norm, convolution, dropout, pad, residual, sinusoidal_encoding, softmax
from reference.arithmetic import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, Format

PROBLEMS = {
    "softmax": softmaxes(),
    "pad": pads(),
    "convolution": convolutions(),
    "dropout": dropouts(),
    "batch_norm": batch_norms(),
    "sinusoidal_encoding": sinusoidal_encodings(),
}


@pytest.fixture(autouse=True)
def tally(monkeypatch: pytest.MonkeyPatch) -> Tally:
    """A short run with seed 0 and a fresh tally."""
    monkeypatch.setattr(trial, "_run", trial._Run())
    trial.configure("smoke", 0)
    return agreement.start()


def judge(backend: Backend, draw: Draw) -> None:
    """Values, as the suite judges them."""
    arrays = list(draw.arrays.values())
    got, want = (
        backend.call(draw.primitive, arrays, draw.options),
        bounded(backend, draw.primitive, arrays, draw.options),
    )
    for y, bound in zip(got, want, strict=True):
        agree(y, bound, backend.format)


def check(primitive: str = "softmax") -> Check:
    return Check(f"VALUES {primitive}", primitive, "values", "the result is the reference's", part="values")


def run(adapter: Any, primitive: str = "softmax", fmt: Format | None = None, judge: Any = judge, **more: Any) -> Tally:
    """One trial on a fresh tally."""
    tally = agreement.start()
    backend = tried(adapter, **({"fmt": fmt} if fmt else {}), **more)
    trial.trial(check(primitive), backend, PROBLEMS[primitive], judge)
    return tally


def failing(adapter: Any, primitive: str = "softmax", kind: type[Failure] = Failure, **more: Any) -> Any:
    with pytest.raises(kind) as caught:
        run(adapter, primitive, **more)
    return caught.value


# -- what is visited -----------------------------------------------------------------------------------


def pool_of(check: Check, depth: str, seed: int = 0) -> list[Any]:
    return PROBLEMS[check.primitive].pool(trial.DEPTHS[depth].breadth(check, tried(Adapter())), seed)


@pytest.mark.parametrize("depth", ["smoke", "default"])
def test_every_problem_of_the_pool_is_visited(depth: str) -> None:
    """A check that holds has judged every problem on every draw, and counted each."""
    trial.configure(depth, 0)
    tally, n = run(Adapter()), len(pool_of(check(), depth))
    assert n > 5
    assert (tally.problems, tally.draws, tally.drawn) == (n, 8 * n, 8 * n)
    assert (tally.refused, tally.excluded) == (0, 0)


def test_laws_visit_fewer_problems_than_values() -> None:
    """A law repeats what the values have seen, so it visits a part of the problems."""
    seen = []
    law = Check("X-1 law", "softmax", "X-1", "a law")
    trial.trial(law, tried(Adapter()), softmaxes(), lambda backend, draw: seen.append(draw.problem))
    assert len(set(map(id, seen))) == len(pool_of(law, "smoke")) < len(pool_of(check(), "smoke"))


def test_the_deepest_run_draws_problems_besides() -> None:
    """At depth "deep" problems come that are in no pool."""
    trial.configure("deep", 0)
    seen = []
    trial.trial(check(), tried(Adapter()), softmaxes(), lambda backend, draw: seen.append(draw.problem))
    pool = pool_of(check(), "deep")
    free = {repr(problem) for problem in seen} - {repr(problem) for problem in pool}
    assert len({id(problem) for problem in seen}) > len(pool)
    assert free


def test_smaller_problems_come_first() -> None:
    """The first failure is found on a small input: sizes never fall."""
    sizes: list[int] = []
    trial.trial(check("convolution"), tried(Adapter()), convolutions(), lambda b, draw: sizes.append(draw.problem.size))
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


def test_every_kind_of_data_is_drawn_on_every_problem() -> None:
    """One problem, many data: a round of all kinds each."""
    seen: dict[int, list[str]] = {}
    trial.trial(
        check(), tried(Adapter()), softmaxes(), lambda b, draw: seen.setdefault(id(draw.problem), []).append(draw.kind)
    )
    assert all(kinds == list(KINDS) for kinds in seen.values())


def test_a_law_is_tried_in_more_formats_the_deeper_a_run_goes() -> None:
    """Above depth "deep" in one of its formats, which its id chooses, at "deep" in all of them; values always."""
    law = Check("X-1 law", "softmax", "X-1", "a law", formats=LAW_FORMATS)

    def formats(depth: str, there: list[Format], check: Check = law) -> list[Format]:
        trial.configure(depth, 0)
        names = {fmt.name for fmt in there}
        return [fmt for fmt in there if trial.is_tried(check, tried(Adapter(), fmt=fmt), names)]

    every = [FLOAT64, FLOAT32, BFLOAT16, FLOAT16]
    chosen = [formats("default", every, replace(law, id=f"X-{i} law"))[0] for i in range(9)]
    assert {*chosen} == {FLOAT64, FLOAT32}
    assert formats("deep", every) == [FLOAT64, FLOAT32]
    assert formats("smoke", every) == formats("default", every)
    assert formats("smoke", every[1:]) == [FLOAT32]
    assert formats("smoke", every, check()) == every


def test_lanes_and_gradients_are_tried_in_every_format_above_smoke() -> None:
    """At depth "smoke" they are tried in one: each row has another."""
    every = [FLOAT64, FLOAT32, BFLOAT16, FLOAT16]
    names = {fmt.name for fmt in every}
    for part in ("lanes", "gradients"):
        for depth, n in (("smoke", 1), ("default", 4), ("deep", 4)):
            trial.configure(depth, 0)
            seen = [
                [
                    fmt
                    for fmt in every
                    if trial.is_tried(
                        replace(check(f"y{i}"), id=f"X y{i}", part=part), tried(Adapter(), fmt=fmt), names
                    )
                ]
                for i in range(9)
            ]
            assert {len(formats) for formats in seen} == {n}
            assert {fmt for formats in seen for fmt in formats} == {*every}


def test_fewer_problems_where_shapes_are_compiled() -> None:
    """A compiled mode sees the same series of problems, but less of it."""
    eager, compiled = tried(Adapter()), replace(tried(Adapter()), mode="compiled")
    for depth in ("smoke", "default", "deep"):
        few, many = (PROBLEMS["softmax"].pool(trial.DEPTHS[depth].breadth(check(), b), 0) for b in (compiled, eager))
        assert 0 < len(few) < len(many)
        assert all(problem in many for problem in few)


# -- the same inputs -----------------------------------------------------------------------------------


def test_two_adapters_get_the_same_inputs() -> None:
    """The digest of the inputs depends on the check and the seed, not on who is tried or called what."""
    one = run(Adapter()).digest.hexdigest()
    other = run(Adapter(softmax=lambda x, *, axis=-1: softmax(x, axis=axis) + 0.0), name="another", version="7")
    assert one == other.digest.hexdigest()


def test_the_seed_decides_the_inputs() -> None:
    """Equal seeds give equal inputs, other seeds others."""
    digests = []
    for seed in (0, 0, 1):
        trial.configure("smoke", seed)
        digests.append(run(Adapter()).digest.hexdigest())
    assert digests[0] == digests[1] != digests[2]


def test_each_check_has_inputs_of_its_own() -> None:
    """Two checks of one primitive draw other numbers."""
    assert trial.entropy_of(check("softmax")) == trial.entropy_of(check("softmax"))
    assert trial.entropy_of(check("softmax")) != trial.entropy_of(Check("SOFT-2", "softmax", "SOFT-2", "a law"))


# -- what is refused -----------------------------------------------------------------------------------


def refusing(condition: Callable[..., bool]) -> Adapter:
    def function(x: Any, *, axis: int = -1) -> Any:
        if condition(x, axis):
            raise NotImplementedError("no such axis: see the manual")
        return softmax(x, axis=axis)

    return Adapter(softmax=function)


def test_refused_problems_are_counted_and_the_rest_is_judged() -> None:
    """A refusal ends one problem, with its reason; it neither fails nor is judged."""
    tally = run(refusing(lambda x, axis: axis != -1))
    assert 0 < tally.refused < tally.problems
    assert tally.draws == 8 * (tally.problems - tally.refused)
    assert tally.reasons == {"no such axis: see the manual"}


def test_a_refusal_does_not_hide_a_failure() -> None:
    """What is wrong where nothing is refused is found."""
    adapter = refusing(lambda x, axis: axis == -1)
    adapter.softmax, right = lambda x, *, axis=-1: 2 * right(x, axis=axis), adapter.softmax  # type: ignore[attr-defined]
    assert failing(adapter).draw.options["axis"] != -1


def test_what_is_refused_throughout_is_not_offered() -> None:
    """Nothing was judged, so nothing conforms."""
    with pytest.raises(NotOffered, match="no such axis"):
        run(refusing(lambda x, axis: True))


def test_a_missing_primitive_is_not_offered() -> None:
    """No function of the name: not offered, before anything is drawn."""
    with pytest.raises(NotOffered, match="it has no softmax"):
        run(Adapter(softmax=None))


def test_an_option_that_is_missing_refuses_its_problems() -> None:
    """A function without `axis` is tried along the last axis only."""

    def function(x: Any) -> Any:
        return softmax(x)

    tally = run(Adapter(softmax=function))
    assert tally.reasons == {"its softmax has no option axis"}
    assert tally.draws > 0


# -- what fails ----------------------------------------------------------------------------------------


def bug_softmax_long(x: Any, *, axis: int = -1) -> Any:
    """Wrong for more than four scores."""
    y = softmax(x, axis=axis)
    return y * 1.5 if x.shape[axis] > 4 else y


def bug_softmax_ties(x: Any, *, axis: int = -1) -> Any:
    """Wrong where the maximum is not unique."""
    ties = np.sum(x == np.max(x, axis=axis, keepdims=True), axis=axis, keepdims=True) > 1
    return np.where(ties, 0.0, softmax(x, axis=axis))


def bug_convolution_groups(x: Any, w: Any, bias: Any = None, *, groups: int = 1, **options: Any) -> Any:
    """Groups in reverse."""
    y = convolution(x, w, bias, groups=groups, **options)
    return np.concatenate(np.split(y, groups, axis=1)[::-1], axis=1)


def bug_convolution_dilation(x: Any, w: Any, bias: Any = None, *, dilation: Any = 1, **options: Any) -> Any:
    """The sign is lost where the kernel is dilated."""
    y = convolution(x, w, bias, dilation=dilation, **options)
    return np.abs(y) if np.max(dilation) > 1 else y


def bug_convolution_late(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """The third output of a row is missing."""
    y = convolution(x, w, bias, **options).copy()
    y[..., 2:3] = 0
    return y


def bug_batch_norm(x: Any, m: Any, v: Any, weight: Any = None, bias: Any = None, **options: Any) -> Any:
    """The bias is subtracted."""
    return batch_norm(x, m, v, weight, None if bias is None else -bias, **options)


def bug_batch_norm_many(x: Any, m: Any, v: Any, *affine: Any, **options: Any) -> Any:
    """Wrong for three channels."""
    y, *running = batch_norm(x, m, v, *affine, **options)
    return (y + (x.shape[1] > 2), *running)


def bug_pad(x: Any, *, padding: Any, mode: str = "constant", value: float = 0.0) -> Any:
    """The edge comes twice in a reflection."""
    if mode == "reflect":
        return np.pad(x, [(0, 0), (0, 0), *padding], mode="symmetric")
    return pad(x, padding=padding, mode=mode, value=value)


def bug_dropout(x: Any, *, p: float = 0.5, training: bool = True, key: int = 0) -> Any:
    """Nothing is rescaled for p = 0.9."""
    y = dropout(x, p=p, training=training, key=key)
    return y * (1 - p) if p == 0.9 else y


BUGS = [
    bug_softmax_long,
    bug_softmax_ties,
    bug_convolution_groups,
    bug_convolution_dilation,
    bug_convolution_late,
    bug_batch_norm,
    bug_batch_norm_many,
    bug_pad,
    bug_dropout,
]


def planted(bug: Callable[..., Any]) -> tuple[Adapter, str]:
    (primitive,) = (name for name in sorted(PROBLEMS, key=len, reverse=True) if bug.__name__[4:].startswith(name))
    return Adapter(**{primitive: bug}), primitive


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.__name__)
def test_counterexamples_have_at_most_a_dozen_numbers(bug: Callable[..., Any]) -> None:
    """Each bug is found at the default depth, on an input so small that one can calculate by hand; it fails there."""
    trial.configure("default", 0)
    adapter, primitive = planted(bug)
    failure = failing(adapter, primitive)
    assert failure.draw.numbers <= 12
    with np.errstate(all="ignore"), pytest.raises(type(failure)) as again:
        judge(tried(adapter), failure.draw)
    assert str(again.value) == str(failure)


@pytest.mark.parametrize(
    "bug", [bug_softmax_long, bug_convolution_groups, bug_batch_norm], ids=lambda bug: bug.__name__
)
def test_the_same_run_fails_in_the_same_words(bug: Callable[..., Any]) -> None:
    """A failure is a function of the adapter, the check and the seed."""
    trial.configure("default", 0)
    adapter, primitive = planted(bug)
    first, second = failing(adapter, primitive), failing(adapter, primitive)
    assert (str(first), repr(first.draw)) == (str(second), repr(second.draw))


def test_a_counterexample_is_as_simple_as_the_bug_allows() -> None:
    """Five scores, all but what matters at zero: the numbers that remain are small integers."""
    trial.configure("default", 0)
    draw = failing(Adapter(softmax=bug_softmax_long)).draw
    assert draw.arrays["x"].shape == (5,)
    assert set(draw.arrays["x"]) <= {0.0, 1.0}


def test_a_counterexample_stays_inside_its_domain() -> None:
    """Positions are shrunk to whole numbers that are not negative, also where -1 would be the simplest."""

    def late(t: Any, *, d: int, **options: Any) -> Any:
        return sinusoidal_encoding(t, d=d, **options) + np.where((t == 0) | (t == 1), 0.0, 1.0)[..., None]

    draw = failing(Adapter(sinusoidal_encoding=late), "sinusoidal_encoding").draw
    assert draw.arrays["t"].ravel().tolist() == [2.0]


def test_the_search_is_not_part_of_the_measurement() -> None:
    """The tally counts the draws up to the failure, not those of the search for a smaller one."""
    tally = agreement.start()
    with pytest.raises(OutOfTolerance):
        trial.trial(check(), tried(Adapter(softmax=bug_softmax_long)), softmaxes(), judge)
    assert agreement.tally is tally
    assert tally.draws <= 8 * len(pool_of(check(), "smoke"))
    assert tally.worst_ratio > 1
    assert tally.worst_call.startswith("softmax(x=")


def test_a_failure_keeps_its_class_when_it_shrinks() -> None:
    """A search that began with a NaN ends with one, though another bug gives smaller inputs."""

    def function(x: Any, *, axis: int = -1) -> Any:
        y = softmax(x, axis=axis)
        return np.full(y.shape, np.nan) if x.ndim == 1 else y * 2

    failure = failing(Adapter(softmax=function))
    kinds = {WrongSpecial: lambda x: x.ndim == 1, OutOfTolerance: lambda x: x.ndim > 1}
    assert kinds[type(failure)](failure.draw.arrays["x"])


def test_what_a_backend_raises_is_a_failure_with_its_input() -> None:
    """An exception is reported with its type and text, minimised like any other failure."""

    def function(x: Any, *, axis: int = -1) -> Any:
        if x.ndim == 2:
            raise IndexError("too many axes")
        return softmax(x, axis=axis)

    failure = failing(Adapter(softmax=function), kind=Raised)
    assert str(failure) == "IndexError: too many axes"
    assert failure.draw.arrays["x"].ndim == 2
    assert failure.draw.numbers <= 4


@pytest.mark.parametrize("error", [ZeroDivisionError("of the judge"), AssertionError("of the judge"), KeyError("k")])
def test_a_defect_of_the_judge_is_not_the_backends(error: Exception) -> None:
    """What the judge raises comes out as itself, and is no failure of the backend."""

    def broken(backend: Backend, draw: Draw) -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        run(Adapter(), judge=broken)
    assert caught.value is error
    assert not isinstance(caught.value, Failure)


def test_a_law_that_cannot_be_formed_blames_the_shape() -> None:
    """Where the backend's result is too small for what a law does with it, its shape is wrong."""

    def test_halves(f: Any, p: Any) -> Any:
        """The first half and the second have one shape."""
        y = f.softmax(p.x, **p.options)
        return y + np.reshape(y, p.x.shape), y + y

    stated = law("TEST-1", softmaxes())(test_halves)
    backend = tried(Adapter(softmax=lambda x, *, axis=-1: softmax(x, axis=axis)[:1]))
    with pytest.raises(WrongShape, match="cannot be formed from the shapes that came back"):
        stated(backend)


def test_a_bug_that_comes_and_goes_is_still_a_failure() -> None:
    """A result that is wrong only the first time is reported with the input on which it was."""
    calls = []

    def function(x: Any, *, axis: int = -1) -> Any:
        calls.extend([x] if x.size else [])
        return softmax(x, axis=axis) + (len(calls) == 20)

    failure = failing(Adapter(softmax=function), kind=OutOfTolerance)
    assert failure.draw is not None


# -- the ledger ----------------------------------------------------------------------------------------


def two_bugs(x: Any, *, axis: int = -1) -> Any:
    """Wrong for five scores, and wrong along axis 0."""
    y = softmax(x, axis=axis)
    if x.shape[axis] == 5:
        return y + 1
    return y + 2 if axis == 0 else y


def is_five(draw: Draw) -> bool:
    return bool(draw.arrays["x"].shape[draw.options.get("axis", -1)] == 5)


def entry(**changed: Any) -> Deviation:
    fields: dict[str, Any] = {
        "check": "VALUES softmax",
        "region": is_five,
        "example": Example({"x": [0.0, 0.0, 0.0, 0.0, 0.0]}),
        "reason": "five scores give more than one",
        "link": "https://example.org/1",
    }
    return Deviation(**fields | changed)


def one_bug(x: Any, *, axis: int = -1) -> Any:
    y = softmax(x, axis=axis)
    return y + 1 if x.shape[axis] == 5 else y


def five_everywhere(seed: int) -> float:
    """The share of draws at smoke depth in which five scores are normalised."""
    pool = pool_of(check(), "smoke", seed)
    shapes = [(problem.arrays["x"].shape, problem.options["axis"]) for problem in pool]  # type: ignore[union-attr]  # a Spec
    return sum(shape[axis] == 5 for shape, axis in shapes) / len(pool)


@pytest.fixture
def some_fives() -> int:
    """A seed whose pool has problems in the entry's region, but not too many."""
    seed = next(seed for seed in range(50) if 0 < five_everywhere(seed) <= trial.WIDEST)
    trial.configure("smoke", seed)
    return seed


def test_a_known_bug_is_noted_and_skipped(some_fives: int) -> None:
    """Draws in the region are counted, not judged; the entry and how it still fails are noted."""
    tally = run(Adapter(softmax=one_bug, deviations=[entry()]))
    assert tally.drawn == 8 * len(pool_of(check(), "smoke", some_fives))
    assert tally.excluded == round(five_everywhere(some_fives) * tally.drawn)
    assert tally.draws + tally.excluded == tally.drawn
    (known,) = tally.known
    assert (known["reason"], known["link"]) == ("five scores give more than one", "https://example.org/1")
    assert known["example"] == "softmax(x=[0, 0, 0, 0, 0])"
    assert "1.2" in known["failure"]


def test_one_known_bug_does_not_hide_a_second(some_fives: int) -> None:
    """The bug that the ledger does not know is found, outside the entry's region."""
    trial.configure("default", some_fives)
    failure = failing(Adapter(softmax=two_bugs, deviations=[entry()]), kind=OutOfTolerance)
    assert not is_five(failure.draw)
    assert failure.draw.options["axis"] == 0


def test_the_search_for_a_small_input_stays_outside_the_region(some_fives: int) -> None:
    """A new bug in all long rows is not reported on a row of five, which the ledger explains."""

    def function(x: Any, *, axis: int = -1) -> Any:
        return one_bug(x, axis=axis) + (x.shape[axis] > 5)

    failure = failing(Adapter(softmax=function, deviations=[entry()]), kind=OutOfTolerance)
    assert not is_five(failure.draw)


def test_a_fixed_bug_is_stale() -> None:
    """An entry whose pinned example conforms fails the run and says what to do."""
    failure = failing(Adapter(deviations=[entry()]), kind=StaleDeviation)
    assert "the pinned example conforms" in str(failure)
    assert "Remove the entry" in str(failure)


def test_an_example_outside_its_region_is_an_error() -> None:
    """The pinned example must lie in the region that it explains."""
    wrong = entry(region=lambda draw: not is_five(draw))
    assert "outside the entry's own region" in str(
        failing(Adapter(softmax=one_bug, deviations=[wrong]), kind=WideDeviation)
    )


def test_a_region_over_a_fifth_is_too_wide() -> None:
    """A region that holds for everything is a claim or a refusal, not a bug."""
    wide = entry(region=lambda draw: True)
    failure = failing(Adapter(softmax=one_bug, deviations=[wide]), kind=WideDeviation)
    assert re.search(r"hold for (\d+) of \1 draws", str(failure))


@pytest.mark.parametrize(
    "changed", [{"versions": ">=1.0"}, {"formats": ("float32",)}, {"devices": ("cuda",)}, {"check": "VALUES pad"}]
)
def test_an_entry_that_does_not_apply_excuses_nothing(some_fives: int, changed: dict[str, Any]) -> None:
    """In another version, format, device or check the bug is a failure, and the entry is not stale."""
    adapter = Adapter(softmax=one_bug, deviations=[entry(**changed)])
    assert is_five(failing(adapter, kind=OutOfTolerance, version="0.9").draw)
    assert not run(Adapter(deviations=[entry(**changed)]), version="0.9").known


def test_an_entry_applies_in_its_versions(some_fives: int) -> None:
    """Inside its versions, pre-releases too, the entry holds."""
    adapter = Adapter(softmax=one_bug, deviations=[entry(versions=">=1.0,<2")])
    for version in ("1.0", "1.9.1+cpu", "1.5rc1"):
        assert run(adapter, version=version).known


def test_a_pinned_example_may_raise() -> None:
    """A known exception is a known deviation too."""

    def function(x: Any, *, axis: int = -1) -> Any:
        if x.shape == (5,):
            raise RuntimeError("no five")
        return softmax(x, axis=axis)

    raising = entry(region=lambda draw: draw.arrays["x"].shape == (5,))
    (known,) = run(Adapter(softmax=function, deviations=[raising])).known
    assert known["failure"] == "RuntimeError: no five"


def test_a_pinned_example_that_is_refused_is_stale() -> None:
    """Where the backend now refuses the example, the entry goes; the rest of the check is not lost."""

    def function(x: Any, *, axis: int = -1) -> Any:
        if x.shape[axis] == 5:
            raise NotImplementedError("not five")
        return softmax(x, axis=axis)

    with pytest.raises(StaleDeviation):
        run(Adapter(softmax=function, deviations=[entry()]))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"region": lambda draw: draw.w.size > 3}, "the region raises AttributeError: w. It is given"),
        ({"example": Example({"scores": [0.0] * 5})}, "the pinned example has scores, which is none of x, axis"),
        ({"example": Example({"x": [0.0] * 5}, {"axis": 3})}, "is no input of softmax: AxisError"),
        ({"example": Example({})}, "is no input of softmax: TypeError"),
    ],
)
def test_an_entry_that_is_written_wrongly_says_so(changed: dict[str, Any], message: str) -> None:
    """One sentence that names the entry and what is wrong with it."""
    failure = failing(Adapter(softmax=one_bug, deviations=[entry(**changed)]), kind=BrokenDeviation)
    assert message in str(failure)
    assert str(failure).startswith("five scores give more than one (https://example.org/1)")


def test_a_known_bug_is_never_searched(some_fives: int) -> None:
    """Of all inputs in the region only the pinned example is called, once, also while another bug is made small."""
    fives: list[Any] = []

    def function(x: Any, *, axis: int = -1) -> Any:
        fives.extend([x] if x.shape[axis] == 5 else [])
        return two_bugs(x, axis=axis)

    trial.configure("default", some_fives)
    failing(Adapter(softmax=function, deviations=[entry()]), kind=OutOfTolerance)
    assert [x.tolist() for x in fives] == [[0.0] * 5]


def test_a_region_may_overflow(some_fives: int) -> None:
    """What a region computes does not warn, whatever the draw."""

    def overflows(draw: Draw) -> bool:
        return is_five(draw) and bool((np.exp(draw.x * 1e300) >= 0).any())

    with warnings.catch_warnings(action="error"):
        assert run(Adapter(softmax=one_bug, deviations=[entry(region=overflows)])).known


# -- entries for checks that are no values -------------------------------------------------------------

LANES = {  # a check, the judge of a draw, and an example that shows what the backend below gets wrong
    "REJECTS residual": Example({"x": [0.0, 0.0], "w1": [[0.0, 0.0]], "w2": [[0.0], [0.0], [0.0]]}),
    "PURE residual": Example({"x": [0.0, 0.0], "w1": [[0.0, 0.0]], "w2": [[0.0], [0.0]]}),
    "GRADIENTS residual": Example({"x": [0.0, 0.0], "w1": [[0.0, 0.0]], "w2": [[0.0], [0.0]], "cotangent": [1.0, 0.0]}),
}


def judged_by_lane(name: str) -> Callable[[Backend, Draw], None]:
    """Three ways to be wrong about a call: to accept it, to change from call to call, to depend on a cotangent."""

    def call(backend: Backend, draw: Draw) -> Any:
        return backend.call(draw.primitive, list(draw.arrays.values()), draw.options)

    def refuses(backend: Backend, draw: Draw) -> None:
        rejects(lambda: call(backend, draw), BackendError, "the widths do not agree")

    def repeats(backend: Backend, draw: Draw) -> None:
        (first,), (second,) = call(backend, draw), call(backend, draw)
        same_bits(first, second)

    def is_symmetric(backend: Backend, draw: Draw) -> None:
        call(backend, draw)
        if backend.name == "mutant" and draw.cotangent[0] != draw.cotangent[-1]:
            raise OutOfTolerance("the gradient is wrong")

    return {"REJECTS": refuses, "PURE": repeats, "GRADIENTS": is_symmetric}[name.split()[0]]


COUNT = itertools.count(1)


def careless(x: Any, w1: Any, w2: Any, b1: Any = None, b2: Any = None) -> Any:
    """Cuts what is too long, and returns another number at each call."""
    return residual(x, w1, w2[: x.shape[-1]], b1, b2) + next(COUNT)


@pytest.mark.parametrize("name", LANES)
@pytest.mark.parametrize("mend", [False, True])
def test_the_ledger_serves_every_check(name: str, mend: bool) -> None:
    """An entry for a rejection, a lane or a gradient is confirmed while its example fails, and stale when it holds."""
    part = {"GRADIENTS": "gradients"}.get(name.split()[0], "lanes")
    entries = [entry(check=name, example=LANES[name], region=lambda draw: draw.w2.shape != (9, 9))]
    adapter = Adapter(residual=residual if mend else careless, deviations=entries)
    backend = tried(adapter, "mended" if mend else "mutant")
    lane = Check(name, "residual", name.split()[0].lower(), "a check", part=part)
    problems = mismatched_residuals() if name.startswith("REJECTS") else residuals()
    agreement.start()
    # Past the confirmation the region, which holds for everything, is too wide.
    with pytest.raises(StaleDeviation if mend else WideDeviation, match="conforms" if mend else "hold for"):
        trial.trial(lane, backend, problems, judged_by_lane(name))


def test_an_example_on_which_the_reference_fails_is_an_error() -> None:
    """Where the reference does not pass the check either, the entry says nothing about the backend."""
    accepted = Example({"x": [0.0, 0.0], "w1": [[0.0, 0.0]], "w2": [[0.0], [0.0]]})
    adapter = Adapter(deviations=[entry(check="REJECTS residual", example=accepted, region=lambda draw: True)])
    lane = Check("REJECTS residual", "residual", "rejects", "a check", part="lanes")
    with pytest.raises(BrokenDeviation, match="the reference itself fails on the pinned example: a result of shape"):
        trial.trial(lane, tried(adapter), mismatched_residuals(), judged_by_lane("REJECTS"))


def test_an_example_is_judged_by_the_backends_conventions() -> None:
    """One value a channel has no unbiased variance; a backend that divides by n may pin it all the same."""
    one = Example(
        {"x": [[1.0]], "running_mean": [0.0], "running_var": [1.0], "weight": None, "bias": None}, {"training": True}
    )

    def function(*arrays: Any, **options: Any) -> Any:
        y, *running = batch_norm(*arrays, **options, unbiased=False)
        return (y + 1, *running)

    where = entry(check="VALUES batch_norm", example=one, region=lambda draw: draw.x.shape == (1, 1) and draw.training)
    conventions = {"batch_norm": {"unbiased": False}}
    told = Adapter(batch_norm=function, deviations=[where], conventions=conventions)
    with pytest.raises(OutOfTolerance):  # elsewhere it is wrong too
        run(told, "batch_norm")
    assert agreement.tally.known
    with pytest.raises(BrokenDeviation, match="is no input of batch_norm: ValueError"):
        run(Adapter(batch_norm=function, deviations=[where]), "batch_norm")


def test_the_example_of_a_law_has_what_the_law_needs() -> None:
    """An example names the extras of a law like the arrays of the reference."""
    stated = law("TEST-2", softmaxes(shift=True))(shifted)
    example = Example({"x": [0.0] * 5, "c": [1.0]})
    where = entry(check="TEST-2 shifted", example=example)
    wrong = Adapter(softmax=lambda x, *, axis=-1: one_bug(x, axis=axis) * (x.flat[0] + 1), deviations=[where])
    trial.configure("smoke", 0)
    tally = agreement.start()
    with pytest.raises(Failure):
        stated(tried(wrong))
    assert "c=[1]" in tally.known[0]["example"]


def shifted(f: Any, p: Any) -> Any:
    """softmax(x + c) = softmax(x)."""
    return f.softmax(p.x + p.c, **p.options), f.softmax(p.x, **p.options)


def test_a_law_can_have_known_deviations() -> None:
    """Entries name any check by its id; the judge of that check confirms the example."""

    def reject_five(backend: Backend, draw: Draw) -> None:
        if is_five(draw) and draw.kind == "integers" and backend.name == "mutant":
            raise LawBroken("five")

    problems = Problems("softmax", softmaxes().build)
    law = Check("X-1 law", "softmax", "X-1", "a law")
    adapter = Adapter(
        deviations=[entry(check="X-1 law", region=lambda draw: is_five(draw) and draw.kind == "integers")]
    )
    tally = agreement.start()
    trial.trial(law, tried(adapter), problems, reject_five)
    assert tally.known[0]["failure"] == "five"


# -- what ends the process -----------------------------------------------------------------------------

ADAPTERS = Path(__file__).parent / "adapters"


@pytest.fixture
def aborting(monkeypatch: pytest.MonkeyPatch) -> Backend:
    """The adapter that aborts on five scores and says so, from its file; nothing is remembered of other tests."""
    monkeypatch.setattr(trial, "_ends", {})
    spec = str(ADAPTERS / "aborts_sometimes.py")
    (backend,) = backends(load(spec)[1], "aborts_sometimes", spec)
    return backend


def other(backend: Backend, **attributes: Any) -> Backend:
    """The backend with other attributes of its adapter, in this process alone."""
    return replace(backend, adapter=SimpleNamespace(**vars(backend.adapter) | attributes))


def test_a_call_may_end_its_process(aborting: Backend) -> None:
    """The signal is named; a call that returns, refuses or raises has none."""
    assert end_of(aborting, "softmax", [np.zeros(5)], {"axis": -1}) == "SIGABRT"
    assert end_of(aborting, "softmax", [np.zeros(4)], {"axis": -1}) == ""
    assert end_of(aborting, "softmax", [np.zeros(4)], {"axis": 7}) == ""
    assert end_of(aborting, "pad", [np.zeros(4)], {}) == ""


def test_what_ends_the_process_is_confirmed_in_another(aborting: Backend, some_fives: int) -> None:
    """The entry holds, its draws are excluded and never called: this process is alive to see it."""
    tally = agreement.start()
    trial.trial(check(), aborting, softmaxes(), judge)
    assert tally.excluded == round(five_everywhere(some_fives) * tally.drawn) > 0
    (known,) = tally.known
    assert known["failure"] == "the process ends with SIGABRT"
    assert known["example"] == "softmax(x=[0, 0, 0, 0, 0], axis=-1)"


def test_the_search_calls_nothing_that_ends_the_process(aborting: Backend, some_fives: int) -> None:
    """Another bug in long rows is found and made small without a call on five scores."""
    lengths: list[int] = []

    def function(x: Any, *, axis: int = -1) -> Any:
        lengths.append(x.shape[axis])
        return aborting.adapter.softmax(x, axis=axis) + (x.shape[axis] > 4)

    with pytest.raises(OutOfTolerance) as caught:
        trial.trial(check(), other(aborting, softmax=function), softmaxes(), judge)
    assert not is_five(caught.value.draw)
    assert 5 not in lengths


def test_what_no_longer_ends_the_process_is_stale(aborting: Backend) -> None:
    """The example is called in a process, and that process ends well."""
    (old,) = aborting.adapter.deviations
    mended = replace(old, example=Example({"x": [0.0, 0.0]}, {"axis": -1}), region=lambda draw: draw.x.shape == (2,))
    with pytest.raises(StaleDeviation, match="does not end its process"):
        trial.trial(check(), other(aborting, deviations=[mended]), softmaxes(), judge)


def test_a_hang_is_not_the_end(aborting: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is still there after the limit has not ended, so the entry does not hold."""
    monkeypatch.setattr(apart, "LIMIT", 0.01)
    with pytest.raises(StaleDeviation, match="does not end its process"):
        trial.trial(check(), aborting, softmaxes(), judge)


def test_an_example_that_ends_the_process_is_called_once(
    aborting: Backend, some_fives: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every check that the entry names confirms it, with one process for all."""
    calls: list[str] = []

    def end(*call: Any) -> str:
        calls.append("called")
        return "SIGABRT"

    monkeypatch.setattr(trial, "end_of", end)
    for _ in range(2):
        tally = agreement.start()
        trial.trial(check(), aborting, softmaxes(), judge)
        assert tally.known
    assert calls == ["called"]


def test_an_entry_may_name_several_checks(some_fives: int) -> None:
    """It holds for each of them, and for no other."""
    adapter = Adapter(softmax=one_bug, deviations=[entry(check=("X-1 law", "VALUES softmax"))])
    assert run(adapter).known
    assert [len(tried(adapter).deviations(name)) for name in ("X-1 law", "VALUES softmax", "VALUES")] == [1, 1, 0]
