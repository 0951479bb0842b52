"""group_norm with channels last: the variance is mean(x^2) - mean(x)^2, which cancels where the mean is large.

The same numbers in the usual layout give the right result: https://github.com/pytorch/pytorch/issues/40302 asked for
updated moments, and got them there alone.
"""

import sys
from fractions import Fraction

import torch

x = torch.tensor([4095.0, 4097.0, 4096.0, 4098.0]).reshape(1, 4, 1, 1).expand(1, 4, 1, 2)
last = torch.nn.functional.group_norm(x.contiguous(memory_format=torch.channels_last), 1, eps=1e-5)
usual = torch.nn.functional.group_norm(x.contiguous(), 1, eps=1e-5)
numbers = [Fraction(a) for a in x.flatten().tolist()]
mean = sum(numbers) / len(numbers)
var = sum((a - mean) ** 2 for a in numbers) / len(numbers)
right = float(numbers[0] - mean) / (float(var) + 1e-5) ** 0.5
print("torch", torch.__version__)
print("input:", x[0, :, 0, 0].tolist(), "twice each, in one group, eps=1e-5")
print("got:  ", last[0, 0, 0, 0].item(), "for the first with channels last,", usual[0, 0, 0, 0].item(), "without")
print("right:", right, "(the variance is", var, "in fractions)")
sys.exit(abs(last[0, 0, 0, 0].item() - right) > 1e-2)
