"""The derivations of the bounds: generated from the reading itself, which they do not change."""

from __future__ import annotations

import numpy as np
import pytest

import reference
from conformance.cases import CASES
from conformance.derivation import RULE_OF, RULES, WITHOUT_ERROR, _Noted, _said, derivation, operations
from properties.strategies.draws import draw
from reference.arithmetic import FLOAT32, Bounded, default_arithmetic
from reference.arithmetic.bounded import FUNCTIONS, UFUNCS
from reference.arithmetic.formats import holds_numbers
from tests.runs import ROOT

A = default_arithmetic(FLOAT32)
DERIVED = [d for primitive in reference.PRIMITIVES if (d := derivation(primitive))]


def test_every_operation_has_its_rule() -> None:
    """The whole vocabulary, and nothing else; each rule exists, and is of use to some primitive."""
    vocabulary = {f.__name__ for f in (*UFUNCS, *FUNCTIONS)}
    assert RULE_OF.keys() | WITHOUT_ERROR == vocabulary | {"astype"}
    assert not RULE_OF.keys() & WITHOUT_ERROR
    assert set(RULE_OF.values()) <= RULES.keys()


def test_what_computes_is_derived() -> None:
    """Every primitive but those that count, move, or name."""
    without = set(reference.PRIMITIVES) - {d.primitive for d in DERIVED}
    assert without == {"output_size", "pad", "toeplitz", "parameter_count", "flop_count", "identity", "naive_encoding"}


@pytest.mark.parametrize(
    ("rule", "terms", "adds"),
    [
        ("rounding", [1], "u |v|"),
        ("sum", [1], "nothing, of one term"),
        ("sum", [2, 2], "u_A Σ|v_i|, and u |v|"),
        ("sum", [2, 5], "(n − 1) u_A Σ|v_i|, and u |v|"),
        ("sum of products", [1], "u_A Σ|a_i b_i|, and u |v|"),
        ("sum of products", [3], "3 u_A Σ|a_i b_i|, and u |v|"),
        ("product", [3], "2 u Π|v_i|, to first order"),
        ("maximum", [4], "nothing"),
    ],
)
def test_what_is_added_counts_the_terms(rule: str, terms: list[int], adds: str) -> None:
    """One fewer than there are, and of products as many."""
    assert _said("it", rule, terms).adds == adds


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.primitive)
def test_noting_changes_nothing(case: object) -> None:
    """Values and bounds are those of the plain reading, to the last bit."""
    problems = case.problems  # type: ignore[attr-defined]
    problem = next((p for p in reversed(problems.pool(0.2, 0)) if not p.is_empty), None)
    if problem is None or case.primitive == "dropout":  # type: ignore[attr-defined]
        return
    given = draw(problem, "normal", FLOAT32, (1,))
    sides = []
    for make in (lambda x: Bounded.of(x, A), lambda x: _Noted.taking(Bounded.of(x, A), [])):
        arrays = [make(x) if holds_numbers(x) else x for x in given.arrays.values()]
        with np.errstate(all="ignore"):
            y = reference.PRIMITIVES[problem.primitive](*arrays, **given.options)
        sides.append(y if isinstance(y, tuple) else (y,))
    for plain, noted in zip(*sides, strict=True):
        if isinstance(plain, Bounded):
            np.testing.assert_array_equal(plain.value, noted.value)
            np.testing.assert_array_equal(plain.error, noted.error)


def test_softmax_is_derived_line_by_line() -> None:
    """In the order of the formula, each beside the line in which it stands."""
    found = derivation("softmax")
    assert found
    assert [step.text.split(" ")[0] for step in found.steps] == ["e", "return"]
    n = int(found.steps[1].done[0].terms.removeprefix("n = "))
    assert n > 2
    assert [(done.name, done.rule, done.adds) for step in found.steps for done in step.done] == [
        ("max", "maximum", "nothing"),
        ("subtract", "rounding", "u |v|"),
        ("exp", "function", "2 k u |v|"),
        ("sum", "sum", f"{n - 1} u_A Σ|v_i|, and u |v|"),
        ("divide", "rounding", "u |v|"),
    ]


def test_sums_say_how_many_terms_they_have() -> None:
    """A dot product of three pairs with a bias is a sum of four terms; a bias is no operation of its own."""
    x, w, b = (np.ones(shape, np.float32) for shape in ((2, 3), (4, 3), (4,)))
    found = operations("dense", [x, w, b], {}, A)
    assert [(op.name, op.rule, op.n) for op in found] == [("matmul", "sum of products", 3), ("add", "sum", 4)]


def test_steps_stand_where_they_say() -> None:
    """Every place is a line of the file, with that text."""
    for found in DERIVED:
        for step in found.steps:
            path, _, line = step.place.rpartition(":")
            assert (ROOT / path).read_text().splitlines()[int(line) - 1].strip() == step.text
