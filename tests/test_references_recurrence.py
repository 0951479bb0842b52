"""Recurrences against second formulas that share no line with them.

One unit and one product at a time in mpmath, from the index equations of the frameworks' documentation; what a gate
that is certain does; and the sums that a recurrence with identities for weights forms.
"""

from __future__ import annotations

import itertools
from typing import Any

import mpmath
import numpy as np
import pytest

import reference
from reference import decoder_step, gru, gru_step, lstm, lstm_step, rnn, rnn_step
from reference.arithmetic import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, Format, default_arithmetic, read
from tests.test_references import DOUBLE, assert_within

d, H, N, T = 3, 2, 2, 3


def inner(row: Any, x: Any) -> Any:
    return mpmath.fsum(mpmath.mpf(a) * b for a, b in zip(row, x, strict=True))


def logistic(a: Any) -> Any:
    return 1 / (1 + mpmath.exp(-a))


def of_gate(gates: str, k: str, j: int) -> int:
    """The row of unit j of a gate."""
    return gates.index(k) * H + j


def literal_rnn(x: Any, h: Any, _: Any, w_x: Any, w_h: Any, b_x: Any, b_h: Any, how: dict[str, str]) -> Any:
    a = [inner(w_x[j], x) + b_x[j] + inner(w_h[j], h) + b_h[j] for j in range(H)]
    return [mpmath.tanh(s) if how.get("nonlinearity") != "relu" else max(s, mpmath.mpf(0)) for s in a], None


def literal_lstm(x: Any, h: Any, c: Any, w_x: Any, w_h: Any, b_x: Any, b_h: Any, how: dict[str, str]) -> Any:
    new_h, new_c = [], []
    for j in range(H):
        a = {k: of_gate(how.get("gates", "ifgo"), k, j) for k in "ifgo"}
        a = {k: inner(w_x[i], x) + b_x[i] + inner(w_h[i], h) + b_h[i] for k, i in a.items()}
        new_c.append(logistic(a["f"]) * c[j] + logistic(a["i"]) * mpmath.tanh(a["g"]))
        new_h.append(logistic(a["o"]) * mpmath.tanh(new_c[-1]))
    return new_h, new_c


def literal_gru(x: Any, h: Any, _: Any, w_x: Any, w_h: Any, b_x: Any, b_h: Any, how: dict[str, str]) -> Any:
    rows = {k: [of_gate(how.get("gates", "rzn"), k, j) for j in range(H)] for k in "rzn"}
    r, z = ([logistic(inner(w_x[i], x) + b_x[i] + inner(w_h[i], h) + b_h[i]) for i in rows[k]] for k in "rz")
    new = []
    for j, i in enumerate(rows["n"]):
        if how.get("reset") == "after":
            told = r[j] * (inner(w_h[i], h) + b_h[i])
        else:
            told = mpmath.fsum(mpmath.mpf(w_h[i][k]) * r[k] * h[k] for k in range(H)) + b_h[i]
        n = mpmath.tanh(inner(w_x[i], x) + b_x[i] + told)
        new.append((1 - z[j]) * n + z[j] * h[j])
    return new, None


KINDS: dict[str, tuple[int, Any, list[dict[str, str]]]] = {
    "rnn": (1, literal_rnn, [{}, {"nonlinearity": "relu"}]),
    "lstm": (4, literal_lstm, [{}, {"gates": "iofg"}, {"gates": "figo"}]),
    "gru": (3, literal_gru, [{}, {"reset": "after"}, {"gates": "zrn"}, {"gates": "nrz", "reset": "after"}]),
}


@pytest.mark.parametrize("formula", ["reference", "interpolated"])
@pytest.mark.parametrize("kind", KINDS)
def test_recurrences_are_their_index_equations(kind: str, formula: str) -> None:
    """With and without a batch, states and biases, in every convention: within the bound of 40 digits."""
    G, literal, options = KINDS[kind]
    function = reference.PRIMITIVES[kind] if formula == "reference" else reference.FORMULAS.get(kind, {}).get(formula)
    if function is None:
        return
    rng = np.random.default_rng(81)
    for how, batch, states, biases in itertools.product(options, ((), (N,)), (True, False), (True, False)):
        x, w_x, w_h = (rng.standard_normal(shape) for shape in ((*batch, T, d), (G * H, d), (G * H, H)))
        h, c, zero = rng.standard_normal((*batch, H)), rng.standard_normal((*batch, H)), np.zeros((*batch, H))
        b_x, b_h = rng.standard_normal((2, G * H)) if biases else np.zeros((2, G * H))
        given = [h, c][: 2 if kind == "lstm" else 1]
        arrays = [x, *(given if states else [None] * len(given)), w_x, w_h, *([b_x, b_h] if biases else [])]
        y = np.zeros((*batch, T, H), dtype=object)
        last = np.zeros((len(given), *batch, H), dtype=object)
        with mpmath.workdps(40):
            for n in np.ndindex(batch):
                s = [[mpmath.mpf(v) for v in (state if states else zero)[n]] for state in (h, c)]
                for t in range(T):
                    s = literal(x[(*n, t)], *s, w_x, w_h, b_x, b_h, how)
                    s = [s[0], s[1]]
                    y[(*n, t)] = s[0]
                for k in range(len(given)):
                    last[(k, *n)] = s[k]
            for bound, exact in zip(read(function, arrays, how, DOUBLE), [y, *last], strict=True):
                assert_within(bound, exact, (kind, how, batch, states, biases))


