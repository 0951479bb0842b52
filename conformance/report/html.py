"""The report as one self-contained HTML page, from report.html.j2 beside this file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from conformance import __version__
from conformance.changes import Changes
from conformance.derivation import RULES, Derivation, derivation
from conformance.document import Document, backend_id
from conformance.report import citation, measured, pictures, repro, views
from conformance.report.comparison import headline, tables
from conformance.report.views import Check, Table
from conformance.results import is_clean, shortened, word
from conformance.summary import share, verdict
from properties.strategies.kinds import KINDS

LONG = 4000  # characters of a call; results.json has it whole
DRAWN = 16  # failures with a picture


def render(
    document: Document,
    machines: list[dict[str, Any]],
    timing: Document | None = None,
    changes: Changes | None = None,
) -> str:
    """The page; it loads nothing and needs no script.

    machines: the environments of the run, one for each run of a merged report. changes: those since a baseline.
    """
    checks = document["checks"]
    names, rows = views.matrix(checks)
    failures = [c for c in checks if word(c) in ("deviates", "crashed", "ledger")]
    groups, derivations = _by_primitive(failures), _derivations(checks)
    page = _templates().get_template("report.html.j2")
    return page.render(
        document=document,
        machines=machines,
        changes=changes,
        headline=headline(changes) if changes else "",
        changed=tables(changes) if changes else [],
        warnings=(timing or {}).get("warnings", []),
        version=__version__,
        verdict=verdict(document),
        is_clean=is_clean(document),
        settings=views.settings(document),
        outcomes=views.outcomes(checks),
        bibtex=citation.entry(document),
        sentence=citation.sentence(document),
        names=names,
        matrix=rows,
        failures=failures,
        groups=groups,
        drawings=_drawings([c for _, first, others in groups for c in (first, *others)]),
        missing=[c for c in checks if word(c) == "not run"],
        mistrusted=[(c, share(c)) for c in checks if word(c) == "mistrusted"],
        known=list(views.known(checks)),
        claims=views.claims(document),
        probes=views.probed(document),
        networks=views.networks(checks),
        statements=views.statements(checks),
        gallery=_gallery(checks),
        choices=views.choices(checks),
        documented=views.documented(checks),
        conventions=views.conventions(document),
        accepts=views.accepts(document),
        not_offered=views.not_offered(checks),
        in_part=views.in_part(checks),
        accuracy=views.accuracy(checks),
        figures=list(_figures(checks)),
        has_pictures=pictures.IS_INSTALLED,
        exercised=views.exercised(checks),
        all_kinds=", ".join(KINDS),
        lanes=views.lanes(checks),
        results=views.results_of(checks),
        power=views.power(document),
        kinds=views.kinds(document),
        rules=RULES,
        derivations=derivations,
        derived={found.primitive for found in derivations},
        inputs=len({c["inputs"] for c in checks} - {""}),
        scripts=repro.names(document),
        of_check=repro.of_check,
        of_entry=repro.of_entry,
        backend_id=backend_id,
        word=word,
    )


def comparison(changes: Changes) -> str:
    """The changes from one report to another, as a page of their own."""
    page = _templates().get_template("comparison.html.j2")
    return page.render(
        changes=changes,
        headline=headline(changes),
        tables=tables(changes),
        settings=[("before", views.settings(changes.old)), ("now", views.settings(changes.new))],
    )


def _templates() -> Environment:
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {
        "shortened": lambda text: shortened(text, LONG),
        "cut": shortened,
        "anchor": _anchor,
        "grouped": _grouped,
    }
    return templates


@dataclass(frozen=True)
class Shown:
    """Something measured: a picture where it can be drawn, what one learns from it, and its numbers."""

    id: str
    title: str
    caption: str
    drawings: list[tuple[str, str]]  # what of, and the picture
    table: Table


def _figures(checks: list[Check]) -> Iterator[Shown]:
    can = pictures.IS_INSTALLED
    if found := measured.spreads(checks):
        yield Shown(
            "spread",
            "How much of the bound is used",
            "Each row is a primitive, each cell a power of two of error/bound: the darker, the more of the elements "
            "lie there. A diamond is the largest; right of the line a result is wrong, and a cross marks it. A bound "
            "that is far from every error says less than one that is nearly reached.",
            [(name, pictures.spread(name, of, f"spread-{i}")) for i, (name, of) in enumerate(found.items())]
            if can
            else [],
            measured.spread_table(checks),
        )
    if measured.lengths(checks):
        yield Shown(
            "lengths",
            "Error and bound by the length of a sum",
            "Numbers between 1/2 and 1, of which none cancels. A dash is the bound, which grows with n, or with n "
            "roundings of the accumulator; a mark is the worst error. What is far below was added up pairwise or in a "
            "wider format; what follows the dashes, one after another. A result without an error has no mark.",
            [("", pictures.lengths(checks, "lengths-0"))] if can else [],
            measured.length_table(checks),
        )
    if measured.conditions(checks):
        yield Shown(
            "conditions",
            "Error by condition",
            "An element whose terms cancel has a bound of many roundings of its own value: that many is its "
            "condition, from left to right. The largest error of all primitives may grow with it, up to the line. On "
            "the left, where nothing cancels, it is a few roundings; beyond 1/u no digit of an element is certain.",
            [("", pictures.conditions(checks, "conditions-0"))] if can else [],
            measured.condition_table(checks),
        )
    if functions := measured.accuracy(checks):
        yield Shown(
            "functions",
            "Elementary functions over their domain",
            "The worst error of each binade of x, in the unit of the claim; the line is the k that is claimed. Half a "
            "unit is a correctly rounded function. Where a curve rises towards one end, the argument is reduced with "
            "too few digits, or the result is formed of what cancels. What is below a hundredth lies at the bottom.",
            [(name, pictures.accuracy(name, of, f"functions-{i}")) for i, (name, of) in enumerate(functions.items())]
            if can
            else [],
            measured.accuracy_table(checks),
        )


def _by_primitive(failures: list[Check]) -> list[tuple[str, Check, list[Check]]]:
    """The failures of each primitive: that of its values, or the first one, and the others."""
    of: dict[str, list[Check]] = {}
    for check in sorted(failures, key=lambda c: c["property"] != "values"):
        of.setdefault(check["primitive"], []).append(check)
    return [(primitive, of[primitive][0], of[primitive][1:]) for primitive in sorted(of)]


def _drawings(failures: list[Check]) -> dict[str, str]:
    """The pictures of the first failures that can be drawn, by the place of their card."""
    found: dict[str, str] = {}
    for check in failures if pictures.IS_INSTALLED else []:
        place = _anchor(f"{check['id']} {backend_id(check)}")
        drawing = pictures.counterexample(check["counterexample"] or {}, f"drawn-{len(found)}")
        if drawing and len(found) < DRAWN:
            found[place] = drawing
    return found


def _gallery(checks: list[Check]) -> list[Check]:
    """Statements that fail, one check of each, with a counterexample."""
    found: dict[str, Check] = {}
    for c in checks:
        if c["verdict"] and c["verdict"]["verdict"] == "fails" and c["verdict"]["counterexample"]:
            found.setdefault(c["property"], c)
            if c["adapter"] == "reference":
                found[c["property"]] = c
    return [found[key] for key in sorted(found, key=lambda key: int(key.partition("-")[2]))]


def _derivations(checks: list[Check]) -> list[Derivation]:
    tried = {c["primitive"] for c in checks}
    return [found for primitive in sorted(tried) if (found := derivation(primitive))]


def _anchor(text: str) -> str:
    """A text as the name of a place in the page."""
    return "".join(c if c.isalnum() else "-" for c in text).strip("-")


def _grouped(number: str) -> str:
    """A long number with its digits in groups of three."""
    return f"{int(number):,}".replace(",", "\u202f") if number.isdigit() and len(number) > 4 else number
