"""The pytest plugin: which backends are tried, and the record of every check.

A check is a test function with the attribute `check` and the argument `backend`. Trial runs in every
process that runs checks, Run in the one that the user started: without -n they are the same process.
"""

from __future__ import annotations

import faulthandler
import gc
import inspect
import signal
import subprocess
import time
import traceback
import uuid
from collections import Counter, defaultdict
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from adapters import backend as calls
from adapters.backend import Backend, NotOffered
from adapters.loading import SHIPPED
from conformance import __version__, environment, evidence, guard, results, summary
from conformance.changes import Changes
from conformance.choice import Choice, add_options, report_of
from conformance.document import Document
from conformance.heartbeat import Heartbeat
from conformance.records import (
    CONTROLLER,
    FlightRecorder,
    Writer,
    fault_file,
    forget_others,
    has_begun,
    last_input,
    place,
)
from conformance.report import comparison, write
from properties import agreement
from properties.agreement import Failure
from properties.trial import Check, configure, is_tried
from reference import PRIMITIVES

OF_A_LINE = 2000  # characters of a line of JUnit
MOST_STILLBORN = 3  # one may be bad luck; without an end every worker would be replaced for ever
LETTERS = {
    "conforms": ".",
    "known_deviation": "k",
    "deviates": "F",
    "mistrusted": "?",
    "not_offered": "-",
    "crashed": "C",
}
OUTCOME = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    if cache := getattr(config, "cache", None):
        environment.keep_compilations(cache.mkdir("jax"), cache.mkdir("inductor"))
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
        frameworks = ", ".join(name for name in SHIPPED if name != "reference")
        lines.append(f"no framework is installed here ({frameworks}): only the reference itself is tried")
    return lines


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """Checks are counted by their outcome, and their failures printed by the summary, not as tracebacks."""
    outcome = getattr(report, "etalon", None)
    if outcome is None:
        return None
    word = outcome.replace("_", " ")
    return word, LETTERS[outcome], word.upper()


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
        formats = defaultdict(set)
        for backend in self.backends:
            formats[backend.name, backend.device].add(backend.format.name)
        tried = [
            (backend, case, check)
            for case, check in checks
            for backend in self.backends
            if is_tried(check, backend, formats[backend.name, backend.device])
        ]
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
        checks = [item for item in items if _checks(getattr(item, "obj", None))]
        without = [item for item in checks if not isinstance(_backend(item), Backend)]
        if without:  # no backend has the formats of these checks
            config.hook.pytest_deselected(items=without)
            items[:] = [item for item in items if item not in without]
        if (wanted := self.choice.chosen_checks()) is not None:
            config.hook.pytest_deselected(items=[item for item in items if _names(item) not in wanted])
            items[:] = [item for item in items if _names(item) in wanted]
        items.sort(key=_neighbours)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        items = [item for item in session.items if _check(item)]
        if not items or self.error or session.config.getoption("collectonly"):
            return
        for item in items:
            item.user_properties += _properties(item)
        tried = {backend.id: backend for item in items if (backend := _backend(item))}
        rows = [_row(item) for item in items]
        names = Counter((row["check"]["id"], row["backend"]) for row in rows)
        if twice := [check for (check, _), n in names.items() if n > 1]:
            raise pytest.UsageError(f"Two checks have the id {twice[0]}, so a report could not tell them apart.")
        self.writer = Writer(self.choice.records, self.run, self.process)
        self.recorder = FlightRecorder(self.choice.records, self.run, self.process)
        calls.observers.append(self.recorder)
        # What Python prints when it crashes or hangs is a record too; pytest would put it on the terminal.
        self.faults = fault_file(self.choice.records, self.run, self.process)
        self.limit = float(session.config.getini("faulthandler_timeout") or 0)
        self.is_final = session.config.getini("faulthandler_exit_on_timeout")
        described = {key: describe(backend) for key, backend in tried.items()}
        sources = {backend.name: _source(backend) for backend in tried.values()}
        self.writer.append("collected", backends=described, items=rows, sources=sources)
        gc.collect()
        gc.freeze()  # what start-up has made stays, so the collector need not look at it again

    @pytest.hookimpl(wrapper=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> Generator[None, object, object]:
        backend = _backend(pyfuncitem)
        if _check(pyfuncitem) is None or backend is None or self.writer is None or self.recorder is None:
            return (yield)
        self.recorder.clear()
        faulthandler.enable(self.faults)
        if self.limit:
            faulthandler.dump_traceback_later(self.limit, file=self.faults, exit=self.is_final)  # pytest cancels it
        self.writer.append("start", item=pyfuncitem.nodeid)
        tally, began, counted = agreement.start(), time.perf_counter(), backend.counters()
        outcome, fields = "crashed", dict[str, Any]()
        try:
            result = yield
            outcome = "known_deviation" if tally.known else "conforms"
            return result
        except NotOffered as refusal:
            outcome, fields = "not_offered", {"reasons": [str(refusal)]}
            pytest.skip(str(refusal))
        except Failure as failure:
            outcome, fields = "deviates", {"counterexample": results.counterexample(failure)}
            fields["evidence"] = evidence.of_failure(failure, backend)
            raise
        except (KeyboardInterrupt, pytest.exit.Exception):
            outcome, fields = "not_run", {"cause": "it was interrupted"}
            raise
        except BaseException as error:
            fields = {"cause": f"{type(error).__name__}: {error}", "traceback": _places(error)}
            last = self.choice.records, self.run, self.process
            fields |= {"counterexample": last_input(*last), "evidence": evidence.of_last(*last, backend.device)}
            raise
        finally:
            measured = results.measure(tally)
            is_mistrusted = results.is_mistrusted(outcome, measured)
            pyfuncitem.stash[OUTCOME] = "mistrusted" if is_mistrusted else outcome
            seconds = time.perf_counter() - began
            warned = sorted(f"{backend}, {primitive}: {text}" for backend, primitive, text in calls.warned)
            calls.warned.clear()
            counts = {name: n - counted.get(name, 0) for name, n in backend.counters().items()}
            fields = {**measured, **fields, "warnings": warned, "seconds": seconds, "counts": counts}
            self.writer.append("end", item=pyfuncitem.nodeid, outcome=outcome, **fields)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        outcome = item.stash.get(OUTCOME, None)
        # A defect of the suite (crashed) keeps pytest's traceback.
        report.is_check = outcome is not None  # type: ignore[attr-defined]  # travels with the report
        if call.when == "call" and outcome not in (None, "crashed", "not_run"):
            report.etalon = outcome  # type: ignore[attr-defined]  # travels with the report
            if call.excinfo and isinstance(call.excinfo.value, Failure):
                report.longrepr = _told(item, call.excinfo.value)
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


def _names(item: pytest.Item) -> tuple[str, str] | None:
    """The check and the backend as a report names them."""
    check, backend = _check(item), _backend(item)
    return (check.id, backend.id) if check and backend else None


def _properties(item: pytest.Item) -> list[tuple[str, object]]:
    """What JUnit says of a check; texts, since they travel between processes."""
    check, backend = _check(item), _backend(item)
    assert check and backend
    reference = results.source_of(check.primitive)
    return [("check", check.id), ("backend", backend.id), ("states", check.statement), ("reference", reference)]


def _told(item: pytest.Item, failure: Failure) -> str:
    """A failure as JUnit tells it: what was found, on which input, and by which definition."""
    check, backend = _check(item), _backend(item)
    assert check and backend
    lines = [str(failure), f"on {failure.draw!r}" if failure.draw is not None else "", f"{check.id} on {backend.id}"]
    lines += [check.statement, f"reference: {results.source_of(check.primitive)}"]
    return "\n".join(results.shortened(line, OF_A_LINE) for line in lines if line)


def _neighbours(item: pytest.Item) -> tuple[str, ...]:
    """Where a check stands among the others: those of one primitive follow each other, since they have its programs."""
    check, backend = _check(item), _backend(item)
    return (backend.name, backend.device, check.primitive, backend.id) if check and backend else ()


def _row(item: pytest.Item) -> dict[str, Any]:
    check, backend = _check(item), _backend(item)
    assert check and backend
    path, line, _ = item.location
    return {
        "item": item.nodeid,
        "check": {key: getattr(check, key) for key in ("id", "primitive", "property", "statement")},
        "backend": backend.id,
        "where": f"{Path(path).as_posix()}:{(line or 0) + 1}",
    }


def describe(backend: Backend) -> dict[str, Any]:
    """What a backend is and claims, as the report prints it."""
    offered = [primitive for primitive in PRIMITIVES if backend.offers(primitive)]
    return {
        "name": backend.name,
        "spec": str(Path(backend.spec).resolve()) if backend.spec.endswith(".py") else backend.spec,
        "version": backend.version,
        "versions": backend.adapter.versions() if hasattr(backend.adapter, "versions") else {},
        "device": backend.device,
        "format": backend.format.name,
        "mode": backend.mode,
        "offers": offered,
        "claims": {p: weak for p in offered if (weak := backend.arithmetic(p).weaknesses())},
        "conventions": {p: chosen for p in offered if (chosen := _documented(backend, p))},
        "accepts": {p: kinds for p in offered if (kinds := backend.accepts(p))},
        "composed": [p for p in offered if p in getattr(backend.adapter, "composed", ())],
    }


def _source(backend: Backend) -> str | None:
    """The source of an adapter's module, if it is one: scripts are made of it."""
    try:
        return inspect.getsource(backend.adapter)
    except (OSError, TypeError):
        return None


def _documented(backend: Backend, primitive: str) -> dict[str, Any]:
    """The choices that a backend documents: options with another value, and inputs that it updates."""
    names = backend.in_place(primitive)
    return backend.conventions(primitive) | ({"updated in place": " and ".join(names)} if names else {})


def _places(error: BaseException) -> list[str]:
    """Where an exception came from, the last call first."""
    frames = reversed(traceback.extract_tb(error.__traceback__))
    return [place(frame.filename, frame.lineno, frame.name) for frame in frames]


class Run:
    """Watches the processes of a run and makes the report at its end."""

    def __init__(self, config: pytest.Config, choice: Choice, run: str) -> None:
        self.config, self.choice, self.run = config, choice, run
        self.is_interrupted = False
        self.has_checks = False
        self.early: list[dict[str, Any]] = []  # what happened before there was a check
        self.writer: Writer | None = None
        self.document: Document | None = None
        self.timing: Document | None = None
        self.baseline = report_of(choice.baseline)
        self.changes: Changes | None = None
        self.others_failed = False  # tests that are no checks
        self.failed_to_write: OSError | ValueError | None = None
        self.heartbeat = Heartbeat(choice.heartbeat)
        self.handler = signal.signal(signal.SIGTERM, _stop)
        self.guard: subprocess.Popen[bytes] | None = None
        self.stillborn = 0

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
        self.writer.append(
            "run",
            seed=self.choice.seed,
            depth=self.choice.depth,
            workers=workers,
            limit=limit,
            suite=environment.suite(),
            choice=self.choice.described,
            gradescope=self.choice.gradescope,
        )
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
        """Note a worker that died; another takes its place.

        Raises: pytest.UsageError, or the exit of the run, if workers cannot even begin.
        """
        message = getattr(node, "workeroutput", {}).get("etalon")
        if message:
            raise pytest.UsageError(message)
        if not error:
            return
        status = _status(node)
        self._note("down", worker=node.gateway.id, status=status, error=str(error))
        self.stillborn += not has_begun(self.choice.records, self.run, node.gateway.id)
        if self.stillborn > MOST_STILLBORN:
            text = (
                f"{self.stillborn} processes ended before their first check ({results.ending(status)}). "
                "Does an adapter crash when it is imported?"
            )
            if self.writer is None:
                raise pytest.UsageError(text)
            pytest.exit(text, returncode=pytest.ExitCode.INTERRUPTED)

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, crashitem: str, report: pytest.TestReport, sched: Any) -> None:
        report.etalon = "crashed"  # type: ignore[attr-defined]  # as in Trial

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.heartbeat.started(nodeid)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self.heartbeat.ended(nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.heartbeat.failed += report.failed
        self.others_failed |= report.failed and not getattr(report, "is_check", hasattr(report, "etalon"))
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
            self.document, self.timing, self.changes = write(self.choice.report, self.run, self.baseline)
        except (OSError, ValueError) as error:  # a full disk, or records that somebody has removed
            self.failed_to_write = error
        if session.exitstatus == pytest.ExitCode.OK and self._has_failed:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if session.exitstatus == pytest.ExitCode.TESTS_FAILED and self.changes and not self._has_failed:
            session.exitstatus = pytest.ExitCode.OK

    @property
    def _has_failed(self) -> bool:
        """Whether anything failed; with a baseline, whether anything failed that did not fail there."""
        if not self.document or self.failed_to_write or self.others_failed:
            return True
        return self.changes.is_worse if self.changes else not results.is_clean(self.document)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.failed_to_write:
            text = f"The report could not be written: {self.failed_to_write}. The records are in {self.choice.records}."
            terminalreporter.write_line(text, red=True)
        if self.document:
            folder = self.choice.report
            here = self.config.invocation_params.dir
            shown = folder.relative_to(here) if folder.is_relative_to(here) else folder
            terminalreporter.section("etalon")
            for line in summary.lines(self.document, str(shown), self.timing):
                terminalreporter.write_line(line)
            if self.changes:
                terminalreporter.section("since the baseline")
                for line in comparison.terminal(self.changes):
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
