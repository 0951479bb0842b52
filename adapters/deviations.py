"""The ledger of known deviations: what a backend gets wrong, where, since when, and who knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Example:
    """One call that shows a deviation: options, and arrays by the names that the reference or the law gives them."""

    arrays: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Deviation:
    """A known deviation of a backend from the reference.

    check: the id of the check that it fails. region: which inputs it concerns, no wider than the bug;
    it is given the draw, with arrays and options as attributes. example: the pinned input, which must
    still fail. formats, devices: where it was seen. reason: what goes wrong. link: the framework's own
    issue or documentation. versions: a version specifier such as ">=2.0,<2.14"; outside it the entry
    does not apply.
    """

    check: str
    region: Callable[[Any], bool]
    example: Example
    reason: str
    link: str
    versions: str = ""
    formats: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
