"""Running a lane on an adapter."""

from __future__ import annotations

from typing import Any

import numpy as np

from adapters.backend import Backend
from conformance.checks import lanes
from conformance.mutants import BY_LANE, MUTANTS, Mutant
from properties import agreement
from properties.agreement import Failure, Tally


def ran(lane: str, primitive: str, backend: Backend) -> tuple[Failure | None, Tally]:
    """How a check fails, if it does, and what it measured. Raises: NotOffered."""
    tally = agreement.start()
    try:
        lanes()[f"{lane} {primitive}"](backend)
    except Failure as found:
        return found, tally
    return None, tally


def mutants_of(lane: str) -> list[Mutant]:
    """Those that the lane must reject."""
    return [mutant for mutant in MUTANTS.values() if mutant.name in BY_LANE[lane]]


class Rounded:
    """An adapter of NumPy in float32, which keeps its numbers in a box."""

    formats = ("float32",)

    def __init__(self, **attributes: Any) -> None:
        vars(self).update(attributes)

    @staticmethod
    def put(x: Any, device: str) -> list[Any]:
        return [x]

    @staticmethod
    def get(x: list[Any]) -> Any:
        return np.asarray(x[0])
