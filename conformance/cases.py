"""The table of cases: one row a primitive. Every check of this folder runs on every row."""

from __future__ import annotations

from dataclasses import dataclass

from properties.strategies import (
    Problems,
    adaptive_pools,
    attentions,
    average_pools,
    batch_norms,
    convolutions,
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
    or selects. samples: the arrays whose first axis, if it is a batch, counts samples that do not influence
    each other. outputs: the names of the results. formats: those in which it is tried; None means all that a
    backend has.
    """

    problems: Problems
    differentiable: tuple[str, ...] | None = None
    exact: bool = False
    samples: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ("y",)
    formats: tuple[str, ...] | None = None

    @property
    def primitive(self) -> str:
        return self.problems.primitive

    def has_gradient(self, name: str) -> bool:
        """Whether the first result has a gradient with respect to an array."""
        return self.differentiable is None or name in self.differentiable


X = ("x",)

CASES = (
    Case(output_sizes(), differentiable=(), formats=("float64",)),  # integers: no format matters
    Case(pads(), exact=True, samples=X),
    Case(convolutions(), exact=True, samples=X),
    Case(transposed_convolutions(), exact=True, samples=X),
    Case(max_pools(), exact=True, samples=X),
    Case(sum_pools(), exact=True, samples=X),
    Case(average_pools(), exact=True, samples=X),
    Case(lp_pools(), exact=True, samples=X),
    Case(global_pools("global_max_pool"), exact=True, samples=X),
    Case(global_pools("global_average_pool"), exact=True, samples=X),
    Case(adaptive_pools("adaptive_max_pool"), exact=True, samples=X),
    Case(adaptive_pools("adaptive_average_pool"), exact=True, samples=X),
    Case(batch_norms(), ("x", "weight", "bias"), outputs=("y", "running_mean", "running_var")),
    Case(layer_norms(), samples=X),
    Case(dropouts(), exact=True),
    Case(relus(), exact=True, samples=X),
    Case(sigmoids(), samples=X),
    Case(tanhs(), samples=X),
    Case(gelus(), samples=X),
    Case(softmaxes(), samples=X),
    Case(log_softmaxes(), samples=X),
    Case(denses(), exact=True, samples=X),
    Case(residuals(), exact=True, samples=X),
    Case(attentions(), samples=("q", "k", "v", "mask")),
    Case(multi_head_attentions(), samples=("query", "key", "value", "mask", "key_padding_mask")),
    Case(sinusoidal_encodings(), differentiable=(), samples=("t",)),
)
