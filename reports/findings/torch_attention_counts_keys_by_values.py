"""scaled_dot_product_attention on the CPU: with fewer values than keys the last keys are forgotten.

The kernel counts the keys by the values. With more values than keys it would read beyond the memory of the keys, which
is not tried here.
"""

import sys

import numpy as np
import torch

q, k, v = torch.ones(1, 1, 1, 1), torch.ones(1, 1, 3, 1), torch.tensor([1.0, 2.0]).reshape(1, 1, 2, 1)
try:
    got = torch.nn.functional.scaled_dot_product_attention(q, k, v).tolist()
except RuntimeError as error:
    got = error
try:
    right = np.full((1, 3), 1 / 3) @ v.numpy()[0, 0]
except ValueError as error:
    right = error
print("torch", torch.__version__)
print("input: one query, three keys, two values", v.flatten().tolist())
print("got:  ", got)
print("right: an error, as of the product of three weights and two values:", right)
sys.exit(not isinstance(got, RuntimeError))
