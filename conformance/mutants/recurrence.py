"""Wrong recurrences."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

import reference
from conformance.mutants.base import Function, mutant
from reference import dense, sigmoid

STEPS = ("rnn_step", "lstm_step", "gru_step")
SEQUENCES = ("rnn", "lstm", "gru")

Arguments = dict[str, Any]  # of a call, by their names, with those at their default
Wrong = Callable[[Function, Arguments], Any]  # given the right function


def wrong_in(*primitives: str) -> Callable[[Wrong], Wrong]:
    """Register a mistake in each of the primitives that people make it in."""

    def register(wrong: Wrong) -> Wrong:
        for primitive in primitives:
            mutant(primitive)(_made(wrong, reference.PRIMITIVES[primitive]))
        return wrong

    return register


def _made(wrong: Wrong, right: Function) -> Function:
    signature = inspect.signature(right)

    def function(*arrays: Any, **options: Any) -> Any:
        bound = signature.bind(*arrays, **options)
        bound.apply_defaults()
        return wrong(right, dict(bound.arguments))

    function.__name__, function.__doc__ = wrong.__name__, wrong.__doc__
    return function


def _blocks(w: Any, H: int) -> list[Any]:
    """The parts of a matrix or bias that belong to one gate each."""
    return np.split(w, len(w) // H)


# -- any recurrence ------------------------------------------------------------------------------------


@wrong_in(*STEPS, *SEQUENCES)
def without_the_bias_of_the_state(f: Function, p: Arguments) -> Any:
    """Of two biases the second is ignored."""
    return f(**p | {"b_h": None})


@wrong_in(*STEPS, *SEQUENCES)
def state_weights_transposed(f: Function, p: Arguments) -> Any:
    """U' h for U h in every gate: the matrix is square, so nothing complains."""
    H = p["w_h"].shape[1]
    return f(**p | {"w_h": np.concatenate([U.T for U in _blocks(p["w_h"], H)])})


@wrong_in(*STEPS, *SEQUENCES)
def starts_from_zero(f: Function, p: Arguments) -> Any:
    """The state that is given is ignored."""
    return f(**p | {name: None for name in ("h", "c") if name in p})


@wrong_in(*STEPS, *SEQUENCES)
def the_state_of_the_first_sample(f: Function, p: Arguments) -> Any:
    """Every sample starts from the state of the first."""
    h = p["h"]
    return f(**p | {"h": h if h is None or h.ndim < 2 else np.broadcast_to(h[:1], h.shape)})


@wrong_in("rnn_step", "rnn")
def one_nonlinearity(f: Function, p: Arguments) -> Any:
    """tanh, whatever was asked for."""
    return f(**p | {"nonlinearity": "tanh"})


@wrong_in("rnn_step", "rnn")
def magnitude_of_the_state_weights(f: Function, p: Arguments) -> Any:
    """Negative weights of the state count as positive ones."""
    return f(**p | {"w_h": np.abs(p["w_h"])})


@wrong_in("rnn_step", "rnn")
def another_curve(f: Function, p: Arguments) -> Any:
    """The logistic function for tanh: 2 sigma(2a) - 1 without its last part."""
    results = f(**p)
    if p["nonlinearity"] != "tanh":
        return results
    return tuple((1 + y) / 2 for y in results) if isinstance(results, tuple) else (1 + results) / 2


# -- sequences -----------------------------------------------------------------------------------------


@wrong_in(*SEQUENCES)
def reads_backwards(f: Function, p: Arguments) -> Any:
    """From the last step to the first."""
    y, *last = f(**p | {"x": np.flip(p["x"], -2)})
    return np.flip(y, -2), *last


@wrong_in(*SEQUENCES)
def shows_the_state_before(f: Function, p: Arguments) -> Any:
    """y[t] is the state that step t starts from."""
    y, *last = f(**p)
    h = np.zeros_like(last[0]) if p["h"] is None else p["h"]
    return np.concatenate([h[..., None, :], y[..., :-1, :]], axis=-2), *last


@wrong_in(*SEQUENCES)
def the_first_state_as_the_last(f: Function, p: Arguments) -> Any:
    """The state that is returned is that after the first step."""
    y, _, *others = f(**p)
    return y, y[..., 0, :], *others


@wrong_in(*SEQUENCES)
def ends_one_step_early(f: Function, p: Arguments) -> Any:
    """A loop to T - 1, where there is more than one step; the last state stands twice."""
    x = p["x"]
    if x.shape[-2] == 1:
        return f(**p)
    y, *last = f(**p | {"x": x[..., :-1, :]})
    return np.concatenate([y, y[..., -1:, :]], axis=-2), *last


@wrong_in(*SEQUENCES)
def time_and_batch_exchanged(f: Function, p: Arguments) -> Any:
    """The first axis is taken for time, where there are as many samples as steps."""
    x = p["x"]
    if x.ndim < 3 or x.shape[0] != x.shape[1]:
        return f(**p)
    y, *last = f(**p | {"x": np.swapaxes(x, 0, 1)})
    return np.swapaxes(y, 0, 1), *last


@wrong_in("rnn")
def a_bias_at_the_first_step_only(f: Function, p: Arguments) -> Any:
    """The bias is added to the first input, and not at every step."""
    y, h = f(**p | {"x": p["x"][..., :1, :]})
    rest, last = f(**p | {"x": p["x"][..., 1:, :], "h": h, "b_x": None}) if p["x"].shape[-2] > 1 else (y[..., :0, :], h)
    return np.concatenate([y, rest], axis=-2), last


