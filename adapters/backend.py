"""One implementation on trial: an adapter on a device, in a format and a mode."""

from __future__ import annotations

import functools
import inspect
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import ModuleType, NoneType
from typing import Any

import numpy as np
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

import reference
from adapters.deviations import Deviation
from adapters.layouts import VIEWS
from reference.arithmetic import FORMATS, Arithmetic, Format, default_arithmetic

Arrays = tuple[Any, ...]

# Called with what has the primitives by name, and with arrays by name; gives the name and the output of each layer.
Network = Callable[[Any, Mapping[str, Any]], Iterator[tuple[str, Any]]]


class NotOffered(Exception):
    """The backend has no such primitive, or not with these options; the text says why."""


class BackendError(Exception):
    """The backend raised an exception on an input that is valid; it is the cause of this one."""


@dataclass
class Call:
    """A call into a backend: what it is given and, once it is over, what came of it.

    how: "call", "mapped", "twice", "bare", "gradient", "jvp" or "network". keywords: the options that are passed.
    details: what else there is of cotangent, tangents, wanted, layout and mapped; see the methods of Backend. results:
    those of "twice" are of the first call, the arrays after it, and of the second. error: what was raised, if anything.
    """

    how: str
    primitive: str
    mode: str
    arrays: Sequence[Any]
    options: Mapping[str, Any]
    keywords: Mapping[str, Any]
    details: Mapping[str, Any]
    results: Arrays | None = None
    error: str = ""


# Called with (backend, call) before every call into a backend, so that the input of a call that does not return
# is known.
observers: list[Callable[[Backend, Call], None]] = []


