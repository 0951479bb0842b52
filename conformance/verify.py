"""The tool verify: run what a report tells of again, and say whether the same comes out."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from adapters.loading import adapter_name
from conformance import environment
from conformance.changes import by_backend, changes
from conformance.document import NAME, Document, NoReport, as_text, backend_id, beside, read
from conformance.records import ROOT, plain
from conformance.results import word
from conformance.summary import wrapped

MOST = 10  # checks whose differences are shown
NOT_COMPARED = ("cores",)  # of the processor; how many there are decides on no result


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("report", type=Path, metavar="REPORT", help="a report: its folder, or its results.json")
    parser.add_argument(
        "--adapter", action="append", default=[], metavar="PATH", help="a file that it is of; repeatable"
    )
    parser.add_argument("-n", "--jobs", default="auto", metavar="N", help="processes, as for pytest -n")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the new report in this folder")


def run(chosen: argparse.Namespace) -> int:
    """Run again and compare; 0 if results.json has the same bytes, 1 if not, 2 if it cannot be run again."""
    try:
        old = read(chosen.report)
        options = _options(old, chosen.adapter)
    except NoReport as error:
        print(error, file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        report = (chosen.keep or Path(folder)).resolve()
        line = [*(sys.executable, "-m", "pytest", f"-n{chosen.jobs}", "-q", f"--report={report}"), *options]
        line += [f"--checks-of={chosen.report.resolve()}"]
        try:
            ended = subprocess.run(line, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
        except KeyboardInterrupt:
            print("Interrupted: nothing can be said of the report.", file=sys.stderr)
            return 130
        if ended.returncode not in (0, 1):
            print(ended.stdout, "\nThe run that was to be compared did not come to its end.", file=sys.stderr)
            return 2
        new = read(report)
    if as_text(new) == as_text(old):
        print("\n".join(wrapped(f"THE SAME: {NAME} has the same bytes again, report {new['id']}", "", "    ")))
        return 0
    print("\n".join(difference(old, new, beside(chosen.report, "environment.json", []))))
    return 1


def _options(document: Document, files: list[str]) -> list[str]:
    """The options of pytest that make the run again.

    Raises: NoReport if the document does not tell them, or a file is needed that was not given.
    """
    if len(document["runs"]) != 1 or document["seed"] is None:
        raise NoReport(
            f"This report is of {len(document['runs'])} runs that are known, and only one can be made again. "
            "Verify the reports from which it was merged."
        )
    (asked,) = document["runs"]
    given = {adapter_name(path): str(Path(path).resolve()) for path in files}
    if others := sorted(given.keys() - set(asked["adapters"])):
        raise NoReport(f"The report is not of {', '.join(others)}, but of: {', '.join(asked['adapters'])}.")
    of_files = {a["name"] for a in document["adapters"] if "file" in a["versions"]}
    if missing := sorted(of_files - given.keys()):
        raise NoReport(
            f"The report is of a file named {missing[0]}.py, and does not know where that lies. "
            f"Give it: --adapter PATH/{missing[0]}.py"
        )
    return [
        *(f"--adapter={given.get(name, name)}" for name in asked["adapters"]),
        *(f"--device={device}" for device in asked["devices"]),
        *(f"--format={name}" for name in asked["formats"]),
        *(f"--depth={document['depth']}", f"--seed={document['seed']}"),
    ]


def difference(old: Document, new: Document, machines: list[dict[str, Any]]) -> Iterator[str]:
    """What differs between a report and its repetition, and what may be the reason, in 80 columns."""
    found = changes(old, new)
    yield from wrapped(f"NOT THE SAME: report {old['id'][:12]} was made again as {new['id'][:12]}", "", "    ")
    before, now = ({(c["id"], backend_id(c)): c for c in document["checks"]} for document in (old, new))
    fields = {
        key: [field for field in before[key] if before[key][field] != now[key].get(field)]
        for key in sorted(before.keys() & now.keys())
        if before[key] != now[key]
    }
    counts = Counter(field for differing in fields.values() for field in differing)
    yield ""
    yield f"{len(fields)} of {found.common} checks differ, {len(found.gone)} are missing now."
    for backend, n in by_backend(found.gone):
        yield from wrapped(f"missing: {n} checks of {backend}", "    ", "        ")
    for field, n in sorted(counts.items()):
        yield f"    {n:6} in {field}"
    for key in sorted(fields, key=lambda key: "outcome" not in fields[key])[:MOST]:
        yield from wrapped(f"{key[0]} on {key[1]}: {_values(before[key], now[key], fields[key])}", "", "    ")
    if len(fields) > MOST:
        yield f"... and {len(fields) - MOST} more"
    others = [
        key for key in sorted(old.keys() | new.keys()) if key not in ("checks", "id") and old.get(key) != new.get(key)
    ]
    if others:
        yield from wrapped(f"Besides the checks these parts differ: {', '.join(others)}.", "", "    ")
    yield ""
    reasons = [*found.remarks, *_machine(machines), *_hints(counts)]
    for reason in reasons:
        yield from wrapped(reason, "! ", "  ")
    if not reasons:
        yield from wrapped("! Suite, versions and machine are the same, as far as is recorded.", "", "  ")


def _values(before: dict[str, Any], now: dict[str, Any], fields: list[str]) -> str:
    """What differs, in short."""
    if "outcome" in fields or "mistrusted" in fields:
        return f"{word(before)} before, {word(now)} now"
    simple = [f for f in fields if isinstance(before[f], (int, float, str)) and len(str(before[f])) < 20]
    return "; ".join(f"{f} {before[f]} before, {now[f]} now" for f in simple) or ", ".join(fields)


def _machine(machines: list[dict[str, Any]]) -> Iterator[str]:
    """What differs between the machine of a report and this one."""
    environment.settle()  # as pytest does
    here = plain(environment.describe())
    if len(machines) != 1:
        yield "The report has no environment.json beside it, so nothing is known of its machine."
        return
    there = machines[0]
    for part in ("python", "system", "cpu", "packages", "variables"):
        for name in sorted(there.get(part, {}).keys() | here[part].keys()):
            old, new = there.get(part, {}).get(name), here[part].get(name)
            if old == new or name in NOT_COMPARED:
                continue
            if isinstance(old, list) and isinstance(new, list):
                lost, won = sorted(set(old) - set(new)), sorted(set(new) - set(old))
                yield f"{part} {name}: only there {', '.join(lost) or 'none'}; only here {', '.join(won) or 'none'}."
            else:
                yield f"{part} {name}: {old or 'none'} there, {new or 'none'} here."


def _hints(counts: Counter[str]) -> Iterator[str]:
    if counts["inputs"]:
        yield "Inputs differ: NumPy, Hypothesis or the suite draws others, or a check came further before it failed."
    elif counts:
        yield (
            "The inputs are the same, so a backend has computed other numbers or the suite judges otherwise. Another "
            "processor is enough for that: libraries choose their loops by what it can do."
        )
