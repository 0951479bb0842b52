"""The pytest plugin: which backends are tried, and the record of every check.

A check is a test function with the attribute `check` and the argument `backend`. Trial runs in every
process that runs checks, Run in the one that the user started: without -n they are the same process.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import signal
import subprocess
import time
import traceback
import uuid
import warnings
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from adapters import backend as calls
from adapters.backend import Backend, NotOffered, backends
from adapters.loading import SHIPPED, AdapterError, installed, load
from conformance import __version__, environment, guard, results, summary
from conformance.heartbeat import Heartbeat
from conformance.records import CONTROLLER, FlightRecorder, Writer, as_input, forget_others, last_input, place
from properties import agreement
from properties.agreement import Failure, Tally
from properties.trial import Check, configure, is_tried
from reference import PRIMITIVES
from reference.arithmetic import FORMATS

DEPTHS = ("smoke", "default", "deep")
OUTCOME = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("etalon", "conformance of neural-network primitives")
    group.addoption("--adapter", action="append", default=[], metavar="NAME", help="what to try: torch, jax, reference, a module, or a file such as homework.py; repeatable (default: all that are installed)")
    group.addoption("--device", action="append", default=[], metavar="DEVICE", help="only on this device, such as cpu or cuda; repeatable (default: all that are there)")
    group.addoption("--format", action="append", default=[], choices=list(FORMATS), help="only in this number format; repeatable (default: all that an adapter has)")
    group.addoption("--depth", default="default", choices=DEPTHS, help="how much is tried (default: %(default)s)")
    group.addoption("--seed", type=int, default=0, metavar="N", help="which inputs are drawn; the same seed gives every adapter the same inputs (default: 0)")
    group.addoption("--report", metavar="DIR", help="where the report and the records go (default: reports/latest)")
    group.addoption("--heartbeat", type=float, default=60.0, metavar="SECONDS", help="how often a long run says where it is; 0: never (default: 60)")


@dataclass(frozen=True)
class Choice:
    """What the command line asks for."""

    adapters: tuple[str, ...]
    devices: tuple[str, ...]
    formats: tuple[str, ...]
    depth: str
    seed: int
    report: Path
    heartbeat: float

    @classmethod
    def of(cls, config: pytest.Config) -> Choice:
        """Raises: pytest.UsageError if no report can be written where it is asked for."""
        report = config.getoption("report")
        folder = config.invocation_params.dir / report if report else config.rootpath / "reports" / "latest"
        _expect_writable(folder)
        return cls(
            adapters=tuple(dict.fromkeys(config.getoption("adapter"))) or tuple(installed()),
            devices=tuple(config.getoption("device")),
            formats=tuple(config.getoption("format")),
            depth=config.getoption("depth"),
            seed=config.getoption("seed"),
            report=folder,
            heartbeat=config.getoption("heartbeat"),
        )

    @property
    def records(self) -> Path:
        return self.report / "records"

    def check_adapters(self) -> None:
        """Find what is wrong with the adapters that can be told without importing a framework."""
        for spec in self.adapters:
            if spec not in installed():
                _load(spec)

    def backends(self) -> list[Backend]:
        """Every backend that is asked for, in the order of the command line.

        Raises: pytest.UsageError.
        """
        loaded = [_load(spec) for spec in self.adapters]
        names = [name for name, _, _ in loaded]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise pytest.UsageError(f"Two adapters have the name {', '.join(twice)}, so a report could not tell them apart. Rename one of the files.")
        found = [backend for _, _, offered in loaded for backend in offered]
        for what, wanted, there in (
            ("device", self.devices, {backend.device for backend in found}),
            ("format", self.formats, {backend.format.name for backend in found}),
        ):
            if missing := [choice for choice in wanted if choice not in there]:
                raise pytest.UsageError(
                    f"No adapter has the {what} {', '.join(missing)} here. The adapters {', '.join(names)} have: {', '.join(sorted(there))}."
                )
        chosen = [b for b in found if b.device in (self.devices or [b.device]) and b.format.name in (self.formats or [b.format.name])]
        if not chosen:
            raise pytest.UsageError(f"No adapter has the device {', '.join(self.devices)} in the format {', '.join(self.formats)}, so there is nothing to try.")
        return chosen


def _expect_writable(folder: Path) -> None:
    there = next(path for path in (folder, *folder.parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise pytest.UsageError(f"The report cannot be written to {folder}: {there} is {'not writable' if there.is_dir() else 'no folder'}. Choose another folder with --report.")


def _load(spec: str) -> tuple[str, Any, list[Backend]]:
    """The name, the adapter and its backends; what it warns of while it is imported is not our concern.

    Raises: pytest.UsageError.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            name, adapter = load(spec)
        except AdapterError as error:
            raise pytest.UsageError(str(error)) from error
        except SystemExit as error:
            raise pytest.UsageError(f"The adapter {spec} ends the process when it is imported (exit status {error.code}). Move what runs into functions.") from error
        try:
            return name, adapter, backends(adapter, name)
        except (Exception, SystemExit) as error:
            raise pytest.UsageError(f"The adapter {spec} does not say what it runs on: {type(error).__name__}: {error}. Its devices, versions or modes are at fault.") from error


