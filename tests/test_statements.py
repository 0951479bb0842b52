"""Statements on trial: each verdict is found again, and a statement that stops failing fails its check."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from adapters.backend import NotOffered
from conformance import results
from conformance.checks import statements
from conformance.mutants import MUTANTS, Adapter, tried
from properties import agreement, trial
from properties.agreement import Failure, LawBroken, Verdict
from properties.statement import CONVENTION, FAILS, HOLDS, Lecture, NothingContradicts, OtherShape, Said, statement
from properties.strategies.statements import rows_of
from reference import softmax
from tests.runs import ROOT

STATEMENTS = statements()
SOURCES = " ".join((ROOT / "reference" / "SOURCES.md").read_text(encoding="utf-8").split())
SAID = Said(Lecture("A. Lecturer", "A Lecture", "2026"), "A heading", "some words")


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short run with seed 0."""
    monkeypatch.setattr(trial, "_run", trial._Run())
    trial.configure("smoke", 0)


def verdict_of(id: str, adapter: Any = None) -> Verdict:
    """What a check finds. Raises: as the check."""
    tally = agreement.start()
    STATEMENTS[id](tried(adapter or Adapter(), "reference"))
    assert tally.verdict
    return tally.verdict


def on_trial(verdict: str, *, within: Any = None, beyond: Any = None, body: Any = None) -> Any:
    """A statement of the softmax: the larger the number, the larger its weight, unless another body is given."""

    def test_weight(f: Any, p: Any) -> Any:
        """softmax(0, x)[1] = 1/2."""
        return f.softmax(p.x)[1], 0.5

    return statement("SAID-0", SAID, verdict, "x = 0", within=within, beyond=beyond)(body or test_weight)


EQUAL, LARGER = rows_of("softmax", (0.0,)), rows_of("softmax", (0.0, 1.0, 2.0))


@pytest.mark.parametrize("id", STATEMENTS)
@pytest.mark.parametrize("seed", [0, 1])
def test_every_verdict_is_found_again(id: str, seed: int) -> None:
    """Where a statement does not simply hold, a counterexample of a dozen numbers is found under any seed."""
    trial.configure("smoke", seed)
    found = verdict_of(id)
    assert found.examples > 0
    assert found.domain
    if found.verdict != HOLDS:
        assert found.contradiction
        assert found.contradiction.draw.numbers <= 12


def test_each_kind_of_verdict_is_there() -> None:
    """Some statements hold, some under a convention, and some fail."""
    assert {verdict_of(id).verdict for id in STATEMENTS} == {HOLDS, CONVENTION, FAILS}


def test_the_same_run_finds_the_same_counterexample() -> None:
    """The search depends on the seed alone."""
    first, again = (verdict_of("SAID-22 batch_norm_treats_samples_separately").contradiction for _ in range(2))
    assert first and again
    assert repr(first.draw) == repr(again.draw)
    assert str(first) == str(again)


@pytest.mark.parametrize("id", STATEMENTS)
def test_what_is_said_has_a_source(id: str) -> None:
    """Every lecture is listed in reference/SOURCES.md by author, title and date."""
    lecture = verdict_of(id).said.lecture
    for part in (lecture.author, lecture.title, lecture.date):
        assert part in SOURCES


@pytest.mark.parametrize(
    ("id", "mutant"),
    [
        ("SAID-1 pooling_is_invariant", "max_pool: never_written"),
        ("SAID-3 convolution_is_invariant", "convolution: written_nowhere"),
        ("SAID-6 valid_keeps_the_size", "convolution: valid_and_same_exchanged"),
        ("SAID-17 tanh_as_printed", "tanh: as_printed"),
        ("SAID-18 softmax_as_printed", "softmax: without_the_maximum"),
        ("SAID-21 dropout_as_printed", "dropout: without_rescaling"),
    ],
)
def test_the_gallery_must_keep_failing(id: str, mutant: str) -> None:
    """Where a backend makes a false statement come true, the check fails, and says so."""
    with pytest.raises(NothingContradicts):
        STATEMENTS[id](MUTANTS[mutant].backend())


