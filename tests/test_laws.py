"""Laws and mutants: the reference obeys every law, and every law rejects what breaks it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from adapters.backend import Backend
from conformance.cases import CASES
from conformance.checks import lanes, laws
from conformance.mutants import BY_LANE, MUTANTS, REJECTS, Adapter, tried
from properties import agreement, trial
from properties.agreement import Failure

Test = Callable[[Backend], None]


LAWS = laws()
VALUES = {id: test for id, test in lanes().items() if id.startswith("VALUES ")}

# Values cannot see these: whatever chance decides is given to the reference, and values are of valid inputs.
BY_LAWS_ONLY = {
    "shared_by_channels",
    "shared_by_samples",
    "drops_channels",
    "drops_in_pairs",
    "ignores_the_key",
    "ignores_the_last_bit_of_the_key",
    "a_little_off",
    "drops_the_expected_number",
    "fits_what_does_not",
    "adds_where_it_fits",
}
BY_LANES_ONLY = {name for names in BY_LANE.values() for name in names}
BY_THE_LAW_FIRST = {"full_without_dilation"}  # values seldom draw full, dilated and zeros together


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short run; the search for the smallest input has tests of its own."""
    monkeypatch.setattr(trial, "_run", trial._Run())
    monkeypatch.setattr(trial, "minimised", lambda problems, fails, failure: failure)
    trial.configure("smoke", 0)


def failure(test: Test, backend: Backend) -> Failure | None:
    agreement.start()
    try:
        test(backend)
    except Failure as found:
        return found
    return None


def full_name(mutant: str, law: str) -> str:
    return mutant if ": " in mutant else f"{LAWS[law].check.primitive}: {mutant}"  # type: ignore[attr-defined]  # a law


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_reference_passes_every_check(seed: int) -> None:
    """No false alarm: under fresh seeds the definition obeys every law strictly, and judges on every one."""
    trial.configure("smoke", seed)
    for name, test in (LAWS | VALUES).items():
        tally = agreement.start()
        test(tried(Adapter(), "reference"))
        assert tally.draws > 0, name
        assert tally.refused == tally.excluded == 0, name
        assert tally.worst_ratio <= 1, name


@pytest.mark.parametrize("law", LAWS)
def test_every_law_states_an_equation(law: str) -> None:
    """The first paragraph of a law says what holds; reports print it."""
    statement = LAWS[law].check.statement  # type: ignore[attr-defined]  # a law
    assert statement.endswith(".")
    assert len(statement) > 10


def test_every_law_has_a_mutant() -> None:
    """No law is without a wrong implementation that it must reject, and none is named twice."""
    assert set(REJECTS) == set(LAWS)
    assert all(full_name(mutant, law) in MUTANTS for law, mutants in REJECTS.items() for mutant in mutants)


@pytest.mark.parametrize(
    ("law", "mutant"), [(law, mutant) for law, mutants in REJECTS.items() for mutant in mutants], ids=lambda x: x
)
def test_a_law_rejects_its_mutants(law: str, mutant: str) -> None:
    """A law fails, at smoke depth, on the implementations that break its equation."""
    assert failure(LAWS[law], MUTANTS[full_name(mutant, law)].backend())


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, mutant in MUTANTS.items()
        if mutant.name not in BY_LAWS_ONLY | BY_LANES_ONLY | BY_THE_LAW_FIRST and mutant.replaces != "gradient"
    ],
)
def test_values_reject_every_mutant(name: str) -> None:
    """At the default depth the values alone give every mutant away, with what was got, wanted and the input."""
    trial.configure("default", 0)
    mutant = MUTANTS[name]
    found = failure(VALUES[f"VALUES {mutant.primitive}"], mutant.backend())
    assert found is not None
    assert found.draw is not None
    assert str(found)


@pytest.mark.parametrize("name", sorted(BY_LAWS_ONLY))
def test_some_mutants_need_a_law(name: str) -> None:
    """Values follow whatever mask a backend chose, and draw no invalid input; laws must show what is wrong."""
    (mutant,) = (mutant for mutant in MUTANTS.values() if mutant.name == name)
    assert failure(VALUES[f"VALUES {mutant.primitive}"], mutant.backend()) is None
    assert name in {mutant for mutants in REJECTS.values() for mutant in mutants}


def test_every_primitive_has_mutants() -> None:
    """Each row of the table of cases is tried on at least four wrong implementations."""
    for case in CASES:
        assert sum(mutant.primitive == case.primitive for mutant in MUTANTS.values()) >= 4
