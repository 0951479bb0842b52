"""The report, rendered from the one document that results.py builds of the records."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from conformance import environment
from conformance.changes import Changes, changes
from conformance.document import NAME, Document, as_text, beside, json_lines, read
from conformance.records import asked, plain
from conformance.report import citation, gradescope, html, latex, markdown, repro
from conformance.results import build


def write(report: Path, run: str, baseline: Document | None = None) -> tuple[Document, Document, Changes | None]:
    """Write the report of a run from its records; return both documents of build, and the changes since a baseline.

    Raises: OSError; ValueError as in build.
    """
    document, timing = build(report / "records", run)
    since = changes(baseline, document) if baseline else None
    write_files(report, document, timing, [plain(environment.describe())], since)
    if path := asked(report / "records", run).get("gradescope"):
        _replace(Path(path), gradescope.render(document))
    return document, timing, since


def rewrite(report: Path, baseline: Document | None = None) -> tuple[Document, Document, Changes | None]:
    """As write, of a report without its records, such as one that is published or merged.

    Raises: OSError; NoReport.
    """
    document, timing = read(report), beside(report, "timing.json", {})
    since = changes(baseline, document) if baseline else None
    write_files(report, document, timing, beside(report, "environment.json", []), since)
    return document, timing, since


def write_files(
    report: Path, document: Document, timing: Document, machines: list[dict[str, Any]], since: Changes | None = None
) -> None:
    """Write results.json and everything that is made of it.

    machines: the environment of each run. Raises: OSError.
    """
    files = {
        NAME: as_text(document),
        "environment.json": json_lines(machines, levels=3) + "\n",
        "timing.json": json_lines(timing, levels=2) + "\n",
        "report.md": markdown.render(document, since),
        "summary.md": markdown.summary(document, since),
        "index.html": html.render(document, machines, timing, since),
        "cite.bib": citation.bibtex(document),
        **latex.files(document),
        **repro.files(document),
    }
    for stale in {path.name for path in (report / "tables").glob("*.tex")} - {Path(name).name for name in files}:
        (report / "tables" / stale).unlink()
    for name, text in files.items():
        _replace(report / name, text)
    for path in (report / repro.FOLDER).glob("*.*"):  # those of a run before
        if f"{repro.FOLDER}/{path.name}" not in files and path.suffix in (".py", ".md"):
            path.unlink()


def _replace(path: Path, text: str) -> None:
    """A file is the old one or the new one, and never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.write_text(text, encoding="utf-8", newline="\n")
    new.replace(path)
