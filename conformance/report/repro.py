"""Scripts that show one failure each: NumPy, the framework, and nothing of this project; and a text to paste.

A script is made of the document alone: the evidence of a failure, and the source of what it needs of the adapter.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pprint import pformat
from typing import Any

from conformance import __version__
from conformance.document import Document, backend_id
from conformance.evidence import Data, number_of, option_of
from conformance.report import views
from conformance.results import shortened

Key = tuple[str, ...]
WIDTH = 100
FULL = 8  # numbers that are equal, from which on an array is written by its shape
FOLDER = "repro"


@dataclass(frozen=True)
class Shown:
    """What a script shows: a failure, a crash, or an entry of a ledger. given: the arrays of its input."""

    name: str
    title: str
    told: str
    key: Key
    check: dict[str, Any]
    evidence: Data
    given: dict[str, Any]
    call: str


def shown(document: Document) -> list[Shown]:
    """Everything that there is a script of, by its name."""
    found = [_failure(check) for check in document["checks"] if is_scripted(check["evidence"])]
    for entry in views.known(document["checks"]):
        if is_scripted(entry.evidence):
            found.append(_known(entry))
    counts: dict[str, int] = {}
    unique = []
    for item in found:
        n = counts[item.name] = counts.get(item.name, 0) + 1
        unique.append(item if n == 1 else Shown(**{**vars(item), "name": f"{item.name}_{n}"}))
    return unique


def names(document: Document) -> dict[Key, str]:
    """The name of each script, by what it is about: see of_check and of_entry."""
    return {item.key: item.name for item in shown(document)}


def of_check(check: dict[str, Any]) -> Key:
    return check["id"], backend_id(check)


def of_entry(entry: views.Known) -> Key:
    return entry.checks[0]["adapter"], entry.reason, entry.link


def is_scripted(evidence: Data | None) -> bool:
    return evidence is not None and "omitted" not in evidence


def name_of(check: dict[str, Any]) -> str:
    """The name of the script of a check that failed."""
    return re.sub(r"\W+", "_", f"{check['id']} {backend_id(check)}").strip("_").lower()


def _failure(check: dict[str, Any]) -> Shown:
    found = check["counterexample"] or {}
    told = found.get("message") or check["cause"] or check["statement"]
    given = {**found.get("arrays", {}), **found.get("extras", {})}
    title = f"{check['primitive']}: {told}"
    key, call = of_check(check), found.get("call", "")
    return Shown(name_of(check), title, told, key, check, check["evidence"], given, call)


def _known(entry: views.Known) -> Shown:
    check, given = entry.shown_by or {}, entry.input or {}
    given = {**given["arrays"], **given.get("extras", {})}
    title, name = f"{check['primitive']}: {entry.reason}", f"known_{name_of(check)}"
    return Shown(name, title, entry.failure, of_entry(entry), check, entry.evidence or {}, given, entry.example)


def files(document: Document) -> dict[str, str]:
    """The scripts and the texts of issues, by their paths in the folder of the report."""
    written: dict[str, str] = {}
    for item in shown(document):
        text = script(item, document)
        written[f"{FOLDER}/{item.name}.py"] = text
        written[f"{FOLDER}/{item.name}.md"] = issue(item, document, text)
    return written


def script(item: Shown, document: Document) -> str:
    """The whole script."""
    form, calls = item.evidence["form"], item.evidence["calls"]
    head, _, body = document["sources"][item.evidence["source"]].partition("\n\n")
    main = "\n".join(_main(item))
    helpers = HELPERS["put" if "\ndef put(" in f"\n{body}" else "plain"] + HELPERS[form]
    helpers += HELPERS["element"] if any("index" in j for j in item.evidence.get("judged", ())) else ""
    helpers += HELPERS["signs"] if any(j.get("signs") for j in item.evidence.get("judged", ())) else ""
    if any("numpy_layout" in call for call in calls):
        helpers += LAID_OUT.replace("BOUNDARY", "put(x, DEVICE)" if "\ndef put(" in f"\n{body}" else "x")
    imports = {*head.splitlines(), "import sys", "import numpy as np", "from importlib.metadata import version"}
    imports |= {"import functools"} if any(call["how"] == "mapped" for call in calls) else set()
    imports |= {"import subprocess"} if form == "ends" else set()
    imports |= {"import hashlib"} if form == "repeated" else set()
    imports |= {"import ml_dtypes"} if "ml_dtypes." in main else set()
    names = sorted(name for name in ("inf", "nan") if re.search(rf"\b(?<!\.){name}\b", main))
    imports |= {f"from numpy import {', '.join(names)}"} if names else set()
    return "\n".join(
        [
            '"""' + _docstring(item, document),
            "Exit status: 1 while it is so, 0 when it is gone.",
            '"""',
            "",
            "from __future__ import annotations",
            "",
            *sorted((line for line in imports if line), key=lambda line: (line.startswith("from"), line)),
            "",
            f"DEVICE = {_quoted(item.evidence['device'])}",
            "",
            f"# The call, as it is made by Etalon's adapter {item.check['adapter']}.",
            "",
            body.strip("\n"),
            "",
            "",
            "# What is done with it.",
            "",
            helpers.strip("\n").replace("VERSIONS", repr(_packages(item, document))),
            "",
            "",
            main,
            "",
            "",
            'if __name__ == "__main__":',
            "    sys.exit(main())",
            "",
        ]
    )


