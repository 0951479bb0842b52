"""Explaining a bound: the reading is that of the checks, each step adds up, and what a number depends on is found."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import reference
from adapters import narrow
from adapters.backend import Backend
from conformance.__main__ import main
from conformance.cases import CASES
from conformance.explain import operations, steps
from properties.sides import bounded, bounded_gradient
from properties.strategies.draws import draw
from reference.arithmetic import FORMATS, Bounded, wide_arithmetic
from reference.arithmetic import read as read_as
from tests.runs import run

FORMAT = FORMATS["float16"]
BACKEND = Backend(narrow, "narrow", "", "cpu", FORMAT, "eager")
X = np.array([[0.5, -1.25, 3.0], [2.0, 0.25, -0.75]], np.float16)


def read(function: Callable[[], tuple[Any, ...]], index: tuple[int, ...]) -> tuple[Bounded, list[Any]]:
    with operations() as found, np.errstate(all="ignore"):
        y = function()[0]
    return y, steps(found, y, index)


def test_the_last_step_is_the_bound() -> None:
    """What is explained is the bound that checks have, and nothing is left out between two steps."""
    y, found = read(lambda: bounded(BACKEND, "softmax", [X], {"axis": -1}), (1, 2))
    assert found[-1].after == y.error[1, 2] == bounded(BACKEND, "softmax", [X], {"axis": -1})[0].error[1, 2]
    assert [step.operation.name for step in found] == ["max", "subtract", "exp", "sum", "divide", "rounded"]
    assert [step.of for step in found] == [1, 3, 3, 1, 1, 1]
    exp, divide = found[2], found[4]
    assert exp.came_in == 0 < exp.added  # scores that are numbers of the format
    assert 0 < divide.came_in < divide.after
    alone = [Bounded(z.value, np.zeros(z.shape), z.arithmetic) for z in divide.operation.operands]
    assert divide.added == np.divide(*alone).error[1, 2]  # one rounding of the quotient


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.primitive)
def test_every_step_adds_up(case: Any) -> None:
    """Of every primitive: came in and added are the error; operands without error bring none; the last is the bound."""
    problem = next((p for p in case.problems.pool(0.2, 0) if not p.is_empty), None)
    if problem is None:
        return
    given = draw(problem, "normal", FORMAT, (1,))
    with operations() as found, np.errstate(all="ignore"):
        results = bounded(BACKEND, case.primitive, list(given.arrays.values()), given.options)
    for y in results:
        if not isinstance(y, Bounded) or not y.error.size:
            continue
        index = tuple(int(i) for i in np.unravel_index(int(np.argmax(y.error)), y.shape))
        told = [step for step in steps(found, y, index) if step.of]
        if not told:
            assert not any(y is z for op in found for z in op.results)
            continue
        assert told[-1].after == y.error[index]
        for step in told:
            assert step.came_in >= 0 and step.added >= 0
            assert step.came_in + step.added == pytest.approx(step.after, rel=1e-12, nan_ok=True)
            if not any(x.error.any() for x in step.operation.operands):
                assert step.came_in == 0


def test_a_number_depends_on_what_reaches_it() -> None:
    """Of a convolution one number sees one window; of two rows of a softmax, its own."""
    x, w = np.ones((1, 1, 6), np.float16) / 3, np.ones((1, 1, 2), np.float16)
    with operations() as found:
        (y,) = bounded(BACKEND, "convolution", [x, w], {})
    told = {step.operation.name: step.of for step in steps(found, y, (0, 0, 3))}
    assert told["rounded"] == 1
    assert max(told.values()) <= 2
    with operations() as found:
        (y,) = bounded(BACKEND, "softmax", [X], {"axis": -1})
    exp = next(step for step in steps(found, y, (1, 0)) if step.operation.name == "exp")
    assert (exp.of, exp.index[0]) == (3, 1)


def test_what_does_not_reach_a_number_says_so() -> None:
    """In a sum of two parts, the part of the other number is without effect."""

    def parts(x: Any) -> Any:
        return np.concatenate([np.exp(x[:1]), np.tanh(x[1:])])

    with operations() as found:
        y = parts(Bounded.of(np.array([0.5, 0.25]), BACKEND.arithmetic("softmax")))
    told = {step.operation.name: step.of for step in steps(found, y, (0,))}
    assert (told["exp"], told["tanh"]) == (1, 0)


@pytest.mark.parametrize("is_own", [True, False])
def test_the_formula_that_decides_is_followed(is_own: bool) -> None:
    """Of two formulas the steps of the one that leaves more room reach a number, and no others."""
    folded = reference.FORMULAS["layer_norm"]["folded"]  # which rounds more
    one, other = (folded, reference.layer_norm) if is_own else (reference.layer_norm, folded)
    claims = wide_arithmetic(FORMAT, formulas=("other",))
    with np.errstate(all="ignore"):
        (wider,) = read_as(folded, [X], {}, wide_arithmetic(FORMAT))
    y, found = read(lambda: read_as(one, [X], {}, claims, {"other": other}), (1, 1))
    told = [step for step in found if step.of]
    assert (told[-1].operation.name, told[-1].after) == ("by any formula", y.error[1, 1])
    (rounded,) = (step for step in told if step.operation.name == "rounded")
    assert rounded.after == wider.error[1, 1]


def test_a_gradient_is_explained_too() -> None:
    """The sweep back is made of operations like the way there."""
    given = BACKEND, "dense", [X, np.ones((2, 3), np.float16) / 3, None], {}, np.ones((2, 2), np.float16), [0]
    y, found = read(lambda: bounded_gradient(*given), (0, 1))
    assert found[-1].after == y.error[0, 1]
    assert any(step.operation.name == "matmul" and step.of for step in found)


def test_the_line_of_the_reference_is_shown() -> None:
    """Where an operation is made, in the file of the primitive."""
    _, found = read(lambda: bounded(BACKEND, "softmax", [X], {"axis": -1}), (0, 0))
    code = inspect.unwrap(reference.PRIMITIVES["softmax"]).__code__
    for step in found[:-1]:
        file, line = step.operation.where
        assert file == code.co_filename
        assert code.co_firstlineno < line < code.co_firstlineno + 15


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    (folder / "mine.py").write_text(
        'import numpy as np\n\nformats = ("float32",)\n\n\ndef softmax(x, *, axis=-1):\n'
        "    e = np.exp(x - x.max(axis, keepdims=True))\n    return e / e.sum(axis, keepdims=True)\n\n\n"
        "def relu(x):\n    return np.where(x > 0, x, 0 * x) * np.float32(1.5)\n"
    )
    run(folder / "mine.py", "-k", "softmax or relu", report=folder)
    return folder


def test_explain_prints_in_80_columns(report: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The worst number of a check that holds: chain, got, want, error and bound."""
    assert main(["explain", "VALUES softmax", "--report", str(report)]) == 0
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    for word in ("came in", "reference/activations.py:", "exp", "divide", "got ", "want ", "error/bound"):
        assert word in text


