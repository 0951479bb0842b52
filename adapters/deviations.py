"""The ledger of known deviations: what a backend gets wrong, where, since when, and who knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Example:
    """One call that shows a deviation: options, and arrays by the names that the reference or the check gives them.

    A law names what it needs besides, such as a shift; the check of gradients a cotangent. The check must hold
    for the reference on this call, with the backend's conventions.
    """

    arrays: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=dict)


def in_lanes(primitive: str, *lanes: str) -> tuple[str, ...]:
    """The checks of a primitive that meet a deviation of its values: VALUES, and those lanes."""
    return tuple(f"{lane} {primitive}" for lane in ("VALUES", *lanes))


@dataclass(frozen=True)
class Deviation:
    """A known deviation of a backend from the reference.

    check: the id of the check that it fails, or of every check that meets it: the values of a primitive,
    laws about it, lanes such as "GRADIENTS convolution" or "REJECTS pad". region: which inputs it concerns,
    no wider than the bug; it is given the draw, with arrays and options as attributes. example: the pinned
    input, which must still fail. formats, devices: where it was seen. reason: what goes wrong. link: the
    framework's own issue or documentation. versions: a version specifier such as ">=2.0,<2.14"; outside it
    the entry does not apply.

    ends_the_process: the example is a call of the check's primitive, or of its gradient if it has a
    cotangent, after which there is no process: it is made in another one, which must die of a signal. No
    draw in the region is ever called. A check must call the primitive only on inputs that are in the region
    if and only if its draw is.
    """

    check: str | tuple[str, ...]
    region: Callable[[Any], bool]
    example: Example
    reason: str
    link: str
    versions: str = ""
    formats: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    ends_the_process: bool = False

    @property
    def checks(self) -> tuple[str, ...]:
        return (self.check,) if isinstance(self.check, str) else self.check


def accepted(
    primitive: str,
    wrong: str,
    arrays: Mapping[str, Any],
    options: Mapping[str, Any],
    reason: str,
    link: str,
    *,
    where: Callable[[Any], bool] = lambda p: True,
    **fields: Any,
) -> Deviation:
    """The entry for a kind of invalid problem that a backend accepts, in all cases or only where it says."""
    return Deviation(
        f"REJECTS {primitive}",
        lambda p: p.wrong == wrong and where(p),
        Example({**arrays, "wrong": wrong}, options),
        reason,
        link,
        **fields,
    )
