"""heaviside of NaN is 0, as that of a negative number; https://github.com/pytorch/pytorch/issues/187296."""

import math
import sys

import numpy as np
import torch

x = torch.tensor([math.nan, -1.0, 0.0, 1.0])
got = torch.heaviside(x, torch.tensor(0.5)).tolist()
right = np.heaviside(x.numpy(), 0.5).tolist()
print("torch", torch.__version__)
print("input:", x.tolist(), "and 0.5 for zero")
print("got:  ", got)
print("right:", right, "(NumPy's)")
sys.exit(not math.isnan(got[0]))
