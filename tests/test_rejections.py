"""Rejections: each kind of invalid problem is wrong in one way, and a backend that accepts one is named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

import reference
from adapters.backend import Backend
from adapters.deviations import accepted
from conformance import results
from conformance.cases import CASES, Case
from conformance.checks import lanes
from conformance.mutants import Adapter, tried
from conformance.test_rejections import StaleConvention, refusal
from properties import agreement, trial
from properties.agreement import AcceptedInvalid, Failure
from properties.strategies import Draw, Problem, draws
from properties.strategies.invalid import INVALID, InvalidProblems, invalids
from properties.trial import StaleDeviation
from reference import PRIMITIVES
from reference.arithmetic import FLOAT64

ROWS = {case.primitive: case for case in CASES}
KINDS = [(primitive, wrong) for primitive, changes in INVALID.items() for wrong in changes]
CANNOT_BE_WRONG = {"identity", "binary_step", "relu", "leaky_relu", "sigmoid", "tanh", "silu"}


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short run; tests of the search put it back."""
    monkeypatch.setattr(trial, "_run", trial._Run())
    monkeypatch.setattr(trial, "minimised", lambda problems, fails, failure: failure)
    trial.configure("smoke", 0)


def problems_of(primitive: str) -> InvalidProblems:
    problems = invalids(ROWS[primitive].problems)
    assert problems
    return problems


def drawn(problems: InvalidProblems, wrong: str, seed: int = 0, breadth: float = 1.0) -> list[Draw]:
    """The invalid draws of a kind in a pool."""
    pool = (problem for problem in problems.pool(breadth, seed) if problem.extras["wrong"] == wrong)
    return [draw for problem in pool for draw in draws(problem, 1, FLOAT64, (1, 2, 3, 4), problems.kinds)]


def judged(primitive: str, backend: Backend) -> Failure | None:
    agreement.start()
    try:
        lanes()[f"REJECTS {primitive}"](backend)
    except Failure as failure:
        return failure
    return None


def lenient(primitive: str, wrong: str) -> Callable[..., Any]:
    """The reference's function, which has something to say of one kind of invalid problem."""
    invalid = [drawn(problems_of(primitive), wrong, breadth=breadth) for breadth in (0.05, 1.0)]
    signatures = {signature(list(draw.arrays.values()), draw.options) for each in invalid for draw in each}

    def function(*arrays: Any, **options: Any) -> Any:
        full = {**{k: v for k, v in defaults(primitive).items() if k not in options}, **options}
        if any(signature(arrays, full, given) == given for given in signatures):
            return np.zeros((1,))
        return PRIMITIVES[primitive](*arrays, **options)

    return function


def defaults(primitive: str) -> Mapping[str, Any]:
    from adapters.backend import reference_defaults

    return reference_defaults(primitive)


def signature(arrays: Any, options: Mapping[str, Any], like: Any = None) -> Any:
    """Shapes without trailing None, and the options; only those that another one has, if it is given."""
    shapes = [np.shape(x) if isinstance(x, (np.ndarray, float)) else x for x in arrays]
    while shapes and shapes[-1] is None:
        shapes.pop()
    names = sorted(options) if like is None else [name for name, _ in like[1]]
    return tuple(shapes), tuple((name, repr(options.get(name))) for name in names)


# -- the problems --------------------------------------------------------------------------------------


def test_every_primitive_that_can_be_called_wrongly_is() -> None:
    """Only functions of single numbers have no invalid input."""
    assert {case.primitive for case in CASES} - set(INVALID) == CANNOT_BE_WRONG
    assert all(invalids(ROWS[primitive].problems) is None for primitive in CANNOT_BE_WRONG)


@pytest.mark.parametrize("primitive", INVALID)
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("breadth", [0.05, 1.0])
def test_every_kind_is_in_every_pool(primitive: str, seed: int, breadth: float) -> None:
    """However little is tried, no kind is left out."""
    pool = problems_of(primitive).pool(breadth, seed)
    assert [*dict.fromkeys(problem.extras["wrong"] for problem in pool)] == list(INVALID[primitive])


