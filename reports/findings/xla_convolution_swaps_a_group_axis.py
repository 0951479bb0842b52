"""XLA on the CPU aborts in some transposed convolutions and gradients of convolutions.

Its ConvOperandSwapper exchanges signal and kernel, and takes an axis for a group whatever the signal's size. Each call
is made in a process of its own, which it ends.
"""

import subprocess
import sys
from importlib.metadata import version
from itertools import product

import numpy as np

CALLS = {
    "conv_transpose": """
import jax, jax.numpy as jnp
x, w = jnp.ones((1, 1, 3, 1)), jnp.ones((1, 1, 2, 3))
letters = ("NCHW", "OIHW", "NCHW")
given = {"dimension_numbers": letters, "transpose_kernel": True, "use_consistent_padding": True}
print(jax.lax.conv_transpose(x, w, (2, 1), [(1, 1), (1, 1)], **given)[0, 0].tolist())
""",
    "gradient of conv_general_dilated by x": """
import jax, jax.numpy as jnp
x, w = jnp.ones((1, 1, 4, 1)), jnp.ones((1, 1, 2, 3))
y, pull = jax.vjp(lambda x: jax.lax.conv_general_dilated(x, w, (2, 1), [(1, 1), (1, 1)]), x)
print(pull(jnp.ones(y.shape))[0][0, 0].tolist())
""",
    "gradient of conv_transpose by w": """
import jax, jax.numpy as jnp
x, w = jnp.ones((1, 1, 3, 1)), jnp.ones((1, 1, 4, 3))
letters = ("NCHW", "OIHW", "NCHW")
given = {"dimension_numbers": letters, "transpose_kernel": True, "use_consistent_padding": True}
y, pull = jax.vjp(lambda w: jax.lax.conv_transpose(x, w, (2, 2), [(3, 3), (1, 0)], **given), w)
print(pull(jnp.ones(y.shape))[0][0, 0].tolist())
""",
}


def pairs(S, K, P, stride, before):
    """The (signal, tap, output) triples of a transposed convolution: p = s stride + k - before."""
    for s, k in product(np.ndindex(S), np.ndindex(K)):
        p = tuple(s_i * d + k_i - b for s_i, k_i, d, b in zip(s, k, stride, before, strict=True))
        if all(0 <= p_i < P_i for p_i, P_i in zip(p, P, strict=True)):
            yield s, k, p


def counted(shape, places):
    """With ones everywhere each result is the number of terms."""
    y = np.zeros(shape)
    for place in places:
        y[place] += 1
    return y.tolist()


right = {
    "conv_transpose": counted((4, 1), (p for _, _, p in pairs((3, 1), (2, 3), (4, 1), (2, 1), (1, 1)))),
    # Signal and output of a convolution change places.
    "gradient of conv_general_dilated by x": counted(
        (4, 1), (p for _, _, p in pairs((3, 1), (2, 3), (4, 1), (2, 1), (1, 1)))
    ),
    "gradient of conv_transpose by w": counted(
        (4, 3), (k for _, k, _ in pairs((3, 1), (4, 3), (2, 2), (2, 2), (3, 1)))
    ),
}
print("jax", version("jax"), "jaxlib", version("jaxlib"))
is_there = False
for name, call in CALLS.items():
    ended = subprocess.run([sys.executable, "-c", call], capture_output=True, text=True, check=False)
    got = ended.stdout.strip() if ended.returncode == 0 else f"a process that ends with status {ended.returncode}"
    print("input:", name, "of ones", call)
    print("got:  ", got)
    print("right:", right[name], "(the number of terms, counted)")
    is_there = is_there or got != str(right[name])
sys.exit(is_there)
