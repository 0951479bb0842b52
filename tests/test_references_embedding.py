"""Embeddings and the feed-forward layer against second formulas that share no line with them."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from reference import embedding, feed_forward, patch_embedding
from reference.arithmetic import differentiated, read
from tests.test_references import DOUBLE, assert_within


def test_embedding_of_the_lecture() -> None:
    """The five words of Jacquet (2022), "ConvNets for text: embedding", and their padding.

    A row is a product with a one-hot vector. The lecture prints the same feature vector for "watch" and "movies";
    here each word has its own.
    """
    vocabulary = ["bread", "dislike", "john", "likes", "mary", "movies", "watch", "to", "too", ""]
    rows = {
        "john": (0.8, 0.7),
        "likes": (0.9, -0.1),
        "to": (0.1, 0.2),
        "watch": (-0.6, -0.5),
        "movies": (-0.7, -0.3),
        "": (0.0, 0.0),
    }
    table = np.array([rows.get(word, (9.0, 9.0)) for word in vocabulary])
    sentence = ["john", "likes", "to", "watch", "movies", ""]
    i = np.array([vocabulary.index(word) for word in sentence])
    y = embedding(i, table, padding_idx=-1)
    assert np.array_equal(y, [rows[word] for word in sentence])
    one_hot = np.array([[float(word == other) for other in vocabulary] for word in sentence])
    assert np.array_equal(y, one_hot @ table)


def test_gradient_of_the_table() -> None:
    """A word that is used twice gets both cotangents; padding gets none, however it is counted."""
    i, table = np.array([1, 0, 1, 2]), np.ones((4, 1))
    g = np.array([[1.0], [2.0], [4.0], [8.0]])
    for padding_idx, right in ((None, [2, 5, 8, 0]), (2, [2, 5, 0, 0]), (-3, [2, 0, 8, 0])):
        (found,) = differentiated(embedding, [i, table], {"padding_idx": padding_idx}, [g], [1])
        assert found.ravel().tolist() == right


def test_patches_in_a_loop() -> None:
    """One patch after another, cut out by its place, in one, two and three dimensions; integers are exact."""
    rng = np.random.default_rng(3)
    for P, counts in (((3,), (2,)), ((2, 3), (3, 2)), ((1, 2, 2), (2, 1, 3))):
        x = rng.integers(-4, 5, (2, 3, *(n * p for n, p in zip(counts, P, strict=True)))).astype(float)
        w, bias = rng.integers(-4, 5, (5, 3, *P)).astype(float), np.arange(5.0)
        (y,) = read(patch_embedding, [x, w, bias], {}, DOUBLE)
        for t, place in enumerate(itertools.product(*map(range, counts))):
            cut = tuple(slice(k * p, (k + 1) * p) for k, p in zip(place, P, strict=True))
            for n, o in itertools.product(range(2), range(5)):
                assert y.value[n, t, o] == (x[(n, slice(None), *cut)] * w[o]).sum() + bias[o]
        assert y.shape == (2, np.prod(counts), 5) and not y.error.any()


def test_feed_forward_in_fractions() -> None:
    """Loops over exact fractions give every element, within the bound."""
    rng, q = np.random.default_rng(4), Fraction
    for d, m, O in ((2, 3, 2), (1, 5, 3), (4, 1, 1)):
        x, w1, w2 = (rng.standard_normal(shape) for shape in ((3, d), (m, d), (O, m)))
        b1, b2 = rng.standard_normal(m), rng.standard_normal(O)
        (y,) = read(feed_forward, [x, w1, w2, b1, b2], {}, DOUBLE)
        rows = []
        for n in range(3):
            h = [max(q(0), sum((q(w1[j, c]) * q(x[n, c]) for c in range(d)), q(b1[j]))) for j in range(m)]
            rows.append([sum((q(w2[o, j]) * h[j] for j in range(m)), q(b2[o])) for o in range(O)])
        assert_within(y, np.array(rows, dtype=object), (d, m, O))


@pytest.mark.parametrize(
    ("f", "arrays", "options"),
    [
        (embedding, [np.array([3]), np.ones((3, 2))], {}),
        (embedding, [np.array([-1]), np.ones((3, 2))], {}),
        (embedding, [np.array([0]), np.ones(3)], {}),
        (embedding, [np.array([0]), np.ones((3, 2))], {"padding_idx": 3}),
        (embedding, [np.array([0]), np.ones((3, 2))], {"padding_idx": -4}),
        (patch_embedding, [np.ones((1, 1, 5)), np.ones((2, 1, 2))], {}),
        (patch_embedding, [np.ones((1, 1, 4)), np.ones((2, 2, 2))], {}),
        (patch_embedding, [np.ones((1, 1, 4)), np.ones((2, 1, 0))], {}),
        (patch_embedding, [np.ones((1, 1, 4)), np.ones((2, 1, 2)), np.ones(1)], {}),
        (feed_forward, [np.ones((2, 3)), np.ones((4, 3)), np.ones((3, 4)), np.ones(1)], {}),
        (feed_forward, [np.ones((2, 3)), np.ones((4, 3)), np.ones((3, 5))], {}),
    ],
)
def test_what_does_not_fit_is_refused(f: Any, arrays: list[Any], options: dict[str, Any]) -> None:
    """No index wraps, and nothing broadcasts."""
    with pytest.raises(ValueError, match=r"rows|tile|fit|mismatch"):
        f(*arrays, **options)
