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
    """A primitive on trial: the problems to try it on, and the names of what it returns.

    formats: those in which it is tried; None means all that a backend has.
    """

    problems: Problems
    outputs: tuple[str, ...] = ("y",)
    formats: tuple[str, ...] | None = None

    @property
    def primitive(self) -> str:
        return self.problems.primitive


CASES = (
    Case(output_sizes(), formats=("float64",)),  # integers: no format matters
    Case(pads()),
    Case(convolutions()),
    Case(transposed_convolutions()),
    Case(max_pools()),
    Case(sum_pools()),
    Case(average_pools()),
    Case(lp_pools()),
    Case(global_pools("global_max_pool")),
    Case(global_pools("global_average_pool")),
    Case(adaptive_pools("adaptive_max_pool")),
    Case(adaptive_pools("adaptive_average_pool")),
    Case(batch_norms(), outputs=("y", "running_mean", "running_var")),
    Case(layer_norms()),
    Case(dropouts()),
    Case(relus()),
    Case(sigmoids()),
    Case(tanhs()),
    Case(gelus()),
    Case(softmaxes()),
    Case(log_softmaxes()),
    Case(denses()),
    Case(residuals()),
    Case(attentions()),
    Case(multi_head_attentions()),
    Case(sinusoidal_encodings()),
)
