"""The probes of claims: an honest backend keeps its claims, and one that breaks a claim is named with the number."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import mpmath
import numpy as np
import pytest

import reference
from adapters.backend import Backend, NotOffered, backends
from adapters.loading import load
from conformance.checks import lanes
from conformance.mutants import Adapter, tried
from properties import agreement, probes, trial
from properties.agreement import ClaimContradicted
from reference.arithmetic import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, Arithmetic, Format
from reference.arithmetic.claims import default_arithmetic, wide_arithmetic
from tests.honest import Machine

KINDS = ("CLAIM-ACCUMULATOR", "CLAIM-STEPS", "CLAIM-SUBNORMALS", "CLAIM-PRODUCTS", "CLAIM-ACCURACY")
PLAIN = {F: Machine(F, F, F if F in (FLOAT64, FLOAT32) else FLOAT32) for F in (FLOAT64, FLOAT32, BFLOAT16, FLOAT16)}


class Emulated:
    """The references on a machine, or some functions on arrays of float64, with claims."""

    def __init__(self, machine: Machine, claims: Arithmetic, **functions: Callable[..., Any]) -> None:
        self.claims, self.machine = claims, machine
        for name, function in reference.PRIMITIVES.items():
            setattr(self, name, self._stored(functions[name]) if name in functions else self._run(function))

    def arithmetic(self, primitive: str, device: str, format: Format) -> Arithmetic:
        return self.claims

    def _run(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arrays: Any, **options: Any) -> Any:
            wide = [x.astype(float) if isinstance(x, np.ndarray) and x.dtype != bool else x for x in arrays]
            is_vector = np.ndim(wide[0]) == 1 and function in (reference.dense, reference.residual)
            if is_vector:  # a machine multiplies matrices
                wide[0] = wide[0][None]
            results = self.machine.run(function, wide, options)
            return tuple((y[0] if is_vector else y).astype(self.machine.storage.dtype) for y in results)

        return call

    def _stored(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arrays: Any, **options: Any) -> Any:
            y = function(*(x.astype(np.longdouble) for x in arrays if x is not None), **options)
            return self.machine.storage.round(y.astype(float)).astype(self.machine.storage.dtype)

        return call


def backend(machine: Machine, claims: Arithmetic | None = None, **functions: Callable[..., Any]) -> Backend:
    return tried(Emulated(machine, claims or machine.claims, **functions), "emulated", machine.storage)


def probed(check: str, on: Backend) -> list[dict[str, str]]:
    """What a check finds on a backend. Raises: ClaimContradicted."""
    trial.configure("smoke", 0)
    agreement.start()
    with np.errstate(all="ignore"):
        lanes()[check](on)
    return agreement.tally.probes


@pytest.mark.parametrize("primitive", ["sum_pool", "average_pool", "dense", "residual", "softmax", "tanh", "sigmoid"])
@pytest.mark.parametrize(
    "machine",
    [
        *PLAIN.values(),
        Machine(BFLOAT16, BFLOAT16, BFLOAT16),
        Machine(FLOAT16, FLOAT16, FLOAT16, order="pairwise"),
        Machine(BFLOAT16, FLOAT32, FLOAT32),
        Machine(FLOAT32, FLOAT32, FLOAT64),
        replace(PLAIN[FLOAT32], flushes_results=True, flushes_inputs=True),
        replace(PLAIN[FLOAT32], tensor_float32=True, order="blocked"),
        replace(PLAIN[BFLOAT16], rounds_products=True),
        replace(PLAIN[FLOAT32], truncates=True),
    ],
    ids=repr,
)
def test_honest_claims_hold(machine: Machine, primitive: str) -> None:
    """A machine that computes as it claims is contradicted by no probe."""
    for kind in KINDS:
        if (check := f"{kind} {primitive}") in lanes():
            try:
                findings = probed(check, backend(machine))
            except NotOffered:
                continue
            assert all(finding["verdict"] != "contradicted" for finding in findings)


THROUGHOUT = Machine(BFLOAT16, BFLOAT16, BFLOAT16)


@pytest.mark.parametrize(
    ("check", "machine", "claims", "says"),
    [
        ("CLAIM-ACCUMULATOR sum_pool", THROUGHOUT, None, "accumulate: claimed float32, found bfloat16"),
        ("CLAIM-ACCUMULATOR dense", THROUGHOUT, None, "accumulate: claimed float32, found bfloat16"),
        ("CLAIM-ACCUMULATOR convolution", THROUGHOUT, None, "accumulate: claimed float32, found bfloat16"),
        ("CLAIM-ACCUMULATOR softmax", THROUGHOUT, None, "accumulate: claimed float32, found bfloat16"),
        ("CLAIM-ACCUMULATOR batch_norm", THROUGHOUT, None, "accumulate: claimed float32, found bfloat16"),
        ("CLAIM-ACCUMULATOR scaled_dot_product_attention", THROUGHOUT, None, "claimed float32, found bfloat16"),
        ("CLAIM-ACCUMULATOR sum_pool", Machine(FLOAT16, FLOAT16, FLOAT16), None, "claimed float32, found float16"),
        ("CLAIM-ACCUMULATOR dense", Machine(FLOAT32, FLOAT32, FLOAT16), None, "claimed float32, found float16"),
        ("CLAIM-ACCUMULATOR dense", Machine(FLOAT32, FLOAT32, BFLOAT16), None, "claimed float32, found bfloat16"),
        ("CLAIM-ACCUMULATOR dense", Machine(FLOAT64, FLOAT64, FLOAT32), None, "claimed float64, found float32"),
        (
            "CLAIM-ACCUMULATOR average_pool",
            Machine(FLOAT32, FLOAT32, BFLOAT16, order="pairwise"),
            None,
            "accumulate: claimed float32, found bfloat16",
        ),
        ("CLAIM-ACCUMULATOR dense", replace(PLAIN[FLOAT32], truncates=True), None, "truncates: claimed no, found yes"),
        ("CLAIM-PRODUCTS dense", replace(PLAIN[FLOAT32], tensor_float32=True), None, "tensor_float32: claimed no"),
        ("CLAIM-PRODUCTS convolution", replace(PLAIN[FLOAT32], tensor_float32=True), None, "found yes"),
        ("CLAIM-PRODUCTS dense", replace(PLAIN[BFLOAT16], rounds_products=True), None, "rounds_products: claimed no"),
        (
            "CLAIM-PRODUCTS scaled_dot_product_attention",
            Machine(BFLOAT16, FLOAT32, FLOAT32, stores_operands=True),
            wide_arithmetic(BFLOAT16),
            "stores_operands: claimed no, found yes",
        ),
        ("CLAIM-SUBNORMALS dense", replace(PLAIN[FLOAT32], flushes_results=True), None, "found results flushed"),
        ("CLAIM-SUBNORMALS sum_pool", replace(PLAIN[FLOAT32], flushes_inputs=True), None, "found inputs read as zero"),
        ("CLAIM-SUBNORMALS softmax", replace(PLAIN[FLOAT32], flushes_results=True), None, "found results flushed"),
        ("CLAIM-STEPS softmax", PLAIN[BFLOAT16], wide_arithmetic(BFLOAT16), "found bfloat16 after each step"),
        ("CLAIM-STEPS layer_norm", PLAIN[FLOAT16], wide_arithmetic(FLOAT16), "found float16 after each step"),
    ],
)
def test_what_breaks_a_claim_is_named(check: str, machine: Machine, claims: Arithmetic | None, says: str) -> None:
    """A machine that computes less exactly than it claims fails, and the message says how it computes."""
    dishonest = backend(machine, claims or default_arithmetic(machine.storage))
    with pytest.raises(ClaimContradicted, match=says) as caught:
        probed(check, dishonest)
    assert caught.value.draw is not None
    assert any(finding["verdict"] == "contradicted" for finding in agreement.tally.probes)


@pytest.mark.parametrize(
    ("primitive", "operation", "f", "unit"),
    [
        ("tanh", "tanh", np.tanh, 2),
        ("sigmoid", "expit", lambda x: 1 / (1 + np.exp(-x)), 2),
        ("dropout", "divide", lambda x, **_: x / np.longdouble(0.75), 1),
    ],
)
@pytest.mark.parametrize("F", [FLOAT64, FLOAT32, FLOAT16], ids=repr)
def test_accuracy_is_measured(primitive: str, operation: str, f: Callable[..., Any], unit: int, F: Format) -> None:
    """An operation that errs by k where it claims less is found with its k, give or take its own rounding."""
    k = 4.0
    off = {primitive: lambda x, **options: f(x, **options) * (1 + unit * k * F.u)}
    with pytest.raises(ClaimContradicted, match=f"ulps of {operation}: claimed 3, found") as caught:
        probed(f"CLAIM-ACCURACY {primitive}", backend(PLAIN[F], default_arithmetic(F, ulps={operation: 3}), **off))
    found = re.search(r"found ([\d.]+)", str(caught.value))
    assert found and k - 0.1 <= float(found[1]) <= k + 1.1
    assert caught.value.draw.numbers == 1  # the point alone


def test_an_exponential_of_zero_that_is_not_one_is_found() -> None:
    """The weights are stored as ones, and their sum is not: a mean that lies midway is rounded to the other side."""

    def nearly(*arrays: Any, **options: Any) -> Any:
        return reference.scaled_dot_product_attention(*arrays, **options) / (1 - 2.0**-13)

    claims = wide_arithmetic(BFLOAT16, ulps={"exp": 2.0**11, "divide": 2}, formulas=("normalised_last",))
    machine = Machine(BFLOAT16, FLOAT32, FLOAT32)
    check = "CLAIM-PRODUCTS scaled_dot_product_attention"
    with pytest.raises(ClaimContradicted, match="misses_fixed_points: claimed no, found yes"):
        probed(check, backend(machine, claims, scaled_dot_product_attention=nearly))
    told = backend(machine, replace(claims, misses_fixed_points=True), scaled_dot_product_attention=nearly)
    assert {finding["claim"]: finding["found"] for finding in probed(check, told)}["misses_fixed_points"] == "yes"


def test_a_claim_that_is_too_wide_is_named() -> None:
    """A claim of 20 ulp for an exponential that is correctly rounded holds, and is marked."""
    findings = probed("CLAIM-ACCURACY softmax", backend(PLAIN[FLOAT32], default_arithmetic(FLOAT32, ulps={"exp": 20})))
    verdicts = {finding["claim"]: finding["verdict"] for finding in findings}
    assert verdicts == {"ulps of exp": "wider than found", "ulps of divide": "holds"}
    (exp,) = (finding for finding in findings if finding["claim"] == "ulps of exp")
    assert exp["claimed"] == "20" and re.match(r"0\.(4|5)", exp["found"])


def test_what_claims_nothing_is_not_probed() -> None:
    """Without claims the values are held to the defaults; there is nothing to contradict."""
    silent, check = tried(Adapter(), "silent"), "CLAIM-ACCURACY tanh"
    of = lanes()[check]
    assert not trial.is_tried(next(iter(of.func.cases.values())), silent, ("float64",))  # type: ignore[attr-defined]
    with pytest.raises(NotOffered):
        of(silent)


@pytest.mark.parametrize("name", ["torch", "jax"])
def test_weak_claims_have_a_source(name: str) -> None:
    """Every claim of a shipped adapter that is weaker than the default says where it comes from."""
    pytest.importorskip(name)
    for on in backends(load(name)[1], name):
        for primitive in reference.PRIMITIVES:
            weak = on.arithmetic(primitive).weaknesses()
            assert not weak or len(weak.get("source", "")) > 20, (on.id, primitive, weak)


@pytest.mark.skipif(not probes.HAS_LONG, reason="long double is float64 here")
@pytest.mark.parametrize(
    ("f", "exact"),
    [
        (np.tanh, mpmath.tanh),
        (probes._expit, lambda x: 1 / (1 + mpmath.exp(-x))),
        (np.exp, mpmath.exp),
        (np.log, mpmath.log),
        (np.sin, mpmath.sin),
        (np.cos, mpmath.cos),
        (np.sqrt, mpmath.sqrt),
    ],
    ids=["tanh", "expit", "exp", "log", "sin", "cos", "sqrt"],
)
def test_longer_arithmetic_is_long_enough(f: Callable[..., Any], exact: Callable[..., Any]) -> None:
    """What float64 is measured against errs by less than a hundredth of its unit in the last place."""
    x = np.random.default_rng(0).uniform(0.001, 30, 500)
    y = f(np.asarray(x, np.longdouble))
    with mpmath.workprec(150):
        for point, value in zip(x, y, strict=True):
            high = float(value)
            v = exact(mpmath.mpf(float(point)))
            error = (mpmath.mpf(high) + mpmath.mpf(float(value - high)) - v) / v
            assert abs(error) < 2.0**-53 / 100, point
