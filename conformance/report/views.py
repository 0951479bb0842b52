"""What a report shows, as rows of text: the same for Markdown, HTML and LaTeX."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from conformance.cases import CASES
from conformance.document import Document, backend_id
from conformance.matrix import kind_of
from conformance.results import FAILS, word
from conformance.summary import WORDS
from properties.agreement import VACUOUS
from properties.strategies.kinds import KINDS
from reference.arithmetic import FORMATS

Check = dict[str, Any]
Rows = list[list[str]]


@dataclass(frozen=True)
class Table:
    """Heads and rows; empty if there is nothing to show.

    worst: what a reader should know who does not unfold it. names: of the rows, where one may want to cite them.
    """

    heads: list[str]
    rows: Rows
    worst: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cell:
    """One cell of the matrix: its words, and what they mean."""

    text: str
    kind: str  # an outcome, or "not tried"


def settings(document: Document) -> list[str]:
    """How a run was made, a line each."""
    lines = [f"Depth: {document['depth']}, seed: {document['seed']}, checks: {len(document['checks'])}"]
    if suite := document["suite"]:
        lines.append(f"Suite: {suite['version']}, commit {suite['commit'] or 'unknown'}, source {suite['source']}")
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
    return names, [(p, [cell(of.get((p, name), [])) for name in names]) for p in sorted({p for p, _ in of})]


def cell(checks: list[Check]) -> Cell:
    """The worst outcome in words, or the worst error/bound."""
    counts = Counter(word(c) for c in checks)
    for worst in FAILS:
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
    counts = Counter(row[-1] for row in rows)
    heads = ["adapter", "device", "primitives", "formats", "claim", "claimed", "found", "verdict"]
    return Table(heads, rows, ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict]))


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
    for same in sorted(of.values(), key=lambda same: natural(same[0]["property"])):
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


def natural(id: str) -> tuple[str, int]:
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
        for (_, convention), of in sorted(found.items(), key=lambda item: natural(item[0][0]))
    ]
    ids = sorted({c["property"] for c in asked}, key=natural)
    return Table(["convention", *names], rows, names=tuple(ids) if len(ids) == len(rows) else ())


def _chosen(choice: dict[str, str]) -> str:
    if not choice["documented"]:
        return f"{choice['found']} (not documented)"
    against = "" if choice["found"] == choice["documented"] else f", but documents: {choice['documented']}"
    return choice["found"] + against


def documented(checks: list[Check]) -> Table:
    """Where each choice is documented."""
    rows = {
        (natural(c["property"]), choice["convention"], c["adapter"], choice["documented"], choice["where"])
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
    return Table(["adapter", "primitive", "checks", "reason"], rows, f"{counts.total()} checks")


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
    most = max(((max(shares), *names[:2]) for names, shares in seen.items()), default=None)
    worst = f"most: {most[1]} refuses up to {most[0]:.0%} of {most[2]}" if most else ""
    return Table(["adapter", "primitive", "checks", "problems refused", "reasons"], rows, worst)


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
    total = document["power"]["primitives"][-1]
    left, idle = total["mutants"] - total["killed"], len(total["idle"])
    return Table(heads, rows, f"{left or 'none'} not rejected, {idle or 'no'} checks that reject none")


def outcomes(checks: list[Check]) -> Table:
    """How many checks of every backend have each outcome."""
    counts = Counter((backend_id(c), word(c)) for c in checks)
    words = [w for w in WORDS if any(w == of for _, of in counts)]
    names = sorted({name for name, _ in counts})
    rows = [[name, *(str(counts[name, w]) for w in words), str(sum(counts[name, w] for w in words))] for name in names]
    return Table(["backend", *words, "all"], rows)


def exercised(checks: list[Check]) -> Table:
    """What each primitive was tried on, over all backends but the reference; of that, too, if it is alone."""
    chosen = [c for c in checks if c["adapter"] != "reference"] or checks
    kinds = {case.primitive: tuple(case.problems.kinds or KINDS) for case in CASES}
    everywhere = {c["format"] for c in chosen}
    of: dict[str, list[Check]] = {}
    for c in chosen:
        of.setdefault(c["primitive"], []).append(c)
    rows = []
    for primitive, mine in sorted(of.items()):
        tried = [c for c in mine if c["outcome"] != "not_offered"]
        there = {c["format"] for c in tried}
        elements = sum(c["elements"] for c in tried)
        decided = sum(c["elements"] * (c["decided"] or 0) for c in tried)
        numbers = (sum(c[key] for c in tried) for key in ("problems", "draws", "refused", "excluded"))
        rows.append(
            [
                primitive,
                "all" if len(there) == len(everywhere) > 1 else ", ".join(name for name in FORMATS if name in there),
                "all" if {*KINDS} <= {*kinds.get(primitive, ())} else ", ".join(kinds.get(primitive, ())),
                f"{len(tried)} of {len(mine)}",
                *map(str, numbers),
                str(elements),
                f"{decided / elements:.1%}" if elements else "",
            ]
        )
    heads = ["primitive", "formats", "kinds of numbers", "checks tried", "problems", "draws", "refused", "excluded"]
    lowest = min((row for row in rows if row[-1]), key=lambda row: float(row[-1].rstrip("%")), default=None)
    worst = f"least decided: {lowest[0]}, {lowest[-1]} of its elements" if lowest else ""
    return Table([*heads, "elements", "decided"], rows, worst)


def results_of(checks: list[Check]) -> dict[str, Table]:
    """A table for each primitive: a row for each of its checks, over all backends."""
    of: dict[str, dict[str, list[Check]]] = {}
    for c in checks:
        of.setdefault(c["primitive"], {}).setdefault(c["id"], []).append(c)
    return {primitive: _results(of[primitive]) for primitive in sorted(of)}


def lanes(checks: list[Check]) -> Table:
    """What the checks say that many primitives have, each once."""
    said = {(kind_of(c["id"]), c["statement"]) for c in checks if _is_lane(c)}
    return Table(["check", "what must hold"], [list(row) for row in sorted(said)])


def _is_lane(check: Check) -> bool:
    return check["id"] == f"{kind_of(check['id'])} {check['primitive']}"


def _results(of: dict[str, list[Check]]) -> Table:
    rows = []
    for name, same in sorted(of.items()):
        counts = Counter(word(c) for c in same)
        tried = [c for c in same if c["outcome"] != "not_offered"]
        worst = max(tried, key=_ratio, default=None)
        decided = [c["decided"] for c in tried if c["decided"] is not None]
        rows.append(
            [
                name.removesuffix(f" {same[0]['primitive']}"),
                "" if _is_lane(same[0]) else same[0]["statement"],
                ", ".join(f"{counts[w]} {w}" for w in WORDS if counts[w]),
                str(sum(c["problems"] for c in tried)) if tried else "",
                str(sum(c["draws"] for c in tried)) if tried else "",
                f"{min(decided):g}" if decided else "",
                f"{_ratio(worst):g}" if worst else "",
                backend_id(worst) if worst and _ratio(worst) else "",
            ]
        )
    heads = ["check", "what must hold", "outcomes", "problems", "draws", "least decided", "worst error/bound", "on"]
    counts = Counter(word(c) for same in of.values() for c in same)
    top = max((c for same in of.values() for c in same), key=_ratio)
    told = ", ".join(f"{counts[w]} {w}" for w in WORDS if counts[w])
    worst_of_all = "" if set(counts) <= {"not offered", "not run"} else f"; worst error/bound {_ratio(top):g}"
    return Table(heads, rows, told + worst_of_all, tuple(sorted(of)))


def _ratio(check: Check) -> float:
    return float(check["worst_ratio"])  # "Infinity" and "NaN" are numbers to Python


def kinds(document: Document) -> Table:
    """The kill matrix by kind of check: how many wrong implementations of a primitive each kind rejects."""
    found = document["power"]["primitives"]
    heads = sorted({kind for s in found for kind in s["kinds"]}, key=lambda kind: (kind.islower(), kind))
    rows = [[s["primitive"], str(s["mutants"]), *(str(s["kinds"].get(kind, "")) for kind in heads)] for s in found]
    return Table(["primitive", "wrong", *heads], rows)


def everything(checks: list[Check]) -> Table:
    """Every check that was tried, with the worst error/bound on each backend; results.json has the other measures."""
    tried = [c for c in checks if c["outcome"] != "not_offered"]
    names = sorted({backend_id(c) for c in tried})
    of: dict[str, dict[str, Check]] = {}
    for c in tried:
        of.setdefault(c["id"], {})[backend_id(c)] = c
    rows = [
        [
            id,
            str(sum(c["draws"] for c in on.values())),
            _least(c["decided"] for c in on.values()),
            *(_found(on[name]) if name in on else "" for name in names),
        ]
        for id, on in of.items()
    ]
    return Table(["check", "draws", "decided, at least", *names], rows)


def _least(shares: Iterable[float | None]) -> str:
    some = [share for share in shares if share is not None]
    return f"{min(some):g}" if some else ""


def _found(check: Check) -> str:
    """The worst error/bound, and the outcome if it is not simply that the check conforms."""
    ratio = "" if check["outcome"] in ("crashed", "not_run") else f"{check['worst_ratio']}"
    return ratio if word(check) == "conforms" else f"{ratio} {word(check)}".strip()


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
    most = max(worst.items(), key=lambda item: float(item[1]["worst_ratio"]), default=None)
    told = f"nearest to its bound: {most[0][0]} on {most[0][1]}, {most[1]['worst_ratio']}" if most else ""
    heads = ["primitive", "backend", "ulp", "error/bound", "bound/scale", "input with the worst error/bound"]
    return Table(heads, rows, told)


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
