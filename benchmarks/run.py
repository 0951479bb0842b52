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

LONGEST = 5


def table(seconds: dict[str, float], adapters: list[str]) -> list[str]:
    """The lines of the table. seconds: of each check, by the name that pytest gives it."""
    spent: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for item, took in seconds.items():
        place, _, parameters = item.partition("::")
        _, _, backend = parameters.partition("[")[2].partition("-")  # the primitive stands before it
        adapter = max((name for name in adapters if backend.startswith(f"{name}-")), key=len)
        spent[Path(place).stem.removeprefix("test_")][adapter] += took
        spent["all"][adapter] += took
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
        seconds = json.loads((folder / "timing.json").read_text())["checks"]
        checks = json.loads((folder / "results.json").read_text())["checks"]
    except (OSError, ValueError, KeyError) as error:
        sys.exit(
            f"{folder} holds no report that can be read ({error}). Run pytest first, or name the folder of a report."
        )
    adapters = sorted({check["adapter"] for check in checks})
    print("\n".join(table(seconds, adapters)))
    print("\nthe longest checks")
    for item, took in sorted(seconds.items(), key=lambda pair: -pair[1])[:LONGEST]:
        print(f"{took:8.1f}  {item}")


if __name__ == "__main__":
    main()
