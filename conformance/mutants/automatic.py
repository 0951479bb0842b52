"""Automatic mutants: the reference files, each with one small change.

    y = np.sum(d * d) / n + eps        ->        np.sum(d * d) / n,  np.sum(d + d) / n + eps,  ... / n - eps

A change is made in the syntax tree. The changed module is executed under a private name, and so is every
module that imports from it; the reference that the judge reads stays what it is.
"""

from __future__ import annotations

import ast
import builtins
import functools
import importlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, ModuleType, SimpleNamespace
from typing import Any

import reference
from adapters import reference as itself
from reference.arithmetic import Arithmetic, Format, default_arithmetic

# Each after those from which it imports.
MODULES = (
    "arrays",
    "activations",
    "convolution",
    "dense",
    "recurrence",
    "dropout",
    "normalization",
    "pooling",
    "positions",
    "residual",
    "attention",
    "embedding",
    "loss",
    "blocks",
)


@dataclass(frozen=True)
class Mutation:
    """One change.

    original, changed: the smallest expression that shows what was changed, before and after, or the statement.
    repetition: which of the changes of a function that read alike. guards: it concerns only whether an error is raised.
    """

    module: str
    function: str
    original: str
    changed: str
    line: int
    repetition: int = 1
    guards: bool = False

    @property
    def id(self) -> str:
        again = f" (no. {self.repetition})" if self.repetition > 1 else ""
        return f"{self.module}.{self.function}: {self.original} -> {self.changed}{again}"

    @property
    def place(self) -> str:
        return f"reference/{self.module}.py:{self.line}"


# -- where something can be changed --------------------------------------------------------------------

OPERATORS: dict[type, type] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
}

COMPARISONS: dict[type, tuple[type, ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}

NAMES = {"max": "min", "min": "max", "maximum": "minimum", "sum": "mean", "mean": "sum", "sin": "cos", "cos": "sin"}

# Functions, and the argument that may change places with the next.
SYMMETRIC = {("max", 0), ("min", 0), ("min", 1), ("np.maximum", 0), ("np.swapaxes", 1), ("np.broadcast_shapes", 0)}


def alternatives(node: ast.AST) -> Iterator[ast.expr]:
    """What may stand in the place of an expression."""
    match node:
        case ast.BinOp(left, op, right):
            if other := OPERATORS.get(type(op)):
                yield ast.BinOp(left, other(), right)
            yield from (left, right)
        case ast.BoolOp(op, values):
            yield ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
            for i in range(len(values)):
                rest = values[:i] + values[i + 1 :]
                yield ast.BoolOp(op, rest) if len(rest) > 1 else rest[0]
        case ast.UnaryOp(_, operand):
            yield operand
        case ast.Compare(left, [*ops], comparators):
            for i, comparison in enumerate(ops):
                for turned in COMPARISONS[type(comparison)]:
                    yield ast.Compare(left, [*ops[:i], turned(), *ops[i + 1 :]], comparators)
        case ast.IfExp(test, body, orelse):
            yield ast.IfExp(test, orelse, body)
        case ast.Constant(value):
            yield from map(ast.Constant, _other_constants(value))
        case ast.Attribute(value, "inf", ctx):
            yield ast.UnaryOp(ast.USub(), node)
        case ast.Attribute(value, name, ctx) if name in NAMES:
            yield ast.Attribute(value, NAMES[name], ctx)
        case ast.Call(func, args, keywords):
            if isinstance(func, ast.Name) and func.id in NAMES:
                yield ast.Call(ast.Name(NAMES[func.id], ast.Load()), args, keywords)
            for i in range(len(args) - 1):
                if (ast.unparse(func), i) not in SYMMETRIC:
                    yield ast.Call(func, [*args[:i], args[i + 1], args[i], *args[i + 2 :]], keywords)
            for i, keyword in enumerate(keywords):
                if keyword.arg != "strict":
                    yield ast.Call(func, args, keywords[:i] + keywords[i + 1 :])
            if len(args) == 1 and not isinstance(args[0], (ast.GeneratorExp, ast.Starred)):
                yield args[0]
        case ast.Slice(lower, upper, step):
            bounds = {"lower": lower, "upper": upper, "step": step}
            yield from (ast.Slice(**{**bounds, name: None}) for name, bound in bounds.items() if bound)


def _other_constants(value: Any) -> tuple[Any, ...]:
    match value:
        case bool():
            return (not value,)
        case int():
            return (value + 1,) if value < 1 else (value + 1, value - 1)
        case float():
            return (1.0,) if value == 0 else (2 * value,)
        case str():
            return (f"{value}?",)
    return ()


def _is_guard(statement: ast.AST) -> bool:
    """Whether a statement does nothing but raise."""
    match statement:
        case ast.Raise():
            return True
        case ast.If(_, [*before, last], []) | ast.For(_, _, [*before, last], []):
            return _is_guard(last) and all(isinstance(s, ast.Assign) for s in before)
    return False


def _only_guards(function: ast.AST) -> set[str]:
    """The names that are made for guards alone."""
    guards = {id(node) for guard in ast.walk(function) if _is_guard(guard) for node in ast.walk(guard)}
    loads = [node for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)]
    return {node.id for node in loads} - {node.id for node in loads if id(node) not in guards}


