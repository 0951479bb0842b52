"""adaptive_avg_pool1d of an empty signal is NaN for an output of one element, and raises for any other."""

import sys

import torch


def outcome(output_size):
    """The result, or the error."""
    try:
        return torch.nn.functional.adaptive_avg_pool1d(torch.zeros(1, 1, 0), output_size).tolist()
    except RuntimeError as error:
        return error


got, right = outcome(1), outcome(2)
print("torch", torch.__version__)
print("input: zeros of shape (1, 1, 0), output_size=1")
print("got:  ", got)
print("right: an error, as for output_size=2:", right)
sys.exit(isinstance(got, list))
