"""torch.compile of adaptive_avg_pool2d in PyTorch: where sizes are symbols, it raises.

So they are from the second shape on, or with dynamic=True at once. The lowering asks whether the size of a window is
above 25, which is an expression then.
"""

import sys

import torch

pool = torch.nn.functional.adaptive_avg_pool2d
x, output_size = torch.ones(1, 1, 4, 1), (2, 3)
print("torch", torch.__version__)
print(f"input: ones(1, 1, 4, 1), output_size={output_size}, dynamic=True")
print("right:", pool(x, output_size).tolist(), "(not compiled)")
try:
    print("got:  ", torch.compile(pool, dynamic=True)(x, output_size).tolist())
except Exception as error:
    print("got:  ", f"{type(error).__name__}: {error}".splitlines()[0])
    sys.exit("truth value of Relational" in str(error))
