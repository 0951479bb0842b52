"""What a judged draw costs, part by part: python -m benchmarks.cost [ADAPTER ...] [--gradients].

draw       fill a problem with numbers               reference  the plain float64 call
bound      the bounded reading, beyond the plain     adapter    the backend's call, with the copies
compare    error against bound

in microseconds of processor time, the mean over the draws of a primitive's pool: of its values, or with
--gradients of its gradients. Then, with the first call of every problem counted in: the seconds of these
calls, in which a backend compiles; the backend's share of all; problems and judged draws for each
CPU-second; programs compiled, where the adapter counts them; and the most memory that the process has had
so far, in MB. Each adapter has a process of its own, as a worker has.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

import reference
from adapters.backend import Backend, NotOffered, backends
from adapters.loading import installed, load
from conformance.cases import CASES, Case
from conformance.test_gradients import test_gradients as gradients
from conformance.test_gradients import wanted
from conformance.test_values import test_values as values
from properties import agreement
from properties.agreement import agree, same_number
from properties.sides import bounded, bounded_gradient
from properties.strategies import Draw, Problem, draws
from properties.strategies.cotangents import differentiated
from properties.trial import DEPTHS, Depth, known_as
from reference.arithmetic import FORMATS
from reference.arithmetic import differentiated as swept_back

PARTS = ("draw", "reference", "bound", "adapter", "compare")
COLUMNS = ("first s", "share", "problems/s", "draws/s", "programs", "MB")


class Clock:
    """Processor time of the parts of a judged draw."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys((*PARTS, "first"), 0.0)
        self.problems = self.draws = 0

    @contextmanager
    def time(self, part: str) -> Iterator[None]:
        start = time.process_time_ns()
        yield
        self.seconds[part] += (time.process_time_ns() - start) / 1e9


class Values:
    """What is measured of the values of a primitive."""

    def __init__(self, case: Case) -> None:
        self.case, self.check, self.problems = case, values.cases[case], case.problems

    def arguments(self, draw: Draw) -> list[Any]:
        return [list(draw.arrays.values()), draw.options]

    def call(self, backend: Backend, *arguments: Any) -> Any:
        return backend.call(self.case.primitive, *arguments)

    def bound(self, backend: Backend, *arguments: Any) -> Any:
        return bounded(backend, self.case.primitive, *arguments)

    def plain(self, arrays: list[Any], options: Any, *_: Any) -> Any:
        return reference.PRIMITIVES[self.case.primitive](*arrays, **options)


class Gradients(Values):
    """What is measured of its gradients."""

    def __init__(self, case: Case) -> None:
        self.case, self.check, self.problems = case, gradients.cases[case], differentiated(case.problems)

    def arguments(self, draw: Draw) -> list[Any]:
        return [*super().arguments(draw), draw.cotangent, wanted(draw, self.case)]

    def call(self, backend: Backend, *arguments: Any) -> Any:
        return backend.gradient(self.case.primitive, *arguments)

    def bound(self, backend: Backend, *arguments: Any) -> Any:
        return bounded_gradient(backend, self.case.primitive, *arguments)

    def plain(self, arrays: list[Any], options: Any, *rest: Any) -> Any:
        cotangent, wanted = rest
        return swept_back(reference.PRIMITIVES[self.case.primitive], arrays, options, [cotangent.astype(float)], wanted)


