"""A call in a process of its own, for what may not be survived."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from adapters.backend import Backend
from adapters.loading import load
from reference.arithmetic import FORMATS

LIMIT = 120.0  # seconds, in which a framework can be imported on a machine that is busy
ROOT = Path(__file__).resolve().parents[1]


def end_of(backend: Backend, primitive: str, arrays: Sequence[Any], options: Mapping[str, Any]) -> str:
    """Call a primitive in a process of its own; the name of the signal that ends it, or "" if none does.

    Raises: subprocess.TimeoutExpired.
    """
    given = (backend.spec, backend.device, backend.format.name, backend.mode, primitive, list(arrays), dict(options))
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    child = subprocess.run(
        [sys.executable, "-m", "adapters.apart"],
        input=pickle.dumps(given),
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        timeout=LIMIT,
        check=False,
    )
    return signal.Signals(-child.returncode).name if child.returncode < 0 else ""


def main() -> None:
    """Make the call that stands on the standard input."""
    with contextlib.suppress(ImportError, ValueError):
        import resource  # not everywhere

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # its end is expected: no core file
    spec, device, fmt, mode, primitive, arrays, options = pickle.load(sys.stdin.buffer)
    name, adapter = load(spec)
    Backend(adapter, name, "", device, FORMATS[fmt], mode, spec).call(primitive, arrays, options)


if __name__ == "__main__":
    main()
