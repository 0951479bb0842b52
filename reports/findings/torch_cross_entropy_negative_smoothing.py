"""cross_entropy takes a negative label_smoothing for 0: https://github.com/pytorch/pytorch/issues/134767."""

import sys

import torch

x, target, share = torch.tensor([1.0, 2.0]), torch.tensor(0), -0.5
try:
    got = torch.nn.functional.cross_entropy(x, target, label_smoothing=share).item()
except (RuntimeError, ValueError) as error:
    got = error
plain = torch.nn.functional.cross_entropy(x, target).item()
print("torch", torch.__version__)
print("input:", x.tolist(), "class", target.item(), "label_smoothing =", share)
print("got:  ", got, "which is the loss without smoothing,", plain)
print("right: an error, as for a share above 1")
sys.exit(isinstance(got, float))
