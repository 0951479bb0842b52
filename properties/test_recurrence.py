"""Laws of recurrences, and of the decoder step with a context."""

from __future__ import annotations

from typing import Any

import numpy as np

from properties.agreement import at_most, same_bits
from properties.law import law
from properties.sides import wide
from properties.strategies import Problems, decoder_steps, recurrences

SURE = 1024.0  # a gate that is told so is 1, or 0, in every format


def some(primitive: str, **which: Any) -> Problems:
    """Batches of two with all that there is: what a law says does not depend on what may be left out."""
    few: dict[str, Any] = {
        "batch": (2,),
        "steps": (3,),
        "sides": ((3, 2), (2, 3)),
        "bias": ("both",),
        "states": (True,),
    }
    return recurrences(primitive, **few | which)


def _one_by_one(step: Any, p: Any, *states: Any) -> tuple[Any, ...]:
    """The states after each step that a function makes by itself, side by side, and the last ones."""
    weights, y = p.arrays[1 + len(states) :], []
    for t in range(p.x.shape[-2]):
        after = step(p.x[..., t, :], *states, *weights, **p.options)
        states = after if isinstance(after, tuple) else (after,)
        y.append(states[0])
    return np.stack(y, axis=-2), *states


@law("RNN-1", some("rnn"))
def test_rnn_is_unrolled(f: Any, p: Any) -> Any:
    """rnn(x, h) = rnn_step(x_t, h) for t = 1, ..., T, each with the state that the last one made."""
    return f.rnn(*p.arrays, **p.options), _one_by_one(f.rnn_step, p, p.h)


@law("RNN-1", some("lstm"))
def test_lstm_is_unrolled(f: Any, p: Any) -> Any:
    """lstm(x, h, c) = lstm_step(x_t, h, c) for t = 1, ..., T, each with the states that the last one made."""
    return f.lstm(*p.arrays, **p.options), _one_by_one(f.lstm_step, p, p.h, p.c)


@law("RNN-1", some("gru"))
def test_gru_is_unrolled(f: Any, p: Any) -> Any:
    """gru(x, h) = gru_step(x_t, h) for t = 1, ..., T, each with the state that the last one made."""
    return f.gru(*p.arrays, **p.options), _one_by_one(f.gru_step, p, p.h)


@law("RNN-2", some("lstm"))
def test_a_sequence_can_be_split(f: Any, p: Any) -> Any:
    """lstm(x) = lstm of the first step, then lstm of the rest with the states that the first left."""
    x, _, _, *weights = p.arrays
    first, *states = f.lstm(x[..., :1, :], p.h, p.c, *weights)
    rest, *states = f.lstm(x[..., 1:, :], *states, *weights)
    return (np.concatenate([first, rest], axis=-2), *states), f.lstm(*p.arrays)


@law("RNN-3", some("rnn", nonlinearity=("tanh",)))
def test_without_recurrence_it_is_a_dense_layer(f: Any, p: Any) -> Any:
    """With U = 0 and v = 0, y_t = tanh(W x_t + b): the same dense layer at every step."""
    y, last = f.rnn(p.x, p.h, p.w_x, np.zeros(p.w_h.shape), p.b_x, np.zeros(p.b_h.shape), **p.options)
    each = f.tanh(f.dense(p.x, p.w_x, p.b_x))
    return (y, last), (each, each[..., -1, :])


@law("RNN-4", some("gru", others=("x",)), verb=same_bits)
def test_the_future_has_no_influence(f: Any, p: Any) -> Any:
    """gru(x)[t] depends on the inputs up to t: another last input changes no bit before."""
    x, *others = p.arrays
    last = np.arange(x.shape[-2])[:, None] == x.shape[-2] - 1
    other = f.gru(np.where(last, p.x2, x), *others)[0]
    return f.gru(*p.arrays)[0][..., :-1, :], other[..., :-1, :]


@law("RNN-4", some("rnn"))
def test_batch_permutes(f: Any, p: Any) -> Any:
    """rnn(the batch in reverse) = rnn(the batch) in reverse: no sample knows of another."""
    x, h, *weights = p.arrays
    y, last = f.rnn(*p.arrays, **p.options)
    return f.rnn(np.flip(x, 0), np.flip(h, 0), *weights, **p.options), (np.flip(y, 0), np.flip(last, 0))


