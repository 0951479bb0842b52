"""Blocks of the Transformer against a second formula that shares no line with them, one number at a time."""

from __future__ import annotations

import itertools
from typing import Any

import mpmath
import numpy as np
import pytest

from reference import decoder_block, encoder_block, sinusoidal_encoding
from reference.arithmetic import read
from reference.blocks import OTHERS, USUAL
from tests.test_references import DOUBLE, assert_within

Row = list[Any]


def affine(w: Any, row: Row, b: Any) -> Row:
    """One number for each row of w."""
    shift = [0] * len(w) if b is None else b
    return [
        mpmath.fsum(mpmath.mpf(c) * v for c, v in zip(line, row, strict=True)) + mpmath.mpf(s)
        for line, s in zip(w, shift, strict=True)
    ]


def normal(row: Row, gamma: Any, beta: Any, eps: float) -> Row:
    mean = mpmath.fsum(row) / len(row)
    root = mpmath.sqrt(mpmath.fsum((v - mean) ** 2 for v in row) / len(row) + mpmath.mpf(eps))
    shift = [0] * len(row) if beta is None else beta
    return [(v - mean) / root * mpmath.mpf(g) + mpmath.mpf(s) for v, g, s in zip(row, gamma, shift, strict=True)]


def attended(
    rows: list[Row], keys: list[Row], a: dict[str, Any], w: str, b: str, heads: int, is_open: Any
) -> list[Row]:
    """Weights that sum to 1 over the open keys, head by head; is_open: for each t and s, and what is added there."""
    b_qkv = [None] * 3 if a[f"{b}_qkv"] is None else a[f"{b}_qkv"]
    q, k, v = ([affine(a[f"{w}_qkv"][i], row, b_qkv[i]) for row in (rows if i == 0 else keys)] for i in range(3))
    d, found = len(q[0]) // heads, []
    for t, query in enumerate(q):
        joined: Row = []
        for h in range(heads):
            part = slice(h * d, (h + 1) * d)
            weight = {
                s: mpmath.exp(
                    mpmath.fsum(m * n for m, n in zip(query[part], key[part], strict=True)) / mpmath.sqrt(d) + added
                )
                for s, key in enumerate(k)
                if (added := is_open(h, t, s)) is not None
            }
            total = mpmath.fsum(weight.values())
            joined += [
                mpmath.fsum(x * v[s][j] for s, x in weight.items()) / total for j in range(part.start, part.stop)
            ]
        found.append(affine(a[f"{w}_o"], joined, a[f"{b}_o"]))
    return found


def transformed(row: Row, a: dict[str, Any], activation: str) -> Row:
    half = mpmath.mpf(1) / 2
    act = {"relu": lambda v: max(v, 0), "gelu": lambda v: v * half * (1 + mpmath.erf(v / mpmath.sqrt(2)))}[activation]
    return affine(a["w2"], [act(v) for v in affine(a["w1"], row, a["b1"])], a["b2"])


def literal(a: dict[str, Any], o: dict[str, Any]) -> Any:
    """A block of one sequence; with a memory it is a decoder's."""
    x = [[mpmath.mpf(v) for v in row] for row in a["x"]]

    def opened(mask: Any, padding: Any, causal: bool) -> Any:
        def is_open(h: int, t: int, s: int) -> Any:
            if (causal and s > t) or (padding is not None and not padding[s]):
                return None
            if mask is None:
                return 0
            entry = mask[h, t, s] if mask.ndim > 2 else mask[t, s]
            if mask.dtype == bool:
                return 0 if entry else None
            return None if entry == -np.inf else mpmath.mpf(entry)

        return is_open

    own = opened(a["mask"], a["key_padding_mask"], o["causal"])
    branches = [lambda rows: attended(rows, rows, a, "w", "b", o["heads"], own)]
    if "memory" in a:
        memory = [[mpmath.mpf(v) for v in row] for row in a["memory"]]
        theirs = opened(a["memory_mask"], a["memory_key_padding_mask"], False)
        branches.append(lambda rows: attended(rows, memory, a, "u", "c", o["heads"], theirs))
    branches.append(lambda rows: [transformed(row, a, o["activation"]) for row in rows])
    for i, branch in enumerate(branches, 1):
        norm = lambda row, i=i: normal(row, a[f"gamma{i}"], a[f"beta{i}"], o["eps"])  # noqa: E731
        f = branch([norm(row) for row in x] if o["norm_first"] else x)
        x = [[v + w for v, w in zip(row, other, strict=True)] for row, other in zip(x, f, strict=True)]
        x = x if o["norm_first"] else [norm(row) for row in x]
    return np.array(x, dtype=object)