@pytest.mark.parametrize("primitive", INVALID)
def test_pools_are_deterministic(primitive: str) -> None:
    """The same seed gives the same problems, also to another object."""
    first, second = (problems_of(primitive).pool(0.3, 5) for _ in range(2))
    assert first == second


@pytest.mark.parametrize(("primitive", "wrong"), KINDS)
def test_one_change_makes_a_valid_problem_invalid(primitive: str, wrong: str) -> None:
    """Undone, the problem is valid; changed is one option or one array, or the two that must stay alike."""
    problems = problems_of(primitive)
    for draw in drawn(problems, wrong):
        _, *choices = draw.problem.choices
        valid = ROWS[primitive].problems.replayed(choices)
        (undone,) = draws(valid, 1, FLOAT64, (1, 2, 3, 4), ("normal",))
        with np.errstate(all="ignore"):
            PRIMITIVES[primitive](*undone.arrays.values(), **undone.options)
        assert valid.extras == {}
        changed = [name for name in valid.options if valid.options[name] != draw.options[name]]
        changed += [name for name in valid.arrays if valid.arrays[name] != draw.problem.arrays[name]]
        alike = {"k", "v"}, {"key", "value"}, {"size", "kernel"}, {"x", "w"}
        assert len(changed) == 1 or set(changed) in alike


@pytest.mark.parametrize(("primitive", "wrong"), KINDS)
@pytest.mark.parametrize("seed", [0, 3])
def test_the_reference_rejects_every_kind(primitive: str, wrong: str, seed: int) -> None:
    """Each raises ValueError, with a message in words."""
    for draw in drawn(problems_of(primitive), wrong, seed):
        message = refusal(draw)
        assert len(message) > 15
        assert " " in message


@pytest.mark.parametrize("primitive", INVALID)
def test_a_problem_can_be_replayed(primitive: str) -> None:
    """The choices of a problem lead to it again: what the minimiser needs."""
    problems = problems_of(primitive)
    for problem in problems.pool(0.3, 0):
        assert problems.replayed(problem.choices) == problem


def test_what_is_drawn_freely_is_invalid_too() -> None:
    """A choice that a change does not concern falls back on a problem that it does."""
    problems = problems_of("pad")
    for first in range(len(problems.changes)):
        for mode in range(4):
            problem = problems.replayed((first, 0, mode))
            assert problem.extras["wrong"] == list(problems.changes)[first]
            (draw,) = draws(problem, 1, FLOAT64, (1, 2, 3, 4), ("normal",))
            refusal(draw)


# -- the lane ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("primitive", INVALID)
def test_the_reference_passes(primitive: str) -> None:
    """Every kind is judged, and nothing is undecided."""
    assert judged(primitive, tried(Adapter(), "reference")) is None
    assert agreement.tally.draws >= len(INVALID[primitive])
    assert agreement.tally.decided == agreement.tally.elements > 0


@pytest.mark.parametrize(("primitive", "wrong"), KINDS)
def test_one_kind_that_is_accepted_is_caught_and_named(primitive: str, wrong: str) -> None:
    """Whatever a backend accepts is a failure of its own kind, which says what was wrong with the input."""
    failure = judged(primitive, tried(Adapter(**{primitive: lenient(primitive, wrong)})))
    assert isinstance(failure, AcceptedInvalid)
    assert failure.kind == "accepted invalid"
    assert str(failure).startswith(f"{failure.draw.wrong}: a result of shape (1,), where the reference raises: ")
    assert repr(failure.draw.wrong) in repr(failure.draw)


def without_a_look_at_p(x: Any, *, p: float = 0.5, training: bool = True, key: int = 0) -> Any:
    return np.where(np.random.default_rng(key).random(x.shape) < p, 0.0, x)


