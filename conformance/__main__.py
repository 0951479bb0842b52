"""Tools for reports: python -m conformance render DIR."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from conformance import records, results, summary


def main(arguments: list[str] | None = None) -> int:
    """Run one tool; the exit status is that of the run which the report tells of."""
    parser = argparse.ArgumentParser(prog="python -m conformance", description="Tools for conformance reports.")
    tools = parser.add_subparsers(dest="tool", required=True)
    render = tools.add_parser(
        "render", help="make the report again from the records of a run, also of one that was killed"
    )
    render.add_argument(
        "report", type=Path, metavar="DIR", help="the folder of the report, which has the folder records"
    )
    return _render(parser.parse_args(arguments).report)


def _render(report: Path) -> int:
    found = records.runs(report / "records")
    if not found:
        print(
            f"There are no records in {report / 'records'}. Give the folder that was given to pytest as --report.",
            file=sys.stderr,
        )
        return 2
    try:
        document = results.write(report, found[-1])
    except (OSError, ValueError) as error:
        print(f"The report cannot be made: {error}", file=sys.stderr)
        return 2
    print("\n".join(summary.lines(document, str(report))))
    return 0 if results.is_clean(document) else 1


if __name__ == "__main__":
    sys.exit(main())
