"""The table of cases: one row a primitive. Every check of this folder runs on every row."""

from __future__ import annotations

from dataclasses import dataclass

from properties.strategies import (
    Problems,
    attentions,
    batch_norms,
    convolutions,
    dropouts,
    multi_head_attentions,
    output_sizes,
    pads,
    softmaxes,
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
    Case(batch_norms(), outputs=("y", "running_mean", "running_var")),
    Case(dropouts()),
    Case(softmaxes()),
    Case(attentions()),
    Case(multi_head_attentions()),
)
