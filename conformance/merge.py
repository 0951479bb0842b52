"""The tool merge: one report of several runs, such as of several machines, devices or adapters."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from conformance import summary
from conformance.document import (
    GROUPED,
    OF_BACKEND,
    SCHEMA,
    Document,
    NoReport,
    backend_id,
    beside,
    identity,
    order,
    read,
)
from conformance.report import write_files

Row = dict[str, Any]


class Misfit(ValueError):
    """Reports that are not parts of one; the text is one paragraph that says why and what to do."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("reports", nargs="+", type=Path, metavar="REPORT", help="folders of reports")
    parser.add_argument("--report", type=Path, required=True, metavar="DIR", help="the folder of the merged report")


def run(chosen: argparse.Namespace) -> int:
    """Write the merged report; 0 if it was written, whatever it says, 2 if the reports do not fit together."""
    try:
        parts = {document["id"]: (path, document) for path in chosen.reports for document in [read(path)]}
        paths = [path for path, _ in parts.values()]
        document = merge([part for _, part in parts.values()])
        timing = merged_timing([beside(path, "timing.json", {}) for path in paths])
        machines = merged_machines([beside(path, "environment.json", []) for path in paths])
        write_files(chosen.report, document, timing, machines)
    except (NoReport, Misfit) as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"The report cannot be written to {chosen.report}: {error}. Choose another folder.", file=sys.stderr)
        return 2
    print("\n".join(summary.lines(document, str(chosen.report), timing)))
    return 0


def merge(documents: Sequence[Document]) -> Document:
    """One document of several; the same in whatever order they are given.

    Raises: Misfit.
    """
    first = documents[0]
    for what, of in FITTING.items():
        _expect_one(what, [of(document) for document in documents])
    commits = {document["suite"]["commit"] for document in documents}
    merged: Document = {
        "schema": SCHEMA,
        "suite": first["suite"] | {"commit": commits.pop() if len(commits) == 1 else None},
        "runs": _runs(documents),
        "seed": first["seed"],
        "depth": first["depth"],
        "complete": all(document["complete"] for document in documents),
        "interrupted": any(document["interrupted"] for document in documents),
        "errors": _union(documents, "errors", ("where", "text")),
        "adapters": _union(documents, "adapters", ("name", "device")),
        **{what: _union(documents, what, (*OF_BACKEND, "primitive")) for what in GROUPED},
        "composed": _union(documents, "composed", ("adapter", "primitive")),
        "power": first["power"],
        "sources": _sources(documents),
        "checks": sorted(_union(documents, "checks", ("id", *OF_BACKEND)), key=order),
    }
    return merged | {"id": identity(merged)}


FITTING: dict[str, Callable[[Document], Any]] = {
    "version of the suite": lambda d: d["suite"] and d["suite"]["version"],
    "source of the suite": lambda d: d["suite"] and d["suite"]["source"],
    "seed": lambda d: d["seed"],
    "depth": lambda d: d["depth"],
    "kill matrix": lambda d: d["power"],
}


def _expect_one(what: str, values: list[Any]) -> None:
    """Raises: Misfit if there are several values, or if none is known."""
    if None in values:
        raise Misfit(f"A report does not say its {what}: its run was killed before it had begun. Leave it out.")
    others = [value for value in values if value != values[0]]
    if others:
        shown = "" if isinstance(values[0], dict) else f", {' and '.join(sorted({str(value) for value in values}))}"
        raise Misfit(
            f"The reports differ in the {what}{shown}, so they are not parts of one run. Make them again alike, "
            "or compare them: python -m conformance compare."
        )


def _runs(documents: Sequence[Document]) -> list[Row]:
    """What was asked for in each run, with the id of its own report."""
    runs = [{"report": document["id"], **asked} for document in documents for asked in document["runs"]]
    return [json.loads(text) for text in sorted({json.dumps(asked, sort_keys=True) for asked in runs})]


def _sources(documents: Sequence[Document]) -> dict[str, str]:
    """What scripts need of the adapters. Raises: Misfit if two adapters of one name differ in it."""
    found: dict[str, str] = {}
    for document in documents:
        for key, text in document["sources"].items():
            if found.setdefault(key, text) != text:
                adapter = key.partition(":")[0]
                raise Misfit(
                    f"The source of the adapter {adapter} is not the same in all reports. Compare them instead."
                )
    return found


def _union(documents: Sequence[Document], what: str, keys: tuple[str, ...]) -> list[Row]:
    """The rows of all documents, each once.

    Raises: Misfit if two that are of the same thing differ.
    """
    found: dict[tuple[str, ...], Row] = {}
    for document in documents:
        for row in document[what]:
            key = tuple(str(row[k]) for k in keys)
            if found.setdefault(key, row) != row:
                raise Misfit(_differ(what, found[key], row))
    return [found[key] for key in sorted(found)]


def _differ(what: str, one: Row, other: Row) -> str:
    if what == "adapters":
        versions = sorted(", ".join(f"{k} {v}" for k, v in sorted(row["versions"].items())) for row in (one, other))
        return (
            f"{one['name']} on {one['device']} has the versions {versions[0]} in one report and {versions[1]} in "
            "another. A report is of one version: compare them instead, with python -m conformance compare."
        )
    fields = ", ".join(sorted(key for key in one if one[key] != other.get(key)))
    name = f"{one['id']} on {backend_id(one)}" if what == "checks" else f"{one.get('primitive')} on {one['adapter']}"
    return (
        f"The reports have {name} twice, with different results ({fields}). A backend belongs to one of the runs: "
        "leave it out of the others, with --adapter, --device or --format."
    )


def merged_timing(timings: Sequence[Document]) -> Document:
    """The times, counts and warnings of all runs."""
    checks: dict[str, dict[str, float]] = {}
    counts: dict[str, Counter[str]] = {}
    for timing in timings:
        for check, took in timing.get("checks", {}).items():
            checks.setdefault(check, {}).update(took)
        for adapter, counted in timing.get("counts", {}).items():
            counts.setdefault(adapter, Counter()).update(counted)
    return {
        "seconds": round(sum(timing.get("seconds", 0.0) for timing in timings), 3),
        "checks": checks,
        "counts": {adapter: dict(counter) for adapter, counter in counts.items()},
        "warnings": sorted({text for timing in timings for text in timing.get("warnings", ())}),
    }


def merged_machines(machines: Sequence[list[Row]]) -> list[Row]:
    """The environments of all runs, each once."""
    texts = {json.dumps(machine, sort_keys=True) for several in machines for machine in several}
    return [json.loads(text) for text in sorted(texts)]
