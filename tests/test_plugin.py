"""The command line: what is tried, and one clear line where nothing can be."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest

import conformance
from conformance.heartbeat import Heartbeat
from tests.runs import ROOT, outcomes, run, surroundings

WRONG = {
    "an unknown adapter": (["--adapter=nosuch"], "There is no adapter nosuch"),
    "a missing file": (["--adapter=nosuch.py"], "There is no file nosuch.py"),
    "an unknown format": (["--format=float8"], "invalid choice: 'float8'"),
    "a format that nobody has": (["--format=float16"], "No adapter has the format float16"),
    "an absent device": (["--device=tpu"], "No adapter has the device tpu"),
    "an unknown depth": (["--depth=abyss"], "invalid choice: 'abyss'"),
    "a seed that is no number": (["--seed=x"], "invalid int value: 'x'"),
    "a report below a file": (["--report=pyproject.toml/x"], "is no folder"),
}
LEDGER = """
from adapters.deviations import Deviation, Example
def softmax(x): return x
deviations = [Deviation("{}", lambda draw: True, Example({{"x": [0.0]}}), "it is wrong", "https://example.org", {})]
"""
BROKEN = {
    "no Python": ("def softmax(x) return x", "SyntaxError"),
    "an import that fails": ("import nothing_of_this_name", "ModuleNotFoundError"),
    "a script that ends": ("import sys\ndef softmax(x): return x\nsys.exit(0)", "ends the process when it is imported"),
    "no primitive": ("def soft_max(x): return x", "no function with the name of a primitive"),
    "an unknown format": ("formats = ['float8']\ndef softmax(x): return x", "float8"),
    "a device that raises": ("def softmax(x): return x\ndef devices(): raise OSError('no driver')", "no driver"),
    "a parameter of its own": ("def softmax(x, *, temperature): return x", "temperature"),
    "a ledger that is no list": ("deviations = 5\ndef softmax(x): return x", "deviations is a list of Deviation"),
    "an entry that is none": ("deviations = ['wrong']\ndef softmax(x): return x", "it is a str and no Deviation"),
    "an entry for versions that are no range": (
        LEDGER.format("VALUES softmax", "versions='2.x'"),
        '"2.x" are no range',
    ),
    "an entry whose example is none": (LEDGER.format("VALUES softmax", "").replace("Example({", "({"), "no Example"),
    "an entry for an unknown format": (LEDGER.format("VALUES softmax", "formats=('float8',)"), "not known: float8"),
    "an entry without a link": (
        LEDGER.format("VALUES softmax", "").replace("https://example.org", "ask Anna"),
        "no link to where that is known",
    ),
    "an entry for no check": (LEDGER.format("VALUE softmax", "versions=''"), 'Did you mean "VALUES softmax"?'),
}


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("what", WRONG)
def test_wrong_options(what: str, workers: int, tmp_path: Path) -> None:
    """An option that cannot be followed ends the run with status 4 and a message, not with a traceback."""
    arguments, message = WRONG[what]
    ended = run("good", "-k", "softmax", *arguments, report=tmp_path, workers=workers)
    said = ended.stdout + ended.stderr
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    assert message in said
    assert "Traceback" not in said
    assert "INTERNALERROR" not in said
    assert not (tmp_path / "results.json").exists()


@pytest.mark.parametrize("what", BROKEN)
def test_broken_adapters(what: str, tmp_path: Path) -> None:
    """An adapter that cannot be used ends the run with status 4 and one line that says why."""
    text, message = BROKEN[what]
    (tmp_path / "broken.py").write_text(text)
    ended = run("good", "-k", "softmax", f"--adapter={tmp_path / 'broken.py'}", report=tmp_path)
    (error,) = [line for line in ended.stderr.splitlines() if line.strip()]
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    assert error.startswith("ERROR: ")
    assert message in error


def test_workers_that_cannot_begin(tmp_path: Path) -> None:
    """When workers die before their first check the run ends, and does not replace them for ever."""
    ended = run("dies_at_import", "-k", "softmax", report=tmp_path, workers=2)
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    assert "ended before their first check (the process ended with status 3)" in ended.stderr


def test_two_adapters_of_one_name(tmp_path: Path) -> None:
    """Two files of the same name are refused, since no report could tell them apart."""
    (tmp_path / "good.py").write_text("def softmax(x): return x")
    ended = run("good", "-k", "softmax", f"--adapter={tmp_path / 'good.py'}", report=tmp_path)
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    assert "Two adapters have the name good" in ended.stderr


def test_a_file_needs_no_framework(tmp_path: Path) -> None:
    """A run on a file of NumPy functions imports neither torch nor jax."""
    program = (
        "import sys, pytest; status = pytest.main(sys.argv[1:]); "
        "print('imported:', *[name for name in ('torch', 'jax', 'jaxlib') if name in sys.modules]); sys.exit(status)"
    )
    line = [
        sys.executable,
        "-c",
        program,
        "--adapter=tests/adapters/good.py",
        "-k",
        "softmax",
        "--depth=smoke",
        f"--report={tmp_path}",
    ]
    ended = subprocess.run(line, cwd=ROOT, env=surroundings(), capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0
    assert ended.stdout.splitlines()[-1].strip() == "imported:"


def test_what_is_missing_is_not_offered(tmp_path: Path) -> None:
    """A primitive that an adapter lacks is skipped with the reason, and does not fail the run."""
    ended = run("good", "-k", "test_values", report=tmp_path)
    of = outcomes(tmp_path)
    assert ended.returncode == 0
    assert of.pop("VALUES softmax") == "conforms"
    assert set(of.values()) == {"not_offered"}
    assert "it has no convolution" in (tmp_path / "report.md").read_text()


def test_a_primitive_selects_its_checks(tmp_path: Path) -> None:
    """-k with the name of a primitive selects its values and its laws."""
    run("good", "-k", "softmax and not log_softmax", report=tmp_path)
    assert "VALUES softmax" in outcomes(tmp_path)
    assert any(check.startswith("SOFT-") for check in outcomes(tmp_path))
    assert {check for check, outcome in outcomes(tmp_path).items() if outcome != "conforms"} == {
        *("GRADIENTS softmax", "HOM-VJP softmax", "LONG-VJP softmax"),
        "SOFT-5 two_classes",  # it has no sigmoid, and no gradients
        "SOFT-6 rows_of_the_jacobian",
    }


def test_a_backend_may_warn(tmp_path: Path) -> None:
    """A warning of a backend is noted beside the times, and is no failure."""
    ended = run("warns", "-k", "sums_to_one", report=tmp_path)
    assert ended.returncode == 0
    assert "softmax is deprecated" in (tmp_path / "timing.json").read_text()


def test_what_an_adapter_counts_is_summed(tmp_path: Path) -> None:
    """Counters are summed over the checks of all processes, beside the times, and printed in one line."""
    totals = []
    for workers in (0, 2):
        folder = tmp_path / str(workers)
        ended = run("counts", "--adapter=tests/adapters/good.py", "-k", "softmax", report=folder, workers=workers)
        counts = json.loads((folder / "timing.json").read_text())["counts"]
        assert set(counts) == {"counts"}  # the other adapter counts nothing
        assert f"counts: {counts['counts']['calls']} calls" in ended.stdout.splitlines()
        assert "calls" not in (folder / "report.md").read_text()
        totals.append(counts["counts"]["calls"])
    assert totals[0] == totals[1] > 0


def test_other_tests_make_no_report(tmp_path: Path) -> None:
    """A run of tests that are no checks leaves the folder of reports alone."""
    ended = run("good", "tests/test_plugin.py::test_the_versions_are_one", report=tmp_path)
    assert ended.returncode == 0
    assert not list(tmp_path.iterdir())


def test_the_versions_are_one() -> None:
    """The version of the project is the same in pyproject.toml, in CITATION.cff and in the reports."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == conformance.__version__
    assert f"\nversion: {conformance.__version__}\n" in (ROOT / "CITATION.cff").read_text()