def measure(clock: Clock, what: Values, problem: Problem, backend: Backend, n: int) -> None:
    """Judge n draws of a problem, part by part. Raises: NotOffered."""
    agreement.tally.series.of_elements = agreement.tally.series.of_conditions = True  # as in a check of values
    with clock.time("draw"):
        sample = list(draws(problem, n, backend.format, (0, 0, 0, 0), what.problems.kinds))
    known = backend.deviations(what.check.id)
    sample = [draw for draw in sample if not known_as(draw, known)]  # which may raise, or end the process
    if not sample:
        return
    with clock.time("first"):
        what.call(backend, *what.arguments(sample[0]))
    for draw in sample:
        arrays, *rest = what.arguments(draw)
        plain = [x.astype(float) if isinstance(x, np.ndarray) and x.dtype != bool else x for x in arrays]
        with clock.time("adapter"):
            got = what.call(backend, arrays, *rest)
        with clock.time("reference"):
            what.plain(plain, *rest)
        with clock.time("bound"):
            want = what.bound(backend, arrays, *rest)
        with clock.time("compare"):
            for y, bound in zip(got, want, strict=True):
                if isinstance(bound, int):
                    same_number(y, bound)
                else:
                    agree(y, bound, backend.format)
        clock.draws += 1
    clock.problems += 1


def row(what: Values, backend: Backend, depth: Depth) -> str:
    """Judge the pool of a primitive, and say what it has cost."""
    clock, compiled = Clock(), backend.counters().get("compilations")
    with np.errstate(all="ignore"):
        for problem in what.problems.pool(depth.breadth(what.check, backend), 0):
            try:
                measure(clock, what, problem, backend, depth.number(what.check, backend))
            except NotOffered:
                continue
    backend.rest()
    head = f"{what.case.primitive:30}{backend.id:28}"
    if not clock.draws:
        return head + "not offered"
    clock.seconds["bound"] -= clock.seconds["reference"]  # the bounded reading computes the values too
    total, first = sum(clock.seconds.values()), clock.seconds["first"]
    parts = "".join(f"{clock.seconds[part] / clock.draws * 1e6:10.0f}" for part in PARTS)
    programs = "-" if compiled is None else backend.counters()["compilations"] - compiled
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    share = (clock.seconds["adapter"] + first) / total
    rates = f"{clock.problems / total:11.0f}{clock.draws / total:9.0f}"
    return f"{head}{parts}{first:9.1f}{share:7.0%}{rates}{programs:>10}{memory:6.0f}"


def table(spec: str, primitives: Sequence[str], formats: Sequence[str], depth: str, of_gradients: bool) -> None:
    """Print the rows of one adapter, in the formats that it has; a case that is tried in one only, in that."""
    name, adapter = load(spec)
    tried = [backend for backend in backends(adapter, name) if backend.device == "cpu"]
    shared = {backend.format.name for backend in tried} & {*formats} or {backend.format.name for backend in tried}
    for case in CASES:
        if case.primitive not in primitives or (of_gradients and case not in gradients.cases):
            continue
        what = Gradients(case) if of_gradients else Values(case)
        for backend in tried:
            if backend.format.name in (case.formats or shared):
                print(row(what, backend, DEPTHS[depth]), flush=True)


def main() -> None:
    """Print a table for each adapter that is named, or for all that are installed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("adapters", nargs="*", default=installed(), help="as in pytest --adapter")
    every = [case.primitive for case in CASES]
    parser.add_argument("--primitive", action="append", choices=every, help="only this one; repeatable")
    parser.add_argument("--format", action="append", choices=FORMATS, help="float32 unless said; repeatable")
    parser.add_argument("--depth", default="default", choices=DEPTHS, help="of the pool; deep without what is free")
    parser.add_argument("--gradients", action="store_true", help="measure gradients instead of values")
    chosen = parser.parse_args()
    widths = (9, 7, 11, 9, 10, 6)
    heads = (f"{column:>{width}}" for column, width in zip(COLUMNS, widths, strict=True))
    print(f"{'':58}{''.join(f'{part:>10}' for part in PARTS)}{''.join(heads)}", flush=True)
    for spec in chosen.adapters:
        settings = (spec, chosen.primitive or every, chosen.format or ["float32"], chosen.depth, chosen.gradients)
        process = multiprocessing.get_context("spawn").Process(target=table, args=settings)
        process.start()
        process.join()
        if process.exitcode:
            sys.exit(process.exitcode)


if __name__ == "__main__":
    main()