def arrays_of(rng: Any, decodes: bool, bias: bool, mask: str) -> dict[str, Any]:
    T, S, E, M = 3, 2, 4, 5
    n = rng.standard_normal
    attentions, norms = ("wu", "bc") if decodes else ("w", "b"), 3 if decodes else 2
    a: dict[str, Any] = {"x": n((T, E))} | ({"memory": n((S, E))} if decodes else {})
    for w in attentions[0]:
        a |= {f"{w}_qkv": n((3, E, E)) / 2, f"{w}_o": n((E, E)) / 2}
    a |= {"w1": n((M, E)), "w2": n((E, M))} | {f"gamma{i}": n(E) for i in range(1, norms + 1)}
    for b in attentions[1]:
        a |= {f"{b}_qkv": n((3, E)) if bias else None, f"{b}_o": n(E) if bias else None}
    a |= {"b1": n(M) if bias else None, "b2": n(E) if bias else None}
    a |= {f"beta{i}": n(E) if bias else None for i in range(1, norms + 1)}

    def masks(S: int) -> tuple[Any, Any]:
        is_open = rng.random((2, T, S)) < 0.6
        is_open[..., 0] = True
        padding = np.arange(S) < S - 1
        return {
            "none": (None, None),
            "boolean": (is_open[0], padding),
            "additive": (np.where(is_open, n((2, T, S)), -np.inf), None),
        }[mask]

    a |= dict(zip(("mask", "key_padding_mask"), masks(T), strict=True))
    return a | (dict(zip(("memory_mask", "memory_key_padding_mask"), masks(S), strict=True)) if decodes else {})


@pytest.mark.parametrize("mask", ["none", "boolean", "additive"])
@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("block", [encoder_block, decoder_block])
def test_a_block_is_its_definition(block: Any, norm_first: bool, mask: str) -> None:
    """Both activations, causal or not, with biases and without: within the bound of 40 digits, by every formula."""
    rng = np.random.default_rng(91)
    rough = OTHERS["scaled_first, updating, by_rational_powers"]  # to 1.5e-7, which only its own reading knows
    for activation, causal in itertools.product(("relu", "gelu"), (False, True)):
        a = arrays_of(rng, block is decoder_block, bias=not causal, mask=mask)
        o = {"heads": 2, "norm_first": norm_first, "activation": activation, "causal": causal, "eps": 0.01}
        with mpmath.workdps(40):
            exact = literal(a, o)
            for layers in (USUAL, *OTHERS.values()):
                if layers is not rough:
                    (bound,) = read(block, a.values(), o | {"layers": layers}, DOUBLE)
                    assert_within(bound, exact, (activation, causal, layers))


def test_without_positions_the_order_does_not_count_and_with_them_it_does() -> None:
    """BLOCK-1: tokens in another order give the same tokens in that order, until positions are added to them."""
    rng = np.random.default_rng(92)
    a = arrays_of(rng, decodes=False, bias=True, mask="none")
    order = [2, 0, 1]

    def gap(positions: Any) -> float:
        y = encoder_block(**a | {"x": a["x"] + positions}, heads=2)
        return float(np.max(np.abs(encoder_block(**a | {"x": a["x"][order] + positions}, heads=2) - y[order])))

    assert gap(0.0) < 1e-12
    assert gap(sinusoidal_encoding(np.arange(3.0), d=4)) > 0.1


@pytest.mark.parametrize(
    "changed",
    [
        {"w_qkv": np.ones((2, 4, 4))},
        {"b_qkv": np.ones((2, 4))},
        {"w_o": np.ones((1, 4))},
        {"w2": np.ones((1, 5)), "b2": None},
        {"w1": np.ones((5, 3))},
        {"gamma1": np.ones(1)},
        {"heads": 3},
        {"eps": -1.0},
        {"activation": "tanh"},
    ],
)
@pytest.mark.parametrize("block", [encoder_block, decoder_block])
def test_a_block_refuses_what_does_not_fit(block: Any, changed: dict[str, Any]) -> None:
    """Widths that a sum would broadcast, too few matrices and other heads, eps and activations are errors."""
    a = arrays_of(np.random.default_rng(93), block is decoder_block, bias=True, mask="none")
    with pytest.raises(ValueError):
        block(**{**a, "heads": 2, **changed})
