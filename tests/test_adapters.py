"""Adapters: what crosses the boundary, how a backend is called, how adapters are found, and what errors say."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import math
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import reference
from adapters import backend as calls
from adapters import loading
from adapters.backend import Backend, BackendError, NotOffered, backends, is_within, reference_defaults
from adapters.deviations import Deviation, Example
from adapters.loading import AdapterError, installed, load
from conformance.mutants import Adapter, tried
from properties.agreement import agree
from properties.sides import bounded
from reference import softmax
from reference.arithmetic import FLOAT32, FLOAT64, FORMATS, Format, default_arithmetic

ROOT = Path(__file__).parent.parent
FRAMEWORKS = ("torch", "jax")
inf, nan = math.inf, math.nan


def framework(name: str) -> Any:
    """A shipped adapter, or a skip if its framework is not installed."""
    pytest.importorskip(name)
    return load(name)[1]


def bits(x: Any) -> Any:
    """The bit patterns of an array."""
    return np.ascontiguousarray(x).reshape(np.shape(x)).view(f"u{x.dtype.itemsize}")


# -- the boundary --------------------------------------------------------------------------------------


def special(fmt: Format) -> Any:
    """The numbers at which a conversion can go wrong."""
    edges = [0.0, 1.0, fmt.largest, fmt.smallest_normal, fmt.smallest_subnormal, 3 * fmt.smallest_subnormal, inf]
    return np.array([*edges, *[-x for x in edges], nan, 1 + 2 * fmt.u], np.float64).astype(fmt.dtype)


def arrays(fmt: Format) -> dict[str, Any]:
    """Arrays with every memory layout that NumPy has."""
    x = np.resize(special(fmt), (4, 6))
    readonly = x.copy()
    readonly.flags.writeable = False
    return {
        "special": special(fmt),
        "0-d": x[0, 1].reshape(()),
        "empty": x[:0],
        "empty inside": x[:, :0],
        "one": x[:1, :1],
        "reversed": x[::-1, ::-1],
        "transposed": x.T,
        "strided": x[::2, 1::3],
        "broadcast": np.broadcast_to(x[:1], (3, 6)),
        "read-only": readonly,
        "three axes": np.moveaxis(x.reshape(2, 2, 6), 0, -1),
        "unaligned": np.frombuffer(b"\0" + x.tobytes(), np.uint8)[1:].view(fmt.dtype).reshape(x.shape),
    }


@pytest.mark.parametrize("fmt", FORMATS.values(), ids=repr)
@pytest.mark.parametrize("name", FRAMEWORKS)
def test_every_bit_survives_the_boundary(name: str, fmt: Format) -> None:
    """put then get gives the array: its shape, its type, and every bit, whatever its layout."""
    adapter = framework(name)
    for layout, x in arrays(fmt).items():
        y = adapter.get(adapter.put(x, "cpu"))
        assert (y.shape, y.dtype) == (x.shape, x.dtype), layout
        assert np.array_equal(bits(y), bits(x)), layout


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_native_arrays_are_native(name: str) -> None:
    """What a primitive is given is an array of the framework in the format, not one of NumPy."""
    adapter = framework(name)
    for fmt in FORMATS.values():
        native = adapter.put(special(fmt), "cpu")
        assert type(native).__module__.split(".")[0] in (name, "jaxlib")
        assert fmt.name in str(native.dtype)


@pytest.mark.parametrize("name", FRAMEWORKS)
@pytest.mark.parametrize("fmt", FORMATS.values(), ids=repr)
def test_a_call_returns_arrays_of_the_format(name: str, fmt: Format) -> None:
    """Through the whole of Backend.call, a primitive keeps shape and type, in every layout."""
    backend = Backend(framework(name), name, "1", "cpu", fmt, "eager")
    for layout, x in arrays(fmt).items():
        if x.ndim < 2:
            continue
        (y,) = backend.call("pad", [x[None]], {"padding": [(0, 0)] * (x.ndim - 1), "mode": "constant"})
        assert (y.shape, y.dtype) == ((1, *x.shape), fmt.dtype), layout


# -- devices -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("available", [False, True])
def test_torch_lists_cuda_where_it_is(monkeypatch: pytest.MonkeyPatch, available: bool) -> None:
    """The GPU is a device of its own, with a backend for every format."""
    adapter = framework("torch")
    monkeypatch.setattr(sys.modules["torch"].cuda, "is_available", lambda: available)
    ids = {backend.id for backend in backends(adapter, "torch")}
    devices = ["cpu", "cuda"] if available else ["cpu"]
    assert ids == {f"torch-{device}-{fmt}-eager" for device in devices for fmt in FORMATS}


@pytest.mark.parametrize("platforms, devices", [((), {"cpu"}), (("gpu",), {"cpu", "cuda"}), (("tpu",), {"cpu", "tpu"})])
def test_jax_lists_what_it_sees(monkeypatch: pytest.MonkeyPatch, platforms: tuple[str, ...], devices: set[str]) -> None:
    """JAX's "gpu" is called cuda as in torch, and its CPU is always there, even when a GPU is the default."""
    adapter = framework("jax")
    found = [types.SimpleNamespace(platform=platform) for platform in platforms]
    monkeypatch.setattr(sys.modules["jax"], "devices", lambda *args: found)
    tried = backends(adapter, "jax")
    assert {backend.device for backend in tried} == devices
    assert {backend.id for backend in tried if backend.device == "cpu"} == {f"jax-cpu-{f}-compiled" for f in FORMATS}