def test_the_heartbeat_names_what_takes_long() -> None:
    """A heartbeat says how far the run is, and which check has been running for the longest."""
    heartbeat = Heartbeat(0)
    heartbeat.start(3)
    for item in ("a.py::quick", "a.py::slow", "a.py::last"):
        heartbeat.started(item)
    heartbeat.ended("a.py::quick")
    line = heartbeat.line(heartbeat.running["a.py::slow"] + 7)
    assert "1 of 3 checks" in line
    assert "longest: slow (7 s)" in line


def test_a_long_run_has_a_heartbeat(tmp_path: Path) -> None:
    """With --heartbeat a run that takes long says so while it runs; with 0 it does not."""
    said = run("slow", "-k", "sums_to_one", "--heartbeat=0.2", report=tmp_path).stderr
    assert "longest: test_sums_to_one" in said
    assert "longest:" not in run("good", "-k", "sums_to_one", "--heartbeat=0", report=tmp_path).stderr


@pytest.mark.parametrize("workers", [0, 1])
def test_junit_tells_what_a_report_tells(workers: int, tmp_path: Path) -> None:
    """Each check has its id, backend, equation and reference; a failure has its input, and a skip its reason."""
    arguments = ["-k", "softmax and (test_values or test_gradients)", f"--junitxml={tmp_path / 'junit.xml'}"]
    run("wrong_shape", *arguments, report=tmp_path / "report", workers=workers)
    cases = ElementTree.parse(tmp_path / "junit.xml").iter("testcase")
    of = {case.attrib["name"].partition("-")[0]: case for case in cases}
    told = {p.attrib["name"]: p.attrib["value"] for p in of["test_values[softmax"].iter("property")}
    assert told["check"] == "VALUES softmax"
    assert told["backend"] == "wrong_shape-cpu-float64-eager"
    assert told["reference"].startswith("reference/activations.py:")
    assert told["states"]
    (failure,) = of["test_values[softmax"].iter("failure")
    for words in ("on softmax(x=", "VALUES softmax on wrong_shape", "reference: reference/activations.py:"):
        assert words in (failure.text or "")
    assert "Traceback" not in (failure.text or "")
    (skipped,) = of["test_gradients[softmax"].iter("skipped")
    assert skipped.attrib["message"] == "it has no gradients"
