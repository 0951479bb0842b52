"""The table of cases: one row a primitive. Every check of this folder runs on every row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from properties.strategies import (
    Problems,
    adaptive_pools,
    attentions,
    average_pools,
    batch_norms,
    convolutions,
    decoder_steps,
    denses,
    dropouts,
    gelus,
    global_pools,
    layer_norms,
    log_softmaxes,
    lp_pools,
    max_pools,
    multi_head_attentions,
    output_sizes,
    pads,
    recurrences,
    relus,
    residuals,
    sigmoids,
    sinusoidal_encodings,
    softmaxes,
    sum_pools,
    tanhs,
    transposed_convolutions,
)


@dataclass(frozen=True)
class Case:
    """A primitive on trial: the problems to try it on, and what every lane has to know about it.

    differentiable: the arrays with respect to which the first result has a gradient; None means all that
    hold numbers. exact: whether it is exact on small integers, with some of its options, because it is linear
    or selects. samples: given a draw, the names of the arrays whose first axis counts samples that do not
    influence each other, as the first axis of the first result does, and of every result that has the name of one of
    them; none where the draw is one sample, or where its samples do influence each other; None where they always may.
    outputs: the names of the results. formats: those in which it is tried; None means all that a backend has.
    """

    problems: Problems
    differentiable: tuple[str, ...] | None = None
    exact: bool = False
    samples: Callable[[Any], tuple[str, ...]] | None = None
    outputs: tuple[str, ...] = ("y",)
    formats: tuple[str, ...] | None = None

    @property
    def primitive(self) -> str:
        return self.problems.primitive

    def has_gradient(self, name: str) -> bool:
        """Whether the first result has a gradient with respect to an array."""
        return self.differentiable is None or name in self.differentiable


def batch(p: Any) -> tuple[str, ...]:
    """x (N, C, *S) is always a batch."""
    return ("x",)


def above(rank: int) -> Callable[[Any], tuple[str, ...]]:
    """x (*N, *D) is a batch where it has more axes than one sample."""
    return lambda p: ("x",) if p.x.ndim > rank else ()


def positions(p: Any) -> tuple[str, ...]:
    """t (*T): each position is a sample."""
    return ("t",) if p.t.ndim else ()


def rows(p: Any) -> tuple[str, ...]:
    """x is a batch unless the softmax runs along its first axis."""
    return ("x",) if p.axis % p.x.ndim else ()


def layers(p: Any) -> tuple[str, ...]:
    """x (*B, *D) is a batch unless all of its axes are normalised together."""
    return ("x",) if p.x.ndim > p.axes else ()


def evaluated(p: Any) -> tuple[str, ...]:
    """In training the statistics are those of all samples."""
    return () if p.training else ("x",)


def heads(p: Any) -> tuple[str, ...]:
    """q (*B, T, d); a mask that has the first axis of the batch may broadcast along it."""
    has_own = p.mask is not None and p.mask.ndim == p.q.ndim and p.mask.shape[0] == p.q.shape[0]
    return () if p.q.ndim < 3 else ("q", "k", "v", "mask") if has_own else ("q", "k", "v")


def states(p: Any) -> tuple[str, ...]:
    """x (*N, d) of a step, or (*N, T, d) of a sequence, and its states, where there is a batch."""
    is_batch = p.x.ndim > (1 if p.primitive.endswith("_step") else 2)
    return tuple(name for name in ("x", "h", "c") if name in p.arrays) if is_batch else ()


def contexts(p: Any) -> tuple[str, ...]:
    """An output, a state and a context."""
    return ("y", "s", "c") if p.y.ndim > 1 else ()


def sequences(p: Any) -> tuple[str, ...]:
    """query (*N, T, E); a mask (N, H, T, S) is one for each sample."""
    has_own = p.mask is not None and p.mask.ndim > p.query.ndim
    batched = ("query", "key", "value", "key_padding_mask")
    return () if p.query.ndim < 3 else (*batched, "mask") if has_own else batched


STEPS = ("float64", "float32")  # of recurrences: their sequences are tried in every format, and so are one step long

CASES = (
    Case(output_sizes(), differentiable=(), formats=("float64",)),  # integers: no format matters
    Case(pads(), exact=True, samples=batch),
    Case(convolutions(), exact=True, samples=batch),
    Case(transposed_convolutions(), exact=True, samples=batch),
    Case(max_pools(), exact=True, samples=batch),
    Case(sum_pools(), exact=True, samples=batch),
    Case(average_pools(), exact=True, samples=batch),
    Case(lp_pools(), exact=True, samples=batch),
    Case(global_pools("global_max_pool"), exact=True, samples=batch),
    Case(global_pools("global_average_pool"), exact=True, samples=batch),
    Case(adaptive_pools("adaptive_max_pool"), exact=True, samples=batch),
    Case(adaptive_pools("adaptive_average_pool"), exact=True, samples=batch),
    Case(batch_norms(), ("x", "weight", "bias"), samples=evaluated, outputs=("y", "running_mean", "running_var")),
    Case(layer_norms(), samples=layers),
    Case(dropouts(), exact=True),
    Case(relus(), exact=True, samples=above(0)),
    Case(sigmoids(), samples=above(0)),
    Case(tanhs(), samples=above(0)),
    Case(gelus(), samples=above(0)),
    Case(softmaxes(), samples=rows),
    Case(log_softmaxes(), samples=rows),
    Case(denses(), exact=True, samples=above(1)),
    Case(recurrences("rnn_step"), samples=states, outputs=("h",), formats=STEPS),
    Case(recurrences("rnn"), samples=states, outputs=("y", "h")),
    Case(recurrences("lstm_step"), samples=states, outputs=("h", "c"), formats=STEPS),
    Case(recurrences("lstm"), samples=states, outputs=("y", "h", "c")),
    Case(recurrences("gru_step"), samples=states, outputs=("h",), formats=STEPS),
    Case(recurrences("gru"), samples=states, outputs=("y", "h")),
    Case(decoder_steps(), samples=contexts, outputs=("s",), formats=STEPS),
    Case(residuals(), exact=True, samples=above(1)),
    Case(attentions(), samples=heads),
    Case(multi_head_attentions(), samples=sequences),
    Case(sinusoidal_encodings(), differentiable=(), samples=positions),
)
