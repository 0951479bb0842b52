"""What happened, written down while it happens, so that a process that dies loses nothing.

Every process of a run appends lines of JSON to a file of its own in DIR/records, one os.write for
each, and keeps the inputs of its last call into a backend in a slot beside it, which outlives it.
The names of the files begin with the id of the run, so two runs cannot be mixed.

    run        seed, depth, suite, choice, workers, limit    by the process that the user started
    down       worker, status                                by the same, for a worker that died
    error      where, text                                   something that is no check went wrong
    finished   interrupted                                   by the same, at its end
    collected  backends, items, sources                      by each process that runs checks
    start      item                                          by the same, before a check
    end        item, outcome, measure, counts, ...           by the same, after it
"""

from __future__ import annotations

import inspect
import json
import math
import mmap
import os
import pickle
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import reference
from adapters.backend import Call

KINDS = ("run", "down", "error", "finished", "collected", "start", "end")
CONTROLLER = "controller"
ROOT = Path(__file__).resolve().parents[1]
NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}
LENGTH = 8  # bytes in front of the pickle in a slot


def plain(value: Any) -> Any:
    """The value in the types of JSON: numbers that are not finite become "NaN", "Infinity", "-Infinity"."""
    if isinstance(value, np.ndarray):
        value = value.astype(np.float64) if value.dtype.kind not in "biuf" else value
        return plain(value.tolist())
    if isinstance(value, np.generic):
        value = value.item() if value.dtype.kind in "biuf" else float(value)
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else NOT_FINITE[repr(value)]
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(plain(v) for v in value)
    if isinstance(value, Sequence):
        return [plain(v) for v in value]
    return str(value)


