"""conv_transpose1d takes a dilation of 0 where it goes to oneDNN, and refuses it elsewhere."""

import sys

import torch


def outcome(dtype, x, w, stride):
    """The shape of the result, or the error."""
    x, w = (torch.ones(shape, dtype=dtype) for shape in (x, w))
    try:
        return tuple(torch.nn.functional.conv_transpose1d(x, w, stride=stride, dilation=0).shape)
    except RuntimeError as error:
        return error


calls = [(torch.float32, (2, 1, 1), (1, 1, 1), 1), (torch.bfloat16, (1, 1, 1), (1, 1, 2), 2)]
got = [outcome(*call) for call in calls]
right = [outcome(torch.float64, *call[1:]) for call in calls]
print("torch", torch.__version__)
print("input: ones, with dilation 0:", calls)
print("got:  ", got)
print("right: errors, as in float64:", right)
sys.exit(any(isinstance(result, tuple) for result in got))