def pytest_configure(config: pytest.Config) -> None:
    if cache := getattr(config, "cache", None):
        environment.keep_compilations(cache.mkdir("jax"))
    choice = Choice.of(config)
    configure(choice.depth, choice.seed)
    worker = getattr(config, "workerinput", None)
    is_distributed = worker is None and config.getoption("dist", "no") != "no" and bool(config.getoption("tx", None))
    if is_distributed:
        choice.check_adapters()
    run: str = worker["etalon"] if worker else uuid.uuid4().hex
    if not is_distributed:
        config.pluginmanager.register(Trial(choice, run, worker["workerid"] if worker else "main"), "etalon-trial")
    if worker is None and not config.getoption("collectonly"):
        config.pluginmanager.register(Run(config, choice, run), "etalon-run")


def pytest_report_header(config: pytest.Config) -> list[str]:
    choice = Choice.of(config)
    lines = [f"etalon {__version__}: depth {choice.depth}, seed {choice.seed}, adapters {', '.join(choice.adapters)}"]
    if choice.adapters == ("reference",) and not config.getoption("adapter"):
        lines.append(f"no framework is installed here ({', '.join(name for name in SHIPPED if name != 'reference')}): only the reference itself is tried")
    return lines


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """Checks are counted by their outcome, and their failures printed by the summary, not as tracebacks."""
    outcome = getattr(report, "etalon", None)
    if outcome is None:
        return None
    letter = {"conforms": ".", "known_deviation": "k", "deviates": "F", "not_offered": "-", "mistrusted": "?", "crashed": "C"}
    return outcome.replace("_", " "), letter[outcome], outcome.replace("_", " ").upper()


