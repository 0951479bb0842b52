"""Conventions: every answer can be found, and a backend that chooses otherwise than it documents fails."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

import reference
from adapters.backend import Backend, NotOffered, backends
from adapters.loading import load
from conformance.checks import conventions
from conformance.mutants import Adapter, tried
from properties import agreement, trial
from properties.convention import RAISES, Asked, NotAsDocumented, _answer, convention
from reference.arithmetic import FLOAT32

CONVENTIONS = conventions()
NAMES = {id.split(" ", 1)[1]: id for id in CONVENTIONS}


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short run with seed 0."""
    monkeypatch.setattr(trial, "_run", trial._Run())
    trial.configure("smoke", 0)


def chosen(name: str, backend: Backend) -> dict[str, str]:
    """What a backend answers. Raises: as the check."""
    tally = agreement.start()
    CONVENTIONS[NAMES[name]](backend)
    assert tally.choice
    return tally.choice


@pytest.mark.parametrize("id", CONVENTIONS)
def test_every_answer_can_be_found(id: str) -> None:
    """Each answer is told from the others; any other result is none of them."""
    answers = CONVENTIONS[id].answers  # type: ignore[attr-defined]  # made by the decorator
    f = Asked(tried(Adapter()))
    for words, shown in answers.items():
        if shown is not RAISES:
            assert _answer(f, lambda _, shown=shown: shown, answers) == words
    assert _answer(f, lambda _: [12345.0], answers) == "something else: [12345.0]"


def documented(name: str) -> Any:
    """The choices that a shipped adapter documents."""
    pytest.importorskip({"reference": "numpy"}.get(name, name))
    return load(name)[1].chooses


@pytest.mark.parametrize("name", ["reference", "torch", "jax"])
def test_what_is_documented_can_be_asked(name: str) -> None:
    """Every entry names a convention and one of its answers, and says where that stands."""
    for entry, (choice, where) in documented(name).items():
        assert choice in CONVENTIONS[NAMES[entry.removesuffix(" on cpu")]].answers  # type: ignore[attr-defined]
        assert "https://" in where or where.startswith(("reference/", "composed")), entry


@pytest.mark.parametrize("name", ["reference", "torch", "jax"])
def test_every_choice_is_documented_and_held_to(name: str) -> None:
    """A shipped adapter answers every question that it offers as it documents."""
    pytest.importorskip({"reference": "numpy"}.get(name, name))
    backend = next(
        b for b in backends(load(name)[1], name) if b.device == "cpu" and (b.format is FLOAT32 or name == "reference")
    )
    for question in NAMES:
        try:
            found = chosen(question, backend)
        except NotOffered:
            continue
        assert found["found"] == found["documented"]


@pytest.mark.parametrize(
    ("primitive", "name"),
    [
        ("batch_norm", "running variance"),
        ("dropout", "NaN that is dropped"),
        ("lp_pool", "norm 1 of a pool"),
        ("scaled_dot_product_attention", "NaN in a key behind a mask"),
    ],
)
@pytest.mark.parametrize("adapter", ["torch", "jax"])
def test_the_reference_is_read_with_the_documented_choice(primitive: str, name: str, adapter: str) -> None:
    """The options with which the reference is read for a backend give the answer that the backend documents."""
    choice, _ = documented(adapter)[name]
    options = getattr(load(adapter)[1], "conventions", {}).get(primitive, {})
    as_read = functools.partial(reference.PRIMITIVES[primitive], **options)
    assert chosen(name, tried(Adapter(**{primitive: as_read, "chooses": {}})))["found"] == choice


def test_another_choice_fails() -> None:
    """The failure says what was found, what is documented and where, and has the call."""
    wrong = Adapter(chooses={"reflection": ("with the edge", "https://example.org")})
    with pytest.raises(NotAsDocumented, match="found: without the edge; documented: with the edge") as caught:
        chosen("reflection", tried(wrong))
    assert repr(caught.value.draw).startswith("pad(x=[[[1, 2, 3]]]")


def test_what_is_not_documented_is_reported() -> None:
    """A student's file is not held to what it does not say."""
    found = chosen("reflection", tried(Adapter(chooses={})))
    assert (found["found"], found["documented"]) == ("without the edge", "")


def test_what_is_no_answer_is_reported_with_its_numbers() -> None:
    """A choice that nobody has thought of is printed."""
    odd = Adapter(pad=lambda x, **_: np.zeros((1, 1, 2)), chooses={})
    assert chosen("reflection", tried(odd))["found"] == "something else: [0.0, 0.0]"


def test_a_device_may_have_its_own_entry() -> None:
    """An entry for one device comes before that for all."""
    choices = {"subnormal numbers": ("kept", ""), "subnormal numbers on cpu": ("flushed", "https://example.org")}
    with pytest.raises(NotAsDocumented):
        chosen("subnormal numbers", tried(Adapter(chooses=choices), fmt=FLOAT32))


def test_the_bare_function_is_asked() -> None:
    """Where an adapter has to choose for a framework, the framework's own function is asked."""
    bare = {"gelu": functools.partial(reference.gelu, approximate="tanh")}
    assert chosen("GELU", tried(Adapter(bare=bare, chooses={})))["found"] == "tanh"
    assert chosen("GELU", tried(Adapter(chooses={})))["found"] == "erf"


def test_a_new_question_is_a_few_lines() -> None:
    """A convention of any primitive needs its name, its answers and one call."""

    @convention("CHOICE-0", "step at 0", "relu", {"0": (0,), "1": (1,)})
    def test_step(f: Asked) -> Any:
        """What relu gives at 0."""
        return f.relu(x=[0])

    tally = agreement.start()
    test_step(tried(Adapter(chooses={})))
    assert tally.choice == {"convention": "step at 0", "found": "0", "documented": "", "where": ""}
    with pytest.raises(NotOffered):
        test_step(tried(type("Nothing", (), {})()))
