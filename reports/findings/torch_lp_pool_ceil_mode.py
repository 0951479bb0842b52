"""lp_pool with ceil_mode: the norm of the one number 1 becomes sqrt(2).

A window that sticks out sees fewer numbers than its kernel has. The average divides by what it sees; lp_pool multiplies
by the whole kernel.
"""

import math
import sys

import torch

x = torch.ones(1, 1, 1, dtype=torch.float64)
got = torch.nn.functional.lp_pool1d(x, norm_type=2, kernel_size=2, ceil_mode=True).item()
right = math.hypot(*x.flatten().tolist())
print("torch", torch.__version__)
print("input:", x.tolist(), "norm_type=2, kernel_size=2, ceil_mode=True")
print("got:  ", got)
print("right:", right, "(math.hypot of what the window sees)")
sys.exit(abs(got - right) > 1e-9)
