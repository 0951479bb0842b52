"""Implementations that choose otherwise than they document, and some of which a false statement would be true."""

from __future__ import annotations

from typing import Any

import numpy as np

from conformance.mutants.base import mutant
from conformance.mutants.gradients import Call, Gradients, gradient_mutant
from reference.attention import scaled_dot_product_attention
from reference.convolution import convolution, transposed_convolution
from reference.dense import dense
from reference.pooling import max_pool


@mutant("max_pool")
def never_written(x: Any, **options: Any) -> Any:
    """The result is allocated, and nothing is written into it."""
    return np.zeros_like(max_pool(x, **options))


@mutant("convolution")
def written_nowhere(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """The result is allocated, and nothing is written into it."""
    return np.zeros_like(convolution(x, w, bias, **options))


@mutant("convolution")
def valid_and_same_exchanged(x: Any, w: Any, bias: Any = None, *, padding: Any = 0, **options: Any) -> Any:
    """The names of two paddings mean each other."""
    exchanged = {"valid": "same", "same": "valid"}
    return convolution(
        x, w, bias, padding=exchanged.get(padding, padding) if isinstance(padding, str) else padding, **options
    )


@mutant("convolution")
def nothing_where_nothing_fits(x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
    """A kernel larger than the signal gives an empty result, and no error."""
    if not options and any(K > S for K, S in zip(w.shape[2:], x.shape[2:], strict=True)):
        return np.zeros((x.shape[0], w.shape[0], *[0] * (x.ndim - 2)))
    return convolution(x, w, bias, **options)


@mutant("transposed_convolution")
def layout_of_a_convolution(x: Any, w: Any, bias: Any = None, *, groups: int = 1, **options: Any) -> Any:
    """The kernel is read as (O, C, *K), as a convolution's."""
    return transposed_convolution(x, np.swapaxes(w, 0, 1) if groups == 1 else w, bias, groups=groups, **options)


@mutant("scaled_dot_product_attention")
def skips_what_is_closed(q: Any, k: Any, v: Any, mask: Any = None, **options: Any) -> Any:
    """A NaN in a value is read as 0, as if its key were never visited."""
    return scaled_dot_product_attention(q, k, np.where(np.isnan(v), 0.0, v), mask, **options)


@mutant("dense")
def flushes_subnormals(x: Any, w: Any, bias: Any = None) -> Any:
    """Results below the smallest normal number are zero, which nobody claims."""
    y = dense(x, w, bias)
    return np.where(np.abs(y) < np.finfo(float).tiny, 0.0, y)


@gradient_mutant("max_pool", "global_max_pool")
def the_last_of_a_tie(g: Gradients, p: Call) -> Gradients:
    """Of equal numbers the last gets it all, where the others share."""
    order = np.arange(p.x.size).reshape(p.x.shape) * np.spacing(np.max(np.abs(p.x), initial=1.0))
    return p.gradients(x=p.x + order)


@gradient_mutant("lp_pool")
def zero_at_zero(g: Gradients, p: Call) -> Gradients:
    """The gradient of a norm at 0 is 0, where NaN is documented."""
    return {"x": np.nan_to_num(g["x"])}
