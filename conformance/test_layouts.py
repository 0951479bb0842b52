"""Layouts: how the inputs lie in memory is of no importance."""

from __future__ import annotations

from adapters.backend import Backend
from conformance.cases import Case
from conformance.judged import judged
from conformance.lane import lane, with_arrays
from properties.agreement import about
from properties.sides import bounded
from properties.strategies import Draw


@lane("LAYOUT", problems=with_arrays)
def test_layouts(backend: Backend, draw: Draw, case: Case) -> None:
    """Inputs that lie otherwise in memory (in steps, transposed, reversed, channels last) give the same result."""
    arrays = list(draw.arrays.values())
    for layout in backend.layouts:
        with about(f"inputs {layout}"):
            want = bounded(backend, draw.primitive, arrays, draw.options, layout=layout)
            got = backend.call(draw.primitive, arrays, draw.options, layout=layout)
            judged(got, want, case, backend)
