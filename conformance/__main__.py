"""Tools for reports and adapters: python -m conformance render DIR, new-adapter NAME, list, alarm."""

from __future__ import annotations

import argparse
import inspect
import sys
from pathlib import Path

from conformance import alarm, new_adapter, records, results, summary
from conformance.report import write
from reference import PRIMITIVES


def main(arguments: list[str] | None = None) -> int:
    """Run one tool; the exit status of render is that of the run which the report tells of."""
    parser = argparse.ArgumentParser(prog="python -m conformance", description="Tools for reports and adapters.")
    tools = parser.add_subparsers(dest="tool", required=True, metavar="TOOL")
    render = tools.add_parser("render", help="make the report again from its records, also of a run that was killed")
    render.add_argument(
        "report", type=Path, metavar="DIR", help="the folder of the report, which has the folder records"
    )
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
    chosen = parser.parse_args(arguments)
    match chosen.tool:
        case "render":
            return _render(chosen.report)
        case "new-adapter":
            return _new_adapter(chosen.name)
        case "alarm":
            return alarm.run(chosen)
    return _list()


def _render(report: Path) -> int:
    found = records.runs(report / "records")
    if not found:
        return _refused(
            f"There are no records in {report / 'records'}. Give the folder that was given to pytest as --report."
        )
    try:
        document, timing = write(report, found[-1])
    except (OSError, ValueError) as error:
        return _refused(f"The report cannot be made: {error}")
    print("\n".join(summary.lines(document, str(report), timing)))
    return 0 if results.is_clean(document) else 1


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


def _refused(text: str) -> int:
    print(text, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
