"""The shape of a convolution is computed without a look at the sign of kernel, stride and size.

jax.eval_shape has an answer where the convolution itself is refused.
"""

import sys

import jax
import jax.numpy as jnp


def outcome(S, K, stride, padding):
    """The length of the result, or the error."""

    def call(x, w):
        return jax.lax.conv_general_dilated(x, w, (stride,), [(padding, padding)])

    try:
        x, w = (jax.ShapeDtypeStruct((1, 1, n), jnp.float32) for n in (S, K))
        return jax.eval_shape(call, x, w).shape[-1]
    except (TypeError, ValueError) as error:
        return error


calls = {"kernel 0": (4, 0, 1, 2), "stride 0": (4, 2, 0, 2), "stride -1": (4, 2, -1, 2), "size -1": (-1, 1, 1, 2)}
got = {name: outcome(*call) for name, call in calls.items()}
print("jax", jax.__version__)
print("input: (size, kernel, stride, padding):", calls)
print("got:  ", got)
print("right: errors; a window has at least one element, a step leads on, and nothing is of size -1")
sys.exit(any(isinstance(length, int) for length in got.values()))
