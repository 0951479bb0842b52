"""batch_norm in evaluation: the gradient depends on how the cotangent lies in memory.

With mean 0, variance 1 and eps 0 the result is x itself, so the gradient is the cotangent, in whatever layout.
"""

import sys

import torch

x = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]], dtype=torch.float64, requires_grad=True)
y = torch.nn.functional.batch_norm(x, torch.zeros(2).double(), torch.ones(2).double(), eps=0.0)
g = x.detach().clone()
transposed = g.permute(3, 2, 1, 0).contiguous().permute(3, 2, 1, 0)
assert torch.equal(y, x) and torch.equal(g, transposed)
got = torch.autograd.grad(y, x, transposed)[0].flatten().tolist()
right = g.flatten().tolist()
print("torch", torch.__version__)
print("input:", x.tolist(), "and a cotangent that is equal to it, with strides", transposed.stride())
print("got:  ", got)
print("right:", right, "(y = x, so the gradient is the cotangent)")
sys.exit(got != right)
