"""One implementation on trial: an adapter on a device, in a format and a mode."""

from __future__ import annotations

import functools
import inspect
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

import reference
from adapters.deviations import Deviation
from reference.arithmetic import FORMATS, Arithmetic, Format, default_arithmetic

Arrays = tuple[Any, ...]


class NotOffered(Exception):
    """The backend has no such primitive, or not with these options; the text says why."""


class BackendError(Exception):
    """The backend raised an exception on an input that is valid; it is the cause of this one."""


# Called with (backend, primitive, arrays, options) before every call into a backend, so that the
# input of a call that does not return is known.
observers: list[Callable[[Backend, str, Sequence[Any], Mapping[str, Any]], None]] = []

# (backend id, primitive, text) of every warning that a backend has given: recorded, never raised.
warned: set[tuple[str, str, str]] = set()


@dataclass(frozen=True)
class Backend:
    """An adapter with the device, format and mode in which it is tried.

    adapter: a module, or any object with functions of the reference's names; see loading.py.
    name, version: as the report prints them. spec: how loading.py finds the adapter, also in another process.
    """

    adapter: ModuleType | Any
    name: str
    version: str
    device: str
    format: Format
    mode: str
    spec: str = ""

    @property
    def id(self) -> str:
        return f"{self.name}-{self.device}-{self.format}-{self.mode}"

    def offers(self, primitive: str) -> bool:
        return callable(getattr(self.adapter, primitive, None))

    def arithmetic(self, primitive: str) -> Arithmetic:
        """The claims under which the backend computes a primitive."""
        claims = getattr(self.adapter, "arithmetic", None)
        return claims(primitive, self.device, self.format) if claims else default_arithmetic(self.format)

    def conventions(self, primitive: str) -> dict[str, Any]:
        """Options of the reference in which the backend documents another choice than the default."""
        choices: dict[str, Any] = getattr(self.adapter, "conventions", {}).get(primitive, {})
        return dict(choices)

    def deviations(self, check: str) -> list[Deviation]:
        """The ledger's entries for a check that apply to this backend in this version."""
        return [
            entry
            for entry in getattr(self.adapter, "deviations", ())
            if check in entry.checks
            and (not entry.formats or self.format.name in entry.formats)
            and (not entry.devices or self.device in entry.devices)
            and is_within(self.version, entry.versions)
        ]

    def call(self, primitive: str, arrays: Sequence[Any], options: Mapping[str, Any]) -> Arrays:
        """Call the primitive on NumPy arrays of the format; the results come back as NumPy arrays.

        Options at the reference's default, or with it on every axis, are not passed. The backend gets
        copies, so what it writes into its inputs stays its own affair.

        Raises: NotOffered; BackendError if the backend raises.
        """
        function = _function(self.adapter, primitive, self.mode)
        arrays = _without_trailing_none(arrays)
        settings = {**function.required, **options}
        usual = reference_defaults(primitive)
        keywords = {k: v for k, v in settings.items() if k in function.required or not _is_usual(v, usual.get(k, ...))}
        if unknown := [k for k in keywords if function.names is not None and k not in function.names]:
            raise NotOffered(f"its {primitive} has no option {', '.join(unknown)}")
        if len(arrays) > function.positions:
            raise NotOffered(f"its {primitive} takes {function.positions} arrays, not {len(arrays)}")
        for observe in observers:
            observe(self, primitive, arrays, options)
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                result = function.call(*(self._put(x) for x in arrays), **keywords)
                results = tuple(self._get(y) for y in (result if isinstance(result, tuple) else (result,)))
            warned.update((self.id, primitive, str(warning.message)) for warning in caught)
            return results
        except NotImplementedError as refusal:
            raise NotOffered(str(refusal)) from refusal
        except (Exception, SystemExit) as error:
            raise BackendError(f"{type(error).__name__}: {error}") from error

    def counters(self) -> dict[str, int]:
        """What the adapter counts in this process, such as compilations, by its name; nothing if it does not."""
        counters = getattr(self.adapter, "counters", None)
        return dict(counters()) if counters else {}

    def rest(self) -> None:
        """Between two checks: let the adapter give back what it keeps."""
        if rest := getattr(self.adapter, "rest", None):
            rest()

    def _put(self, x: Any) -> Any:
        if not isinstance(x, np.ndarray):
            return x
        put = getattr(self.adapter, "put", None)
        return put(x.copy(), self.device) if put else x.copy()

    def _get(self, y: Any) -> Any:
        get = getattr(self.adapter, "get", None)
        return get(y) if get and not isinstance(y, int) else y