def test_an_adapter_says_as_little_as_it_likes() -> None:
    """Without devices, formats, modes and versions it is tried on the CPU in float64, eagerly."""
    (backend,) = backends(types.SimpleNamespace(softmax=softmax), "mine")
    assert (backend.id, backend.version) == ("mine-cpu-float64-eager", "unknown")


def test_every_device_and_format_is_a_backend() -> None:
    """The product of both, in the first of the modes, with the first of the versions."""
    adapter = Adapter(
        devices=lambda: ["cpu", "npu"],
        formats=("float16", "bfloat16"),
        modes={"fast": None, "slow": None},
        versions=lambda: {"mine": "3.1", "other": "9"},
    )
    tried = backends(adapter, "mine")
    assert [b.id for b in tried] == [
        f"mine-{device}-{fmt}-fast" for device in ("cpu", "npu") for fmt in ("float16", "bfloat16")
    ]
    assert {b.version for b in tried} == {"3.1"}


# -- Backend.call --------------------------------------------------------------------------------------

X = np.array([[0.0, 1.0], [2.0, 4.0]])


class Spy:
    """A function that notes how it is called."""

    def __init__(self) -> None:
        self.seen: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def convolution(self, x: Any, w: Any, bias: Any = None, **options: Any) -> Any:
        self.seen.append(((x, w, bias), options))
        return x


@pytest.mark.parametrize("primitive", reference.PRIMITIVES)
def test_options_at_their_default_are_not_passed(primitive: str) -> None:
    """A function without options is tried on every problem whose options are the defaults."""
    seen: list[dict[str, Any]] = []

    def function(*arrays: Any, **options: Any) -> Any:
        seen.append(options)
        return X

    defaults = reference_defaults(primitive)
    tried(Adapter(**{primitive: function})).call(primitive, [X], defaults)
    assert seen == [{}]
    assert set(defaults) <= set(inspect.unwrap(reference.PRIMITIVES[primitive]).__kwdefaults__ or {})


def test_other_options_are_passed() -> None:
    """An option that is not at its default goes by keyword, in its own type."""
    spy = Spy()
    tried(spy).call("convolution", [X, X], {"stride": (2, 1), "groups": 1, "padding": "same"})
    ((_, options),) = spy.seen
    assert options == {"stride": (2, 1), "padding": "same"}


