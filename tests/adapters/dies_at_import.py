"""A softmax that no worker can even import; the process that the user started can."""

import os

if "PYTEST_XDIST_WORKER" in os.environ:
    os._exit(3)


def softmax(x, *, axis=-1):
    return x
