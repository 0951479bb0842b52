"""No false alarm: the honest backend is honest, and the command finds, remembers and goes on."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import reference
from adapters import narrow
from conformance import __main__ as tools
from conformance import alarm
from conformance.cases import CASES, Case
from properties.strategies import draws, problems
from reference.arithmetic import FLOAT16, FLOAT32, FLOAT64, Format
from reference.arithmetic.formats import holds_numbers
from tests.runs import ROOT, begun, surroundings, wait_for
from tests.test_vocabulary import Watched

ONE = "VALUES softmax"
RIGHT = """
import time
import numpy as np
def softmax(x, *, axis=-1):
    time.sleep(0.002)
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)
"""
WRONG = RIGHT.replace("np.exp(x", "np.exp(np.float32(1) * x").replace("sum(axis", "astype('f').astype(float).sum(axis")


# -- the honest backend --------------------------------------------------------------------------------


class Typed(Watched):
    """An array that notes the type of everything that is computed from it."""

    def __init__(self, array: Any, seen: set[Any]) -> None:
        super().__init__(array, seen)
        seen.add(self.dtype)


@pytest.mark.parametrize("fmt", [FLOAT32, FLOAT16], ids=repr)
@pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.formats is None and case.primitive != "cross_entropy"],  # rounded at its end alone
    ids=lambda case: case.primitive,
)
def test_nothing_is_wider_than_the_format(case: Case, fmt: Format) -> None:
    """Every intermediate array is in the format of the inputs, save what SciPy has in float32 only, and masks."""
    function: Callable[..., Any] = getattr(narrow, case.primitive)
    widened = {"sigmoid", "silu", "gelu", "lstm_step", "lstm", "gru_step", "gru"} if fmt is FLOAT16 else set()
    allowed = {fmt.dtype, np.dtype(bool), *({np.dtype(np.float32)} if case.primitive in widened else ())}
    for problem in case.problems.pool(0.5, 0):
        for draw in draws(problem, 1, fmt, (0, 0, 0, 0), case.problems.kinds):
            seen: set[Any] = set()
            arrays = [Typed(x, seen) if holds_numbers(x) else x for x in draw.arrays.values()]
            with np.errstate(all="ignore"):
                result = function(*arrays, **draw.options)
            assert all(y.dtype == fmt.dtype for y in (result if isinstance(result, tuple) else (result,)))
            assert {x for x in seen if isinstance(x, np.dtype)} <= allowed


def test_the_formulas_are_the_references() -> None:
    """In float64 each function gives what the reference gives: rounding is the only difference."""
    for case in CASES:
        for problem in case.problems.pool(0.3, 0):
            for draw in draws(problem, 1, FLOAT64, (0, 0, 0, 0), case.problems.kinds):
                with np.errstate(all="ignore"):
                    ours = getattr(narrow, case.primitive)(*draw.arrays.values(), **draw.options)
                    theirs = reference.PRIMITIVES[case.primitive](*draw.arrays.values(), **draw.options)
                for y, want in zip(_leaves(ours), _leaves(theirs), strict=True):
                    np.testing.assert_array_equal(y, want)


def _leaves(result: Any) -> tuple[Any, ...]:
    return result if isinstance(result, tuple) else (result,)


# -- the command ---------------------------------------------------------------------------------------


def line(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "conformance", "alarm", *map(str, arguments)]


def ended(*arguments: object) -> subprocess.CompletedProcess[str]:
    """A run of the command to its end."""
    return subprocess.run(
        line(*arguments), cwd=ROOT, env=surroundings(), capture_output=True, text=True, timeout=120, check=False
    )


def written(state: Path) -> list[dict[str, Any]]:
    """The whole lines after the first."""
    lines = state.read_bytes().splitlines(keepends=True) if state.exists() else []
    return [json.loads(text) for text in lines[1:] if text.endswith(b"\n")]


@pytest.fixture
def adapters(tmp_path: Path) -> dict[str, Path]:
    """An adapter that is right, and one with a planted false alarm."""
    files = {"right": tmp_path / "right.py", "planted": tmp_path / "planted.py"}
    for name, file in files.items():
        file.write_text({"right": RIGHT, "planted": WRONG}[name])
    return files


def test_a_planted_false_alarm_is_reported(adapters: dict[str, Path], tmp_path: Path) -> None:
    """It is printed with its seed, its input and the command that repeats it, which does; the status is 1."""
    state = tmp_path / "state.jsonl"
    both = [f"--adapter={adapters[name]}" for name in ("right", "planted")]
    said = ended("--seeds=2", "--start=7", "--only", ONE, *both, f"--state={state}")
    assert said.returncode == 1, said.stderr
    assert [record["seed"] for record in written(state)] == [7, 8]
    alarms = [alarm for record in written(state) for alarm in record["alarms"]]
    assert {(alarm["check"], alarm["backend"]) for alarm in alarms} == {(ONE, "planted-cpu-float64-eager")}
    assert "FALSE ALARM, seed 7: VALUES softmax on planted-cpu-float64-eager" in said.stdout
    assert "softmax(x=" in said.stdout
    again = next(text.split("again: ")[1] for text in said.stdout.splitlines() if "again: " in text)
    repeated = ended(*shlex.split(again)[4:])
    assert repeated.returncode == 1
    assert alarms[0]["failure"] in repeated.stdout
    # What was found is said again by a run that has nothing left to do.
    assert ended("--seeds=2", "--only", ONE, *both, f"--state={state}").returncode == 1


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_run_that_is_killed_goes_on(jobs: int, adapters: dict[str, Path], tmp_path: Path) -> None:
    """SIGKILL loses at most the seeds in hand, whatever half of a line it leaves; no process stays behind."""
    state = tmp_path / "state.jsonl"
    given = ["--only", ONE, f"--adapter={adapters['planted']}", f"--state={state}", f"--jobs={jobs}"]
    process = subprocess.Popen(
        line("--seeds=1000", "--start=3", *given),
        cwd=ROOT,
        env=surroundings(),
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    wait_for(lambda: len(written(state)) >= 2, seconds=60)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    wait_for(lambda: not _is_there(process.pid), seconds=60)
    before = written(state)
    with state.open("ab") as file:
        file.write(b'{"seed": 4, "che')
    n = max(record["seed"] for record in before) - 3 + 3
    said = ended(f"--seeds={n}", *given)
    assert said.returncode == 1, said.stderr
    assert "are done" in said.stdout
    assert written(state)[: len(before)] == before
    assert sorted(record["seed"] for record in written(state)) == list(range(3, 3 + n))
    assert said.stdout.count("FALSE ALARM") == sum(len(record["alarms"]) for record in written(state)) > 0


def _is_there(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_an_interrupted_run_says_how_it_goes_on(adapters: dict[str, Path], tmp_path: Path) -> None:
    """Ctrl-C ends with status 130 and one sentence, also with several processes."""
    state = tmp_path / "state.jsonl"
    given = ["--seeds=1000", "--only", ONE, f"--adapter={adapters['right']}", f"--state={state}", "--jobs=2"]
    process = begun(line(*given))
    wait_for(lambda: bool(written(state)), seconds=60)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "The same command goes on" in output
    assert "Traceback" not in output


def test_fresh_seeds_and_remembered_ones(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --start the seeds are new each time, and those of the file where it goes on; the reference has none."""
    starts = []
    for name in ("one", "two", "one"):
        arguments = ["alarm", "--seeds=1", "--only", "VALUES relu", f"--state={tmp_path / name}"]
        assert tools.main(arguments) == 0
        assert "no false alarm" in capsys.readouterr().out
        starts.append(json.loads((tmp_path / name).read_text().splitlines()[0])["start"])
    assert starts[0] == starts[2] != starts[1]


