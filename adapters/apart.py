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

from adapters.backend import Backend, BackendError, NotOffered
from adapters.loading import load
from reference.arithmetic import FORMATS
from reference.arithmetic.formats import holds_numbers

LIMIT = 120.0  # seconds, in which a framework can be imported on a machine that is busy
ROOT = Path(__file__).resolve().parents[1]


def end_of(
    backend: Backend, primitive: str, arrays: Sequence[Any], options: Mapping[str, Any], cotangent: Any = None
) -> str:
    """Call a primitive in a process of its own; the name of the signal that ends it, or "" if none does.

    With a cotangent the call is that of its gradient, by every array of numbers.

    Raises: subprocess.TimeoutExpired.
    """
    status = status_of(backend, primitive, arrays, options, cotangent)
    return signal.Signals(-status).name if status < 0 else ""


def status_of(
    backend: Backend, primitive: str, arrays: Sequence[Any], options: Mapping[str, Any], cotangent: Any = None
) -> int:
    """As end_of, but the exit status, negative for a signal; 0 if the call returns, or raises an error."""
    call = primitive, list(arrays), dict(options), cotangent
    given = (backend.spec, backend.device, backend.format.name, backend.mode, *call)
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    child = subprocess.run(
        [sys.executable, "-m", "adapters.apart"],
        input=pickle.dumps(given),
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        timeout=LIMIT,
        check=False,
    )
    return child.returncode


def main() -> None:
    """Make the call that stands on the standard input."""
    with contextlib.suppress(ImportError, ValueError):
        import resource  # not everywhere

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # its end is expected: no core file
    spec, device, fmt, mode, primitive, arrays, options, cotangent = pickle.load(sys.stdin.buffer)
    name, adapter = load(spec)
    backend = Backend(adapter, name, "", device, FORMATS[fmt], mode, spec)
    with contextlib.suppress(BackendError, NotOffered):
        if cotangent is None:
            backend.call(primitive, arrays, options)
        else:
            numbers = [i for i, x in enumerate(arrays) if holds_numbers(x)]
            backend.gradient(primitive, arrays, options, cotangent, numbers)


if __name__ == "__main__":
    main()
