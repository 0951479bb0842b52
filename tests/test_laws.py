"""Laws and mutants: the reference obeys every law, and every law rejects what breaks it."""

from __future__ import annotations

import types
from collections.abc import Callable

import numpy as np
import pytest

from adapters import reference as itself
from adapters.backend import Backend, backends
from conformance import matrix
from conformance.checks import conventions, lanes, laws, statements
from conformance.mutants import MUTANTS, tried
from properties import agreement, trial
from properties.agreement import Failure

Test = Callable[[Backend], None]


LAWS = laws()
VALUES = {id: test for id, test in lanes().items() if id.startswith("VALUES ")}


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run in which the kill matrix was measured; the search for the smallest input has tests of its own."""
    monkeypatch.setattr(trial, "_run", trial._Run())
    trial.configure("default", 0, minimises=False)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_reference_passes_every_check(seed: int) -> None:
    """No false alarm: under fresh seeds the definition obeys every law strictly, and judges on every one."""
    trial.configure("smoke", seed)
    for name, test in (LAWS | VALUES).items():
        tally = agreement.start()
        test(tried(itself, "reference"))
        assert tally.draws > 0, name
        assert tally.refused == tally.excluded == 0, name
        assert tally.worst_ratio <= 1, name


def test_a_scalar_is_computed_with_in_float64() -> None:
    """NumPy makes scalars of arrays without axes; what a law does to them is not rounded to their format."""
    file = types.SimpleNamespace(tanh=np.tanh, formats=("float32",))
    (backend,) = backends(file, "file")
    assert isinstance(backend.call("tanh", [np.array(0.5, np.float32)], {})[0], np.float32)
    agreement.start()
    LAWS["ACT-6 tail_of_tanh"](backend)


@pytest.mark.parametrize("law", LAWS)
def test_every_law_states_an_equation(law: str) -> None:
    """The first paragraph of a law says what holds; reports print it."""
    statement = LAWS[law].check.statement  # type: ignore[attr-defined]  # a law
    assert statement.endswith(".")
    assert len(statement) > 10


TESTS = lanes() | LAWS | statements() | conventions()
MATRIX = matrix.committed()
QUICKEST = {check: matrix.quickest(MATRIX, check) for check in LAWS if check not in matrix.idle(MATRIX)}


def test_every_law_rejects_a_mutant() -> None:
    """No law is without a wrong implementation that it rejects; a law that rejects nothing is not worth its time."""
    assert set(QUICKEST) == set(LAWS), matrix.OUTDATED


@pytest.mark.filterwarnings("ignore:Mean of empty slice")  # of a mutant's result
@pytest.mark.parametrize("law", QUICKEST)
def test_a_law_rejects_its_quickest_mutant(law: str) -> None:
    """The mutant that the kill matrix says a law rejects soonest is rejected, after as many problems."""
    tally = agreement.start()
    with pytest.raises(Failure) as found:
        LAWS[law](MUTANTS[QUICKEST[law]].backend())
    assert tally.problems == MATRIX["mutants"][QUICKEST[law]]["rejected_by"][law], matrix.OUTDATED
    assert found.value.draw is not None
    assert str(found.value)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_rejected(name: str) -> None:
    """The check that the kill matrix says finds a mutant soonest does reject it."""
    kills = MATRIX["mutants"][name]["rejected_by"]
    check = min(kills, key=lambda check: (kills[check], check))
    with pytest.raises(Failure):
        TESTS[check](MUTANTS[name].backend())


def test_some_mutants_need_a_law() -> None:
    """Values follow whatever mask a backend chose, and draw no invalid input: there laws must show what is wrong."""
    laws_only = {
        name
        for name, mutant in MATRIX["mutants"].items()
        if not any(check.startswith("VALUES ") for check in mutant["rejected_by"])
    }
    assert {"dropout: shared_by_channels", "residual: fits_what_does_not"} <= laws_only
