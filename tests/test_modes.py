"""The lane MODES: every way to run a backend computes the same."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from adapters.backend import Backend, NotOffered, backends
from adapters.loading import load
from conformance.checks import lanes
from properties import trial
from reference.arithmetic import FLOAT32
from tests.lanes import ran


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run at the default depth; the search for the smallest input has tests of its own."""
    monkeypatch.setattr(trial, "_run", trial._Run())
    monkeypatch.setattr(trial, "minimised", lambda problems, fails, failure: failure)


class Two:
    """softmax of NumPy in float32, in several modes."""

    formats = ("float32",)

    def __init__(self, **modes: Callable[[Any], Any] | None) -> None:
        self.modes = {"plain": None, **modes}

    @staticmethod
    def softmax(x: Any, *, axis: int = -1) -> Any:
        e = np.exp(x - x.max(axis=axis, keepdims=True, initial=-np.inf))
        return e / e.sum(axis=axis, keepdims=True)


def backend_of(adapter: Any) -> Backend:
    (backend,) = backends(adapter, "two")
    return backend


def in_float16(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrong: a fast path in less precision."""
    return lambda x, **options: function(x.astype(np.float16), **options).astype(np.float32)


def refuses(function: Callable[..., Any]) -> Callable[..., Any]:
    raise NotImplementedError("needs a compiler: https://example.org")


def test_a_wrong_mode_fails_and_is_named() -> None:
    """Values are tried in the default mode, so this lane alone sees it."""
    backend = backend_of(Two(fast=in_float16))
    assert ran("VALUES", "softmax", backend)[0] is None
    found, _ = ran("MODES", "softmax", backend)
    assert found is not None
    assert str(found).startswith("mode fast: y[")


def test_a_right_mode_passes() -> None:
    """A decorator that changes nothing is right."""
    found, tally = ran("MODES", "softmax", backend_of(Two(same=lambda f: f)))
    assert found is None
    assert tally.draws > 0


def test_a_mode_that_cannot_run_is_not_offered() -> None:
    """With its reason; but it does not hide that another is wrong, and the reason stays where another is right."""
    with pytest.raises(NotOffered, match="mode slow: needs a compiler"):
        ran("MODES", "softmax", backend_of(Two(slow=refuses)))
    assert ran("MODES", "softmax", backend_of(Two(slow=refuses, fast=in_float16)))[0] is not None
    found, tally = ran("MODES", "softmax", backend_of(Two(slow=refuses, same=lambda f: f)))
    assert found is None
    assert tally.reasons == {"mode slow: needs a compiler: https://example.org"}


def test_when_modes_are_tried() -> None:
    """Of backends with more than one, not at smoke, and in float32 until a run is deep."""
    function = lanes()["MODES softmax"].func  # type: ignore[attr-defined]  # a partial
    (check,) = (check for check in function.cases.values() if check.primitive == "softmax")
    several, one = backend_of(Two(same=lambda f: f)), backend_of(Two())
    formats = ["float64", "float32"]
    for depth, tried in (("smoke", False), ("default", True), ("deep", True)):
        trial.configure(depth, 0)
        assert trial.is_tried(check, several, formats) is tried
        assert not trial.is_tried(check, one, formats)


def test_torch_compiles() -> None:
    """The compiled mode is another program, and conforms; without a compiler it is not offered, which is said."""
    pytest.importorskip("torch")
    name, adapter = load("torch")
    (backend,) = (b for b in backends(adapter, name) if b.format is FLOAT32 and b.device == "cpu")
    if shutil.which("g++") is None and shutil.which("clang++") is None:
        with pytest.raises(NotOffered, match=r"needs a C\+\+ compiler"):
            ran("MODES", "relu", backend)
        return
    found, tally = ran("MODES", "relu", backend)
    assert found is None
    assert tally.draws > 0


def test_without_a_compiler_torch_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without g++ is told what is missing, not that something is wrong."""
    pytest.importorskip("torch")
    from torch._inductor import cpp_builder
    from torch._inductor.exc import InvalidCxxCompiler

    def missing() -> str:
        raise InvalidCxxCompiler

    adapter = load("torch")[1]
    monkeypatch.setattr(cpp_builder, "get_cpp_compiler", missing)
    with pytest.raises(NotImplementedError, match="needs a C\\+\\+ compiler"):
        adapter.compiled(adapter.relu)