def issue(item: Shown, document: Document, text: str) -> str:
    """A text to paste into a report of the bug."""
    fence = "```"
    while fence in text:
        fence += "`"
    versions = _versions(item, document)
    got, want = _outcome(item)
    lines = [
        f"# {shortened(' '.join(item.title.split()), 200)}",
        "",
        f"{_sentence(item)}",
        "",
        f"{fence}python",
        *text.splitlines(),
        fence,
        "",
        "Expected:",
        "",
        fence,
        *want,
        fence,
        "",
        "Got:",
        "",
        fence,
        *got,
        fence,
        "",
        f"Versions: {', '.join(f'{name} {v}' for name, v in versions.items()) or 'unknown'}; "
        f"{item.check['device']}, {item.check['format']}, {item.check['mode']}.",
        "",
        f"Found by Etalon {__version__}, check `{item.check['id']}` on `{backend_id(item.check)}`: "
        f"{_one_line(item.check['statement'])} (seed {document['seed']}, depth {document['depth']}). The bound is "
        "derived from the rules of floating-point arithmetic; no tolerance was chosen.",
    ]
    return "\n".join(lines) + "\n"


def _docstring(item: Shown, document: Document) -> str:
    versions = ", ".join(f"{name} {v}" for name, v in _versions(item, document).items())
    text = [
        f"{shortened(_one_line(item.title), 400)}.",
        "",
        f"{_one_line(item.check['statement']).rstrip('.')}: check {item.check['id']} on {backend_id(item.check)}. "
        f"Found by Etalon {__version__}, seed {document['seed']}, depth {document['depth']}, with {versions}.",
    ]
    lines = [line for part in text for line in (textwrap.wrap(part, WIDTH, break_long_words=False) or [""])]
    return "\n".join(lines).replace("\\", "\\\\").replace('"""', "'''")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _versions(item: Shown, document: Document) -> dict[str, str]:
    of = (a for a in document["adapters"] if (a["name"], a["device"]) == (item.check["adapter"], item.check["device"]))
    return next((dict(a["versions"]) for a in of), {})


def _packages(item: Shown, document: Document) -> tuple[str, ...]:
    return tuple(dict.fromkeys(["numpy", *(name for name in _versions(item, document) if name != "file")]))


SENTENCES = {
    "judged": "A call gives a result that differs from what is right by more than rounding can explain.",
    "accepted": "A call that means nothing is accepted.",
    "raises": "A call that is valid raises an error.",
    "twice": "A call changes what it is given, or gives other bits when it is made again.",
    "ends": "A call ends the process.",
    "repeated": "A law that every correct implementation obeys is broken by these calls together.",
}


def _sentence(item: Shown) -> str:
    return SENTENCES[item.evidence["form"]]


