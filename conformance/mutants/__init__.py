"""Mutants: wrong implementations, each with one mistake that people make.

Every mutant is the reference with one function replaced; its docstring says what is wrong. Most change
what the reference is given or returns, so that the mistake, and nothing else, stands in the code. A
module for each chapter. Which checks reject a mutant is computed by power.py; automatic.py makes further
mutants of the reference itself. memory.py and lanes.py have those that no value shows.
"""

from conformance.mutants import (  # noqa: F401  # each registers its mutants
    activations,
    attention,
    blocks,
    choices,
    convolution,
    dense,
    dropout,
    embedding,
    forward_mode,
    gradients,
    lanes,
    loss,
    memory,
    normalization,
    pooling,
    positions,
    recurrence,
    residual,
)
from conformance.mutants.base import MUTANTS, Adapter, Mutant, tried

BY_LANE = memory.BY_LANE  # for each lane, mutants that no value shows

__all__ = ["BY_LANE", "MUTANTS", "Adapter", "Mutant", "tried"]