class Trial:
    """Runs the checks of one process and records each."""

    def __init__(self, choice: Choice, run: str, process: str) -> None:
        self.choice, self.run, self.process = choice, run, process
        self.backends: list[Backend] | None = None
        self.error: pytest.UsageError | None = None
        self.writer: Writer | None = None
        self.recorder: FlightRecorder | None = None
        self.faults = -1
        self.limit, self.is_final = 0.0, False

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        checks = _checks(metafunc.function)
        if not checks:
            return
        if self.backends is None:
            try:
                self.backends = self.choice.backends()
            except pytest.UsageError as error:  # pytest would take it for a fault of the file of checks
                self.backends, self.error = [], error
        tried = [(backend, case, check) for case, check in checks for backend in self.backends if is_tried(check, backend)]
        # The primitive is a part of the name, so that -k "softmax and jax" finds every check of it.
        ids = [f"{check.primitive}-{backend.id}" for backend, _, check in tried]
        if checks[0][0] is None:
            metafunc.parametrize("backend", [backend for backend, _, _ in tried], ids=ids)
        else:
            metafunc.parametrize(("backend", "case"), [(backend, case) for backend, case, _ in tried], ids=ids)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Raises: pytest.UsageError if there is no backend to try."""
        if self.error:
            if hasattr(config, "workeroutput"):
                config.workeroutput["etalon"] = str(self.error)
            raise self.error
        without = [item for item in items if _checks(getattr(item, "obj", None)) and not isinstance(_backend(item), Backend)]
        if without:  # no backend has the formats of these checks
            config.hook.pytest_deselected(items=without)
            items[:] = [item for item in items if item not in without]

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        items = [item for item in session.items if _check(item)]
        if not items or session.config.getoption("collectonly"):
            return
        tried = {backend.id: backend for item in items if (backend := _backend(item))}
        self.writer = Writer(self.choice.records, self.run, self.process)
        self.recorder = FlightRecorder(self.choice.records, self.run, self.process)
        calls.observers.append(self.recorder)
        # What Python prints when it crashes or hangs is a record too; pytest would put it on the terminal.
        self.faults = os.open(self.choice.records / f"{self.run}-{self.process}.fault", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self.limit = float(session.config.getini("faulthandler_timeout") or 0)
        self.is_final = session.config.getini("faulthandler_exit_on_timeout")
        self.writer.append("collected", backends={key: describe(backend) for key, backend in tried.items()}, items=[_row(item) for item in items])
        gc.collect()
        gc.freeze()  # what start-up has made stays, so the collector need not look at it again

    @pytest.hookimpl(wrapper=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> Generator[None, object, object]:
        if _check(pyfuncitem) is None or self.writer is None or self.recorder is None:
            return (yield)
        self.recorder.clear()
        faulthandler.enable(self.faults)
        if self.limit:
            faulthandler.dump_traceback_later(self.limit, file=self.faults, exit=self.is_final)  # pytest cancels it
        self.writer.append("start", item=pyfuncitem.nodeid)
        tally, began = agreement.start(), time.perf_counter()
        outcome, fields = "crashed", dict[str, Any]()
        try:
            with warnings.catch_warnings(record=True) as warned:
                warnings.simplefilter("default")
                result = yield
            outcome = "known_deviation" if tally.known else "conforms"
            return result
        except NotOffered as refusal:
            outcome, fields = "not_offered", {"reasons": [str(refusal)]}
            pytest.skip(str(refusal))
        except Failure as failure:
            outcome, fields = "deviates", {"counterexample": _counterexample(failure)}
            raise
        except (KeyboardInterrupt, pytest.exit.Exception):
            outcome, fields = "not_run", {"cause": "it was interrupted"}
            raise
        except BaseException as error:
            fields = {"cause": f"{type(error).__name__}: {error}", "traceback": _places(error)}
            fields["counterexample"] = last_input(self.choice.records, self.run, self.process)
            raise
        finally:
            measured = results.measure(tally)
            is_mistrusted = results.is_mistrusted(outcome, measured)
            pyfuncitem.stash[OUTCOME] = "mistrusted" if is_mistrusted else outcome
            texts = sorted({f"{w.category.__name__}: {w.message}" for w in warned})
            seconds = time.perf_counter() - began
            self.writer.append("end", item=pyfuncitem.nodeid, outcome=outcome, **{**measured, **fields}, warnings=texts, seconds=seconds)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        outcome = item.stash.get(OUTCOME, None)
        # A defect of the suite (crashed) keeps pytest's traceback.
        if call.when == "call" and outcome not in (None, "crashed", "not_run"):
            report.etalon = outcome  # type: ignore[attr-defined]  # travels with the report
            if call.excinfo and isinstance(call.excinfo.value, Failure):
                report.longrepr = str(call.excinfo.value)
        return report

    def pytest_unconfigure(self) -> None:
        if self.recorder in calls.observers:
            calls.observers.remove(self.recorder)
        if self.recorder:
            self.recorder.close()
        if self.writer:
            self.writer.close()


def _checks(function: Any) -> list[tuple[Any, Check]]:
    """The checks of a test function: one, or one for each of its cases."""
    cases = getattr(function, "cases", None)
    if isinstance(cases, dict):
        return list(cases.items())
    check = getattr(function, "check", None)
    return [(None, check)] if isinstance(check, Check) else []


def _check(item: pytest.Item) -> Check | None:
    checks = _checks(getattr(item, "obj", None))
    callspec = getattr(item, "callspec", None)
    case = callspec.params.get("case") if callspec else None
    return next((check for of, check in checks if of is None or of == case), None)


def _backend(item: pytest.Item) -> Backend | None:
    callspec = getattr(item, "callspec", None)
    return callspec.params.get("backend") if callspec else None


def _row(item: pytest.Item) -> dict[str, Any]:
    check, backend = _check(item), _backend(item)
    assert check and backend
    path, line, _ = item.location
    fields = {"id": check.id, "primitive": check.primitive, "property": check.property, "statement": check.statement}
    return {"item": item.nodeid, "check": fields, "backend": backend.id, "where": f"{Path(path).as_posix()}:{(line or 0) + 1}"}


def describe(backend: Backend) -> dict[str, Any]:
    """What a backend is and claims, as the report prints it."""
    offered = [primitive for primitive in PRIMITIVES if backend.offers(primitive)]
    return {
        "name": backend.name,
        "version": backend.version,
        "versions": backend.adapter.versions() if hasattr(backend.adapter, "versions") else {},
        "device": backend.device,
        "format": backend.format.name,
        "mode": backend.mode,
        "offers": offered,
        "claims": {p: weak for p in offered if (weak := backend.arithmetic(p).weaknesses())},
        "conventions": {p: chosen for p in offered if (chosen := backend.conventions(p))},
        "composed": [p for p in offered if p in getattr(backend.adapter, "composed", ())],
    }


def _counterexample(failure: Failure) -> dict[str, Any]:
    draw = failure.draw
    given = {} if draw is None else {**as_input(draw.primitive, draw.arrays, draw.options, draw.extras), "call": repr(draw), "numbers": draw.numbers}
    return {
        **given,
        "kind": failure.kind,
        "message": str(failure),
        "output": failure.output,
        "index": failure.index,
        "got": failure.got,
        "want": failure.want,
        "bound": failure.bound,
    }


def _places(error: BaseException) -> list[str]:
    """Where an exception came from, the last call first."""
    return [place(frame.filename, frame.lineno, frame.name) for frame in reversed(traceback.extract_tb(error.__traceback__))]


class Run:
    """Watches the processes of a run and makes the report at its end."""

    def __init__(self, config: pytest.Config, choice: Choice, run: str) -> None:
        self.config, self.choice, self.run = config, choice, run
        self.is_interrupted = False
        self.has_checks = False
        self.early: list[dict[str, Any]] = []  # what happened before there was a check
        self.writer: Writer | None = None
        self.document: dict[str, Any] | None = None
        self.failed_to_write: OSError | None = None
        self.heartbeat = Heartbeat(config, choice.heartbeat)
        self.handler = signal.signal(signal.SIGTERM, _stop)
        self.guard: subprocess.Popen[bytes] | None = None

    def pytest_unconfigure(self) -> None:
        signal.signal(signal.SIGTERM, self.handler)
        self.heartbeat.stop()
        if self.guard:
            guard.release(self.guard)
        if self.writer:
            self.writer.close()

    # What happens to the processes

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput["etalon"] = self.run

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: list[str]) -> None:
        self._begin(len(ids))

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._begin(len(session.items))

    def _begin(self, items: int) -> None:
        """The first process has collected: if there are checks, the records of earlier runs go."""
        if self.writer or not list(self.choice.records.glob(f"{self.run}-*.jsonl")):
            return
        forget_others(self.choice.records, self.run)
        self.writer = Writer(self.choice.records, self.run, CONTROLLER)
        workers = len(self.config.getoption("tx", None) or ())
        limit = float(self.config.getini("faulthandler_timeout") or 0)
        self.writer.append("run", seed=self.choice.seed, depth=self.choice.depth, workers=workers, limit=limit)
        for early in self.early:
            self.writer.append(**early)
        if not workers:
            self.guard = guard.start(self.choice.report, self.run)
        self.heartbeat.start(items)

    def _note(self, record: str, **fields: Any) -> None:
        if self.writer:
            self.writer.append(record, **fields)
        else:
            self.early.append({"record": record, **fields})

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object | None) -> None:
        """Raises: pytest.UsageError if a worker could not use an adapter."""
        message = getattr(node, "workeroutput", {}).get("etalon")
        if message:
            raise pytest.UsageError(message)
        if error:
            self._note("down", worker=node.gateway.id, status=_status(node), error=str(error))

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, crashitem: str, report: pytest.TestReport, sched: Any) -> None:
        report.etalon = "crashed"  # type: ignore[attr-defined]  # as in Trial

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.heartbeat.started(nodeid)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self.heartbeat.ended(nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.heartbeat.failed += report.failed
        if report.failed and report.when in ("setup", "teardown"):
            self._note("error", where=f"{report.when} of {report.nodeid}", text=report.longreprtext)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._note("error", where=f"collection of {report.nodeid}", text=report.longreprtext)

    def pytest_internalerror(self, excrepr: object) -> None:
        self._note("error", where="the run itself", text=str(excrepr).splitlines()[-1])

    def pytest_keyboard_interrupt(self) -> None:
        self.is_interrupted = True

    # The end

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self.heartbeat.stop()
        if not self.writer:
            return
        self._note("finished", interrupted=self.is_interrupted)
        try:
            self.document = results.write(self.choice.report, self.run)
        except OSError as error:
            self.failed_to_write = error
        if session.exitstatus == pytest.ExitCode.OK and not (self.document and results.is_clean(self.document)):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.failed_to_write:
            terminalreporter.write_line(f"The report could not be written to {self.choice.report}: {self.failed_to_write}. The records are in {self.choice.records}.", red=True)
        if self.document:
            folder = self.choice.report
            here = self.config.invocation_params.dir
            shown = folder.relative_to(here) if folder.is_relative_to(here) else folder
            terminalreporter.section("etalon")
            for line in summary.lines(self.document, str(shown)):
                terminalreporter.write_line(line)


def _status(node: Any) -> int | None:
    """The exit status of a worker that died, negative for a signal; None where it cannot be known."""
    try:
        return int(node.gateway._io.popen.wait(timeout=10))
    except Exception:  # a worker on another machine has no process here
        return None


def _stop(signum: int, frame: object) -> None:
    """SIGTERM ends a run like Ctrl-C: with a report."""
    raise KeyboardInterrupt