@pytest.mark.parametrize("value, default", [(True, 1), (1.0, 1), (0.0, 0), (False, 0)])
def test_a_value_that_equals_the_default_counts_as_the_default(value: Any, default: int) -> None:
    """1.0 and True are the default 1."""
    spy = Spy()
    name = "groups" if default else "padding"
    tried(spy).call("convolution", [X, X], {name: value})
    assert spy.seen[0][1] == {}


def test_an_unknown_option_is_not_offered() -> None:
    """A function that lacks a keyword does not offer the problems that need it, and is not called."""

    def function(x: Any) -> Any:
        raise AssertionError

    with pytest.raises(NotOffered, match="its softmax has no option axis"):
        tried(Adapter(softmax=function)).call("softmax", [X], {"axis": 0})


def test_more_arrays_than_parameters_are_not_offered() -> None:
    """A convolution without a bias offers the problems without one."""

    def function(x: Any, w: Any, *, stride: Any = 1) -> Any:
        return x

    backend = tried(Adapter(convolution=function))
    assert backend.call("convolution", [X, X, None], {})
    with pytest.raises(NotOffered, match="its convolution takes 2 arrays, not 3"):
        backend.call("convolution", [X, X, X[0]], {})


def test_none_is_dropped_at_the_end_only() -> None:
    """A missing weight before a given bias stays in its place."""
    seen: list[int] = []

    def function(*arrays: Any, **options: Any) -> Any:
        seen.append([x is None for x in arrays])
        return X

    backend = tried(Adapter(batch_norm=function))
    backend.call("batch_norm", [X, X, X, None, None], {})
    backend.call("batch_norm", [X, X, X, None, X], {})
    assert seen == [[False] * 3, [False, False, False, True, False]]


def test_a_refusal_is_not_offered_with_its_text() -> None:
    """NotImplementedError says why."""

    def function(x: Any) -> Any:
        raise NotImplementedError("see the manual")

    with pytest.raises(NotOffered, match=r"^see the manual$"):
        tried(Adapter(softmax=function)).call("softmax", [X], {})


@pytest.mark.parametrize("error", [ValueError("bad"), AssertionError("bad"), SystemExit("bad"), RecursionError("bad")])
def test_whatever_else_is_raised_is_the_backends_error(error: BaseException) -> None:
    """The type and the text are kept, and the cause; even sys.exit() ends only the call."""

    def function(x: Any) -> Any:
        raise error

    with pytest.raises(BackendError, match=f"^{type(error).__name__}: bad$") as caught:
        tried(Adapter(softmax=function)).call("softmax", [X], {})
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("result", [[np.zeros(2), np.zeros(3)], "no", {"y": 1}, (np.zeros(2), [1.0])])
def test_what_is_no_array_is_an_error_of_the_backend(result: Any) -> None:
    """A list, a text: the judge is not asked to make an array of it. Python's own numbers it judges."""
    with pytest.raises(BackendError, match=r"^TypeError: a result is a (list|str|dict), not an array$"):
        tried(types.SimpleNamespace(relu=lambda x: result)).call("relu", [np.zeros(2)], {})
    assert tried(types.SimpleNamespace(relu=lambda x: 1.0)).call("relu", [np.zeros(2)], {}) == (1.0,)


def test_an_interrupt_is_the_users() -> None:
    """Ctrl-C during a call is no error of the backend."""

    def function(x: Any) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tried(Adapter(softmax=function)).call("softmax", [X], {})


def test_what_a_backend_writes_into_its_input_stays_its_own_affair() -> None:
    """It gets copies, writable ones, even of read-only arrays."""

    def function(x: Any) -> Any:
        x[...] = 7
        return x

    given = X.copy()
    given.flags.writeable = False
    (y,) = tried(Adapter(softmax=function)).call("softmax", [given], {})
    assert (y == 7).all()
    assert np.array_equal(given, X)


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_the_statistics_of_a_framework_are_copies(name: str) -> None:
    """torch updates running statistics in place: the problem keeps its own."""
    backend = Backend(framework(name), name, "1", "cpu", FLOAT64, "eager")
    mean, var = np.zeros(2), np.ones(2)
    _, new_mean, _ = backend.call("batch_norm", [X, mean, var], {"training": True})
    assert (mean == 0).all()
    assert (var == 1).all()
    assert (new_mean != 0).all()


