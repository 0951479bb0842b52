"""Recurrence: the same function, with the same weights, at every step of a sequence.

    h_t = f(x_t, h_{t-1})        y = (h_1, ..., h_T)

    a(x, h) = W x + b + U h + v

    simple    h' = tanh(a(x, h))

    LSTM      c' = sigma(f) c + sigma(i) tanh(g)        h' = sigma(o) tanh(c')        (i, f, g, o) = a(x, h)

    GRU       h' = (1 - z) n + z h        z = sigma(a_z(x, h))        r = sigma(a_r(x, h))        n = tanh(a_n(x, r h))

for an input x, a state h and, in the LSTM, a memory c. The key is "the same f and theta for all time steps" (He, 2024,
"Compact view"). The matrices of the gates lie one under the other; in which order is a convention, and so is whether
the reset gate r acts before the matrix of the state, as here, or after it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import special

from reference.arrays import Array
from reference.dense import dense

Step = Callable[..., tuple[Array, ...]]


def rnn_step(
    x: Array,
    h: Array | None,
    w_x: Array,
    w_h: Array,
    b_x: Array | None = None,
    b_h: Array | None = None,
    *,
    nonlinearity: str = "tanh",
) -> Array:
    """Make the next state of an input and a state: tanh(W x + b + U h + v), or its positive part.

    nonlinearity: tanh or relu. Without a state it is zero.

    Shapes: x (*N, d), h (*N, H), w_x (H, d), w_h (H, H), b_x and b_h (H,) -> (*N, H).
    Raises: ValueError if the shapes do not fit together, or for another name.
    Source: Chen (2025), "Recurrent Neural Networks", with a bias in each part.

    >>> rnn_step(np.array([2.0]), np.array([3.0]), np.array([[1.0]]), np.array([[10.0]]), nonlinearity="relu")
    array([32.])
    """
    (h,) = states(x, [h], w_x, w_h, gates="h")
    a = dense(x, w_x, b_x) + dense(h, w_h, b_h)
    if nonlinearity == "tanh":
        return np.tanh(a)
    if nonlinearity == "relu":
        return np.maximum(a, 0)
    raise ValueError(f'nonlinearity "{nonlinearity}" is neither "tanh" nor "relu"')


def rnn(
    x: Array,
    h: Array | None,
    w_x: Array,
    w_h: Array,
    b_x: Array | None = None,
    b_h: Array | None = None,
    *,
    nonlinearity: str = "tanh",
) -> tuple[Array, ...]:
    """Run rnn_step along a sequence; returns the state after each step, and the last one.

    Shapes: x (*N, T, d), h (*N, H), the others as in rnn_step -> y (*N, T, H), h (*N, H).
    Raises: ValueError as rnn_step, or if there is no step.
    Source: He (2024), "Compact view"; Chen (2025), "Recurrent Neural Networks": h_t = f(W_hx x_t + W_hh h_{t-1} + b).

    >>> one = np.eye(1)
    >>> y, h = rnn(np.array([[1.0], [2.0], [3.0]]), None, one, one, nonlinearity="relu")
    >>> y[:, 0], h
    (array([1., 3., 6.]), array([6.]))
    """
    return unrolled(lambda x, h: (rnn_step(x, h, w_x, w_h, b_x, b_h, nonlinearity=nonlinearity),), x, h)


def lstm_step(
    x: Array,
    h: Array | None,
    c: Array | None,
    w_x: Array,
    w_h: Array,
    b_x: Array | None = None,
    b_h: Array | None = None,
    *,
    gates: str = "ifgo",
) -> tuple[Array, Array]:
    """Keep a share of the memory, add a share of what is new to it, and show a share of it.

        c' = sigma(f) c + sigma(i) tanh(g)        h' = sigma(o) tanh(c')        (i, f, g, o) = W x + b + U h + v

    gates is a convention: the order in which the matrices of the input gate i, the forget gate f, the new content g
    and the output gate o lie one under the other. States that are not given are zero.

    Shapes: x (*N, d), h and c (*N, H), w_x (4H, d), w_h (4H, H), b_x and b_h (4H,) -> h and c (*N, H).
    Raises: ValueError if the shapes do not fit together, or gates is no order of these four.
    Source: Hochreiter and Schmidhuber (1997), with the forget gate of Gers, Schmidhuber and Cummins (2000).

    >>> w, b = np.zeros((4, 1)), np.array([-50.0, 50.0, 0.0, 50.0])  # nothing enters, all is kept, all is shown
    >>> h, c = lstm_step(np.array([7.0]), None, np.array([3.0]), w, w, b)
    >>> c
    array([3.])
    """
    h, c = states(x, [h, c], w_x, w_h, gates, "ifgo")
    a = _by_gate(gates, dense(x, w_x, b_x) + dense(h, w_h, b_h), axis=-1)
    i, f, o = (special.expit(a[gate]) for gate in "ifo")
    c = f * c + i * np.tanh(a["g"])
    return o * np.tanh(c), c


def lstm(
    x: Array,
    h: Array | None,
    c: Array | None,
    w_x: Array,
    w_h: Array,
    b_x: Array | None = None,
    b_h: Array | None = None,
    *,
    gates: str = "ifgo",
) -> tuple[Array, ...]:
    """Run lstm_step along a sequence; returns the state h after each step, and the last h and c.

    Shapes: x (*N, T, d), the others as in lstm_step -> y (*N, T, H), h and c (*N, H).
    Raises: ValueError as lstm_step, or if there is no step.
    Source: as lstm_step.

    >>> w, b = np.zeros((4, 1)), np.array([50.0, 50.0, 50.0, 50.0])  # all gates are open: each step adds 1
    >>> y, h, c = lstm(np.zeros((3, 1)), None, None, w, w, b)
    >>> c
    array([3.])
    """
    return unrolled(lambda x, h, c: lstm_step(x, h, c, w_x, w_h, b_x, b_h, gates=gates), x, h, c)


def gru_step(
    x: Array,
    h: Array | None,
    w_x: Array,
    w_h: Array,
    b_x: Array | None = None,
    b_h: Array | None = None,
    *,
    gates: str = "rzn",
    reset: str = "before",
) -> Array:
    """Move the state towards what is new, (1 - z) n + z h; the reset gate decides what that is made of.

        r = sigma(a_r(x, h))        z = sigma(a_z(x, h))        a_k(x, h) = W_k x + b_k + U_k h + v_k

        before    n = tanh(a_n(x, r h))
        after     n = tanh(W_n x + b_n + r (U_n h + v_n))

    Conventions: reset, whether the reset gate acts before or after the matrix of the state; gates, the order in
    which the matrices of the reset gate r, the update gate z and the new content n lie one under the other.
    Without a state it is zero.

    Shapes: x (*N, d), h (*N, H), w_x (3H, d), w_h (3H, H), b_x and b_h (3H,) -> (*N, H).
    Raises: ValueError if the shapes do not fit together, gates is no order of these three, or for another word.
    Source: Cho et al. (2014), equations 5 to 8, with biases.

    >>> w, b = np.zeros((3, 1)), np.array([0.0, 0.0, 50.0])  # n = 1 and z = 1/2: half the way to 1
    >>> gru_step(np.array([7.0]), np.array([3.0]), w, w, b)
    array([2.])
    """
    n, z, h = _content(x, h, w_x, w_h, b_x, b_h, gates, reset)
    return (1 - z) * n + z * h


def gru(
    x: Array,
    h: Array | None,
    w_x: Array,
    w_h: Array,
    b_x: Array | None = None,
    b_h: Array | None = None,
    *,
    gates: str = "rzn",
    reset: str = "before",
) -> tuple[Array, ...]:
    """Run gru_step along a sequence; returns the state after each step, and the last one.

    Shapes: x (*N, T, d), h (*N, H), the others as in gru_step -> y (*N, T, H), h (*N, H).
    Raises: ValueError as gru_step, or if there is no step.
    Source: as gru_step.

    >>> w, b = np.zeros((3, 1)), np.array([0.0, 0.0, 50.0])  # half the way to 1 at each step
    >>> y, h = gru(np.zeros((3, 1)), None, w, w, b)
    >>> y[:, 0]
    array([0.5  , 0.75 , 0.875])
    """
    return unrolled(lambda x, h: (gru_step(x, h, w_x, w_h, b_x, b_h, gates=gates, reset=reset),), x, h)


def decoder_step(
    y: Array,
    s: Array,
    c: Array,
    u_y: Array,
    u_s: Array,
    u_c: Array,
    bias: Array | None = None,
) -> Array:
    """Make the next state of a decoder of its last output y, its state s and a context c: tanh(U_c c + U_y y + U_s s).

    The context says what the decoder is to say: the last state of an encoder, or an average of its states by attention.

    Shapes: y (*N, d), s (*N, H), c (*N, e), u_y (H, d), u_s (H, H), u_c (H, e), bias (H,) -> (*N, H).
    Raises: ValueError if the shapes do not fit together.
    Source: Chen (2025), "Recurrent Neural Networks" and "Attention: Step t", with g = tanh and a bias.

    >>> one = np.eye(1)
    >>> np.arctanh(decoder_step(np.array([0.1]), np.array([0.2]), np.array([0.3]), one, one, one))
    array([0.6])
    """
    (s,) = states(y, [s], u_y, u_s, gates="s")
    if np.shape(c)[:-1] != np.shape(y)[:-1] or np.shape(u_c)[:1] != np.shape(u_s)[:1]:
        raise ValueError(f"a context {np.shape(c)} with weights {np.shape(u_c)} does not fit {np.shape(y)}")
    return np.tanh(dense(c, u_c) + dense(y, u_y, bias) + dense(s, u_s))


# -- what the recurrences share ------------------------------------------------------------------------


def unrolled(step: Step, x: Array, *h: Array | None) -> tuple[Array, ...]:
    """Apply a step to every place of a sequence; returns the first state after each, and all states at the end."""
    if np.ndim(x) < 2 or not np.shape(x)[-2]:
        raise ValueError(f"x {np.shape(x)} is no sequence of inputs, or one without a step")
    y = []
    for t in range(np.shape(x)[-2]):
        h = step(x[..., t, :], *h)
        y.append(h[0])
    return np.stack(y, axis=-2), *h


def states(x: Array, given: list[Array | None], w_x: Array, w_h: Array, gates: str, named: str = "") -> list[Array]:
    """The states, of zeros where none is given. Raises: ValueError if they or the weights do not fit the gates."""
    if sorted(gates) != sorted(named or gates):
        raise ValueError(f'gates "{gates}" is no order of "{named}"')
    H = np.shape(w_h)[-1:]
    shape, rows = np.shape(x)[:-1] + H, tuple(len(gates) * n for n in H)
    fits = all(h is None or np.shape(h) == shape for h in given)
    if not fits or np.shape(w_x)[:1] != rows or np.shape(w_h)[:1] != rows:
        raise ValueError(f"weights {np.shape(w_x)} and {np.shape(w_h)} of {len(gates)} gates do not fit x and states")
    return [np.zeros(shape, x.dtype) if h is None else h for h in given]


def _content(
    x: Array,
    h: Array | None,
    w_x: Array,
    w_h: Array,
    b_x: Array | None,
    b_h: Array | None,
    gates: str,
    reset: str,
) -> tuple[Array, Array, Array]:
    """The new content n of a GRU, its update gate z and the state h that they are to be mixed with."""
    if reset not in ("before", "after"):
        raise ValueError(f'reset "{reset}" is neither "before" nor "after"')
    (h,) = states(x, [h], w_x, w_h, gates, "rzn")
    a, u = (_by_gate(gates, y, axis=-1) for y in (dense(x, w_x, b_x), dense(h, w_h, b_h)))
    r, z = (special.expit(a[gate] + u[gate]) for gate in "rz")
    if reset == "after":
        return np.tanh(a["n"] + r * u["n"]), z, h
    U, v = _by_gate(gates, w_h)["n"], None if b_h is None else _by_gate(gates, b_h)["n"]
    return np.tanh(a["n"] + dense(r * h, U, v)), z, h


def _by_gate(gates: str, x: Array, axis: int = 0) -> dict[str, Array]:
    """The equal parts of an array that belong to one gate each."""
    return dict(zip(gates, np.split(x, len(gates), axis=axis), strict=True))


# -- the same maps, as implementations compute them ----------------------------------------------------


def interpolated_gru_step(
    x: Array,
    h: Array | None,
    w_x: Array,
    w_h: Array,
    b_x: Array | None = None,
    b_h: Array | None = None,
    *,
    gates: str = "rzn",
    reset: str = "before",
) -> Array:
    """gru_step with one product, n + z (h - n)."""
    n, z, h = _content(x, h, w_x, w_h, b_x, b_h, gates, reset)
    return n + z * (h - n)


def interpolated_gru(
    x: Array, h: Array | None, w_x: Array, w_h: Array, b_x: Array | None = None, b_h: Array | None = None, **how: str
) -> tuple[Array, ...]:
    """gru with one product at each step."""
    return unrolled(lambda x, h: (interpolated_gru_step(x, h, w_x, w_h, b_x, b_h, **how),), x, h)
