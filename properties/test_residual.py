"""Laws of residual and dense blocks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from properties.agreement import rejects, same_bits
from properties.law import law
from properties.sides import wide
from properties.strategies import (
    basic_blocks,
    dense_blocks,
    mismatched_basic_blocks,
    mismatched_residuals,
    residuals,
)
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


# -- basic_block ---------------------------------------------------------------------------------------

FEW = 0.12  # of the problems of others: a law calls a block several times
FIRST = ("w1", "mean1", "var1", "gamma1", "beta1")
SECOND = ("w2", "mean2", "var2", "gamma2", "beta2")
PROJECTION = ("w_x", "mean_x", "var_x", "gamma_x", "beta_x")


def _given(p: Any, **others: Any) -> list[Any]:
    """The arrays of a call in their order, some of them others."""
    arrays = {name: getattr(p, name) for name in ("x", *FIRST, *SECOND, *PROJECTION)}
    return list((arrays | others).values())


def _without_branch(p: Any) -> dict[str, Any]:
    """What makes F = 0."""
    return {name: np.zeros(p.beta2.shape) for name in ("gamma2", "beta2")}


def _nothing_added(p: Any) -> dict[str, Any]:
    """A projection to zero."""
    ones, zeros = np.ones(p.beta2.shape), np.zeros(p.beta2.shape)
    kernel = np.zeros((p.w2.shape[0], p.x.shape[1], *[1] * (p.x.ndim - 2)))
    return dict(zip(PROJECTION, (kernel, zeros, ones, ones, zeros), strict=True))


@law("RES-1", basic_blocks(paths=("identity",), share=FEW))
def test_nothing_to_add_to_x(f: Any, p: Any) -> Any:
    """With F = 0, gamma2 and beta2 zero, a basic block without a projection is relu(x)."""
    return f.basic_block(*_given(p, **_without_branch(p)), **p.options), f.relu(p.x)


@law("RES-2", differentiated(basic_blocks(kinds=("normal",), share=FEW)))
def test_the_gradient_has_the_path_of_x(f: Any, p: Any) -> Any:
    """Under an open last ReLU the Jacobian is I + J_F, or W + J_F: with gamma2 and -gamma2 it adds up to twice I or W.

    W is the projection: a convolution, of which its norm scales each channel. A large beta2 opens the ReLU.
    """

    def back(gamma2: Any) -> Any:
        arrays = _given(p, gamma2=gamma2, beta2=p.beta2 + OPENED)
        return f.gradient("basic_block", p.cotangent, *arrays, by="x", **p.options)

    path = wide(p.cotangent)
    if p.w_x is not None:
        scale = np.reshape(p.gamma_x / np.sqrt(p.var_x + p.eps), (-1, *[1] * (p.x.ndim - 2)))
        path = wide(f.gradient("convolution", p.cotangent * scale, p.x, p.w_x, by="x", stride=p.stride))
    return back(p.gamma2) + back(-p.gamma2), 2 * path


OPENED = 2.0**14


@law("RES-4", mismatched_basic_blocks(), verb=rejects)
def test_what_is_added_must_agree(f: Any, p: Any) -> Any:
    """A branch that comes to another shape than the path of x is an error."""
    return f.basic_block(*p.arrays, **p.options), None


@law("RES-6", basic_blocks(share=FEW))
def test_both_paths_are_added_before_the_relu(f: Any, p: Any) -> Any:
    """relu(P + F), where F is read off a block that adds it to zero, and P off a block with F = 0.

    A ReLU of each and of its opposite, with the signs of its last gamma and beta changed, gives all of it.
    """

    def read_off(sign: float, others: Any, last: tuple[str, ...]) -> Any:
        given = {name: getattr(p, name) for name in last} | others
        turned = {name: sign * given[name] for name in last}
        return f.basic_block(*_given(p, **others | turned), **p.options)

    def path(others: Any, *last: str) -> Any:
        return read_off(1.0, others, last) - read_off(-1.0, others, last)

    F = path(_nothing_added(p), "gamma2", "beta2")
    P = wide(p.x) if p.w_x is None else path(_without_branch(p), "gamma_x", "beta_x")
    return f.basic_block(*p.arrays, **p.options), np.maximum(P + F, 0.0)


# -- dense_block ---------------------------------------------------------------------------------------


@law("RES-2", differentiated(dense_blocks()))
def test_what_is_joined_learns_directly(f: Any, p: Any) -> Any:
    """Where only the channels of x itself have a cotangent, that is the gradient of x."""
    is_own = np.reshape(np.arange(p.cotangent.shape[1]) < p.x.shape[1], (-1, *[1] * (p.x.ndim - 2)))
    own = np.where(is_own, p.cotangent, 0.0)
    return f.gradient("dense_block", own, *p.arrays, by="x"), own[:, : p.x.shape[1]]


@law("RES-3", dense_blocks(layers=(2, 3)))
def test_dense_blocks_compose(f: Any, p: Any) -> Any:
    """A block of several layers is that of the others behind that of the first."""
    first = f.dense_block(p.x, p.w1)
    return f.dense_block(*p.arrays), f.dense_block(first, *p.arrays[2:])


@law("RES-5", dense_blocks(), verb=same_bits)
def test_the_input_comes_first(f: Any, p: Any) -> Any:
    """The first channels of a dense block are its input, and each layer adds as many as it has kernels."""
    grown = sum(w.shape[0] for w in p.arrays[1:] if w is not None)
    return f.dense_block(*p.arrays)[:, :-grown], p.x
