"""jax.random.bernoulli takes any number for a probability.

So dropout below 0 drops nothing and scales all, and drops all above 1 and for NaN.
"""

import math
import sys

import jax


def outcome(p):
    """What is drawn, or the error."""
    try:
        return jax.random.bernoulli(jax.random.key(0), p, (4,)).tolist()
    except ValueError as error:
        return error


probabilities = [1.5, -0.5, math.nan]
got = [outcome(p) for p in probabilities]
print("jax", jax.__version__)
print("input: the probabilities", probabilities)
print("got:  ", got)
print("right: errors, since a probability p is 0 <= p <= 1:", [0 <= p <= 1 for p in probabilities])
sys.exit(any(isinstance(drawn, list) for drawn in got))