def test_the_decoder_step_is_its_index_equation() -> None:
    """s_t = tanh(U_c c + U_y y + U_s s + b), one number at a time."""
    rng = np.random.default_rng(82)
    y, s, c, u_y, u_s, u_c, b = (
        rng.standard_normal(shape) for shape in ((N, 3), (N, 2), (N, 4), (2, 3), (2, 2), (2, 4), (2,))
    )
    with mpmath.workdps(40):
        for bias in (None, b):
            exact = np.zeros((N, 2), dtype=object)
            for n, j in np.ndindex(N, 2):
                a = inner(u_c[j], c[n]) + inner(u_y[j], y[n]) + inner(u_s[j], s[n])
                exact[n, j] = mpmath.tanh(a if bias is None else a + bias[j])
            (bound,) = read(decoder_step, [y, s, c, u_y, u_s, u_c, bias], {}, DOUBLE)
            assert_within(bound, exact, bias)


def test_identities_add_up() -> None:
    """A simple recurrence of identities with relu forms the partial sums of what is positive."""
    x = np.arange(12.0).reshape(4, 3)
    y, last = rnn(x, None, np.eye(3), np.eye(3), nonlinearity="relu")
    assert y.tolist() == np.cumsum(x, axis=0).tolist()
    assert last.tolist() == y[-1].tolist()


def test_one_unit_has_no_matrix_to_reset_before() -> None:
    """With one unit and no bias v the reset gate acts before or after alike."""
    rng = np.random.default_rng(83)
    x, h, w_x, w_h, b = (rng.standard_normal(shape) for shape in ((4, 2), (1,), (3, 2), (3, 1), (3,)))
    before, after = (read(gru, [x, h, w_x, w_h, b], {"reset": reset}, DOUBLE)[0] for reset in ("before", "after"))
    assert (np.abs(before.value - after.value) <= before.error + after.error).all()


@pytest.mark.parametrize("step", [rnn_step, lstm_step, gru_step])
def test_recurrences_refuse_what_does_not_fit(step: Any) -> None:
    """Widths, gates and words that do not belong together, and a sequence without a step, are errors."""
    G = {rnn_step: 1, lstm_step: 4, gru_step: 3}[step]
    sequence = {rnn_step: rnn, lstm_step: lstm, gru_step: gru}[step]
    h = [np.ones((2, 3))] * (2 if step is lstm_step else 1)
    x, w_x, w_h = np.ones((2, 5)), np.ones((3 * G, 5)), np.ones((3 * G, 3))
    step(x, *h, w_x, w_h, np.ones(3 * G), np.ones(3 * G))
    word = {rnn_step: {"nonlinearity": "sine"}, lstm_step: {"gates": "ifg"}, gru_step: {"reset": "never"}}[step]
    for arrays, how in (
        ([x[:, :4], *h, w_x, w_h], {}),
        ([x, *(state[:1] for state in h), w_x, w_h], {}),
        ([x, *h, w_x[1:], w_h], {}),
        ([x, *h, w_x, w_h[1:]], {}),
        ([x, *h, w_x, w_h[:, 1:]], {}),
        ([x, *h, w_x, w_h, np.ones(1)], {}),
        ([x, *h, w_x, w_h], word),
    ):
        with pytest.raises(ValueError):
            step(*arrays, **how)
    for nothing in (np.ones((2, 0, 5)), np.ones(5)):
        with pytest.raises(ValueError, match="no sequence"):
            sequence(nothing, *[None] * len(h), w_x, w_h)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fmt", [FLOAT64, FLOAT32, FLOAT16, BFLOAT16], ids=str)
def test_bounds_of_sequences_decide(kind: str, fmt: Format) -> None:
    """Gates and tanh damp: along 16 steps of two units the bound stays below half of the result, in every format."""
    shares = shares_of_bounds(kind, fmt, steps=16)
    assert max(shares[:4]) < 0.2
    assert max(shares) < 0.5


def shares_of_bounds(kind: str, fmt: Format, steps: int, scale: float = 0.5) -> list[float]:
    """For each step, the median over some draws of the largest bound over the largest number."""
    G, rng, found = KINDS[kind][0], np.random.default_rng(84), []
    for _ in range(20):
        x, w_x, w_h = (rng.standard_normal(shape) for shape in ((steps, 3), (G * H, 3), (G * H, H)))
        states = [None] * (2 if kind == "lstm" else 1)
        arrays = [fmt.round(x), *states, fmt.round(scale * w_x), fmt.round(scale * w_h)]
        y, *_ = read(reference.PRIMITIVES[kind], arrays, {}, default_arithmetic(fmt))
        found.append(np.max(y.error, axis=-1) / np.max(np.abs(y.value), axis=-1))
    return [float(share) for share in np.median(found, axis=0)]
