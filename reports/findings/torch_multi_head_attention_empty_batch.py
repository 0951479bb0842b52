"""MultiheadAttention: a batch of no samples with a mask for each sample raises.

Without the mask it gives an empty result, and so it does with need_weights. The mask is viewed as (0, heads, -1, S),
where -1 may be any number.
"""

import sys

import torch

layer = torch.nn.MultiheadAttention(1, 1, batch_first=True).eval()
query, mask = torch.zeros(0, 2, 1), torch.zeros(0, 2, dtype=torch.bool)
try:
    got = tuple(layer(query, query, query, key_padding_mask=mask, need_weights=False)[0].shape)
except RuntimeError as error:
    got = error
right = tuple(layer(query, query, query, need_weights=False)[0].shape)
print("torch", torch.__version__)
print("input: a query of shape", tuple(query.shape), "and a key_padding_mask of shape", tuple(mask.shape))
print("got:  ", got)
print("right:", right, "(the shape of the query; no sample, no mask that could matter)")
sys.exit(got != right)
