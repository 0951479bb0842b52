"""Laws of residual blocks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from properties.agreement import rejects
from properties.law import law
from properties.sides import wide
from properties.strategies import mismatched_residuals, residuals
from properties.strategies.cotangents import differentiated


def _like(x: Any) -> Any:
    """Zeros in place of an array that may be absent."""
    return None if x is None else np.zeros(x.shape)


@law("RES-1", residuals())
def test_nothing_to_add(f: Any, p: Any) -> Any:
    """With F = 0, W2 and b2 zero, the block is the identity."""
    return f.residual(p.x, p.w1, _like(p.w2), p.b1, _like(p.b2)), p.x


@law("RES-3", residuals(blocks=2))
def test_stacks_compose(f: Any, p: Any) -> Any:
    """Two blocks in a row give x + F1(x) + F2(x + F1(x)).

    F alone is read off a block whose branch sees only the first half of (x, 0) and writes into the second.
    """

    def branch(x: Any, w1: Any, w2: Any, b1: Any, b2: Any) -> Any:
        doubled = np.concatenate([x, np.zeros(x.shape)], axis=-1)
        reads = np.concatenate([w1, np.zeros(w1.shape)], axis=1)
        writes = np.concatenate([np.zeros(w2.shape), w2], axis=0)
        shift = None if b2 is None else np.concatenate([np.zeros(b2.shape), b2], axis=0)
        return f.residual(doubled, reads, writes, b1, shift)[..., x.shape[-1] :]

    first, second = (p.w1, p.w2, p.b1, p.b2), (p.w1_, p.w2_, p.b1_, p.b2_)
    y = f.residual(p.x, *first)
    return f.residual(y, *second), wide(p.x) + branch(p.x, *first) + branch(y, *second)


@law("RES-4", mismatched_residuals(), verb=rejects)
def test_widths_must_agree(f: Any, p: Any) -> Any:
    """A branch that does not lead from the width of x back to it is an error."""
    return f.residual(*p.arrays), None


@law("RES-6", residuals())
def test_the_branch_is_added(f: Any, p: Any) -> Any:
    """The block with W2, b2 and the block with -W2, -b2 add up to 2x."""
    opposite = f.residual(p.x, p.w1, -p.w2, p.b1, None if p.b2 is None else -p.b2)
    return f.residual(*p.arrays) + opposite, 2 * wide(p.x)


@law("RES-2", differentiated(replace(residuals(), kinds=("normal",))))
def test_the_gradient_has_the_identity_path(f: Any, p: Any) -> Any:
    """The Jacobian is I + J_F: the gradients of x with W2 and with -W2 add up to twice the cotangent."""

    def back(w2: Any) -> Any:
        return f.gradient("residual", p.cotangent, p.x, p.w1, w2, p.b1, p.b2, by="x")

    return back(p.w2) + back(-p.w2), 2 * wide(p.cotangent)
