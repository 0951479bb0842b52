"""From the records of a run to one document: sorted, without clock, machine or path.

The same run gives the same document, whatever the number of processes; document.py writes and reads it.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import signal
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from conformance import evidence, matrix, records
from conformance.document import SCHEMA, Document, identity, order
from properties.agreement import Failure, Tally, Verdict
from reference import PRIMITIVES

OUTCOMES = ("conforms", "known_deviation", "deviates", "not_offered", "crashed", "not_run")
CLEAN = ("conforms", "known_deviation", "not_offered")
FAILS = ("deviates", "crashed", "ledger", "not run", "mistrusted")  # as words, the worst first
DIRECT = ("values", "gradients")  # the checks that one reads first
HALF = 0.5  # a check that is decided on less of its elements is not trusted
OF_A_CALL = 240  # characters of the call with the worst error/bound that are kept
DIGITS = 12  # of the hash of the inputs


def measure(tally: Tally) -> dict[str, Any]:
    """What a check has measured, as data."""
    return {
        "problems": tally.problems,
        "draws": tally.draws,
        "refused": tally.refused,
        "excluded": tally.excluded,
        "elements": tally.elements,
        "decided": tally.decided,
        "worst_ratio": tally.worst_ratio,
        "worst_ulp": tally.worst_ulp,
        "worst_bound": tally.worst_bound,
        "worst_call": tally.worst_call,
        "reasons": sorted(tally.reasons),
        "known": [_known(entry) for entry in tally.known],
        "probes": list(tally.probes),
        "layers": list(tally.layers),
        "verdict": _verdict(tally.verdict),
        "choice": tally.choice,
        "series": tally.series.as_data(),
        "inputs_sha256": tally.digest.hexdigest(),
    }


def _known(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry of the ledger that still holds, as data, with its pinned input."""
    draw, found = entry["draw"], entry["found"]
    told = {key: entry[key] for key in ("reason", "link", "example", "failure")}
    given = records.as_input(draw.primitive, draw.arrays, draw.options, draw.extras)
    named = {**draw.arrays, **draw.extras}
    return told | {"input": given, "evidence": evidence.as_data(entry["evidence"], found, named, entry["device"])}


def _verdict(found: Verdict | None) -> dict[str, Any] | None:
    """What became of a statement on trial, as data."""
    if found is None:
        return None
    return {
        "words": found.said.words,
        "lecture": str(found.said.lecture),
        "heading": found.said.heading,
        "verdict": found.verdict,
        "domain": found.domain,
        "examples": found.examples,
        "counterexample": found.contradiction and counterexample(found.contradiction),
    }


def counterexample(failure: Failure) -> dict[str, Any]:
    """How a check has failed, and on what, as data."""
    draw = failure.draw
    given = {} if draw is None else records.as_input(draw.primitive, draw.arrays, draw.options, draw.extras)
    text = {} if draw is None else {"call": repr(draw), "numbers": draw.numbers}
    return {
        **given,
        **text,
        "kind": failure.kind,
        "message": str(failure),
        "output": failure.output,
        "index": failure.index,
        "got": failure.got,
        "want": failure.want,
        "bound": failure.bound,
        "sides": failure.sides and dict(zip(("got", "want", "bound"), failure.sides, strict=True)),
    }


def is_mistrusted(outcome: str, measured: dict[str, Any]) -> bool:
    """Whether a check that holds has judged too little to say so.

    >>> is_mistrusted("conforms", {"draws": 8, "elements": 10, "decided": 4})
    True
    """
    if outcome not in ("conforms", "known_deviation"):
        return False
    if not measured["draws"]:
        return not measured["excluded"]  # the ledger may explain every invalid problem
    return not measured["elements"] or measured["decided"] < HALF * measured["elements"]


