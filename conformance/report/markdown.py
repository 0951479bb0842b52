"""The report as Markdown: verdict first, then the matrix, then whatever is not plainly right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from conformance.results import Document, backend_id, is_clean, word
from conformance.summary import share, shortened, verdict

Check = dict[str, Any]
LONG = 4000  # characters of a call; results.json has it whole
WORST_FIRST = ("crashed", "deviates", "not run", "ledger", "mistrusted")


def render(document: Document) -> str:
    """The whole report. A section without entries says so, since silence could mean anything."""
    checks = document["checks"]
    of = {w: [c for c in checks if word(c) == w] for w in {word(c) for c in checks}}
    known = [c for c in checks if c["known"]]
    sections = [
        ("How it was run", _settings(document)),
        ("Primitives and backends", _matrix(checks)),
        ("Deviations", (line for c in of.get("deviates", []) for line in _card(c))),
        ("Crashed", (line for c in of.get("crashed", []) for line in _card(c))),
        ("Entries of the ledger that are stale or too wide", (line for c in of.get("ledger", []) for line in _card(c))),
        ("Mistrusted", (f"- {_name(c)}: {share(c)}" for c in of.get("mistrusted", []))),
        ("Not run", (f"- {_name(c)}: {_cell(c['cause'])}" for c in of.get("not run", []))),
        (
            "Errors of the run",
            (line for e in document["errors"] for line in (f"- {_cell(e['where'])}", "", *_fenced(e["text"]), "")),
        ),
        ("Known deviations", (f"- {_name(c)}: {_cell(k['reason'])} {k['link']}" for c in known for k in c["known"])),
        ("Claims that are weaker than the default", _claims(document)),
        ("Conventions", _conventions(document)),
        ("Composed", (f"- {c['adapter']}: {c['primitive']}" for c in document["composed"])),
        ("Not offered", _not_offered(checks)),
        ("Offered in part", _in_part(checks)),
        ("What was tried", _all(checks)),
    ]
    head = ["# Conformance report", "", f"**{verdict(document)}**", ""]
    if not is_clean(document) and not document["complete"]:
        head += ["This report is incomplete: what is missing is listed below, and nothing is known about it.", ""]
    body = [line for title, lines in sections for line in (f"## {title}", "", *(list(lines) or ["None."]), "")]
    return "\n".join([*head, *body]).rstrip() + "\n"


def _settings(document: Document) -> Iterator[str]:
    yield f"- Report: `{document['id']}`"
    yield f"- Depth: {document['depth']}, seed: {document['seed']}, checks: {len(document['checks'])}"
    for adapter in document["adapters"]:
        versions = (
            ", ".join(f"{name} {version}" for name, version in sorted(adapter["versions"].items()))
            or adapter["version"]
        )
        yield f"- {adapter['name']} on {adapter['device']}: {versions}"
    yield "- Unit: error/bound, the error of a result in units of the error that is allowed there; it conforms up to 1."


def _matrix(checks: list[Check]) -> Iterator[str]:
    names = sorted({backend_id(c) for c in checks})
    primitives = sorted({c["primitive"] for c in checks})
    of: dict[tuple[str, str], list[Check]] = {}
    for check in checks:
        of.setdefault((check["primitive"], backend_id(check)), []).append(check)
    rows = ([p, *(_state(of.get((p, name), [])) for name in names)] for p in primitives)
    yield from _table(["primitive", *names], rows)
    yield ""
    yield "A number is the worst error/bound of all checks of the primitive."


def _state(checks: list[Check]) -> str:
    """One cell of the matrix: the worst outcome in words, or the worst error/bound."""
    counts = Counter(word(c) for c in checks)
    for worst in WORST_FIRST:
        if counts[worst]:
            return f"**{worst}** ({counts[worst]} of {len(checks)})"
    tried = [c for c in checks if c["outcome"] != "not_offered"]
    if not tried:
        return "not offered" if checks else "not tried"
    ratios = [c["worst_ratio"] for c in tried if not isinstance(c["worst_ratio"], str)]
    return f"{max(ratios, default=0.0):g}{' (known deviation)' if counts['known deviation'] else ''}"


def _card(check: Check) -> Iterator[str]:
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
    if check["traceback"]:
        yield from _fenced("\n".join(check["traceback"]))
        yield ""


def _claims(document: Document) -> Iterable[str]:
    """One row for each claim and its source, with the primitives and formats that it is made for."""
    made: dict[tuple[str, str, str, str], tuple[set[str], set[str]]] = {}
    for c in document["claims"]:
        claims = dict(c["claims"])
        source = claims.pop("source", "")
        words = ", ".join(f"{k.replace('_', ' ')}: {_word(v)}" for k, v in claims.items())
        primitives, formats = made.setdefault((c["adapter"], c["device"], words, source), (set(), set()))
        primitives.add(c["primitive"])
        formats.add(c["format"])
    rows = (
        [adapter, device, ", ".join(sorted(primitives)), ", ".join(sorted(formats)), words, source]
        for (adapter, device, words, source), (primitives, formats) in sorted(made.items())
    )
    return _table(["adapter", "device", "primitives", "formats", "claim", "source"], rows) if made else []


def _word(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else {True: "yes", False: "no"}.get(value, str(value))


def _conventions(document: Document) -> Iterable[str]:
    rows = {
        (c["adapter"], c["primitive"], ", ".join(f"{k} = {v}" for k, v in c["conventions"].items()))
        for c in document["conventions"]
    }
    return (
        _table(["adapter", "primitive", "reads the reference with"], (list(row) for row in sorted(rows)))
        if rows
        else []
    )


def _not_offered(checks: list[Check]) -> Iterable[str]:
    counts = Counter(
        (c["adapter"], c["primitive"], "; ".join(c["reasons"])) for c in checks if c["outcome"] == "not_offered"
    )
    rows = ([adapter, primitive, str(n), reasons] for (adapter, primitive, reasons), n in sorted(counts.items()))
    return _table(["adapter", "primitive", "checks", "reason"], rows) if counts else []


def _in_part(checks: list[Check]) -> Iterable[str]:
    """The share of problems that a backend refuses; one row for checks that refuse alike."""
    seen: dict[tuple[str, str, str], list[float]] = {}
    for c in checks:
        if c["refused"] and c["outcome"] != "not_offered":
            seen.setdefault((c["adapter"], c["primitive"], "; ".join(c["reasons"])), []).append(
                c["refused"] / c["problems"]
            )
    rows = (
        [a, p, str(len(shares)), f"up to {max(shares):.0%}", reasons]
        for (a, p, reasons), shares in sorted(seen.items())
    )
    return _table(["adapter", "primitive", "checks", "problems refused", "reasons"], rows) if seen else []


def _all(checks: list[Check]) -> Iterator[str]:
    heads = [
        "check",
        "backend",
        "outcome",
        "problems",
        "draws",
        "excluded",
        "decided",
        "error/bound",
        "ulp",
        "bound/scale",
    ]
    rows = (
        [
            c["id"],
            backend_id(c),
            word(c),
            *(str(c[key]) for key in ("problems", "draws", "excluded")),
            "" if c["decided"] is None else f"{c['decided']:g}",
            *(f"{c[key]}" for key in ("worst_ratio", "worst_ulp", "worst_bound")),
        ]
        for c in checks
        if c["outcome"] != "not_offered"
    )
    yield from _table(heads, rows)
    yield ""
    yield "The numbers are the worst that were seen, and so lower bounds of the true maximum."


def _name(check: Check) -> str:
    return f"{_cell(check['id'])} on {_cell(backend_id(check))}"


def _table(heads: list[str], rows: Iterable[list[str]]) -> Iterator[str]:
    yield f"| {' | '.join(_cell(head) for head in heads)} |"
    yield f"|{' --- |' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(_cell(entry) for entry in row)} |"


def _cell(text: object) -> str:
    """A text that cannot break a table or a line."""
    return " ".join(str(text).split()).replace("|", "\\|").replace("<", "&lt;")


def _fenced(text: str, language: str = "") -> list[str]:
    fence = "```"
    while fence in text:
        fence += "`"
    return [fence + language, *text.splitlines(), fence]
