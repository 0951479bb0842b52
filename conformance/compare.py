"""The tool compare: what has changed from one report to another."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from conformance.changes import NOTHING_IN_COMMON, changes
from conformance.document import NoReport, read
from conformance.report import comparison, html, markdown


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("old", type=Path, metavar="OLD", help="the earlier report: its folder, or its results.json")
    parser.add_argument("new", type=Path, metavar="NEW", help="the later one")
    parser.add_argument("--markdown", type=Path, metavar="PATH", help="write the whole comparison as Markdown, besides")
    parser.add_argument("--html", type=Path, metavar="PATH", help="write it as a page, besides")


def run(chosen: argparse.Namespace) -> int:
    """Print the changes; 0 if nothing new fails, 1 if something does, 2 if they cannot be compared."""
    try:
        found = changes(read(chosen.old), read(chosen.new))
    except NoReport as error:
        print(error, file=sys.stderr)
        return 2
    if not found.common:
        print(NOTHING_IN_COMMON, file=sys.stderr)
        return 2
    for path, render in ((chosen.markdown, markdown.comparison), (chosen.html, html.comparison)):
        if path:
            try:
                path.write_text(render(found), encoding="utf-8", newline="\n")
            except OSError as error:
                print(f"The comparison cannot be written: {error}. Choose another file.", file=sys.stderr)
                return 2
    print("\n".join(comparison.terminal(found)))
    return 1 if found.is_worse else 0
