"""Scripts of a report: each shows its failure without this project, and is content when the bug is gone."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from adapters.backend import Call
from conformance.evidence import array_of, as_data
from conformance.report.repro import name_of
from properties.evidence import Evidence, Judged
from tests.runs import ROOT, results, run
from tests.test_layout import imported

WRONG = """\
import numpy as np

from adapters.deviations import Deviation, Example

accepts = {}
SHIFT = 2.0  # BUG 0.0


def shifted(x):
    return x + SHIFT


def softmax(x, *, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    y = e / e.sum(axis, keepdims=True)
    return shifted(y) if x.ndim == 2 else y


def log_softmax(x, *, axis=-1):
    d = x - x.max(axis, keepdims=True)
    return d - np.log(np.exp(d).sum(axis, keepdims=True)) + SHIFT * (x.shape == (1,))


def dense(x, w, bias=None):
    return x @ w.T if bias is None else x @ w.T + bias  # BUG raise ValueError("no")


def relu(x):
    x[...] = np.where(x > 0, x, 0 * x)  # BUG pass
    return np.where(x > 0, x, 0 * x)


def tanh(x):
    raise OSError("no tanh")  # BUG return np.tanh(x)


def identity(x):
    return x.copy() if min(x.strides, default=1) > 0 else 3 * x  # BUG return x.copy()


def leaky_relu(x, *, slope=0.01):
    return np.where(x > 0, x, slope * x)


def vmap(function, axes):
    def mapped(*arrays):
        n = next(len(x) for x, axis in zip(arrays, axes) if axis == 0)
        each = [[x if axis is None else x[i] for x, axis in zip(arrays, axes)] for i in range(n)]
        return np.stack([function(*x) for x in each]) + 1  # BUG return np.stack([function(*x) for x in each])

    return mapped


def sigmoid(x):
    return 1 / (1 + np.exp(-x)) if x.ndim < 2 else x  # BUG return 1 / (1 + np.exp(-x))


deviations = [
    Deviation(
        "VALUES log_softmax",
        lambda draw: draw.x.shape == (1,),
        Example({"x": [3.0]}, {}),
        "one score has not the logarithm 0",
        "https://example.org/5",
    )
]
"""

LAW = """\
import numpy as np


def dropout(x, *, p=0.5, training=True, key=0):
    return x * (2 if training else 1)
"""

TORCH = """\
import torch

formats = ("float32",)
modes = {"eager": None}


def put(x, device):
    return torch.from_numpy(x)


def get(y):
    return y.detach().numpy()


def relu(x):
    return torch.relu(x)


def gradient(function, wanted):
    def pulled(cotangent, *arrays, **options):
        for i in wanted:
            arrays[i].requires_grad_()
        y = function(*arrays, **options)
        found = torch.autograd.grad(y, [arrays[i] for i in wanted], cotangent)
        return tuple(2 * g for g in found)  # BUG return found

    return pulled
"""

JAX = """\
import jax
import jax.numpy as jnp

jax.config.update("jax_enable_x64", True)
formats = ("float64",)


def plain(function):
    return function


modes = {"compiled": jax.jit, "eager": plain}


def put(x, device):
    return jnp.asarray(x)


def get(y):
    import numpy as np

    return np.asarray(y)


def relu(x):
    return jnp.maximum(x, 0)


def gradient(function, wanted):
    def pulled(cotangent, *arrays):
        _, pull = jax.vjp(function, *arrays)
        return tuple(-g for g in pull(cotangent))  # BUG return pull(cotangent)

    return pulled
"""

# The script of each, by the begin of its name, and the form of its evidence.
SCRIPTS = {
    "values_softmax": "judged",
    "values_sigmoid": "judged",
    "values_tanh": "judged",
    "rejects_dense": "accepted",
    "layout_identity": "judged",
    "vmap_leaky_relu": "repeated",
    "pure_relu": "twice",
    "known_values_log_softmax": "judged",
}


def mended(text: str) -> str:
    """A source without its bugs: each line that has one says what it should be."""
    lines = []
    for line in text.splitlines():
        code, _, right = line.partition("  # BUG ")
        indent = code[: len(code) - len(code.lstrip())]
        lines.append(code if not right else f"SHIFT = {right}" if code.startswith("SHIFT") else indent + right)
    return "\n".join(lines)


def alone(script: Path, text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A script in an empty folder, away from the project."""
    folder.mkdir(exist_ok=True)
    there = folder / script.name
    there.write_text(text)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    line = [sys.executable, "-I", str(there)]
    return subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False)


def tried(script: Path, folder: Path, *words: str) -> None:
    """It fails while the bug is there, says what it has seen, and holds when it is gone; it imports no project."""
    text = script.read_text()
    names = {name.split(".")[0] for name in imported(text)}
    assert names <= {"numpy", "ml_dtypes", "torch", "jax", *sys.stdlib_module_names}
    wrong = alone(script, text, folder)
    assert (wrong.returncode, "Traceback" in wrong.stderr) == (1, False), wrong
    for word in words:
        assert f"\n{word}: " in f"\n{wrong.stdout}", wrong.stdout
    right = alone(script, mended(text), folder)
    assert (right.returncode, right.stderr) == (0, ""), right


def script_of(report: Path, begin: str) -> Path:
    (found,) = (report / "repro").glob(f"{begin}*.py")
    return found


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report on a student's file with a bug of each form."""
    folder = tmp_path_factory.mktemp("report")
    (folder / "wrong.py").write_text(WRONG)
    which = "test_values or test_pure or test_rejections or (identity and layouts) or (leaky_relu and vmap)"
    run(folder / "wrong.py", "-k", which, report=folder)
    return folder


