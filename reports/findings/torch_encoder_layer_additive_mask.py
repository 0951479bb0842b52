"""TransformerEncoderLayer in evaluation: the numbers of an additive mask close the keys that they stand for.

Its fast path turns a mask of numbers into booleans, where all but 0 means closed. So a bias by distance masks keys, and
a row without any 0 is NaN. The layer itself gives the right result where a gradient may be asked for. The fast path of
MultiheadAttention was closed to such masks for this reason; that of the layer, which adds to it, was not.
"""

import sys

import torch

torch.manual_seed(0)
layer = torch.nn.TransformerEncoderLayer(4, 2, 4, batch_first=True).eval()
x, mask = torch.randn(1, 2, 4), torch.tensor([[0.0, 1.0], [1.0, 1.0]])
with torch.no_grad():
    got, of_booleans = layer(x, mask)[0], layer(x, mask != 0)[0]

    # One step at a time, by the definition.
    def heads(i):
        w, b = (p.chunk(3)[i] for p in (layer.self_attn.in_proj_weight, layer.self_attn.in_proj_bias))
        return (x[0] @ w.T + b).reshape(2, 2, 2).transpose(0, 1)

    q, k, v = map(heads, range(3))
    weights = torch.softmax(q @ k.transpose(1, 2) / 2**0.5 + mask, -1)
    y = layer.norm1(x[0] + layer.self_attn.out_proj((weights @ v).transpose(0, 1).reshape(2, 4)))
    right = layer.norm2(y + layer.linear2(torch.relu(layer.linear1(y))))
print("torch", torch.__version__)
print("input: two tokens and the mask", mask.tolist(), "that is added to the scores")
print("got:  ", got.tolist())
print("right:", right.tolist())
sys.exit(torch.equal(got[0], of_booleans[0]) or bool(got[1].isnan().any()))
