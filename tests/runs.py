"""Runs of the shipped checks in processes of their own, on the adapters in tests/adapters."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from conformance.document import read

ROOT = Path(__file__).resolve().parents[1]


def command(adapter: str | Path, *arguments: str, report: Path, workers: int = 0) -> list[str]:
    """The command line of a run at depth smoke; adapter is a file, or the name of one in tests/adapters."""
    file = adapter if isinstance(adapter, Path) else f"tests/adapters/{adapter}.py"
    return [
        *(sys.executable, "-m", "pytest", "--depth=smoke", f"--adapter={file}"),
        *(f"--report={report}", f"-n{workers}", "-p", "no:cacheprovider", *arguments),
    ]


def surroundings() -> dict[str, str]:
    """The environment without what a run of pytest around this one has put there."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}


def run(adapter: str | Path, *arguments: str, report: Path, workers: int = 0) -> subprocess.CompletedProcess[str]:
    """A run to its end, and to the end of the process that guards it."""
    line = command(adapter, *arguments, report=report, workers=workers)
    return subprocess.run(line, cwd=ROOT, env=surroundings(), capture_output=True, text=True, timeout=180, check=False)


def begin(adapter: str | Path, *arguments: str, report: Path, workers: int = 0) -> subprocess.Popen[str]:
    """A run that goes on, in a process group of its own, so that it can be ended."""
    return begun(command(adapter, *arguments, report=report, workers=workers))


def begun(line: list[str]) -> subprocess.Popen[str]:
    """A command in a process group of its own; it hears Ctrl-C, which those of a shell in the background ignore."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(
            line,
            cwd=ROOT,
            env=surroundings(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)


def wait_for(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Raises: TimeoutError."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("what the test waits for did not happen")
        time.sleep(0.02)


def written(report: Path, record: str) -> int:
    """How many records of a kind there are by now."""
    return sum(path.read_text().count(f'"record": "{record}"') for path in (report / "records").glob("*.jsonl"))


def results(report: Path) -> dict[str, Any]:
    """The document of a report, as every tool reads it."""
    return read(report)


def outcomes(report: Path) -> dict[str, str]:
    """The outcome of every check, by its id."""
    return {check["id"]: check["outcome"] for check in results(report)["checks"]}