def build(folder: Path, run: str) -> tuple[Document, Document]:
    """The document of a run, and what depends on its circumstances: times, counts and warnings.

    Raises: ValueError if there is no run, or a record is damaged.
    """
    found = records.read(folder, run)
    of: dict[str, list[dict[str, Any]]] = {kind: [r for r in found if r["record"] == kind] for kind in records.KINDS}
    if not of["collected"]:
        raise ValueError(f"no process of the run {run} has collected a check, so there is nothing to report")
    unknown = {"seed": None, "depth": None, "limit": 0.0, "suite": None, "choice": None}
    settings: dict[str, Any] = unknown | (of["run"][0] if of["run"] else {})
    is_finished = bool(of["finished"])
    is_interrupted = any(r["interrupted"] for r in of["finished"])
    items = {item["item"]: item for r in of["collected"] for item in r["items"]}
    backends = {key: backend for r in of["collected"] for key, backend in r["backends"].items()}
    ends = {r["item"]: r for r in of["end"]}
    starts = {r["item"]: r for r in of["start"]}
    down = {r["worker"]: r for r in of["down"]}

    def end_of(item: str) -> dict[str, Any]:
        if item in ends:
            return ends[item]
        if item not in starts:
            return {"outcome": "not_run", "cause": "it was not begun"}
        start = starts[item]
        lost = down.get(start["process"])
        if lost is None and is_interrupted:
            return {"outcome": "not_run", "cause": "it was interrupted"}
        fault, places = records.faults_of(folder, run, start["process"])
        device = backends[items[item]["backend"]]["device"]
        return {
            "evidence": evidence.of_last(folder, run, start["process"], device),
            "outcome": "crashed",
            "cause": _cause(fault, lost, settings["limit"]),
            "traceback": places,
            "counterexample": records.last_input(folder, run, start["process"]),
        }

    checks = sorted((_check(item, backends[item["backend"]], end_of(name)) for name, item in items.items()), key=order)
    modules = {name: text for r in of["collected"] for name, text in r.get("sources", {}).items()}
    sources = _sourced(checks, modules)
    errors = sorted({(r["where"], r["text"]) for r in of["error"]})
    document: Document = {
        "schema": SCHEMA,
        "suite": settings["suite"],
        "runs": [settings["choice"]] if settings["choice"] else [],
        "seed": settings["seed"],
        "depth": settings["depth"],
        "complete": is_finished and not errors and all(check["outcome"] != "not_run" for check in checks),
        "interrupted": is_interrupted or not is_finished,
        "errors": [{"where": where, "text": _without_addresses(text)} for where, text in errors],
        "adapters": _adapters(backends),
        "claims": _of_backends(backends, "claims"),
        "conventions": _of_backends(backends, "conventions"),
        "accepts": _of_backends(backends, "accepts"),
        "composed": _composed(backends),
        "power": _power(),
        "sources": sources,
        "checks": checks,
    }
    document["id"] = identity(document)
    began = min(r["time"] for r in found)
    timing = {
        "seconds": round(max(r["time"] for r in found) - began, 3),
        "checks": _seconds((items[r["item"]], r["seconds"]) for r in of["end"]),
        "counts": _counts((backends[items[r["item"]]["backend"]]["name"], r["counts"]) for r in of["end"]),
        # A library warns once in each process, so the number of processes decides where.
        "warnings": sorted({text for r in of["end"] for text in r["warnings"]}),
    }
    return document, timing


