"""Right values, wrong use of memory: what is left behind, what was there before, and where it is read from.

A single call on fresh arrays shows nothing; BY_LANE says which lane must reject each.
"""

from __future__ import annotations

import functools
from collections import Counter
from typing import Any

import numpy as np

from conformance.mutants.base import Function, mutant, mutant_with_state
from reference import (
    PRIMITIVES,
    batch_norm,
    convolution,
    dense,
    gelu,
    layer_norm,
    max_pool,
    relu,
    residual,
    scaled_dot_product_attention,
    sigmoid,
    softmax,
    tanh,
)

# -- inputs that are changed ---------------------------------------------------------------------------


@mutant("relu")
def in_place(x: Any) -> Any:
    """The result is written over x."""
    return np.maximum(x, 0, out=x)


@mutant("softmax")
def takes_the_maximum_off_x(x: Any, *, axis: int = -1) -> Any:
    """x -= max x, in x itself."""
    x -= x.max(axis=axis, keepdims=True)
    return softmax(x, axis=axis)


@mutant("residual")
def adds_to_x(x: Any, w1: Any, w2: Any, b1: Any = None, b2: Any = None) -> Any:
    """x += the branch."""
    x += residual(x, w1, w2, b1, b2) - x
    return x


@mutant("batch_norm")
def updates_in_secret(x: Any, m: Any, v: Any, weight: Any = None, bias: Any = None, **options: Any) -> Any:
    """The running statistics are updated in place, and no one said so."""
    y, mean, var = batch_norm(x, m, v, weight, bias, **options)
    m[:], v[:] = mean, var
    return y, m, v


@mutant("scaled_dot_product_attention")
def opens_the_mask(q: Any, k: Any, v: Any, mask: Any = None, **options: Any) -> Any:
    """What is closed for the scores is opened in the caller's mask."""
    y = scaled_dot_product_attention(q, k, v, mask, **options)
    if mask is not None:
        mask[...] = True if mask.dtype == bool else 0
    return y


def _leaves_x_changed(primitive: str) -> Function:
    right = PRIMITIVES[primitive]

    @functools.wraps(right)
    def leaves_x_changed(*arrays: Any, **options: Any) -> Any:
        """What is first computed from an array is computed in the array itself."""
        y = right(*(x.copy() if isinstance(x, np.ndarray) else x for x in arrays), **options)
        x = next(x for x in arrays if isinstance(x, np.ndarray) and x.dtype.kind == "f")
        x *= 2
        return y

    leaves_x_changed.__name__ = "leaves_x_changed"
    return mutant(primitive)(leaves_x_changed)


for _primitive in (
    "pad",
    "convolution",
    "transposed_convolution",
    "true_convolution",
    "toeplitz",
    "max_pool",
    "average_pool",
    "product_pool",
    "lp_pool",
    "global_max_pool",
    "global_average_pool",
    "adaptive_max_pool",
    "adaptive_average_pool",
    "group_norm",
    "instance_norm",
    "rms_norm",
    "identity",
    "binary_step",
    "leaky_relu",
    "tanh",
    "gelu",
    "silu",
    "log_softmax",
    "cross_entropy",
    "dense",
    "feed_forward",
    "embedding",
    "patch_embedding",
    "basic_block",
    "dense_block",
    "multi_head_attention",
    "additive_attention",
    "learned_encoding",
    "naive_encoding",
    "rnn_step",
    "rnn",
    "lstm_step",
    "lstm",
    "gru_step",
    "gru",
    "decoder_step",
    "encoder_block",
    "decoder_block",
):
    _leaves_x_changed(_primitive)


def _one_more_from_the_second_call_on(primitive: str) -> None:
    def one_more_from_the_second_call_on() -> Function:
        """A counter that is not set back."""
        calls = Counter[str]()

        @functools.wraps(PRIMITIVES[primitive])
        def function(*sizes: int, **options: Any) -> int:
            calls["all"] += 1
            count: int = PRIMITIVES[primitive](*sizes, **options)
            return count + (calls["all"] > 1)

        return function

    mutant_with_state(primitive)(one_more_from_the_second_call_on)