def test_results_are_a_tuple_of_arrays() -> None:
    """One result is a tuple of one; get is applied to each array and to no integer."""
    adapter = Adapter(softmax=lambda x: (x, x + 1), pad=lambda x, *, padding: x, output_size=lambda size, kernel: 3)
    vars(adapter)["get"] = lambda y: y * 2
    backend = tried(adapter)
    assert [y.tolist() for y in backend.call("softmax", [X], {})] == [(2 * X).tolist(), (2 * X + 2).tolist()]
    assert [y.tolist() for y in backend.call("pad", [X], {"padding": []})] == [(2 * X).tolist()]
    assert backend.call("output_size", [5, 3], {}) == (3,)


def test_put_and_get_are_called_with_the_device() -> None:
    """put gets each array and the device; integers and None pass as they are."""
    seen: list[tuple[Any, str]] = []

    def put(x: Any, device: str) -> Any:
        seen.append((x.tolist(), device))
        return x

    spy = Spy()
    adapter = Adapter(convolution=spy.convolution, put=put)
    Backend(adapter, "mine", "1", "npu", FLOAT64, "eager").call("convolution", [X, X], {})
    assert seen == [(X.tolist(), "npu")] * 2


def test_an_error_at_the_boundary_is_the_backends() -> None:
    """A result that get cannot read is an error of the backend."""

    def get(y: Any) -> Any:
        raise TypeError("no array")

    with pytest.raises(BackendError, match="TypeError: no array"):
        tried(Adapter(get=get)).call("softmax", [X], {})


def test_warnings_are_recorded_and_not_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each text is kept once, with the backend and the primitive; the result counts."""
    monkeypatch.setattr(calls, "warned", set())

    def function(x: Any) -> Any:
        import warnings

        warnings.warn("old", DeprecationWarning, stacklevel=1)
        return x

    backend = tried(Adapter(softmax=function), "mine")
    for _ in range(2):
        assert backend.call("softmax", [X], {})
    assert calls.warned == {(backend.id, "softmax", "old")}


def test_observers_see_a_call_before_it_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every observer gets the backend, the primitive, the arrays and all options, first of all."""
    order: list[Any] = []
    monkeypatch.setattr(calls, "observers", [lambda *call: order.append(call), lambda *call: order.append("second")])

    def function(x: Any, *, axis: int = -1) -> Any:
        order.append("called")
        raise ValueError

    backend = tried(Adapter(softmax=function))
    with pytest.raises(BackendError):
        backend.call("softmax", [X], {"axis": -1})
    (seen, call), *rest = order
    assert (seen, call.primitive, call.options, rest) == (backend, "softmax", {"axis": -1}, ["second", "called"])
    assert call.arrays[0] is X
    assert (call.results, call.error) == (None, "ValueError: ")


def test_a_mode_decorates_the_function() -> None:
    """The mode's decorator is applied once for a function, not once for a call."""
    applied: list[str] = []

    def twice(function: Callable[..., Any]) -> Callable[..., Any]:
        applied.append("once")
        return lambda *arrays, **options: 2 * function(*arrays, **options)

    adapter = Adapter(softmax=lambda x: x, modes={"plain": None, "double": twice})
    for mode, factor in (("double", 2), ("double", 2), ("plain", 1)):
        (y,) = Backend(adapter, "mine", "1", "cpu", FLOAT64, mode).call("softmax", [X], {})
        assert (y == factor * X).all()
    assert applied == ["once"]