def test_every_pool_is_given_back() -> None:
    """What one seed has drawn does not stay in memory for the next."""
    setting = alarm.Setting(alarm.HONEST, "smoke", "VALUES relu")
    record = alarm.under(5, setting.trials(), setting.depth)
    assert record["alarms"] == []
    assert problems._covering.cache_info().currsize == 0


def test_an_error_of_the_suite_is_an_alarm() -> None:
    """What the judge itself raises is found as well, with its place."""
    (trial, *_) = alarm.Setting(("reference",), "smoke", "VALUES relu").trials()

    def broken(backend: Any) -> None:
        raise ZeroDivisionError("of the judge")

    (found,) = alarm.under(0, [trial._replace(test=broken)], "smoke")["alarms"]
    assert found["kind"] == "error of the suite"
    assert "ZeroDivisionError: of the judge (test_alarm.py, line" in found["failure"]


WRONG_USE = {
    "an unknown check": (["--only", "VALUES sofmax"], 'Did you mean "VALUES softmax"?'),
    "an unknown adapter": (["--adapter=nosuch"], "There is no adapter nosuch"),
    "a folder that is a file": (["--only", ONE, f"--state={ROOT / 'README.md' / 'x'}"], "Give another --state"),
    "a file of something else": (["--only", ONE, f"--state={ROOT / 'README.md'}"], "no record of a run"),
}


@pytest.mark.parametrize("what", WRONG_USE)
def test_wrong_use_gets_one_paragraph(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 2, and what to do."""
    arguments, message = WRONG_USE[what]
    assert tools.main(["alarm", *arguments]) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert len(said.err.splitlines()) == 1


@pytest.mark.parametrize("changed", [["--depth=default"], ["--adapter=reference"], ["--start=6"]])
def test_runs_are_not_mixed(changed: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file goes on only with what it was begun with."""
    given = ["alarm", "--seeds=1", "--only", "VALUES relu", f"--state={tmp_path / 'state'}"]
    assert tools.main([*given, "--start=5"]) == 0
    assert tools.main([*given, *changed]) == 2
    assert "Runs are not mixed" in capsys.readouterr().err
