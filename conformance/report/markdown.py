"""The report as Markdown: verdict first, then the matrix, then whatever is not plainly right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from conformance.changes import Changes, Pair
from conformance.document import Document, backend_id
from conformance.report import repro, views
from conformance.report.comparison import headline, tables
from conformance.report.views import Check, Known, Table
from conformance.results import FAILS, is_clean, shortened, word
from conformance.summary import WORDS, share, verdict

SUMMARY_BACKENDS, SUMMARY_FAILURES, SUMMARY_REMARKS, SUMMARY_SETTINGS = 12, 12, 6, 6  # lines of summary.md
LONG = 4000  # characters of a call; results.json has it whole


def render(document: Document, changes: Changes | None = None) -> str:
    """The whole report. A section without entries says so, since silence could mean anything.

    changes: those since a baseline.
    """
    checks, scripts = document["checks"], repro.names(document)
    of = {w: [c for c in checks if word(c) == w] for w in {word(c) for c in checks}}
    sections = [
        ("How it was run", _settings(document)),
        ("Primitives and backends", _matrix(checks)),
        ("Changes since the baseline", _changes(changes) if changes else ["No baseline was given."]),
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
        ("Claims that are weaker than the default", table(views.claims(document))),
        ("Claims: claimed and found", table(views.probed(document))),
        ("Whole networks", table(views.networks(checks))),
        ("Statements of the lectures, on trial", table(views.statements(checks))),
        ("Conventions: who does what", table(views.choices(checks))),
        ("Conventions: where they are documented", table(views.documented(checks))),
        ("Conventions", table(views.conventions(document))),
        ("Accepted although the reference rejects it", table(views.accepts(document))),
        ("Composed", (f"- {c['adapter']}: {c['primitive']}" for c in document["composed"])),
        ("Not offered", table(views.not_offered(checks))),
        ("Offered in part", table(views.in_part(checks))),
        ("Accuracy", table(views.accuracy(checks))),
        ("What was tried", table(views.everything(checks))),
        ("What this suite can detect", table(views.power(document))),
    ]
    head = ["# Conformance report", "", f"**{verdict(document)}**", ""]
    if not is_clean(document) and not document["complete"]:
        head += ["This report is incomplete: what is missing is listed below, and nothing is known about it.", ""]
    body = [line for title, lines in sections for line in (f"## {title}", "", *(list(lines) or ["None."]), "")]
    foot = ["The numbers are the worst that were seen, and so lower bounds of the true maximum."]
    return "\n".join([*head, *body, *foot]).rstrip() + "\n"


def summary(document: Document, changes: Changes | None = None) -> str:
    """The report in at most sixty lines, for a comment on a pull request."""
    checks = document["checks"]
    counts = Counter((backend_id(c), word(c)) for c in checks)
    names = sorted({name for name, _ in counts})
    used = [w for w in WORDS if any(counts[name, w] for name in names)]
    rows = [[name, *(str(counts[name, w] or "") for w in used)] for name in names[:SUMMARY_BACKENDS]]
    lines = ["## Etalon: conformance", "", f"**{verdict(document)}**", ""]
    failed = [(f"{_name(c)}: {word(c)}", Pair(None, c).found) for c in checks if word(c) in FAILS]
    title = "Failures"
    if changes:
        lines += [headline(changes), "", *(f"- {_cell(remark)}" for remark in changes.remarks[:SUMMARY_REMARKS]), ""]
        failed = [(f"{_cell(p.name)}: {p.words[0]} before, {p.words[1]} now", p.found) for p in changes.appeared]
        title = "New failures"
    lines += [*table(Table(["backend", *used], rows)), *_more(len(names), SUMMARY_BACKENDS, "backends"), ""]
    if failed:
        lines += [f"### {title}", ""]
        lines += [f"- {what}" + (f": {_cell(found)}" if found else "") for what, found in failed[:SUMMARY_FAILURES]]
        lines += [*_more(len(failed), SUMMARY_FAILURES, "failures"), ""]
    lines += [f"- {line}" for line in views.settings(document)[:SUMMARY_SETTINGS]]
    return "\n".join([*lines, f"- Report `{document['id'][:12]}`; `index.html` has the rest."]) + "\n"


def _more(n: int, most: int, what: str) -> list[str]:
    return ["", f"... and {n - most} more {what}."] if n > most else []


def comparison(changes: Changes) -> str:
    """The changes from one report to another, as a document of its own."""
    documents = (("before", changes.old), ("now", changes.new))
    about = [line for when, d in documents for line in ("", f"### {when}", "", *_settings(d))]
    head = ["# Changes from one report to another", ""]
    return "\n".join([*head, *_changes(changes), "", "## The reports", *about]) + "\n"


def _changes(changes: Changes) -> Iterator[str]:
    yield f"**{headline(changes)}**"
    yield ""
    yield f"- From report `{changes.old['id'][:12]}` to `{changes.new['id'][:12]}`."
    yield from (f"- {_cell(remark)}" for remark in changes.remarks)
    for title, rows in tables(changes):
        yield from ("", f"### {title}", "", *(table(rows) or ["None."]))


def _settings(document: Document) -> Iterator[str]:
    yield f"- Report: `{document['id']}`"
    yield from (f"- {line}" for line in views.settings(document))
    yield "- Unit: error/bound, the error of a result in units of the error that is allowed there; it conforms up to 1."


def _matrix(checks: list[Check]) -> Iterator[str]:
    names, rows = views.matrix(checks)
    cells = ([p, *(f"**{c.text}**" if c.kind in FAILS else c.text for c in row)] for p, row in rows)
    yield from table(Table(["primitive", *names], list(cells)))
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


def table(of: Table) -> list[str]:
    """Nothing, if there are no rows."""
    if not of.rows:
        return []
    heads = f"| {' | '.join(_cell(head) for head in of.heads)} |"
    rows = (f"| {' | '.join(_cell(entry) for entry in row)} |" for row in of.rows)
    return [heads, f"|{' --- |' * len(of.heads)}", *rows]


def _cell(text: object) -> str:
    """A text that cannot break a table or a line."""
    return " ".join(str(text).split()).replace("|", "\\|").replace("<", "&lt;")


def _fenced(text: str, language: str = "") -> list[str]:
    fence = "```"
    while fence in text:
        fence += "`"
    return [fence + language, *text.splitlines(), fence]
