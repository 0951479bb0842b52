"""Shaking a module: what a few of its names need, and nothing else, as a source that stands alone.

The source of what is needed is taken as it stands, with its comments. Names that a module of this project has are
followed there; every other import stays.
"""

from __future__ import annotations

import ast
import functools
import re
import symtable
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROJECT = ("reference", "adapters", "properties", "conformance")
Read = Callable[[str], str | None]  # the source of a module of this project


class CannotStandAlone(Exception):
    """A source cannot be taken out of its module; the text says why."""


def read(module: str) -> str | None:
    """The source of a module of this project; None if it is none."""
    if module.split(".")[0] not in PROJECT:
        return None
    path = ROOT.joinpath(*module.split("."))
    found = next((p for p in (path.with_suffix(".py"), path / "__init__.py") if p.is_file()), None)
    return found.read_text(encoding="utf-8") if found else None


@functools.cache
def _body(source: str) -> list[ast.stmt]:
    return ast.parse(source).body


def entry(source: str, table: str, key: str) -> str | None:
    """The expression that stands under a key in a dictionary of a module, such as `modes`; None if there is none."""
    for node in _body(source):
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(node.value, ast.Dict):
            if table not in _bound(node):
                continue
            for name, value in zip(node.value.keys, node.value.values, strict=True):
                if isinstance(name, ast.Constant) and name.value == key:
                    return ast.unparse(value)
    return None


def has(source: str, name: str) -> bool:
    """Whether a module binds a name at its top."""
    return any(name in _bound(node) for node in _body(source))


def names_in(expression: str) -> set[str]:
    """The names that an expression needs."""
    return {node.id for node in ast.walk(ast.parse(expression, mode="eval")) if isinstance(node, ast.Name)}


def shaken(
    source: str, names: Iterable[str], others: Mapping[str, Iterable[str]] | None = None, read: Read = read
) -> str:
    """What some names of a module need, as one source: imports, then the rest, what others need first.

    others: names of modules of this project that are wanted besides. Raises: CannotStandAlone.
    """
    needed = _Needed(read)
    module = _Module("the adapter", source)
    if missing := sorted(name for name in names if name not in module.definitions):
        raise CannotStandAlone(f"its {missing[0]} is not written in it")
    for other, wanted in (others or {}).items():
        needed.take(needed.module(other), wanted)
    needed.take(module, names)
    parts = [part for module in needed.order for part in module.parts(needed.taken[module.name])]
    body = re.sub("\n{4,}", "\n\n\n", "\n".join(parts)).strip("\n")
    used = [name for name, m in needed.modules.items() if m != name or "." not in m or f"{m}." in body]
    imports = [f"import {needed.modules[name]}{_as(needed.modules[name], name)}" for name in used]
    froms = [
        f"from {module} import {', '.join(sorted(a + _as(a, b) for a, b in of))}"
        for module, of in sorted(needed.members.items())
    ]
    return "\n".join([*sorted(imports), *froms]) + f"\n\n{body}\n"


def _as(name: str, other: str) -> str:
    return "" if name == other else f" as {other}"


@dataclass(eq=False)
class _Module:
    """A module that is shaken."""

    name: str
    source: str

    @cached_property
    def body(self) -> list[ast.stmt]:
        return _body(self.source)

    @cached_property
    def definitions(self) -> dict[str, ast.stmt]:
        """Where each name is bound: the last place counts."""
        return {name: node for node in self.body for name in _bound(node)}

    @cached_property
    def tables(self) -> dict[tuple[str, int], symtable.SymbolTable]:
        table = symtable.symtable(self.source, self.name, "exec")
        return {(child.get_name(), child.get_lineno()): child for child in table.get_children()}

    def uses(self, node: ast.stmt) -> set[str]:
        """The names of the module that a statement needs."""
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            outside = [*node.decorator_list]
            if not isinstance(node, ast.ClassDef):
                a = node.args
                outside += [d for d in (*a.defaults, *a.kw_defaults) if d is not None]
                every = (*a.posonlyargs, *a.args, *a.kwonlyargs, *filter(None, (a.vararg, a.kwarg)))
                outside += [x.annotation for x in every if x.annotation is not None]
                outside += [node.returns] if node.returns is not None else []
            else:
                outside += [*node.bases, *(k.value for k in node.keywords)]
            found = {n.id for part in outside for n in ast.walk(part) if isinstance(n, ast.Name)}
            found |= _annotated(node)
            lines = [node.lineno, *(d.lineno for d in node.decorator_list)]
            table = next(t for line in lines if (t := self.tables.get((node.name, line))))
            return found | set(_globals(table))
        return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}

    def parts(self, nodes: set[ast.stmt]) -> Iterator[str]:
        """The source of some statements, in their order, with the comments that stand right above them."""
        lines = self.source.splitlines()
        for node in self.body:
            if node not in nodes:
                continue
            above = [node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))]
            first = min(above) - 1
            while first and lines[first - 1].startswith("#") and not lines[first - 1].startswith("#!"):
                first -= 1
            text = "\n".join(lines[first : node.end_lineno])
            yield f"\n\n{text}\n\n" if isinstance(node, (ast.FunctionDef, ast.ClassDef)) else text