Swap = Callable[[], None]


@dataclass(frozen=True)
class _Change:
    line: int
    original: str
    changed: str
    guards: bool
    do: Swap
    undo: Swap


def _changes(function: ast.AST) -> Iterator[_Change]:
    """Every change of a function, or of a statement of the module."""
    yield from _in_body(function, set(), _only_guards(function), False)


def _in_body(parent: ast.AST, bound: set[str], of_guards: set[str], guards: bool) -> Iterator[_Change]:
    if isinstance(parent, (ast.FunctionDef, ast.Lambda)):
        bound = {arg.arg for arg in (*parent.args.args, *parent.args.kwonlyargs)}
    for name, value in ast.iter_fields(parent):
        if name in ("returns", "annotation", "decorator_list", "type_comment"):
            continue
        for place, node in list(enumerate(value)) if isinstance(value, list) else [(None, value)]:
            if not isinstance(node, ast.AST) or isinstance(node, ast.Raise) or _is_docstring(node):
                continue
            if isinstance(node, ast.keyword) and node.arg == "strict":  # of zip: no input of a primitive meets it
                continue
            if isinstance(parent, ast.If) and _is_guard(parent) and name == "body":  # what the error says
                continue
            inside = guards or _is_guard(node) or (isinstance(node, ast.Assign) and _targets(node) <= of_guards)
            if isinstance(node, ast.stmt):
                yield from _dropped(parent, name, place, node, bound, inside)
                bound |= _targets(node)
            for other in alternatives(node):
                yield _replaced(parent, name, place, node, other, inside)
            yield from _in_body(node, bound, of_guards, inside)


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _targets(statement: ast.AST) -> set[str]:
    """The names that an assignment binds; a name that no name has, for any other statement."""
    if not isinstance(statement, ast.Assign):
        return {""}
    return {n.id for target in statement.targets for n in ast.walk(target) if isinstance(n, ast.Name)}


def _dropped(
    parent: ast.AST, name: str, place: int | None, node: ast.stmt, bound: set[str], guards: bool
) -> Iterator[_Change]:
    """A statement left out, where what follows still has its names; a condition turned round."""
    nothing = ast.copy_location(ast.Pass(), node)
    if isinstance(node, ast.AugAssign) or (isinstance(node, ast.Assign) and _targets(node) <= bound):
        yield _Change(node.lineno, ast.unparse(node), "nothing", guards, *_swap(parent, name, place, node, nothing))
    if isinstance(node, ast.If):
        shown = f"if {ast.unparse(node.test)}"
        if not isinstance(node.test, (ast.Compare, ast.UnaryOp)):  # of these every alternative is tried
            opposite = ast.copy_location(ast.UnaryOp(ast.Not(), node.test), node.test)
            turned = _swap(node, "test", None, node.test, opposite)
            yield _Change(node.lineno, shown, f"if {ast.unparse(opposite)}", guards, *turned)
        if not node.orelse:
            yield _Change(node.lineno, shown, "nothing", guards, *_swap(parent, name, place, node, nothing))
    if isinstance(node, ast.AugAssign) and (other := OPERATORS.get(type(node.op))):
        changed = ast.copy_location(ast.AugAssign(node.target, other(), node.value), node)
        swap = _swap(parent, name, place, node, changed)
        yield _Change(node.lineno, ast.unparse(node), ast.unparse(changed), guards, *swap)


