"""embedding with padding_idx: forward mode carries the tangent of the row of padding, which has no gradient.

"The entries at padding_idx do not contribute to the gradient" (torch.nn.functional.embedding). The two modes apply one
Jacobian J, so <g, J v> = <J' g, v> for all g and v.
"""

import sys

import torch
from torch.autograd import forward_ad

i = torch.tensor([0])
table = torch.zeros(1, 1, dtype=torch.float64)
v, g = torch.ones_like(table), torch.ones_like(table)

with forward_ad.dual_level():
    y = torch.nn.functional.embedding(i, forward_ad.make_dual(table, v), padding_idx=0)
    pushed = float((g * forward_ad.unpack_dual(y).tangent).sum())
table.requires_grad_()
(pulled,) = torch.autograd.grad(torch.nn.functional.embedding(i, table, padding_idx=0), table, g)
pulled = float((pulled * v).sum())

print("torch", torch.__version__)
print("input: i = [0], table = [[0]], padding_idx = 0, v = g = [[1]]")
print("got:   <g, J v> =", pushed, "and <J' g, v> =", pulled)
print("right: both the same, and 0 by the documentation")
sys.exit(pushed != pulled)
