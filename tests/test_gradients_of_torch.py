"""Gradients of PyTorch: its ledger from both sides, and the gradients that are written down."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from adapters.backend import Backend, NotOffered, backends
from adapters.loading import load
from adapters.written import WRITTEN
from conformance.cases import CASES
from conformance.test_gradients import test_gradients as lane_of_gradients
from properties.agreement import Failure
from properties.strategies import Draw, draws
from properties.strategies.cotangents import differentiated as with_cotangents
from reference import PRIMITIVES
from reference.arithmetic import differentiated, gradient_terms
from reference.arithmetic.formats import holds_numbers

judge = lane_of_gradients.place_as  # type: ignore[attr-defined]  # the body that the lane was made of


def in_float64() -> Backend:
    pytest.importorskip("torch")
    _, adapter = load("torch")
    (backend,) = (b for b in backends(adapter, "torch") if b.device == "cpu" and b.format.name == "float64")
    return backend


def tried(
    primitive: str, backend: Backend, breadth: float, seed: int, kinds: tuple[str, ...]
) -> Iterator[tuple[Draw, bool]]:
    """Draws of a primitive, each with whether its gradient fails."""
    (case,) = (case for case in CASES if case.primitive == primitive)
    problems = with_cotangents(case.problems)
    for problem in problems.pool(breadth, seed):
        for draw in draws(problem, 7, backend.format, (seed, 0, 0, 0), kinds or problems.kinds):
            try:
                with np.errstate(all="ignore"):
                    judge(backend, draw, case)
                yield draw, False
            except NotOffered:
                break
            except Failure:
                yield draw, True


@pytest.mark.parametrize(("primitive", "seed"), [("lp_pool", 0), ("lp_pool", 1), ("batch_norm", 1), ("batch_norm", 2)])
def test_gradients_fail_where_the_ledger_says_and_nowhere_else(primitive: str, seed: int) -> None:
    """Every draw inside a region misses its bound, and none outside.

    Of batch_norm only moderate numbers are tried: with others a bound may say nothing.
    """
    backend = in_float64()
    regions = [entry.region for entry in backend.deviations(f"GRADIENTS {primitive}")]
    inside = 0
    for draw, fails in tried(
        primitive, backend, 1.5, seed, ("integers", "normal") if primitive == "batch_norm" else ()
    ):
        assert fails == any(region(draw) for region in regions), draw
        inside += fails
    assert inside > 0


def test_the_gradient_of_a_sum_is_one_also_where_the_sum_is_zero() -> None:
    """Who is wrong about the gradient of lp_pool([1, -1]) with norm_type 1: that of 1 - 1 is (1, 1), not (0, 0)."""
    torch = pytest.importorskip("torch")
    x = torch.tensor([[[1.0, -1.0]]], dtype=torch.float64, requires_grad=True)
    torch.nn.functional.lp_pool1d(x, 1, 2).sum().backward()
    assert x.grad.tolist() == [[[0.0, 0.0]]]
    h = 2.0**-10
    moved = torch.nn.functional.lp_pool1d(x.detach() + torch.tensor([h, 0.0], dtype=torch.float64), 1, 2)
    assert moved.item() == h  # torch's own values have the slope 1


def test_the_gradient_of_batch_norm_depends_on_how_the_cotangent_lies_in_memory() -> None:
    """In evaluation it is the cotangent times a number: torch gives it with its elements in another order."""
    torch = pytest.importorskip("torch")
    x = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]], dtype=torch.float64, requires_grad=True)
    y = torch.nn.functional.batch_norm(x, torch.zeros(2).double(), torch.ones(2).double(), eps=0.0)
    g = x.detach().clone()
    transposed = g.permute(3, 2, 1, 0).contiguous().permute(3, 2, 1, 0)
    assert torch.equal(transposed, g)
    (right,) = torch.autograd.grad(y, x, g, retain_graph=True)
    (wrong,) = torch.autograd.grad(y, x, transposed)
    assert right.flatten().tolist() == [1.0, 2.0, 3.0, 4.0]
    assert wrong.flatten().tolist() == [1.0, 3.0, 2.0, 4.0]


BESIDE = """
import torch
x = torch.zeros(1, 1, 1, 1, requires_grad=True)
d = 10**8
torch.nn.functional.max_pool2d(x, (1, 2), (1, 2 * d), (0, 1), (1, d), ceil_mode=True).sum().backward()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="how a process ends is told otherwise elsewhere")
def test_the_gradient_of_a_maximum_over_nothing_is_written_beside_x() -> None:
    """A window in the padding altogether has an index 10^8 in an array of one number."""
    pytest.importorskip("torch")
    assert subprocess.run([sys.executable, "-c", BESIDE], capture_output=True, check=False).returncode < 0


