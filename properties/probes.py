"""Probes: inputs whose results tell how a backend computes, and what its claims are held against.

    accuracy    an operation that a primitive shows bare, at many points, against longer arithmetic
    ladder      the strongest of some claims under which every result lies within its bound

A ladder needs inputs on which the bounds of its claims lie apart. Sums do so on integers that cancel: while
the magnitudes add up to less than 2^p, every order of summation is exact with p bits, and with fewer bits
some partial sum is rounded, by more than what is left.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import reference
from adapters.backend import Backend, NotOffered, reference_defaults
from properties.sides import bounded
from properties.strategies.draws import Draw, draw
from properties.strategies.problems import Problem, Spec
from reference.arithmetic import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, Arithmetic, Format, default_arithmetic
from reference.arithmetic.formats import Floats, holds_numbers

Rng = np.random.Generator


@dataclass(frozen=True)
class Finding:
    """What a probe has found of one claim; holds is False where it contradicts the claim.

    wide: the claim is weaker than the default, and what was found does not need it. Another processor may,
    so that is no failure; but what a claim allows is what a bug can hide in.
    """

    claim: str
    claimed: str
    found: str
    holds: bool
    wide: bool = False
    draw: Draw | None = None  # that contradicts
    got: Any = None
    want: Any = None
    bound: Any = None

    @property
    def verdict(self) -> str:
        return "contradicted" if not self.holds else "wider than found" if self.wide else "holds"


def probe(backend: Backend, primitive: str, arrays: Mapping[str, Any], options: Mapping[str, Any]) -> Draw:
    """A call on arrays that are rounded to the backend's format; what is not given is as by default."""
    F = backend.format
    parameters = inspect.signature(reference.PRIMITIVES[primitive]).parameters.values()
    arrays = {p.name: arrays.get(p.name) for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD}
    mine = {k: v for k, v in reference_defaults(primitive).items() if k != "keep"}
    options = {k: v for k, v in mine.items() if k not in backend.conventions(primitive)} | dict(options)
    numbers = {
        name: F.round(x).astype(F.dtype) if isinstance(x, np.ndarray) and x.dtype.kind == "f" else x
        for name, x in arrays.items()
    }
    specs = {name: Spec(x.shape) if isinstance(x, np.ndarray) else x for name, x in numbers.items()}
    return Draw(Problem(primitive, specs, options), "probe", F, numbers, {})


def computed(backend: Backend, draw: Draw) -> tuple[Floats, ...]:
    """The results of a backend as float64 arrays. Raises: NotOffered, BackendError."""
    results = backend.call(draw.primitive, list(draw.arrays.values()), draw.options)
    return tuple(np.asarray(y).astype(np.float64) for y in results)


# -- ladders: which claims explain the results ---------------------------------------------------------


@dataclass(frozen=True)
class Rung:
    """One of several claims that could be made; weaker ones come later in a ladder."""

    words: str
    arithmetic: Arithmetic


@dataclass(frozen=True)
class Miss:
    """A result outside its bound."""

    draw: Draw
    got: float
    want: float
    bound: float
    ratio: float


@dataclass(frozen=True)
class Ladder:
    """Claims about one thing, the strongest first; one of them is made, one is what is usual."""

    claim: str
    rungs: tuple[Rung, ...]
    claimed: int
    usual: int


def climbed(backend: Backend, ladder: Ladder, draws: Sequence[Draw]) -> Finding | None:
    """The strongest rung that explains every result, beside the one that is claimed.

    Returns None where the backend offers none of the draws.
    """
    rungs, claimed = ladder.rungs, ladder.claimed
    results: list[tuple[Draw, tuple[Floats, ...]]] = []
    for d in draws:
        try:
            results.append((d, computed(backend, d)))
        except NotOffered:
            continue
    if not results:
        return None
    misses = {i: miss for i, rung in enumerate(rungs) if (miss := _miss(backend, rung.arithmetic, results))}
    holding = [i for i in range(len(rungs)) if i not in misses]
    found = rungs[holding[0]].words if holding else "none of " + ", ".join(rung.words for rung in rungs)
    if claimed not in misses:
        wide = holding[0] <= ladder.usual < claimed
        return Finding(ladder.claim, rungs[claimed].words, found, holds=True, wide=wide)
    miss = misses[claimed]
    numbers = f"{miss.got:.6g} instead of {miss.want:.6g}, allowed {miss.bound:.3g}"
    return Finding(
        ladder.claim,
        rungs[claimed].words,
        f"{found}: {numbers}",
        holds=False,
        draw=miss.draw,
        got=miss.got,
        want=miss.want,
        bound=miss.bound,
    )


