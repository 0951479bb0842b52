"""The report as Markdown: verdict first, then the matrix, then whatever is not plainly right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from conformance.report import repro, views
from conformance.report.views import Check, Known, Table
from conformance.results import Document, backend_id, is_clean, word
from conformance.summary import share, shortened, verdict

LONG = 4000  # characters of a call; results.json has it whole


def render(document: Document) -> str:
    """The whole report. A section without entries says so, since silence could mean anything."""
    checks, scripts = document["checks"], repro.names(document)
    of = {w: [c for c in checks if word(c) == w] for w in {word(c) for c in checks}}
    sections = [
        ("How it was run", _settings(document)),
        ("Primitives and backends", _matrix(checks)),
        ("Deviations", (line for c in of.get("deviates", []) for line in _card(c, scripts))),
        ("Crashed", (line for c in of.get("crashed", []) for line in _card(c, scripts))),
        (
            "Entries of the ledger that are stale or too wide",
            (line for c in of.get("ledger", []) for line in _card(c, scripts)),
        ),
        ("Mistrusted", (f"- {_name(c)}: {share(c)}" for c in of.get("mistrusted", []))),
        ("Not run", (f"- {_name(c)}: {_cell(c['cause'])}" for c in of.get("not run", []))),
        (
            "Errors of the run",
            (line for e in document["errors"] for line in (f"- {_cell(e['where'])}", "", *_fenced(e["text"]), "")),
        ),
        ("Known deviations", (line for entry in views.known(checks) for line in _entry(entry, scripts))),
        ("Claims that are weaker than the default", _table(views.claims(document))),
        ("Claims: claimed and found", _table(views.probed(document))),
        ("Whole networks", _table(views.networks(checks))),
        ("Statements of the lectures, on trial", _table(views.statements(checks))),
        ("Conventions: who does what", _table(views.choices(checks))),
        ("Conventions: where they are documented", _table(views.documented(checks))),
        ("Conventions", _table(views.conventions(document))),
        ("Accepted although the reference rejects it", _table(views.accepts(document))),
        ("Composed", (f"- {c['adapter']}: {c['primitive']}" for c in document["composed"])),
        ("Not offered", _table(views.not_offered(checks))),
        ("Offered in part", _table(views.in_part(checks))),
        ("Accuracy", _table(views.accuracy(checks))),
        ("What was tried", _table(views.everything(checks))),
        ("What this suite can detect", _table(views.power(document))),
    ]
    head = ["# Conformance report", "", f"**{verdict(document)}**", ""]
    if not is_clean(document) and not document["complete"]:
        head += ["This report is incomplete: what is missing is listed below, and nothing is known about it.", ""]
    body = [line for title, lines in sections for line in (f"## {title}", "", *(list(lines) or ["None."]), "")]
    foot = ["The numbers are the worst that were seen, and so lower bounds of the true maximum."]
    return "\n".join([*head, *body, *foot]).rstrip() + "\n"


def _settings(document: Document) -> Iterator[str]:
    yield f"- Report: `{document['id']}`"
    yield from (f"- {line}" for line in views.settings(document))
    yield "- Unit: error/bound, the error of a result in units of the error that is allowed there; it conforms up to 1."


def _matrix(checks: list[Check]) -> Iterator[str]:
    names, rows = views.matrix(checks)
    cells = ([p, *(f"**{c.text}**" if c.kind in views.WORST_FIRST else c.text for c in row)] for p, row in rows)
    yield from _table(Table(["primitive", *names], list(cells)))
    yield ""
    yield "A number is the worst error/bound of all checks of the primitive."


def _card(check: Check, scripts: dict[repro.Key, str]) -> Iterator[str]:
    found = check["counterexample"] or {}
    yield f"### {_name(check)}"
    yield ""
    yield f"{_cell(check['statement'])} ({check['where']}; reference: {check['reference']})"
    yield ""
    if check["cause"]:
        yield from _fenced(check["cause"])
        yield ""
    if found.get("call"):
        yield "Input:" if check["outcome"] == "deviates" else "Last input given to the backend:"
        yield ""
        yield from _fenced(shortened(found["call"], LONG), "python")
        yield ""
    if found.get("message"):
        yield f"Found ({found['kind']}):"
        yield ""
        yield from _fenced(shortened(found["message"], LONG))
        yield ""
        if found.get("index") is not None:
            got, want, bound = (found[key] for key in ("got", "want", "bound"))
            yield f"- at `{found['output']}{found['index']}`: got `{got}`, want `{want}`, allowed error `{bound}`"
            yield ""
    if name := scripts.get(repro.of_check(check)):
        yield f"Script: [{name}.py](repro/{name}.py), and [a text for an issue](repro/{name}.md)."
        yield ""
    elif "omitted" in (check["evidence"] or {}):
        yield f"No script: {_cell(check['evidence']['omitted'])}."
        yield ""
    if check["traceback"]:
        yield from _fenced("\n".join(check["traceback"]))
        yield ""


def _entry(entry: Known, scripts: dict[repro.Key, str]) -> Iterator[str]:
    yield f"- {_cell(entry.reason)} ({entry.link})"
    yield f"  - input: `{_cell(shortened(entry.example))}`"
    yield f"  - found: {_cell(shortened(entry.failure))}"
    if name := scripts.get(repro.of_entry(entry)):
        yield f"  - script: [{name}.py](repro/{name}.py), and [a text for an issue](repro/{name}.md)"
    yield f"  - met by: {', '.join(_name(check) for check in entry.checks)}"


def _name(check: Check) -> str:
    return f"{_cell(check['id'])} on {_cell(backend_id(check))}"


def _table(table: Table) -> Iterable[str]:
    """Nothing, if there are no rows."""
    if not table.rows:
        return []
    heads = f"| {' | '.join(_cell(head) for head in table.heads)} |"
    rows = (f"| {' | '.join(_cell(entry) for entry in row)} |" for row in table.rows)
    return [heads, f"|{' --- |' * len(table.heads)}", *rows]


def _cell(text: object) -> str:
    """A text that cannot break a table or a line."""
    return " ".join(str(text).split()).replace("|", "\\|").replace("<", "&lt;")


def _fenced(text: str, language: str = "") -> list[str]:
    fence = "```"
    while fence in text:
        fence += "`"
    return [fence + language, *text.splitlines(), fence]
