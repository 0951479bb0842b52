"""Four norms take a negative eps; batch_norm has refused it since https://github.com/pytorch/pytorch/pull/166756."""

import math
import sys

import torch

x, eps = torch.tensor([[[0.5, 0.75]]]), -1.0  # of which neither the variance nor the mean square is above 1
calls = {
    "layer_norm": lambda: torch.nn.functional.layer_norm(x, (2,), eps=eps),
    "group_norm": lambda: torch.nn.functional.group_norm(x, 1, eps=eps),
    "instance_norm": lambda: torch.nn.functional.instance_norm(x, eps=eps),
    "rms_norm": lambda: torch.nn.functional.rms_norm(x, (2,), eps=eps),
}
got = {}
for name, call in calls.items():
    try:
        got[name] = call().tolist()
    except (RuntimeError, ValueError) as error:
        print(name, "raises:", error)
try:
    right = math.sqrt(0.015625 + eps)  # the variance of 0.5 and 0.75 is 1/64
except ValueError as error:
    right = error
print("torch", torch.__version__)
print("input:", x.tolist(), "eps =", eps)
print("got:  ", got)
print("right: an error, as of the root of 1/64 + eps:", right)
sys.exit(bool(got))