@pytest.mark.parametrize("make", [types.SimpleNamespace, Adapter], ids=["namespace", "object"])
def test_any_object_with_attributes_is_an_adapter(make: Any) -> None:
    """A namespace is one too, though it has no hash."""
    (y,) = tried(make(softmax=softmax)).call("softmax", [X], {"axis": 0})
    assert np.array_equal(y, softmax(X, axis=0))


def test_claims_and_conventions_have_defaults() -> None:
    """Without claims the default arithmetic of the format holds, and every convention is the reference's."""
    backend = tried(Adapter(), fmt=FLOAT32)
    assert backend.arithmetic("softmax") == default_arithmetic(FLOAT32)
    assert backend.conventions("batch_norm") == {}


def test_claims_and_conventions_are_asked_for_by_primitive() -> None:
    """The adapter decides for each primitive, device and format; what is handed out is a copy."""
    claim = default_arithmetic(FLOAT32, flushes_inputs=True)
    choices = {"batch_norm": {"unbiased": False}}
    adapter = Adapter(
        arithmetic=lambda *asked: claim if asked == ("softmax", "cpu", FLOAT32) else None, conventions=choices
    )
    backend = tried(adapter, fmt=FLOAT32)
    assert backend.arithmetic("softmax") is claim
    assert backend.arithmetic("pad") is None
    backend.conventions("batch_norm")["eps"] = 1
    assert backend.conventions("batch_norm") == {"unbiased": False}
    assert backend.conventions("softmax") == {}


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_shipped_conventions_are_options_of_the_reference(name: str) -> None:
    """A convention that the reference does not have would go unnoticed."""
    for primitive, choices in getattr(framework(name), "conventions", {}).items():
        assert set(choices) <= set(reference_defaults(primitive))


def test_offers_and_rest() -> None:
    """A backend offers what its adapter can call, and lets it rest if it wants to."""
    rested: list[int] = []
    backend = tried(Adapter(pad=None, rest=lambda: rested.append(1)))
    assert backend.offers("softmax")
    assert not backend.offers("pad")
    backend.rest()
    tried(Adapter()).rest()
    assert rested == [1]


# -- deviations ----------------------------------------------------------------------------------------


def entry(**fields: Any) -> Deviation:
    defaults: dict[str, Any] = {"check": "C", "region": bool, "example": Example({}), "reason": "r", "link": "l"}
    return Deviation(**defaults | fields)


@pytest.mark.parametrize(
    "fields, applies",
    [
        ({}, True),
        ({"check": "D"}, False),
        ({"formats": ("float32", "float64")}, True),
        ({"formats": ("float16",)}, False),
        ({"devices": ("cpu",)}, True),
        ({"devices": ("cuda",)}, False),
        ({"versions": ">=2.0,<2.14"}, True),
        ({"versions": ">=2.14"}, False),
        ({"versions": ">=2.0", "devices": ("cuda",)}, False),
    ],
    ids=str,
)
def test_entries_apply_by_check_format_device_and_version(fields: dict[str, Any], applies: bool) -> None:
    """All of an entry's conditions must hold; one that is not stated holds."""
    backend = tried(Adapter(deviations=[entry(**fields)]), version="2.13.0+cpu")
    assert bool(backend.deviations("C")) is applies


@pytest.mark.parametrize(
    "version, specifier, within",
    [
        ("2.13.0", "", True),
        ("unknown", "", True),
        ("unknown", ">=0", False),
        ("sha256:12ab", "<99", False),
        ("2.13.0", ">=2.0,<2.14", True),
        ("2.14.0", ">=2.0,<2.14", False),
        ("2.14.0a0+git12", "<2.14", False),
        ("2.14.0rc1", ">=2.13", True),
        ("2.13.0+cu126", "==2.13.0", True),
    ],
)
def test_versions_are_compared_as_packages_are(version: str, specifier: str, within: bool) -> None:
    """Local parts and pre-releases are understood; what is no version is in no range."""
    assert is_within(version, specifier) is within


