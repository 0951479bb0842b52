"""Evidence as data: what a failure rests on, small enough for the report, and whole enough for a script.

What the form of it is decides what the script does:

    judged    one call, and what the reference allows it to return
    accepted  one call of what means nothing, which must raise and does not
    raises    one call of what is valid, which raises
    twice     one call, made twice, which must change nothing and give the same bits
    ends      one call, after which there is no process
    repeated  all calls of a law of which none by itself is wrong: what they return, and the sides that come of it

An array that the input has under a name stands there by this name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np

from adapters.backend import Backend, Call
from conformance import shaken
from conformance.records import array_data, array_names, last_call, named_arrays, plain
from properties.agreement import AcceptedInvalid, Failure, MutatedInput, NotDeterministic
from properties.evidence import Evidence, Judged, is_missed

MOST = 20_000  # numbers of an input; a script of more is read by nobody
MANY = 256  # numbers of a result, of which more are kept by their hash, or by the worst of them
Data = dict[str, Any]
SPELLED = {"NaN": np.nan, "Infinity": np.inf, "-Infinity": -np.inf}


def as_data(evidence: Evidence, failure: Failure | str | None, named: Mapping[str, Any], device: str) -> Data:
    """The part of the evidence that a script needs. named: the arrays of the input, which are not written twice."""
    form, calls, judged = _chosen(evidence, failure)
    sizes = [np.size(y) for call in calls for y in call.arrays]
    if any(call.how == "network" for call in calls):
        return {"omitted": "a whole network is more than a script"}
    if not calls or sum(sizes) > MOST:
        return {"omitted": f"its arrays have {sum(sizes)} numbers" if calls else "the backend was not called"}
    data: Data = {"form": form, "device": device, "calls": [_call(call, named, form) for call in calls]}
    if form == "twice" and isinstance(failure, MutatedInput):
        data["changes"] = array_names(calls[0].primitive, len(calls[0].arrays)).index(failure.output)
    if judged:
        data["judged"] = [_judged(j, calls[0]) for j in judged]
    if form == "repeated":
        data["sides"] = [
            {
                "output": s.output,
                "names": ["left", "right"] if s.is_of_sides else ["got", "want"],
                "values": [_text(s.got), _text(s.want)],
                "bound": None if s.bound is None else _text(s.bound),
            }
            for s in evidence.sides
        ]
    return data


def of_last(folder: Path, run: str, process: str, device: str) -> Data | None:
    """Of the last call that a process noted, which did not return."""
    try:
        call = last_call(folder, run, process)
    except ValueError:
        return None
    if call is None:
        return None
    return as_data(Evidence([call], ends_the_process=True), None, named_arrays(call), device)


def rank(data: Data | None) -> int:
    """The lower the better evidence shows what it is about."""
    return 3 if data is None else 2 if "omitted" in data else int(data["form"] == "repeated")


def of_failure(failure: Failure, backend: Backend) -> Data | None:
    """What the report keeps of a failure's evidence."""
    if failure.kind.endswith("ledger entry"):
        return None
    if failure.evidence is None or failure.draw is None:
        return {"omitted": "the calls of this check are not kept"}
    named = {**failure.draw.arrays, **failure.draw.extras}
    return as_data(failure.evidence, failure, named, backend.device)


def _chosen(evidence: Evidence, failure: Failure | str | None) -> tuple[str, list[Call], list[Judged]]:
    calls = evidence.calls
    if evidence.ends_the_process:
        return "ends", calls, []
    if isinstance(failure, AcceptedInvalid):
        return "accepted", calls[-1:], []
    for judged in evidence.judged:
        call = calls[judged.call]
        if is_missed(call, judged):
            return "judged", [call], [j for j in evidence.judged if calls[j.call] is call]
    if calls and calls[-1].error:
        return "raises", calls[-1:], []
    if isinstance(failure, (MutatedInput, NotDeterministic)) and calls and calls[-1].how == "twice":
        return "twice", calls[-1:], []
    return "repeated", calls, []


def _call(call: Call, named: Mapping[str, Any], form: str) -> Data:
    names = array_names(call.primitive, len(call.arrays))
    arrays = [_array(x, named, name) for name, x in zip(names, call.arrays, strict=True)]
    data: Data = {"how": call.how, "primitive": call.primitive, "mode": call.mode, "arrays": arrays}
    details = {name: _array(x, named, name) for name, x in call.details.items() if name == "cotangent"}
    details |= {name: list(x) for name, x in call.details.items() if name in ("wanted", "mapped")}
    details |= {name: [_array(v, named) for v in x] for name, x in call.details.items() if name == "tangents"}
    details |= {name: x for name, x in call.details.items() if name == "layout"}
    data |= {"keywords": plain(call.keywords)} if call.keywords else {}
    data |= {"details": details} if details else {}
    if form == "repeated" and call.results is not None:
        data["results"] = [_result(y) for y in call.results]
    return data | ({"error": call.error} if call.error else {})


def _judged(judged: Judged, call: Call) -> Data:
    """A result beside what is right; of many numbers the one that is furthest beyond its bound."""
    got = None if call.results is None or judged.result >= len(call.results) else call.results[judged.result]
    data: Data = {"result": judged.result, "output": judged.output, "dtype": judged.dtype}
    want, bound = np.asarray(judged.want), np.asarray(judged.bound, float)
    if want.size > MANY and got is not None and np.shape(got) == want.shape:
        worst = np.unravel_index(int(np.argmax(_ratios(got, want, bound))), want.shape)
        index = tuple(int(i) for i in worst)
        data["index"] = list(index)
        got, want, bound = got[index], want[index], bound[index]
    data |= {"got": array_data(got), "want": array_data(judged.want if not judged.dtype else want)}
    data["bound"] = array_data(bound)
    return data | ({"signs": True} if judged.signs else {})


