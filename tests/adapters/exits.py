"""A softmax that calls sys.exit, as a script does."""

import sys


def softmax(x, *, axis=-1):
    sys.exit(0)
