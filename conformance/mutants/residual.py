"""Wrong residual and dense blocks."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from conformance.mutants.base import mutant
from reference import basic_block, batch_norm, convolution, dense_block, relu, residual
from reference.residual import Layers


def _branch(x: Any, w1: Any, w2: Any, b1: Any = None, b2: Any = None, activation: Any = None) -> Any:
    """F(x), of widths that agree or not, as NumPy has it."""
    h = x @ w1.T if b1 is None else x @ w1.T + b1
    y = (np.maximum(h, 0) if activation is None else activation(h)) @ w2.T
    return y if b2 is None else y + b2


@mutant("residual")
def forgets_x(x: Any, *layers: Any) -> Any:
    """F(x) alone: no residual."""
    return _branch(x, *layers)


@mutant("residual")
def forgets_the_branch(x: Any, *layers: Any) -> Any:
    """x alone, as with all of the branch dropped."""
    residual(x, *layers)
    return x


@mutant("residual")
def subtracts(x: Any, *layers: Any) -> Any:
    """x - F(x)."""
    return 2 * x - residual(x, *layers)


@mutant("residual")
def adds_x_twice(x: Any, *layers: Any) -> Any:
    """2x + F(x)."""
    return x + residual(x, *layers)


@mutant("residual")
def averages(x: Any, *layers: Any) -> Any:
    """(x + F(x)) / sqrt(2), which keeps the variance and no identity."""
    return residual(x, *layers) / math.sqrt(2)


@mutant("residual")
def adds_what_is_activated(x: Any, *layers: Any) -> Any:
    """max(0, x) + F(x): an activation in place has overwritten x."""
    return residual(x, *layers) - x + np.maximum(x, 0)


@mutant("residual")
def activates_the_sum(x: Any, *layers: Any) -> Any:
    """max(0, x + F(x)), as the first residual networks had it: the path of x is no identity."""
    return np.maximum(residual(x, *layers), 0)


@mutant("residual")
def activates_the_branch(x: Any, *layers: Any) -> Any:
    """x + max(0, F(x)): the branch can only add."""
    return x + np.maximum(residual(x, *layers) - x, 0)


@mutant("residual")
def has_no_activation(x: Any, *layers: Any) -> Any:
    """A linear branch."""
    return residual(x, *[None if w is None else np.zeros(w.shape) for w in layers]) + _branch(
        x, *layers, *[None] * (4 - len(layers)), lambda h: h
    )


@mutant("residual")
def leaks(x: Any, *layers: Any) -> Any:
    """A leaky activation inside."""
    return x + _branch(x, *layers, *[None] * (4 - len(layers)), lambda h: np.maximum(h, 0.01 * h))


@mutant("residual")
def forgets_the_inner_bias(x: Any, w1: Any, w2: Any, b1: Any = None, b2: Any = None) -> Any:
    """b1 is ignored."""
    return residual(x, w1, w2, None, b2)


@mutant("residual")
def activates_before_the_bias(x: Any, w1: Any, w2: Any, b1: Any = None, b2: Any = None) -> Any:
    """b1 is added after the activation."""
    if b1 is None:
        return residual(x, w1, w2, None, b2)
    return residual(x, w1, w2, None, b2) + b1 @ w2.T


@mutant("residual")
def fits_what_does_not(x: Any, w1: Any, w2: Any, b1: Any = None, b2: Any = None) -> Any:
    """Cuts every width to what x and W1 have, so that no mismatch is ever noticed."""
    d, m = min(x.shape[-1], w1.shape[1], w2.shape[0]), min(w1.shape[0], w2.shape[1])
    shift1, shift2 = b1 if b1 is None else b1[:m], b2 if b2 is None else b2[:d]
    return residual(x[..., :d], w1[:m, :d], w2[:d, :m], shift1, shift2)


@mutant("residual")
def adds_where_it_fits(x: Any, w1: Any, w2: Any, *biases: Any) -> Any:
    """Leaves x out where the widths of x and F(x) differ."""
    if w2.shape[0] == x.shape[-1]:
        return residual(x, w1, w2, *biases)
    return _branch(x, w1, w2, *biases)


# -- basic_block ---------------------------------------------------------------------------------------


def _convolved(x: Any, w: Any, stride: int = 1) -> Any:
    return convolution(x, w, stride=stride, padding=[K // 2 for K in w.shape[2:]])


def _normed(x: Any, norm: Any, eps: float) -> Any:
    return batch_norm(x, *norm, eps=eps)[0]


def _paths(x: Any, arrays: Any, stride: int, eps: float) -> tuple[Any, Any]:
    """P(x) and F(x)."""
    w1, *norm1 = arrays[:5]
    w2, *norm2 = arrays[5:10]
    y = _normed(_convolved(relu(_normed(_convolved(x, w1, stride), norm1, eps)), w2), norm2, eps)
    if len(arrays) > 10 and arrays[10] is not None:
        w_x, *norm_x = arrays[10:]
        x = _normed(_convolved(x, w_x, stride), norm_x, eps)
    return x, y


def _joined_by(join: Callable[[Any, Any], Any]) -> None:
    """Register a basic block whose paths are joined in another way."""

    @functools.wraps(join)
    def function(x: Any, *arrays: Any, stride: int = 1, eps: float = 1e-5) -> Any:
        basic_block(x, *arrays, stride=stride, eps=eps)  # rejects what is invalid
        return join(*_paths(x, arrays, stride, eps))

    del function.__wrapped__  # it has the signature of a block
    mutant("basic_block")(function)


@_joined_by
def never_activates_the_sum(path: Any, branch: Any) -> Any:
    """P + F, as in networks that activate first."""
    return path + branch


@_joined_by
def activates_before_the_sum(path: Any, branch: Any) -> Any:
    """P + max(0, F): the branch can only add."""
    return path + relu(branch)


@_joined_by
def activates_both_paths(path: Any, branch: Any) -> Any:
    """max(0, P) + max(0, F)."""
    return relu(path) + relu(branch)


@_joined_by
def averages_both_paths(path: Any, branch: Any) -> Any:
    """max(0, (P + F) / sqrt(2)): the path of x is scaled with the branch."""
    return relu((path + branch) / math.sqrt(2))


@_joined_by
def has_no_path_of_x(path: Any, branch: Any) -> Any:
    """max(0, F)."""
    return relu(branch)


@mutant("basic_block")
def normalises_the_sum(x: Any, *arrays: Any, stride: int = 1, eps: float = 1e-5) -> Any:
    """The second norm stands behind the sum, as the norm of the first Transformer does."""
    ones, w2 = np.ones(arrays[5].shape[0]), arrays[5]
    plain = [*arrays[:5], w2, 0 * ones, ones - eps, ones, 0 * ones, *arrays[10:]]
    basic_block(x, *arrays, stride=stride, eps=eps)
    path, branch = _paths(x, plain, stride, eps)
    return relu(_normed(path + branch, arrays[6:10], eps))


@mutant("basic_block")
def projects_without_the_stride(x: Any, *arrays: Any, stride: int = 1, eps: float = 1e-5) -> Any:
    """Every position is projected, and those in front are taken."""
    right = basic_block(x, *arrays, stride=stride, eps=eps)
    if stride == 1:
        return right
    _, branch = _paths(x, arrays, stride, eps)
    w_x, *norm_x = arrays[10:]
    path = _normed(_convolved(x, w_x), norm_x, eps)
    return relu(path[(..., *(slice(P) for P in right.shape[2:]))] + branch)


@mutant("basic_block")
def strides_in_the_second_convolution(x: Any, *arrays: Any, stride: int = 1, eps: float = 1e-5) -> Any:
    """All sizes are right."""
    w1, w2 = arrays[0], arrays[5]

    def convolve(z: Any, w: Any, **options: Any) -> Any:
        turned = {id(w1): 1, id(w2): stride}
        return convolution(z, w, **options | {"stride": turned.get(id(w), stride)})

    return basic_block(x, *arrays, stride=stride, eps=eps, layers=Layers(convolution=convolve))


@mutant("basic_block")
def pads_behind(x: Any, *arrays: Any, stride: int = 1, eps: float = 1e-5) -> Any:
    """With a stride the padding "same" has less in front."""

    def convolve(z: Any, w: Any, **options: Any) -> Any:
        return convolution(z, w, stride=options["stride"], padding="same")

    return basic_block(x, *arrays, stride=stride, eps=eps, layers=Layers(convolution=convolve))


@mutant("basic_block")
def projects_only_what_does_not_fit(x: Any, *arrays: Any, stride: int = 1, eps: float = 1e-5) -> Any:
    """A projection is left out where the shapes agree."""
    y = basic_block(x, *arrays, stride=stride, eps=eps)
    return basic_block(x, *arrays[:10], stride=stride, eps=eps) if y.shape == x.shape else y


@mutant("basic_block")
def projects_without_a_norm(x: Any, *arrays: Any, stride: int = 1, eps: float = 1e-5) -> Any:
    """A convolution alone."""
    y = basic_block(x, *arrays, stride=stride, eps=eps)
    _, branch = _paths(x, arrays, stride, eps)
    return y if len(arrays) < 11 else relu(_convolved(x, arrays[10], stride) + branch)


@mutant("basic_block")
def one_norm_for_both(x: Any, *arrays: Any, **options: Any) -> Any:
    """The first norm stands behind both convolutions."""
    return basic_block(x, *arrays[:6], *arrays[1:5], *arrays[10:], **options)


@mutant("basic_block")
def normalises_by_the_batch(x: Any, *arrays: Any, **options: Any) -> Any:
    """As in training."""
    trained = functools.partial(batch_norm, training=True, unbiased=False)
    return basic_block(x, *arrays, **options, layers=Layers(batch_norm=trained)) if x.size else relu(x)


@mutant("basic_block")
def always_the_usual_eps(x: Any, *arrays: Any, **options: Any) -> Any:
    """eps is ignored."""
    return basic_block(x, *arrays, **options | {"eps": 1e-5})


@mutant("basic_block")
def adds_every_second_element(x: Any, *arrays: Any, stride: int = 1, eps: float = 1e-5) -> Any:
    """Without a projection x is taken apart until it fits: option A of the paper, where there should be an error."""
    if len(arrays) > 10:
        return basic_block(x, *arrays, stride=stride, eps=eps)
    path, branch = _paths(x, arrays, stride, eps)
    path = path[(slice(None), slice(branch.shape[1]), *[slice(None, None, stride)] * (x.ndim - 2))]
    return relu(path + branch)


# -- dense_block ---------------------------------------------------------------------------------------


def _layers(x: Any, kernels: Any, join: Any, make: Any) -> Any:
    """A dense block with another way to join, or to make what is joined."""
    for w in kernels:
        if w is not None:
            x = join(x, make(x, w))
    return x


def _behind(x: Any, made: Any) -> Any:
    return np.concatenate([x, made], axis=1)


def _made(x: Any, w: Any) -> Any:
    return convolution(relu(x), w, padding="same")


@mutant("dense_block")
def joins_before(x: Any, *kernels: Any) -> Any:
    """What is new stands before what was there, in the result alone."""
    y, C = dense_block(x, *kernels), x.shape[1]
    return np.concatenate([y[:, C:], y[:, :C]], axis=1)


@mutant("dense_block")
def keeps_what_is_activated(x: Any, *kernels: Any) -> Any:
    """A ReLU in place: what is kept has lost what was negative."""
    return _layers(x, kernels, lambda x, made: _behind(relu(x), made), _made)


@mutant("dense_block")
def activates_behind(x: Any, *kernels: Any) -> Any:
    """max(0, W * x) for W * max(0, x)."""
    return _layers(x, kernels, _behind, lambda x, w: relu(convolution(x, w, padding="same")))


@mutant("dense_block")
def never_activates(x: Any, *kernels: Any) -> Any:
    """Layers without a ReLU."""
    return _layers(x, kernels, _behind, lambda x, w: convolution(x, w, padding="same"))


@mutant("dense_block")
def the_newest_first(x: Any, *kernels: Any) -> Any:
    """Each layer sees what is newest before the rest, although the result is in order."""

    def made(seen: Any, w: Any) -> Any:
        C = x.shape[1]
        return _made(np.concatenate([seen[:, C:], seen[:, :C]], axis=1), w)

    return _layers(x, kernels, _behind, made)


@mutant("dense_block")
def sees_the_newest_alone(x: Any, *kernels: Any) -> Any:
    """Each layer sees what the layer before it has made, and nothing older."""
    older = 0

    def made(seen: Any, w: Any) -> Any:
        nonlocal older
        is_newest = np.reshape(np.arange(seen.shape[1]) >= older, (-1, *[1] * (x.ndim - 2)))
        older = seen.shape[1]
        return _made(seen * is_newest, w)

    return _layers(x, kernels, _behind, made)


@mutant("dense_block")
def forgets_the_input(x: Any, *kernels: Any) -> Any:
    """The last layer alone, as in a network without connections."""
    y, last = dense_block(x, *kernels), [w for w in kernels if w is not None][-1]
    return y[:, -last.shape[0] :]


@mutant("dense_block")
def sums_instead_of_joining(x: Any, *kernels: Any) -> Any:
    """A residual block, where the channels of a layer are those of its input."""
    w = kernels[0]
    if len(kernels) > 1 or w.shape[0] != x.shape[1]:
        return dense_block(x, *kernels)
    return np.concatenate([x, x + _made(x, w)], axis=1)


@mutant("dense_block")
def takes_as_many_as_kernels_ask_for(x: Any, *kernels: Any) -> Any:
    """A layer whose kernels are for fewer channels is given the newest of them, where there should be an error."""
    return _layers(x, kernels, _behind, lambda x, w: _made(x[:, -w.shape[1] :], w))
