"""The report as one self-contained HTML page, from report.html.j2 beside this file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from conformance.report import citation, repro, views
from conformance.results import Document, backend_id, is_clean, word
from conformance.summary import share, shortened, verdict

LONG = 4000  # characters of a call; results.json has it whole


def render(document: Document, environment: dict[str, Any]) -> str:
    """The page; it loads nothing and needs no script."""
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"shortened": lambda text: shortened(text, LONG), "anchor": _anchor}
    checks = document["checks"]
    names, rows = views.matrix(checks)
    return templates.get_template("report.html.j2").render(
        document=document,
        environment=environment,
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
        scripts=repro.names(document),
        of_check=repro.of_check,
        of_entry=repro.of_entry,
        backend_id=backend_id,
        word=word,
    )


def _anchor(text: str) -> str:
    """A text as the name of a place in the page."""
    return "".join(c if c.isalnum() else "-" for c in text).strip("-")