def test_a_statement_that_holds_cannot_be_said_to_fail() -> None:
    """If nothing contradicts it, not even on the reference, its check fails loudly."""
    with pytest.raises(NothingContradicts, match=r"nothing contradicts it in \d+ examples"):
        on_trial(FAILS, beyond=EQUAL)(tried(Adapter(), "reference"))


def test_a_statement_that_fails_cannot_be_said_to_hold() -> None:
    """Within its domain it is a law."""
    with pytest.raises(LawBroken):
        on_trial(HOLDS, within=rows_of("softmax", (1.0, 2.0)))(tried(Adapter(), "reference"))


def test_the_counterexample_is_the_simplest() -> None:
    """The minimiser lowers the choices as far as the statement fails."""
    tally = agreement.start()
    on_trial(FAILS, within=EQUAL, beyond=LARGER)(tried(Adapter(), "reference"))
    assert tally.verdict and tally.verdict.contradiction
    assert tally.verdict.contradiction.draw.x.tolist() == [0.0, 1.0]


def test_a_backend_that_refuses_the_counterexample_finds_its_own() -> None:
    """What the reference found is tried first; where it is refused, the backend is searched."""

    def even(x: Any, *, axis: int = -1) -> Any:
        if 1.0 in np.abs(x):
            raise NotImplementedError("no ones")
        return softmax(x)

    tally = agreement.start()
    on_trial(FAILS, beyond=LARGER)(tried(Adapter(softmax=even)))
    assert tally.verdict and tally.verdict.contradiction
    assert tally.verdict.contradiction.draw.x.tolist() == [0.0, 2.0]


def test_what_is_not_offered_is_not_judged() -> None:
    """A backend that refuses every problem has not been tried."""

    def none(x: Any, *, axis: int = -1) -> Any:
        raise NotImplementedError("not yet")

    agreement.start()
    with pytest.raises(NotOffered, match="not yet"):
        on_trial(FAILS, within=EQUAL, beyond=LARGER)(tried(Adapter(softmax=none)))


def test_no_number_contradicts_a_number() -> None:
    """A bound that is infinite does not excuse a NaN."""

    def test_exponential(f: Any, p: Any) -> Any:
        """exp(x) / sum exp(x) = softmax(x)."""
        e = np.exp(p.x)
        return e / np.sum(e), f.softmax(p.x)

    far = rows_of("softmax", (1000.0,))
    with pytest.raises(Failure, match="nan"):
        on_trial(HOLDS, within=far, body=test_exponential)(tried(Adapter(), "reference"))


def test_another_shape_is_no_contradiction() -> None:
    """A backend whose two sides agree in a wrong shape has contradicted nothing."""

    def test_whole(f: Any, p: Any) -> Any:
        """softmax(x) = 2 softmax(x)."""
        return f.softmax(p.x), 2 * f.softmax(p.x)

    shorter = tried(Adapter(softmax=lambda x, *, axis=-1: softmax(x)[:1]))
    with pytest.raises(OtherShape):
        on_trial(FAILS, beyond=LARGER, body=test_whole)(shorter)


def test_the_record_has_all_of_it() -> None:
    """Words, source, verdict, domain, examples and the counterexample with its numbers."""
    tally = agreement.start()
    STATEMENTS["SAID-17 tanh_as_printed"](tried(Adapter(), "reference"))
    record = results.measure(tally)["verdict"]
    assert record["verdict"] == FAILS
    assert record["lecture"].startswith("Gong")
    assert record["counterexample"]["arrays"]["x"]["values"] == [0.0, 710.0]
    assert np.isnan(record["counterexample"]["got"])
    assert record["counterexample"]["want"] == 1.0


def test_ids_count_from_one() -> None:
    """No number is missing, so that a reader can tell that none was taken out in silence."""
    numbers = [int(found[1]) for id in STATEMENTS if (found := re.match(r"SAID-(\d+) ", id))]
    assert numbers == list(range(1, len(STATEMENTS) + 1))