@functools.cache
def reference_defaults(primitive: str) -> dict[str, Any]:
    """The options of a reference that have defaults, which are those that an adapter may leave out."""
    parameters = inspect.signature(reference.PRIMITIVES[primitive]).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is not p.empty}


def _is_usual(value: Any, usual: Any) -> bool:
    """Whether an option is what it is by default, as one value for all axes or as one for each.

    >>> _is_usual(1, 1), _is_usual(((0, 0), (0, 0)), 0), _is_usual((1, 2), 1)
    (True, True, False)
    """
    if isinstance(value, tuple) and value and isinstance(usual, int):
        return all(_is_usual(each, usual) for each in value)
    return bool(value == usual)


@dataclass(frozen=True)
class _Function:
    """A function of an adapter in a mode, and what it takes."""

    call: Callable[..., Any]
    positions: float  # how many arrays
    names: frozenset[str] | None  # of its keywords; None: any
    required: dict[str, Any]  # options that it gives no default, with the reference's


# By the identity of the adapter, which need not be hashable; it is kept, so that the identity stays its own.
_functions: dict[tuple[int, str, str], tuple[Any, _Function]] = {}


def _function(adapter: Any, primitive: str, mode: str) -> _Function:
    """Raises: NotOffered."""
    key = (id(adapter), primitive, mode)
    if key not in _functions:
        _functions[key] = adapter, _inspected(adapter, primitive, mode)
    return _functions[key][1]


def _inspected(adapter: Any, primitive: str, mode: str) -> _Function:
    function = getattr(adapter, primitive, None)
    if not callable(function):
        raise NotOffered(f"it has no {primitive}")
    parameters = inspect.signature(function).parameters.values()
    kinds = {p.kind for p in parameters}
    defaults = reference_defaults(primitive)
    by_position = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    by_name = [p for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)]
    in_mode = getattr(adapter, "modes", {}).get(mode)
    return _Function(
        call=in_mode(function) if in_mode else function,
        positions=math.inf if inspect.Parameter.VAR_POSITIONAL in kinds else len(by_position),
        names=None if inspect.Parameter.VAR_KEYWORD in kinds else frozenset(p.name for p in by_name),
        required={p.name: defaults[p.name] for p in by_name if p.default is p.empty and p.name in defaults},
    )


def _without_trailing_none(arrays: Sequence[Any]) -> Sequence[Any]:
    n = len(arrays)
    while n and arrays[n - 1] is None:
        n -= 1
    return arrays[:n]


def is_within(version: str, specifier: str) -> bool:
    """Whether a version satisfies a specifier such as ">=2.0"; one that is no version satisfies none but ""."""
    if not specifier:
        return True
    try:
        return SpecifierSet(specifier).contains(Version(version), prereleases=True)
    except InvalidVersion:
        return False


def backends(adapter: Any, name: str, spec: str = "") -> list[Backend]:
    """Every device and format of an adapter, in its default mode (the first of `modes`).

    spec: what the adapter was loaded by; its name will do where that is how it is found.
    """
    devices = adapter.devices() if hasattr(adapter, "devices") else ["cpu"]
    versions = adapter.versions() if hasattr(adapter, "versions") else {}
    version = next(iter(versions.values()), "unknown")
    mode = next(iter(getattr(adapter, "modes", {"eager": None})))
    formats = getattr(adapter, "formats", ("float64",))
    return [
        Backend(adapter, name, version, device, FORMATS[f], mode, spec or name) for device in devices for f in formats
    ]
