"""Where things stand: imports point left only, and every primitive says what it needs."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import reference

ROOT = Path(__file__).parent.parent
FOLDERS = ("reference", "adapters", "properties", "conformance", "tests")  # from left to right
MODULES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


def imported(source: str, package: str = "") -> set[str]:
    """The full names of all modules that a source imports, at any depth of nesting."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            names.add(".".join([*parents, *([node.module] if node.module else [])]))
    return names


def place(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def heads(path: Path) -> set[str]:
    """The first parts of the names that a file imports."""
    package = ".".join(path.relative_to(ROOT).parent.parts)
    return {name.split(".")[0] for name in imported(path.read_text(), package)}


def test_imports_are_read_at_every_level() -> None:
    """An import counts inside a function, in an `if`, with a dot, and under another name."""
    source = "import a.b as c\ndef f():\n    from d.e import g\nif c:\n    from . import h\n    from .i import j"
    assert imported(source, "k.l") == {"a.b", "d.e", "k.l", "k.l.i"}


@pytest.mark.parametrize("path", MODULES, ids=place)
def test_imports_point_left(path: Path) -> None:
    """No module imports from a folder to the right of its own; of the benchmarks only the tests do."""
    own = path.relative_to(ROOT).parts[0]
    folders = (*FOLDERS[:-1], "benchmarks", FOLDERS[-1])
    right = {*folders[folders.index(own) + 1 :]}
    assert not heads(path) & right


@pytest.mark.parametrize("path", [path for path in MODULES if path.is_relative_to(ROOT / "reference")], ids=place)
def test_the_reference_imports_no_framework(path: Path) -> None:
    """What is true needs NumPy, SciPy, ml_dtypes and the standard library only."""
    assert heads(path) <= {"reference", "numpy", "scipy", "ml_dtypes", *sys.stdlib_module_names}


def test_frameworks_are_imported_by_their_own_adapter_only() -> None:
    """torch and jax stand in the imports of one file each."""
    users = {name: {place(path) for path in MODULES if name in heads(path)} for name in ("torch", "jax", "jaxlib")}
    users = {name: {place for place in places if not place.startswith("tests.")} for name, places in users.items()}
    assert users == {"torch": {"adapters.torch"}, "jax": {"adapters.jax"}, "jaxlib": {"adapters.jax"}}


@pytest.mark.parametrize("module", ["conformance.plugin", "conformance.cases", "adapters.loading", "properties.law"])
def test_the_run_begins_without_a_framework(module: str) -> None:
    """Importing what every run needs brings neither torch nor jax: they are imported only where they run."""
    code = f"import {module}, sys; print(sorted({{'torch', 'jax', 'jaxlib'}} & set(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_every_folder_is_a_package() -> None:
    """Every folder with Python files has an __init__.py, so no two files share a module name."""
    assert not {path.parent for path in MODULES if not (path.parent / "__init__.py").is_file()}


def test_no_two_primitives_share_a_name() -> None:
    """PRIMITIVES is keyed by the functions' own names, which the package exports."""
    assert all(function.__name__ == name for name, function in reference.PRIMITIVES.items())
    assert set(reference.PRIMITIVES) <= set(reference.__all__)


def raises(function: object) -> bool:
    """Whether a function, or one of its own module that it calls, contains a raise."""
    module = inspect.getmodule(function)
    todo, seen = [function], set()
    while todo:
        f = todo.pop()
        if f in seen:
            continue
        seen.add(f)
        tree = ast.parse(inspect.getsource(f))  # type: ignore[arg-type]  # a function
        if any(isinstance(node, ast.Raise) for node in ast.walk(tree)):
            return True
        called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and hasattr(node.func, "id")}
        todo += [g for name in called if inspect.isfunction(g := getattr(module, name, None))]
    return False


@pytest.mark.parametrize("name", reference.PRIMITIVES)
def test_every_primitive_is_documented(name: str) -> None:
    """A primitive states its shapes, what it raises, an example, and a formula or a source with author and year."""
    function = reference.PRIMITIVES[name]
    text = inspect.getdoc(function) or ""
    about = text + (inspect.getdoc(inspect.getmodule(function)) or "")
    assert text.split("\n")[0].endswith(".")
    assert "Shapes:" in text
    assert ("Raises:" in text) == raises(function)
    assert ">>> " in text
    assert re.search(r"Source: .*(\(\d{4}\)|Gong)", text) or re.search(r"^ {4,}\S.* = ", about, re.M)


@pytest.mark.parametrize("name", [*reference.PRIMITIVES])
def test_arrays_go_by_position_and_options_by_keyword(name: str) -> None:
    """A primitive has positional parameters first, then keywords; only sizes have no default."""
    parameters = inspect.signature(reference.PRIMITIVES[name]).parameters.values()
    assert {p.kind for p in parameters} <= {inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY}
    options = [p for p in parameters if p.kind is p.KEYWORD_ONLY]
    assert {p.name for p in options if p.default is p.empty} <= {
        "padding",
        "kernel",
        "size",
        "output_size",
        "d",
        "heads",
        "groups",
    }
