"""The gradient of jax.nn.gelu, in its approximation by tanh, is NaN where 3 x^2 overflows; it is 1 there, or 0."""

import math
import sys

import jax
import jax.numpy as jnp

x = 2.0**65
got = [float(jax.grad(jax.nn.gelu)(jnp.float32(z))) for z in (x, -x)]
right = [float(z > 0) for z in (x, -x)]  # tanh has reached 1 or -1 long before, and gelu is x or 0
print("jax", jax.__version__)
print("input:", [x, -x], "in float32, approximate=True")
print("got:  ", got)
print("right:", right)
sys.exit(any(map(math.isnan, got)))
