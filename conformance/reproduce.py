"""One failed check of a report again: its one input, each call into the backend, and what becomes of it now."""

from __future__ import annotations

import subprocess
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from adapters.apart import LIMIT, status_of
from adapters.backend import Backend, Call, NotOffered
from conformance import lookup
from conformance.document import read
from conformance.results import ending
from conformance.summary import WIDTH
from properties import agreement
from properties.agreement import Failure
from properties.evidence import Evidence, Judged, witnessed
from properties.strategies import Draw
from properties.trial import Judge, end_by, failure_of, pinned_example

FAILED = ("deviates", "crashed", "known_deviation")
INDENT = "    "


def run(words: str, report: Path, adapter: str) -> int:
    """Print what becomes of a check now: 1 while it fails, 0 if it conforms. Raises: lookup.NotFound."""
    document = read(report)
    check = lookup.check_of(document, words, lambda check: check["outcome"] in FAILED, "failure")
    backend = lookup.backend_of(check, document, report, adapter)
    _say(f"{lookup.name(check)}, with {check['adapter']} {backend.version}", "")
    _say(check["statement"])
    if check["outcome"] == "known_deviation":
        return _known(check, backend)
    if check["outcome"] == "crashed":
        return _crash(check["counterexample"], backend)
    found = check["counterexample"]
    if "arrays" not in found:
        return _whole(check, backend)
    try:
        _, _, judge = lookup.parts_of(check, backend)
    except TypeError:
        return _whole(check, backend)
    return _draw(judge, backend, lookup.draw_of(found, check["format"]))


def _known(check: dict[str, Any], backend: Backend) -> int:
    """The pinned example of every entry of the ledger that the check meets."""
    found, problems, judge = lookup.parts_of(check, backend)
    entries = backend.deviations(found.id)
    if not entries:
        _say(f"verdict: the ledger of {backend.name} {backend.version} has no entry for it.", "")
        return 0
    failed = 0
    for entry in entries:
        print()
        _say(f"known: {entry.reason} ({entry.link})", "")
        pinned = pinned_example(entry, found, backend, problems)
        if not entry.ends_the_process:
            failed += _draw(judge, backend, pinned)
            continue
        _say(f"input: {pinned!r}", "")
        end = end_by(backend, pinned)
        _say(f"verdict: {end or 'conforms: the process goes on'}", "")
        failed += bool(end)
    return int(failed > 0)


def _crash(found: dict[str, Any] | None, backend: Backend) -> int:
    """The last call again, in a process of its own."""
    if not found or "arrays" not in found:
        raise lookup.NotFound("The report has not the input of this crash, so it cannot be made again.")
    draw = lookup.draw_of(found, backend.format.name)
    _say(f"input: {draw!r}", "")
    call = backend, draw.primitive, list(draw.arrays.values()), draw.options, draw.extras.get("cotangent")
    try:
        status = status_of(*call)
    except subprocess.TimeoutExpired:
        _say(f"verdict: crashed: the call does not end within {LIMIT:g} s", "")
        return 1
    _say(f"verdict: {'crashed: ' + ending(status) if status else 'the call returns now, or raises an error'}", "")
    return int(status != 0)


def _whole(check: dict[str, Any], backend: Backend) -> int:
    """A check that has no one input: all of it."""
    _, test = lookup.test_of(check)
    agreement.start()
    with witnessed(backend) as witness:
        try:
            test(backend)
            failure = None
        except NotOffered as refusal:
            _say(f"verdict: not offered: {refusal}", "")
            return 0
        except Failure as found:
            failure = found
        if check["primitive"] in ("resnet18", "transformer"):
            return _verdict(failure)
        _tell(witness(), {})
    return _verdict(failure)


def _draw(judge: Judge, backend: Backend, draw: Draw) -> int:
    _say(f"input: {draw!r}", "")
    agreement.start()
    with witnessed(backend) as witness:
        try:
            failure = failure_of(judge, backend, draw)
        except NotOffered as refusal:
            _say(f"verdict: not offered: {refusal}", "")
            return 0
        evidence = witness()
    _tell(evidence, {**draw.arrays, **draw.extras})
    return _verdict(failure)


def _verdict(failure: Failure | None) -> int:
    if failure is None:
        _say("verdict: conforms", "")
        return 0
    _say(f"verdict: deviates ({failure.kind}): {failure}", "")
    return 1


def _tell(evidence: Evidence, named: dict[str, Any]) -> None:
    """Each call, what came back, and what it was compared with."""
    for i, call in enumerate(evidence.calls):
        _say(f"call {i + 1}: {_called(call, named)}", "")
        if call.error:
            _say(f"raised: {call.error}")
        for number, y in enumerate(call.results or ()):
            judged = [j for j in evidence.judged if (j.call, j.result) == (i, number)]
            if not judged:
                _say(f"got: {_shown(y)}")
            for j in judged:
                for line in _compared(j, y):
                    _say(line)
    for side in evidence.sides:
        one, other = ("left:", "right:") if side.is_of_sides else (f"got: {side.output} =", "want:")
        _say(f"{one} {_shown(side.got)}", "")
        _say(f"{other} {_shown(side.want)}", "")
        if side.bound is not None:
            _say(f"bound: {_shown(side.bound)}", "")


def _compared(judged: Judged, got: Any) -> Iterator[str]:
    yield f"got: {judged.output} = {_shown(got)}"
    yield f"want: {_shown(judged.want)}"
    if judged.signs:
        yield "of zeros the signs are compared"
        return
    yield f"bound: {_shown(judged.bound)}"
    if np.shape(got) == np.shape(judged.want) and np.size(got):
        x, v, e = (np.asarray(z, float) for z in (got, judged.want, judged.bound))
        yield f"worst error/bound: {float(np.max(agreement.ratios(x, v, e))):.3g}"


def _called(call: Call, named: dict[str, Any]) -> str:
    """A call in words: an array of the input by its name."""
    arrays = [next((name for name, y in named.items() if _is_same(x, y)), None) or _shown(x) for x in call.arrays]
    keywords = [f"{name}={value!r}" for name, value in call.keywords.items()]
    how = {"call": "", "gradient": "gradient of ", "jvp": "forward mode of "}.get(call.how, f"{call.how}: ")
    besides = [f"{name} {value}" for name, value in call.details.items() if name in ("layout", "wanted", "mapped")]
    more = f" ({', '.join(besides)})" if besides else ""
    return f"{how}{call.primitive}({', '.join([*arrays, *keywords])}){more}"


def _is_same(x: Any, y: Any) -> bool:
    """Whether both are the same array, to the last bit."""
    are_arrays = isinstance(x, np.ndarray) and isinstance(y, np.ndarray)
    return are_arrays and (x.dtype, x.shape, x.tobytes()) == (y.dtype, y.shape, y.tobytes())


def _shown(x: Any) -> str:
    if not isinstance(x, (np.ndarray, np.generic)):
        return repr(x)
    values = np.asarray(x) if x.dtype.kind in "biu" else np.asarray(x).astype(np.float64)
    text = np.array2string(values, separator=", ", threshold=32, floatmode="unique")
    return " ".join(text.split()) if np.size(x) else f"zeros({np.shape(x)})"


def _say(text: str, indent: str = INDENT) -> None:
    print("\n".join(textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent + INDENT)))
