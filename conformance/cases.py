"""The table of cases: one row a primitive. Every check of this folder runs on every row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from properties.strategies import (
    Problems,
    adaptive_pools,
    additive_attentions,
    attentions,
    average_pools,
    basic_blocks,
    batch_norms,
    binary_steps,
    convolutions,
    cross_entropies,
    decoder_blocks,
    decoder_steps,
    dense_blocks,
    denses,
    dropouts,
    embeddings,
    encoder_blocks,
    feed_forwards,
    flop_counts,
    gelus,
    global_pools,
    group_norms,
    identities,
    instance_norms,
    layer_norms,
    leaky_relus,
    learned_encodings,
    log_softmaxes,
    lp_pools,
    max_pools,
    multi_head_attentions,
    naive_encodings,
    output_sizes,
    pads,
    parameter_counts,
    patch_embeddings,
    product_pools,
    recurrences,
    relus,
    residuals,
    rms_norms,
    sigmoids,
    silus,
    sinusoidal_encodings,
    softmaxes,
    sum_pools,
    tanhs,
    toeplitzes,
    transposed_convolutions,
    true_convolutions,
)

INTEGERS = ("output_size", "parameter_count", "flop_count")  # what computes no array


@dataclass(frozen=True)
class Case:
    """A primitive on trial: the problems to try it on, and what every lane has to know about it.

    differentiable: the arrays with respect to which the first result has a gradient; None means all that
    hold numbers. exact: whether it is exact on small integers, with some of its options, because it is linear
    or selects. samples: given a draw, the names of the arrays whose first axis counts samples that do not
    influence each other, as the first axis of the first result does, and of every result that has the name of one of
    them; none where the draw is one sample, or where its samples do influence each other; None where they always may.
    outputs: the names of the results. formats: those in which it is tried; None means all that a backend has.
    homogeneous: for each way in which it is, the names of what is multiplied by one number at once: arrays and options
    first, then results; one with "**2" is multiplied by its square, and results without a name stay as they are. The
    first array of a way must be given.
    """

    problems: Problems
    differentiable: tuple[str, ...] | None = None
    exact: bool = False
    samples: Callable[[Any], tuple[str, ...]] | None = None
    outputs: tuple[str, ...] = ("y",)
    formats: tuple[str, ...] | None = None
    homogeneous: tuple[str, ...] = ()

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


def matrices(p: Any) -> tuple[str, ...]:
    """c (*N, m), r (*N, n): a batch of matrices."""
    return ("c", "r") if p.c.ndim > 1 else ()


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


def words(p: Any) -> tuple[str, ...]:
    """i (*N): each index is a sample."""
    return ("i",) if p.i.ndim else ()


def targets(p: Any) -> tuple[str, ...]:
    """x (N, C, *S) is a batch where its losses are not reduced."""
    return ("x", "target") if p.x.ndim > 1 and p.reduction == "none" else ()


def heads(p: Any) -> tuple[str, ...]:
    """q (*B, T, d), and heads in groups are no batch; a mask that has the batch's first axis may broadcast along it."""
    are_heads = p.q.ndim == 3 and p.q.shape[0] != p.k.shape[0]
    has_own = p.mask is not None and p.mask.ndim == p.q.ndim and p.mask.shape[0] == p.q.shape[0]
    return () if p.q.ndim < 3 or are_heads else ("q", "k", "v", "mask") if has_own else ("q", "k", "v")


def attended(p: Any) -> tuple[str, ...]:
    """s (*B, T, m) and h, with a mask for each sample or for all."""
    has_own = p.mask is not None and p.mask.ndim == p.s.ndim
    return () if p.s.ndim < 3 else ("s", "h", "mask") if has_own else ("s", "h")


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


def in_batch(*names: str) -> Callable[[Any], tuple[str, ...]]:
    """x (*N, T, E) and arrays that have its batch; a mask (N, H, T, S) is one for each sample."""

    def samples(p: Any) -> tuple[str, ...]:
        masks = (name for name in ("mask", "memory_mask") if name in p.arrays and np.ndim(p.arrays[name]) > 3)
        return ("x", *names, *masks) if p.x.ndim > 2 else ()

    return samples


# Bounds are carried through a whole block, and in low formats they come to more than its result: of bfloat16 a half
# of the values is decided, and few gradients. There each of its layers is judged, by its own row.
OF_BLOCKS = ("float64", "float32")
OF_LAYERS = ("float64", "float32")  # what is made of layers that are tried in every format, each by its own row
STEPS = ("float64", "float32")  # of recurrences: their sequences are tried in every format, and so are one step long

LINEAR = ("x -> y",)
WITH_BIAS = ("x bias -> y", "w bias -> y")
NORMALISED = ("x eps**2", "weight bias -> y")