def _backwards(p: Any, gates: int) -> list[Any]:
    """The weights and biases with the units in reverse in every gate, and in the columns of the states."""

    def rows(w: Any) -> Any:
        return np.concatenate([np.flip(part, 0) for part in np.split(w, gates)])

    return [rows(p.w_x), np.flip(rows(p.w_h), -1), rows(p.b_x), rows(p.b_h)]


@law("RNN-5", some("lstm"))
def test_units_of_an_lstm_permute(f: Any, p: Any) -> Any:
    """The units in reverse, in every gate and in the states: lstm gives the states in reverse."""
    results = f.lstm(p.x, np.flip(p.h, -1), np.flip(p.c, -1), *_backwards(p, 4))
    return results, tuple(np.flip(y, -1) for y in f.lstm(*p.arrays))


@law("RNN-5", some("gru"))
def test_units_of_a_gru_permute(f: Any, p: Any) -> Any:
    """The units in reverse, in every gate and in the state: gru gives the states in reverse."""
    results = f.gru(p.x, np.flip(p.h, -1), *_backwards(p, 3))
    return results, tuple(np.flip(y, -1) for y in f.gru(*p.arrays))


@law("RNN-6", some("lstm"))
def test_an_open_lstm_remembers(f: Any, p: Any) -> Any:
    """With a bias of 1024 everywhere all gates are 1, and so is what is new: c_T = c + T, and h_T = tanh(c_T)."""
    T = p.x.shape[-2]
    _, h, c = f.lstm(p.x, p.h, p.c, p.w_x, p.w_h, np.full(p.b_x.shape, SURE), p.b_h)
    return (c, h), (wide(p.c) + T, np.tanh(c))


@law("RNN-6", some("gru"))
def test_an_open_gru_keeps_its_state(f: Any, p: Any) -> Any:
    """With a bias of 1024 everywhere the update gate is 1: every state is the first one."""
    y, last = f.gru(p.x, p.h, p.w_x, p.w_h, np.full(p.b_x.shape, SURE), p.b_h)
    h = wide(p.h)
    return (y, last), (np.broadcast_to(h[..., None, :], y.shape), h)


@law("RNN-7", some("rnn", nonlinearity=("tanh",)))
def test_odd(f: Any, p: Any) -> Any:
    """With tanh, rnn(-x, -h) with the biases -b and -v = -rnn(x, h)."""
    x, h, w_x, w_h, b_x, b_h = p.arrays
    y, last = f.rnn(*p.arrays)
    return f.rnn(-x, -h, w_x, w_h, -b_x, -b_h), (-y, -last)


@law("RNN-8", some("gru_step"), verb=at_most)
def test_between_the_state_and_what_is_new(f: Any, p: Any) -> Any:
    """min(h, -1) <= gru_step(x, h) <= max(h, 1): what is new lies between -1 and 1."""
    h, after = wide(p.h), f.gru_step(*p.arrays)
    return (-np.maximum(-h, 1.0), after), (after, np.maximum(h, 1.0))


@law("RNN-8", some("lstm_step"), verb=at_most)
def test_memory_grows_by_one_at_most(f: Any, p: Any) -> Any:
    """|c'| <= |c| + 1 and |h'| <= 1: the gates lie between 0 and 1."""
    h, c = f.lstm_step(*p.arrays)
    return (np.abs(c), np.abs(h)), (np.abs(wide(p.c)) + 1, np.ones(h.shape))


@law("RNN-9", decoder_steps(batch=(2,), bias=(True,)))
def test_a_context_is_a_further_input(f: Any, p: Any) -> Any:
    """decoder_step(y, s, c) = rnn_step of (y, c) side by side, with the weights (U_y, U_c) side by side."""
    x, w_x = np.concatenate([p.y, p.c], axis=-1), np.concatenate([p.u_y, p.u_c], axis=-1)
    return f.decoder_step(*p.arrays), f.rnn_step(x, p.s, w_x, p.u_s, p.bias, np.zeros(p.bias.shape))