def _ratios(got: Any, want: Any, bound: Any) -> Any:
    x, v = np.asarray(got).astype(np.float64), np.asarray(want, float)
    with np.errstate(all="ignore"):
        same = (x == v) | (np.isnan(x) & np.isnan(v)) | (bound == np.inf)
        ratios = np.where(same, 0.0, np.abs(x - v) / bound)
    return np.where(np.isnan(ratios), np.inf, ratios)


def _result(y: Any) -> Any:
    """A result that a script looks for again, or its hash."""
    if np.size(y) <= MANY:
        return array_data(y)
    digest = hashlib.sha256(np.ascontiguousarray(np.asarray(y).astype(np.float64)).tobytes()).hexdigest()
    return {"shape": list(np.shape(y)), "sha256": digest}


def _text(x: Any) -> str:
    if not isinstance(x, (np.ndarray, np.generic)):
        return str(x)
    return " ".join(np.array2string(np.asarray(x), separator=", ", threshold=64, floatmode="unique").split())


def _array(x: Any, named: Mapping[str, Any], name: str = "") -> Any:
    """An array by its name, if the input has it. name: the one that it is likely to have."""
    if not isinstance(x, np.ndarray):
        return plain(x)
    same = [key for key, y in named.items() if isinstance(y, np.ndarray) and _bits(x) == _bits(y)]
    return name if name in same else same[0] if same else array_data(x)


def _bits(x: np.ndarray[Any, Any]) -> tuple[str, tuple[int, ...], bytes]:
    return x.dtype.name, x.shape, x.tobytes()


# -- the source that a script needs ------------------------------------------------------------------


def with_source(data: Data, adapter: str, source: str | None, sources: dict[str, str]) -> Data:
    """The evidence with what a script needs of the adapter, which is put among the sources under a key.

    source: that of the adapter's module.
    """
    if "omitted" in data:
        return data
    if source is None:
        return {"omitted": f"the adapter {adapter} is no module with a source"}
    names, views = set[str](), set[str]()
    try:
        calls = [_with_expressions(call, source, names, views) for call in data["calls"]]
        key = f"{adapter}: {', '.join(sorted(names | views))}"
        if key not in sources:
            sources[key] = shaken.shaken(source, names, {VIEWS: views} if views else {})
    except shaken.CannotStandAlone as why:
        return {"omitted": f"what it needs of {adapter} cannot stand alone: {why}"}
    return data | {"calls": calls, "source": key}


VIEWS = "adapters.layouts"
DERIVATIVES = {"gradient": "gradient", "jvp": "jvp", "mapped": "vmap"}


def _with_expressions(call: Data, source: str, names: set[str], views: set[str]) -> Data:
    """A call with the expressions that its mode, its layout and its function are; the names that it needs are added.

    Raises: CannotStandAlone.
    """
    found: Data = {}
    names |= {name for name in ("put", "get") if shaken.has(source, name)}
    if call["how"] == "bare":
        found["function"] = _expression(source, "bare", call["primitive"], names)
    else:
        names |= {call["primitive"], *([DERIVATIVES[call["how"]]] if call["how"] in DERIVATIVES else [])}
        decorator = shaken.entry(source, "modes", call["mode"])
        if decorator not in (None, "None", "lambda function: function"):
            found["decorator"] = _expression(source, "modes", call["mode"], names)
    if layout := call.get("details", {}).get("layout"):
        tables = [table for table in ("layouts", "cotangent_layouts") if shaken.entry(source, table, layout)]
        if tables:
            found["native_layout"] = _expression(source, tables[0], layout, names)
        else:
            found["numpy_layout"] = _expression(shaken.read(VIEWS) or "", "VIEWS", layout, views)
    return call | found


def _expression(source: str, table: str, key: str, names: set[str]) -> str:
    expression = shaken.entry(source, table, key)
    if expression is None:
        raise shaken.CannotStandAlone(f"its {table} has no {key} that can be read")
    names |= shaken.names_in(expression)
    return expression


# -- and back ----------------------------------------------------------------------------------------


def array_of(data: Any) -> Any:
    """An array, or a number, from its data, to the last bit."""
    if not isinstance(data, dict):
        return number_of(data)
    dtype = np.dtype(ml_dtypes.bfloat16 if data["dtype"] == "bfloat16" else data["dtype"])
    flat = [number_of(x) for x in _flat(data["values"])]
    if dtype.kind in "biu":
        return np.array(flat, dtype).reshape(data["shape"])
    return np.array(flat, np.float64).astype(dtype).reshape(data["shape"])


def number_of(x: Any) -> Any:
    return SPELLED.get(x, x) if isinstance(x, str) else x


def option_of(x: Any) -> Any:
    """An option from its data: what JSON has for a list was a tuple."""
    return tuple(map(option_of, x)) if isinstance(x, list) else number_of(x)


def _flat(x: Any) -> Sequence[Any]:
    return [z for y in x for z in _flat(y)] if isinstance(x, list) else [x]
