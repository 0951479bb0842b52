"""How to cite a report, and the lectures whose statements it tried."""

from __future__ import annotations

import re

from conformance.document import Document
from conformance.report.latex import citation_key, escaped, lectures

LECTURE = re.compile(r'(?P<author>.*?), "(?P<title>[^"]*)"(, )?(?P<rest>.*), (?P<date>[^,]*)')


def bibtex(document: Document) -> str:
    """Entries of plain BibTeX: the report, with all that names it, and each lecture that it cites.

    A lecture that is not written as in reference/SOURCES.md is its own title.
    """
    entries = [entry(document)]
    for text, key in lectures(document).items():
        found = LECTURE.fullmatch(text)
        fields = {"title": f"{{{escaped(text)}}}"}
        if found:
            fields = {"author": escaped(found["author"]), "title": f"{{{escaped(found['title'])}}}"}
            fields |= {"howpublished": escaped(found["rest"])} if found["rest"] else {}
            fields |= {"note": escaped(found["date"])}
        entries.append(_entry(key, fields))
    return "\n".join(entries)


def entry(document: Document) -> str:
    """That of the report alone."""
    suite = document["suite"] or {"version": "unknown", "commit": None, "source": "unknown"}
    commit = suite["commit"] or f"unknown, source {suite['source']}"
    note = f"Seed {document['seed']}, depth {document['depth']}, commit {commit}, report SHA-256 {document['id']}"
    report = {
        "author": "{The Etalon developers}",
        "title": f"{{Etalon {suite['version']}: conformance report for {escaped(_backends(document))}}}",
        "howpublished": "Conformance report",
        "note": escaped(note),
    }
    return _entry(citation_key(document), report)


def _entry(key: str, fields: dict[str, str]) -> str:
    lines = [f"  {name:12} = {{{text}}},\n" for name, text in fields.items()]
    return f"@misc{{{key},\n{''.join(lines)}}}\n"


def sentence(document: Document) -> str:
    """The same in one sentence, for a text without a bibliography."""
    suite = document["suite"] or {"version": "unknown"}
    return (
        f"The Etalon developers, Etalon {suite['version']}, conformance report {document['id'][:12]} for "
        f"{_backends(document)} (seed {document['seed']}, depth {document['depth']}; SHA-256 {document['id']})."
    )


def _backends(document: Document) -> str:
    return "; ".join(f"{a['name']} {a['version']} on {a['device']}" for a in document["adapters"])
