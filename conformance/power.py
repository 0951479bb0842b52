"""What the suite itself can detect: every mutant against every check of its primitive.

A mutant that no check rejects is a bug of the suite. A check that rejects no mutant may still be worth its
time, but nothing shows it. Which mutants there are, and what rejects them, is computed and never declared;
power.json keeps the outcome for the report.
"""

from __future__ import annotations

import functools
import json
import multiprocessing
import os
import resource
import signal
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from adapters.backend import Backend, NotOffered
from conformance import __version__, matrix
from conformance.checks import checks
from conformance.matrix import Document, Summary
from conformance.mutants import MUTANTS, Mutant, tried
from conformance.mutants.automatic import CONVENTIONS, MODULES, Mutation, formula_of, mutations, primitives_of, served
from conformance.mutants.equivalent import EQUIVALENT
from properties import agreement, sides, trial
from properties.agreement import Failure
from properties.trial import Check, is_tried

SCHEMA_AUTOMATIC = "etalon-power-automatic/1"
WIDTH = 80

Test = Callable[[Backend], None]
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Found:
    """What a run of the tool has found: as data, in print, and whether nothing is left to explain."""

    document: Document
    lines: list[str]
    is_clean: bool


@dataclass(frozen=True)
class Row:
    """A mutant, and for each check that was tried on it how many problems it took to reject it; 0: it did not."""

    mutant: str
    primitive: str
    found_after: Mapping[str, int]

    @property
    def kills(self) -> dict[str, int]:
        return {check: n for check, n in self.found_after.items() if n}


def tried_on(primitive: str, backend: Backend) -> dict[Check, Test]:
    """The checks of a primitive that the depth of the run tries in the backend's format."""
    return {
        check: test
        for check, test in checks().items()
        if check.primitive == primitive and is_tried(check, backend, [backend.format.name])
    }


def problems_to_detection(test: Test, backend: Backend) -> int:
    """How many problems a check has tried when it rejects a backend; 0 if it does not."""
    tally = agreement.start()
    try:
        test(backend)
    except NotOffered:
        return 0
    except Failure:
        return tally.problems
    return 0


def row(mutant: Mutant) -> Row:
    """Try every check of its primitive on a mutant, made anew for each."""
    _remember(mutant.primitive)
    tests = tried_on(mutant.primitive, mutant.backend())
    found = {check.id: problems_to_detection(test, mutant.backend()) for check, test in tests.items()}
    return Row(mutant.id, mutant.primitive, found)


@functools.lru_cache(maxsize=1)
def _remember(primitive: str) -> None:
    """What the judge reads is the same for all mutants of a primitive: it is kept until the next one comes."""
    sides.memory = {}


# -- many of them --------------------------------------------------------------------------------------


def in_processes(work: Callable[[T], R], items: Sequence[T], jobs: int, depth: str, seed: int) -> Iterator[R]:
    """work(item) for every item, in the order in which they are done. With one job in this process."""
    if jobs == 1:
        trial.configure(depth, seed, minimises=False)
        yield from map(work, items)
        return
    # A process that is started afresh pins its threads before NumPy starts them.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with multiprocessing.get_context("spawn").Pool(jobs, _prepare, (depth, seed)) as pool:  # its end ends them
        yield from pool.imap_unordered(work, items)


