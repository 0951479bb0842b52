"""Tools for reports, adapters and the suite itself: python -m conformance TOOL; --help names them."""

from __future__ import annotations

import argparse
import inspect
import os
import sys
from collections.abc import Callable
from pathlib import Path

from conformance import (
    alarm,
    compare,
    explain,
    lookup,
    merge,
    new_adapter,
    power,
    records,
    reproduce,
    results,
    summary,
    verify,
)
from conformance.document import NAME, NoReport, read
from conformance.report import comparison, rewrite, write
from properties.trial import DEPTHS
from reference import PRIMITIVES

LATEST = records.ROOT / "reports" / "latest"
POWER = """\
Tries wrong implementations and prints which checks reject them. Those in conformance/mutants were written by hand,
and every check of their primitive is tried on them: what is printed is the whole matrix, the mutants that nothing
rejects, and the checks that reject nothing. With --automatic each wrong implementation is a file of reference/ with
one operator, number, comparison or argument changed, and the first check that rejects it ends its trial.
The exit status is 0 if every one is rejected, or explained as equivalent, and 130 after Ctrl-C."""


def main(arguments: list[str] | None = None) -> int:
    """Run one tool; the exit status of render is that of the run which the report tells of."""
    parser = argparse.ArgumentParser(
        prog="python -m conformance", description="Tools for reports, adapters and the suite."
    )
    tools = parser.add_subparsers(dest="tool", required=True, metavar="TOOL")
    render = tools.add_parser(
        "render", help="make the report again from its records, also of a run that was killed, or from its results.json"
    )
    render.add_argument("report", type=Path, metavar="DIR", help="the folder of the report")
    render.add_argument("--baseline", type=Path, metavar="REPORT", help="tell of the changes since an earlier report")
    compare.add_arguments(
        tools.add_parser(
            "compare",
            help="what has changed from one report to another",
            description="What fails in the later report and did not in the earlier one, what fails no more, and the "
            "changes of the worst error/bound. Exit status: 0 if nothing new fails, 1 if something does, 2 if the "
            "reports cannot be compared.",
        )
    )
    merge.add_arguments(
        tools.add_parser(
            "merge",
            help="one report of several runs: machines, devices, adapters",
            description="Writes one report of several runs of the same suite, depth and seed, the same in whatever "
            "order they are given. Exit status: 0 if it was written, 2 if they do not fit together.",
        )
    )
    verify.add_arguments(
        tools.add_parser(
            "verify",
            help="run what a report tells of again, and say whether the same comes out",
            description="Tries the checks of a report on its backends again, with its depth and seed. Exit status: 0 "
            "if results.json has the same bytes, 1 if not, saying what differs, 2 if it cannot be run again.",
        )
    )
    again = tools.add_parser(
        "reproduce",
        help="try one failed check of a report again, on its one input",
        description="Try one failed check of a report again on its one input: each call into the backend, what came "
        "back, what is right, the bound and the verdict. Exit status: 1 while it fails, 0 if it conforms now.",
    )
    why = tools.add_parser(
        "explain",
        help="say of one number of a result how its bound came about, operation by operation",
        description="Say of one number of a result how its bound came about: each operation of the reference that "
        "it depends on, with the line, the value, the error that came in and what the operation added to it.",
    )
    for tool in (again, why):
        tool.add_argument("id", nargs="+", metavar="ID", help="as the report prints it, CHECK on BACKEND, or its begin")
        tool.add_argument("--report", type=Path, default=LATEST, metavar="DIR", help="otherwise reports/latest")
        tool.add_argument("--adapter", default="", metavar="NAME", help="where the adapter is, if it cannot be found")
    why.add_argument("--output", default="", metavar="NAME", help="which result, such as y; otherwise the worst")
    why.add_argument("--index", default="", metavar="I,J,...", help="which number of it; otherwise the worst")
    fresh = tools.add_parser("new-adapter", help="write NAME.py here: an adapter with comments, which runs at once")
    fresh.add_argument("name", metavar="NAME", help="the name of the backend")
    tools.add_parser("list", help="the primitives, each with its signature and where the reference defines it")
    alarm.add_arguments(
        tools.add_parser(
            "alarm",
            help="look for false alarms: every check on implementations that are right, under many seeds",
            description="Every check, under many seeds, on the reference and on NumPy in float32 and float16 with the "
            "reference's formulas. These are right, so whatever fails is a fault of the suite. The run is written "
            "down seed by seed: the same command goes on where an ended one stood. "
            "Exit status: 0 without a false alarm, 1 with one.",
        )
    )
    detect = tools.add_parser("power", help="try wrong implementations: what the checks can detect", description=POWER)
    detect.add_argument("--automatic", action="store_true", help="change the reference itself; takes longer")
    detect.add_argument("--primitive", action="append", default=[], choices=list(PRIMITIVES), metavar="NAME",
        help="only this primitive; repeatable")  # fmt: skip
    detect.add_argument("--depth", default="default", choices=list(DEPTHS), help="how much a check tries")
    detect.add_argument("--seed", type=int, default=0, metavar="N", help="which inputs are drawn")
    detect.add_argument("-n", "--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="processes; all cores")
    detect.add_argument("--json", type=Path, metavar="PATH", help="write what was found, besides")
    chosen = parser.parse_args(arguments)
    match chosen.tool:
        case "render":
            return _render(chosen.report, chosen.baseline)
        case "compare":
            return compare.run(chosen)
        case "merge":
            return merge.run(chosen)
        case "verify":
            return verify.run(chosen)
        case "reproduce":
            return _found(lambda: reproduce.run(" ".join(chosen.id), chosen.report, chosen.adapter))
        case "explain":
            return _found(
                lambda: explain.run(" ".join(chosen.id), chosen.report, chosen.adapter, chosen.output, chosen.index)
            )
        case "new-adapter":
            return _new_adapter(chosen.name)
        case "alarm":
            return alarm.run(chosen)
        case "power":
            return _power(chosen)
    return _list()


def _render(report: Path, baseline: Path | None) -> int:
    found = records.runs(report / "records")
    if not found and not (report / NAME).exists():
        return _refused(
            f"There are no records in {report / 'records'}. Give the folder that was given to pytest as --report."
        )
    try:
        old = read(baseline) if baseline else None
        document, timing, since = write(report, found[-1], old) if found else rewrite(report, old)
    except NoReport as error:
        return _refused(str(error))
    except (OSError, ValueError) as error:
        return _refused(f"The report cannot be made: {error}")
    print("\n".join(summary.lines(document, str(report), timing)))
    if since:
        print("\n".join(["", *comparison.terminal(since)]))
        return 1 if since.is_worse else 0
    return 0 if results.is_clean(document) else 1


def _found(tool: Callable[[], int]) -> int:
    try:
        return tool()
    except (lookup.NotFound, NoReport) as error:
        return _refused(str(error))


def _new_adapter(name: str) -> int:
    try:
        path = new_adapter.write(name, Path())
    except (OSError, ValueError) as error:
        return _refused(str(error))
    print(f"{path} is written. Try it: pytest --adapter=./{path}")
    return 0


def _list() -> int:
    for name, function in PRIMITIVES.items():
        parameters = ", ".join(inspect.signature(function).parameters)
        what = (inspect.getdoc(function) or "").splitlines()[0]
        print(f"{name}({parameters})\n    {results.source_of(name)}: {what}")
    return 0


def _power(chosen: argparse.Namespace) -> int:
    if chosen.jobs < 1:
        return _refused(f"{chosen.jobs} processes cannot try anything. Give 1 or more.")
    run = power.run_automatic if chosen.automatic else power.run
    try:
        found = run(chosen.primitive, depth=chosen.depth, seed=chosen.seed, jobs=chosen.jobs)
    except KeyboardInterrupt:
        print("Interrupted: what was found so far says nothing about the rest, and is not printed.", file=sys.stderr)
        return 130
    if chosen.json:
        try:
            chosen.json.write_text(power.as_text(found.document), encoding="utf-8", newline="\n")
        except OSError as error:
            return _refused(f"What was found cannot be written: {error}")
    print("\n".join(found.lines))
    return 0 if found.is_clean else 1


def _refused(text: str) -> int:
    print(text, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