@contextmanager
def journal() -> Iterator[list[Call]]:
    """Every call that is made inside, in order."""
    calls: list[Call] = []

    def note(backend: Backend, call: Call) -> None:
        calls.append(call)

    observers.append(note)
    try:
        yield calls
    finally:
        observers.remove(note)


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

    def arithmetic(self, primitive: str, *, gradient: bool = False) -> Arithmetic:
        """The claims under which the backend computes a primitive, or its gradient."""
        claims = getattr(self.adapter, "arithmetic", None)
        if gradient:
            claims = getattr(self.adapter, "gradient_arithmetic", claims)
        return claims(primitive, self.device, self.format) if claims else default_arithmetic(self.format)

    def conventions(self, primitive: str) -> dict[str, Any]:
        """Options of the reference in which the backend documents another choice than the default."""
        choices: dict[str, Any] = getattr(self.adapter, "conventions", {}).get(primitive, {})
        return dict(choices)

    def chooses(self, convention: str) -> tuple[str, str]:
        """What the backend documents to choose where a convention is open, and where; empty if it says nothing.

        An entry "CONVENTION on DEVICE" is for one device.
        """
        documented = getattr(self.adapter, "chooses", {})
        words, where = documented.get(f"{convention} on {self.device}", documented.get(convention, ("", "")))
        return str(words), str(where)

    def accepts(self, primitive: str) -> dict[str, str]:
        """The kinds of invalid problems to which the backend documents to give a meaning, and where."""
        return dict(getattr(self.adapter, "accepts", {}).get(primitive, {}))

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

    def in_place(self, primitive: str) -> tuple[str, ...]:
        """The arrays that the backend documents to update: each then holds the result of its name."""
        names: tuple[str, ...] = getattr(self.adapter, "in_place", {}).get(primitive, ())
        return tuple(names)

    @property
    def layouts(self) -> dict[str, Callable[[Any], Any]]:
        """The layouts of memory in which the backend can be given its arrays."""
        return dict(getattr(self.adapter, "layouts", VIEWS))

    @property
    def cotangent_layouts(self) -> dict[str, Callable[[Any], Any]]:
        """The layouts of its own arrays in which the backend can be given a cotangent."""
        return {name: f for of in ("layouts", "cotangent_layouts") for name, f in getattr(self.adapter, of, {}).items()}

    def others(self) -> list[Backend]:
        """The same backend in each other mode that it has."""
        return [replace(self, mode=mode) for mode in getattr(self.adapter, "modes", ()) if mode != self.mode]

    def call(
        self,
        primitive: str,
        arrays: Sequence[Any],
        options: Mapping[str, Any],
        *,
        layout: str = "",
        mapped: Sequence[int | None] = (),
        in_full: bool = False,
    ) -> Arrays:
        """Call the primitive on NumPy arrays of the format; the results come back as NumPy arrays.

        Options at the reference's default, or with it on every axis, are not passed. The backend gets
        copies, so what it writes into its inputs stays its own affair. layout: one of the backend's, for every
        array. mapped: for each array 0 if the call is to be mapped over its first axis by the adapter's vmap, or
        None. in_full: options of one value for each axis are passed as they are, since their number is what matters.

        Raises: NotOffered; BackendError if the backend raises.
        """
        details = {name: value for name, value in (("layout", layout), ("mapped", tuple(mapped))) if value}
        function, call = self._prepared("mapped" if mapped else "call", primitive, arrays, options, in_full, **details)
        with self._guarded(primitive, call):
            if mapped:
                axes = tuple(mapped[: len(call.arrays)])
                function = _mapped(self.adapter, primitive, self.mode, axes, call.keywords)
                call.results = self._got(function(*(self._put(x, layout) for x in call.arrays)))
            else:
                call.results = self._got(function(*(self._put(x, layout) for x in call.arrays), **call.keywords))
        return call.results

    def compose(self, network: Network, arrays: Mapping[str, Any]) -> dict[str, Any]:
        """What a network of primitives gives on the backend's own arrays, as a user composes it.

        network: as those of reference/networks.py, a series of named outputs. They come back as NumPy arrays.

        Raises: as call.
        """
        call = Call("network", network.__name__, self.mode, (), {}, {}, {})
        for observe in observers:
            observe(self, call)
        with self._guarded(network.__name__, call):
            layers = network(_Own(self), {name: self._put(x) for name, x in arrays.items()})
            return {name: self._got(y)[0] for name, y in layers}

    def call_bare(self, primitive: str, arrays: Sequence[Any]) -> Arrays:
        """Call what the framework itself has, at its own defaults: an entry of bare, or else the adapter's function.

        Raises: as call.
        """
        function = getattr(self.adapter, "bare", {}).get(primitive)
        if not function:
            return self.call(primitive, arrays, {})
        call = Call("bare", primitive, self.mode, arrays, {}, {}, {})
        for observe in observers:
            observe(self, call)
        with self._guarded(primitive, call):
            call.results = self._got(function(*map(self._put, arrays)))
        return call.results

    def call_twice(
        self, primitive: str, arrays: Sequence[Any], options: Mapping[str, Any]
    ) -> tuple[Arrays, Arrays, Arrays]:
        """The same call on the same native arrays twice: its results, the arrays after it, the results of the second.

        What the backend documents to update gets its numbers again in between. Raises: as call.
        """
        function, call = self._prepared("twice", primitive, arrays, options)
        names = list(inspect.signature(reference.PRIMITIVES[primitive]).parameters)
        updated = [names.index(name) for name in self.in_place(primitive)]
        with self._guarded(primitive, call):
            native = [self._put(x) for x in call.arrays]
            first = _copies(self._got(function(*native, **call.keywords)))
            after = _copies(self._got(tuple(native)))
            native = [self._put(x) if i in updated else native[i] for i, x in enumerate(call.arrays)]
            second = _copies(self._got(function(*native, **call.keywords)))
            call.results = (*first, *after, *second)
        return first, after, second

    def gradient(
        self,
        primitive: str,
        arrays: Sequence[Any],
        options: Mapping[str, Any],
        cotangent: Any,
        wanted: Sequence[int],
        *,
        layout: str = "",
    ) -> Arrays:
        """The gradient of the first result with respect to some of the arrays, from a cotangent of its shape.

        layout: one of cotangent_layouts, for the cotangent. Raises: NotOffered; BackendError if the backend raises.
        """
        details = {"cotangent": cotangent, "wanted": tuple(wanted), **({"layout": layout} if layout else {})}
        _, call = self._prepared("gradient", primitive, arrays, options, **details)
        with self._guarded(primitive, call):
            pulled = _derivative(self.adapter, "gradient", primitive, self.mode, tuple(wanted))
            native = self._put(cotangent)
            native = self.cotangent_layouts[layout](native) if layout else native
            call.results = self._got(pulled(native, *map(self._put, call.arrays), **call.keywords))
        return call.results

    def jvp(
        self,
        primitive: str,
        arrays: Sequence[Any],
        options: Mapping[str, Any],
        tangents: Sequence[Any],
        wanted: Sequence[int],
    ) -> Any:
        """The tangent of the first result, in forward mode, for tangents of some of the arrays.

        Raises: NotOffered; BackendError if the backend raises.
        """
        details = {"tangents": tuple(tangents), "wanted": tuple(wanted)}
        _, call = self._prepared("jvp", primitive, arrays, options, **details)
        with self._guarded(primitive, call):
            pushed = _derivative(self.adapter, "jvp", primitive, self.mode, tuple(wanted))
            native = tuple(map(self._put, tangents))
            call.results = self._got(pushed(native, *map(self._put, call.arrays), **call.keywords))
        return call.results[0]

    def planned(
        self,
        primitive: str,
        arrays: Sequence[Any],
        options: Mapping[str, Any],
        cotangent: Any = None,
        wanted: Sequence[int] = (),
    ) -> Call:
        """What call would do, or gradient if there is a cotangent, without doing it. Raises: NotOffered."""
        if cotangent is None:
            return self._planned("call", primitive, arrays, options)[1]
        details = {"cotangent": cotangent, "wanted": tuple(wanted)}
        return self._planned("gradient", primitive, arrays, options, **details)[1]

    def _planned(
        self,
        how: str,
        primitive: str,
        arrays: Sequence[Any],
        options: Mapping[str, Any],
        in_full: bool = False,
        **details: Any,
    ) -> tuple[Callable[..., Any], Call]:
        """The function in this mode, and what it is called with. Raises: NotOffered."""
        with self._guarded(primitive):  # a mode may compile, or may not be able to
            function = _function(self.adapter, primitive, self.mode)
        arrays, keywords = _taken(function, primitive, arrays, options, in_full)
        return function.call, Call(how, primitive, self.mode, arrays, options, keywords, details)

    def _prepared(self, *given: Any, **details: Any) -> tuple[Callable[..., Any], Call]:
        """As _planned, and whoever observes knows of it."""
        function, call = self._planned(*given, **details)
        for observe in observers:
            observe(self, call)
        return function, call

    @contextmanager
    def _guarded(self, primitive: str, call: Call | None = None) -> Iterator[None]:
        """What the backend warns of is noted, and what it raises is an error of its own. Raises: see call."""
        try:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                yield
            warned.update((self.id, primitive, str(warning.message)) for warning in caught)
        except NotOffered:
            raise
        except NotImplementedError as refusal:
            raise NotOffered(str(refusal)) from refusal
        except (Exception, SystemExit) as error:
            text = f"{type(error).__name__}: {error}"
            if call:
                call.error = text
            raise BackendError(text) from error

    def counters(self) -> dict[str, int]:
        """What the adapter counts in this process, such as compilations, by its name; nothing if it does not."""
        counters = getattr(self.adapter, "counters", None)
        return dict(counters()) if counters else {}

    def rest(self) -> None:
        """Between two checks: let the adapter give back what it keeps."""
        if rest := getattr(self.adapter, "rest", None):
            rest()

    def _put(self, x: Any, layout: str = "") -> Any:
        if not isinstance(x, np.ndarray):
            return x
        has_own = hasattr(self.adapter, "layouts")
        change = self.layouts[layout] if layout else None
        x = change(x.copy()) if change and not has_own else x.copy()
        put = getattr(self.adapter, "put", None)
        native = put(x, self.device) if put else x
        return change(native) if change and has_own else native

    def _got(self, result: Any) -> Arrays:
        get = getattr(self.adapter, "get", None)
        results = result if isinstance(result, tuple) else (result,)
        got = tuple(get(y) if get and y is not None and not isinstance(y, int) else y for y in results)
        if wrong := [y for y in got if not isinstance(y, (np.ndarray, np.generic, int, float, NoneType))]:
            raise TypeError(f"a result is a {type(wrong[0]).__name__}, not an array")
        return got


