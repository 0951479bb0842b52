"""XLA on the CPU aborts in attention in bfloat16 from 4096 scores on, if a head takes one number of each key.

A reshape is taken for a bitcast (ynn_emitter.cc). The calls are made in processes of their own; with one key less, that
is 64 * 63 scores, it does not end.
"""

import subprocess
import sys
from importlib.metadata import version

CALL = """
import jax, jax.numpy as jnp
q, k = jnp.ones((64, 1, 1), jnp.bfloat16), jnp.ones((KEYS, 1, 1), jnp.bfloat16)
y = jax.jit(jax.nn.dot_product_attention)(q, k, jnp.ones_like(k))
print(sorted({*y.flatten().tolist()}))
"""


def outcome(keys):
    """The different numbers in the result, or how the process ends."""
    call = [sys.executable, "-c", CALL.replace("KEYS", str(keys))]
    ended = subprocess.run(call, capture_output=True, text=True, check=False)
    return ended.stdout.strip() if ended.returncode == 0 else f"a process that ends with status {ended.returncode}"


got, right = outcome(64), str([1.0])
print("jax", version("jax"), "jaxlib", version("jaxlib"))
print("input: 64 keys in", CALL)
print("got:  ", got, "and with 63 keys", outcome(63))
print("right:", right, "(an average of values that are all 1)")
sys.exit(got != right)
