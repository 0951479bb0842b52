"""jax.nn.dot_product_attention takes a mask of two keys where there is one.

It must be broadcastable to the scores; instead the scores are broadcast to it, and the one value is repeated.
"""

import sys

import jax
import jax.numpy as jnp
import numpy as np

x, mask = jnp.ones((1, 1, 1)), np.ones((1, 1, 2), bool)  # (T, N, H) and (N, T, S)
try:
    got = jax.nn.dot_product_attention(x, x, x, mask=mask).tolist()
except (TypeError, ValueError) as error:
    got = error
try:
    right = np.broadcast_to(mask, (1, 1, 1))
except ValueError as error:
    right = error
print("jax", jax.__version__)
print("input: one query, one key, one value, and a mask of shape", mask.shape)
print("got:  ", got)
print("right: an error, as of the mask that is broadcast to the scores:", right)
sys.exit(isinstance(got, list))
