"""What a check measures along something, for the pictures of a report: counts and maxima in a few bins.

ratios        how many elements have error/bound in each power of two
conditions    the largest error by how ill-conditioned the element is, in units of the roundoff of its value
lengths       error and bound by how many terms were added up
accuracy      the error of an elementary function by the binade of its argument
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference.arithmetic.formats import Floats

# error/bound is 0, up to 2^-8, up to 2^-7, ..., up to 1, above 1.
EDGES = np.array([0.0, *(2.0**k for k in range(-8, 1))])
RATIOS = len(EDGES) + 1
CONDITIONS = 24  # bins of a factor of four; what is beyond is as good as undecided
FIRST_BINADE = -14  # and what is below, to this one


@dataclass
class Series:
    """of_elements, of_conditions: what is noted of each element; the checks of values and of gradients ask for it."""

    of_elements: bool = False
    of_conditions: bool = False
    ratios: NDArray[np.int64] = field(default_factory=lambda: np.zeros(RATIOS, np.int64))
    conditions: Floats = field(default_factory=lambda: np.zeros(CONDITIONS))
    lengths: dict[int, tuple[float, float]] = field(default_factory=dict)
    accuracy: list[dict[str, Any]] = field(default_factory=list)

    def note(self, ratio: Floats, miss: Floats, v: Floats, e: Floats, u: float) -> None:
        """Count elements that are decided: error/bound, error, value and bound; u is the roundoff of the format."""
        self.ratios += np.bincount(np.searchsorted(EDGES, ratio), minlength=RATIOS)
        if not self.of_conditions:
            return
        with np.errstate(all="ignore"):
            unit = u * np.abs(v)
            bins = np.frexp(e / unit)[1] >> 1  # of 0, infinity and NaN it is 0
            errors = np.where((unit > 0) & (bins < CONDITIONS), miss / unit, 0.0)
            np.maximum.at(self.conditions, np.clip(bins, 0, CONDITIONS - 1), errors)

    def note_length(self, n: int, error: float, bound: float) -> None:
        """Add the worst error of a sum of n terms, and its bound."""
        before = self.lengths.get(n, (0.0, 0.0))
        self.lengths[n] = max(before[0], error), max(before[1], bound)

    def note_accuracy(self, operation: str, claimed: float, x: Floats, k: Floats) -> None:
        """Add the error of an operation at points x, in the unit of its claim: the worst of every binade."""
        exponents = np.maximum(np.frexp(x)[1] - 1, FIRST_BINADE)
        signs = np.where(x < 0, -1, 1)
        points = [
            (int(sign), int(exponent), float(np.max(k, where=(signs == sign) & (exponents == exponent), initial=0.0)))
            for sign, exponent in sorted({*zip(signs.tolist(), exponents.tolist(), strict=True)})
        ]
        self.accuracy.append({"operation": operation, "claimed": float(claimed), "points": points})

    def as_data(self) -> dict[str, Any] | None:
        """What was measured, as data; None if there is nothing."""
        data: dict[str, Any] = {}
        if self.ratios.any():
            data["ratios"] = self.ratios.tolist()
        if self.conditions.any():
            data["conditions"] = [(i, float(x)) for i, x in enumerate(self.conditions) if x]
        if self.lengths:
            data["lengths"] = [(n, *pair) for n, pair in sorted(self.lengths.items())]
        if self.accuracy:
            data["accuracy"] = self.accuracy
        return data or None
