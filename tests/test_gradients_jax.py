"""Gradients of JAX: where XLA aborts, and that each claim of the way back is needed and is enough."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import reference
from adapters.apart import end_of
from adapters.backend import Backend
from adapters.loading import load
from adapters.written import WRITTEN
from properties.agreement import OutOfTolerance, WrongSpecial, agree
from properties.strategies import Draw, Problem, Spec
from reference.arithmetic import BFLOAT16, FLOAT32, FLOAT64, Arithmetic, Format, default_arithmetic
from reference.arithmetic.reading import read_gradient

if importlib.util.find_spec("jax") is None:
    pytest.skip("needs JAX", allow_module_level=True)

# Primitive, signal, kernels, stride, padding, and whether XLA 0.10.2 survives the gradient. The gradient by x of
# the first ones is a transposed convolution, that by w of the others slides over a dilated signal.
SWAPPED: dict[str, tuple[Any, ...]] = {
    "more taps than windows": ("convolution", (4, 1), (2, 3), (2, 1), ((1, 1), (1, 1)), False),
    "a cotangent of two": ("convolution", (2, 1), (2, 3), (2, 1), ((1, 1), (1, 1)), True),
    "no padding": ("convolution", (6, 1), (2, 3), (2, 1), ((0, 0), (1, 1)), True),
    "a kernel longer than the windows": ("transposed_convolution", (3, 1), (4, 3), (2, 2), ((3, 3), (1, 0)), False),
    "as many taps as elements": ("transposed_convolution", (3, 3), (4, 3), (2, 2), ((3, 3), (2, 2)), True),
    "where the values abort": ("transposed_convolution", (3, 1), (2, 3), (2, 1), ((1, 1), (1, 1)), True),
}


def _jax(format: Format) -> Backend:
    name, adapter = load("jax")
    return Backend(adapter, name, importlib.metadata.version("jax"), "cpu", format, "compiled", "jax")


@pytest.mark.parametrize("case", SWAPPED)
def test_xla_aborts_in_the_region_and_nowhere_else(case: str) -> None:
    """A process that makes the gradient dies if and only if the ledger says so."""
    if importlib.metadata.version("jaxlib") != "0.10.2":
        pytest.skip("another XLA")
    primitive, S, K, stride, padding, survives = SWAPPED[case]
    options = {"stride": stride, "padding": padding, "dilation": (1, 1), "groups": 1}
    if primitive == "transposed_convolution":
        options["output_padding"] = (0, 0)
    x, w = np.ones((1, 1, *S), np.float32), np.ones((1, 1, *K), np.float32)
    cotangent = np.ones_like(reference.PRIMITIVES[primitive](x, w, **options))
    extras = {"cotangent": cotangent}
    specs = {"x": Spec(x.shape), "w": Spec(w.shape)}
    problem = Problem(primitive, specs, options, {"cotangent": Spec(cotangent.shape)})
    draw = Draw(problem, "integers", FLOAT32, {"x": x, "w": w}, extras)
    backend = _jax(FLOAT32)
    (entry,) = backend.deviations(f"GRADIENTS {primitive}")
    assert entry.region(draw) is not survives
    assert end_of(backend, primitive, [x, w], options, cotangent) == ("" if survives else "SIGABRT")


SATURATED = np.array([256.0, 1.0, 1.0, 1.0])  # in bfloat16 256 + 1 is 256
PEAK = np.array([[[0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0]]])
HUGE = np.array([[2.0**60], [-(2.0**57)]])
CANCELLING = np.array([[2.0**60, -(2.0**61), -(2.0**62)]])

Weaker = Callable[[Arithmetic], Arithmetic]


def _in_float32(a: Arithmetic) -> Arithmetic:
    return replace(a, accumulate=FLOAT32, adds=None)


def _plain(a: Arithmetic) -> Arithmetic:
    return replace(a, formulas=())


# A call whose gradient needs a claim of the adapter, and what the claim is replaced with.
NEEDED: dict[str, tuple[str, list[Any], dict[str, Any], Any, Format, Weaker]] = {
    "a bias": ("dense", [np.ones((4, 1)), np.ones((1, 1)), np.ones(1)], {}, SATURATED[:, None], BFLOAT16, _in_float32),
    "copies": (
        "pad",
        [np.ones((1, 1, 1))],
        {"padding": ((1, 1),), "mode": "circular"},
        SATURATED[None, None, :3],
        BFLOAT16,
        _in_float32,
    ),
    "windows": ("max_pool", [PEAK], {"kernel": 4, "stride": 1}, SATURATED[None, None], BFLOAT16, _in_float32),
    "a root of a variance": (
        "batch_norm",
        [HUGE, np.zeros(1), np.ones(1)],
        {"training": True},
        HUGE * [[1.0], [-1.0]],
        FLOAT32,
        _plain,
    ),
    "a root of moments": ("layer_norm", [CANCELLING], {}, CANCELLING[:, ::-1].copy(), FLOAT32, _plain),
}


@pytest.mark.parametrize("case", NEEDED)
def test_each_claim_is_needed(case: str) -> None:
    """With the claim JAX conforms, without it does not."""
    primitive, arrays, options, cotangent, format, without = NEEDED[case]
    backend = _jax(format)
    inputs, g = [x.astype(format.dtype) for x in arrays], cotangent.astype(format.dtype)
    wanted = [0, *range(3 if primitive == "batch_norm" else 1, len(inputs))]
    got = backend.gradient(primitive, inputs, options, g, wanted)
    claims = backend.arithmetic(primitive, gradient=True)

    def judged(arithmetic: Arithmetic) -> None:
        call = reference.PRIMITIVES[primitive], inputs, options | backend.conventions(primitive), [g], wanted
        formulas = reference.FORMULAS.get(primitive, {}) | WRITTEN.get(primitive, {})
        for computed, bound in zip(got, read_gradient(*call, arithmetic, formulas), strict=True):
            agree(computed, bound, format)

    judged(claims)
    with pytest.raises((OutOfTolerance, WrongSpecial)):
        judged(without(claims))


@pytest.mark.parametrize("primitive", ["tanh", "softmax", "log_softmax", "batch_norm", "layer_norm"])
def test_a_formula_is_the_gradient(primitive: str) -> None:
    """What an implementation writes is, but for rounding, the sweep back through the reference."""
    rng = np.random.default_rng(0)
    x, weight = rng.standard_normal((5, 4)), rng.standard_normal(4)
    norms = {"batch_norm": [x, weight, weight**2, weight, weight], "layer_norm": [x, weight, weight]}
    arrays = norms.get(primitive, [x])
    options = {"training": True} if primitive == "batch_norm" else {}
    call = arrays, options, [rng.standard_normal((5, 4))]
    wanted = [0, *range(3 if primitive == "batch_norm" else 1, len(arrays))]
    a = default_arithmetic(FLOAT64)
    want = read_gradient(reference.PRIMITIVES[primitive], *call, wanted, a)
    formulas = reference.FORMULAS.get(primitive, {}) | WRITTEN.get(primitive, {})
    found = [read_gradient(f, *call, wanted, a) for f in formulas.values()]
    assert found
    for gradients in found:
        for g, bound in zip(gradients, want, strict=True):
            assert (np.abs(g.value - bound.value) <= g.error + bound.error).all()
