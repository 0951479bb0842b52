"""The kill matrix: which mutants which checks reject, as power.py has found and power.json keeps it."""

from __future__ import annotations

import functools
import json
import statistics
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SCHEMA = "etalon-power/1"
COMMITTED = Path(__file__).with_name("power.json")
OUTDATED = "conformance/power.json is outdated: python -m conformance power --json conformance/power.json"

Document = dict[str, Any]


@functools.cache
def committed() -> Document:
    """What was found when the suite was last measured."""
    return dict(json.loads(COMMITTED.read_text(encoding="utf-8")))


def survivors(document: Document) -> list[str]:
    """The mutants that no check rejects: bugs of the suite."""
    return [name for name, mutant in document["mutants"].items() if not mutant["rejected_by"]]


def idle(document: Document) -> list[str]:
    """The checks that reject no mutant."""
    busy = {check for mutant in document["mutants"].values() for check in mutant["rejected_by"]}
    return [check for check in document["checks"] if check not in busy]


def quickest(document: Document, check: str) -> str:
    """The mutant that a check rejects after the fewest problems. Raises: KeyError if it rejects none."""
    of = {name: mutant["rejected_by"][check] for name, mutant in rejected(document, check).items()}
    if not of:
        raise KeyError(check)
    return min(of, key=lambda name: (of[name], name))


def rejected(document: Document, check: str) -> dict[str, Any]:
    """The mutants that a check rejects."""
    return {name: mutant for name, mutant in document["mutants"].items() if check in mutant["rejected_by"]}


def kind_of(check: str) -> str:
    """The kind of a check by its id: the name of a lane, or laws, statements and so on.

    >>> kind_of("VALUES softmax"), kind_of("SOFT-2 shift_invariance"), kind_of("CLAIM-STEPS dense")
    ('VALUES', 'laws', 'claims')
    """
    name, _, rest = check.split()[0].partition("-")
    named = {"SAID": "statements", "CHOICE": "conventions", "CLAIM": "claims"}
    return named.get(name) or ("laws" if rest.isdigit() else check.split()[0])


@dataclass(frozen=True)
class Summary:
    """What the checks of a primitive, or of all, can detect.

    problems: the median, over mutants and the checks that reject them, of how many problems that took. kinds: how many
    mutants each kind of check rejects.
    """

    primitive: str
    mutants: int
    killed: int
    checks: int
    idle: list[str]
    problems: float
    kinds: dict[str, int]


def summaries(document: Document) -> list[Summary]:
    """A line for each primitive, and one for all of them."""
    primitives = sorted({mutant["primitive"] for mutant in document["mutants"].values()})
    return [_summary(document, {p}, p) for p in primitives] + [_summary(document, set(primitives), "all")]


def _summary(document: Document, primitives: set[str], name: str) -> Summary:
    mutants = [mutant["rejected_by"] for mutant in document["mutants"].values() if mutant["primitive"] in primitives]
    mine = [check for check, primitive in document["checks"].items() if primitive in primitives]
    found = [n for kills in mutants for n in kills.values()]
    unused = idle(document)
    kinds = Counter(kind for kills in mutants for kind in {kind_of(check) for check in kills})
    return Summary(
        primitive=name,
        mutants=len(mutants),
        killed=sum(map(bool, mutants)),
        checks=len(mine),
        idle=[check for check in mine if check in unused],
        problems=statistics.median(found) if found else 0.0,
        kinds=dict(sorted(kinds.items())),
    )
