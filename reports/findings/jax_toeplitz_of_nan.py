"""toeplitz in JAX: one number that is not finite makes NaN of its whole row.

The matrix only has the numbers of its first column and row, each at its places. It is computed as a convolution with
kernels of a one and zeros, and 0 times NaN, or infinity, is NaN.
"""

import math
import sys
from importlib.metadata import version

import jax.numpy as jnp
import jax.scipy.linalg

c = [1.0, math.inf]
got = jax.scipy.linalg.toeplitz(jnp.array(c)).tolist()
right = [[c[abs(i - j)] for j in range(2)] for i in range(2)]
print("jax", version("jax"), "jaxlib", version("jaxlib"))
print("input: jax.scipy.linalg.toeplitz([1, inf])")
print("got:  ", got)
print("right:", right, "(symmetric: the number in row i and column j is c[|i - j|])")
sys.exit(got != right)