CASES = (
    Case(output_sizes(), differentiable=(), formats=("float64",)),  # no format matters
    Case(pads(), exact=True, samples=batch, homogeneous=("x value -> y",)),
    Case(convolutions(), exact=True, samples=batch, homogeneous=WITH_BIAS),
    Case(transposed_convolutions(), exact=True, samples=batch, homogeneous=WITH_BIAS),
    Case(true_convolutions(), exact=True, homogeneous=("x -> y", "w -> y")),
    Case(toeplitzes(), exact=True, samples=matrices, homogeneous=("c r -> y",)),
    Case(parameter_counts(), differentiable=(), formats=("float64",)),
    Case(flop_counts(), differentiable=(), formats=("float64",)),
    Case(max_pools(), exact=True, samples=batch, homogeneous=LINEAR),
    Case(sum_pools(), exact=True, samples=batch, homogeneous=LINEAR),
    Case(product_pools(), exact=True, samples=batch),
    Case(average_pools(), exact=True, samples=batch, homogeneous=LINEAR),
    Case(lp_pools(), exact=True, samples=batch, homogeneous=LINEAR),
    Case(global_pools("global_max_pool"), exact=True, samples=batch, homogeneous=LINEAR),
    Case(global_pools("global_average_pool"), exact=True, samples=batch, homogeneous=LINEAR),
    Case(adaptive_pools("adaptive_max_pool"), exact=True, samples=batch, homogeneous=LINEAR),
    Case(adaptive_pools("adaptive_average_pool"), exact=True, samples=batch, homogeneous=LINEAR),
    Case(
        batch_norms(),
        ("x", "weight", "bias"),
        samples=evaluated,
        outputs=("y", "running_mean", "running_var"),
        homogeneous=(
            "x running_mean running_var**2 eps**2 -> running_mean running_var**2",
            "weight bias -> y",
        ),
    ),
    Case(layer_norms(), samples=layers, homogeneous=NORMALISED),
    Case(group_norms(), samples=batch, homogeneous=NORMALISED),
    Case(instance_norms(), samples=batch, homogeneous=NORMALISED),
    Case(rms_norms(), samples=layers, homogeneous=("x eps**2", "weight -> y")),
    Case(dropouts(), exact=True, homogeneous=LINEAR),
    Case(identities(), exact=True, samples=above(0), homogeneous=LINEAR),
    Case(binary_steps(), differentiable=(), exact=True, samples=above(0), homogeneous=("x",)),
    Case(relus(), exact=True, samples=above(0), homogeneous=LINEAR),
    Case(leaky_relus(), exact=True, samples=above(0), homogeneous=LINEAR),
    Case(sigmoids(), samples=above(0)),
    Case(tanhs(), samples=above(0)),
    Case(gelus(), samples=above(0)),
    Case(silus(), samples=above(0)),
    Case(softmaxes(), samples=rows),
    Case(log_softmaxes(), samples=rows),
    Case(cross_entropies(), ("x", "target"), samples=targets),
    Case(denses(), exact=True, samples=above(1), homogeneous=WITH_BIAS),
    Case(recurrences("rnn_step"), samples=states, outputs=("h",), formats=STEPS),
    Case(recurrences("rnn"), samples=states, outputs=("y", "h")),
    Case(recurrences("lstm_step"), samples=states, outputs=("h", "c"), formats=STEPS),
    Case(recurrences("lstm"), samples=states, outputs=("y", "h", "c")),
    Case(recurrences("gru_step"), samples=states, outputs=("h",), formats=STEPS),
    Case(recurrences("gru"), samples=states, outputs=("y", "h")),
    Case(feed_forwards(), exact=True, samples=above(1), homogeneous=("x b1 b2 -> y", "w2 b2 -> y")),
    Case(embeddings(), exact=True, samples=words, homogeneous=("table -> y",)),
    Case(patch_embeddings(), exact=True, samples=batch, homogeneous=WITH_BIAS),
    Case(decoder_steps(), samples=contexts, outputs=("s",), formats=STEPS),
    Case(residuals(), exact=True, samples=above(1), homogeneous=("x b1 b2 -> y",)),
    Case(
        basic_blocks(),
        ("x", *(f"{part}{i}" for i in ("1", "2", "_x") for part in ("w", "gamma", "beta"))),
        samples=batch,
        formats=OF_LAYERS,
        homogeneous=("x mean1 beta1 mean2 beta2 mean_x beta_x -> y",),
    ),
    Case(dense_blocks(), exact=True, samples=batch, formats=OF_LAYERS, homogeneous=("x -> y",)),
    Case(
        attentions(groups=(0, 2, 3), window=(None, 1, (0, 2)), closed=(False, True)),
        samples=heads,
        homogeneous=("v -> y",),
    ),
    Case(
        multi_head_attentions(closed=(False, True)), samples=sequences, homogeneous=("w_v b_v b_o -> y", "w_o b_o -> y")
    ),
    Case(additive_attentions(), samples=attended),
    Case(sinusoidal_encodings(), differentiable=(), samples=positions),
    Case(learned_encodings(), exact=True, samples=above(2), homogeneous=("x table -> y",)),
    Case(naive_encodings(), exact=True, samples=above(2)),
    Case(encoder_blocks(), samples=in_batch("key_padding_mask"), formats=OF_BLOCKS),
    Case(
        decoder_blocks(),
        samples=in_batch("memory", "key_padding_mask", "memory_key_padding_mask"),
        formats=OF_BLOCKS,
    ),
)
