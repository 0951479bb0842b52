"""What the suite can detect: the kill matrix is computed, and automatic mutants leave the judge alone."""

from __future__ import annotations

import ast
import importlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import reference
from conformance import matrix, power
from conformance.__main__ import main as tool
from conformance.cases import CASES
from conformance.checks import check_ids
from conformance.mutants import MUTANTS, Adapter, Mutant, tried
from conformance.mutants.automatic import CONVENTIONS, MODULES, formula_of, mutations, primitives_of, served
from conformance.mutants.equivalent import EQUIVALENT
from properties import sides, trial
from reference.arithmetic import BFLOAT16


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short run, of which nothing is left over."""
    monkeypatch.setattr(trial, "_run", trial._Run())
    monkeypatch.setattr(sides, "memory", None)
    power._remember.cache_clear()
    trial.configure("smoke", 0, minimises=False)


def wrong_softmax(x: Any, *, axis: int = -1) -> Any:
    """Wrong for three scores alone."""
    y = reference.softmax(x, axis=axis)
    return y * 2 if x.shape[axis] == 3 else y


def right_softmax(x: Any, *, axis: int = -1) -> Any:
    return reference.softmax(x, axis=axis)


def planted(monkeypatch: pytest.MonkeyPatch, function: Any, **how: Any) -> str:
    mutant = Mutant(function.__name__, "softmax", lambda: function, **how)
    monkeypatch.setitem(MUTANTS, mutant.id, mutant)
    return mutant.id


# -- the kill matrix -----------------------------------------------------------------------------------


def test_a_planted_mutant_gets_a_row(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is written down: a new mutant is found, with the checks that reject it."""
    id = planted(monkeypatch, wrong_softmax)
    assert tool(["power", "--primitive", "softmax", "--depth", "smoke", "-n1"]) == 0
    printed = capsys.readouterr().out
    (row,) = [line for line in printed.splitlines() if "wrong_softmax" in line]
    found = power.row(MUTANTS[id]).kills
    assert "VALUES softmax" in found
    assert str(min(found.values())) in row
    assert max(map(len, printed.splitlines())) <= power.WIDTH


