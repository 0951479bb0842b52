"""A run on a student's file as the results.json of Gradescope's autograder: one test for each primitive.

https://gradescope-autograders.readthedocs.io/en/latest/specs/ describes the format.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from conformance.document import Document, backend_id
from conformance.results import FAILS, shortened, word
from conformance.summary import share, wrapped
from reference import PRIMITIVES

POINTS = 1.0  # for each primitive
LONG = 1000  # characters of a call, or of what was found
MOST = 3  # failures that are shown of a primitive, the smallest input first

Check = dict[str, Any]


def render(document: Document) -> str:
    """The text of the file; only the primitives of which there are checks are tests."""
    of: dict[str, list[Check]] = {name: [] for name in PRIMITIVES}
    for check in document["checks"]:
        of.get(check["primitive"], []).append(check)
    tests = [_test(primitive, checks) for primitive, checks in of.items() if checks]
    return json.dumps({"tests": tests}, indent=1, ensure_ascii=False) + "\n"


def refusal(text: str) -> str:
    """The text of the file where nothing could be tried, and why."""
    return json.dumps({"score": 0.0, "output": text}, indent=1, ensure_ascii=False) + "\n"


def _test(primitive: str, checks: list[Check]) -> dict[str, Any]:
    """All points if everything that was tried holds, and anything was tried; otherwise none."""
    failed = sorted((c for c in checks if word(c) in FAILS), key=_size)
    passed = not failed and any(c["outcome"] != "not_offered" for c in checks)
    return {
        "name": primitive,
        "score": POINTS if passed else 0.0,
        "max_score": POINTS,
        "status": "passed" if passed else "failed",
        "output_format": "text",
        "output": "\n".join(_output(primitive, checks, failed)),
    }


def _size(check: Check) -> tuple[int, float, str]:
    """The clearest failure first: of the worst kind, on the smallest input; the values before the laws."""
    numbers = (check["counterexample"] or {}).get("numbers", float("inf"))
    return FAILS.index(word(check)), numbers, "" if check["property"] == "values" else check["id"]


def _output(primitive: str, checks: list[Check], failed: list[Check]) -> Iterator[str]:
    reasons = sorted({reason for c in checks for reason in c["reasons"]})
    tried = [c for c in checks if c["outcome"] != "not_offered"]
    if not tried:
        yield f"{primitive} is not there to be tried."
        yield from wrapped("; ".join(reasons), "")
        return
    counts = Counter(word(c) for c in tried)
    yield f"{len(tried)} checks: " + ", ".join(f"{n} {what}" for what, n in sorted(counts.items())) + "."
    if failed:
        yield f"The definition is in {failed[0]['reference']}."
    for check in failed[:MOST]:
        yield ""
        yield from wrapped(f"{check['id']} on {backend_id(check)}: {word(check)}", "")
        yield from wrapped(check["statement"], "    ")
        found = check["counterexample"] or {}
        if found.get("call"):
            yield from wrapped(shortened(found["call"], LONG), "    on  ", "        ")
        yield from wrapped(shortened(found.get("message") or check["cause"] or share(check), LONG), "    ")
    if len(failed) > MOST:
        yield ""
        yield f"... and {len(failed) - MOST} more."
    if reasons and any(c["refused"] for c in tried):
        yield ""
        yield from wrapped(f"Not everything could be tried: {'; '.join(reasons)}", "")
