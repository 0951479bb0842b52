"""The lanes of exact numbers, special values, edges and long reductions: what each finds, and what none accuses."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import reference
from adapters.backend import Backend
from adapters.loading import load
from conformance.cases import CASES, INTEGERS, Case
from conformance.checks import lanes
from conformance.mutants import tried
from conformance.mutants.lanes import SEEN_BY, backend_of, last_bit_of_a_large_sum
from conformance.results import is_mistrusted
from conformance.test_empty import edge_problems, empty_problems
from conformance.test_exact import exact_problems
from conformance.test_long import long_problems
from conformance.test_special import special_problems, taps_outside
from properties import agreement, trial
from properties.agreement import Failure, Tally
from properties.strategies import Problem, Spec, draw, draws
from properties.strategies.special import SPECIAL
from reference.arithmetic import FLOAT32, FLOAT64, FORMATS, Format
from reference.arithmetic.formats import holds_numbers

LANES = ("EXACT", "SPECIAL", "EMPTY", "LONG")
CHECKS = {id: test for id, test in lanes().items() if id.split()[0] in (*LANES, "HOM", "VALUES")}


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short run; the search for the smallest input has tests of its own."""
    monkeypatch.setattr(trial, "_run", trial._Run())
    monkeypatch.setattr(trial, "minimised", lambda problems, fails, failure: failure)
    trial.configure("smoke", 0)


class Honest:
    """Every primitive computed in float64 and rounded once: a clean backend in every format."""

    def __init__(self, fmt: Format) -> None:
        for name, function in reference.PRIMITIVES.items():
            setattr(self, name, functools.partial(self._call, function, fmt))

    @staticmethod
    def _call(function: Callable[..., Any], fmt: Format, *arrays: Any, **options: Any) -> Any:
        wide = [x.astype(np.float64) if holds_numbers(x) else x for x in arrays]
        with np.errstate(all="ignore"):
            y = function(*wide, **options)
            return tuple(map(fmt_of(fmt), y)) if isinstance(y, tuple) else fmt_of(fmt)(y)


def fmt_of(fmt: Format) -> Callable[[Any], Any]:
    return lambda y: y if isinstance(y, int) else fmt.round(y).astype(fmt.dtype)


def judged(id: str, backend: Backend) -> Tally:
    tally = agreement.start()
    CHECKS[id](backend)
    return tally


def fails(id: str, backend: Backend) -> bool:
    try:
        judged(id, backend)
    except Failure:
        return True
    return False


@pytest.mark.parametrize("fmt", FORMATS.values(), ids=str)
@pytest.mark.parametrize("lane", LANES)
def test_a_clean_backend_passes_and_is_judged(lane: str, fmt: Format) -> None:
    """No false alarm, and nothing is green that judged nothing, in any format."""
    for seed in (0, 1):
        trial.configure("smoke", seed)
        for id in CHECKS:
            if id.startswith(lane):
                tally = judged(id, tried(Honest(fmt), "honest", fmt))
                measured = {"draws": tally.draws, "elements": tally.elements, "decided": tally.decided}
                assert not is_mistrusted("conforms", measured), (id, seed, measured)


@pytest.mark.parametrize(
    ("lane", "primitive", "function", "fmt"), SEEN_BY, ids=lambda x: getattr(x, "__name__", str(x))
)
def test_a_lane_rejects_its_mutants(lane: str, primitive: str, function: Any, fmt: Format) -> None:
    """Each lane finds what only it looks for, at the default depth."""
    trial.configure("default", 0)
    assert fails(f"{lane} {primitive}", backend_of(primitive, function, fmt))


@pytest.mark.parametrize(
    ("lane", "primitive", "function", "fmt"),
    [mutant for mutant in SEEN_BY if mutant[0] in ("SPECIAL", "LONG") or mutant[2] is last_bit_of_a_large_sum],
    ids=lambda x: getattr(x, "__name__", str(x)),
)
def test_values_accept_them(lane: str, primitive: str, function: Any, fmt: Format) -> None:
    """Without the lane they would pass."""
    assert not fails(f"VALUES {primitive}", backend_of(primitive, function, fmt))


# -- what is tried -------------------------------------------------------------------------------------


def rows(problems: Callable[[Case], Any]) -> list[Any]:
    return [pytest.param(p, id=case.primitive) for case in CASES if (p := problems(case)) is not None]


