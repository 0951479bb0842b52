"""Special values: one or a few of them among ordinary numbers, in one array of a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.random import Generator

from reference.arithmetic import Format
from reference.arithmetic.formats import Floats, holds_numbers

Specials = Callable[[Format, Generator], Sequence[float] | Floats]

# What is put in, by the name of the kind of data: one number, or several that meet.
SPECIAL: dict[str, Specials] = {
    "nan": lambda fmt, rng: (np.nan,),
    "infinity": lambda fmt, rng: (np.inf,),
    "minus infinity": lambda fmt, rng: (-np.inf,),
    "both infinities": lambda fmt, rng: (np.inf, -np.inf),
    "minus zero": lambda fmt, rng: (-0.0,) * int(rng.integers(1, 9)),
    "subnormal": lambda fmt, rng: fmt.smallest_subnormal * rng.integers(-7, 8, size=2).astype(float),
    "largest": lambda fmt, rng: fmt.largest * rng.choice([1.0, -1.0], size=2),
}

ORDINARY = ("normal", "integers")  # what the other numbers are


def placed(specials: Sequence[float] | Floats, arrays: Mapping[str, Any], rng: Generator) -> dict[str, Any]:
    """Some places of one array get special values; which array and which places is left to chance."""
    able = [name for name, x in arrays.items() if holds_numbers(x) and x.size]
    if not able:
        return dict(arrays)
    name = str(rng.choice(able))
    x = arrays[name].copy()
    places = rng.choice(x.size, size=min(len(specials), x.size), replace=False)
    x.flat[places] = np.asarray(specials)[: len(places)].astype(x.dtype)
    return {**arrays, name: x}
