"""A softmax that does not come back."""

import time


def softmax(x, *, axis=-1):
    while True:
        time.sleep(1)