@pytest.mark.parametrize("problems", rows(exact_problems))
def test_exact_problems_have_numbers(problems: Any) -> None:
    """Nothing empty, where to be exact means nothing."""
    assert all(not problem.is_empty for problem in problems.pool(0.1, 0))
    assert len(problems.pool(0.01, 0)) >= problems.least


@pytest.mark.parametrize("problems", rows(special_problems))
def test_every_array_gets_every_special_value(problems: Any) -> None:
    """A NaN and an infinity reach each array that holds numbers."""
    every, reached = set(), set()
    for problem in problems.pool(2.0, 0):
        for p in draws(problem, 8 * len(SPECIAL), FLOAT64, (1, 2, 3, 4), problems.kinds):
            numbers = {n: x for n, x in p.arrays.items() if holds_numbers(x)}
            every |= set(numbers)
            reached |= {name for name, x in numbers.items() if np.isnan(x).any()}
    assert reached == every


# Weights of several gates, or of queries, keys and values, lie in one array, which is longer than 1.
STACKED = ("lstm_step", "lstm", "gru_step", "gru", "encoder_block", "decoder_block")


@pytest.mark.parametrize("problems", rows(edge_problems))
def test_edges_are_empty_or_single(problems: Any) -> None:
    """The edges of a primitive: each problem has an empty array or only sides of 1, and both occur."""
    pool = problems.pool(1.0, 0)
    assert any(problem.is_empty for problem in pool) == (problems.primitive != "true_convolution")  # of nothing: none
    assert problems.pool(1.0, 0) == pool
    if problems.primitive not in STACKED:
        assert any(not problem.is_empty for problem in pool)
        shapes = [[x.shape for x in problem.arrays.values() if isinstance(x, Spec)] for problem in pool]
        assert all(any(0 in s for s in every) or all(set(s) <= {1} for s in every) for every in shapes)


def test_empty_problems_are_empty() -> None:
    """What gradients of empty batches are tried on."""
    for case in CASES:
        if case.primitive not in (*INTEGERS, "true_convolution"):
            pool = empty_problems(case).pool(0.5, 0)
            assert pool
            assert all(problem.is_empty for problem in pool)


@pytest.mark.parametrize("problems", rows(long_problems))
def test_long_reductions_are_long(problems: Any) -> None:
    """Some array has hundreds of numbers at least, thousands where no moment is updated by each, and few axes."""
    least = 256 if problems.primitive in ("layer_norm", "group_norm") else 1000
    assert all(problem.size >= least for problem in problems.pool(1.0, 0))


def test_taps_outside_of_the_signal_are_found() -> None:
    """A NaN at the first tap lies outside of the signal at the first position, and nowhere else."""
    shapes = {"x": Spec((1, 1, 3)), "w": Spec((1, 1, 2)), "bias": None}
    p = draw(Problem("convolution", shapes, {"padding": ((1, 1),)}), "integers", FLOAT32, (0,))
    p = p.with_arrays(w=np.array([[[np.nan, 1.0]]], np.float32))
    assert taps_outside(p).tolist() == [[[True, False, False, False]]]


# -- the ledger ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("primitive", ["scaled_dot_product_attention", "gelu"])
@pytest.mark.parametrize("fmt", ["float64", "float32", "bfloat16"])
def test_regions_of_torch_are_where_it_fails(primitive: str, fmt: str) -> None:
    """A draw with NaN fails in the region, and passes outside of it."""
    pytest.importorskip("torch")
    backend = tried(load("torch")[1], "torch", FORMATS[fmt], "2.13.0")
    (case,) = (case for case in CASES if case.primitive == primitive)
    body = CHECKS[f"SPECIAL {primitive}"].func.place_as  # type: ignore[attr-defined]  # a partial of the lane's test
    known, both = backend.deviations(f"SPECIAL {primitive}"), set()
    for problem in special_problems(case).pool(1.0, 3):  # type: ignore[union-attr]  # the row has some
        for p in draws(problem, 12, FORMATS[fmt], (1, 2, 3, 4), ("nan", "infinity")):
            agreement.start()
            try:
                failure = trial._failure_if_offered(lambda b, d: body(b, d, case), backend, p)
            except trial.NotOffered:
                continue
            if failure is not None:
                assert trial.known_as(p, known), p
                both.add(True)
    assert both == ({True} if known else set())
