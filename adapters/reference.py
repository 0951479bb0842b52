"""The reference as an adapter: the self-check of every run. Each law must hold on it."""

import numpy as np

from reference import PRIMITIVES

globals().update(PRIMITIVES)

formats = ("float64",)


def versions() -> dict[str, str]:
    return {"numpy": np.__version__}