def test_a_known_kind_does_not_hide_another() -> None:
    """One kind is in the ledger; the other is still found. With both in it, every input is explained."""
    entries = [
        accepted("dropout", wrong, {"x": [1.0]}, {"p": p}, "p is not looked at", "https://example.org")
        for wrong, p in (("p below 0", -0.5), ("p above 1", 1.5), ("p that is no number", np.nan))
    ]
    failure = judged("dropout", tried(Adapter(dropout=without_a_look_at_p, deviations=entries[:2])))
    assert isinstance(failure, AcceptedInvalid)
    assert failure.draw.wrong == "p that is no number"

    assert judged("dropout", tried(Adapter(dropout=without_a_look_at_p, deviations=entries))) is None
    measured = results.measure(agreement.tally)
    assert len(measured["known"]) == 3
    assert not results.is_mistrusted("known_deviation", measured)


def test_an_entry_is_stale_once_the_input_is_rejected() -> None:
    """A backend that rejects again must leave the ledger."""
    entry = accepted("dropout", "p below 0", {"x": [1.0]}, {"p": -0.5}, "p is not looked at", "https://example.org")
    assert isinstance(judged("dropout", tried(Adapter(deviations=[entry]))), StaleDeviation)


def test_what_a_backend_documents_is_a_convention() -> None:
    """It is held to it: what it says to accept it must accept."""
    why = dict.fromkeys(INVALID["dropout"], "see https://example.org")
    assert judged("dropout", tried(Adapter(dropout=without_a_look_at_p, accepts={"dropout": why}))) is None
    failure = judged("dropout", tried(Adapter(accepts={"dropout": why})))
    assert isinstance(failure, StaleConvention)
    assert "p below 0 (see https://example.org)" in str(failure)
    assert "Remove it from the adapter's accepts." in str(failure)


def test_a_convention_must_name_a_kind() -> None:
    """A kind that does not exist is an error that lists those that do."""
    failure = judged("dropout", tried(Adapter(accepts={"dropout": {"p too small": "https://example.org"}})))
    assert isinstance(failure, StaleConvention)
    assert "p below 0, p above 1, p that is no number" in str(failure)


def test_what_is_valid_by_a_convention_is_not_asked() -> None:
    """A biased running variance of one value is 0, so a backend with that convention may return it."""

    def biased(*arrays: Any, **options: Any) -> Any:
        return reference.batch_norm(*arrays, **options, unbiased=False)

    adapter = Adapter(batch_norm=biased, conventions={"batch_norm": {"unbiased": False}})
    assert judged("batch_norm", tried(adapter)) is None
    assert agreement.tally.reasons == {"one value a channel in training: valid by its conventions"}


def test_a_smaller_input_is_wrong_in_the_same_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search for the smallest input keeps to the kind that was found."""
    monkeypatch.undo()
    monkeypatch.setattr(trial, "_run", trial._Run())
    trial.configure("smoke", 3)

    def softened(x: Any, weight: Any = None, bias: Any = None, *, axes: int = 1, eps: float = 1e-5) -> Any:
        one = weight is not None and weight.size == 1 < np.prod(x.shape[-axes:])
        return reference.layer_norm(x, None if one else weight, bias, axes=axes, eps=eps)

    failure = judged("layer_norm", tried(Adapter(layer_norm=softened)))
    assert isinstance(failure, AcceptedInvalid)
    assert failure.draw.wrong == "one weight for several numbers"
    assert failure.draw.numbers <= 5


@pytest.mark.parametrize("name", ["torch", "jax"])
def test_shipped_conventions_name_kinds_and_cite(name: str) -> None:
    """What a shipped adapter accepts are kinds of invalid problems, each with a source."""
    adapter = pytest.importorskip(f"adapters.{name}")
    for primitive, kinds in adapter.accepts.items():
        assert set(kinds) <= set(INVALID[primitive])
        assert all("https://" in why for why in kinds.values())


def test_a_problem_without_its_name_is_no_invalid_problem() -> None:
    """Draws of valid problems say nothing of what is wrong."""
    case: Case = ROWS["dropout"]
    problem: Problem = case.problems.replayed(())
    assert "wrong" not in problem.extras
