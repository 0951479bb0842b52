"""MultiheadAttention: three biases in one array that is too short are shared out all the same.

torch.chunk gives the first two what is due to the next, and the last number is repeated.
"""

import sys

import torch

E = 2
layer = torch.nn.MultiheadAttention(E, 2).eval()
x, short = torch.ones(1, E), torch.ones(3 * E - 1)
try:
    got = tuple(torch.func.functional_call(layer, {"in_proj_bias": short}, (x, x, x))[0].shape)
except RuntimeError as error:
    got = error
print("torch", torch.__version__)
print("input: one query of", E, "numbers, and biases of", len(short), "numbers")
print("got:   a result of shape", got)
print("right: an error: queries, keys and values have", E, "biases each, which is", 3 * E, "and not", len(short))
sys.exit(not isinstance(got, RuntimeError))