@wrong_in(*SEQUENCES)
def forgets_between_the_steps(f: Function, p: Arguments) -> Any:
    """Every step starts from the first state."""
    x = p["x"]
    results = [f(**p | {"x": x[..., t : t + 1, :]}) for t in range(x.shape[-2])]
    return np.concatenate([y for y, *_ in results], axis=-2), *results[-1][1:]


@wrong_in("lstm_step", "lstm", "gru_step", "gru")
def gates_interleaved(f: Function, p: Arguments) -> Any:
    """The gates of the first unit, then those of the second, where each gate should have its units together."""
    H = p["w_h"].shape[1]

    def mixed(w: Any) -> Any:
        return None if w is None else np.concatenate([w[gate :: len(w) // H] for gate in range(len(w) // H)])

    return f(**p | {name: mixed(p[name]) for name in ("w_x", "w_h", "b_x", "b_h")})


# -- LSTM ----------------------------------------------------------------------------------------------


@wrong_in("lstm_step", "lstm")
def gates_in_another_order(f: Function, p: Arguments) -> Any:
    """Input, forget, output, then what is new: the order of other libraries."""
    return f(**p | {"gates": "ifog"})


@wrong_in("lstm_step", "lstm")
def input_and_forget_exchanged(f: Function, p: Arguments) -> Any:
    """The forget gate comes first."""
    return f(**p | {"gates": "figo"})


@wrong_in("lstm_step", "lstm")
def forgets_less(f: Function, p: Arguments) -> Any:
    """1 is added to the forget gate, which belongs to how its bias is initialised."""
    H = p["w_h"].shape[1]
    b = np.zeros(4 * H) if p["b_x"] is None else p["b_x"]
    return f(**p | {"b_x": b + np.repeat([0.0, 1.0, 0.0, 0.0], H)})


@wrong_in("lstm_step")
def shows_the_memory_itself(f: Function, p: Arguments) -> Any:
    """sigma(o) c' for sigma(o) tanh(c')."""
    h, c = f(**p)
    return h * np.where(c == 0, 1.0, c / np.where(c == 0, 1.0, np.tanh(c))), c


@wrong_in("lstm_step")
def states_exchanged(f: Function, p: Arguments) -> Any:
    """(c, h) for (h, c)."""
    return f(**p)[::-1]


@wrong_in("lstm_step", "lstm")
def the_memory_before(f: Function, p: Arguments) -> Any:
    """The memory that is returned is the one that was given."""
    *results, c = f(**p)
    return *results, np.zeros_like(c) if p["c"] is None else p["c"]


# -- GRU -----------------------------------------------------------------------------------------------


@wrong_in("gru_step", "gru")
def resets_after_the_matrix(f: Function, p: Arguments) -> Any:
    """The other convention of the reset gate."""
    return f(**p | {"reset": "after"})


@wrong_in("gru_step", "gru")
def reset_and_update_exchanged(f: Function, p: Arguments) -> Any:
    """The update gate comes first."""
    return f(**p | {"gates": "zrn"})


@wrong_in("gru_step")
def updates_the_other_way(f: Function, p: Arguments) -> Any:
    """z n + (1 - z) h: the gate is that of the other paper."""
    H = p["w_h"].shape[1]

    def turned(w: Any) -> Any:
        return None if w is None else np.concatenate([w[:H], -w[H : 2 * H], w[2 * H :]])

    return f(**p | {name: turned(p[name]) for name in ("w_x", "w_h", "b_x", "b_h")})


@wrong_in("gru_step")
def adds_what_is_new(f: Function, p: Arguments) -> Any:
    """n + z h: what is new counts in full."""
    H = p["w_h"].shape[1]
    h = np.zeros((*p["x"].shape[:-1], H)) if p["h"] is None else p["h"]
    _, W, _ = _blocks(p["w_x"], H)
    _, U, _ = _blocks(p["w_h"], H)
    b, v = (None if p[name] is None else p[name][H : 2 * H] for name in ("b_x", "b_h"))
    z = sigmoid(dense(p["x"], W, b) + dense(h, U, v))
    n = f(**p) - z * h
    return n / np.where(z < 1, 1 - z, 1.0) + z * h


# -- decoder_step --------------------------------------------------------------------------------------


@wrong_in("decoder_step")
def forgets_the_context(f: Function, p: Arguments) -> Any:
    """U_c c is left out."""
    return f(**p | {"c": np.zeros_like(p["c"])})


@wrong_in("decoder_step")
def forgets_what_it_said(f: Function, p: Arguments) -> Any:
    """U_y y is left out."""
    return f(**p | {"y": np.zeros_like(p["y"])})


@wrong_in("decoder_step")
def forgets_its_bias(f: Function, p: Arguments) -> Any:
    """The bias is left out."""
    return f(**p | {"bias": None})


@wrong_in("decoder_step")
def the_context_of_the_first_sample(f: Function, p: Arguments) -> Any:
    """One context for the whole batch."""
    c = p["c"]
    return f(**p | {"c": np.broadcast_to(c[:1], c.shape) if c.ndim > 1 else c})


@wrong_in("decoder_step")
def adds_the_context_behind(f: Function, p: Arguments) -> Any:
    """tanh(U_y y + U_s s) + U_c c."""
    return f(**p | {"c": np.zeros_like(p["c"])}) + dense(p["c"], p["u_c"])


@wrong_in("decoder_step")
def its_weights_transposed(f: Function, p: Arguments) -> Any:
    """U_s' s for U_s s."""
    return f(**p | {"u_s": p["u_s"].T})


@wrong_in("decoder_step")
def context_and_output_exchanged(f: Function, p: Arguments) -> Any:
    """U_y c + U_c y, where both have one width."""
    if p["c"].shape != p["y"].shape:
        return f(**p)
    return f(**p | {"c": p["y"], "y": p["c"]})
