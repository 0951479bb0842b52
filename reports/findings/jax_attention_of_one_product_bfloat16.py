"""jax.nn.dot_product_attention in bfloat16 on the CPU: scores of one product, or one row of them, do not compile."""

import sys

import jax
import jax.numpy as jnp

x = jnp.ones((1, 1, 1), jnp.bfloat16)
try:
    got = jax.jit(jax.nn.dot_product_attention)(x, x, x).item()
except Exception as error:
    got = str(error).splitlines()[0]
right = x.item()
print("jax", jax.__version__, "jaxlib", jax.lib.__version__)
print("input: one query, one key and one value, each", right)
print("got:  ", got)
print("right:", right, "(the value of the only key, whose weight is 1)")
sys.exit(got != right)
