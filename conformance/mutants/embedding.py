"""Wrong embeddings, and wrong pairs of dense layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.mutants.base import mutant
from conformance.mutants.gradients import Call, Gradients, gradient_mutant
from reference import dense, embedding, feed_forward, patch_embedding


@mutant("embedding")
def padding_is_zero(i: Any, table: Any, **options: Any) -> Any:
    """The row of padding gives zeros, whatever it holds."""
    y, row = embedding(i, table, **options), options.get("padding_idx")
    return y if row is None else np.where((i == row % len(table))[..., None], 0.0, y)


@mutant("embedding")
def counts_from_one(i: Any, table: Any, **options: Any) -> Any:
    """The words are counted from 1."""
    return embedding((i - 1) % len(table), table, **options)


@mutant("embedding")
def square_table_transposed(i: Any, table: Any, **options: Any) -> Any:
    """Columns for rows, where the table is square."""
    return embedding(i, table.T if table.shape[0] == table.shape[1] else table, **options)


@mutant("embedding")
def wraps(i: Any, table: Any, **options: Any) -> Any:
    """An index beyond the table begins anew."""
    return embedding(i % len(table), table, **options)


@mutant("embedding")
def first_word_for_all(i: Any, table: Any, **options: Any) -> Any:
    """Every word is the first one of its sentence."""
    return embedding(np.broadcast_to(i.ravel()[:1], i.shape) if i.size and i.ndim == 1 else i, table, **options)


@mutant("embedding")
def scaled_by_the_width(i: Any, table: Any, **options: Any) -> Any:
    """Times the root of d, as before positions are added in the Transformer."""
    return embedding(i, table, **options) * np.sqrt(table.shape[1])


@gradient_mutant("embedding")
def last_use_wins(right: Gradients, call: Call) -> Gradients:
    """A row gets the cotangent of its last use, not the sum of all."""
    g = np.zeros(call.table.shape)
    g[call.i.ravel()] = call.g.reshape(call.i.size, call.table.shape[1])
    return {"table": np.where(right["table"] == 0, 0.0, g)}


@gradient_mutant("embedding")
def padding_learns(right: Gradients, call: Call) -> Gradients:
    """The row of padding gets a gradient."""
    return {"table": call.gradients(padding_idx=None)["table"]}


@gradient_mutant("embedding")
def last_row_is_padding(right: Gradients, call: Call) -> Gradients:
    """No padding is read as a padding of -1."""
    return call.gradients(padding_idx=-1) if call.padding_idx is None else {}


@gradient_mutant("embedding")
def divided_by_the_uses(right: Gradients, call: Call) -> Gradients:
    """The mean over the uses of a row."""
    return {"table": right["table"] / np.maximum(np.bincount(call.i.ravel(), minlength=len(call.table)), 1)[:, None]}


@mutant("patch_embedding")
def patches_column_by_column(x: Any, w: Any, bias: Any = None) -> Any:
    """The last spatial axis is the slowest."""
    if x.ndim < 4:
        return patch_embedding(x, w, bias)
    return patch_embedding(np.swapaxes(x, 2, -1), np.swapaxes(w, 2, -1), bias)


@mutant("patch_embedding")
def channels_last_inside(x: Any, w: Any, bias: Any = None) -> Any:
    """The weights are read as (O, *P, C)."""
    turned = np.reshape(np.moveaxis(np.reshape(w, (len(w), -1, w.shape[1])), -1, 1), w.shape)
    return patch_embedding(x, turned, bias)


@mutant("patch_embedding")
def channels_before_positions(x: Any, w: Any, bias: Any = None) -> Any:
    """(N, O, T) read as (N, T, O)."""
    y = patch_embedding(x, w, bias)
    return np.reshape(np.swapaxes(y, 1, 2), y.shape)


@mutant("patch_embedding")
def kernels_turned(x: Any, w: Any, bias: Any = None) -> Any:
    """Each patch is convolved as in signal processing, with its weights flipped."""
    return patch_embedding(x, np.flip(w, tuple(range(2, w.ndim))), bias)


@mutant("patch_embedding")
def patch_bias_is_forgotten(x: Any, w: Any, bias: Any = None) -> Any:
    """The bias is ignored."""
    return patch_embedding(x, w)


@mutant("patch_embedding")
def cuts_the_rest(x: Any, w: Any, bias: Any = None) -> Any:
    """What no whole patch covers is cut off without a word."""
    whole = (slice(S // P * P) for S, P in zip(x.shape[2:], w.shape[2:], strict=False))
    return patch_embedding(x[(slice(None), slice(None), *whole)], w, bias)


@gradient_mutant("patch_embedding")
def of_the_first_patch(right: Gradients, call: Call) -> Gradients:
    """The weights learn from the first patch alone."""
    return {"w": call.gradients(np.concatenate([call.g[:, :1], np.zeros(call.g[:, 1:].shape)], axis=1))["w"]}


@mutant("feed_forward")
def ramp_at_the_end(x: Any, w1: Any, w2: Any, b1: Any = None, b2: Any = None) -> Any:
    """The ramp comes after the second layer too."""
    return np.maximum(feed_forward(x, w1, w2, b1, b2), 0.0)


@mutant("feed_forward")
def no_ramp(x: Any, w1: Any, w2: Any, b1: Any = None, b2: Any = None) -> Any:
    """Two linear layers."""
    return dense(dense(x, w1, b1), w2, b2)


@mutant("feed_forward")
def ramp_before_the_bias(x: Any, w1: Any, w2: Any, b1: Any = None, b2: Any = None) -> Any:
    """b1 is added after the ramp."""
    h = np.maximum(dense(x, w1), 0.0)
    return dense(h if b1 is None else h + b1, w2, b2)


@mutant("feed_forward")
def adds_x(x: Any, w1: Any, w2: Any, b1: Any = None, b2: Any = None) -> Any:
    """The residual is added here, where the widths agree."""
    y = feed_forward(x, w1, w2, b1, b2)
    return y + x if y.shape == x.shape else y


@mutant("feed_forward")
def second_bias_is_forgotten(x: Any, w1: Any, w2: Any, b1: Any = None, b2: Any = None) -> Any:
    """b2 is ignored."""
    return feed_forward(x, w1, w2, b1)


@mutant("feed_forward")
def looks_back(x: Any, w1: Any, w2: Any, b1: Any = None, b2: Any = None) -> Any:
    """A position takes the one before it in."""
    return feed_forward(x if x.ndim < 2 else (x + np.roll(x, 1, 0)) / 2, w1, w2, b1, b2)


@gradient_mutant("feed_forward")
def ramp_is_open(right: Gradients, call: Call) -> Gradients:
    """The gradient goes through the ramp where it is closed."""
    return {"x": np.matmul(np.matmul(call.g, call.w2), call.w1)}