def _replaced(parent: ast.AST, name: str, place: int | None, node: ast.AST, other: ast.expr, guards: bool) -> _Change:
    """An expression replaced, shown with what stands around it if it says little by itself."""
    for part in ast.walk(other):
        ast.copy_location(part, node) if not hasattr(part, "lineno") else None
    do, undo = _swap(parent, name, place, node, other)
    around = isinstance(parent, (ast.expr, ast.keyword, ast.comprehension))
    of = _argument(parent, name, place) if isinstance(parent, ast.arguments) else ""
    original = of + _shown(parent if around else node)
    do()
    changed = of + _shown(parent if around else other)
    undo()
    line = getattr(node, "lineno", getattr(parent, "lineno", 0))
    return _Change(line, original, changed, guards, do, undo)


def _argument(parent: ast.arguments, name: str, place: int | None) -> str:
    """The argument to which a default belongs."""
    of = parent.kwonlyargs if name == "kw_defaults" else parent.args[len(parent.args) - len(parent.defaults) :]
    return f"{of[place].arg}=" if place is not None else ""


def _shown(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())


def _swap(parent: ast.AST, name: str, place: int | None, old: ast.AST, new: ast.AST) -> tuple[Swap, Swap]:
    """How to put a node in the place of another, and how to undo it."""

    def put(node: ast.AST) -> None:
        if place is None:
            setattr(parent, name, node)
        else:
            getattr(parent, name)[place] = node

    return functools.partial(put, new), functools.partial(put, old)


@functools.cache
def _source(module: str) -> str:
    return Path(importlib.import_module(f"reference.{module}").__file__ or "").read_text(encoding="utf-8")


@functools.cache
def mutations(module: str) -> dict[str, tuple[Mutation, CodeType]]:
    """Every change of a module of the reference, by its id, and the module with that change."""
    tree = ast.parse(_source(module))
    found = {}
    for mutation, change in _walked(module, tree):
        change.do()
        code = compile(ast.fix_missing_locations(tree), f"reference/{module}.py", "exec")
        change.undo()
        found[mutation.id] = mutation, code
    return found


def _walked(module: str, tree: ast.Module) -> Iterator[tuple[Mutation, _Change]]:
    seen: dict[tuple[str, str, str], int] = {}
    for statement in tree.body:
        if not isinstance(statement, (ast.FunctionDef, ast.Assign)):
            continue
        name = statement.name if isinstance(statement, ast.FunctionDef) else _shown(statement.targets[0])
        if name in ALIASES:
            continue
        for change in _changes(statement):
            key = (name, change.original, change.changed)
            if change.original == change.changed:
                continue
            seen[key] = seen.get(key, 0) + 1
            yield Mutation(module, *key, change.line, seen[key], change.guards), change


ALIASES = (
    *("Array", "Mask", "Pair", "PerAxis", "Padding"),  # types, which nothing asks for when it runs
    *("SCALED_FIRST", "IN_FLOAT32", "OTHERS"),  # which formulas a block may be made of: all compute the same map
)


# -- what a change may reach ---------------------------------------------------------------------------


@functools.cache
def _callers() -> dict[tuple[str, str], set[tuple[str, str]]]:
    """For every function, or constant, of the reference, those that name it."""
    defined: dict[str, dict[str, tuple[str, str]]] = {}  # what a name in a module means
    bodies: dict[tuple[str, str], ast.AST] = {}
    for module in MODULES:
        names = defined.setdefault(module, {})
        for statement in ast.parse(_source(module)).body:
            match statement:
                case ast.ImportFrom(str(where), aliases) if where.removeprefix("reference.") in MODULES:
                    theirs = defined[where.removeprefix("reference.")]
                    names |= {a.asname or a.name: theirs[a.name] for a in aliases if a.name in theirs}
                case ast.FunctionDef(name):
                    names[name] = (module, name)
                    bodies[module, name] = statement
                case ast.Assign([ast.Name(name)]):
                    names[name] = (module, name)
                    bodies[module, name] = statement
    callers: dict[tuple[str, str], set[tuple[str, str]]] = {function: set() for function in bodies}
    for function, body in bodies.items():
        for node in ast.walk(body):
            if isinstance(node, ast.Name) and (callee := defined[function[0]].get(node.id)) and callee != function:
                callers[callee].add(function)
    return callers