# -- loading -------------------------------------------------------------------------------------------

SOFTMAX = """import numpy as np
def softmax(x, *, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)
"""


@pytest.fixture
def clean() -> Iterator[None]:
    """Leave sys.path and sys.modules as they were."""
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


@pytest.mark.usefixtures("clean")
def test_a_file_of_functions_is_an_adapter(tmp_path: Path) -> None:
    """Its name is the stem, its version the hash of its text, and it answers a call."""
    file = tmp_path / "homework.py"
    file.write_text(SOFTMAX)
    name, adapter = load(str(file))
    (backend,) = backends(adapter, name)
    assert backend.id == "homework-cpu-float64-eager"
    assert backend.version.startswith("sha256:")
    assert np.array_equal(backend.call("softmax", [X], {"axis": 0})[0], softmax(X, axis=0))
    file.write_text(SOFTMAX + "\n")
    assert backends(load(str(file))[1], name)[0].version != backend.version


@pytest.mark.usefixtures("clean")
def test_a_file_may_state_its_version(tmp_path: Path) -> None:
    """versions() of the file wins."""
    file = tmp_path / "mine.py"
    file.write_text(SOFTMAX + "def versions():\n    return {'mine': '1.2'}\n")
    assert backends(load(str(file))[1], "mine")[0].version == "1.2"


def test_a_file_called_torch_does_not_shadow_torch(tmp_path: Path) -> None:
    """The folder of a file is searched last, and the file has a private name: torch.py and numpy.py do no harm."""
    for name in ("torch", "jax", "random"):
        (tmp_path / f"{name}.py").write_text(SOFTMAX)
    code = f"""
import importlib.util, random, sys
from pathlib import Path
from adapters.loading import load
before = importlib.util.find_spec("torch")
name, adapter = load({str(tmp_path / "torch.py")!r})
assert name == "torch" and Path(adapter.__file__).parent == Path({str(tmp_path)!r})
assert sys.path[-1] == {str(tmp_path)!r} and "torch" not in sys.modules
assert random.random
print(before is None or importlib.util.find_spec("torch").origin == before.origin)
"""
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (run.returncode, run.stdout.strip()) == (0, "True"), run.stderr


@pytest.mark.usefixtures("clean")
def test_a_file_may_import_its_neighbours(tmp_path: Path) -> None:
    """A module beside it is found; its folder is the last of sys.path, and is there once."""
    (tmp_path / "etalon_neighbour.py").write_text(SOFTMAX)
    file = tmp_path / "mine.py"
    file.write_text("from etalon_neighbour import softmax\n")
    for _ in range(2):
        assert load(str(file))[1].softmax(X).shape == X.shape
    assert sys.path[-1] == str(tmp_path)
    assert sys.path.count(str(tmp_path)) == 1


@pytest.mark.usefixtures("clean")
def test_a_file_is_a_module_like_any_other(tmp_path: Path) -> None:
    """Dataclasses and pickles look a module up by its name, so it must be there while it runs."""
    file = tmp_path / "mine.py"
    head = "from __future__ import annotations\nimport dataclasses\n@dataclasses.dataclass\nclass A:\n    x: int = 0\n"
    file.write_text(head + SOFTMAX)
    assert load(str(file))[1].A().x == 0


@pytest.mark.usefixtures("clean")
def test_a_module_is_loaded_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """package.module, and a module alone, are imported."""
    package = tmp_path / "etalon_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "backend.py").write_text(SOFTMAX)
    (tmp_path / "etalon_module.py").write_text(SOFTMAX)
    monkeypatch.syspath_prepend(str(tmp_path))
    for spec in ("etalon_package.backend", "etalon_module"):
        name, adapter = load(spec)
        assert (name, adapter.__name__) == (spec, spec)