def _miss(backend: Backend, a: Arithmetic, results: Sequence[tuple[Draw, tuple[Floats, ...]]]) -> Miss | None:
    """The first draw with a result outside its bound under some claims, and its worst element."""
    for d, got in results:
        with np.errstate(all="ignore"):
            want = bounded(backend, d.primitive, list(d.arrays.values()), d.options, a)
            for y, b in zip(got, want, strict=True):
                if y.shape != b.shape:
                    return Miss(d, np.nan, np.nan, np.nan, np.inf)
                ratio = _ratio(y, b.value, b.error)
                if ratio.max(initial=0.0) > 1:
                    i = np.unravel_index(int(np.argmax(ratio)), ratio.shape)
                    return Miss(d, float(y[i]), float(b.value[i]), float(b.error[i]), float(ratio[i]))
    return None


def _ratio(y: Floats, v: Floats, e: Floats) -> Floats:
    """Error/bound; infinite where a NaN or an infinity is wrong."""
    same = (y == v) | (np.isnan(y) & np.isnan(v)) | (e == np.inf)
    ratio = np.where(same, 0.0, np.abs(y - v) / e)
    return np.where(np.isnan(ratio), np.inf, ratio)


# -- sums: how many bits an accumulator has ----------------------------------------------------------

TERMS = 256  # a power of two, so that a mean is exact too
ROWS = 4
Call = tuple[dict[str, Any], dict[str, Any]]
Layout = Callable[[Floats], Iterator[Call]]


def cancelling(F: Format, precision: int, rng: Rng) -> Floats:
    """(ROWS, TERMS) numbers of F whose magnitudes add up to less than 2^precision quanta, and cancel.

    A small integer is left of each row. The numbers have at most 8 bits each, so no operand of a product is
    rounded, and exponents over as wide a range as precision and F allow.
    """
    spread = min(precision - 17, 26)  # 2^8 terms of 8 bits each; 26 keep within the range of float16
    low = -13 if spread > 20 else 0
    half = TERMS // 2 - 1  # the two places in the middle hold what is left
    sizes = rng.integers(128, 256, (ROWS, half)) * 2.0 ** (low + rng.integers(0, spread + 1, (ROWS, half)))
    sizes = np.minimum(sizes, 2.0**14) * rng.choice([-1.0, 1.0], (ROWS, half))
    rest = rng.integers(1, 8, (ROWS, 2)) * 2.0 ** (low + 2 if low else 0)  # small, lest its rounding hide the rest
    return np.concatenate([sizes, rest, -rng.permuted(sizes, axis=1)], axis=1)


def _windows(kernel_of: Callable[[tuple[int, ...]], dict[str, Any]]) -> Layout:
    """Each row is one channel, as a signal of one, two and three dimensions."""

    def calls(rows: Floats) -> Iterator[Call]:
        for shape in ((256,), (16, 16), (4, 8, 8)):
            yield {"x": rows.reshape(1, len(rows), *shape)}, kernel_of(shape)

    return calls


def _two_windows(rows: Floats) -> Iterator[Call]:
    """Each row twice, since a single window may be taken for a global average."""
    for shape in ((256,), (16, 16), (4, 8, 8)):
        x = rows.reshape(1, len(rows), *shape)
        yield {"x": np.concatenate([x, x], axis=2)}, {"output_size": (2,) + (1,) * (len(shape) - 1)}


def _kernel(shape: tuple[int, ...]) -> dict[str, Any]:
    return {"kernel": shape}


def _convolved(rows: Floats) -> Iterator[Call]:
    ones = np.ones((2, TERMS, 1))
    yield {"x": rows[:, :, None], "w": ones}, {}
    yield {"x": rows[:, None, :], "w": np.swapaxes(ones, 1, 2)}, {}
    yield {"x": rows.reshape(-1, 4, 8, 8), "w": np.ones((2, 4, 8, 8))}, {}


def _spread_out(rows: Floats) -> Iterator[Call]:
    yield {"x": rows[:, :, None], "w": np.ones((TERMS, 2, 1))}, {}
    yield {"x": rows[:, None, :], "w": np.ones((1, 1, TERMS))}, {}


def _projected(rows: Floats) -> Iterator[Call]:
    yield {"x": rows, "w": np.ones((3, TERMS))}, {}
    yield {"x": rows[:1], "w": np.ones((1, TERMS))}, {}


