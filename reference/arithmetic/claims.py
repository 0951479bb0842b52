"""What an implementation claims about its arithmetic: the premises of every bound.

The claims decide how wide a bound is, so each is printed in the report. The defaults are what a
careful implementation does; a weaker claim is allowed, and is listed as one. Each is probed
(conformance/test_claims.py), and what was found stands beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from reference.arithmetic.formats import FLOAT32, FLOAT64, Format


@dataclass(frozen=True)
class Arithmetic:
    """The arithmetic of one primitive of one backend.

    storage: format of the inputs and outputs. compute: format of the intermediate results.
    accumulate: format in which sums are carried. adds: that of sums which are not of products, where it is
    another. ulps: accuracy k, in units in the last place, of
    an operation that is not correctly rounded: exp, log, tanh, erf, expit, sin, cos (1 unless
    claimed), and divide and sqrt, where k counts roundings (1 is IEEE's division; 2 is x * (1/c)). An
    error of k ulp is 2 k u |v| at most, and one of k roundings half of that.
    """

    storage: Format
    compute: Format
    accumulate: Format
    adds: Format | None = None
    ulps: Mapping[str, float] = field(default_factory=dict)
    flushes_results: bool = False  # a subnormal result may become zero (FTZ)
    flushes_inputs: bool = False  # a subnormal input may be read as zero (DAZ)
    rounds_products: bool = False  # products are rounded to `compute` before they are added
    tensor_float32: bool = False  # the operands of products are cut to 11 bits
    stores_operands: bool = False  # the operands of products are rounded to `storage` first
    truncates: bool = False  # the accumulator cuts instead of rounding: its u doubles
    spreads_specials: bool = False  # products have zeros besides, which meet other numbers: a NaN may come of it
    misses_fixed_points: bool = False  # exp(0) is not 1, but as near to it as its ulps allow; tanh(0) not 0, and so on
    formulas: tuple[str, ...] = ()  # further formulas in use, by the names in reference.FORMULAS
    source: str = ""  # where the claims are documented, or how they were found

    @cached_property
    def u(self) -> float:
        """Unit roundoff of an intermediate result."""
        return self.compute.u

    @cached_property
    def u_sum(self) -> float:
        """Unit roundoff of one addition inside a sum."""
        return self.accumulate.u * (2 if self.truncates else 1)

    def accuracy(self, operation: str) -> float:
        """The claimed k of an operation."""
        return self.ulps.get(operation, 1.0)

    def without_products(self) -> Arithmetic:
        """The claims for a sum that is not of products."""
        return self if self.adds is None else replace(self, accumulate=self.adds)

    def weaknesses(self) -> dict[str, Any]:
        """The claims that are weaker than the default, as the report lists them."""
        usual = default_arithmetic(self.storage)
        weak: dict[str, Any] = {}
        if self.compute.precision < self.storage.precision:
            weak["compute"] = self.compute.name
        if self.accumulate.precision < usual.accumulate.precision:
            weak["accumulate"] = self.accumulate.name
        if self.adds and self.adds.precision < usual.accumulate.precision:
            weak["adds"] = self.adds.name
        for name in (
            "flushes_results",
            "flushes_inputs",
            "rounds_products",
            "tensor_float32",
            "stores_operands",
            "truncates",
            "spreads_specials",
            "misses_fixed_points",
        ):
            if getattr(self, name):
                weak[name] = True
        weak |= {f"ulps of {name}": k for name, k in sorted(self.ulps.items()) if k > 1}
        if self.formulas:
            weak["formulas"] = list(self.formulas)
        return weak | ({"source": self.source} if weak and self.source else {})


def default_arithmetic(storage: Format, **claims: Any) -> Arithmetic:
    """Every operation rounded to the storage format; sums carried in float32 at least."""
    accumulate = storage if storage in (FLOAT64, FLOAT32) else FLOAT32
    return Arithmetic(storage, storage, accumulate, **claims)


def wide_arithmetic(storage: Format, **claims: Any) -> Arithmetic:
    """Low formats are computed in float32 throughout and rounded once, at the end."""
    inside = storage if storage in (FLOAT64, FLOAT32) else FLOAT32
    return Arithmetic(storage, inside, inside, **claims)


class FirstOrder(Arithmetic):
    """The same claims, for a reading that charges every operation with its own rounding alone (see traced.py)."""
