"""linear repeats a bias of one number, and takes one of two axes, although "bias: (out_features) or ()"."""

import sys

import torch


def outcome(bias):
    """The result, or the error."""
    try:
        return torch.nn.functional.linear(torch.tensor([1.0]), torch.tensor([[1.0], [2.0]]), bias).tolist()
    except RuntimeError as error:
        return error


biases = [torch.ones(1), torch.ones(1, 2)]
got = [outcome(bias) for bias in biases]
print("torch", torch.__version__)
print("input: one number, weights for two outputs, and biases of the shapes", [tuple(bias.shape) for bias in biases])
print("got:  ", got)
print("right: errors, as for three numbers:", outcome(torch.ones(3)))
sys.exit(any(isinstance(result, list) for result in got))