def _branched(rows: Floats) -> Iterator[Call]:
    zero = np.eye(TERMS)[:, TERMS // 2 : TERMS // 2 + 1]  # what the branch adds to; cancelling() leaves it a pair
    yield {"x": rows * (1 - zero[:, 0]), "w1": np.ones((1, TERMS)), "w2": zero}, {}


def _attended(rows: Floats) -> Iterator[Call]:
    """Equal weights over the values; and scores, of which one decides between two values."""
    values = np.tile(rows.T, 2)[None, None]
    yield {"q": np.zeros((1, 1, 2, 8)), "k": np.zeros((1, 1, TERMS, 8)), "v": values}, {}
    keys = np.stack([rows[0], np.zeros(TERMS)])
    values = np.eye(2, TERMS)
    yield {"q": np.ones((1, 1, 2, TERMS)), "k": keys[None, None], "v": values[None, None]}, {"scale": 0.25}


def _attended_by_heads(rows: Floats) -> Iterator[Call]:
    eye = np.eye(len(rows))
    weights = {"w_q": 0 * eye, "w_k": 0 * eye, "w_v": eye, "w_o": eye}
    yield {"query": np.zeros((1, 2, len(rows))), "key": rows.T[None], "value": rows.T[None], **weights}, {"heads": 2}


def _normalised(rows: Floats) -> Iterator[Call]:
    """In training with momentum 1 the running mean is the mean of the batch."""
    n = len(rows)
    x = {"x": rows.T, "running_mean": np.zeros(n), "running_var": np.ones(n)}
    yield x, {"training": True, "momentum": 1.0}


def _rows(rows: Floats) -> Iterator[Call]:
    yield {"x": rows}, {}


def _channels(rows: Floats) -> Iterator[Call]:
    yield {"x": rows[None]}, {}


def _groups(rows: Floats) -> Iterator[Call]:
    yield {"x": rows[None]}, {"groups": len(rows)}


SUMS: dict[str, Layout] = {
    "sum_pool": _windows(_kernel),
    "average_pool": _windows(_kernel),
    "lp_pool": _windows(_kernel),
    "global_average_pool": _windows(lambda shape: {}),
    "adaptive_average_pool": _two_windows,
    "convolution": _convolved,
    "transposed_convolution": _spread_out,
    "dense": _projected,
    "residual": _branched,
    "scaled_dot_product_attention": _attended,
    "multi_head_attention": _attended_by_heads,
    "batch_norm": _normalised,
    "layer_norm": _rows,
    "group_norm": _groups,
    "instance_norm": _channels,
    "rms_norm": _rows,
    "softmax": _rows,
    "log_softmax": _rows,
}

# Where a sum does not come out as it is, the last rounding hides what float64 would add to float32.
NORMS = ("batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm")
HIDDEN = ("lp_pool", *NORMS[1:], "softmax", "log_softmax", "multi_head_attention")
ATTENTIONS = ("scaled_dot_product_attention", "multi_head_attention")
CONTRACTIONS = ("convolution", "transposed_convolution", "dense", "residual", *ATTENTIONS)


def laid_out(backend: Backend, primitive: str, rows: Floats, layouts: int) -> list[Draw]:
    """Calls that add up each row, in the first of the ways in which the primitive can."""
    return [probe(backend, primitive, *call) for call in itertools.islice(SUMS[primitive](rows), layouts)]


def sums(backend: Backend, primitive: str, rng: Rng, layouts: int) -> list[Draw]:
    """Long sums: small integers, and numbers that cancel, for accumulators of 11, 24 and 53 bits."""
    F, found = backend.format, list[Draw]()
    if primitive in ("softmax", "log_softmax"):  # exponentials of zeros are the ones, of -inf nothing
        for n in (257, 4001, 2**16 - 1):
            x = np.where(np.arange(2**16) < n, 0.0, -np.inf)[None]
            found.append(probe(backend, primitive, {"x": x}, {}))
        return found
    every = [rng.integers(1, 8, (ROWS, TERMS)).astype(float)]  # less than 2^11 in all
    if primitive == "lp_pool":
        every += [rng.integers(1, 64, (ROWS, TERMS)).astype(float)]
    else:
        every += [cancelling(F, precision, rng) for precision in (24, 53)]
    for rows in every:
        found += laid_out(backend, primitive, rows, layouts)
    if primitive == "sum_pool":  # long enough for every lane of a vector register
        found.append(probe(backend, primitive, {"x": np.ones((1, 1, 64, 80))}, {"kernel": (64, 80)}))
    return found


def accumulators(a: Arithmetic, primitive: str) -> Ladder:
    """The formats that an accumulator can have."""
    usual = default_arithmetic(a.storage).accumulate
    widest = usual if primitive in HIDDEN else FLOAT64
    chosen = {F for F in (FLOAT64, FLOAT32, FLOAT16, BFLOAT16) if F.precision <= widest.precision}
    if a.storage is BFLOAT16:
        chosen.remove(FLOAT16)
    ordered = sorted({*chosen, a.accumulate}, key=lambda F: -F.precision)
    rungs = tuple(Rung(F.name, replace(a, accumulate=F)) for F in ordered)
    return Ladder("accumulate", rungs, ordered.index(a.accumulate), ordered.index(usual))


def steps(a: Arithmetic) -> Ladder:
    """Where a low format is rounded: once at the end, or after each step."""
    inside = replace(a, compute=FLOAT32, accumulate=FLOAT32)
    stored = replace(a, compute=a.storage, accumulate=FLOAT32 if a.compute is FLOAT32 else a.accumulate)
    rungs = (Rung(f"{FLOAT32}, rounded at the end", inside), Rung(f"{a.storage} after each step", stored))
    return Ladder("compute", rungs, int(a.compute is not FLOAT32), 1)


def subnormals(a: Arithmetic) -> Ladder:
    """What becomes of subnormal inputs and results; both flags together, since one can do the other's work."""
    pairs = ((False, False), (True, False), (False, True), (True, True))
    words = ("kept", "inputs read as zero", "results flushed", "inputs read as zero, results flushed")
    rungs = tuple(
        Rung(word, replace(a, flushes_inputs=inputs, flushes_results=results))
        for word, (inputs, results) in zip(words, pairs, strict=True)
    )
    return Ladder("subnormals", rungs, pairs.index((a.flushes_inputs, a.flushes_results)), 0)


def flag(a: Arithmetic, name: str) -> Ladder:
    """A weakness that is claimed or not."""
    made: list[dict[str, Any]] = [{name: False}, {name: True}]
    rungs = tuple(Rung(word, replace(a, **claim)) for word, claim in zip(("no", "yes"), made, strict=True))
    return Ladder(name, rungs, int(getattr(a, name)), 0)


# -- subnormals ---------------------------------------------------------------------------------------


def around_the_smallest(backend: Backend, problem: Problem, seeds: Sequence[int]) -> list[Draw]:
    """Subnormal inputs whose products are normal, and normal inputs whose products are subnormal."""
    F = backend.format
    like = draw(problem, "integers", F, seeds)
    rng = np.random.default_rng(seeds)
    names = [name for name, x in like.arrays.items() if holds_numbers(x)]

    def filled(first: float, others: float) -> Draw:
        arrays = {
            name: F.round(rng.uniform(1, 2, like.arrays[name].shape) * (others if i else first)).astype(F.dtype)
            for i, name in enumerate(names)
        }
        return like.with_arrays(**arrays)

    smallest = F.smallest_normal
    return [filled(smallest / 8, 2.0**6), filled(smallest / 8, 1.0), filled(2 * smallest, 2.0**-4)]


def sums_around_the_smallest(backend: Backend, primitive: str, rng: Rng) -> list[Draw]:
    """Subnormal numbers whose sum is normal, and normal numbers whose sum is subnormal; tails of exponentials."""
    F = backend.format
    if primitive in ("sigmoid", "softmax"):
        tail = np.log(F.smallest_normal) - rng.uniform(0.5, 4, 32)
        rows = np.concatenate([[0.0], tail])[None] if primitive == "softmax" else tail
        return [probe(backend, primitive, {"x": rows}, {})]
    if primitive == "scaled_dot_product_attention":  # the last normal exponentials, and the first subnormal ones
        tail = np.log(F.smallest_normal) + rng.uniform(-1, 0.6, 32)
        return [_scored(backend, tail), *laid_out(backend, primitive, np.full((ROWS, TERMS), F.smallest_normal / 8), 1)]
    if primitive not in SUMS or primitive in (*NORMS, "log_softmax"):
        return []
    small = rng.uniform(1, 2, (ROWS, TERMS)) * F.smallest_normal / 8
    apart = F.round(rng.uniform(1, 2, (ROWS, TERMS)) * F.smallest_normal)
    apart[:, 1::2] = -apart[:, ::2] * (1 + 2.0**-6)
    apart[:, 2:] = 0
    return [d for rows in (small, apart) for d in laid_out(backend, primitive, rows, 1)]


# -- products -----------------------------------------------------------------------------------------


def full_operands(backend: Backend, primitive: str, rng: Rng, layouts: int) -> list[Draw]:
    """Operands 1 + 2^-12, 1 + 3 2^-12 ...: a tensor core keeps 11 bits of them, and loses what they differ by."""
    rows = 1 + (2 * rng.integers(0, 32, (ROWS, TERMS)) + 1) * 2.0**-12
    rows = rows * rng.choice([-1.0, 1.0], (ROWS, TERMS))
    return laid_out(backend, primitive, rows, layouts)


def full_products(backend: Backend, primitive: str, rng: Rng) -> list[Draw]:
    """Products with twice the bits of the format, less the nearest numbers of the format."""
    F, n = backend.format, 2 * (TERMS // 8)
    a, b = (F.round(1 + rng.random((ROWS, n // 2))) for _ in range(2))
    nothing = np.zeros((ROWS, 1))
    x = np.concatenate([nothing, a, -F.round(a * b)], axis=1)
    w = np.concatenate([nothing, b, np.ones_like(b)], axis=1)
    n += 1
    calls: list[Call] = []
    for u, v in zip(x, w, strict=True):
        match primitive:
            case "dense":
                calls += [({"x": u[None], "w": v[None]}, {})]
            case "convolution":
                calls += [({"x": u[None, :, None], "w": v[None, :, None]}, {})]
                calls += [({"x": u[None, None], "w": v[None, None]}, {})]
            case "transposed_convolution":
                calls += [({"x": u[None, :, None], "w": v[:, None, None]}, {})]
            case "residual":
                calls += [({"x": u[None], "w1": v[None], "w2": np.eye(n)[:, :1]}, {})]
            case "scaled_dot_product_attention":
                keys, values = np.stack([v, np.zeros(n)]), np.eye(2, n)
                given = {"q": np.stack([u, 0 * u]), "k": keys, "v": values}
                calls += [({name: array[None, None] for name, array in given.items()}, {"scale": 1.0})]
            case "multi_head_attention":  # one key, of which the values are a projection
                eye = np.eye(n)
                first = np.outer(eye[0], v)
                given = {"query": np.zeros((1, 2, n)), "key": u[None, None], "value": u[None, None]}
                calls += [({**given, "w_q": 0 * eye, "w_k": 0 * eye, "w_v": first, "w_o": eye}, {"heads": 1})]
    return [probe(backend, primitive, *call) for call in calls]


def stepping(backend: Backend, primitive: str, A: Format, layouts: int) -> list[Draw]:
    """2^10, and then terms that lie a little below one quantum of A: rounded up, or cut off each."""
    row = np.full((1, TERMS), 2.0**10 * 2 * A.u * (1 - 2.0**-6))
    row[:, 0] = 2.0**10
    return laid_out(backend, primitive, np.tile(row, (ROWS, 1)), layouts)


def weighted(backend: Backend) -> list[Draw]:
    """Weights of attention that no format holds, 31 times the same, less what their sum comes to."""
    F = backend.format
    scores = F.round(np.array([-0.3, -0.7, -1.1, -1.9]))
    values = np.ones((KEYS, len(scores)))
    values[0] = -(KEYS - 1) * np.exp(scores)
    keys = np.ones((KEYS, 1))
    keys[0] = 0
    arrays = {"q": np.tile(scores[:, None], WIDTH), "k": np.tile(keys, WIDTH), "v": values}
    given = {name: x[None, None] for name, x in arrays.items()}
    return [probe(backend, "scaled_dot_product_attention", given, {"scale": 1 / WIDTH})]


def midway(backend: Backend) -> list[Draw]:
    """Equal weights over values whose mean lies midway between two numbers of the format, the lower of them even.

    Where the exponential of 0 is not 1, its sum is off by as much, and the mean is rounded to the other side.
    """
    m = 2.0 * np.arange(WIDTH) + np.array([[0.0], [1.0]])
    values = 1 + 2 * backend.format.u * np.repeat(m, TERMS // 2, axis=0)
    given = {"q": np.zeros((2, WIDTH)), "k": np.zeros((TERMS, WIDTH)), "v": values}
    return [probe(backend, "scaled_dot_product_attention", {name: x[None, None] for name, x in given.items()}, {})]


# -- accuracy: an operation that a primitive shows bare -----------------------------------------------

Shown = tuple[Draw, Floats, Any]  # the call, what it gave for each point, and the exact value in longer arithmetic


@dataclass(frozen=True)
class Exposure:
    """How a primitive shows an operation, and where.

    domain: the smallest and the largest point; there is none where the second is not the larger.
    show: call the primitive at points. whole: the points are integers. rounds: the claim counts roundings,
    of half a unit in the last place each. formula: the further formula in which the operation stands alone, if
    it does not in the reference's own.
    """

    operation: str
    domain: Callable[[Arithmetic], tuple[float, float]]
    show: Callable[[Backend, Floats], Shown]
    whole: bool = False
    rounds: bool = False
    formula: str = ""


HAS_LONG = np.finfo(np.longdouble).nmant >= 63
WIDTH = 4  # of queries and keys, of which one number counts
KEYS = 32  # of the rows that show an exponential: long enough for every vector register


def longer(F: Format, x: Any) -> Any:
    """Points in an arithmetic with 11 bits more than F at least, where there is one."""
    return np.asarray(x, np.longdouble if F is FLOAT64 else np.float64)


def _elementwise(primitive: str, f: Callable[[Any], Any]) -> Callable[[Backend, Floats], Shown]:
    def show(backend: Backend, x: Floats) -> Shown:
        d = probe(backend, primitive, {"x": x}, {})
        (y,) = computed(backend, d)
        return d, y, f(longer(backend.format, x))

    return show


def _expit(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def _waves(index: int, f: Callable[[Any], Any]) -> Callable[[Backend, Floats], Shown]:
    def show(backend: Backend, t: Floats) -> Shown:
        d = probe(backend, "sinusoidal_encoding", {"t": t}, {"d": 2})
        (y,) = computed(backend, d)
        return d, y[:, index], f(longer(backend.format, t))

    return show


def _exp_in_rows(backend: Backend, x: Floats) -> Shown:
    """In a row that begins with 0, numbers so small that the sum of their exponentials is 1."""
    n = KEYS - 1
    rows = np.resize(x, (-(-len(x) // n), n))
    rows = np.concatenate([np.zeros((len(rows), 1)), rows], axis=1)
    d = probe(backend, "softmax", {"x": rows}, {})
    (y,) = computed(backend, d)
    e = np.exp(longer(backend.format, rows))
    return d, y[:, 1:].ravel()[: len(x)], (e / e.sum(axis=1, keepdims=True))[:, 1:].ravel()[: len(x)]


def _scored(backend: Backend, x: Floats) -> Draw:
    """Queries x against the keys 0, 1, 1, ..., 1; the second one's value is 1, the others' are 0."""
    keys, values = np.zeros((2, 1, 1, KEYS, WIDTH))
    keys[..., 1:, 0] = 1
    values[..., 1, :] = 1
    queries = np.zeros((1, 1, len(x), WIDTH))
    queries[..., 0] = x
    return probe(backend, "scaled_dot_product_attention", {"q": queries, "k": keys, "v": values}, {"scale": 1.0})


def _exp_of_scores(backend: Backend, x: Floats) -> Shown:
    d = _scored(backend, x)
    (y,) = computed(backend, d)
    e = np.exp(longer(backend.format, x))
    return d, y[0, 0, :, 0], e / (1 + (KEYS - 1) * e)


def _counts(primitive: str, f: Callable[[Any], Any]) -> Callable[[Backend, Floats], Shown]:
    """Row i has x_i zeros, and minus infinity for the rest: the exponentials add up to x_i."""

    def show(backend: Backend, x: Floats) -> Shown:
        rows = np.where(np.arange(x.max()) < x[:, None], 0.0, -np.inf)
        d = probe(backend, primitive, {"x": rows}, {})
        (y,) = computed(backend, d)
        return d, y[:, 0], f(longer(backend.format, x))

    return show


def _thirds(backend: Backend, x: Floats) -> Shown:
    """Three keys of the same score, of which one has a value."""
    n = -(-len(x) // WIDTH)
    values = np.zeros((n, 1, 3, WIDTH))
    values[:, 0, 0] = np.resize(x, (n, WIDTH))
    given = {"q": np.zeros((n, 1, 2, WIDTH)), "k": np.zeros((n, 1, 3, WIDTH)), "v": values}
    d = probe(backend, "scaled_dot_product_attention", given, {"scale": 1.0})
    (y,) = computed(backend, d)
    return d, y[:, 0, 0].ravel()[: len(x)], longer(backend.format, x) / 3


def _averaged(primitive: str, shape: tuple[int, ...], **options: Any) -> Callable[[Backend, Floats], Shown]:
    """Windows of one number and zeros, each in a channel of its own."""

    def show(backend: Backend, x: Floats) -> Shown:
        signal = np.zeros((1, len(x), int(np.prod(shape))))
        signal[0, :, 0] = x
        d = probe(backend, primitive, {"x": signal.reshape(1, len(x), *shape)}, options)
        (y,) = computed(backend, d)
        return d, y.ravel(), longer(backend.format, x) / int(np.prod(shape))

    return show


def _adapted(shape: tuple[int, ...]) -> Callable[[Backend, Floats], Shown]:
    """The same, with a second window, that is empty."""

    def show(backend: Backend, x: Floats) -> Shown:
        signal = np.zeros((1, len(x), 2 * int(np.prod(shape))))
        signal[0, :, 0] = x
        whole, sizes = (2 * shape[0], *shape[1:]), (2, *(1 for _ in shape[1:]))
        d = probe(backend, "adaptive_average_pool", {"x": signal.reshape(1, len(x), *whole)}, {"output_size": sizes})
        (y,) = computed(backend, d)
        return d, y.reshape(len(x), 2)[:, 0], longer(backend.format, x) / int(np.prod(shape))

    return show


def _rescaled(backend: Backend, x: Floats) -> Shown:
    d = probe(backend, "dropout", {"x": x}, {"p": 0.25, "key": 1})
    (y,) = computed(backend, d)
    return d, y, np.where(y == 0, 0, longer(backend.format, x) / 0.75)


def _hypotenuses(backend: Backend, x: Floats) -> Shown:
    """sqrt(a^2 + b^2) for small integers, whose squares and sum are exact; x = n a + b numbers the pairs."""
    n = 2.0 ** (_half(backend.format))
    a, b = np.floor(x / n), x % n
    d = probe(backend, "lp_pool", {"x": np.stack([a, b], axis=1)[None, :, None, :]}, {"kernel": (1, 2)})
    (y,) = computed(backend, d)
    return d, y.ravel(), np.sqrt(longer(backend.format, a * a + b * b))


def _half(F: Format) -> int:
    """As many bits as an integer can have for the sum of two squares to be a number of F."""
    return (F.precision - 1) // 2


def _normals(a: Arithmetic) -> tuple[float, float]:
    F = a.storage
    return -(2.0 ** min(F.largest_exponent - 2, 100)), 2.0 ** min(F.largest_exponent - 2, 100)


def _normal_exponential(a: Arithmetic) -> float:
    """The smallest point whose exponential is a normal number; twice that where subnormals are flushed."""
    return float(np.log(a.storage.smallest_normal * (2 if a.flushes_results else 1))) + 0.1


def _negligible(a: Arithmetic) -> tuple[float, float]:
    """Where exp is a normal number, and 32 of them are far below the rounding of 1."""
    return _normal_exponential(a), float(np.log(a.compute.u / 64 / KEYS))


EXPOSURES: dict[str, tuple[Exposure, ...]] = {
    "tanh": (Exposure("tanh", lambda a: (-10.0, 10.0), _elementwise("tanh", np.tanh)),),
    "sigmoid": (Exposure("expit", lambda a: (_normal_exponential(a), 40.0), _elementwise("sigmoid", _expit)),),
    "sinusoidal_encoding": (
        Exposure("sin", lambda a: (1.0, min(2.0**17, a.storage.largest)), _waves(0, np.sin), whole=True),
        Exposure("cos", lambda a: (1.0, min(2.0**17, a.storage.largest)), _waves(1, np.cos), whole=True),
    ),
    "softmax": (
        Exposure("exp", _negligible, _exp_in_rows),
        Exposure(
            "divide",
            lambda a: (1.0, min(1024.0, 2.0**a.storage.precision)),
            _counts("softmax", lambda n: 1 / n),
            whole=True,
            rounds=True,
        ),
    ),
    "log_softmax": (
        Exposure(
            "log",
            lambda a: (2.0, min(1024.0, 2.0**a.storage.precision)),
            _counts("log_softmax", lambda n: -np.log(n)),
            whole=True,
        ),
    ),
    "scaled_dot_product_attention": (
        Exposure("exp", _negligible, _exp_of_scores),
        Exposure("divide", _normals, _thirds, rounds=True, formula="normalised_last"),
    ),
    "average_pool": tuple(
        Exposure("divide", _normals, _averaged("average_pool", shape, kernel=shape), rounds=True)
        for shape in ((3,), (1, 3), (1, 1, 3))
    ),
    "global_average_pool": (Exposure("divide", _normals, _averaged("global_average_pool", (3,)), rounds=True),),
    "adaptive_average_pool": tuple(
        Exposure("divide", _normals, _adapted(shape), rounds=True) for shape in ((3,), (3, 3), (3, 3, 3))
    ),
    "dropout": (Exposure("divide", _normals, _rescaled, rounds=True),),
    "lp_pool": (
        Exposure("sqrt", lambda a: (1.0, 4.0 ** min(_half(a.storage), 16) - 1), _hypotenuses, whole=True, rounds=True),
    ),
}


def points(exposure: Exposure, a: Arithmetic, n: int, rng: Rng) -> Floats:
    """Numbers in the domain: all of a format of 16 bits, otherwise n, even in value and in exponent."""
    F, (low, high) = a.storage, exposure.domain(a)
    if high <= low:
        return np.zeros(0)
    if exposure.whole:
        every = np.arange(low, min(high, low + n - 1) + 1)
        if high - low >= n:
            every = np.concatenate([every[: n // 2], np.rint(rng.uniform(low, high, n // 2))])
        return every[F.holds(every)]
    if F.precision < FLOAT32.precision:
        with np.errstate(invalid="ignore"):  # signalling NaNs
            every = np.arange(2**16, dtype=np.uint16).view(F.dtype).astype(np.float64)
        every = every[np.isfinite(every)]
    else:
        magnitudes = np.exp2(rng.uniform(-12, np.log2(max(-low, high)), n // 2))
        every = np.concatenate([rng.uniform(low, high, n // 2), magnitudes * rng.choice([-1.0, 1.0], n // 2)])
        every = F.round(every)
    every = every[(low <= every) & (every <= high) & (np.abs(every) >= 4 * F.smallest_normal)]
    return np.unique(every)


@dataclass(frozen=True)
class Measure:
    """The largest error of an operation: k as in the claims, and in units in the last place."""

    points: int
    k: float
    ulp: float
    where: float
    draw: Draw  # the point alone, if it shows an error there too
    got: float
    want: float
    at: Floats  # the points, and k at each
    k_at: Floats


def accuracy(backend: Backend, primitive: str, exposure: Exposure, n: int, rng: Rng) -> Measure | None:
    """The largest error of an operation over n points; None where there is no point. Raises: NotOffered.

    A claim of k ulp allows an error of 2 k u |v|, and one of k roundings half of that; u is that of
    intermediate results. Where results are stored in a lower format, half a unit of that is not counted.
    """
    a = backend.arithmetic(primitive)
    x = points(exposure, a, n, rng)
    if not len(x):
        return None
    shown = exposure.show(backend, x)
    missed, value = _missed(shown, a)
    k = missed / (a.u * np.abs(value)) / (1 if exposure.rounds else 2)
    worst = int(np.argmax(k))
    ulp = float(missed[worst] / a.compute.quantum(value[worst]))
    alone = exposure.show(backend, x[worst : worst + 1])
    if _missed(alone, a)[0][0] > 0:  # one number may take another path than many
        (draw, got, want), worst = alone, 0
    else:
        draw, got, want = shown
    at = float(x[int(np.argmax(k))])
    return Measure(len(x), float(k.max()), ulp, at, draw, float(got[worst]), float(want[worst]), x, k)


def _missed(shown: Shown, a: Arithmetic) -> tuple[Floats, Floats]:
    """The errors beyond what storage explains, and the values; 0 and 1 where a result is not a normal number."""
    _, y, v = shown
    value = v.astype(np.float64)
    normal = (np.abs(value) >= a.storage.smallest_normal * (1 + a.u)) & (np.abs(value) < a.storage.largest / 2)
    value = np.where(normal, value, 1.0)
    with np.errstate(all="ignore"):
        missed = np.abs(y - v).astype(np.float64)
    missed = np.where(np.isnan(missed), np.inf, missed)
    if a.compute is not a.storage:
        missed = missed - a.storage.quantum(value) / 2
    if not HAS_LONG and a.storage is FLOAT64:
        missed = missed - a.storage.quantum(value)  # what is left of the comparison's own error
    return np.where(normal, np.maximum(missed, 0.0), 0.0), value


# -- accuracy inside a formula: how many ulp the error of the whole needs ----------------------------

INSIDE: dict[str, tuple[tuple[str, dict[str, Any]], ...]] = {
    "gelu": (("erf", {}), ("tanh", {"approximate": "tanh"})),
}


MOST = 2.0**20
STEPS = 256  # to which part of itself k is found


def needed(backend: Backend, primitive: str, operation: str, options: Mapping[str, Any], n: int, rng: Rng) -> Measure:
    """The least k of an operation that explains every result.

    With k = 0 the bound has room for all other roundings, so this is a lower bound of the true k.
    """
    F, a = backend.format, backend.arithmetic(primitive)
    x = points(Exposure(operation, lambda _: (-12.0, 12.0), _hypotenuses), a, n, rng)
    d = probe(backend, primitive, {"x": x}, options)
    (y,) = computed(backend, d)

    def beyond(k: float) -> Floats:
        """By how much each result misses the bound with k, where that says something."""
        (b,) = bounded(backend, primitive, [d.x], options, replace(a, ulps={**a.ulps, operation: k}))
        misses = np.where(np.isfinite(b.error), np.abs(y - b.value) - b.error, -np.inf)
        return np.asarray(np.where(np.abs(b.value) >= F.smallest_normal, misses, -np.inf))

    with np.errstate(all="ignore"):
        (b,) = bounded(backend, primitive, [d.x], options)
        v, low, high = b.value, 0.0, 1.0
        excess = beyond(low)
        if (excess > 0).any():
            while (more := beyond(high)).max() > 0 and high < MOST:
                excess, low, high = more, high, 2 * high
            while high - low > high / STEPS:  # further formulas make the bound no straight line in k
                middle = (low + high) / 2
                more = beyond(middle)
                if more.max() > 0:
                    excess, low = more, middle
                else:
                    high = middle
    worst, k = int(np.argmax(excess)), low
    at = slice(worst, worst + 1)
    alone = probe(backend, primitive, {"x": x[at]}, options)
    with np.errstate(over="ignore"):
        ulp = float(np.abs(y - v)[worst] / F.quantum(v)[worst])  # of the whole formula
    return Measure(len(x), k, ulp, float(x[worst]), alone, float(y[worst]), float(v[worst]), x[:0], x[:0])
