"""instance_norm of a batch of none raises where there is a weight or a bias.

It is the batch norm of one sample that has no channels, which is multiplied by the first weight of none.
"""

import sys

import torch

x = torch.zeros(0, 2, 3)
try:
    got = torch.nn.functional.instance_norm(x, weight=torch.ones(2))
except IndexError as error:
    got = error
right = torch.nn.functional.instance_norm(x)
print("torch", torch.__version__)
print("input: a batch of none, (0, 2, 3), with two weights")
print("got:  ", repr(got))
print("right:", right, "as without weights")
sys.exit(isinstance(got, IndexError))
