"""Finding adapters: a shipped name, an installed entry point, a module, or a file."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import sys
import traceback
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

import reference
from adapters.deviations import Deviation, Example
from reference.arithmetic import FORMATS

SHIPPED = {"reference": "numpy", "torch": "torch", "jax": "jax"}  # and the package that each needs
ENTRY_POINTS = "etalon.adapters"


class AdapterError(Exception):
    """An adapter cannot be used; the text is one paragraph that says why and what to do."""


def installed() -> list[str]:
    """The shipped adapters whose framework is installed, and the entry points, none imported."""
    shipped = [name for name, package in SHIPPED.items() if importlib.util.find_spec(package)]
    return shipped + sorted(point.name for point in entry_points(group=ENTRY_POINTS) if point.name not in SHIPPED)


def load(spec: str) -> tuple[str, Any]:
    """The name and the adapter that a specification means.

    spec: a shipped name, the name of an entry point of the group etalon.adapters, a module as
    package.module, or the path of a Python file.

    Raises: AdapterError.
    """
    points = {point.name: point for point in entry_points(group=ENTRY_POINTS)}
    if spec in SHIPPED:
        if not importlib.util.find_spec(SHIPPED[spec]):
            raise AdapterError(
                f"The adapter {spec} needs the package {SHIPPED[spec]}, which is not installed here. "
                f"Install it, for example with: pip install -e '.[{spec}]' -c constraints.txt"
            )
        name, adapter = spec, _import(spec, lambda: importlib.import_module(f"adapters.{spec}"))
    elif spec in points:
        name, adapter = spec, _import(spec, points[spec].load)
    elif _is_path(spec):
        name, adapter = _file(Path(spec))
    elif _is_module(spec):
        name, adapter = spec, _import(spec, lambda: importlib.import_module(spec))
    else:
        raise AdapterError(
            f"There is no adapter {spec}. Name a shipped one ({', '.join(SHIPPED)}), an entry point of the group "
            f"{ENTRY_POINTS} ({', '.join(sorted(points)) or 'none is installed'}), a module as package.module, "
            "or a file such as ./homework.py."
        )
    check_signatures(name, adapter)
    check_updates(name, adapter)
    check_ledger(name, adapter)
    return name, adapter


def adapter_name(spec: str) -> str:
    """The name that the adapter of a specification has in a report.

    >>> adapter_name("jax"), adapter_name("./week3/homework.py")
    ('jax', 'homework')
    """
    return Path(spec).stem if spec not in SHIPPED and _is_path(spec) else spec


def _is_path(spec: str) -> bool:
    return spec.endswith(".py") or "/" in spec or "\\" in spec


def _is_module(spec: str) -> bool:
    try:
        return bool(spec) and ("." in spec or importlib.util.find_spec(spec) is not None)
    except ValueError:  # a name that no module can have
        return False


def _import(spec: str, importer: Any) -> Any:
    try:
        return importer()
    except SystemExit as error:
        raise AdapterError(
            f"The adapter {spec} ends the process when it is imported (status {error.code}){_last_line(error)}. "
            "Move what runs into functions."
        ) from error
    except Exception as error:
        where, text = _last_line(error), " ".join(str(error).split())
        raise AdapterError(
            f"The adapter {spec} does not import: {type(error).__name__}: {text}{where}. Mend that, then run again."
        ) from error


def _file(path: Path) -> tuple[str, ModuleType]:
    """Load a file under a private name; its folder is searched last, so torch.py stays harmless."""
    if not path.is_file():
        raise AdapterError(
            f"There is no file {path}. Give the path of the adapter from the folder in which you run pytest."
        )
    name = path.stem
    private = f"_etalon_adapter_{name}"
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.append(folder)
    spec = importlib.util.spec_from_file_location(private, path)
    if spec is None or spec.loader is None:
        raise AdapterError(f"{path} is no Python file. An adapter is a file of functions that ends in .py.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[private] = module
    try:
        _import(str(path), lambda: spec.loader.exec_module(module))
    except AdapterError:
        del sys.modules[private]  # half of a module is none
        raise
    if not hasattr(module, "versions"):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
        vars(module)["versions"] = lambda: {"file": f"sha256:{digest}"}
    return name, module


def _last_line(error: BaseException) -> str:
    if isinstance(error, SyntaxError):
        return ""  # its text names the place
    frames = traceback.extract_tb(error.__traceback__)
    return f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""


def check_signatures(name: str, adapter: Any) -> None:
    """An adapter offers at least one primitive, in formats that exist, and asks for nothing of its own.

    Raises: AdapterError.
    """
    offered = [p for p in reference.PRIMITIVES if callable(getattr(adapter, p, None))]
    if not offered:
        raise AdapterError(
            f"The adapter {name} has no function with the name of a primitive, so there is nothing to try. "
            f"The primitives are: {', '.join(reference.PRIMITIVES)}."
        )
    if unknown := sorted(set(getattr(adapter, "formats", ())) - set(FORMATS)):
        raise AdapterError(
            f"The adapter {name} lists formats that are not known: {', '.join(unknown)}. "
            f"The formats are: {', '.join(FORMATS)}."
        )
    for primitive in offered:
        theirs = inspect.signature(getattr(adapter, primitive)).parameters.values()
        ours = inspect.signature(reference.PRIMITIVES[primitive]).parameters
        arrays = [p for p in ours.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
        for position, p in enumerate(theirs):
            if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) or p.default is not p.empty or p.name in ours:
                continue
            if position < len(arrays) and p.kind is not p.KEYWORD_ONLY:
                continue  # an array under another name: arrays go by position
            options = [o.name for o in ours.values() if o.kind is o.KEYWORD_ONLY and o.name != "keep"]
            raise AdapterError(
                f"{name}.{primitive} requires the parameter {p.name}, which the reference does not have, so it "
                f"cannot be called. Its arrays come first, in this order: {', '.join(a.name for a in arrays)}; "
                f"its options are keywords: {', '.join(options) or 'none'}. Give {p.name} a default, or rename it."
            )


def check_updates(name: str, adapter: Any) -> None:
    """What an adapter documents to update in place is named as the reference names it.

    Raises: AdapterError.
    """
    for primitive, names in getattr(adapter, "in_place", {}).items():
        known = reference.PRIMITIVES.get(primitive)
        parameters = list(inspect.signature(known).parameters) if known else []
        if unknown := [array for array in names if array not in parameters]:
            raise AdapterError(
                f"The adapter {name} says that {primitive} updates {', '.join(unknown)} in place, which the reference "
                f"does not have. in_place names arrays of a primitive: {', '.join(parameters) or 'this is none'}."
            )


def check_ledger(name: str, adapter: Any) -> None:
    """The known deviations of an adapter are entries of a ledger, for formats and versions that can be.

    Raises: AdapterError.
    """
    ledger = getattr(adapter, "deviations", ())
    if not isinstance(ledger, (list, tuple)):
        raise AdapterError(f"The ledger of {name} is a {type(ledger).__name__}. deviations is a list of Deviation.")
    for n, entry in enumerate(ledger, start=1):
        if wrong := _wrong_with(entry):
            raise AdapterError(
                f"Entry {n} in the ledger of {name} cannot be used: {wrong}. adapters/deviations.py says what an "
                "entry has; mend it, or take it out."
            )


def _wrong_with(entry: Any) -> str:
    if not isinstance(entry, Deviation):
        return f"it is a {type(entry).__name__} and no Deviation"
    for field, kind, is_right in (
        ("check", "name, nor several", all(isinstance(check, str) for check in entry.checks)),
        ("region", "function", callable(entry.region)),
        ("example", "Example", isinstance(entry.example, Example)),
    ):
        if not is_right:
            return f"its {field} is a {type(getattr(entry, field)).__name__} and no {kind}"
    if not entry.reason or not entry.link.startswith(("https://", "http://")):
        return "it has no reason, or no link to where that is known"
    if unknown := sorted(set(entry.formats) - set(FORMATS)):
        return f"it is for formats that are not known: {', '.join(unknown)}"
    try:
        SpecifierSet(entry.versions)
    except InvalidSpecifier:
        return f'its versions "{entry.versions}" are no range such as ">=2.0,<2.14"'
    return ""