def _sourced(checks: list[dict[str, Any]], modules: dict[str, str | None]) -> dict[str, str]:
    """Give the evidence of the checks what it needs of the adapters; the sources that it speaks of, by their keys.

    An entry of a ledger keeps its evidence in one check: the first of those that show it by one call, of values or
    gradients if there is one.
    """
    sources: dict[str, str] = {}
    entries: dict[tuple[str, str, str], list[tuple[dict[str, Any], dict[str, Any]]]] = {}
    for check in checks:
        module = modules.get(check["adapter"])
        if check["evidence"]:
            check["evidence"] = evidence.with_source(check["evidence"], check["adapter"], module, sources)
        for entry in check["known"]:
            entries.setdefault((check["adapter"], entry["reason"], entry["link"]), []).append((check, entry))
    for (adapter, *_), same in entries.items():
        _, best = min(same, key=lambda of: (evidence.rank(of[1].get("evidence")), of[0]["property"] not in DIRECT))
        for _, entry in same:
            if entry is not best:
                entry.pop("input", None)
                entry.pop("evidence", None)
        if best.get("evidence"):
            best["evidence"] = evidence.with_source(best["evidence"], adapter, modules.get(adapter), sources)
    return dict(sorted(sources.items()))


def _power() -> dict[str, Any]:
    """What the suite can detect, as it was last measured."""
    found = matrix.committed()
    rows = [dataclasses.asdict(summary) for summary in matrix.summaries(found)]
    return {key: found[key] for key in ("suite", "depth", "seed")} | {"primitives": rows}


def _seconds(ends: Iterable[tuple[dict[str, Any], float]]) -> dict[str, dict[str, float]]:
    """How long every check took, on each backend."""
    took: dict[str, dict[str, float]] = {}
    for item, seconds in ends:
        took.setdefault(item["check"]["id"], {})[item["backend"]] = round(seconds, 4)
    return took


def _counts(counts: Iterable[tuple[str, dict[str, int]]]) -> dict[str, dict[str, int]]:
    """What every adapter has counted, over all checks and processes."""
    total: dict[str, Counter[str]] = {}
    for adapter, counted in counts:
        if counted:
            total.setdefault(adapter, Counter()).update(counted)
    return {adapter: dict(sorted(counter.items())) for adapter, counter in sorted(total.items())}


def word(check: dict[str, Any]) -> str:
    """The outcome as it is printed: a check that is mistrusted never reads as one that conforms.

    An entry of the ledger that is stale or too wide is no deviation of the backend.
    """
    if ((check["counterexample"] or {}).get("kind") or "").endswith("ledger entry"):
        return "ledger"
    return "mistrusted" if check["mistrusted"] else str(check["outcome"]).replace("_", " ")


def is_clean(document: Document) -> bool:
    """Whether every check that was collected was run, and holds or is not offered, and is trusted."""
    checks = document["checks"]
    return bool(document["complete"] and all(check["outcome"] in CLEAN and not check["mistrusted"] for check in checks))


def source_of(primitive: str) -> str:
    """Where the reference defines a primitive, as file:line."""
    if primitive not in PRIMITIVES:
        return ""
    function = inspect.unwrap(PRIMITIVES[primitive])
    return f"{function.__module__.replace('.', '/')}.py:{function.__code__.co_firstlineno}"


def _check(item: dict[str, Any], backend: dict[str, Any], end: dict[str, Any]) -> dict[str, Any]:
    measured = {**measure(Tally()), **{key: end[key] for key in measure(Tally()) if key in end}}
    elements, inputs = measured.pop("elements"), measured.pop("inputs_sha256")
    failed_on, verdict = end.get("counterexample"), measured["verdict"]
    against = verdict and verdict["counterexample"]
    return {
        **item["check"],
        "where": item["where"],
        "reference": source_of(item["check"]["primitive"]),
        "adapter": backend["name"],
        "device": backend["device"],
        "format": backend["format"],
        "mode": backend["mode"],
        "outcome": end["outcome"],
        "mistrusted": is_mistrusted(end["outcome"], {**measured, "elements": elements}),
        **measured,
        "elements": elements,
        "decided": rounded(measured["decided"] / elements) if elements else None,
        "worst_ratio": rounded(measured["worst_ratio"]),
        "worst_ulp": rounded(measured["worst_ulp"]),
        "worst_bound": rounded(measured["worst_bound"]),
        # The report shows it for values alone, and it would be a third of the document.
        "worst_call": shortened(measured["worst_call"], OF_A_CALL) if item["check"]["property"] == "values" else "",
        "layers": [{key: rounded(value) for key, value in layer.items()} for layer in measured["layers"]],
        "series": rounded(measured["series"]),
        "reasons": [_without_addresses(reason) for reason in measured["reasons"]],
        "inputs": inputs[:DIGITS] if inputs != measure(Tally())["inputs_sha256"] else "",
        "cause": _without_addresses(end.get("cause")),
        "traceback": end.get("traceback"),
        "counterexample": failed_on and _judged(failed_on),
        "evidence": end.get("evidence"),
        "verdict": verdict and verdict | {"counterexample": against and _judged(against)},
    }


