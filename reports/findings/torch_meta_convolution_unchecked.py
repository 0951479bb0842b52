"""A convolution of meta tensors has a shape where the convolution of numbers raises."""

import sys

import torch


def outcome(device, K, options):
    """The shape of the result, or the error."""
    x, w = torch.zeros(1, 1, 4, device=device), torch.zeros(1, 1, K, device=device)
    try:
        return tuple(torch.nn.functional.conv1d(x, w, **options).shape)
    except RuntimeError as error:
        return str(error).splitlines()[0]


calls = [(0, {}), (2, {"dilation": 0}), (2, {"padding": -1})]
got = [outcome("meta", *call) for call in calls]
right = [outcome("cpu", *call) for call in calls]
print("torch", torch.__version__)
print("input: a signal of 4, and a kernel and options:", calls)
print("got:  ", got)
print("right: errors, as of numbers:", right)
sys.exit(any(isinstance(result, tuple) for result in got))
