"""gelu, exact form, in float32 on the CPU: infinity from 2^127 on, and NaN for infinity.

x (1 + erf(x/sqrt 2)) is formed before it is halved. One number alone goes another way, so there are two.
"""

import math
import sys
from fractions import Fraction

import torch

x = [2.0**127, math.inf]
got = [torch.nn.functional.gelu(torch.tensor([0.0, value]))[1].item() for value in x]
weight = (1 + Fraction(math.erf(x[0] / math.sqrt(2)))) / 2
right = [float(Fraction(x[0]) * weight), math.inf * float(weight)]
print("torch", torch.__version__)
print("input:", x)
print("got:  ", got)
print("right:", right, "(x times (1 + erf)/2, in fractions)")
sys.exit(got != right)
