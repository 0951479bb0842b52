"""Textbook cases: the worked examples that lectures print, number by number, on every backend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from properties.agreement import same_number
from properties.law import law
from properties.strategies.problems import Problem, Problems


@dataclass(frozen=True)
class Pinned(Problems):
    """The one problem that a lecture works out, at every depth."""

    def pool(self, breadth: float, seed: int) -> list[Problem]:
        return [self.replayed(())]


def pinned(primitive: str, options: Mapping[str, Any] | None = None, **arrays: Any) -> Problems:
    return Pinned(primitive, lambda pick: Problem(primitive, arrays, options or {}))


def table(text: str) -> Any:
    return np.array([[float(number) for number in line.split()] for line in text.split("/")])


def image(text: str) -> Any:
    return table(text)[None, None]


BARS = image(
    "0 0 0 0 0 0 0 0/0 0 0 0 0 1 1 0/0 1 1 1 1 1 1 0/0 1 1 1 1 1 1 0/"
    "0 1 1 1 1 1 1 0/0 0 1 1 1 0 0 0/0 0 1 1 1 0 0 0/0 0 0 0 0 0 0 0"
)
EDGE = image("1 2 1/0 0 0/-1 -2 -1")
EDGES = image(
    "-3 -4 -4 -4 -4 -3/-3 -4 -4 -3 -1 0/0 0 0 0 0 0/2 1 0 1 3 3/2 1 0 1 3 3/1 3 4 3 1 0",
)
BINARY = image("1 1 1 0 0/0 1 1 1 0/0 0 1 1 1/0 0 1 1 0/0 1 1 0 0")
CROSS = image("1 0 1/0 1 0/1 0 1")


@law("TEXT-1", pinned("convolution", x=BARS, w=EDGE))
def test_table_of_edges(f: Any, p: Any) -> Any:
    """The 8 x 8 image of bars and the filter of horizontal edges make the 6 x 6 table (He, 2024; Gong)."""
    return f.convolution(p.x, p.w), EDGES


@law("TEXT-2", pinned("convolution", x=BARS, w=EDGE))
def test_padded_table_of_edges(f: Any, p: Any) -> Any:
    """With padding 1 the 8 x 8 map stays 8 x 8, around the table; with stride 2 it is 4 x 4 of it (He, 2024; Gong)."""
    whole = f.convolution(p.x, p.w, padding=1)
    halved = f.convolution(p.x, p.w, padding=1, stride=2)
    return (whole[..., 1:-1, 1:-1], halved), (EDGES, whole[..., ::2, ::2])


@law("TEXT-3", pinned("convolution", x=BINARY, w=CROSS))
def test_feature_map(f: Any, p: Any) -> Any:
    """The 5 x 5 image and the cross of five ones make the feature map 4 3 4, 2 4 3, 2 3 4 (Chen, 2025)."""
    return f.convolution(p.x, p.w), image("4 3 4/2 4 3/2 3 4")


@law("TEXT-4", pinned("convolution", x=BARS, w=np.array([[[[-1.0], [1.0]]]])))
def test_difference_as_a_filter(f: Any, p: Any) -> Any:
    """y(i, j) = x(i, j) - x(i - 1, j) is the filter (-1, 1) along i (Meilă, 2026, "Example: Edge Detection")."""
    return f.convolution(p.x, p.w), BARS[..., 1:, :] - BARS[..., :-1, :]


def gabor(turn: float, phase: float, *, side: int = 7, sigma: float = 2.0, wave: float = 4.0) -> Any:
    """A wave under a bell: exp(-(u^2 + v^2) / (2 sigma^2)) cos(2 pi u / wave + phase), u along the direction turn."""
    j, i = np.meshgrid(*[np.arange(side) - side // 2] * 2)
    u, v = i * np.cos(turn) + j * np.sin(turn), j * np.cos(turn) - i * np.sin(turn)
    y = np.exp(-(u * u + v * v) / (2 * sigma**2)) * np.cos(2 * np.pi * u / wave + phase)
    return np.rint(64 * y) / 64  # which every format holds


TURNS = np.pi / 4 * np.arange(4)
GABORS = np.stack([gabor(turn, 0.0) for turn in TURNS])[:, None]


@law("TEXT-5", pinned("convolution", x=GABORS, w=GABORS))
def test_gabor_filters(f: Any, p: Any) -> Any:
    """Of Gabor filters in four directions, each answers most to the wave in its own (Meilă, 2026, "Gabor filters").

    The answer to its own wave is the filter's squared length; among filters of different direction none is larger.
    """
    answers = f.convolution(p.x, p.w)[..., 0, 0]
    return np.max(answers, axis=1), np.stack([answers[i, i] for i in range(len(TURNS))])


WORDS = np.array([2, 3, 7, 6, 5, 9])  # john likes to watch movies, of nine words in all, and the padding
TABLE = table("0 0/0 0/8 7/9 -1/0 0/-7 -3/-6 -5/1 2/0 0/0 0")  # ten times the numbers of the lecture: exact


@law("TEXT-6", pinned("embedding", i=WORDS, table=TABLE))
def test_embedding_of_a_sentence(f: Any, p: Any) -> Any:
    """Five words of a vocabulary of nine, padded to L = 6, have d = 2 numbers each (Jacquet, 2022, "embedding").

    The padding is embedded as zeros.
    """
    return f.embedding(p.i, p.table), table("8 7/9 -1/1 2/-6 -5/-7 -3/0 0")


CNN = ((1, 32, 3), (32, 64, 3), (64, 128, 7), (128, 10, 1))  # a dense layer is a kernel as large as the signal
FNN = ((1, 512, 28), (512, 32, 1), (32, 10, 1))


@law("TEXT-7", pinned("parameter_count", {"kernel": (3, 3)}, channels=1, outputs=32), same_number)
def test_parameters_of_two_networks(f: Any, p: Any) -> Any:
    """The CNN of the example has 421 642 parameters, and the FNN 418 666 (Chen, 2025, "Performance")."""
    counts = (sum(f.parameter_count(C, O, kernel=(K, K)) for C, O, K in network) for network in (CNN, FNN))
    return tuple(counts), (421642, 418666)


RESNET = ((7, 2, 3, 112), (3, 2, 1, 56), (3, 2, 1, 28), (3, 2, 1, 14), (3, 2, 1, 7), (7, 1, 0, 1))


@law("TEXT-8", pinned("output_size", size=224, kernel=7), same_number)
def test_sizes_of_resnet_18(f: Any, p: Any) -> Any:
    """224, 112, 56, 28, 14, 7, 1: the sizes of ResNet-18, layer by layer (Jacquet, 2022, "ResNet 18: Details")."""
    sizes = [224]
    for K, stride, padding, _ in RESNET:
        sizes.append(f.output_size(sizes[-1], K, stride=stride, padding=(padding, padding)))
    return tuple(sizes[1:]), tuple(size for *_, size in RESNET)


@law("TEXT-9", pinned("max_pool", {"kernel": (2, 2)}, x=np.arange(784.0).reshape(1, 1, 28, 28) % 199))
def test_sizes_of_the_cnn(f: Any, p: Any) -> Any:
    """Pools of 2 x 2 make 14 x 14 of 28 x 28, and 7 x 7 of that (Chen, 2025, "Example")."""
    once = f.max_pool(p.x, **p.options)
    return (once, f.max_pool(once, **p.options)), (_largest(p.x, 2), _largest(p.x, 4))


def _largest(x: Any, side: int) -> Any:
    """Of each square, by a loop."""
    x, places = np.asarray(getattr(x, "value", x)), range(0, np.shape(x)[-1], side)
    return np.array([[[[x[0, 0, i : i + side, j : j + side].max() for j in places] for i in places]]])
