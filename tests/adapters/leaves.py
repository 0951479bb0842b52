"""A softmax that ends its process without a word."""

import os


def softmax(x, *, axis=-1):
    os._exit(3)