@pytest.mark.usefixtures("clean")
def test_an_installed_entry_point_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution that declares an adapter is listed without an import, and loaded by its name."""
    (tmp_path / "etalon_plugin.py").write_text(SOFTMAX)
    info = tmp_path / "etalon_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: etalon-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{loading.ENTRY_POINTS}]\nmine = etalon_plugin\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    assert installed()[-1] == "mine"
    assert "etalon_plugin" not in sys.modules
    assert load("mine")[1].__name__ == "etalon_plugin"


def test_what_is_installed_is_known_without_an_import() -> None:
    """The reference is always there; frameworks are looked up, not imported."""
    code = (
        "import sys; from adapters.loading import installed; print(installed()[0], {'torch', 'jax'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "reference set()"


def test_a_framework_that_is_missing_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shipped adapter without its framework names the package and the extra."""
    monkeypatch.setitem(loading.SHIPPED, "torch", "etalon_no_such_package")
    assert "torch" not in installed()
    message = refused("torch")
    assert "needs the package etalon_no_such_package" in message
    assert "'.[torch]'" in message


def refused(spec: str) -> str:
    """The message of an AdapterError: one paragraph, no traceback."""
    with pytest.raises(AdapterError) as caught:
        load(spec)
    message = str(caught.value)
    assert "\n" not in message
    assert "Traceback" not in message
    return message


@pytest.mark.parametrize("spec", ["etalon_nothing", "", "  "])
def test_an_unknown_name_is_answered_with_what_there_is(spec: str) -> None:
    """The message lists the shipped adapters and says what else may stand there."""
    message = refused(spec)
    assert "reference, torch, jax" in message
    assert "./homework.py" in message


@pytest.mark.parametrize("spec", ["./nothing.py", "nothing.py", "some/folder", "/"])
def test_a_file_that_is_not_there_is_named(spec: str) -> None:
    """A path that leads to no file says so."""
    assert f"There is no file {Path(spec)}" in refused(spec)


@pytest.mark.usefixtures("clean")
def test_a_module_that_is_not_there_is_named() -> None:
    """package.module without the package."""
    assert "No module named 'etalon_nothing'" in refused("etalon_nothing.module")


BROKEN = {
    "def softmax(x:\n    return x\n": ("SyntaxError", "broken.py, line 1"),
    "import numpy\n  x = 1\n": ("IndentationError", "broken.py, line 2"),
    "import etalon_missing\n": ("ModuleNotFoundError", "broken.py, line 1"),
    "import numpy as np\n\nraise ImportError('no\\nnumbers')\n": ("ImportError", "broken.py, line 3"),
    "x = 1\ny = x / 0\n": ("ZeroDivisionError", "broken.py, line 2"),
    "import sys\nsys.exit(3)\n": ("status 3", "broken.py, line 2"),
}


@pytest.mark.parametrize("text", BROKEN, ids=[what for what, _ in BROKEN.values()])
@pytest.mark.usefixtures("clean")
def test_a_file_that_does_not_import_names_the_line(tmp_path: Path, text: str) -> None:
    """The error, the file and the line in it are named, in one paragraph."""
    file = tmp_path / "broken.py"
    file.write_text(text)
    message = refused(str(file))
    what, where = BROKEN[text]
    assert what in message
    assert where in message


@pytest.mark.usefixtures("clean")
def test_a_broken_file_can_be_mended(tmp_path: Path) -> None:
    """Nothing of a failed import stays behind."""
    file = tmp_path / "mine.py"
    file.write_text("raise ValueError('early')\n")
    refused(str(file))
    assert not [name for name in sys.modules if "mine" in name and "etalon" in name]
    file.write_text(SOFTMAX)
    assert load(str(file))[0] == "mine"


