"""What a run says on the terminal, in 80 columns: the verdict, a table, and each failure in a few lines."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator
from typing import Any

from conformance.results import Document, backend_id, is_clean, word

WIDTH = 80
WORDS = ("conforms", "known deviation", "deviates", "mistrusted", "not offered", "crashed", "not run")
HEADS = ("conforms", "known", "deviates", "mistrust", "no offer", "crashed", "not run")
MOST = 20  # failures that are shown in full; the report has all


def lines(document: Document, folder: str) -> list[str]:
    """The summary of a document that lies in a folder."""
    text = [verdict(document), "", *_table(document), ""]
    checks = document["checks"]
    for title, chosen, card in (
        ("deviates", [c for c in checks if c["outcome"] == "deviates"], _deviation),
        ("crashed", [c for c in checks if c["outcome"] == "crashed"], _crash),
        ("mistrusted", [c for c in checks if c["mistrusted"]], _mistrust),
        ("not run", [c for c in checks if c["outcome"] == "not_run"], _missing),
    ):
        if chosen:
            text += [f"-- {title} ({len(chosen)}) ".ljust(WIDTH, "-")]
            for check in chosen[:MOST]:
                text += [*card(check)]
            if len(chosen) > MOST:
                text += [f"... and {len(chosen) - MOST} more, in {folder}/report.md"]
            text += [""]
    for error in document["errors"]:
        text += [*_wrapped(f"error in {error['where']}: {error['text'].strip().splitlines()[-1] if error['text'].strip() else ''}", "")]
    text += [f"report: {folder}/report.md (seed {document['seed']}, depth {document['depth']}, id {document['id'][:12]})"]
    return text


def verdict(document: Document) -> str:
    """One line: whether everything that was tried conforms, and whether everything was tried."""
    counts = Counter(word(check) for check in document["checks"])
    told = ", ".join(f"{counts[w]} {w}" for w in WORDS if counts[w])
    if is_clean(document):
        return f"CONFORMS: {told}"
    first = "DEVIATES" if counts["deviates"] else "CRASHED" if counts["crashed"] else "MISTRUSTED" if counts["mistrusted"] else "INCOMPLETE"
    return f"{first}{'' if document['complete'] or first == 'INCOMPLETE' else ', INCOMPLETE'}: {told}"


def _table(document: Document) -> Iterator[str]:
    counts = Counter((backend_id(check), word(check)) for check in document["checks"])
    names = sorted({name for name, _ in counts})
    used = [i for i, w in enumerate(WORDS) if any(counts[name, w] for name in names)]
    width = max(16, WIDTH - sum(len(HEADS[i]) + 1 for i in used))
    width = min(width, max(len(name) for name in names))
    yield " ".join([" " * width, *(HEADS[i] for i in used)])
    for name in names:
        shown = name if len(name) <= width else name[: width - 3] + "..."
        yield " ".join([shown.ljust(width), *(str(counts[name, WORDS[i]] or ".").rjust(len(HEADS[i])) for i in used)])


def _deviation(check: dict[str, Any]) -> Iterator[str]:
    found = check["counterexample"] or {}
    yield from _wrapped(f"{check['id']} on {backend_id(check)}", "")
    yield from _wrapped(check["statement"], "    ")
    if found.get("call"):
        yield from _wrapped(shortened(found["call"]), "    on  ", "        ")
    yield from _wrapped(shortened(found.get("message", "")), "    " if found.get("kind") != "raised" else "    raised ", "    ")
    yield from _wrapped(f"reference: {check['reference']}   law: {check['where']}", "    ")


def _crash(check: dict[str, Any]) -> Iterator[str]:
    found = check["counterexample"] or {}
    yield from _wrapped(f"{check['id']} on {backend_id(check)}: {check['cause']}", "", "    ")
    if found.get("call"):
        yield from _wrapped(shortened(found["call"]), "    its last call was ", "        ")


def _mistrust(check: dict[str, Any]) -> Iterator[str]:
    share = "nothing was judged" if check["decided"] is None or not check["draws"] else f"decided on {check['decided']:.0%} of its elements"
    yield from _wrapped(f"{check['id']} on {backend_id(check)}: {share}", "", "    ")


def _missing(check: dict[str, Any]) -> Iterator[str]:
    yield from _wrapped(f"{check['id']} on {backend_id(check)}: {check['cause']}", "", "    ")


def shortened(text: str, most: int = 6 * WIDTH) -> str:
    """A text of bearable length: its begin and its end.

    >>> shortened("abcdefgh" * 4, 16)
    'abcdefg ... h'
    """
    if len(text) <= most:
        return text
    half = (most - 5) * 2 // 3
    return f"{text[:half]} ... {text[len(text) - (most - 5 - half) :]}"


def _wrapped(text: str, indent: str, later: str | None = None) -> list[str]:
    return textwrap.wrap(" ".join(text.split()), WIDTH, initial_indent=indent, subsequent_indent=indent if later is None else later) or []
