"""lp_pool with norm_type 1: the gradient is zero where the sum is zero.

"At p = 1, one gets Sum Pooling" (torch.nn.LPPool1d), and the gradient of a sum is 1 everywhere.
"""

import sys
from fractions import Fraction

import torch

x = torch.tensor([[[1.0, -1.0]]], dtype=torch.float64, requires_grad=True)
torch.nn.functional.lp_pool1d(x, norm_type=1, kernel_size=2).sum().backward()
got = x.grad.flatten().tolist()

h = Fraction(1, 1024)
at = [Fraction(value) for value in x.flatten().tolist()]
right = [float((sum([*at[:i], at[i] + h, *at[i + 1 :]]) - sum(at)) / h) for i in range(2)]
print("torch", torch.__version__)
print("input:", x.tolist(), "norm_type=1, kernel_size=2")
print("got:  ", got)
print("right:", right, "(slopes of the sum, in fractions)")
sys.exit(got != right)