def _calls(rng: Any) -> Iterator[tuple[str, list[Any], dict[str, Any]]]:
    d = rng.standard_normal
    for training in (False, True):
        yield "batch_norm", [d((3, 2, 4)), d(2), np.abs(d(2)), d(2), d(2)], {"training": training}
        yield "batch_norm", [d((5, 2)), d(2), np.abs(d(2)), None, None], {"training": training}
    yield "layer_norm", [d((4, 5)), d(5), d(5)], {}
    yield "layer_norm", [d((2, 3, 2)), None, None], {"axes": 2, "eps": 0.25}
    yield "scaled_dot_product_attention", [d((2, 3)), d((4, 3)), d((4, 2)), d((1, 4))], {"scale": 0.3}
    yield "scaled_dot_product_attention", [d((2, 2, 3)), d((2, 4, 3)), d((2, 4, 2)), None], {"causal": True}
    w = [d((2, 2)) for _ in range(4)]
    yield "multi_head_attention", [d((3, 2)), None, None, *w, d(2), None, d(2), d(2)], {"heads": 2}


@pytest.mark.parametrize(("name", "arrays", "options"), list(_calls(np.random.default_rng(0))))
def test_written_gradients_are_those_of_the_reference(name: str, arrays: list[Any], options: dict[str, Any]) -> None:
    """What implementations write down is the sweep back through the reference, to float64's accuracy.

    The allowance is 2^-40 of the largest number: a term that is lost or counted twice is far outside.
    """
    wanted = [i for i, x in enumerate(arrays) if x is not None and not (name == "batch_norm" and i in (1, 2))]
    y = PRIMITIVES[name](*arrays, **options)
    g = np.random.default_rng(1).standard_normal(np.shape(y[0] if isinstance(y, tuple) else y))
    want = differentiated(PRIMITIVES[name], arrays, options, [g], wanted)
    written = set(WRITTEN[name])
    assert written
    for formula in written:
        for got, right in zip(differentiated(WRITTEN[name][formula], arrays, options, [g], wanted), want, strict=True):
            assert got.shape == right.shape
            assert np.abs(got - right).max() <= 2.0**-40 * max(np.abs(right).max(), 1.0)


def test_terms_do_not_cancel() -> None:
    """The gradient of a softmax over one score is zero, of terms as large as the cotangent."""
    softmax, x, g = PRIMITIVES["softmax"], np.array([[5.0]]), np.array([[3.0]])
    (zero,) = differentiated(softmax, [x], {}, [g], [0])
    assert zero.item() == 0
    assert gradient_terms(softmax, [x], {}, [g], [0]) == (6.0,)


def test_terms_are_never_smaller_than_the_gradient() -> None:
    """The sum of magnitudes is at least the magnitude of the sum, for every primitive that has a gradient."""
    for case in CASES:
        if case.differentiable == ():
            continue
        backend = in_float64()
        for problem in with_cotangents(case.problems).pool(0.3, 0):
            for draw in draws(problem, 3, backend.format, (0, 0, 0, 0)):
                arrays = list(draw.arrays.values())
                numbers = [i for i, x in enumerate(arrays) if holds_numbers(x)]
                wanted = [i for i in numbers if case.has_gradient(list(draw.arrays)[i])]
                call = PRIMITIVES[case.primitive], arrays, draw.options, [draw.cotangent], wanted
                for g, terms in zip(differentiated(*call), gradient_terms(*call), strict=True):
                    largest = np.max(np.abs(g), where=np.isfinite(g), initial=0.0)
                    assert largest <= terms * (1 + 2.0**-40), draw