@dataclass
class _Needed:
    """What is needed so far, of all modules."""

    read: Read
    modules: dict[str, str] = field(default_factory=dict)  # import m as name
    members: dict[str, set[tuple[str, str]]] = field(default_factory=dict)  # from module import a as b
    taken: dict[str, set[ast.stmt]] = field(default_factory=dict)
    order: list[_Module] = field(default_factory=list)  # what others need comes first
    loaded: dict[str, _Module] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)  # the module that a name is from

    def take(self, module: _Module, names: Iterable[str]) -> None:
        """Take what some names need, from this module and from those that it imports."""
        is_new = module.name not in self.taken
        nodes = self.taken.setdefault(module.name, set())
        todo = sorted(name for name in names if name in module.definitions)  # so that the order is always the same
        if is_new:
            todo += self._effects(module, nodes)
        while todo:
            name = todo.pop()
            node = module.definitions[name]
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                self._import(module, node, name)
                continue
            self._own(name, module.name)
            if node not in nodes:
                nodes.add(node)
                todo += sorted(used for used in module.uses(node) if used in module.definitions)
        if module not in self.order:
            self.order.append(module)

    def _own(self, name: str, origin: str) -> None:
        """Raises: CannotStandAlone if two things have one name."""
        if self.owners.setdefault(name, origin) != origin:
            raise CannotStandAlone(f"two things have the name {name}, of {self.owners[name]} and of {origin}")

    def _effects(self, module: _Module, nodes: set[ast.stmt]) -> list[str]:
        """Statements that bind no name, such as a setting, where all that they use is imported from elsewhere."""
        found: list[str] = []
        for node in module.body:
            if not isinstance(node, ast.Expr) or isinstance(node.value, ast.Constant):
                continue
            used = sorted(name for name in module.uses(node) if name in module.definitions)
            if used and all(self._is_foreign(module.definitions[name]) for name in used):
                nodes.add(node)
                found += used
        return found

    def _is_foreign(self, node: ast.stmt) -> bool:
        if isinstance(node, ast.Import):
            return all(alias.name.split(".")[0] not in PROJECT for alias in node.names)
        return isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] not in PROJECT

    def module(self, name: str) -> _Module:
        """Raises: CannotStandAlone."""
        source = self.read(name)
        if source is None:
            raise CannotStandAlone(f"there is no source of {name}")
        return self.loaded.setdefault(name, _Module(name, source))

    def _import(self, module: _Module, node: ast.Import | ast.ImportFrom, name: str) -> None:
        if isinstance(node, ast.Import):  # several may bind one name: import a, import a.b
            for alias in (alias for n in module.body if isinstance(n, ast.Import) for alias in n.names):
                if name == (alias.asname or alias.name.split(".")[0]):
                    if alias.name.split(".")[0] in PROJECT:
                        raise CannotStandAlone(f"it uses the module {alias.name} as a whole")
                    self._own(name, f"import {alias.name}" if alias.asname else f"import {name}")
                    self.modules[alias.asname or alias.name] = alias.name
            return
        (alias,) = (alias for alias in node.names if (alias.asname or alias.name) == name)
        where = node.module or ""
        if node.level or where.split(".")[0] not in PROJECT:
            if node.level:
                raise CannotStandAlone(f"it imports {alias.name} from beside it")
            self._own(name, f"{where}.{alias.name}")
            self.members.setdefault(where, set()).add((alias.name, name))
            return
        if alias.asname and alias.asname != alias.name:
            raise CannotStandAlone(f"it uses {where}.{alias.name} under the name {alias.asname}")
        other = self.module(where)
        if alias.name not in other.definitions:
            raise CannotStandAlone(f"{where} has no {alias.name} of its own")
        self.take(other, [alias.name])


def _bound(node: ast.stmt) -> set[str]:
    """The names that a statement at the top of a module binds."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return {alias.asname or alias.name.split(".")[0] for alias in node.names} - {"annotations"}
    if isinstance(node, (ast.If, ast.Try, ast.With, ast.For)):
        inner = [n for n in ast.walk(node) if isinstance(n, ast.stmt) and n is not node]
        return {name for n in inner if not isinstance(n, (ast.If, ast.Try)) for name in _bound(n)}
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def _globals(table: symtable.SymbolTable) -> Iterator[str]:
    """The names of the module that a function or a class uses, and all that is inside of it."""
    yield from (s.get_name() for s in table.get_symbols() if s.is_global())
    for child in table.get_children():
        yield from _globals(child)


def _annotated(node: ast.AST) -> set[str]:
    """The names in the annotations of variables, which a table of symbols does not have."""
    parts = [n.annotation for n in ast.walk(node) if isinstance(n, (ast.AnnAssign, ast.arg)) and n.annotation]
    parts += [n.returns for n in ast.walk(node) if isinstance(n, ast.FunctionDef) and n.returns]
    return {n.id for part in parts for n in ast.walk(part) if isinstance(n, ast.Name)}