def test_explain_shows_the_failure(report: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of a check that fails, its counterexample; a number that is never rounded has the bound 0, and that is said."""
    assert main(["explain", "VALUES", "relu", "--report", str(report)]) == 0
    text = capsys.readouterr().out
    assert "failing input: relu(x=" in text
    assert "error/bound inf" in text
    assert "The bound is 0" in text


def test_reproduce_fails_and_then_holds(report: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """The one input again: 1 while it fails, 0 when the file is right; each call with got, want and bound."""
    assert main(["reproduce", "VALUES relu", "--report", str(report)]) == 1
    text = capsys.readouterr().out
    for word in ("input: relu(", "call 1: relu(x)", "got: ", "want: ", "bound: ", "verdict: deviates"):
        assert word in text
    right = tmp_path / "mine.py"
    right.write_text((report / "mine.py").read_text().replace(" * np.float32(1.5)", ""))
    assert main(["reproduce", "VALUES relu", "--report", str(report), f"--adapter={right}"]) == 0
    assert "verdict: conforms" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["reproduce", "VALUES softmax"], "conforms in this report"),
        (["reproduce", "VALUE gelu"], "begins with"),
        (["reproduce", ""], "may mean"),
        (["explain", "VALUES softmax", "--output", "z"], "those with one: y"),
        (["explain", "VALUES softmax", "--index", "1,2,3,4,5,6"], "--index="),
        (["explain", "VALUES softmax", "--adapter", "nothing.py"], "no file"),
    ],
)
def test_bad_questions_get_one_answer(
    arguments: list[str], says: str, report: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 2, and a paragraph that says what to do."""
    assert main([*arguments, "--report", str(report)]) == 2
    assert says.lower() in capsys.readouterr().err.lower()


def test_no_report_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither an empty folder nor another file is a report."""
    (tmp_path / "results.json").write_text('{"schema": "other"}')
    for report, says in ((tmp_path / "nothing", "There is no report"), (tmp_path, "is no report")):
        assert main(["reproduce", "VALUES", "--report", str(report)]) == 2
        assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("adapter", "checks", "id"),
    [("two_bugs", "test_values and softmax", "VALUES"), ("aborts", "sums_to_one", "SOFT-1")],
)
def test_reproduce_of_what_is_known_and_of_a_crash(
    adapter: str, checks: str, id: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A crash is made again in a process of its own, and a law that broke is judged again."""
    run(adapter, "-k", checks, report=tmp_path, workers=1)
    assert main(["reproduce", id, "--report", str(tmp_path)]) == 1
    assert ("deviates" if adapter == "two_bugs" else "ended by SIGABRT") in capsys.readouterr().out
