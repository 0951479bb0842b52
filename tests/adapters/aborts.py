"""A softmax that aborts, as a failed assertion of a C library does."""

import os


def softmax(x, *, axis=-1):
    os.abort()
