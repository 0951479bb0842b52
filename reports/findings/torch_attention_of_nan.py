"""scaled_dot_product_attention on the CPU: zero for a query whose scores are all NaN, if there are few keys.

The largest score is taken without the NaN, and a row without a score is taken for one that is masked altogether.
"""

import math
import sys

import numpy as np
import torch

q, k, v = (torch.tensor([[[[value]]]]) for value in (math.nan, 1.0, 1.0))
got = torch.nn.functional.scaled_dot_product_attention(q, k, v).item()
scores = q.numpy() @ np.swapaxes(k.numpy(), -1, -2)
weights = np.exp(scores - scores.max(-1, keepdims=True))
right = (weights / weights.sum(-1, keepdims=True) @ v.numpy()).item()
print("torch", torch.__version__)
print("input: one query", q.item(), "one key", k.item(), "one value", v.item())
print("got:  ", got)
print("right:", right, "(softmax(q k) v in NumPy)")
sys.exit(not math.isnan(got))