def _judged(example: dict[str, Any]) -> dict[str, Any]:
    """A counterexample: its input to the last bit, its bound to three digits."""
    clean = {"message": _without_addresses, "call": _without_addresses, "bound": rounded, "sides": _sides}
    return {key: clean[key](value) if key in clean else records.plain(value) for key, value in example.items()}


def _sides(sides: dict[str, Any] | None) -> dict[str, Any] | None:
    return sides and sides | {"bound": rounded(sides["bound"])}


def rounded(x: Any) -> Any:
    """A number, or each one of some data, to three significant digits; what is no finite number stays.

    >>> rounded(0.012345), rounded("Infinity")
    (0.0123, 'Infinity')
    """
    if isinstance(x, dict):
        return {key: rounded(value) for key, value in x.items()}
    if isinstance(x, (list, tuple)):
        return [rounded(value) for value in x]
    return float(f"{x:.3g}") if isinstance(x, float) else x


def shortened(text: str, most: int = 480) -> str:
    """A text of bearable length: its begin and its end.

    >>> shortened("abcdefgh" * 4, 16)
    'abcdefg ... efgh'
    """
    if len(text) <= most:
        return text
    half = (most - 5) * 2 // 3
    return f"{text[:half]} ... {text[len(text) - (most - 5 - half) :]}"


def _without_addresses(text: Any) -> Any:
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text) if isinstance(text, str) else text


def _cause(fault: str, lost: dict[str, Any] | None, limit: float) -> str:
    """Why a process ended in the middle of a check, as far as anyone knows."""
    if fault.startswith("Timeout"):
        return f"it ran for more than {limit:g} s, the limit of a check, and was ended"
    return ending(lost["status"]) if lost and lost["status"] is not None else fault or ending(None)


def ending(status: int | None) -> str:
    """How a process ended, by its exit status; negative for a signal."""
    if status is None:
        return "the process ended without a word"
    if status >= 0:
        return f"the process ended with status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    return f"the process was ended by {name}{', perhaps for want of memory' if name == 'SIGKILL' else ''}"


def _adapters(backends: dict[str, Any]) -> list[dict[str, Any]]:
    unique = {
        (b["name"], b["device"]): {key: b[key] for key in ("name", "version", "versions", "device")}
        for b in backends.values()
    }
    return [unique[key] for key in sorted(unique)]


def _of_backends(backends: dict[str, Any], what: str) -> list[dict[str, Any]]:
    """The claims, the conventions, or what is accepted, of every backend and primitive that has any."""
    return [
        {
            "adapter": b["name"],
            "device": b["device"],
            "format": b["format"],
            "mode": b["mode"],
            "primitive": primitive,
            what: values,
        }
        for b in sorted(backends.values(), key=lambda b: (b["name"], b["device"], b["format"], b["mode"]))
        for primitive, values in sorted(b[what].items())
    ]


def _composed(backends: dict[str, Any]) -> list[dict[str, Any]]:
    """The primitives that an adapter composes of the framework's pieces, since it has no call for them."""
    pairs = {(b["name"], primitive) for b in backends.values() for primitive in b["composed"]}
    return [{"adapter": name, "primitive": primitive} for name, primitive in sorted(pairs)]
