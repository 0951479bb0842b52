"""The lane LAYOUT: where numbers lie in memory changes nothing."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from adapters import layouts
from adapters.loading import load
from conformance.mutants import Adapter, Mutant, tried
from properties import trial
from reference import softmax
from reference.arithmetic import FLOAT32, FORMATS
from tests.lanes import Rounded, mutants_of, ran

SHAPES = ((), (1,), (3,), (2, 3), (2, 3, 4), (2, 3, 4, 5), (2, 1, 3, 1, 2), (0, 2), (2, 0, 3, 1))


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run at the default depth; the search for the smallest input has tests of its own."""
    monkeypatch.setattr(trial, "_run", trial._Run())
    monkeypatch.setattr(trial, "minimised", lambda problems, fails, failure: failure)


@pytest.mark.parametrize("mutant", mutants_of("LAYOUT"), ids=lambda mutant: mutant.id)
def test_it_rejects_its_mutants(mutant: Mutant) -> None:
    """Values see fresh arrays only; this lane sees the mistake, and says in which layout."""
    assert ran("VALUES", mutant.primitive, mutant.backend())[0] is None
    found, _ = ran("LAYOUT", mutant.primitive, mutant.backend())
    assert found is not None
    assert any(str(found).startswith(f"inputs {name}: ") for name in layouts.VIEWS)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, FORMATS["bfloat16"].dtype, bool])
@pytest.mark.parametrize("name", layouts.VIEWS)
def test_a_view_has_the_same_numbers(name: str, dtype: Any, shape: tuple[int, ...]) -> None:
    """Shape, type and bits stay."""
    x = (np.arange(np.prod(shape, dtype=int)) % 3).reshape(shape).astype(dtype)
    y = layouts.VIEWS[name](x.copy())
    assert (y.shape, y.dtype) == (x.shape, x.dtype)
    assert np.array_equal(x, y)


def test_views_lie_as_their_names_say() -> None:
    """In a (2, 3, 4) array of bytes: the strides, and where the numbers begin."""
    x = np.ones((2, 3, 4), np.float32)
    strides = {name: tuple(s // 4 for s in view(x.copy()).strides) for name, view in layouts.VIEWS.items()}
    assert strides == {
        "every second element": (96, 16, 2),
        "transposed": (1, 2, 6),
        "reversed": (-12, -4, -1),
        "channels last": (12, 1, 3),
        "from the second element": (12, 4, 1),
    }
    y = layouts.from_the_second_element(x)
    assert (y.ctypes.data - y.base.ctypes.data) == 4


def test_what_lies_between_the_numbers_is_nan() -> None:
    """A backend that reads it shows it."""
    base = layouts.every_second_element(np.ones((2, 2))).base
    assert np.count_nonzero(np.isnan(base)) == 12


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_layouts_of_torch(shape: tuple[int, ...]) -> None:
    """Its own layouts have the same numbers, and are what they are called where there is something to tell apart."""
    torch = pytest.importorskip("torch")
    adapter: ModuleType = load("torch")[1]
    x = torch.arange(int(np.prod(shape))).reshape(shape).float()
    for dtype in (torch.float64, torch.bfloat16, torch.bool):
        for layout in adapter.layouts.values():
            y = layout(x.to(dtype))
            assert (y.shape, y.dtype) == (x.shape, dtype)
            assert torch.equal(y, x.to(dtype))
    if shape == (2, 3, 4, 5):
        assert adapter.channels_last(x).is_contiguous(memory_format=torch.channels_last)
        assert adapter.transposed(x).stride() == (1, 2, 6, 24)
        assert adapter.every_second_element(x).stride() == (960, 160, 20, 2)
        assert adapter.from_the_second_element(x).storage_offset() == 1


def test_a_boundary_gets_views_and_an_adapter_with_layouts_its_own() -> None:
    """Without layouts the boundary gets views of NumPy; with them it gets contiguous arrays, and they are used."""
    seen: list[Any] = []

    class Boxed(Rounded):
        @staticmethod
        def put(x: Any, device: str) -> list[Any]:
            seen.append(x.flags.c_contiguous)
            return [x]

        @staticmethod
        def softmax(x: list[Any], *, axis: int = -1) -> list[Any]:
            seen.append(len(x))
            return [softmax(x[0], axis=axis)]

    x = np.ones((2, 3), np.float32)
    tried(Boxed(), fmt=FLOAT32).call("softmax", [x], {}, layout="transposed")
    own = {"twice": lambda box: box * 2}
    tried(Boxed(layouts=own), fmt=FLOAT32).call("softmax", [x], {}, layout="twice")
    assert seen == [False, 1, True, 2]
    assert list(tried(Boxed(layouts=own)).layouts) == ["twice"]


def test_the_reference_passes() -> None:
    """A definition knows nothing of memory."""
    trial.configure("smoke", 5)
    for primitive in ("pad", "convolution", "max_pool", "batch_norm", "dropout", "scaled_dot_product_attention"):
        found, tally = ran("LAYOUT", primitive, tried(Adapter(), "reference"))
        assert found is None
        assert tally.draws > 0
