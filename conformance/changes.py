"""What has changed from one report to another: what fails now and did not, and what fails no more.

A check on a backend is known by its id and by adapter, device, format and mode; versions may differ, since
they are what is compared. A failure is new unless the same check has failed in the same way before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from conformance.document import Document, backend_id
from conformance.results import FAILS, shortened, word

Check = dict[str, Any]
Key = tuple[str, str]
SHOWN = 300  # characters of what was found
NOTHING_IN_COMMON = (
    "The two reports have no check in common. Checks are told apart by their id, adapter, device, format and mode: "
    "are they reports of the same adapters?"
)


@dataclass(frozen=True)
class Pair:
    """A check on a backend, before and now; None where the report does not have it."""

    before: Check | None
    now: Check | None

    @property
    def name(self) -> str:
        check = self.now or self.before
        assert check
        return f"{check['id']} on {backend_id(check)}"

    @property
    def words(self) -> tuple[str, str]:
        """The outcomes, before and now."""
        before, now = (word(check) if check else "not tried" for check in (self.before, self.now))
        return before, now

    @property
    def found(self) -> str:
        """What is wrong: now, or before if nothing is."""
        check = self.now if self.now and word(self.now) in FAILS else self.before
        found = (check or {}).get("counterexample") or {}
        return shortened(" ".join(str(found.get("message") or (check or {}).get("cause") or "").split()), SHOWN)


@dataclass(frozen=True)
class Worst:
    """The worst error/bound of one primitive on one backend, over the checks that both reports have."""

    primitive: str
    backend: str
    before: float
    now: float


@dataclass(frozen=True)
class Changes:
    """The changes from one report to another, each list in the order of the reports."""

    old: Document
    new: Document
    remarks: list[str]  # what makes the two less comparable
    common: int  # checks that both have
    appeared: list[Pair]  # fails now, and did not, or in another way
    known: list[Pair]  # fails as it did
    fixed: list[Pair]
    gone: list[Pair]  # only the old report has it
    added: list[Pair]  # only the new one has it, and it does not fail
    worst: list[Worst]  # what has changed, the largest growth first

    @property
    def is_worse(self) -> bool:
        """Whether anything fails that did not. What was not run is unknown, and unknown is never green."""
        return bool(self.appeared) or not self.new["complete"]


def changes(old: Document, new: Document) -> Changes:
    """Compare two reports."""
    before, now = _by_key(old), _by_key(new)
    both = sorted(before.keys() & now.keys())
    pairs = [Pair(before.get(key), now.get(key)) for key in sorted(before.keys() | now.keys())]
    fails = [pair for pair in pairs if pair.words[1] in FAILS]
    return Changes(
        old,
        new,
        [*([] if both else [NOTHING_IN_COMMON]), *_remarks(old, new)],
        common=len(both),
        appeared=[pair for pair in fails if pair.words[0] != pair.words[1]],
        known=[pair for pair in fails if pair.words[0] == pair.words[1]],
        fixed=[pair for pair in pairs if pair.now and pair.words[0] in FAILS and pair.words[1] not in FAILS],
        gone=[pair for pair in pairs if not pair.now],
        added=[pair for pair in pairs if not pair.before and pair.words[1] not in FAILS],
        worst=_worst([(before[key], now[key]) for key in both]),
    )


def by_backend(pairs: Iterable[Pair]) -> list[tuple[str, int]]:
    """How many there are of each backend."""
    checks = (pair.now or pair.before or {} for pair in pairs)
    return sorted(Counter(backend_id(check) for check in checks).items())


def _by_key(document: Document) -> dict[Key, Check]:
    return {(check["id"], backend_id(check)): check for check in document["checks"]}


def _remarks(old: Document, new: Document) -> Iterable[str]:
    """What differs besides the results, and what that means for them."""
    if _suite(old) != _suite(new):
        yield (
            f"The suite differs, {_suite(old)} before and {_suite(new)} now: a check, its inputs or a bound may "
            "have changed, and not the backend."
        )
    if old["seed"] != new["seed"]:
        yield (
            f"The seeds differ, {old['seed']} before and {new['seed']} now: the inputs are others. What fails now "
            "may have been wrong before and not been met, and what fails no more may not be mended."
        )
    if old["depth"] != new["depth"]:
        yield (
            f"The depths differ, {old['depth']} before and {new['depth']} now: the deeper run tries more problems, "
            "so it finds more, and its worst errors are larger."
        )
    of_old, of_new = ({(a["name"], a["device"]): a["versions"] for a in d["adapters"]} for d in (old, new))
    for name, device in sorted(of_old.keys() & of_new.keys()):
        before, now = of_old[name, device], of_new[name, device]
        for package in sorted(before.keys() | now.keys()):
            if before.get(package) != now.get(package):
                versions = f"{before.get(package, 'none')} before, {now.get(package, 'none')} now"
                yield f"{name} on {device}: {package} {versions}."
    for document, when in ((old, "before"), (new, "now")):
        if not document["complete"]:
            yield f"The report of {when} is incomplete: nothing is known of what was not run."


def _suite(document: Document) -> str:
    suite = document["suite"] or {}
    return f"{suite.get('version', 'unknown')} ({(suite.get('commit') or suite.get('source') or 'unknown')[:12]})"


def _worst(pairs: Iterable[tuple[Check, Check]]) -> list[Worst]:
    found: dict[tuple[str, str], tuple[float, float]] = {}
    for before, now in pairs:
        key = (now["primitive"], backend_id(now))
        old, new = found.get(key, (0.0, 0.0))
        found[key] = (max(old, float(before["worst_ratio"])), max(new, float(now["worst_ratio"])))
    changed = [Worst(*key, *ratios) for key, ratios in sorted(found.items()) if ratios[0] != ratios[1]]
    return sorted(changed, key=lambda w: w.before / w.now if w.now else float("inf"))
