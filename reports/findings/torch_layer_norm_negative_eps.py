"""layer_norm takes a negative eps; batch_norm has refused it since https://github.com/pytorch/pytorch/pull/166756."""

import math
import sys

import torch

x, eps = torch.tensor([1.0, 2.0]), -1.0
try:
    got = torch.nn.functional.layer_norm(x, (2,), eps=eps).tolist()
except (RuntimeError, ValueError) as error:
    got = error
try:
    right = math.sqrt(0.25 + eps)  # the variance of 1 and 2 is 1/4
except ValueError as error:
    right = error
print("torch", torch.__version__)
print("input:", x.tolist(), "eps =", eps)
print("got:  ", got)
print("right: an error, as of the root of 1/4 + eps:", right)
sys.exit(isinstance(got, list))
