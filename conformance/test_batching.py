"""Batching: one sample at a time, or mapped over the samples, a call gives what the whole batch gives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from adapters.backend import Backend
from conformance.cases import Case
from conformance.judged import judged
from conformance.lane import lane, with_arrays
from properties.agreement import WrongShape, about
from properties.sides import bounded
from properties.strategies import Draw, Problems, batch_norms
from properties.strategies.problems import has_numbers

BATCHED = {"batch_norm": batch_norms(training=(False,))}  # in training no sample is alone


def batched(case: Case) -> Problems | None:
    """Problems whose samples do not influence each other, if the row has such; a batch of none has no sample."""
    return replace(BATCHED.get(case.primitive, case.problems), wanted=has_numbers) if case.samples else None


@lane("BATCH", problems=batched)
def test_batching(backend: Backend, draw: Draw, case: Case) -> None:
    """One sample at a time gives what the reference gives for the whole batch."""
    calls, wants = _samples(backend, draw, case)
    # All calls come first: the result of one must not be changed by the next.
    results = [backend.call(draw.primitive, arrays, draw.options) for arrays in calls]
    for i, (got, want) in enumerate(zip(results, wants, strict=True)):
        with about(f"sample {i} alone"):
            judged(got, want, case, backend)


def maps(backend: Backend) -> bool:
    """Whether the backend can map a function over an axis."""
    return hasattr(backend.adapter, "vmap")


# widest: a quarter of the problems of lp_pool has ceil_mode.
@lane("VMAP", problems=with_arrays, concerns=maps, widest=0.25)
def test_vmap(backend: Backend, draw: Draw, case: Case) -> None:
    """Mapped over the samples, or over two calls that share all but the first array, the result is the same."""
    names = _names(draw, case)
    calls, wants = _samples(backend, draw, case) if names else _pair(backend, draw)
    if not calls:
        return  # a batch of none
    over = names or tuple(draw.arrays)[:1]
    is_mapped = [name in over and x is not None for name, x in draw.arrays.items()]
    arrays = [np.stack(x) if mapped else x[0] for x, mapped in zip(zip(*calls, strict=True), is_mapped, strict=True)]
    axes = [0 if mapped else None for mapped in is_mapped]
    results = backend.call(draw.primitive, arrays, draw.options, mapped=axes)
    for name, y in zip(case.outputs, results, strict=False):
        if np.shape(y)[:1] != (len(calls),):
            raise WrongShape(f"{name} has shape {np.shape(y)}, mapped over {len(calls)}", got=np.shape(y), output=name)
    for i, want in enumerate(wants):
        with about(f"mapped, at {i}"):
            judged([y[i] for y in results], want, case, backend)


Calls = list[list[Any]]
Wants = list[list[Any]]


def _names(draw: Draw, case: Case) -> tuple[str, ...]:
    return case.samples(draw) if case.samples else ()


def _samples(backend: Backend, draw: Draw, case: Case) -> tuple[Calls, Wants]:
    """The arrays of each sample, and what the reference gives for it in the whole batch, which may be one sample."""
    whole, names = list(draw.arrays.values()), _names(draw, case)
    want = bounded(backend, draw.primitive, whole, draw.options)
    if not names:
        return [whole], [list(want)]
    n = len(draw.arrays[names[0]])
    calls = [
        [x[i : i + 1] if name in names and x is not None else x for name, x in draw.arrays.items()] for i in range(n)
    ]
    each = [name == case.outputs[0] or name in names for name in case.outputs]
    return calls, [[y[i : i + 1] if own else y for y, own in zip(want, each, strict=True)] for i in range(n)]


def _pair(backend: Backend, draw: Draw) -> tuple[Calls, Wants]:
    """The arrays of the draw, and those with the first one backwards, and what the reference gives for each."""
    first, *rest = draw.arrays.values()
    calls = [[first, *rest], [np.asarray(np.flip(first)), *rest]]
    return calls, [list(bounded(backend, draw.primitive, arrays, draw.options)) for arrays in calls]
