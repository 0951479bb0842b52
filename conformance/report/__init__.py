"""The report, rendered from the one document that results.py builds of the records."""

from __future__ import annotations

from pathlib import Path

from conformance import environment
from conformance.records import plain
from conformance.report import citation, html, latex, markdown, repro
from conformance.results import Document, as_text, build


def write(report: Path, run: str) -> tuple[Document, Document]:
    """Write results.json and everything that is made of it from the records of a run; return both documents of build.

    Raises: OSError; ValueError as in build.
    """
    document, timing = build(report / "records", run)
    machine = plain(environment.describe())
    files = {
        "results.json": as_text(document),
        "environment.json": as_text(machine),
        "timing.json": as_text(timing),
        "report.md": markdown.render(document),
        "index.html": html.render(document, machine),
        "cite.bib": citation.bibtex(document),
        "tables/matrix.tex": latex.matrix(document),
        **repro.files(document),
    }
    for name, text in files.items():
        _replace(report / name, text)
    for path in (report / repro.FOLDER).glob("*.*"):  # those of a run before
        if f"{repro.FOLDER}/{path.name}" not in files and path.suffix in (".py", ".md"):
            path.unlink()
    return document, timing


def _replace(path: Path, text: str) -> None:
    """A file is the old one or the new one, and never half of it."""
    path.parent.mkdir(exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.write_text(text, encoding="utf-8", newline="\n")
    new.replace(path)
