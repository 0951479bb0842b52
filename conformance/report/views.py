"""What a report shows, as rows of text: the same for Markdown, HTML and LaTeX."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

from conformance.results import Document, backend_id, word
from properties.agreement import VACUOUS

Check = dict[str, Any]
Rows = list[list[str]]

WORST_FIRST = ("deviates", "crashed", "ledger", "not run", "mistrusted")


@dataclass(frozen=True)
class Table:
    """Heads and rows; empty if there is nothing to show."""

    heads: list[str]
    rows: Rows


@dataclass(frozen=True)
class Cell:
    """One cell of the matrix: its words, and what they mean."""

    text: str
    kind: str  # an outcome, or "not tried"


def settings(document: Document) -> list[str]:
    """How a run was made, a line each."""
    lines = [f"Depth: {document['depth']}, seed: {document['seed']}, checks: {len(document['checks'])}"]
    for adapter in document["adapters"]:
        versions = ", ".join(f"{name} {version}" for name, version in sorted(adapter["versions"].items()))
        lines.append(f"{adapter['name']} on {adapter['device']}: {versions or adapter['version']}")
    return lines


def matrix(checks: list[Check]) -> tuple[list[str], list[tuple[str, list[Cell]]]]:
    """Backends, and for each primitive a cell for each of them. The reference is the self-check."""
    names = sorted({backend_id(c) for c in checks})
    of: dict[tuple[str, str], list[Check]] = {}
    for check in checks:
        of.setdefault((check["primitive"], backend_id(check)), []).append(check)
    return names, [(p, [_cell(of.get((p, name), [])) for name in names]) for p in sorted({p for p, _ in of})]


def _cell(checks: list[Check]) -> Cell:
    """The worst outcome in words, or the worst error/bound."""
    counts = Counter(word(c) for c in checks)
    for worst in WORST_FIRST:
        if counts[worst]:
            return Cell(f"{worst} ({counts[worst]} of {len(checks)})", worst)
    tried = [c for c in checks if c["outcome"] != "not_offered"]
    if not tried:
        kind = "not offered" if checks else "not tried"
        return Cell(kind, kind)
    ratio = max((c["worst_ratio"] for c in tried if not isinstance(c["worst_ratio"], str)), default=0.0)
    if counts["known deviation"]:
        return Cell(f"{ratio:g} (known deviation)", "known deviation")
    return Cell(f"{ratio:g}", "conforms")


def claims(document: Document) -> Table:
    """One row for each claim and its source, with the primitives and formats that it is made for."""
    made: dict[tuple[str, str, str, str], tuple[set[str], set[str]]] = {}
    for c in document["claims"]:
        claim = dict(c["claims"])
        source = claim.pop("source", "")
        words = ", ".join(f"{k.replace('_', ' ')}: {_word(v)}" for k, v in claim.items())
        primitives, formats = made.setdefault((c["adapter"], c["device"], words, source), (set(), set()))
        primitives.add(c["primitive"])
        formats.add(c["format"])
    rows = [
        [adapter, device, ", ".join(sorted(primitives)), ", ".join(sorted(formats)), words, source]
        for (adapter, device, words, source), (primitives, formats) in sorted(made.items())
    ]
    return Table(["adapter", "device", "primitives", "formats", "claim", "source"], rows)


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


# What a probe of subnormals tells of both flags.
PROBED_AS = {"flushes_inputs": "subnormals", "flushes_results": "subnormals"}
VERDICTS = ("contradicted", "wider than found", "not probed", "holds")


def probed(document: Document) -> Table:
    """Each claim beside what its probes have found, the contradicted ones first; and those that have no probe.

    Primitives and formats of which the same was claimed and found share a row.
    """
    same: dict[tuple[str, ...], tuple[set[str], set[str]]] = {}
    seen = set()

    def note(of: dict[str, Any], verdict: str, claim: str, claimed: str, found: str) -> None:
        key = (str(VERDICTS.index(verdict)), of["adapter"], of["device"], claim, claimed, found)
        primitives, formats = same.setdefault(key, (set(), set()))
        primitives.add(of["primitive"])
        formats.add(of["format"])

    for check in document["checks"]:
        for probe in check["probes"]:
            seen.add((backend_id(check), check["primitive"], probe["claim"]))
            note(check, probe["verdict"], probe["claim"], probe["claimed"], probe["found"])
    for c in document["claims"] if seen else []:
        for claim, value in c["claims"].items():
            if claim != "source" and (backend_id(c), c["primitive"], PROBED_AS.get(claim, claim)) not in seen:
                note(c, "not probed", claim, _word(value), "")
    rows = [
        [
            adapter,
            device,
            ", ".join(sorted(primitives)),
            ", ".join(sorted(formats)),
            claim.replace("_", " "),
            claimed,
            found,
            VERDICTS[int(rank)],
        ]
        for (rank, adapter, device, claim, claimed, found), (primitives, formats) in sorted(same.items())
    ]
    return Table(["adapter", "device", "primitives", "formats", "claim", "claimed", "found", "verdict"], rows)


def networks(checks: list[Check]) -> Table:
    """How much the bounds say of each layer of a whole network, and from which layer on they say nothing."""
    rows = []
    for c in checks:
        if not c["layers"]:
            continue
        series = ", ".join(f"{layer['layer']} {_short(layer['bound'])}" for layer in c["layers"])
        if c["property"] == "layers":  # of which the widest call is noted
            cells = [f"call by call, at most: {series}", "-", "-"]
        else:
            cells = [series, _first(c["layers"], "bound", VACUOUS), _first(c["layers"], "forward", 1.0)]
        rows.append([c["id"], backend_id(c), word(c), *cells])
    heads = [
        "network",
        "backend",
        "outcome",
        "bound/scale of each layer",
        "vacuous from",
        "carried forward, vacuous from",
    ]
    return Table(heads, rows)


def _short(bound: Any) -> str:
    return bound if isinstance(bound, str) else f"{bound:.1e}"


def _first(layers: list[dict[str, Any]], bound: str, most: float) -> str:
    """The first layer whose bound says nothing, and how many layers come before it."""
    silent = [isinstance(layer[bound], str) or layer[bound] > most for layer in layers]
    if not any(silent):
        return "no layer"
    return f"{layers[silent.index(True)]['layer']} (layer {silent.index(True) + 1} of {len(layers)})"


def statements(checks: list[Check]) -> Table:
    """A row for each statement on trial, with the counterexample of the reference, if that was tried."""
    of: dict[str, list[Check]] = {}
    for check in checks:
        if check["verdict"]:
            of.setdefault(check["id"], []).append(check)
    rows = []
    for same in sorted(of.values(), key=lambda same: _natural(same[0]["property"])):
        shown = min(same, key=lambda c: (not c["verdict"]["counterexample"], c["adapter"] != "reference"))
        said, found = shown["verdict"], shown["verdict"]["counterexample"]
        rows.append(
            [
                shown["property"],
                f"“{said['words']}”: {said['lecture']}, “{said['heading']}”",
                shown["statement"],
                said["verdict"],
                said["domain"],
                str(sum(c["verdict"]["examples"] for c in same)),
                f"{found['call']}: {found['message']}" if found else "",
                ", ".join(sorted(_tried_on(c) for c in same)),
            ]
        )
    heads = ["id", "says", "as an equation", "verdict", "holds for", "examples", "smallest counterexample", "tried on"]
    return Table(heads, rows)


def _tried_on(check: Check) -> str:
    return f"{check['adapter']} on {check['device']}" + ("" if word(check) == "conforms" else f" ({word(check)})")


def _natural(id: str) -> tuple[str, int]:
    """SAID-2 comes before SAID-10."""
    name, _, number = id.partition("-")
    return name, int(number or 0)


def choices(checks: list[Check]) -> Table:
    """Who does what where a convention is open: a column for each backend that has answered."""
    asked = [c for c in checks if c["choice"]]
    names = sorted({backend_id(c) for c in asked})
    found: dict[tuple[str, str], dict[str, str]] = {}
    for c in asked:
        found.setdefault((c["property"], c["choice"]["convention"]), {})[backend_id(c)] = _chosen(c["choice"])
    rows = [
        [convention, *(of.get(name, "not offered") for name in names)]
        for (_, convention), of in sorted(found.items(), key=lambda item: _natural(item[0][0]))
    ]
    return Table(["convention", *names], rows)


def _chosen(choice: dict[str, str]) -> str:
    if not choice["documented"]:
        return f"{choice['found']} (not documented)"
    against = "" if choice["found"] == choice["documented"] else f", but documents: {choice['documented']}"
    return choice["found"] + against


def documented(checks: list[Check]) -> Table:
    """Where each choice is documented."""
    rows = {
        (_natural(c["property"]), choice["convention"], c["adapter"], choice["documented"], choice["where"])
        for c in checks
        if (choice := c["choice"]) and choice["documented"]
    }
    return Table(["convention", "adapter", "documents", "where"], [list(row) for _, *row in sorted(rows)])


def conventions(document: Document) -> Table:
    rows = {
        (c["adapter"], c["primitive"], ", ".join(f"{k} = {v}" for k, v in c["conventions"].items()))
        for c in document["conventions"]
    }
    return Table(["adapter", "primitive", "reads the reference with"], [list(row) for row in sorted(rows)])


def accepts(document: Document) -> Table:
    """What the reference rejects, and a backend documents to give a meaning."""
    rows = {
        (c["adapter"], c["primitive"], kind, why) for c in document["accepts"] for kind, why in c["accepts"].items()
    }
    return Table(["adapter", "primitive", "accepts", "as documented"], [list(row) for row in sorted(rows)])


def not_offered(checks: list[Check]) -> Table:
    counts = Counter(
        (c["adapter"], c["primitive"], "; ".join(c["reasons"])) for c in checks if c["outcome"] == "not_offered"
    )
    rows = [[adapter, primitive, str(n), reasons] for (adapter, primitive, reasons), n in sorted(counts.items())]
    return Table(["adapter", "primitive", "checks", "reason"], rows)


def in_part(checks: list[Check]) -> Table:
    """The share of problems that a backend refuses; one row for checks that refuse alike."""
    seen: dict[tuple[str, str, str], list[float]] = {}
    for c in checks:
        if c["refused"] and c["outcome"] != "not_offered":
            share = c["refused"] / c["problems"]
            seen.setdefault((c["adapter"], c["primitive"], "; ".join(c["reasons"])), []).append(share)
    rows = [
        [a, p, str(len(shares)), f"up to {max(shares):.0%}", reasons]
        for (a, p, reasons), shares in sorted(seen.items())
    ]
    return Table(["adapter", "primitive", "checks", "problems refused", "reasons"], rows)


def power(document: Document) -> Table:
    """What the suite itself can detect, a row for each primitive."""
    rows = [
        [
            s["primitive"],
            str(s["mutants"]),
            str(s["killed"]),
            str(s["checks"]),
            ", ".join(s["idle"]),
            f"{s['problems']:g}",
        ]
        for s in document["power"]["primitives"]
    ]
    heads = ["primitive", "wrong implementations", "rejected", "checks", "checks that reject none", "problems (median)"]
    return Table(heads, rows)


def everything(checks: list[Check]) -> Table:
    """Every check that was tried, with what it measured."""
    heads = ["check", "backend", "outcome", "problems", "draws", "excluded", "decided"]
    rows = [
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
    ]
    return Table([*heads, "error/bound", "ulp", "bound/scale"], rows)


def accuracy(checks: list[Check]) -> Table:
    """The worst error of every primitive and backend, and the input that attains it."""
    worst: dict[tuple[str, str], Check] = {}
    for c in checks:
        if c["property"] == "values" and c["draws"] and not isinstance(c["worst_ulp"], str):
            key = (c["primitive"], backend_id(c))
            worst[key] = max(worst.get(key, c), c, key=lambda check: check["worst_ulp"])
    rows = [
        [p, name, f"{c['worst_ulp']:g}", f"{c['worst_ratio']}", f"{c['worst_bound']}", c["worst_call"]]
        for (p, name), c in sorted(worst.items())
    ]
    return Table(
        ["primitive", "backend", "ulp", "error/bound", "bound/scale", "input with the worst error/bound"], rows
    )


@dataclass(frozen=True)
class Known:
    """An entry of a ledger that still holds: its example on one backend, and all checks that met it."""

    reason: str
    link: str
    example: str
    failure: str
    checks: list[Check]
    shown_by: Check | None = None
    input: dict[str, Any] | None = None
    evidence: dict[str, Any] | None = None


def known(checks: list[Check]) -> list[Known]:
    """The entries of the ledgers that still hold, each once."""
    entries: dict[tuple[str, str, str], Known] = {}
    for check in checks:
        for entry in check["known"]:
            told = {name: entry[name] for name in ("reason", "link", "example", "failure")}
            key = (check["adapter"], entry["reason"], entry["link"])
            mine = entries.setdefault(key, Known(**told, checks=[]))
            mine.checks.append(check)
            if entry.get("evidence"):
                shown = {"shown_by": check, "input": entry["input"], "evidence": entry["evidence"]}
                entries[key] = replace(mine, **told, **shown)
    return list(entries.values())
