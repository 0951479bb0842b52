"""The gradient of group_norm with respect to a bias raises where there is no weight."""

import sys

import torch

x, bias = torch.tensor([[1.0, 2.0]]), torch.zeros(2, requires_grad=True)
y = torch.nn.functional.group_norm(x, 1, None, bias)
try:
    got = torch.autograd.grad(y.sum(), bias)[0]
except RuntimeError as error:
    got = error
print("torch", torch.__version__)
print("input:", x.tolist(), "one group, no weight, bias", bias.tolist())
print("got:  ", got)
print("right: [1.0, 1.0]: each channel has one number, whose cotangent is 1")
sys.exit(isinstance(got, RuntimeError))
