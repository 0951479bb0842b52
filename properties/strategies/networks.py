"""Whole networks with random parameters, of the sizes that trained ones have."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from reference.arithmetic import Format
from reference.networks import Shapes, resnet18, resnet18_shapes, transformer, transformer_shapes

Given = Mapping[str, Any]


def residual_network(f: Any, given: Given) -> Iterator[tuple[str, Any]]:
    return resnet18(f, given["x"], given)


def encoder_and_decoder(f: Any, given: Given) -> Iterator[tuple[str, Any]]:
    return transformer(f, given["source"], given["target"], given["places"], given["is_word"], given)


def images(side: int, fmt: Format, rng: np.random.Generator) -> Given:
    """One image of three colours, and the parameters of the residual network."""
    x = rng.standard_normal((1, 3, side, side))
    return _in_format({"x": x, **parameters(resnet18_shapes(), rng)}, fmt)


def sentences(words: int, fmt: Format, rng: np.random.Generator) -> Given:
    """Two sentences of so many words, of which the second source is shorter, and the parameters of the Transformer."""
    V, d, m = 8 * words, 16, 32
    source, target = rng.integers(V, size=(2, words)), rng.integers(V, size=(2, words - 1))
    is_word = np.arange(words) < np.array([[words], [words // 2]])
    given = {"places": np.arange(float(words)), **parameters(transformer_shapes(V, d, m), rng)}
    return {"source": source, "target": target, "is_word": is_word, **_in_format(given, fmt)}


def parameters(shapes: Shapes, rng: np.random.Generator) -> dict[str, Any]:
    """Weights that keep the size of what they meet, in the mean (He, Zhang, Ren and Sun, 2015), others near 0 or 1."""
    return {name: _parameter(name.split(".")[-1], shape, rng) for name, shape in shapes.items()}


def _parameter(kind: str, shape: tuple[int, ...], rng: np.random.Generator) -> Any:
    if kind == "var":
        return rng.uniform(0.5, 2.0, shape)
    x = rng.standard_normal(shape)
    if len(shape) > 1:
        return x * math.sqrt((2 if len(shape) > 2 else 1) / math.prod(shape[1:]))
    return (kind == "gamma") + x / 8


def _in_format(arrays: Given, fmt: Format) -> dict[str, Any]:
    return {name: fmt.round(x).astype(fmt.dtype) for name, x in arrays.items()}