def test_a_mutant_that_survives_fails_the_tool(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A mutant that no check rejects is listed, and the exit status is 1."""
    planted(monkeypatch, right_softmax)
    assert tool(["power", "--primitive", "softmax", "--depth", "smoke", "-n1"]) == 1
    printed = capsys.readouterr().out
    assert "Mutants that no check rejects: 1\n  softmax: right_softmax" in printed


def test_a_mutant_names_its_format(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is tried in that format alone, by the checks that this depth tries there."""
    id = planted(monkeypatch, wrong_softmax, format=BFLOAT16)
    backend = MUTANTS[id].backend()
    assert backend.format == BFLOAT16
    assert "VALUES softmax" in {check.id for check in power.tried_on("softmax", backend)}
    formats = {check.formats for check in power.tried_on("softmax", backend)} - {None}
    assert all("bfloat16" in names for names in formats)  # which those of laws are not


def test_a_mutant_may_replace_what_is_no_primitive() -> None:
    """The gradient of an adapter, for instance."""
    mutant = Mutant("wrong", "softmax", lambda: wrong_softmax, replaces="gradient")
    adapter = mutant.backend().adapter
    assert adapter.gradient is wrong_softmax
    assert adapter.softmax is reference.softmax


def test_the_same_run_gives_the_same_document(tmp_path: Path) -> None:
    """Whatever the number of processes."""
    files = [tmp_path / "one.json", tmp_path / "two.json"]
    for jobs, file in enumerate(files, start=1):
        assert tool(["power", "--primitive", "relu", "--depth", "smoke", f"-n{jobs}", "--json", str(file)]) == 0
    assert files[0].read_bytes() == files[1].read_bytes()
    assert json.loads(files[0].read_text())["depth"] == "smoke"


def test_ctrl_c_ends_the_tool(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One line, no traceback, and the status that shells expect."""

    def interrupted(x: Any, *, axis: int = -1) -> Any:
        raise KeyboardInterrupt

    planted(monkeypatch, interrupted)
    assert tool(["power", "--primitive", "softmax", "--depth", "smoke", "-n1"]) == 130
    assert capsys.readouterr().err.startswith("Interrupted")


def test_what_cannot_be_asked_for_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A number of processes, a place to write."""
    assert tool(["power", "-n0"]) == 2
    file = str(tmp_path / "no" / "folder.json")
    assert tool(["power", "--primitive", "output_size", "--depth", "smoke", "-n1", "--json", file]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_the_committed_matrix_is_of_this_suite() -> None:
    """It lists the mutants that exist and the checks that concern them, and nothing else.

    What an adapter may offer besides (a vmap, modes, claims) has wrong adapters in the tests of its own lane, and
    networks have wrong layers in theirs.
    """
    trial.configure("default", 0)
    found = matrix.committed()
    checks = {check.id for case in CASES for check in power.tried_on(case.primitive, tried(Adapter()))}
    besides = {id.split()[0].split("-")[0] for id in check_ids() - checks}
    assert besides == {"VMAP", "MODES", "CLAIM", "NETWORK", "LAYERS"}
    assert set(found["mutants"]) == set(MUTANTS), matrix.OUTDATED
    assert set(found["checks"]) == checks, matrix.OUTDATED
    assert (found["depth"], found["seed"]) == ("default", 0), matrix.OUTDATED


def test_no_mutant_survives() -> None:
    """Each is rejected at default depth."""
    assert not matrix.survivors(matrix.committed())


def test_every_primitive_has_six_mutants() -> None:
    """Each row of the table of cases is tried on at least six wrong implementations."""
    counts = Counter(mutant.primitive for mutant in MUTANTS.values())
    assert {case.primitive for case in CASES if counts[case.primitive] < 6} == set()


def test_the_summary_counts_the_matrix() -> None:
    """The line of all primitives is the sum of the others."""
    found = matrix.committed()
    *each, total = matrix.summaries(found)
    assert total.mutants == sum(s.mutants for s in each) == len(found["mutants"])
    assert total.killed == sum(s.killed for s in each)
    assert sorted(total.idle) == sorted(check for s in each for check in s.idle) == sorted(matrix.idle(found))


# -- automatic mutants ---------------------------------------------------------------------------------

EVERY = [mutation for module in MODULES for mutation, _ in mutations(module).values()]


def test_there_are_many_and_each_once() -> None:
    """Over a thousand changes, in every function of the reference, none of them named like another."""
    assert len(EVERY) > 1000
    assert len({mutation.id for mutation in EVERY}) == len(EVERY)
    for module in MODULES:
        text = Path(f"reference/{module}.py").read_text(encoding="utf-8")
        functions = {node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
        assert functions - {"identity"} <= {mutation.function for mutation in EVERY if mutation.module == module}


def test_each_reaches_a_primitive() -> None:
    """There is a check that could reject it."""
    assert not [mutation.id for mutation in EVERY if not primitives_of(mutation)]


def test_a_change_reaches_those_that_import_it() -> None:
    """Attention sees another softmax; what does not call it stays the reference's own."""
    total, mean = (f"np.{name}(e, axis=axis, keepdims=True)" for name in ("sum", "mean"))
    mutation, code = mutations("activations")[f"activations.softmax: {total} -> {mean}"]
    adapter = served("activations", code)
    q = np.ones((2, 1))
    assert adapter.softmax(np.zeros(2)).sum() == 2
    assert adapter.scaled_dot_product_attention(q, q, q).tolist() == [[2.0], [2.0]]
    assert adapter.convolution is reference.convolution
    assert set(primitives_of(mutation)[1:]) == {
        "scaled_dot_product_attention",
        "multi_head_attention",
        "additive_attention",
    }


def test_the_judge_reads_the_unchanged_reference() -> None:
    """A change that breaks every softmax leaves the reference, and its other readings, as they are."""
    before = {name: function.__globals__ for name, function in reference.PRIMITIVES.items()}
    _, code = mutations("activations")["activations.softmax: axis=-1 -> axis=1"]
    served("activations", code)
    assert before == {name: function.__globals__ for name, function in reference.PRIMITIVES.items()}
    assert reference.softmax(np.zeros(2)).tolist() == [0.5, 0.5]


@pytest.mark.parametrize("module", MODULES)
def test_an_unchanged_module_conforms(module: str) -> None:
    """What is executed anew without a change is the reference, to the last bit."""
    source = Path(f"reference/{module}.py").read_text(encoding="utf-8")
    adapter = served(module, compile(source, module, "exec"))
    for primitive, function in reference.PRIMITIVES.items():
        if function.__module__ == f"reference.{module}":
            (test,) = (t for check, t in power.tried_on(primitive, tried(adapter)).items() if check.part == "values")
            assert power.problems_to_detection(test, tried(adapter)) == 0


FORMULAS = {formula: mutation for mutation in EVERY if (formula := formula_of(mutation))}


@pytest.mark.parametrize("formula", FORMULAS, ids=lambda formula: " ".join(formula))
def test_an_unchanged_formula_conforms(formula: tuple[str, str]) -> None:
    """A further formula stands for its primitive, under the claim that names it."""
    module = FORMULAS[formula].module
    code = compile(Path(f"reference/{module}.py").read_text(encoding="utf-8"), module, "exec")
    backend = tried(served(module, code, formula))
    (test,) = (test for check, test in power.tried_on(formula[0], backend).items() if check.part == "values")
    assert power.problems_to_detection(test, backend) == 0


def choosing(primitive: str) -> Any:
    """The reference, executed anew, with another choice for one primitive."""
    module = reference.PRIMITIVES[primitive].__module__.removeprefix("reference.")
    code = compile(Path(f"reference/{module}.py").read_text(encoding="utf-8"), module, "exec")
    return served(module, code, conventions={primitive: CONVENTIONS[primitive]})


def rejected_by(primitive: str, adapter: Any) -> list[str]:
    tests = power.tried_on(primitive, tried(adapter))
    return [check.id for check, test in tests.items() if power.problems_to_detection(test, tried(adapter))]


@pytest.mark.parametrize("primitive", CONVENTIONS)
def test_an_unchanged_choice_conforms(primitive: str) -> None:
    """A backend that documents another choice, and makes it."""
    assert not rejected_by(primitive, choosing(primitive))


@pytest.mark.parametrize("primitive", ["lp_pool", "batch_norm", "dropout"])
def test_a_choice_that_is_not_documented_is_rejected(primitive: str) -> None:
    trial.configure("default", 0)
    adapter = choosing(primitive)
    adapter.conventions = {}
    assert rejected_by(primitive, adapter)


def test_every_choice_of_a_framework_is_tried() -> None:
    """Every question in which the shipped adapters document another choice."""
    for name in ("torch", "jax"):
        for primitive, choices in importlib.import_module(f"adapters.{name}").conventions.items():
            assert set(choices) <= set(CONVENTIONS[primitive])


def test_automatic_mutants_of_a_primitive(capsys: pytest.CaptureFixture[str]) -> None:
    """Those of relu are rejected; the tool says how many, and what is left with its place."""
    assert tool(["power", "--automatic", "--primitive", "relu", "--depth", "smoke", "-n1"]) == 0
    printed = capsys.readouterr().out
    assert "Survivors: none" in printed
    assert "are rejected: 100.0 %" in printed


def test_a_survivor_is_shown_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """File and line, before and after; one that is explained is not a survivor, and a stale explanation is named."""
    mutation, _ = mutations("dropout")["dropout.dropout: p < 1 -> p <= 1"]
    other = next(m for m in EVERY if m.module == "dense")
    verdicts = [power.Verdict(mutation, "", "survived", 0), power.Verdict(other, "VALUES dense", "rejected", 1)]
    monkeypatch.setattr(power, "EQUIVALENT", {})
    found = power.judged(verdicts, depth="smoke", seed=0)
    assert not found.is_clean
    place = found.lines.index(f"  reference/dropout.py:{mutation.line} dropout")
    assert found.lines[place + 1 : place + 3] == ["    - p < 1", "    + p <= 1"]
    monkeypatch.setattr(power, "EQUIVALENT", {mutation.id: "nothing is kept"})
    assert power.judged(verdicts, depth="smoke", seed=0).is_clean
    monkeypatch.setattr(power, "EQUIVALENT", {mutation.id: "nothing is kept", other.id: "wrongly"})
    stale = power.judged(verdicts, depth="smoke", seed=0)
    assert not stale.is_clean
    assert f"  {other.id}" in stale.lines


def test_what_does_not_end_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backend that computes for ever is ended by a limit of CPU time."""

    def endless(x: Any, *, axis: int = -1) -> Any:
        while True:
            pass

    monkeypatch.setattr(power, "LIMIT", 0.2)
    backend = Mutant("endless", "softmax", lambda: endless).backend()
    test = next(iter(power.tried_on("softmax", backend).values()))
    assert power._until_it_ends(test, backend) == "did not end"


def test_every_explanation_is_of_a_mutant_that_is_made() -> None:
    """No entry has lost what it explains."""
    assert not sorted(set(EQUIVALENT) - {mutation.id for mutation in EVERY})
