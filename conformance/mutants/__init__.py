"""Mutants: wrong implementations, each with one mistake that people make.

Every mutant is the reference with one function replaced; its docstring says what is wrong. Most change
what the reference is given or returns, so that the mistake, and nothing else, stands in the code. A
module for each chapter; REJECTS says for each law which mutants break its equation, and not only its
bound. memory.py has those that no law sees: BY_LANE says which lane must reject them.
"""

from conformance.mutants import (
    activations,
    attention,
    convolution,
    dense,
    dropout,
    gradients,
    memory,
    normalization,
    pooling,
    positions,
    residual,
)
from conformance.mutants.base import MUTANTS, Adapter, Mutant, tried

CHAPTERS = (convolution, pooling, normalization, dropout, activations, dense, attention, residual, positions, gradients)
BY_LANE = memory.BY_LANE  # for each lane, mutants that no value shows
REJECTS: dict[str, list[str]] = {law: names for chapter in CHAPTERS for law, names in chapter.REJECTS.items()}

__all__ = ["BY_LANE", "MUTANTS", "REJECTS", "Adapter", "Mutant", "tried"]
