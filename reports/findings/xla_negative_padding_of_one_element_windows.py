"""XLA aborts in a reduce_window of windows of one element that cuts the signal.

It is simplified to the signal that was not cut. The call is made in a process of its own, which it ends.
"""

import subprocess
import sys
from importlib.metadata import version

CALL = """
import jax, jax.numpy as jnp
x = jnp.array([[[1.0, 2.0, 3.0]]])
cut = [(0, 0), (0, 0), (-1, -1)]
print(jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, 1, 1), (1, 1, 1), cut).tolist())
"""
ended = subprocess.run([sys.executable, "-c", CALL], capture_output=True, text=True, check=False)
got = ended.stdout.strip() if ended.returncode == 0 else f"a process that ends with status {ended.returncode}"
right = str([[[1.0, 2.0, 3.0][1:-1]]])
print("jax", version("jax"), "jaxlib", version("jaxlib"))
print("input:", CALL)
print("got:  ", got)
print("right:", right, "(the signal without its first and its last element)")
sys.exit(got != right)