class _Own:
    """The primitives of a backend on its own arrays, called as the references are."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def __getattr__(self, primitive: str) -> Callable[..., Any]:
        function = _function(self._backend.adapter, primitive, self._backend.mode)

        def call(*arrays: Any, **options: Any) -> Any:
            given, keywords = _taken(function, primitive, arrays, options)
            return function.call(*given, **keywords)

        return call


def _copies(arrays: Arrays) -> Arrays:
    """What a later call cannot change."""
    return tuple(x.copy() if isinstance(x, np.ndarray) else x for x in arrays)


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


def _taken(
    function: _Function, primitive: str, arrays: Sequence[Any], options: Mapping[str, Any], in_full: bool = False
) -> tuple[Sequence[Any], dict[str, Any]]:
    """The arrays and keywords that a function is called with; see Backend.call. Raises: NotOffered."""
    arrays = _without_trailing_none(arrays)
    settings = {**function.required, **options}
    usual = reference_defaults(primitive)
    passed = set(function.required) | {k for k, v in settings.items() if in_full and isinstance(v, tuple)}
    keywords = {k: v for k, v in settings.items() if k in passed or not _is_usual(v, usual.get(k, ...))}
    if unknown := [k for k in keywords if function.names is not None and k not in function.names]:
        raise NotOffered(f"its {primitive} has no option {', '.join(unknown)}")
    if len(arrays) > function.positions:
        raise NotOffered(f"its {primitive} takes {function.positions} arrays, not {len(arrays)}")
    return arrays, keywords


# By the identity of the adapter, which need not be hashable; it is kept, so that the identity stays its own.
_functions: dict[tuple[int, str, str], tuple[Any, _Function]] = {}


def _function(adapter: Any, primitive: str, mode: str) -> _Function:
    """Raises: NotOffered."""
    key = (id(adapter), primitive, mode)
    if key not in _functions:
        _functions[key] = adapter, _inspected(adapter, primitive, mode)
    return _functions[key][1]


def _in_mode(adapter: Any, mode: str, function: Callable[..., Any]) -> Callable[..., Any]:
    decorate = getattr(adapter, "modes", {}).get(mode)
    decorated: Callable[..., Any] = decorate(function) if decorate else function
    return decorated


_derivatives: dict[tuple[int, str, str, str, tuple[int, ...]], tuple[Any, Callable[..., Any]]] = {}
WITHOUT = {"gradient": "it has no gradients", "jvp": "it has no forward mode"}


def _derivative(adapter: Any, name: str, primitive: str, mode: str, wanted: tuple[int, ...]) -> Callable[..., Any]:
    """What an attribute of the adapter makes of a primitive, in a mode. Raises: NotOffered.

    name: "gradient", a function of a cotangent and the primitive's arguments, or "jvp", one of tangents and those.
    """
    key = (id(adapter), name, primitive, mode, wanted)
    if key not in _derivatives:
        differentiate = getattr(adapter, name, None)
        if not differentiate:
            raise NotOffered(WITHOUT[name])
        _derivatives[key] = adapter, _in_mode(adapter, mode, differentiate(getattr(adapter, primitive), wanted))
    return _derivatives[key][1]


def _inspected(adapter: Any, primitive: str, mode: str) -> _Function:
    function = getattr(adapter, primitive, None)
    if not callable(function):
        raise NotOffered(f"it has no {primitive}")
    parameters = inspect.signature(function).parameters.values()
    kinds = {p.kind for p in parameters}
    defaults = reference_defaults(primitive)
    by_position = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    by_name = [p for p in parameters if p.kind in (p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return _Function(
        call=_in_mode(adapter, mode, function),
        positions=math.inf if inspect.Parameter.VAR_POSITIONAL in kinds else len(by_position),
        names=None if inspect.Parameter.VAR_KEYWORD in kinds else frozenset(p.name for p in by_name),
        required={p.name: defaults[p.name] for p in by_name if p.default is p.empty and p.name in defaults},
    )


# As _functions: a mapped function is made for one set of axes and options, and may be compiled.
_maps: dict[tuple[Any, ...], tuple[Any, Callable[..., Any]]] = {}
MOST_MAPS = 256


def _mapped(
    adapter: Any, primitive: str, mode: str, axes: tuple[int | None, ...], keywords: Mapping[str, Any]
) -> Callable[..., Any]:
    """Raises: NotOffered; NotImplementedError if the adapter cannot map this function."""
    if not hasattr(adapter, "vmap"):
        raise NotOffered("it has no vmap")
    key = (id(adapter), primitive, mode, axes, repr(sorted(keywords.items())))
    if key not in _maps:
        if len(_maps) == MOST_MAPS:
            _maps.clear()
        function = adapter.vmap(functools.partial(getattr(adapter, primitive), **keywords), axes)
        _maps[key] = adapter, _in_mode(adapter, mode, function)
    return _maps[key][1]


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