@pytest.mark.parametrize("begin", SCRIPTS)
def test_a_script_shows_its_failure_alone(begin: str, report: Path, tmp_path: Path) -> None:
    tried(script_of(report, begin), tmp_path / "empty", "versions", "input", "want", "got")


def test_the_evidence_has_the_form_of_its_failure(report: Path) -> None:
    """What the report keeps is one call, in the form that its script has."""
    checks = results(report)["checks"]
    found = {check["id"].replace(" ", "_").lower(): check["evidence"] for check in checks}
    (found["known_values_log_softmax"],) = (
        e["evidence"] for check in checks for e in check["known"] if "evidence" in e
    )
    for begin, form in SCRIPTS.items():
        assert (found[begin]["form"], len(found[begin]["calls"])) == (form, 1)


def test_of_many_numbers_the_worst_is_kept() -> None:
    """A result of thousands of numbers costs the report as much as one number; those of a law have a hash."""
    x = np.arange(5000.0)
    y = np.where(x == 700, 0.0, x)
    call = Call("call", "relu", "eager", [np.ones(3)], {}, {}, {}, results=(y,))
    evidence = Evidence([call], [Judged(0, 0, "y", x, np.zeros(5000), "float64")])
    (judged,) = as_data(evidence, None, {}, "cpu")["judged"]
    assert (judged["index"], array_of(judged["got"]), array_of(judged["want"])) == ([700], 0.0, 700.0)
    (kept,) = as_data(Evidence([call]), None, {}, "cpu")["calls"][0]["results"]
    assert set(kept) == {"shape", "sha256"}


def test_what_a_script_needs_is_all_that_it_has(report: Path) -> None:
    """The helper and the constant of softmax come with it; the other functions do not."""
    text = script_of(report, "values_softmax").read_text()
    assert "SHIFT = 2.0" in text
    assert "def shifted(x):" in text
    assert "def dense" not in text
    assert "Deviation" not in text


def test_an_issue_has_the_script_and_what_it_shows(report: Path) -> None:
    """The text to paste has a title, a sentence, the whole script, what is expected and got, versions and the check."""
    script = script_of(report, "values_softmax")
    text = script.with_suffix(".md").read_text()
    assert text.startswith("# softmax: y[")
    assert script.read_text() in text
    assert "\nExpected:\n" in text
    assert "\nGot:\n" in text
    assert "Found by Etalon" in text
    assert "`VALUES softmax` on `wrong-cpu-float64-eager`" in text


def test_the_report_names_its_scripts(report: Path) -> None:
    """Every card links to its script, on the page and in the text."""
    for name in ("report.md", "index.html"):
        text = (report / name).read_text()
        for script in (report / "repro").glob("*.py"):
            assert f"repro/{script.name}" in text


def test_render_writes_the_same_scripts(report: Path) -> None:
    """They are made of the records alone; what is left of another report goes."""
    before = {path.name: path.read_bytes() for path in (report / "repro").iterdir()}
    for path in (report / "repro").iterdir():
        path.unlink()
    (report / "repro" / "old.py").write_text("")
    subprocess.run([sys.executable, "-m", "conformance", "render", str(report)], cwd=ROOT, check=False)
    assert {path.name: path.read_bytes() for path in (report / "repro").iterdir()} == before
    assert before


def test_a_law_is_shown_by_its_calls(tmp_path: Path) -> None:
    """Where no call is wrong by itself, the script makes them all, and ends with 1 while they give what was found."""
    (tmp_path / "law.py").write_text(LAW)
    run(tmp_path / "law.py", "-k", "dropout", report=tmp_path)
    found = [check for check in results(tmp_path)["checks"] if (check["evidence"] or {}).get("form") == "repeated"]
    assert found
    script = tmp_path / "repro" / f"{name_of(found[0])}.py"
    text = script.read_text()
    empty = tmp_path / "empty"
    wrong = alone(script, text, empty)
    assert (wrong.returncode, wrong.stderr) == (1, "")
    assert "\nlaw: " in wrong.stdout
    other = alone(script, text.replace("2 if training", "3 if training"), empty)
    assert (other.returncode, other.stderr) == (0, "")


@pytest.mark.parametrize(("framework", "source"), [("torch", TORCH), ("jax", JAX)])
def test_a_gradient_of_a_framework(framework: str, source: str, tmp_path: Path) -> None:
    """The script takes the gradient as the adapter does, in its mode."""
    if not find_spec(framework):
        pytest.skip(f"{framework} is not installed")
    (tmp_path / f"my_{framework}.py").write_text(source)
    run(tmp_path / f"my_{framework}.py", "-k", "test_gradients and relu", report=tmp_path)
    tried(script_of(tmp_path, "gradients_relu"), tmp_path / "empty", "versions", "input", "got", "want", "bound")


@pytest.mark.parametrize(
    ("adapter", "bug", "right"), [("aborts", "os.abort()", "return x"), ("leaves", "os._exit(3)", "return x")]
)
def test_a_crash_is_shown_in_a_process_of_its_own(adapter: str, bug: str, right: str, tmp_path: Path) -> None:
    """The script outlives the call that ends a process, and says how it ended."""
    run(adapter, "-k", "sums_to_one", report=tmp_path, workers=1)
    script = script_of(tmp_path, "soft_1")
    text = script.read_text()
    assert bug in text
    wrong = alone(script, text, tmp_path / "empty")
    assert (wrong.returncode, "got: a process that ends with status" in wrong.stdout) == (1, True)
    assert alone(script, text.replace(bug, right), tmp_path / "empty").returncode == 0
