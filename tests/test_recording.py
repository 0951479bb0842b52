"""Nothing that happens in a run is lost, whatever a backend or a user does to its processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import ml_dtypes
import numpy as np
import pytest

from adapters.backend import Backend, Call
from conformance import records
from conformance.checks import checks
from conformance.records import FlightRecorder, Writer
from properties.trial import is_tried
from reference.arithmetic import FLOAT64
from tests.runs import ROOT, begin, outcomes, results, run, surroundings, wait_for, written

CRASHES = {
    "segfaults": "the process was ended by SIGSEGV",
    "aborts": "the process was ended by SIGABRT",
    "leaves": "the process ended with status 3",
    "hangs": "it ran for more than 2 s, the limit of a check, and was ended",
}

SOFTMAX = "softmax and not log_softmax"
GOOD = Backend(SimpleNamespace(), "good", "", "cpu", FLOAT64, "eager")  # what a file of one function is
CHECKS = sum(check.primitive == "softmax" and is_tried(check, GOOD, ["float64"]) for check in checks())


@pytest.mark.parametrize("adapter", CRASHES)
def test_a_crash_leaves_its_input(adapter: str, tmp_path: Path) -> None:
    """A check in which a worker dies is reported as crashed, with the cause and the last input."""
    ended = run(adapter, "-k", "sums_to_one", "-o", "faulthandler_timeout=2", report=tmp_path, workers=1)
    (check,) = results(tmp_path)["checks"]
    assert ended.returncode != 0
    assert check["outcome"] == "crashed"
    assert check["cause"] == CRASHES[adapter]
    assert check["counterexample"]["call"].startswith("softmax(x=")
    assert check["counterexample"]["arrays"]["x"]["dtype"] == "float64"
    assert CRASHES[adapter] in " ".join(ended.stdout.split())


@pytest.mark.parametrize("adapter", ["segfaults", "hangs"])
def test_the_place_of_a_crash_is_known(adapter: str, tmp_path: Path) -> None:
    """The places of a crash lead to the line of the adapter, by names that hold on every machine."""
    run(adapter, "-k", "sums_to_one", "-o", "faulthandler_timeout=2", report=tmp_path, workers=1)
    (check,) = results(tmp_path)["checks"]
    assert any(place.startswith(f"tests/adapters/{adapter}.py:") for place in check["traceback"])
    assert not any(place.startswith("/") for place in check["traceback"])


def test_a_crash_costs_no_other_check(tmp_path: Path) -> None:
    """When a worker dies in one check, every other check is still run and judged."""
    ended = run("dies_once", "-k", "softmax or VALUES", report=tmp_path, workers=2)
    of = outcomes(tmp_path)
    assert ended.returncode != 0
    assert of["VALUES pad"] == "crashed"
    assert {of[check] for check in of if "pad" not in check} == {"conforms", "not_offered"}
    assert {"VALUES softmax", "SOFT-1 sums_to_one"} <= {check for check in of if of[check] == "conforms"}


@pytest.mark.parametrize("adapter", ["segfaults", "leaves", "hangs"])
def test_a_crash_without_workers(adapter: str, tmp_path: Path) -> None:
    """Without -n the whole run dies, and still there is a report: the crash, its input, what was not run."""
    ended = run(adapter, "-k", SOFTMAX, "-o", "faulthandler_timeout=2", report=tmp_path)
    checks = results(tmp_path)["checks"]
    assert ended.returncode != 0
    assert [check["outcome"] for check in checks].count("crashed") == 1
    assert {check["outcome"] for check in checks} == {"crashed", "not_run"}
    assert "softmax(x=" in ended.stderr
    assert not results(tmp_path)["complete"]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_ended(number: signal.Signals, workers: int, tmp_path: Path) -> None:
    """Ctrl-C and SIGTERM give an incomplete report in which every check has an outcome, and a status that is not 0."""
    process = begin("slow", "-k", SOFTMAX, report=tmp_path, workers=workers)
    wait_for(lambda: written(tmp_path, "start") >= 1)
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does
    else:
        process.send_signal(number)
    output, _ = process.communicate(timeout=30)
    document = results(tmp_path)
    assert process.returncode not in (0, None)
    assert document["interrupted"]
    assert not document["complete"]
    assert len(document["checks"]) == len({check["id"] for check in document["checks"]}) == CHECKS
    assert "not_run" in outcomes(tmp_path).values()
    assert set(outcomes(tmp_path).values()) <= {"not_run", "conforms", "not_offered"}
    assert "INCOMPLETE" in output


@pytest.mark.parametrize(("workers", "kill"), [(0, os.killpg), (2, os.killpg), (2, os.kill)])
def test_a_run_that_is_killed(workers: int, kill: Callable[[int, int], None], tmp_path: Path) -> None:
    """SIGKILL, with its workers or alone, leaves records, of which `render` makes a report that is not clean."""
    process = begin("slow", "-k", SOFTMAX, report=tmp_path, workers=workers)
    wait_for(lambda: written(tmp_path, "start") >= 1)
    kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    (tmp_path / "results.json").unlink(missing_ok=True)
    line = [sys.executable, "-m", "conformance", "render", str(tmp_path)]
    ended = subprocess.run(line, cwd=ROOT, env=surroundings(), capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 1
    assert len(outcomes(tmp_path)) == CHECKS
    assert set(outcomes(tmp_path).values()) <= {"crashed", "not_run", "conforms"}
    assert "INCOMPLETE" in ended.stdout


@pytest.mark.parametrize("content", [None, "", "no record\n"])
def test_render_says_what_it_cannot_do(content: str | None, tmp_path: Path) -> None:
    """Without records that can be read, `render` ends with status 2 and one line."""
    if content is not None:
        (tmp_path / "records").mkdir()
        (tmp_path / "records" / "a-main.jsonl").write_text(content)
    line = [sys.executable, "-m", "conformance", "render", str(tmp_path)]
    ended = subprocess.run(line, cwd=ROOT, env=surroundings(), capture_output=True, text=True, timeout=30, check=False)
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1


def test_deviations_carry_their_input(tmp_path: Path) -> None:
    """What raises or has the wrong shape deviates, on an input of a few numbers that is kept to the last bit."""
    for adapter, kind in (("raises", "raised"), ("exits", "raised"), ("wrong_shape", "shape")):
        ended = run(adapter, "-k", f"test_values and {SOFTMAX}", report=tmp_path)
        (check,) = results(tmp_path)["checks"]
        found = check["counterexample"]
        assert ended.returncode == 1
        assert (check["outcome"], found["kind"]) == ("deviates", kind)
        assert found["numbers"] <= 12
        assert np.shape(found["arrays"]["x"]["values"]) == tuple(found["arrays"]["x"]["shape"])


def test_a_run_replaces_the_records_of_another(tmp_path: Path) -> None:
    """A report is made of one run: the records of the one before are gone, and a run without checks removes none."""
    run("good", "-k", "sums_to_one", report=tmp_path)
    first = records.runs(tmp_path / "records")
    run("good", "-k", "no_such_check", report=tmp_path)
    assert records.runs(tmp_path / "records") == first
    run("good", "-k", "sums_to_one", report=tmp_path, workers=1)
    second = records.runs(tmp_path / "records")
    assert len(first) == len(second) == 1
    assert first != second


def test_records_are_whole_or_absent(tmp_path: Path) -> None:
    """A line that a kill has cut is left out; a damaged line before the last is an error."""
    writer = Writer(tmp_path, "a", "main")
    writer.append("start", item="one", number=np.float32(np.nan), index=(np.int64(1),))
    writer.close()
    path = tmp_path / "a-main.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + whole[: len(whole) // 2])
    (record,) = records.read(tmp_path, "a")
    assert (record["item"], record["number"], record["index"]) == ("one", "NaN", [1])
    path.write_bytes(whole[: len(whole) // 2] + b"\n" + whole)
    with pytest.raises(ValueError, match="line 1, is no record"):
        records.read(tmp_path, "a")


@pytest.mark.parametrize(
    "x",
    [
        pytest.param(np.array([-0.0, np.inf, np.nan, 5e-324]), id="special"),
        pytest.param(np.zeros((0, 3)), id="empty"),
        pytest.param(np.ones((64, 64, 64)), id="large"),
        pytest.param(np.array(1.5, ml_dtypes.bfloat16), id="bfloat16"),
    ],
)
def test_the_flight_recorder_keeps_every_bit(x: np.ndarray, tmp_path: Path) -> None:
    """The last input comes back with its type, its shape and the bits of its numbers, until it is cleared."""
    recorder = FlightRecorder(tmp_path, "a", "main", size=64)
    recorder(None, Call("call", "softmax", "eager", [np.zeros(3)], {}, {}, {}))
    recorder(None, Call("call", "softmax", "eager", [x], {"axis": -1}, {}, {}))
    last = records.last_input(tmp_path, "a", "main")
    assert last is not None
    found = last["arrays"]["x"]
    back = np.array(json.loads(json.dumps(found["values"])), dtype=float).reshape(found["shape"])
    assert back.tobytes() == x.astype(float).tobytes()
    assert (found["dtype"], last["options"]) == (str(x.dtype), {"axis": -1})
    recorder.clear()
    assert records.last_input(tmp_path, "a", "main") is None
    recorder.close()
