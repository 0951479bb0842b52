"""What a run says on the terminal, in 80 columns: the verdict, a table, and each failure in a few lines."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from conformance.document import Document, backend_id
from conformance.results import is_clean, shortened, word

WIDTH = 80
WORDS = ("conforms", "known deviation", "deviates", "ledger", "mistrusted", "not offered", "crashed", "not run")
HEADS = ("conforms", "known", "deviates", "ledger", "mistrust", "no offer", "crashed", "not run")
MOST = 20  # failures that are shown in full; the report has all


def lines(document: Document, folder: str, timing: Document | None = None) -> list[str]:
    """The summary of a document that lies in a folder, and of what was counted in the run."""
    text = [*wrapped(verdict(document), "", "    "), "", *_table(document), ""]
    for outcome, card in CARDS.items():
        chosen = [check for check in document["checks"] if word(check) == outcome]
        if chosen:
            text += [f"-- {outcome} ({len(chosen)}) ".ljust(WIDTH, "-")]
            text += [line for check in chosen[:MOST] for line in card(check)]
            text += [f"... and {len(chosen) - MOST} more, in the report"] if len(chosen) > MOST else []
            text += [""]
    for error in document["errors"]:
        last = error["text"].strip().splitlines()[-1:]
        text += [*wrapped(f"error in {error['where']}: {' '.join(last)}", "", "    ")]
    for adapter, counts in (timing or {}).get("counts", {}).items():
        text += wrapped(f"{adapter}: {', '.join(f'{n} {name}' for name, n in counts.items())}", "", "    ")
    text += [f"seed {document['seed']}, depth {document['depth']}, report {document['id'][:12]}:"]
    return [*text, f"{folder}/report.md"]


def verdict(document: Document) -> str:
    """One line: whether everything that was tried conforms, and whether everything was tried."""
    counts = Counter(word(check) for check in document["checks"])
    told = ", ".join(f"{counts[w]} {w}" for w in WORDS if counts[w])
    if is_clean(document):
        return f"CONFORMS: {told}"
    worst = [w.upper() for w in ("deviates", "crashed", "ledger", "mistrusted") if counts[w]][:1]
    missing = [] if document["complete"] else ["INCOMPLETE"]
    return f"{', '.join(worst + missing)}: {told}"


def _table(document: Document) -> Iterator[str]:
    """How many checks have each outcome; a name that leaves no room for the numbers has a line of its own."""
    counts = Counter((backend_id(check), word(check)) for check in document["checks"])
    names = sorted({name for name, _ in counts})
    used = [i for i, w in enumerate(WORDS) if any(counts[name, w] for name in names)]
    room = WIDTH - sum(len(HEADS[i]) + 1 for i in used)
    width = min(room, max(len(name) for name in names))
    yield " ".join([" " * width, *(HEADS[i] for i in used)])
    for name in names:
        if len(name) > width:
            yield name
        numbers = [str(counts[name, WORDS[i]] or ".").rjust(len(HEADS[i])) for i in used]
        yield " ".join([(name if len(name) <= width else "").ljust(width), *numbers])


def _deviation(check: dict[str, Any]) -> Iterator[str]:
    found = check["counterexample"] or {}
    yield from wrapped(f"{check['id']} on {backend_id(check)}", "")
    yield from wrapped(check["statement"], "    ")
    if found.get("call"):
        yield from wrapped(shortened(found["call"]), "    on  ", "        ")
    yield from wrapped(
        shortened(found.get("message", "")), "    " if found.get("kind") != "raised" else "    raised ", "    "
    )
    yield from wrapped(f"reference: {check['reference']}   law: {check['where']}", "    ")


def _crash(check: dict[str, Any]) -> Iterator[str]:
    found = check["counterexample"] or {}
    yield from wrapped(f"{check['id']} on {backend_id(check)}: {check['cause']}", "", "    ")
    if found.get("call"):
        yield from wrapped(shortened(found["call"]), "    its last call was ", "        ")


def _mistrust(check: dict[str, Any]) -> list[str]:
    return wrapped(f"{check['id']} on {backend_id(check)}: {share(check)}", "", "    ")


def share(check: dict[str, Any]) -> str:
    """Why a check is mistrusted."""
    if check["decided"] is None or not check["draws"]:
        return "nothing was judged"
    return f"the bound says something about {check['decided']:.0%} of the elements only"


def _missing(check: dict[str, Any]) -> list[str]:
    return wrapped(f"{check['id']} on {backend_id(check)}: {check['cause']}", "", "    ")


def _entry(check: dict[str, Any]) -> Iterator[str]:
    found = check["counterexample"]
    yield from wrapped(f"{check['id']} on {backend_id(check)}: {found['kind']}", "", "    ")
    yield from wrapped(shortened(found["message"]), "    ")


CARDS: dict[str, Callable[[dict[str, Any]], Iterable[str]]] = {
    "deviates": _deviation,
    "crashed": _crash,
    "ledger": _entry,
    "mistrusted": _mistrust,
    "not run": _missing,
}


def wrapped(text: str, indent: str, later: str | None = None) -> list[str]:
    """A paragraph in lines of 80 columns. later: the indent of all lines but the first, if it is another."""
    return (
        textwrap.wrap(
            " ".join(text.split()), WIDTH, initial_indent=indent, subsequent_indent=indent if later is None else later
        )
        or []
    )
