"""Homogeneity: what is twice as large is so to the last digit, since a power of two moves the point alone.

Sums, products and quotients commute with a power of two wherever nothing over- or underflows, however they are
rounded, and in whatever order they are computed. So a result that does not is computed in another way for large
numbers than for small ones: by a threshold, a cut, a number that was added, or a grid that is fixed. Roots may be
powers, which do not commute to the last digit: where they occur, both sides agree within their bounds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from adapters.backend import Backend
from conformance.cases import Case
from conformance.lane import lane
from conformance.test_gradients import wanted
from properties.agreement import WrongShape, about, law_holds, same_bits
from properties.law import room_of
from properties.sides import bounded
from properties.strategies import Draw, Problem, Problems
from properties.strategies.cotangents import differentiated
from properties.strategies.kinds import SCALED
from properties.strategies.problems import has_numbers
from reference.arithmetic import FLOAT16

EXPONENTS = (6, -6)
FORMATS = ("float32", "float64", "bfloat16")  # float16 has too few exponents: subnormals are met at once


def has_exponents(backend: Backend) -> bool:
    """Whether products of moderate numbers are far from the ends of the format."""
    return backend.format is not FLOAT16


def repeats_sums(backend: Backend) -> bool:
    """On a GPU gradients are added up in any order: https://docs.pytorch.org/docs/stable/notes/randomness.html."""
    return has_exponents(backend) and backend.device == "cpu"


def homogeneous_problems(case: Case) -> Problems | None:
    """The problems on which every way of a row can be tried; a norm of windows with an order that takes no root."""
    firsts = [way.split()[0] for way in case.homogeneous]

    def wanted(problem: Problem) -> bool:
        has_root = problem.primitive == "lp_pool" and problem.options["norm_type"] not in (1, math.inf)
        return has_numbers(problem) and not has_root and None not in map(problem.arrays.get, firsts)

    return few(replace(case.problems, wanted=wanted)) if case.homogeneous else None


def few(problems: Problems) -> Problems:
    """A third of the problems of other lanes: no option is at fault, and each norm is compiled for three eps."""
    return replace(problems, kinds=tuple(SCALED), share=problems.share / 3)


@lane("HOM", problems=homogeneous_problems, formats=FORMATS, concerns=has_exponents)
def test_homogeneous(backend: Backend, draw: Draw, case: Case) -> None:
    """HOM-1: f(2ᵏ x) = 2ᵏ f(x), to the bit where no root is taken; a norm's ε takes 4ᵏ."""
    results, bounds = _called(backend, draw, draw.arrays, draw.options, case)
    for before, _, after in (way.partition("->") for way in case.homogeneous):
        for k in EXPONENTS:
            with about(f"{before.strip()} times 2**{k}"):
                arrays, options = _scaled(draw.arrays, before, k), _scaled(draw.options, before, k)
                got, want = _called(backend, draw, arrays, options, case)
                expected = _scaled(results, after, k)
                for name, y in expected.items():
                    if case.exact:
                        same_bits(got[name], y, output=name, sides=("of the multiple", "multiplied"))
                    else:
                        (other,) = _scaled({name: bounds[name]}, after, k).values()
                        room = room_of(backend, want[name], other)
                        law_holds(_wide(got[name]), _wide(y), room, backend.format, other.value)


def _called(
    backend: Backend, draw: Draw, arrays: Mapping[str, Any], options: Mapping[str, Any], case: Case
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The results by their names, and what the reference allows, where that is asked for."""
    given = list(arrays.values())
    got = backend.call(draw.primitive, given, options)
    if len(got) != len(case.outputs):
        raise WrongShape(f"{len(got)} results, not {len(case.outputs)}", got=len(got), want=len(case.outputs))
    want = () if case.exact else bounded(backend, draw.primitive, given, options)
    return dict(zip(case.outputs, got, strict=True)), dict(zip(case.outputs, want, strict=False))


def _scaled(named: Mapping[str, Any], way: str, k: int) -> dict[str, Any]:
    """What a way names is multiplied by 2**k, or by its square; the rest stays as it is."""
    powers = {name: int(power or 1) for name, _, power in (word.partition("**") for word in way.split())}
    return {name: _times(x, k * powers[name]) if name in powers and x is not None else x for name, x in named.items()}


def _times(x: Any, k: int) -> Any:
    """In float64 and back, since not every format knows NumPy's ldexp."""
    return np.asarray(x.astype(np.float64) * 2.0**k, x.dtype) if isinstance(x, np.ndarray) else x * 2.0**k


def _wide(x: Any) -> Any:
    return np.asarray(x, dtype=np.float64)


def gradients(case: Case) -> Problems | None:
    """The problems of a primitive with a gradient; parts of blocks and sequences of steps have rows of their own."""
    if case.differentiable == () or case.formats:
        return None
    return differentiated(few(replace(case.problems, wanted=has_numbers)))


@lane("HOM-VJP", problems=gradients, formats=FORMATS, concerns=repeats_sums)
def test_homogeneous_gradients(backend: Backend, draw: Draw, case: Case) -> None:
    """HOM-1: Jᵀ(2ᵏ g) = 2ᵏ Jᵀ g, to the bit: a gradient is linear in the cotangent, whatever the primitive is."""
    call, by = (draw.primitive, list(draw.arrays.values()), draw.options), wanted(draw, case)
    names = [list(draw.arrays)[i] for i in by]
    once = backend.gradient(*call, draw.cotangent, by)
    for k in EXPONENTS:
        with about(f"cotangent times 2**{k}"):
            for name, got, g in zip(names, backend.gradient(*call, _times(draw.cotangent, k), by), once, strict=True):
                sides = "of the multiple", "multiplied"
                same_bits(got, _times(g, k), output=f"gradient of {name}", sides=sides)
