"""The lane PURE: nothing is left behind, and nothing that was there before matters."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from adapters.backend import backends
from adapters.loading import AdapterError, check_updates, load
from conformance.cases import CASES
from conformance.checks import lanes
from conformance.mutants import MUTANTS, Adapter, Mutant, tried
from conformance.plugin import describe
from properties import trial
from properties.agreement import MutatedInput, NotDeterministic
from reference import batch_norm
from reference.arithmetic import FLOAT32
from tests.lanes import mutants_of, ran


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run at the default depth; the search for the smallest input has tests of its own."""
    monkeypatch.setattr(trial, "_run", trial._Run())
    monkeypatch.setattr(trial, "minimised", lambda problems, fails, failure: failure)


@pytest.mark.parametrize("mutant", mutants_of("PURE"), ids=lambda mutant: mutant.id)
def test_it_rejects_its_mutants(mutant: Mutant) -> None:
    """Values see nothing of what is left behind or changes by a bit; this lane does, and says which array."""
    assert ran("VALUES", mutant.primitive, mutant.backend())[0] is None
    found, _ = ran("PURE", mutant.primitive, mutant.backend())
    assert isinstance(found, MutatedInput | NotDeterministic)
    assert found.draw is not None
    assert found.output in str(found)


def test_the_failure_says_what_happened() -> None:
    """The first element that changed, in which array, from what to what."""
    found, _ = ran("PURE", "relu", MUTANTS["relu: in_place"].backend())
    assert found is not None
    x = found.draw.x[found.index]
    assert str(found) == (
        f"x[{', '.join(map(str, found.index or ()))}] after the call is 0.0, before it {float(x)!r}: not the same bits"
    )


def updating(**results: Any) -> Any:
    """A batch norm that updates its statistics in place, with some results replaced."""

    def function(x: Any, m: Any, v: Any, weight: Any = None, bias: Any = None, **options: Any) -> Any:
        y, mean, var = batch_norm(x, m, v, weight, bias, **options)
        m[:], v[:] = results.get("mean", mean), results.get("var", var)
        return y, mean, var

    return SimpleNamespace(batch_norm=function, in_place={"batch_norm": ("running_mean", "running_var")})


def test_what_is_documented_to_be_updated_holds_the_result() -> None:
    """An update that the adapter documents is no mutation, but it must be the right one."""
    assert ran("PURE", "batch_norm", tried(updating()))[0] is None
    found, _ = ran("PURE", "batch_norm", tried(updating(var=np.nan)))
    assert isinstance(found, MutatedInput)
    assert found.output == "running_var"


def test_every_row_is_tried() -> None:
    """Every primitive has the check, and it judges draws of the reference and passes."""
    trial.configure("smoke", 3)
    for case in CASES:
        found, tally = ran("PURE", case.primitive, tried(Adapter(), "reference"))
        assert found is None
        assert tally.draws > 0
    assert sum(id.startswith("PURE ") for id in lanes()) == len(CASES)


def test_torch_updates_running_statistics_in_place() -> None:
    """The convention holds in PyTorch, and without it the check would fail."""
    pytest.importorskip("torch")
    name, adapter = load("torch")
    (backend,) = (b for b in backends(adapter, name) if b.format is FLOAT32 and b.device == "cpu")
    assert ran("PURE", "batch_norm", backend)[0] is None
    silent = SimpleNamespace(put=adapter.put, get=adapter.get, batch_norm=adapter.batch_norm)
    assert isinstance(ran("PURE", "batch_norm", tried(silent, fmt=FLOAT32))[0], MutatedInput)


@pytest.mark.parametrize("names", [{"batch_norm": ("mean",)}, {"batchnorm": ("running_mean",)}])
def test_an_update_of_nothing_is_a_mistake_of_the_adapter(names: Any) -> None:
    """A name that the reference does not have would excuse nothing; it is refused in one paragraph."""
    with pytest.raises(AdapterError, match=r"updates .* in place, which the reference does not have"):
        check_updates("mine", SimpleNamespace(in_place=names))


def test_updates_are_printed_with_the_conventions() -> None:
    """The report says what a backend changes."""
    described = describe(tried(updating()))
    assert described["conventions"] == {"batch_norm": {"updated in place": "running_mean and running_var"}}