def as_input(
    primitive: str, arrays: Mapping[str, Any], options: Mapping[str, Any], extras: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The input of a call as data: arrays with their type and shape, their numbers exact.

    extras are what a law needs besides.
    """
    data = {"primitive": primitive, "arrays": _data(arrays), "options": plain(options)}
    return {**data, "extras": _data(extras)} if extras else data


def _data(arrays: Mapping[str, Any]) -> dict[str, Any]:
    return {name: array_data(x) for name, x in arrays.items()}


def array_data(x: Any) -> Any:
    """An array with its type and shape, its numbers exact; what is none as it is."""
    if not isinstance(x, (np.ndarray, np.generic)):
        return plain(x)
    return {"dtype": str(x.dtype), "shape": list(x.shape), "values": plain(x)}


def as_text(primitive: str, arrays: Mapping[str, Any], options: Mapping[str, Any]) -> str:
    """The input of a call as the call."""
    words = (f"{name}={_shown(x)}" for name, x in {**arrays, **options}.items() if x is not None)
    return f"{primitive}({', '.join(words)})"


def _shown(x: Any) -> str:
    if not isinstance(x, np.ndarray):
        return repr(x)
    return repr(x.tolist()) if x.size else f"zeros({x.shape})"


class Writer:
    """Appends records to one file; each is whole or absent, whatever becomes of the process."""

    def __init__(self, folder: Path, run: str, process: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.process = process
        self._file = os.open(folder / f"{run}-{process}.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def append(self, record: str, **fields: Any) -> None:
        """Raises: OSError if the record could not be written whole."""
        head = {"record": record, "process": self.process, "time": time.time()}
        data = json.dumps({**head, **plain(fields)}, allow_nan=False).encode() + b"\n"
        if os.write(self._file, data) != len(data):
            raise OSError(f"a record of {len(data)} bytes was not written whole: is the disk full?")

    def close(self) -> None:
        os.close(self._file)


class FlightRecorder:
    """Keeps the inputs of the last call into a backend in a mapped file, a few microseconds for each.

    The pages of a mapped file belong to the system, not to the process, so they outlive a crash.
    """

    def __init__(self, folder: Path, run: str, process: str, size: int = 1 << 16) -> None:
        self._file = os.open(folder / f"{run}-{process}.slot", os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
        os.ftruncate(self._file, size)
        self._slot = mmap.mmap(self._file, size)

    def clear(self) -> None:
        """Forget the last input: what happens now concerns another check."""
        self._slot[:LENGTH] = bytes(LENGTH)

    def __call__(self, backend: Any, call: Call) -> None:
        """Note an input; it is called before every call into a backend."""
        data = pickle.dumps(call, protocol=5)
        n = len(data)
        if n + LENGTH > len(self._slot):
            self._slot.resize(2 * (n + LENGTH))
        self._slot[:LENGTH] = bytes(LENGTH)  # what is torn counts as nothing
        self._slot[LENGTH : LENGTH + n] = data
        self._slot[:LENGTH] = n.to_bytes(LENGTH, "little")

    def close(self) -> None:
        self._slot.close()
        os.close(self._file)


def last_input(folder: Path, run: str, process: str) -> dict[str, Any] | None:
    """The last input that a process noted, as data and as text; None if there is none."""
    try:
        call = last_call(folder, run, process)
    except ValueError as error:
        return {"call": f"unreadable: {error}"}
    if call is None:
        return None
    named = named_arrays(call)
    extras = {"cotangent": call.details["cotangent"]} if "cotangent" in call.details else {}
    extras |= {f"tangent_{i}": v for i, v in enumerate(call.details.get("tangents", ()))}
    text = as_text(call.primitive, named, {**call.options, **extras})
    return {**as_input(call.primitive, named, call.options, extras), "call": text}


def last_call(folder: Path, run: str, process: str) -> Call | None:
    """The last call that a process noted; None if there is none. Raises: ValueError if it cannot be read."""
    try:
        data = (folder / f"{run}-{process}.slot").read_bytes()
    except OSError:
        return None
    n = int.from_bytes(data[:LENGTH], "little")
    if not n:
        return None
    try:
        call: Call = pickle.loads(data[LENGTH : LENGTH + n])
    except Exception as error:  # a slot is a help to the reader: that it is torn must not cost the report
        raise ValueError(str(error)) from error
    return call


def named_arrays(call: Call) -> dict[str, Any]:
    """The arrays of a call by the reference's names."""
    return dict(zip(array_names(call.primitive, len(call.arrays)), call.arrays, strict=True))


def fault_file(folder: Path, run: str, process: str) -> int:
    """A file for what Python says when it crashes or hangs, as a descriptor that stays open to the end."""
    return os.open(folder / f"{run}-{process}.fault", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)


def faults_of(folder: Path, run: str, process: str) -> tuple[str, list[str]]:
    """What Python said when a process crashed or hung: its first line, and the places, the last call first.

    Where a backend was called, the places end with that call.
    """
    try:
        text = (folder / f"{run}-{process}.fault").read_text(errors="replace")
    except OSError:
        return "", []
    head = next(iter(text.splitlines()), "")
    for thread in re.split(r"\n(?=(?:Current thread|Thread) 0x)", text):
        places = re.findall(r'File "(.*)", line (\d+) in (.*)', thread)
        inside = [i for i, (_, _, function) in enumerate(places) if function == "pytest_pyfunc_call"]
        if inside:
            shown = [place(file, int(line), function) for file, line, function in places[: inside[0]]]
            boundary = [i for i, text in enumerate(shown) if text.startswith("adapters/backend.py:")]
            return head, shown[: boundary[0] + 1] if boundary else shown
    return head, []


def place(file: str, line: int | None, function: str) -> str:
    """A place in a program, without the folders of this machine."""
    path = Path(file)
    short = path.relative_to(ROOT) if path.is_relative_to(ROOT) else Path(*path.parts[-2:])
    return f"{short.as_posix()}:{line} in {function}"


def array_names(primitive: str, n: int) -> list[str]:
    function = reference.PRIMITIVES.get(primitive)
    known = list(inspect.signature(function).parameters) if function else []
    return [*known[:n], *(f"array {i}" for i in range(len(known), n))]


def runs(folder: Path) -> list[str]:
    """The runs that have records in a folder, the newest last."""
    newest: dict[str, float] = {}
    for path in folder.glob("*-*.jsonl"):
        run = path.name.split("-")[0]
        newest[run] = max(newest.get(run, 0.0), path.stat().st_mtime)
    return sorted(newest, key=lambda run: (newest[run], run))


def forget_others(folder: Path, run: str) -> None:
    """Remove the records of every other run."""
    for kind in ("jsonl", "slot", "fault"):
        for path in folder.glob(f"*-*.{kind}"):
            if path.name.split("-")[0] != run:
                path.unlink(missing_ok=True)


def has_begun(folder: Path, run: str, process: str) -> bool:
    """Whether a process has begun a check."""
    try:
        return b'{"record": "start"' in (folder / f"{run}-{process}.jsonl").read_bytes()
    except OSError:
        return False


def read(folder: Path, run: str) -> list[dict[str, Any]]:
    """Every record of a run, in the order of each process. A line that a kill has cut is left out.

    Raises: ValueError if a line that is not the last is no record.
    """
    found: list[dict[str, Any]] = []
    for path in sorted(folder.glob(f"{run}-*.jsonl")):
        lines = path.read_bytes().split(b"\n")
        for number, line in enumerate(lines, 1):
            if not line:
                continue
            try:
                found.append(json.loads(line))
            except ValueError as error:
                if number < len(lines):
                    raise ValueError(f"{path}, line {number}, is no record: {error}") from error
    return found


def asked(folder: Path, run: str) -> dict[str, Any]:
    """What a run was asked for; nothing if it was ended before it had said so."""
    return next((record for record in read(folder, run) if record["record"] == "run"), {})
