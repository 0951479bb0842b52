"""max_pool2d: the gradient of a window that lies in the padding altogether is written to a number that it does not see.

With a large dilation that is memory outside of x, and the process ends: hence the second call, in another process.
"""

import subprocess
import sys

import torch

x = torch.zeros(1, 1, 2, 1, requires_grad=True)
options = {"kernel_size": (1, 2), "stride": (2, 1), "padding": (0, 1), "dilation": (1, 2)}
y = torch.nn.functional.max_pool2d(x, **options)
y.sum().backward()
got = x.grad.flatten().tolist()
right = [
    float(row == 0 and 0 in (-1, 1)) for row in range(2)
]  # the window sees row 0, columns -1 and 1; x has column 0

FAR = """
import torch
x = torch.zeros(1, 1, 1, 1, requires_grad=True)
d = 10**8
torch.nn.functional.max_pool2d(x, (1, 2), (1, 2 * d), (0, 1), (1, d), ceil_mode=True).sum().backward()
"""
status = subprocess.run([sys.executable, "-c", FAR], capture_output=True, check=False).returncode

print("torch", torch.__version__)
print("input:", x.tolist(), options, "where y is", y.tolist())
print("got:  ", got, "and with dilation 10^8 a process that ends with status", status)
print("right:", right, "and 0 (no number of x is in the window)")
sys.exit(got != right or status != 0)
