"""The report as one self-contained HTML page, from report.html.j2 beside this file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from conformance.changes import Changes
from conformance.document import Document, backend_id
from conformance.report import citation, views
from conformance.report.comparison import headline, tables
from conformance.results import is_clean, shortened, word
from conformance.summary import share, verdict

LONG = 4000  # characters of a call; results.json has it whole


def render(document: Document, machines: list[dict[str, Any]], changes: Changes | None = None) -> str:
    """The page; it loads nothing and needs no script.

    machines: the environments of the run, one for each run of a merged report. changes: those since a baseline.
    """
    checks = document["checks"]
    names, rows = views.matrix(checks)
    return (
        _templates()
        .get_template("report.html.j2")
        .render(
            document=document,
            machines=machines,
            changes=changes,
            headline=headline(changes) if changes else "",
            changed=tables(changes) if changes else [],
            verdict=verdict(document),
            is_clean=is_clean(document),
            settings=views.settings(document),
            bibtex=citation.bibtex(document),
            names=names,
            matrix=rows,
            failures=[c for c in checks if word(c) in ("deviates", "crashed", "ledger")],
            missing=[c for c in checks if word(c) == "not run"],
            mistrusted=[(c, share(c)) for c in checks if word(c) == "mistrusted"],
            known=list(views.known(checks)),
            tables=[
                ("claims", "Claims that are weaker than the default", views.claims(document)),
                ("probes", "Claims: claimed and found", views.probed(document)),
                ("networks", "Whole networks", views.networks(checks)),
                ("statements", "Statements of the lectures, on trial", views.statements(checks)),
                ("choices", "Conventions: who does what", views.choices(checks)),
                ("documented", "Conventions: where they are documented", views.documented(checks)),
                ("conventions", "Conventions", views.conventions(document)),
                ("accepts", "Accepted although the reference rejects it", views.accepts(document)),
                ("not-offered", "Not offered", views.not_offered(checks)),
                ("in-part", "Offered in part", views.in_part(checks)),
                ("accuracy", "Accuracy", views.accuracy(checks)),
                ("checks", "What was tried", views.everything(checks)),
                ("power", "What this suite can detect", views.power(document)),
            ],
            backend_id=backend_id,
            word=word,
        )
    )


def comparison(changes: Changes) -> str:
    """The changes from one report to another, as a page of their own."""
    return (
        _templates()
        .get_template("comparison.html.j2")
        .render(
            changes=changes,
            headline=headline(changes),
            tables=tables(changes),
            settings=[("before", views.settings(changes.old)), ("now", views.settings(changes.new))],
        )
    )


def _templates() -> Environment:
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"shortened": lambda text: shortened(text, LONG), "anchor": _anchor}
    return templates


def _anchor(text: str) -> str:
    """A text as the name of a place in the page."""
    return "".join(c if c.isalnum() else "-" for c in text).strip("-")
