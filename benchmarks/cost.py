"""What a judged draw costs, part by part: python -m benchmarks.cost [ADAPTER ...].

draw       fill a problem with numbers               reference  the plain float64 call
bound      the bounded reading, beyond the plain     adapter    the backend's call, with the copies
compare    error against bound

in microseconds, the mean over the draws of the pool at the default depth; then the adapter's share of
the time, judged draws a CPU-second, and for a compiling backend the seconds that the first calls took.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

import reference
from adapters.backend import Backend, NotOffered, backends
from adapters.loading import installed, load
from conformance.cases import CASES, Case
from properties.agreement import agree, same_number
from properties.sides import bounded
from properties.strategies import draws
from properties.trial import DEPTHS

PARTS = ("draw", "reference", "bound", "adapter", "compare")


class Clock:
    """Processor time of the parts of a judged draw."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys((*PARTS, "first call"), 0.0)
        self.draws = 0

    @contextmanager
    def time(self, part: str) -> Iterator[None]:
        start = time.process_time_ns()
        yield
        self.seconds[part] += (time.process_time_ns() - start) / 1e9


def measured(case: Case, backend: Backend) -> Clock:
    """Judge every draw of a pool, part by part."""
    clock, depth = Clock(), DEPTHS["default"]
    for problem in case.problems.pool(depth.values, 0):
        with clock.time("draw"):
            sample = list(draws(problem, depth.draws, backend.format, (0, 0, 0, 0), case.problems.kinds))
        for i, draw in enumerate(sample):
            arrays, options = list(draw.arrays.values()), draw.options
            try:
                if i == 0:  # what is compiled or looked up once for each problem
                    with clock.time("first call"):
                        backend.call(case.primitive, arrays, options)
                with clock.time("adapter"):
                    got = backend.call(case.primitive, arrays, options)
            except NotOffered:
                break
            plain = [x.astype(np.float64) if isinstance(x, np.ndarray) else x for x in arrays]
            with np.errstate(all="ignore"):
                with clock.time("reference"):
                    reference.PRIMITIVES[case.primitive](*plain, **options)
                with clock.time("bound"):
                    want = bounded(backend, case.primitive, arrays, options)
                with clock.time("compare"):
                    for y, bound in zip(got, want, strict=True):
                        if isinstance(bound, int):
                            same_number(y, bound)
                        else:
                            agree(y, bound, backend.format)
            clock.draws += 1
    clock.seconds["bound"] -= clock.seconds["reference"]
    return clock


def main() -> None:
    """Print a table for each adapter that is named, or for all that are installed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("adapters", nargs="*", default=installed(), help="as in pytest --adapter")
    parser.add_argument("--format", action="append", help="only this format; repeatable")
    chosen = parser.parse_args()
    print(f"{'':42}{''.join(f'{part:>10}' for part in PARTS)}{'share':>7}{'draws/s':>9}{'first':>8}")
    for spec in chosen.adapters:
        name, adapter = load(spec)
        for backend in backends(adapter, name):
            if chosen.format and backend.format.name not in chosen.format:
                continue
            for case in CASES:
                if not backend.offers(case.primitive) or backend.format.name not in (
                    case.formats or [backend.format.name]
                ):
                    continue
                clock = measured(case, backend)
                total = sum(clock.seconds[part] for part in PARTS)
                if not clock.draws:
                    continue
                row = "".join(f"{clock.seconds[part] / clock.draws * 1e6:10.0f}" for part in PARTS)
                share, first = clock.seconds["adapter"] / total, clock.seconds["first call"]
                print(f"{case.primitive:14}{backend.id:28}{row}{share:7.0%}{clock.draws / total:9.0f}{first:7.1f}s")
    print(f"largest memory of the process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
