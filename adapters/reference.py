"""The reference as an adapter: the self-check of every run. Each law must hold on it."""

from collections.abc import Callable
from typing import Any

import numpy as np

from adapters.reference_choices import chooses as chooses
from reference import PRIMITIVES
from reference.arithmetic import differentiated, pushed_forward

globals().update(PRIMITIVES)

formats = ("float64",)
accepts: dict[str, dict[str, str]] = {}


def versions() -> dict[str, str]:
    return {"numpy": np.__version__}


def gradient(function: Callable[..., Any], wanted: tuple[int, ...]) -> Callable[..., tuple[Any, ...]]:
    """The differentiated reading, over plain arrays."""
    return lambda cotangent, *arrays, **options: differentiated(function, arrays, options, [cotangent], wanted)


def jvp(function: Callable[..., Any], wanted: tuple[int, ...]) -> Callable[..., Any]:
    """The differentiated reading, transposed."""
    return lambda tangents, *arrays, **options: pushed_forward(function, arrays, options, tangents, wanted)
