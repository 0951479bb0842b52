"""Where the time of a run went: python -m benchmarks.run [REPORT].

The seconds that its checks took, for each file of checks and each adapter, from the timing.json of a
report (reports/latest unless said), and the five checks that took longest.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from conformance.document import backend_id, read

LONGEST = 5


def table(seconds: dict[str, dict[str, float]], checks: list[dict[str, Any]]) -> list[str]:
    """The lines of the table. seconds: of each check on each backend. checks: those of the report."""
    adapters = sorted({check["adapter"] for check in checks})
    spent: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for check in checks:
        took = seconds.get(check["id"], {}).get(backend_id(check), 0.0)
        file = Path(check["where"].partition(":")[0]).stem.removeprefix("test_")
        spent[file][check["adapter"]] += took
        spent["all"][check["adapter"]] += took
    lines = [f"{'seconds':20}" + "".join(f"{name:>12}" for name in (*adapters, "all"))]
    for name, times in sorted(spent.items(), key=lambda row: (row[0] == "all", -sum(row[1].values()))):
        figures = [*(times[adapter] for adapter in adapters), sum(times.values())]
        lines.append(f"{name:20}" + "".join(f"{figure:12.1f}" for figure in figures))
    return lines


def main() -> None:
    """Print the table of a report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("report", nargs="?", type=Path, default=Path("reports/latest"), help="the folder of a report")
    folder = parser.parse_args().report
    try:
        checks = read(folder)["checks"]
        seconds = json.loads((folder / "timing.json").read_text(encoding="utf-8"))["checks"]
    except (OSError, ValueError, KeyError) as error:
        sys.exit(
            f"{folder} holds no report that can be read ({error}). Run pytest first, or name the folder of a report."
        )
    print("\n".join(table(seconds, checks)))
    print("\nthe longest checks")
    took = [(time, check, backend) for check, on in seconds.items() for backend, time in on.items()]
    for time, check, backend in sorted(took, reverse=True)[:LONGEST]:
        print(f"{time:8.1f}  {check} on {backend}")


if __name__ == "__main__":
    main()