def _outcome(item: Shown) -> tuple[list[str], list[str]]:
    """What was got and what is right, as lines."""
    form, calls = item.evidence["form"], item.evidence["calls"]
    if form == "judged" and "error" not in calls[0]:
        got, want = [], []
        for j in item.evidence["judged"]:
            got.append(f"{_element(j)} = {_plain(j['got'])}")
            want.append(f"{_element(j)} = {_plain(j['want'])}, each within {_plain(j['bound'])}")
        return got, want
    if form == "repeated":
        got = [f"{s['output']}: {' and '.join(map(shortened, s['values']))}" for s in item.evidence["sides"]]
        return [_one_line(item.told), *got], [_one_line(item.check["statement"])]
    right = {"accepted": "an error", "twice": _one_line(item.check["statement"])}.get(form, "a result")
    return [calls[-1].get("error") or _one_line(item.told)], [right]


def _element(judged: Data) -> str:
    """A result, or the one number of it that is kept."""
    return judged["output"] + (f"[{', '.join(map(str, judged['index']))}]" if "index" in judged else "")


def _plain(data: Any) -> str:
    values = data["values"] if isinstance(data, dict) else data
    return shortened(_one_line(str(_numbers(values))), 400)


# -- the program ---------------------------------------------------------------------------------------


def _main(item: Shown) -> Iterator[str]:
    calls, evidence = item.evidence["calls"], item.evidence
    used = {name for call in calls for name in _names(call)}
    yield "def main():"
    for name, data in item.given.items():
        if name in used:
            yield from _assigned(name, data)
    yield '    print("versions:", versions())'
    if evidence["form"] == "repeated":
        yield from _printed(f"input: {_text(item, calls[0])}")
        yield "    same = 0"
    for i, call in enumerate(calls):
        function = "function" if len(calls) == 1 else f"function_{i + 1}"
        yield f"    {function} = {_function(call)}"
        yield from BODIES[evidence["form"]](item, call, function, i)
    yield from ENDS[evidence["form"]](item)


def _judged(item: Shown, call: Data, function: str, i: int) -> Iterator[str]:
    yield from _printed(f"input: {_text(item, call)}")
    yield "    try:"
    yield from _got(call, function, "        results = ")
    yield "    except Exception as error:"
    yield '        print(f"got: {type(error).__name__}: {error}")'
    yield '        print("want: a result, since the call is valid")'
    yield "        return 1"
    yield "    wrong = 0"
    for j in item.evidence["judged"]:
        yield from _assigned("want", j["want"])
        yield from _assigned("bound", j["bound"])
        n = j["result"]
        place = f"results[{n}] if len(results) > {n} else None" if n else "results[0]"
        place = f"element({place}, {tuple(j['index'])})" if "index" in j else place
        verb = "loses_a_sign" if j.get("signs") else "misses"
        yield f"    wrong += {verb}({_quoted(_element(j))}, {place}, want, bound, {_quoted(j['dtype'])})"


def _accepted(item: Shown, call: Data, function: str, i: int) -> Iterator[str]:
    yield from _printed(f"input: {_text(item, call)}")
    yield "    try:"
    yield from _got(call, function, "        results = ")
    yield "    except Exception as error:"
    yield '        print(f"got: {type(error).__name__}: {error}")'
    yield "        return 0"
    yield '    print("got: a result of shape", ", ".join(str(np.shape(y)) for y in results))'
    yield from _printed(f"want: an error. {_one_line(item.told)}")


def _raises(item: Shown, call: Data, function: str, i: int) -> Iterator[str]:
    yield from _printed(f"input: {_text(item, call)}")
    yield '    print("want: a result, since the call is valid")'
    yield "    try:"
    yield from _got(call, function, "        results = ")
    yield "    except Exception as error:"
    yield '        print(f"got: {type(error).__name__}: {error}")'
    yield "        return 1"
    yield '    print("got: a result of shape", ", ".join(str(np.shape(y)) for y in results))'


