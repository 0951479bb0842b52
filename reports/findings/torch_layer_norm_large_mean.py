"""layer_norm: NaN for a sample whose mean is above the root of the largest number.

The moments are merged with those of no numbers: the square of the difference, infinite, is multiplied by 0.
"""

import math
import sys
from fractions import Fraction

import torch

inputs = {torch.float32: 2e19, torch.float64: 2e154}
got, right = [], []
for dtype, value in inputs.items():
    x = torch.tensor([value], dtype=dtype)
    got.append(torch.nn.functional.layer_norm(x, (1,)).item())
    numbers = [Fraction(number) for number in x.tolist()]
    mean = sum(numbers) / len(numbers)
    var = sum((number - mean) ** 2 for number in numbers) / len(numbers)
    right.append(float(numbers[0] - mean) / math.sqrt(var + Fraction(1e-5)))
print("torch", torch.__version__)
print("input:", [[value] for value in inputs.values()], "in", *inputs)
print("got:  ", got)
print("right:", right, "(mean and variance in fractions)")
sys.exit(got != right)
