"""What the checks have measured along something, in the shape in which pictures and tables show it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from conformance.report.views import Check, Table
from properties.series import EDGES, RATIOS
from reference.arithmetic import FORMATS

BINS = ("0", *(f"2^{int(np.log2(edge))}" for edge in EDGES[1:-1]), "1", "above 1")  # the upper end of each
Counts = NDArray[np.int64]


def device_of(check: Check) -> str:
    """The name under which one adapter on one device is shown."""
    return f"{check['adapter']} on {check['device']}"


def _followed(checks: list[Check], what: str) -> Iterator[tuple[Check, Any]]:
    """The checks that have measured something. The reference is the judge, so its own errors say nothing."""
    for check in checks:
        if check["adapter"] != "reference" and check["series"] and what in check["series"]:
            yield check, check["series"][what]


def _formats(names: set[str]) -> list[str]:
    return [name for name in FORMATS if name in names]


@dataclass(frozen=True)
class Spread:
    """How error/bound is distributed over the elements of a primitive in one format, and its maximum."""

    counts: Counts
    worst: float

    @property
    def elements(self) -> int:
        return int(self.counts.sum())

    def below(self, share: float) -> str:
        """The smallest bin below which a share of the elements lies, by its upper end."""
        return BINS[int(np.searchsorted(np.cumsum(self.counts), share * self.elements))]


def spreads(checks: list[Check]) -> dict[str, dict[tuple[str, str], Spread]]:
    """By device, then by primitive and format: of values and gradients together."""
    found: dict[str, dict[tuple[str, str], Spread]] = {}
    for check, counts in _followed(checks, "ratios"):
        of = found.setdefault(device_of(check), {})
        key = check["primitive"], check["format"]
        before = of.get(key, Spread(np.zeros(RATIOS, np.int64), 0.0))
        of[key] = Spread(before.counts + np.array(counts), max(before.worst, float(check["worst_ratio"])))
    return dict(sorted(found.items()))


def spread_table(checks: list[Check]) -> Table:
    """Median, 99 % and maximum of error/bound."""
    found = spreads(checks)
    formats = _formats({fmt for of in found.values() for _, fmt in of})
    columns = [(device, fmt) for device, of in found.items() for fmt in formats if any(f == fmt for _, f in of)]
    primitives = sorted({primitive for of in found.values() for primitive, _ in of})
    rows = [[p, *(_quantiles(found[device].get((p, fmt))) for device, fmt in columns)] for p in primitives]
    return Table(["primitive", *(f"{device}, {fmt}" for device, fmt in columns)], rows)


def _quantiles(spread: Spread | None) -> str:
    if spread is None:
        return ""
    return f"{spread.below(0.5)} / {spread.below(0.99)} / {spread.worst:g}"


def lengths(checks: list[Check]) -> dict[str, list[tuple[str, str, int, float, float]]]:
    """By format: device, primitive, terms, error and bound."""
    found: dict[str, list[tuple[str, str, int, float, float]]] = {}
    for check, points in _followed(checks, "lengths"):
        for n, error, bound in points:
            row = device_of(check), check["primitive"], n, float(error), float(bound)
            if 0 < row[-1] < np.inf:  # a mean of 1/2 to 1 is rounded; what has no bound says nothing
                found.setdefault(check["format"], []).append(row)
    return {fmt: sorted(found[fmt]) for fmt in _formats(set(found))}


def length_table(checks: list[Check]) -> Table:
    rows = [
        [primitive, device, fmt, str(n), f"{error:g}", f"{bound:g}"]
        for fmt, points in lengths(checks).items()
        for device, primitive, n, error, bound in points
    ]
    heads = ["primitive", "device", "format", "terms", "error", "bound"]
    return Table(heads, sorted(rows, key=lambda row: (*row[:3], int(row[3]))))


@dataclass(frozen=True)
class Condition:
    """The largest error among elements of about the same condition, and the primitive that has it."""

    condition: float  # at most
    error: float
    primitive: str


def conditions(checks: list[Check]) -> dict[str, dict[str, list[Condition]]]:
    """By format, then by device; of values, whose results are what a user sees."""
    found: dict[str, dict[str, dict[int, Condition]]] = {}
    for check, points in _followed(checks, "conditions"):
        if check["property"] != "values":
            continue
        of = found.setdefault(check["format"], {}).setdefault(device_of(check), {})
        for i, error in points:
            here = Condition(2 * 4.0**i, float(error), check["primitive"])
            of[i] = max(of.get(i, here), here, key=lambda c: (c.error, c.primitive))
    return {
        fmt: {device: [of[i] for i in sorted(of)] for device, of in sorted(found[fmt].items())}
        for fmt in _formats(set(found))
    }


def condition_table(checks: list[Check]) -> Table:
    rows = [
        [fmt, device, f"{c.condition:g}", f"{c.error:g}", c.primitive]
        for fmt, of in conditions(checks).items()
        for device, found in of.items()
        for c in found
    ]
    return Table(["format", "device", "bound up to", "largest error", "of"], rows)


@dataclass(frozen=True)
class Curve:
    """The error of an elementary function in one format, binade by binade: (sign, exponent, error)."""

    fmt: str
    claimed: float
    points: list[tuple[int, int, float]]


def accuracy(checks: list[Check]) -> dict[str, dict[str, list[Curve]]]:
    """By device, then by function and primitive."""
    found: dict[str, dict[str, list[Curve]]] = {}
    for check, measured in _followed(checks, "accuracy"):
        for of in measured:
            points = [(sign, exponent, float(error)) for sign, exponent, error in of["points"]]
            name = f"{of['operation']} in {check['primitive']}"
            curves = found.setdefault(device_of(check), {}).setdefault(name, [])
            curves.append(Curve(check["format"], of["claimed"], sorted(points, key=place_of_binade)))
    order = list(FORMATS)
    return {
        device: {name: sorted(of[name], key=lambda curve: order.index(curve.fmt)) for name in sorted(of)}
        for device, of in sorted(found.items())
    }


def place_of_binade(point: tuple[int, int, float]) -> int:
    """Where a binade stands on an axis: the negative ones before the positive ones, each by its size."""
    sign, exponent, _ = point
    return sign * (exponent + 16)


def accuracy_table(checks: list[Check]) -> Table:
    rows = []
    for device, of in accuracy(checks).items():
        for name, curves in of.items():
            for curve in curves:
                sign, exponent, error = max(curve.points, key=lambda point: point[2])
                where = f"{'-' if sign < 0 else ''}2^{exponent} to {'-' if sign < 0 else ''}2^{exponent + 1}"
                rows.append([name, device, curve.fmt, f"{curve.claimed:g}", f"{error:g}", where])
    return Table(["function", "device", "format", "claimed k", "largest error", "for x from"], rows)