def _twice(item: Shown, call: Data, function: str, i: int) -> Iterator[str]:
    yield from _printed(f"input: {_text(item, call)}")
    arrays = ", ".join(_expression(x) for x in call["arrays"])
    keywords = "".join(f", {name}={_literal(option_of(x))}" for name, x in call.get("keywords", {}).items())
    yield from _made(f"    arrays = [{arrays}]")
    yield "    given = [native(x) for x in arrays]"
    yield f"    first = copies({function}(*given{keywords}))"
    yield "    after = copies(tuple(given))"
    yield f"    second = copies({function}(*given{keywords}))"
    yield '    print("want: the arrays as they were, and the same bits again")'
    if "changes" in item.evidence:
        n = item.evidence["changes"]
        yield f"    wrong = differs(arrays[{n}], after[{n}])"
    else:
        yield "    wrong = sum(differs(x, y) for x, y in zip(first, second))"


def _ends(item: Shown, call: Data, function: str, i: int) -> Iterator[str]:
    yield f'    if sys.argv[1:] == ["{CHILD}"]:'
    yield "        try:"
    yield from _got(call, function, "            ")
    yield "        except Exception as error:"
    yield '            print(f"got: {type(error).__name__}: {error}")'
    yield f'        print("{RETURNED}")'
    yield "        return 0"
    yield from _printed(f"input: {_text(item, call)}")
    yield '    print("want: a result, or an error, and a process that goes on")'


def _repeated(item: Shown, call: Data, function: str, i: int) -> Iterator[str]:
    how = {"call": "", "mapped": "mapped: ", "gradient": "gradient of ", "jvp": "forward mode of "}
    yield from _printed(f"call {i + 1}: {how.get(call['how'], '')}{call['primitive']}")
    results = call.get("results")
    if results is None:
        found = repr(call.get("error", "").split(":")[0])
    else:
        found = f"({', '.join(_expression(y) for y in results)},)"
    yield from _made(f"    found = {found}")
    yield from _got(call, function, "    same += is_found(lambda: ", ", found)")


def _end_judged(item: Shown) -> Iterator[str]:
    yield "    return int(wrong > 0)"


def _end_accepted(item: Shown) -> Iterator[str]:
    yield "    return 1"


def _end_raises(item: Shown) -> Iterator[str]:
    yield "    return 0"


def _end_ends(item: Shown) -> Iterator[str]:
    yield "    return int(ends())"


def _end_repeated(item: Shown) -> Iterator[str]:
    yield from _printed(f"law: {_one_line(item.check['statement'])}")
    yield from _printed(f"found: {shortened(_one_line(item.told))}")
    for s in item.evidence["sides"]:
        for name, values in zip(s["names"], s["values"], strict=True):
            yield from _printed(f"{name}: {shortened(values)}")
        if s["bound"] is not None:
            yield from _printed(f"bound: {shortened(s['bound'])}")
    yield f"    return int(same == {len(item.evidence['calls'])})"


BODIES = {
    "judged": _judged,
    "accepted": _accepted,
    "raises": _raises,
    "twice": _twice,
    "ends": _ends,
    "repeated": _repeated,
}
ENDS = {
    "judged": _end_judged,
    "accepted": _end_accepted,
    "raises": _end_raises,
    "twice": _end_judged,
    "ends": _end_ends,
    "repeated": _end_repeated,
}


def _function(call: Data) -> str:
    """What is called."""
    function, details = call.get("function", call["primitive"]), call.get("details", {})
    if call["how"] in ("gradient", "jvp"):
        function = f"{call['how']}({function}, {tuple(details['wanted'])})"
    if call["how"] == "mapped":
        keywords = "".join(f", {name}={_literal(option_of(x))}" for name, x in call.get("keywords", {}).items())
        axes = tuple(details["mapped"][: len(call["arrays"])])
        function = f"vmap(functools.partial({function}{keywords}), {axes})"
    return f"{call['decorator']}({function})" if "decorator" in call else f"{function}"