@functools.cache
def _reached(module: str, function: str) -> tuple[str, ...]:
    """The functions that call one, directly or not: itself first, the nearest next."""
    found, edge = [(module, function)], [(module, function)]
    while edge:
        edge = sorted({caller for callee in edge for caller in _callers()[callee]} - set(found))
        found += edge
    return tuple(name for _, name in found)


def formula_of(mutation: Mutation) -> tuple[str, str] | None:
    """The primitive and the further formula of it that a change concerns, where it concerns no primitive itself."""
    names = _reached(mutation.module, mutation.function)
    if any(name in reference.PRIMITIVES for name in names):
        return None
    named = {
        f.__name__: (primitive, key)
        for primitive, of in reference.FORMULAS.items()
        for key, f in of.items()
        if hasattr(f, "__name__")
    }
    return next((named[name] for name in names if name in named), None)


def primitives_of(mutation: Mutation) -> tuple[str, ...]:
    """The primitives whose results a change may reach, the nearest first."""
    formula = formula_of(mutation)
    names = _reached(mutation.module, mutation.function)
    return (formula[0],) if formula else tuple(name for name in names if name in reference.PRIMITIVES)


# -- a change, served as an adapter --------------------------------------------------------------------


@functools.cache
def _code(module: str) -> CodeType:
    return compile(_source(module), f"reference/{module}.py", "exec")


@functools.cache
def _imports(module: str) -> set[str]:
    """The modules of the reference from which one imports."""
    found = {node.module for node in ast.walk(ast.parse(_source(module))) if isinstance(node, ast.ImportFrom)}
    return {name.removeprefix("reference.") for name in found if name} & set(MODULES)


# The choices that frameworks document where they are not the reference's.
Choices = Mapping[str, Mapping[str, Any]]
CONVENTIONS: Choices = {
    "flop_count": {"operations": 2, "counts_bias": False, "counts_padding": False},
    "lp_pool": {"signed": True},
    "batch_norm": {"unbiased": False},
    "dropout": {"by_product": True},
    "cross_entropy": {"weighs": "samples", "divisor": "samples"},
    "lstm_step": {"gates": "ifog"},
    "lstm": {"gates": "ifog"},
    "gru_step": {"reset": "after", "gates": "zrn"},
    "gru": {"reset": "after", "gates": "zrn"},
    "scaled_dot_product_attention": {"adds_masks": True, "closed_rows": "zero"},
    "multi_head_attention": {"adds_masks": True, "closed_rows": "zero"},
    "encoder_block": {"adds_masks": True},
    "decoder_block": {"adds_masks": True},
}


def served(
    module: str, code: CodeType, formula: tuple[str, str] | None = None, conventions: Choices | None = None
) -> Any:
    """An adapter whose functions come from a changed module and from those that import it, executed anew.

    formula: the primitive and the name of a further formula that stands for it, as of a backend that claims it.
    conventions: what the adapter documents to do, and does.
    """
    private: dict[str, ModuleType] = {}

    def importing(name: str, *rest: Any) -> Any:
        return private.get(name) or builtins.__import__(name, *rest)

    for other in MODULES:
        if other == module or any(f"reference.{name}" in private for name in _imports(other)):
            made = ModuleType(f"changed.{other}")
            made.__dict__["__builtins__"] = {**vars(builtins), "__import__": importing}
            private[f"reference.{other}"] = made
            exec(code if other == module else _code(other), made.__dict__)
    functions = {
        name: getattr(private.get(function.__module__), name, function)
        for name, function in reference.PRIMITIVES.items()
    }
    if formula is not None:
        primitive, key = formula
        chapter = private[f"reference.{module}"]
        functions[primitive] = getattr(chapter, reference.FORMULAS[primitive][key].__name__)
    conventions = conventions or {}
    for primitive, chosen in conventions.items():
        functions[primitive] = functools.partial(functions[primitive], **chosen)
    claims = functools.partial(_claims, formula=formula and formula[1])
    return SimpleNamespace(
        **functions, arithmetic=claims, conventions=conventions, accepts={}, gradient=itself.gradient, jvp=itself.jvp
    )


def _claims(primitive: str, device: str, fmt: Format, *, formula: str | None) -> Arithmetic:
    known = reference.FORMULAS.get(primitive, {})
    return default_arithmetic(fmt, formulas=(formula,) if formula in known else ())
