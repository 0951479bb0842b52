"""The document of a run as a file: the one way in which it is written, and the one in which it is read.

In memory every check on every backend is a row of its own (results.py). In results.json what all backends
share stands once, a line for each check on each backend says the rest, and what is at its default is left
out: so it is small, and two of them can be compared line by line. results.schema.json describes the file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

SCHEMA = "etalon-report/2"
NAME = "results.json"

Document = dict[str, Any]

OF_BACKEND = ("adapter", "device", "format", "mode")
OF_CHECK = ("id", "primitive", "property", "statement", "where")
SAID = ("words", "lecture", "heading", "verdict", "domain")  # of a statement on trial, whatever the backend
DEFAULTS: dict[str, Any] = {
    "mistrusted": False,
    "problems": 0,
    "draws": 0,
    "refused": 0,
    "excluded": 0,
    "elements": 0,
    "worst_ratio": 0.0,
    "worst_ulp": 0.0,
    "worst_bound": 0.0,
    "worst_call": "",
    "reasons": [],
    "known": [],
    "probes": [],
    "layers": [],
    "series": None,
    "verdict": None,
    "choice": None,
    "inputs": "",
    "cause": None,
    "traceback": None,
    "counterexample": None,
    "evidence": None,
}
GROUPED = ("claims", "conventions", "accepts")  # of primitives, alike on many backends
TABLES = ("reasons", "known")  # what many checks have in a list: it stands once, under its hash


class NoReport(ValueError):
    """A file is no report that can be read; the text is one paragraph that says why and what to do."""


def identity(document: Document) -> str:
    """The SHA-256 of the file without the line of its id."""
    return hashlib.sha256(as_text({k: v for k, v in document.items() if k != "id"}).encode()).hexdigest()


def as_text(document: Document) -> str:
    """The one way in which a document is written: sorted keys, a line for each check on each backend."""
    return json_lines(packed(document), levels=4) + "\n"


def read(path: Path) -> Document:
    """The document of a report: its folder, or its results.json.

    Raises: NoReport.
    """
    file = path / NAME if path.is_dir() else path
    try:
        text = file.read_text(encoding="utf-8")
        written = json.loads(text)
    except OSError as error:
        raise NoReport(
            f"There is no report in {path}: {file.name} cannot be read ({error.strerror or error}). "
            f"Give the folder of a report, or its {NAME}."
        ) from error
    except ValueError as error:
        raise NoReport(f"{file} is no report: it is no JSON ({error}). Give the {NAME} of a run.") from error
    schema = written.get("schema") if isinstance(written, dict) else None
    if not str(schema).startswith("etalon-report/"):
        raise NoReport(f'{file} is no report: it has no "schema" of one. Give the {NAME} of a run.')
    if schema != SCHEMA:
        raise NoReport(
            f"{file} has the schema {schema}, and this version of the suite reads {SCHEMA}. Read it with the "
            "version that wrote it, or make it again from its records: python -m conformance render DIR."
        )
    try:
        document = unpacked(written)
        is_whole = identity(document) == document["id"] and as_text(document) == text
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise NoReport(f"{file} is damaged: {type(error).__name__}: {error}. Make the report again.") from error
    if not is_whole:
        raise NoReport(f"{file} was changed after it was written: its id is not that of its bytes. Make it again.")
    return document


def beside(path: Path, name: str, otherwise: Any) -> Any:
    """What lies beside the results of a report, such as its environment; if it cannot be read, something else."""
    try:
        return json.loads(((path if path.is_dir() else path.parent) / name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return otherwise


def order(check: Mapping[str, Any]) -> tuple[str, ...]:
    """Where a check on a backend stands in a document."""
    return tuple(str(check[key]) for key in ("id", *OF_BACKEND, "where"))


def backend_id(check: Mapping[str, Any]) -> str:
    return "-".join(check[key] for key in OF_BACKEND)


def packed(document: Document) -> Document:
    """A document as it is written."""
    rows = (*document["checks"], *(row for what in GROUPED for row in document[what]))
    backends = {backend_id(row): {key: row[key] for key in OF_BACKEND} for row in rows}
    grouped = {what: _grouped(document[what], what) for what in GROUPED}
    tables = {what: {_key(entry): entry for check in document["checks"] for entry in check[what]} for what in TABLES}
    checks = list(_with_backends(document["checks"]))
    references = {check["primitive"]: check["reference"] for check in document["checks"]}
    return {**document, **grouped, **tables, "backends": backends, "references": references, "checks": checks}


def unpacked(written: Document) -> Document:
    """The document that was written so."""
    backends = written["backends"]
    rows = {
        what: [
            {**backends[backend], "primitive": entry["primitive"], what: entry[what]}
            for entry in written[what]
            for backend in entry["backends"]
        ]
        for what in GROUPED
    }
    for what in GROUPED:
        rows[what].sort(key=lambda row: tuple(row[key] for key in (*OF_BACKEND, "primitive")))
    checks = [
        {
            **{key: check[key] for key in OF_CHECK},
            "reference": written["references"][check["primitive"]],
            **backends[backend],
            **DEFAULTS,
            "decided": _decided(result),
            **result,
            **{what: [written[what][key] for key in result.get(what, ())] for what in TABLES},
            **({"verdict": check["said"] | result["verdict"]} if "verdict" in result else {}),
        }
        for check in written["checks"]
        for backend, result in check["on"].items()
    ]
    rest = {key: value for key, value in written.items() if key not in ("backends", "references", *TABLES)}
    return {**rest, **rows, "checks": sorted(checks, key=order)}


def _key(entry: Any) -> str:
    return hashlib.sha256(json_lines(entry, levels=0).encode()).hexdigest()[:12]


def _decided(result: Mapping[str, Any]) -> float | None:
    """The share of decided elements where nothing is said of it: all, where there are any."""
    return 1.0 if result.get("elements") else None


def _grouped(rows: Iterable[Mapping[str, Any]], what: str) -> list[dict[str, Any]]:
    """Rows of one primitive that say the same, with their backends."""
    same: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        key = (row["primitive"], json.dumps(row[what], sort_keys=True))
        same.setdefault(key, {"backends": [], "primitive": row["primitive"], what: row[what]})
        same[key]["backends"].append(backend_id(row))
    return [{**same[key], "backends": sorted(same[key]["backends"])} for key in sorted(same)]


def _with_backends(checks: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The checks, each once, with what came of it on every backend."""
    same: dict[tuple[str, ...], dict[str, Any]] = {}
    for check in checks:
        of_check = {key: check[key] for key in OF_CHECK}
        entry = same.setdefault(tuple(of_check.values()), {**of_check, "on": {}})
        given = (*OF_CHECK, "reference", *OF_BACKEND)
        default = {**DEFAULTS, "decided": _decided(check)}
        result = {k: v for k, v in check.items() if k not in given and (k not in default or v != default[k])}
        result |= {what: [_key(entry) for entry in check[what]] for what in TABLES if check[what]}
        if verdict := check["verdict"]:
            entry["said"] = {key: verdict[key] for key in SAID}
            result["verdict"] = {key: value for key, value in verdict.items() if key not in SAID}
        entry["on"][backend_id(check)] = result
    return (same[key] for key in sorted(same))


def json_lines(value: Any, levels: int, indent: str = "") -> str:
    """Canonical JSON: sorted keys, and a line for each entry of the outer levels.

    >>> print(json_lines({"b": [{"x": [1, 2]}, {"y": {}}], "a": 0}, levels=2))
    {
     "a": 0,
     "b": [
      {"x": [1, 2]},
      {"y": {}}
     ]
    }
    """
    if not levels or not value or not isinstance(value, (dict, list)):
        return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)
    inner = indent + " "
    if isinstance(value, list):
        entries = [json_lines(entry, levels - 1, inner) for entry in value]
    else:
        entries = [f"{json.dumps(key)}: {json_lines(value[key], levels - 1, inner)}" for key in sorted(value)]
    first, last = "[]" if isinstance(value, list) else "{}"
    return f"{first}\n{inner}" + f",\n{inner}".join(entries) + f"\n{indent}{last}"
