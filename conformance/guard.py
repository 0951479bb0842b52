"""A process that outlives another and makes the report that the other could not make.

Without -n the checks run in the process that would make the report: a backend that crashes takes it
along. So that process holds a pipe to this one, and says a word on it before it ends.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

DONE = b"done"


def start(report: Path, run: str) -> subprocess.Popen[bytes]:
    """Begin to watch the process that calls this."""
    root = Path(__file__).resolve().parents[1]
    command = [sys.executable, "-m", "conformance.guard", str(report.resolve()), run]
    # In a session of its own, so that Ctrl-C is not for it.
    return subprocess.Popen(command, stdin=subprocess.PIPE, cwd=root, start_new_session=True)


def release(guard: subprocess.Popen[bytes]) -> None:
    """End the watch: the report is made."""
    try:
        guard.communicate(DONE, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        guard.kill()


def main(report: str, run: str) -> int:
    """Wait for the word; if the pipe closes without it, make the report and print the summary."""
    if sys.stdin.buffer.read() == DONE:
        return 0
    from conformance import summary
    from conformance.report import write

    print("\n\nThe process that ran the checks has ended before its time. What it had found:\n", file=sys.stderr)
    try:
        document, timing, _ = write(Path(report), run)
    except (OSError, ValueError) as error:
        print(f"The report cannot be made: {error}", file=sys.stderr)
        return 2
    print("\n".join(summary.lines(document, report, timing)), file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