for _primitive in ("output_size", "parameter_count", "flop_count"):
    _one_more_from_the_second_call_on(_primitive)


# -- other bits at the second call ---------------------------------------------------------------------


@mutant_with_state("sigmoid")
def last_bit_of_every_second_call() -> Function:
    """Every second result is one unit in the last place higher."""
    calls = Counter[str]()

    def function(x: Any) -> Any:
        calls["all"] += 1
        y = sigmoid(x)
        return np.nextafter(y, 1) if calls["all"] % 2 else y

    return function


@mutant_with_state("layer_norm")
def sums_in_any_order() -> Function:
    """The numbers of a sample are added in another order each time."""
    rng = np.random.default_rng(0)

    def function(x: Any, weight: Any = None, bias: Any = None, *, axes: int = 1, eps: float = 1e-5) -> Any:
        if axes > 1:
            return layer_norm(x, weight, bias, axes=axes, eps=eps)
        order = rng.permutation(x.shape[-1])
        given = [v if v is None else v[order] for v in (weight, bias)]
        return layer_norm(x[..., order], *given, eps=eps)[..., np.argsort(order)]

    return function


# -- inputs that lie otherwise in memory ---------------------------------------------------------------


def _in_order_of_memory(x: Any) -> Any:
    """The numbers as they lie in memory, whatever the strides."""
    return np.ravel(x, order="K").reshape(x.shape)


@mutant("dense")
def weights_as_they_lie(x: Any, w: Any, bias: Any = None) -> Any:
    """The strides of the weights are not looked at."""
    return dense(x, _in_order_of_memory(w), bias)


@mutant("convolution")
def signal_as_it_lies(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """The strides of the signal are not looked at: channels last are taken for channels first."""
    return convolution(_in_order_of_memory(x), w, bias, **options)


@mutant("max_pool")
def steps_over_channels(x: Any, **options: Any) -> Any:
    """Wrong for signals of channels last alone."""
    is_last = x.ndim > 3 and x.size and x.strides[1] == x.itemsize and not x.flags.c_contiguous
    return max_pool(_in_order_of_memory(x) if is_last else x, **options)


@mutant("tanh")
def backwards_as_forwards(x: Any) -> Any:
    """A negative stride is taken for a positive one."""
    return tanh(x[tuple(slice(None, None, -1 if stride < 0 else 1) for stride in x.strides)])


@mutant("gelu")
def from_the_start_of_the_memory(x: Any, *, approximate: str = "none") -> Any:
    """A view is read from where its memory begins, without its steps."""
    owner = x if x.base is None else x.base
    return gelu(owner.ravel(order="K")[: x.size].reshape(x.shape), approximate=approximate)


# -- results that a later call changes -----------------------------------------------------------------


@mutant_with_state("global_average_pool")
def one_buffer() -> Function:
    """All results of a shape are written into the same memory."""
    buffers: dict[tuple[int, ...], Any] = {}

    def function(x: Any) -> Any:
        y = x.mean(axis=tuple(range(2, x.ndim)), keepdims=True)
        buffer = buffers.setdefault(y.shape, np.empty(y.shape))
        buffer[...] = y
        return buffer

    return function


@mutant_with_state("relu")
def one_buffer_for_all() -> Function:
    """Results are views of one memory that grows."""
    memory = [np.empty(0)]

    def function(x: Any) -> Any:
        if x.size > memory[0].size:
            memory[0] = np.empty(x.size)
        y = memory[0][: x.size].reshape(x.shape)
        y[...] = relu(x)
        return y

    return function


BY_LANE = {
    "PURE": [
        "in_place",
        "takes_the_maximum_off_x",
        "adds_to_x",
        "updates_in_secret",
        "opens_the_mask",
        "last_bit_of_every_second_call",
        "sums_in_any_order",
        "leaves_x_changed",
    ],
    "LAYOUT": [
        "weights_as_they_lie",
        "signal_as_it_lies",
        "steps_over_channels",
        "backwards_as_forwards",
        "from_the_start_of_the_memory",
    ],
    "BATCH": ["one_buffer", "one_buffer_for_all"],
}
