"""NumPy in its own float32 and float16: an honest backend of low precision, for the trial of the bounds.

The formulas are those of the reference, on purpose. What is on trial is rounding: each operation is
really rounded to the format of x, in the order that NumPy happens to take. Python's numbers do not widen
an array (NEP 50), so most references keep the format as they stand; those that do not are written here.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

import reference
from reference.arithmetic import FLOAT16, Arithmetic, Format
from reference.arrays import Array, Padding, PerAxis
from reference.pooling import seen, sum_pool

globals().update(reference.PRIMITIVES)

formats = ("float32", "float16")
accepts: dict[str, dict[str, str]] = {}

VECTORS = "https://github.com/numpy/numpy/pull"
ULPS = {  # the largest that NumPy states for any of its loops; which one runs is the processor's choice
    "float32": {"exp": 2.52, "log": 3.83, "sin": 1.49, "cos": 1.49, "tanh": 4.0, "expit": 2.0},
    "float16": {"exp": 1.273, "log": 1.8, "sin": 1.875, "cos": 1.428, "tanh": 3.0},
}
SOURCES = {
    "float32": f"{VECTORS}/13134 (exp, log), {VECTORS}/13368 (sin, cos), {VECTORS}/19478 (the others, tanh); "
    "scipy.special.expit is 1 / (1 + exp(-x)), where exp overflows if the result is subnormal",
    "float16": f"{VECTORS}/23351; sums are carried in float32 by matmul and along a contiguous axis only, as probed",
}


def versions() -> dict[str, str]:
    return {"numpy": np.__version__}


def arithmetic(primitive: str, device: str, format: Format) -> Arithmetic:
    """Everything is in one format; einsum, and a sum along a strided axis, carry float16 in float16."""
    flushes = primitive in ("sigmoid", "silu") and format is not FLOAT16
    ulps, source = ULPS[format.name], SOURCES[format.name]
    return Arithmetic(format, format, format, ulps=ulps, flushes_results=flushes, source=source)


def _through_float32(f: Callable[..., Any]) -> Callable[..., Any]:
    """A function of SciPy, which has none in float16, or one that calls it at every step: float16 at its ends alone."""

    @functools.wraps(f)
    def function(*arrays: Any, **options: Any) -> Any:
        dtype = arrays[0].dtype
        wide = np.promote_types(dtype, np.float32)
        results = f(*(x if x is None else x.astype(wide) for x in arrays), **options)
        return tuple(y.astype(dtype) for y in results) if isinstance(results, tuple) else results.astype(dtype)

    return function


_expit, _erf = _through_float32(special.expit), _through_float32(special.erf)
lstm_step, lstm = _through_float32(reference.lstm_step), _through_float32(reference.lstm)
gru_step, gru = _through_float32(reference.gru_step), _through_float32(reference.gru)


def sigmoid(x: Array) -> Array:
    result: Array = _expit(x)
    return result


def silu(x: Array) -> Array:
    return x * sigmoid(x)


def binary_step(x: Array, *, at_zero: float = 1.0) -> Array:
    return reference.binary_step(x, at_zero=at_zero).astype(x.dtype)


def gelu(x: Array, *, approximate: str = "none") -> Array:
    if approximate != "none":
        return reference.gelu(x, approximate=approximate)
    return x / 2 * (1 + _erf(x * math.sqrt(0.5)))


def cross_entropy(x: Array, *arrays: Array, **options: Any) -> Array:
    """Where there is one sample alone, np.where takes a number of Python for one of float64."""
    return np.asarray(reference.cross_entropy(x, *arrays, **options)).astype(x.dtype)


def average_pool(
    x: Array,
    *,
    kernel: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Array:
    counts = np.ones((1, 1, *x.shape[2:]), x.dtype)
    count = seen(counts, kernel, stride, padding, 1, ceil_mode, outside=float(count_include_pad), beyond=0.0)
    return sum_pool(x, kernel=kernel, stride=stride, padding=padding, ceil_mode=ceil_mode) / np.sum(count, axis=-1)


def naive_encoding(x: Array, *, start: int = 0) -> Array:
    t = np.arange(start, start + x.shape[-2]).astype(x.dtype)[:, None]
    return np.concatenate([x, np.broadcast_to(t, (*x.shape[:-1], 1))], axis=-1)


def sinusoidal_encoding(
    t: Array, *, d: int, base: float = 10000.0, first_index: int = 0, layout: str = "interleaved"
) -> Array:
    if d < 2 or d % 2 or base <= 0 or layout not in ("interleaved", "halves"):
        raise ValueError(f"d = {d}, base {base} and layout {layout} mean nothing")
    i = np.arange(first_index, first_index + d // 2, dtype=t.dtype)
    angle = t[..., None] / np.exp(2 * i / d * np.log(t.dtype.type(base)))
    pairs = np.sin(angle), np.cos(angle)
    if layout == "halves":
        return np.concatenate(pairs, axis=-1)
    return np.reshape(np.stack(pairs, axis=-1), (*t.shape, d))
