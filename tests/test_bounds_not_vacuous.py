"""The error bounds say something: honest machines come near them, and real defects leave them.

A bound that nothing reaches would let anything pass. For each rule some honest machine must use a good
share of it, whose size the message states; and for each primitive a real defect must exceed it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import reference
from reference.arithmetic import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, Arithmetic, Bounded, Format, read
from reference.arithmetic.claims import default_arithmetic, wide_arithmetic
from reference.arithmetic.formats import Floats
from tests.honest import FORMATS_OF_MACHINES, Machine, data, machines, share

LOW = (FLOAT32, BFLOAT16, FLOAT16)


# -- honest machines come near ---------------------------------------------------------------------------

OPERATIONS: dict[str, Callable[..., Any]] = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / y,
    "sqrt": lambda x, y: np.sqrt(x),
    "exp": lambda x, y: np.exp(x),
    "log": lambda x, y: np.log(x),
    "tanh": lambda x, y: np.tanh(x),
    "sin": lambda x, y: np.sin(x),
    "cos": lambda x, y: np.cos(x),
}


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("F", LOW, ids=repr)
def test_one_rounding_reaches_its_bound(F: Format, name: str) -> None:
    """Of 2000 correctly rounded results one comes to nine tenths of the bound, or to 0.4 where 1 ulp is allowed."""
    rng = np.random.default_rng(1)
    x, y = F.round(rng.uniform(0.3, 8, 2000)), F.round(rng.uniform(0.3, 8, 2000))
    bound = OPERATIONS[name](*(Bounded.of(z, default_arithmetic(F)) for z in (x, y)))
    reached = share(F.round(OPERATIONS[name](x, y)), bound)
    # A correct rounding moves a result just above a power of two by u |v|; 1 ulp is charged as 2 u |v|.
    least = 0.4 if name in ("exp", "log", "tanh", "sin", "cos") else 0.9
    assert reached > least, f"at most {reached} of the bound"


@pytest.mark.parametrize("F", LOW, ids=repr)
def test_sums_reach_their_bound(F: Format) -> None:
    """Small terms added to a large one lose half a quantum each: that order uses 0.9 of the bound, (n - 1) u."""
    terms = np.append(1.0, np.full(30, F.round(np.array(F.u * 0.99))))
    machine = Machine(F, F, F)
    bound = np.sum(Bounded.of(terms, machine.claims))
    reached = share(machine.total(terms), bound)
    assert reached > 0.7, f"at most {reached} of the bound"


@pytest.mark.parametrize("F", LOW, ids=repr)
def test_cut_sums_reach_their_bound(F: Format) -> None:
    """A truncating accumulator loses a whole quantum each time: 0.9 of its bound, and outside that of rounding."""
    terms = np.append(1.0, np.full(30, F.round(np.array(F.u * 1.99))))
    machine = Machine(F, F, F, truncates=True)
    claimed, usual = (np.sum(Bounded.of(terms, m.claims)) for m in (machine, replace(machine, truncates=False)))
    got = machine.total(terms)
    assert 0.7 < share(got, claimed) <= 1 < share(got, usual), (share(got, claimed), share(got, usual))


REACHED = {
    "convolution": (reference.convolution, {"padding": 1}, 0.2),
    "transposed_convolution": (reference.transposed_convolution, {"stride": 2}, 0.2),
    "softmax": (reference.softmax, {}, 0.15),
    "attention": (reference.scaled_dot_product_attention, {}, 0.05),
    "batch_norm": (reference.batch_norm, {}, 0.3),
    "batch_norm of the batch": (reference.batch_norm, {"training": True}, 0.05),
    "dropout": (reference.dropout, {"p": 0.1}, 0.3),
}


def arrays_of(name: str, rng: np.random.Generator, F: Format) -> list[Floats]:
    def z(*shape: int) -> Floats:
        return data("normal", rng, shape, F)

    if name.endswith("convolution"):
        return [z(2, 2, 8), z(2, 2, 3), z(2)]
    if name.startswith("batch_norm"):
        return [z(4, 2, 3), z(2), np.abs(z(2)), z(2), z(2)]
    if name == "attention":
        return [z(3, 2), z(4, 2), z(4, 2)]
    return [z(4, 9)]


@pytest.mark.parametrize("name", REACHED)
@pytest.mark.parametrize("base", [m for m in FORMATS_OF_MACHINES if m.storage is not FLOAT64], ids=repr)
def test_primitives_reach_a_share_of_their_bounds(base: Machine, name: str) -> None:
    """Rounding to nearest alone, in some order, uses a good share of the bound of each primitive."""
    f, options, least = REACHED[name]
    reached = 0.0
    for number in range(8):
        arrays = arrays_of(name, np.random.default_rng(number), base.storage)
        for machine in machines(base):
            if machine.signs is None and machine.claims == base.claims:
                (bound, *_) = read(f, arrays, options, machine.claims)
                reached = max(reached, share(machine.run(f, arrays, options)[0], bound))
    assert least < reached <= 1, f"{name}: {reached} of the bound, less than {least}"


@pytest.mark.parametrize("F", LOW, ids=repr)
def test_claims_are_needed(F: Format) -> None:
    """Each weaker claim widens the bound for a reason: its machine exceeds the bound of one that does not claim it."""
    rng = np.random.default_rng(3)
    usual = Machine(F, F, FLOAT32)
    weak = {
        "rounds_products": replace(usual, rounds_products=True),
        "tensor_float32": replace(usual, tensor_float32=True),
        "flushes_results": replace(usual, flushes_results=True),
        "flushes_inputs": replace(usual, flushes_inputs=True),
        "accumulate": replace(usual, accumulate=BFLOAT16),
    }
    needed = {"accumulate", "flushes_results", "flushes_inputs"}
    needed |= {"tensor_float32"} if F is FLOAT32 else {"rounds_products"}  # low formats hide the others
    for claim in sorted(needed):
        worst = kept = 0.0
        for size in (40, 7):
            for scale in (1.0, F.smallest_normal, F.smallest_normal / 64):
                x = F.round(np.abs(rng.standard_normal((1, 1, size))) * scale)
                w = F.round(np.abs(rng.standard_normal((4, 1, size))))
                if claim.startswith("flushes"):
                    w = np.round(w) + (np.arange(size) == 0)
                (got,) = weak[claim].run(reference.convolution, [x, w], {})
                unclaimed, claimed = (
                    read(reference.convolution, [x, w], {}, m.claims)[0] for m in (usual, weak[claim])
                )
                worst, kept = max(worst, share(got, unclaimed)), max(kept, share(got, claimed))
        assert kept <= 1 < worst, f"{claim}: {worst} of the bound that does not claim it, {kept} of its own"


@pytest.mark.parametrize("F", [BFLOAT16, FLOAT16], ids=repr)
def test_stored_weights_need_their_claim(F: Format) -> None:
    """Attention that is wide but stores its weights exceeds the bound of one that is wide throughout."""
    rng = np.random.default_rng(4)
    wide = Machine(F, FLOAT32, FLOAT32)
    stores = replace(wide, stores_operands=True)
    worst = kept = 0.0
    for _ in range(20):
        arrays = [F.round(rng.standard_normal(sides)) for sides in ((3, 2), (9, 2), (9, 2))]
        (got,) = stores.run(reference.scaled_dot_product_attention, arrays, {})
        unclaimed, claimed = (
            read(reference.scaled_dot_product_attention, arrays, {}, m.claims)[0] for m in (wide, stores)
        )
        worst, kept = max(worst, share(got, unclaimed)), max(kept, share(got, claimed))
    assert kept <= 1 < worst, (worst, kept)


def test_the_bound_does_not_grow_beyond_need() -> None:
    """A low format computed in float32 has a bound of one rounding, within 5 %, for each primitive on ordinary data."""
    for storage in (BFLOAT16, FLOAT16):
        for name, (f, options, _) in REACHED.items():
            arrays = arrays_of(name, np.random.default_rng(5), storage)
            (bound, *_) = read(f, arrays, options, wide_arithmetic(storage))
            scale = np.abs(bound.value) + np.median(np.abs(bound.value))
            assert (bound.error <= 1.05 * storage.u * scale).all(), (
                name,
                float(np.max(bound.error / scale) / storage.u),
            )


# -- real defects leave ----------------------------------------------------------------------------------


def one_pass(x: Floats, F: Format) -> Floats:
    """mean(x^2) - mean(x)^2, each step rounded: what batch norm must not do with a large mean."""
    n = x.shape[0]
    mean, square = (F.round(Machine(F, F, F).total(F.round(z).T) / n) for z in (x, x * x))
    return F.round(square - F.round(mean * mean))


def test_the_one_pass_variance_exceeds_the_bound() -> None:
    """With a mean a thousand times its spread the one-pass variance is ten times outside in float32 and more."""
    x = FLOAT32.round(1000 + np.random.default_rng(6).standard_normal((64, 3)))
    options = {"training": True, "momentum": 1.0, "unbiased": False}
    _, _, var = read(reference.batch_norm, [x, np.zeros(3), np.ones(3)], options, default_arithmetic(FLOAT32))
    outside = share(one_pass(x, FLOAT32), var)
    assert outside > 10, f"only {outside} of the bound"


def test_folding_exceeds_the_bound_unless_it_is_claimed() -> None:
    """With a mean far above its spread a x + (beta - mu a) loses digits; a backend that folds says so."""
    rng = np.random.default_rng(7)
    x, mean = (FLOAT32.round(1e4 + rng.standard_normal(s)) for s in ((8, 3), 3))
    arrays = [x, mean, np.full(3, 0.5), np.ones(3), np.ones(3)]
    machine = Machine(FLOAT32, FLOAT32, FLOAT32)
    (got, *_) = machine.run(reference.folded_batch_norm, arrays, {})
    claims = replace(machine.claims, formulas=("folded",))
    formulas = reference.FORMULAS["batch_norm"]
    usual, claimed = (read(reference.batch_norm, arrays, {}, a, formulas)[0] for a in (machine.claims, claims))
    assert share(got, claimed) <= 1 < share(got, usual), (share(got, usual), share(got, claimed))
    assert (claimed.error < 1).all(), "the claim excuses anything"


def test_a_softmax_without_its_maximum_exceeds_the_bound() -> None:
    """exp(100) overflows in float32: the weights become NaN, which no finite bound allows."""
    x = np.array([[100.0, 99.0, 0.0]])
    with np.errstate(all="ignore"):
        e = FLOAT32.round(np.exp(x))
        got = FLOAT32.round(e / FLOAT32.round(np.sum(e, axis=-1, keepdims=True)))
    (bound,) = read(reference.softmax, [x], {}, default_arithmetic(FLOAT32))
    assert share(got, bound) == np.inf


def test_a_low_accumulator_exceeds_the_bound() -> None:
    """A long sum carried in bfloat16, or in float16, leaves the bound of a float32 accumulator."""
    for F in (BFLOAT16, FLOAT16):
        rng = np.random.default_rng(8)
        arrays = [F.round(rng.uniform(0.5, 1, s)) for s in ((2, 8, 30), (2, 8, 9))]
        (bound,) = read(reference.convolution, arrays, {}, default_arithmetic(F))
        (got,) = Machine(F, F, F).run(reference.convolution, arrays, {})
        assert share(got, bound) > 3, share(got, bound)


DEFECTS: dict[str, Callable[[list[Floats]], Floats]] = {
    "missing bias": lambda a: reference.convolution(a[0], a[1], padding=1),
    "flipped kernel": lambda a: reference.convolution(a[0], a[1][..., ::-1], a[2], padding=1),
    "swapped channels": lambda a: reference.convolution(a[0], a[1][:, ::-1], a[2], padding=1),
    "wrong padding mode": lambda a: reference.convolution(a[0], a[1], a[2], padding=1, padding_mode="replicate"),
    "one tap lost": lambda a: reference.convolution(a[0], a[1] * np.array([1.0, 1.0, 0.0]), a[2], padding=1),
}


@pytest.mark.parametrize("defect", DEFECTS)
@pytest.mark.parametrize("accumulate", [FLOAT32, BFLOAT16], ids=repr)
def test_a_wrong_convolution_exceeds_the_bound(accumulate: Format, defect: str) -> None:
    """Even in bfloat16 throughout, the widest of all, a wrong convolution is ten times outside."""
    arrays = arrays_of("convolution", np.random.default_rng(9), BFLOAT16)
    (bound,) = read(reference.convolution, arrays, {"padding": 1}, Arithmetic(BFLOAT16, BFLOAT16, accumulate))
    assert (outside := share(DEFECTS[defect](arrays), bound)) > 10, outside


NORM_DEFECTS: dict[str, tuple[int, Callable[[list[Floats]], Floats]]] = {
    "eps outside the root": (0, lambda a: (a[0] - mu(a)) / (np.sqrt(sigma(a)) + 0.25)),
    "unbiased variance normalises": (0, lambda a: (a[0] - mu(a)) / np.sqrt(sigma(a, 1) + 0.25)),
    "biased running variance": (2, lambda a: 0.9 * a[2] + 0.1 * sigma(a).ravel()),
    "momentum the wrong way": (1, lambda a: 0.1 * a[1] + 0.9 * mu(a).ravel()),
    "running statistics normalise": (0, lambda a: (a[0] - a[1][:, None]) / np.sqrt(a[2][:, None] + 0.25)),
}


def mu(a: list[Floats]) -> Floats:
    return np.mean(a[0], axis=(0, 2), keepdims=True)


def sigma(a: list[Floats], ddof: int = 0) -> Floats:
    return np.var(a[0], axis=(0, 2), keepdims=True, ddof=ddof)


@pytest.mark.parametrize("defect", NORM_DEFECTS)
@pytest.mark.parametrize("F", [FLOAT32, FLOAT16], ids=repr)
def test_a_wrong_batch_norm_exceeds_the_bound(F: Format, defect: str) -> None:
    """In float32 and in float16 throughout, a wrong formula of batch norm is outside."""
    arrays = arrays_of("batch_norm", np.random.default_rng(10), F)[:3]
    i, wrong = NORM_DEFECTS[defect]
    bounds = read(reference.batch_norm, arrays, {"training": True, "eps": 0.25}, Arithmetic(F, F, F))
    assert (outside := share(wrong(arrays), bounds[i])) > 2, outside


def test_a_single_flipped_bit_leaves_the_exact_lane() -> None:
    """On small integers one unit in the last place is already wrong."""
    x, w = np.arange(6.0).reshape(1, 1, 6), np.array([[[1.0, -2.0, 3.0]]])
    (bound,) = read(reference.convolution, [x, w], {}, default_arithmetic(BFLOAT16))
    assert share(bound.value, bound) == 0
    assert share(bound.value + BFLOAT16.quantum(bound.value), bound) == np.inf
