"""MultiheadAttention: a query that may attend to no key has NaN on the fast path, and zero otherwise.

The fast path is taken in evaluation without gradients. The layer's own other path, which a gradient takes, and
scaled_dot_product_attention give zero, so its output is the output's bias.
"""

import sys

import torch

torch.manual_seed(0)
layer = torch.nn.MultiheadAttention(2, 2, batch_first=True).eval()
x, padding = torch.tensor([[[1.0, 2.0]]]), torch.tensor([[True]])
with torch.no_grad():
    got = layer(x, x, x, key_padding_mask=padding, need_weights=False)[0]
with_gradients = layer(x, x, x, key_padding_mask=padding, need_weights=False)[0].detach()
right = layer.out_proj.bias.detach().expand(1, 1, 2)
print("torch", torch.__version__)
print("input: x =", x.tolist(), "with key_padding_mask", padding.tolist())
print("got:  ", got.tolist())
print(
    "right:", right.tolist(), "(the bias of the output: no value is averaged); with gradients", with_gradients.tolist()
)
sys.exit(not torch.equal(got, right))
