"""What has changed between two reports: as tables for every kind of report, and as lines for the terminal."""

from __future__ import annotations

from collections.abc import Iterator

from conformance.changes import Changes, Pair, by_backend
from conformance.report.views import Table
from conformance.summary import WIDTH, wrapped

MOST = 20  # rows of each kind on the terminal


def headline(changes: Changes) -> str:
    """One line: whether anything fails that did not."""
    counts = f"{len(changes.appeared)} new, {len(changes.known)} as before, {len(changes.fixed)} fixed"
    if changes.appeared:
        return f"WORSE: failures: {counts}"
    if changes.is_worse:
        return f"INCOMPLETE: nothing new was seen to fail, but not everything was run; failures: {counts}"
    return f"NOTHING NEW FAILS: failures: {counts}"


def tables(changes: Changes) -> list[tuple[str, Table]]:
    """Every kind of change, with its title."""
    growth = [[w.primitive, w.backend, f"{w.before:g}", f"{w.now:g}"] for w in changes.worst]
    return [
        ("New failures", _failures(changes.appeared)),
        ("Fixed", _failures(changes.fixed)),
        ("Fails as before", _failures(changes.known)),
        ("Only in the earlier report", Table(["backend", "checks"], _counts(changes.gone))),
        ("Only in this report", Table(["backend", "checks"], _counts(changes.added))),
        ("Worst error/bound", Table(["primitive", "backend", "before", "now"], growth)),
    ]


def _failures(pairs: list[Pair]) -> Table:
    return Table(["check", "before", "now", "found"], [[pair.name, *pair.words, pair.found] for pair in pairs])


def _counts(pairs: list[Pair]) -> list[list[str]]:
    return [[backend, str(n)] for backend, n in by_backend(pairs)]


def terminal(changes: Changes) -> Iterator[str]:
    """The changes in 80 columns; a long list is cut, and says so."""
    yield from wrapped(headline(changes), "", "    ")
    for when, document in (("before", changes.old), ("now", changes.new)):
        yield f"{when:6} {document['id'][:12]}, seed {document['seed']}, depth {document['depth']}"
    for remark in changes.remarks:
        yield from wrapped(remark, "! ", "  ")
    for title, pairs in (("new failures", changes.appeared), ("fixed", changes.fixed), ("as before", changes.known)):
        if pairs:
            yield ""
            yield f"-- {title} ({len(pairs)}) ".ljust(WIDTH, "-")
        for pair in pairs[:MOST]:
            yield from wrapped(f"{pair.name}: {pair.words[0]} before, {pair.words[1]} now", "", "    ")
            yield from wrapped(pair.found, "    ") if pairs is changes.appeared else ()
        yield from _more(len(pairs))
    for title, pairs in (("before", changes.gone), ("now", changes.added)):
        for backend, n in by_backend(pairs):
            yield from wrapped(f"only {title}: {n} checks of {backend}", "", "    ")
    if changes.worst:
        yield ""
        yield f"-- worst error/bound ({len(changes.worst)} changed) ".ljust(WIDTH, "-")
        for w in changes.worst[:MOST]:
            yield from wrapped(f"{w.primitive} on {w.backend}: {w.before:g} before, {w.now:g} now", "", "    ")
        yield from _more(len(changes.worst))


def _more(n: int) -> Iterator[str]:
    if n > MOST:
        yield f"... and {n - MOST} more; the report, and --markdown, have all"
