"""A depthwise convolution in XLA on the CPU, in float64: a number that is not finite makes NaN of the other channels.

With as many groups as channels each channel is convolved by itself. In float64 it is computed as one convolution of all
channels, whose kernels are filled up with zeros, and 0 times NaN, or infinity, is NaN. In float32 it is right.
"""

import math
import sys
from importlib.metadata import version

import jax
import jax.numpy as jnp

jax.config.update("jax_enable_x64", True)


def convolved(dtype: str) -> list[float]:
    """Two channels of one number, each times 1."""
    x, w = jnp.array([[[math.inf], [5.0]]], dtype), jnp.ones((2, 1, 1), dtype)
    return jax.lax.conv_general_dilated(x, w, (1,), "VALID", feature_group_count=2).ravel().tolist()


right = [math.inf, 5.0]
got = convolved("float64")
print("jax", version("jax"), "jaxlib", version("jaxlib"))
print("input: the channels [inf] and [5], each with the kernel [1], two groups, in float64")
print("got:  ", got)
print("right:", right, "(one channel a group); in float32:", convolved("float32"))
sys.exit(str(got) != str(right))