WRONG = {
    "no primitive": ("def sofmax(x):\n    return x\n", ["no function with the name of a primitive", "softmax"]),
    "no function": ("softmax = 3\n", ["no function with the name of a primitive"]),
    "a format": (SOFTMAX + "formats = ('float64', 'float8')\n", ["formats that are not known: float8", "bfloat16"]),
    "an option of its own": (
        "def softmax(x, *, temperature):\n    return x\n",
        ["softmax requires the parameter temperature", "Give temperature a default", "axis"],
    ),
    "a further array": (
        "def convolution(x, w, bias, stride2):\n    return x\n",
        ["convolution requires the parameter stride2", "x, w, bias"],
    ),
}


@pytest.mark.parametrize("what", WRONG)
@pytest.mark.usefixtures("clean")
def test_a_file_that_cannot_be_called_says_what_to_do(tmp_path: Path, what: str) -> None:
    """The message names the function and its parameter, and how to mend it."""
    text, words = WRONG[what]
    file = tmp_path / "mine.py"
    file.write_text(text)
    message = refused(str(file))
    assert all(word in message for word in words)


FINE = [
    "def softmax(scores, *, axis=-1):\n    return scores\n",
    "def softmax(*arrays, **options):\n    return arrays[0]\n",
    "def softmax(x, axis=-1, temperature=1.0):\n    return x\n",
    "def softmax(x, axis):\n    return x\n",
    "class Softmax:\n    def __call__(self, x, *, axis=-1):\n        return x\nsoftmax = Softmax()\n",
    "import functools\nsoftmax = functools.partial(lambda k, x, *, axis=-1: x, 3)\n",
]


@pytest.mark.parametrize("text", FINE, ids=range(len(FINE)))
@pytest.mark.usefixtures("clean")
def test_signatures_may_differ_in_what_does_not_matter(tmp_path: Path, text: str) -> None:
    """Arrays may have other names, options may be positional, further parameters may have defaults."""
    file = tmp_path / "mine.py"
    file.write_text(text)
    name, adapter = load(str(file))
    (backend,) = backends(adapter, name)
    assert backend.call("softmax", [X], {"axis": 0})


@pytest.mark.usefixtures("clean")
def test_a_required_option_of_the_reference_is_always_given(tmp_path: Path) -> None:
    """`def softmax(x, axis)` without a default passes the inspection, so it can be called with the default too."""
    file = tmp_path / "mine.py"
    file.write_text("def softmax(x, axis):\n    return x\n")
    name, adapter = load(str(file))
    (backend,) = backends(adapter, name)
    assert backend.call("softmax", [X], {"axis": -1})


def test_shipped_adapters_are_files() -> None:
    """Each name that is shipped has its file."""
    assert all((ROOT / "adapters" / f"{name}.py").is_file() for name in loading.SHIPPED)


def test_jax_counts_what_is_compiled() -> None:
    """A shape is compiled once, and a second call of it compiles nothing."""
    backend = next(b for b in backends(framework("jax"), "jax") if b.format is FLOAT32)
    x = np.ones((3, 7), np.float32)

    def programs() -> int:
        """What was asked for, whether compiled here or read from a cache."""
        return sum(backend.counters().values())

    backend.rest()
    before = programs()
    backend.call("softmax", [x], {})
    once = programs()
    backend.call("softmax", [x], {})
    assert before < once == programs()
    assert tried(Adapter()).counters() == {}


def test_padding_beside_a_mask_that_is_added() -> None:
    """It is -inf too: a row that both close together is closed, but for what causality leaves to JAX's mean."""
    backend = Backend(framework("jax"), "jax", "1", "cpu", FLOAT64, "eager")
    x, one = np.array([[0.0], [0.0], [1.0]]), np.ones((1, 1))
    mask, keys = np.array([[0.0, 0, 0], [-np.inf, 0, 0], [0, 0, 0]]), np.array([True, False, True])
    arrays = [x, None, None, *[one] * 4, *[None] * 4, mask, keys]
    for causal in (False, True):
        options = {"heads": 1, "causal": causal}
        (y,), (want,) = (
            backend.call("multi_head_attention", arrays, options),
            bounded(backend, "multi_head_attention", arrays, options),
        )
        agree(y, want, FLOAT64)
