"""The gradient of gelu in PyTorch, in its approximation by tanh, is NaN where x^2 overflows; it is 1 there, or 0."""

import math
import sys

import torch

x = 2.0**64
numbers = torch.tensor([x, -x], requires_grad=True)
torch.nn.functional.gelu(numbers, approximate="tanh").sum().backward()
got = numbers.grad.tolist()
right = [float(z > 0) for z in (x, -x)]  # tanh has reached 1 or -1 long before, and gelu is x or 0
print("torch", torch.__version__)
print("input:", [x, -x], "in float32, approximate='tanh'")
print("got:  ", got)
print("right:", right)
sys.exit(any(map(math.isnan, got)))