def _got(call: Data, function: str, begin: str, end: str = "") -> Iterator[str]:
    """The call itself, on native arrays, between what begins a statement and what ends it."""
    details = call.get("details", {})
    arrays = [_laid_out(call, x) if call["how"] != "gradient" else _native(x) for x in call["arrays"]]
    if call["how"] == "gradient":
        cotangent = _native(details["cotangent"])
        arrays.insert(0, f"{call['native_layout']}({cotangent})" if "native_layout" in call else cotangent)
    if call["how"] == "jvp":
        arrays.insert(0, f"({', '.join(_native(x) for x in details['tangents'])},)")
    keywords = [f"{name}={_literal(option_of(x))}" for name, x in call.get("keywords", {}).items()]
    taken = [*arrays, *([] if call["how"] == "mapped" else keywords)]
    line = f"{begin}got({function}({', '.join(taken)})){end}"
    if len(line) <= WIDTH and "\n" not in line:
        yield line
        return
    indent = begin[: len(begin) - len(begin.lstrip())]
    yield f"{begin}got("
    yield f"{indent}    {function}("
    for x in taken:
        yield from textwrap.indent(f"{x},", f"{indent}        ").splitlines()
    yield f"{indent}    )"
    yield f"{indent}){end}"


def _native(data: Any) -> str:
    return f"native({_expression(data)})" if isinstance(data, (str, dict)) else _expression(data)


def _laid_out(call: Data, x: Any) -> str:
    if not isinstance(x, (str, dict)):
        return _expression(x)
    if "numpy_layout" in call:
        return f"laid_out({_expression(x)}, {call['numpy_layout']})"
    return f"{call['native_layout']}({_native(x)})" if "native_layout" in call else _native(x)


def _names(call: Data) -> Iterator[str]:
    """The arrays of the input that a call takes."""
    details = call.get("details", {})
    for x in (*call["arrays"], details.get("cotangent"), *details.get("tangents", ())):
        if isinstance(x, str):
            yield x


def _text(item: Shown, call: Data) -> str:
    return shortened(item.call or call["primitive"])


def _assigned(name: str, data: Any) -> Iterator[str]:
    yield from _made(f"    {name} = {_expression(data)}")


def _printed(text: str) -> Iterator[str]:
    """The statement that prints a text, in lines of bearable length."""
    if len(text) < WIDTH - len("    print()"):
        yield f"    print({_quoted(text)})"
        return
    pieces = textwrap.wrap(text, WIDTH - 12, drop_whitespace=False, break_on_hyphens=False)
    yield "    print("
    yield from (f"        {_quoted(piece)}" for piece in pieces)
    yield "    )"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _made(line: str) -> Iterable[str]:
    return line.splitlines()


def _expression(data: Any) -> str:
    """An array as Python writes it, to the last bit; a name is itself."""
    if isinstance(data, str):
        return data
    if not isinstance(data, dict):
        return _literal(option_of(data))
    if "sha256" in data:
        return _quoted(data["sha256"])
    dtype = "ml_dtypes.bfloat16" if data["dtype"] == "bfloat16" else _quoted(data["dtype"])
    values, shape = _numbers(data["values"]), tuple(data["shape"])
    flat = _flat(values)
    if not flat:
        return f"np.zeros({shape}, {dtype})"
    if len(flat) > FULL and len({repr(x) for x in flat}) == 1:
        return f"np.full({shape}, {flat[0]!r}, {dtype})"
    text = pformat(values, width=WIDTH - 8, compact=True)
    if "\n" not in text and len(text) < WIDTH - 30:
        return f"np.array({text}, {dtype})"
    return f"np.array(\n{textwrap.indent(text, ' ' * 8)},\n        {dtype},\n    )"


def _literal(x: Any) -> str:
    return repr(x)


def _numbers(x: Any) -> Any:
    return [_numbers(y) for y in x] if isinstance(x, list) else number_of(x)


def _flat(x: Any) -> list[Any]:
    return [z for y in x for z in _flat(y)] if isinstance(x, list) else [x]