def _prepare(depth: str, seed: int) -> None:
    """The start of a process: Ctrl-C is for the one that the user sees."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    trial.configure(depth, seed, minimises=False)


def _row_of(id: str) -> Row:
    return row(MUTANTS[id])


def measured(mutants: Iterable[str], *, depth: str, seed: int, jobs: int = 1) -> Iterator[Row]:
    """The rows of some mutants, as they are done; those that take longest are begun first."""
    last = ("convolution", "scaled_dot_product_attention", "transposed_convolution", "batch_norm")
    ids = sorted(mutants, key=lambda id: (MUTANTS[id].primitive not in last, MUTANTS[id].primitive))
    return in_processes(_row_of, ids, jobs, depth, seed)


def run(primitives: Collection[str] = (), *, depth: str, seed: int, jobs: int) -> Found:
    """Try the mutants of some primitives, or of all, on every check."""
    ids = [id for id, mutant in MUTANTS.items() if not primitives or mutant.primitive in primitives]
    rows = with_progress(measured(ids, depth=depth, seed=seed, jobs=jobs), len(ids))
    found = document(rows, depth=depth, seed=seed)
    return Found(found, list(lines(found)), not matrix.survivors(found))


def with_progress(done: Iterable[T], total: int, every: float = 10.0) -> Iterator[T]:
    """Say on standard error how far it is, every few seconds."""
    said = time.monotonic()
    for n, item in enumerate(done, start=1):
        yield item
        if time.monotonic() - said > every:
            said = time.monotonic()
            print(f"{n} of {total} mutants", file=sys.stderr, flush=True)


# -- automatic mutants ---------------------------------------------------------------------------------

LIMIT = 60  # CPU seconds of one check on one mutant, which may run for ever
MEMORY = 8 * 2**30  # bytes of address space, which it may fill


class TooLongError(BaseException):
    """Not an Exception: what catches the errors of a backend must not catch this."""


@dataclass(frozen=True)
class Verdict:
    """What became of an automatic mutant. check: the first that rejected it, "" if none did.

    how: "rejected", "broke the check", "did not end", "cannot be imported" or "survived".
    """

    mutation: Mutation
    check: str
    how: str
    problems: int


def verdict(id: tuple[str, str]) -> Verdict:
    """Try an automatic mutant, (module, id), until a check rejects it."""
    mutation, code = mutations(id[0])[id[1]]
    primitives = primitives_of(mutation)
    # What raises no error that it should is for the checks of the function itself to find.
    primitives = primitives[:1] if mutation.guards else primitives
    chosen = {primitive: CONVENTIONS[primitive] for primitive in primitives if primitive in CONVENTIONS}
    for conventions in ({}, chosen) if chosen else ({},):
        try:
            adapter = served(mutation.module, code, formula_of(mutation), conventions)
        except Exception:
            return Verdict(mutation, "import", "cannot be imported", 0)
        backend = tried(adapter, "automatic")
        for primitive in conventions or primitives:
            _remember(primitive)
            for check, test in sorted(tried_on(primitive, backend).items(), key=_most_killing_first):
                how = _until_it_ends(test, backend)
                if how != "survived":
                    return Verdict(mutation, check.id, how, agreement.tally.problems)
    return Verdict(mutation, "", "survived", 0)


def _most_killing_first(item: tuple[Check, Test]) -> tuple[int, str]:
    check = item[0].id
    return -len(matrix.rejected(matrix.committed(), check)), check


def _until_it_ends(test: Test, backend: Backend) -> str:
    def stop(signum: int, frame: object) -> None:
        raise TooLongError

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, LIMIT)
    try:
        return "rejected" if problems_to_detection(test, backend) else "survived"
    except TooLongError:
        return "did not end"
    except Exception:  # the judge cannot read what came back: the run is not clean
        return "broke the check"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def automatic(primitives: Collection[str] = ()) -> list[tuple[str, str]]:
    """The automatic mutants, or those of some primitives and of what they call, as (module, id)."""
    return [
        (module, id)
        for module in MODULES
        for id, (mutation, _) in mutations(module).items()
        if not primitives or set(primitives_of(mutation)) & set(primitives)
    ]


def run_automatic(primitives: Collection[str] = (), *, depth: str, seed: int, jobs: int) -> Found:
    """Try the automatic mutants, of some primitives or of all."""
    ids = automatic(primitives)
    return judged(with_progress(in_processes(verdict, ids, jobs, depth, seed), len(ids)), depth=depth, seed=seed)


def judged(verdicts: Iterable[Verdict], *, depth: str, seed: int) -> Found:
    """What survives, each as file:line, before and after; stale is an explanation of what was rejected."""
    done = sorted(verdicts, key=lambda v: (v.mutation.module, v.mutation.line, v.mutation.id))
    left = [v.mutation for v in done if v.how == "survived"]
    explained = [m for m in left if m.id in EQUIVALENT]
    guards = [m for m in left if m.guards and m.id not in EQUIVALENT]
    unexplained = [m for m in left if not m.guards and m.id not in EQUIVALENT]
    made = {id for module in MODULES for id in mutations(module)}
    stale = sorted({v.mutation.id for v in done if v.how != "survived"} & set(EQUIVALENT) | set(EQUIVALENT) - made)
    rest = [v for v in done if not v.mutation.guards and v.mutation not in explained]
    killed = sum(v.how != "survived" for v in rest)
    share = f"{100 * killed / len(rest):.1f} %" if rest else "none were tried"
    lines = [
        *_reasons("Equivalent, as conformance/mutants/equivalent.py explains", explained),
        *_placed("Not rejected, of those that only raise other errors", guards),
        *_listed("Explained as equivalent, but rejected or no longer made: take the entry out", stale),
        *_placed("Survivors", unexplained),
        *(f"{n} {how}" for how, n in sorted(Counter(v.how for v in done).items())),
        f"{killed} of {len(rest)} that change values, and are not equivalent, are rejected: {share}",
        f"Depth: {depth}, seed: {seed}.",
    ]
    found = {
        "schema": SCHEMA_AUTOMATIC,
        "suite": __version__,
        "depth": depth,
        "seed": seed,
        "mutants": {v.mutation.id: {"how": v.how, "check": v.check, "problems": v.problems} for v in done},
    }
    return Found(found, lines, not unexplained and not stale)


def _placed(title: str, found: Sequence[Mutation]) -> list[str]:
    """Each with its place, before and after, a line each."""
    shown = [line for m in found for line in (f"  {m.place} {m.function}", f"    - {m.original}", f"    + {m.changed}")]
    return [f"{title}: {len(found) or 'none'}", *shown, ""]


def _reasons(title: str, found: Sequence[Mutation]) -> list[str]:
    reasons: dict[str, list[str]] = {}
    for m in found:
        reasons.setdefault(EQUIVALENT[m.id], []).append(m.place)
    shown = [f"  {reason} ({', '.join(dict.fromkeys(places))})" for reason, places in reasons.items()]
    wrapped = (line for text in shown for line in textwrap.wrap(text, WIDTH, subsequent_indent="    "))
    return [f"{title}: {len(found) or 'none'}", *wrapped, ""]


# -- the document --------------------------------------------------------------------------------------


def document(rows: Iterable[Row], *, depth: str, seed: int) -> Document:
    """What was found, sorted: the same run gives the same bytes, whatever the number of processes."""
    done = sorted(rows, key=lambda row: row.mutant)
    statements = {check.id: check for check in checks()}
    tried = sorted({check for row in done for check in row.found_after})
    return {
        "schema": matrix.SCHEMA,
        "suite": __version__,
        "depth": depth,
        "seed": seed,
        "checks": {check: statements[check].primitive for check in tried},
        "mutants": {
            row.mutant: {"primitive": row.primitive, "rejected_by": dict(sorted(row.kills.items()))} for row in done
        },
    }


def as_text(document: Document) -> str:
    """The one way in which a document is written."""
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


# -- in print ------------------------------------------------------------------------------------------

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def lines(document: Document) -> Iterator[str]:
    """The kill matrix of each primitive, what survives, what kills nothing, and how soon a mutant is found."""
    for summary in matrix.summaries(document)[:-1]:
        yield from _matrix(document, summary)
    left, unused = matrix.survivors(document), matrix.idle(document)
    yield from _listed("Mutants that no check rejects", left)
    yield from _listed("Checks that reject no mutant", unused)
    total = matrix.summaries(document)[-1]
    busy = total.checks - len(unused)
    yield f"{total.killed} of {total.mutants} mutants are rejected, by {busy} of {total.checks} checks."
    yield f"Problems that a check tries until it rejects a mutant, in the median: {total.problems:g}."
    yield f"Depth: {document['depth']}, seed: {document['seed']}."


def _matrix(document: Document, summary: Summary) -> Iterator[str]:
    mutants = {name: m for name, m in document["mutants"].items() if m["primitive"] == summary.primitive}
    mine = [check for check, primitive in document["checks"].items() if primitive == summary.primitive]
    letters = dict(zip(mine, LETTERS, strict=False))
    width = max(len(name) for name in mutants) - len(summary.primitive) - 2
    yield f"{summary.primitive}: {summary.killed} of {summary.mutants} mutants rejected"
    yield from (f"  {letter} {check}" for check, letter in letters.items())
    yield ""
    yield f"  {'':{width}}  {''.join(letters.values())}  problems"
    for name, m in mutants.items():
        found = m["rejected_by"]
        marks = "".join(letter if check in found else "." for check, letter in letters.items())
        fewest = str(min(found.values())) if found else "survives"
        yield f"  {name.removeprefix(summary.primitive + ': '):{width}}  {marks}  {fewest:>8}"
    yield ""


def _listed(title: str, names: Sequence[str]) -> Iterator[str]:
    yield f"{title}: {len(names) or 'none'}"
    yield from (f"  {name}" for name in names)
    yield ""
