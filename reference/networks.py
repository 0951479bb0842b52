"""Whole networks, composed of the primitives as a user composes them.

    for name, x in resnet18(f, image, p):        f has the primitives by name, p the parameters

Each network is a series of layers (name, output), the last of which is its result: so its sizes can be read off layer
by layer. f is this package, or any implementation that has its names; between the primitives are only sums and indices.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from reference.arrays import Array, Mask
from reference.residual import basic_block

Parameters = Mapping[str, Any]
Shapes = dict[str, tuple[int, ...]]

# The stages of two blocks each: their name, channels, and the stride of the first block.
STAGES = (("conv2_x", 64, 1), ("conv3_x", 128, 2), ("conv4_x", 256, 2), ("conv5_x", 512, 2))


def resnet18(f: Any, x: Array, p: Parameters) -> Iterator[tuple[str, Array]]:
    """A residual network of 18 layers with parameters, in evaluation.

    Shapes: x (N, 3, *S) -> probabilities (N, classes). S = (224, 224) has the sizes 112, 56, 28, 14, 7 and 1.
    Source: Jacquet (2022), "ResNet 18: Details"; He, Zhang, Ren and Sun (2016), table 1 and section 3.3.
    """
    y, *_ = f.batch_norm(f.convolution(x, p["conv1"], stride=2, padding=3), *_norm(p, "conv1"))
    x = f.relu(y)
    yield "conv1", x
    x = f.max_pool(x, kernel=3, stride=2, padding=1)
    for stage, _, stride in STAGES:
        x = basic_block(x, *_block(p, f"{stage}.1"), stride=stride, layers=f)
        x = basic_block(x, *_block(p, f"{stage}.2"), layers=f)
        yield stage, x
    x = f.average_pool(x, kernel=tuple(x.shape[2:]))
    yield "average pool", x
    x = f.dense(x[:, :, 0, 0], p["fc"], p["fc.bias"])
    yield "fully connected", x
    yield "softmax", f.softmax(x)


def _block(p: Parameters, name: str) -> list[Array | None]:
    """The kernels of a block, each with its norm; the last are those of the projection, if there is one."""
    kernels = (f"{name}.{part}" for part in ("a", "b", "x"))
    return [array for kernel in kernels for array in (p.get(kernel), *_norm(p, kernel))]


def _norm(p: Parameters, name: str) -> list[Array | None]:
    return [p.get(f"{name}.{part}") for part in ("mean", "var", "gamma", "beta")]


def resnet18_shapes(classes: int = 1000) -> Shapes:
    """The shapes of all parameters of resnet18, and of the statistics that its batch norms have collected."""
    kernels: Shapes = {"conv1": (64, 3, 7, 7)}
    C = 64
    for stage, O, stride in STAGES:
        kernels |= {f"{stage}.1.a": (O, C, 3, 3), f"{stage}.1.b": (O, O, 3, 3)}
        if stride > 1 or C != O:
            kernels[f"{stage}.1.x"] = (O, C, 1, 1)
        kernels |= {f"{stage}.2.a": (O, O, 3, 3), f"{stage}.2.b": (O, O, 3, 3)}
        C = O
    norms = {f"{name}.{part}": w[:1] for name, w in kernels.items() for part in ("mean", "var", "gamma", "beta")}
    return kernels | norms | {"fc": (classes, C), "fc.bias": (classes,)}


def transformer(
    f: Any,
    source: Array,
    target: Array,
    places: Array,
    is_word: Mask,
    p: Parameters,
    *,
    layers: int = 2,
    heads: int = 2,
) -> Iterator[tuple[str, Array]]:
    """An encoder that reads a source, and a decoder that writes a target, with a norm behind each sum.

    Words are rows of one table, which also turns the decoder's states into scores. places: 0, 1, 2, ..., at least as
    many as there are words. is_word: true where the source has a word and no padding.

    Shapes: source (N, S) and target (N, T), integers, is_word (N, S) -> probabilities (N, T, V) of the next word.
    Source: Vaswani et al. (2017), figure 1 and sections 3.1 to 3.5; Gong, "Transformer".
    """

    def embedded(words: Array) -> Array:
        d = p["table"].shape[1]
        x = f.embedding(words, p["table"]) * math.sqrt(d)
        return x + f.sinusoidal_encoding(places[: words.shape[1]], d=d)

    def attended(x: Array, name: str, memory: Array | None = None, **masks: Any) -> Array:
        weights = (p[f"{name}.{part}"] for part in ("q", "k", "v", "o", "q.bias", "k.bias", "v.bias", "o.bias"))
        keys = masks.pop("keys", None)
        y = f.multi_head_attention(x, memory, None, *weights, None, keys, heads=heads, **masks)
        return normed(x + y, name)

    def transformed(x: Array, name: str) -> Array:
        return normed(x + f.feed_forward(x, *(p[f"{name}.{part}"] for part in ("1", "2", "1.bias", "2.bias"))), name)

    def normed(x: Array, name: str) -> Array:
        return f.layer_norm(x, p[f"{name}.gamma"], p[f"{name}.beta"])

    memory = embedded(source)
    for i in range(1, layers + 1):
        memory = attended(memory, f"encoder {i}.self", keys=is_word)
        memory = transformed(memory, f"encoder {i}.feed")
        yield f"encoder {i}", memory
    x = embedded(target)
    for i in range(1, layers + 1):
        x = attended(x, f"decoder {i}.self", causal=True)
        x = attended(x, f"decoder {i}.memory", memory, keys=is_word)
        x = transformed(x, f"decoder {i}.feed")
        yield f"decoder {i}", x
    x = f.dense(x, p["table"])
    yield "scores", x
    yield "softmax", f.softmax(x)


def transformer_shapes(words: int, d: int, m: int, layers: int = 2) -> Shapes:
    """The shapes of all parameters of transformer: a table of words, d numbers a word, m inside a feed-forward."""
    shapes: Shapes = {"table": (words, d)}
    for i in range(1, layers + 1):
        for part in (f"encoder {i}.self", f"decoder {i}.self", f"decoder {i}.memory"):
            shapes |= {f"{part}.{name}": (d, d) for name in "qkvo"}
            shapes |= {f"{part}.{name}.bias": (d,) for name in "qkvo"}
            shapes |= {f"{part}.{name}": (d,) for name in ("gamma", "beta")}
        for part in (f"encoder {i}.feed", f"decoder {i}.feed"):
            shapes |= {f"{part}.1": (m, d), f"{part}.2": (d, m), f"{part}.1.bias": (m,), f"{part}.2.bias": (d,)}
            shapes |= {f"{part}.{name}": (d,) for name in ("gamma", "beta")}
    return shapes


NETWORKS: tuple[Callable[..., Iterator[tuple[str, Array]]], ...] = (resnet18, transformer)