CHILD = "call"
RETURNED = "it returned"
COMMON = '''
def versions() -> str:
    """Of what takes part."""
    found = []
    for name in VERSIONS:
        try:
            found.append(f"{name} {version(name)}")
        except ImportError:  # of a name that is no package
            continue
    return ", ".join([f"Python {sys.version.split()[0]}", *found])
'''
GOT = '''

def got(result):
    """The results, as NumPy arrays."""
    results = result if isinstance(result, tuple) else (result,)
    return tuple(GET for y in results)
'''
LAID_OUT = '''

def laid_out(x, change):
    """An array of the framework from one that lies otherwise in memory."""
    x = change(x.copy())
    return BOUNDARY
'''
HELPERS = {
    "put": COMMON
    + '''

def native(x):
    """An array of the framework."""
    return put(x.copy(), DEVICE) if isinstance(x, np.ndarray) else x
'''
    + GOT.replace("GET", "y if y is None or isinstance(y, int) else get(y)"),
    "plain": COMMON
    + """

def native(x):
    return x.copy() if isinstance(x, np.ndarray) else x
"""
    + GOT.replace("GET", "y"),
    "judged": '''

def misses(name, result, want, bound, dtype):
    """Whether a result has another shape or type than it should, or a number outside of its bound."""
    print(f"got: {name} = {text(result)}")
    print(f"want: {text(want)}")
    print(f"bound: {text(bound)}")
    if np.shape(result) != np.shape(want) or (dtype and str(getattr(result, "dtype", "")) != dtype):
        print(f"want: shape {np.shape(want)} of {dtype}, not {np.shape(result)} of {getattr(result, 'dtype', None)}")
        return True
    x = np.asarray(result, dtype=float)
    with np.errstate(all="ignore"):
        same = (x == want) | (np.isnan(x) & np.isnan(want))
        return not np.all(same | (bound == np.inf) | (np.abs(x - want) <= bound))


def text(x):
    if not np.ndim(x):
        return str(x)
    return np.array2string(np.asarray(x, dtype=float), separator=", ", threshold=64, floatmode="unique")
''',
    "element": '''

def element(result, index):
    """One number of a result; nothing, if it has not that many."""
    has = np.ndim(result) == len(index) and all(i < n for i, n in zip(index, np.shape(result)))
    return result[index] if has else None
''',
    "signs": '''

def loses_a_sign(name, result, want, bound, dtype):
    """Whether a zero that is certain has the other sign."""
    print(f"got: {name} = {text(result)}")
    print(f"want: {text(want)}")
    x = np.asarray(result, dtype=float)
    return bool(np.any((want == 0) & (bound == 0) & (np.signbit(x) != np.signbit(want))))
''',
    "accepted": "",
    "raises": "",
    "twice": '''

def copies(result):
    return tuple(y.copy() if isinstance(y, np.ndarray) else y for y in got(result))


def differs(x, y):
    """Whether two arrays have not the same bits."""
    print(f"got: {x} and {y}")
    return x is not None and np.asarray(x).tobytes() != np.asarray(y).tobytes()
''',
    "ends": f'''

def ends():
    """Make the call in a process of its own: whether that dies, or hangs."""
    try:
        ended = subprocess.run([sys.executable, __file__, "{CHILD}"], capture_output=True, text=True, timeout=300)
    except subprocess.TimeoutExpired:
        print("got: a process that does not end")
        return True
    if "{RETURNED}" in ended.stdout:
        print(ended.stdout, end="")
        return False
    print("got: a process that ends with status", ended.returncode)
    return True
''',
    "repeated": '''

def is_found(call, found):
    """Whether a call still gives what was found: the same numbers, or an error of the same name."""
    try:
        results = call()
    except Exception as error:
        print(f"got: {type(error).__name__}: {error}")
        return type(error).__name__ == found
    print("got:", *results)
    return not isinstance(found, str) and len(results) == len(found) and all(map(same_numbers, results, found))


def same_numbers(x, y):
    if x is None or y is None:
        return x is y
    if isinstance(y, str):
        return hashlib.sha256(np.ascontiguousarray(np.asarray(x).astype(float)).tobytes()).hexdigest() == y
    x, y = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    return x.shape == y.shape and bool(np.all((x == y) | (np.isnan(x) & np.isnan(y))))
''',
}
