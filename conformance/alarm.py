"""No false alarm: every check, under many seeds, on implementations that are right.

The reference is right by definition. NumPy in float32 and float16 evaluates the same formulas with real
rounding, so its results must lie within the bounds. Whatever fails here is a fault of the suite.

A run is written down seed by seed in a file of JSON lines: the first says what is tried, each further one
what a seed gave. A run that was ended, in whatever way, goes on where it stood.
"""

from __future__ import annotations

import argparse
import difflib
import hashlib
import json
import multiprocessing
import os
import random
import shlex
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from threadpoolctl import threadpool_limits

from adapters.backend import Backend, NotOffered
from conformance import results
from conformance.checks import check_ids, checks
from conformance.choice import Choice
from properties import agreement
from properties.agreement import Failure
from properties.strategies.problems import forget_pools
from properties.trial import DEPTHS, Check, configure, is_tried

ROOT = Path(__file__).resolve().parents[1]
HONEST = ("reference", "adapters.narrow")
FRESH = 10**9  # where seeds begin that nobody has looked at: somewhere below

Record = dict[str, Any]


class Refused(Exception):
    """The run cannot be made; the text is one paragraph that says why and what to do."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    option = parser.add_argument
    option("--seeds", type=_positive, default=200, metavar="N", help="how many seeds in all (200)")
    option("--start", type=int, metavar="SEED", help="the first seed; otherwise a fresh one is drawn, and remembered")
    option("--depth", default="smoke", choices=list(DEPTHS), help="how much is tried under each seed (smoke)")
    option(
        "--adapter",
        action="append",
        metavar="NAME",
        help="an implementation that is right; repeatable; otherwise the reference, and NumPy in float32 and float16",
    )
    option("--only", metavar="CHECK", help='one check, such as "VALUES softmax"; nothing is remembered without --state')
    option("--jobs", type=_positive, default=1, metavar="N", help="how many processes share the seeds (1)")
    option(
        "--state",
        type=Path,
        metavar="FILE",
        help="where the run is written down, and goes on from if it is there (reports/latest/alarm.jsonl)",
    )


def _positive(text: str) -> int:
    n = int(text)
    if n < 1:
        raise argparse.ArgumentTypeError(f"{n} is not positive")
    return n


class Trial(NamedTuple):
    """A check on a backend."""

    check: Check
    test: Callable[[Backend], None]
    backend: Backend


@dataclass(frozen=True)
class Setting:
    """What is tried under each seed; it can be sent to another process."""

    adapters: tuple[str, ...]
    depth: str
    only: str | None

    def trials(self) -> list[Trial]:
        """Every check on every backend, as a run at this depth has them. Raises: Refused."""
        try:
            backends = Choice(self.adapters, (), (), self.depth, 0, Path(), 0).backends()
        except pytest.UsageError as error:
            raise Refused(str(error)) from None
        if self.only and self.only not in check_ids():
            alike = difflib.get_close_matches(self.only, check_ids(), n=1, cutoff=0)
            raise Refused(f'There is no check "{self.only}". Did you mean "{alike[0]}"? The reports name every check.')
        configure(self.depth, 0)
        return [
            Trial(check, test, backend)
            for backend in backends
            for check, test in checks().items()
            if self.only in (None, check.id)
            if is_tried(check, backend, [b.format.name for b in backends if b.name == backend.name])
        ]

    def header(self, start: int) -> Record:
        return {
            "start": start,
            "depth": self.depth,
            "adapters": list(self.adapters),
            "only": self.only,
            "suite": _suite(self.adapters),
        }


def _suite(adapters: Sequence[str]) -> str:
    """The hash of every file that decides what a check finds."""
    folders = ("reference", "adapters", "properties", "conformance")
    paths = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    paths += [Path(name) for name in adapters if name.endswith(".py") and Path(name).is_file()]
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()


# -- one seed ------------------------------------------------------------------------------------------


def under(seed: int, trials: Sequence[Trial], depth: str) -> Record:
    """What every check finds under a seed."""
    began, draws, judged, alarms = time.monotonic(), 0, set(), []
    configure(depth, seed)
    for check, test, backend in trials:
        tally = agreement.start()
        found: dict[str, str] = {}
        try:
            test(backend)
        except NotOffered:
            continue
        except Failure as failure:
            found = {"kind": failure.kind, "failure": str(failure), "input": repr(failure.draw)}
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(where.filename).name}, line {where.lineno}"
            found = {"kind": "error of the suite", "failure": f"{type(error).__name__}: {error} ({place})", "input": ""}
        else:
            if results.is_mistrusted("conforms", results.measure(tally)):
                what = f"{tally.draws} draws, {tally.decided} of {tally.elements} elements decided"
                found = {"kind": "mistrusted", "failure": what, "input": ""}
        draws += tally.draws
        judged.add(check.id)
        if found:
            alarms.append({"check": check.id, "backend": backend.id, **found})
    forget_pools()  # no seed comes twice
    return {
        "seed": seed,
        "checks": len(judged),
        "draws": draws,
        "not_judged": sorted({trial.check.id for trial in trials} - judged),
        "alarms": alarms,
        "seconds": round(time.monotonic() - began, 1),
        "megabytes": _peak(),
    }


def _peak() -> int:
    """The most memory that this process has had, in megabytes; 0 where nobody counts it."""
    try:
        import resource  # not everywhere
    except ImportError:
        return 0
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit


# -- many ----------------------------------------------------------------------------------------------


def records(seeds: Sequence[int], setting: Setting, jobs: int) -> Iterator[Record]:
    """What each seed gives, as soon as it is known. Raises: Refused if a process dies."""
    if jobs == 1:
        with threadpool_limits(1):
            trials = setting.trials()
            for seed in seeds:
                yield under(seed, trials, setting.depth)
        return
    context = multiprocessing.get_context("spawn")  # frameworks do not survive a fork
    workers: dict[Connection, Any] = {}
    for job in range(min(jobs, len(seeds))):
        receive, send = context.Pipe(duplex=False)
        worker = context.Process(target=_work, args=(send, seeds[job::jobs], setting), daemon=True)
        worker.start()
        send.close()
        workers[receive] = worker
    while workers:
        for ready in wait(list(workers)):
            assert isinstance(ready, Connection)
            try:
                yield ready.recv()
            except EOFError:
                worker = workers.pop(ready)
                worker.join()
                if worker.exitcode:
                    raise Refused(
                        f"A process of the run has ended with status {worker.exitcode}. What was found until then is "
                        "kept; --jobs 1 goes on in this process and shows where it ends."
                    ) from None


def _work(send: Connection, seeds: Sequence[int], setting: Setting) -> None:
    """The seeds of one process, sent home one by one; it ends when nobody listens any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever listens decides
    try:
        for record in records(seeds, setting, 1):
            send.send(record)
    except BrokenPipeError:
        return


def resumed(path: Path, setting: Setting, start: int | None) -> tuple[Record, list[Record]]:
    """The header of a run and what it has found, from its file; a line that was cut off counts as not written.

    Raises: Refused if the file is of another run.
    """
    lines: list[Record | None] = []
    for line in path.read_bytes().splitlines(keepends=True):
        try:
            lines.append(json.loads(line) if line.endswith(b"\n") else None)
        except ValueError:
            lines.append(None)
    whole = [line for line in lines if isinstance(line, dict)]
    if not whole or "suite" not in whole[0]:
        raise Refused(f"{path} is no record of a run of this tool. Give another --state, or remove the file.")
    header, done = whole[0], whole[1:]
    now = setting.header(header["start"] if start is None else start)
    names = {"suite": "the code of the suite"}
    if changed := [names.get(name, name) for name, value in now.items() if header.get(name) != value]:
        raise Refused(
            f"{path} is the record of a run with another state of {', '.join(changed)}. Runs are not mixed: "
            "give another --state, or remove the file to begin anew."
        )
    return header, done


def run(arguments: argparse.Namespace) -> int:
    """The exit status: 0 if nothing failed, 1 for a false alarm, 2 if nothing can be run, 130 if interrupted."""
    setting = Setting(tuple(arguments.adapter or HONEST), arguments.depth, arguments.only)
    path = arguments.state or (None if arguments.only else ROOT / "reports" / "latest" / "alarm.jsonl")
    try:
        return _run(arguments, setting, path)
    except Refused as refusal:
        print(refusal, file=sys.stderr)
        return 2


def _run(arguments: argparse.Namespace, setting: Setting, path: Path | None) -> int:
    trials = setting.trials()
    if path and path.exists():
        header, done = resumed(path, setting, arguments.start)
    else:
        header = setting.header(random.SystemRandom().randrange(FRESH) if arguments.start is None else arguments.start)
        done = []
        if path:
            _begin(path, header)
    seeds = range(header["start"], header["start"] + arguments.seeds)
    known = {record["seed"] for record in done}
    done = [record for record in done if record["seed"] in seeds]
    todo = [seed for seed in seeds if seed not in known]
    names = ", ".join(sorted({trial.backend.id for trial in trials}))
    print(f"{len({trial.check.id for trial in trials})} checks at depth {setting.depth} on {names}")
    print(f"seeds {seeds[0]} to {seeds[-1]}" + (f": {len(done)} are done, {path}" if done else ""), flush=True)
    for record in done:
        _print_alarms(record, setting)
    began, n = time.monotonic(), len(done)
    try:
        for record in records(todo, setting, arguments.jobs):
            if path:
                _append(path, record)
            done.append(record)
            left = (time.monotonic() - began) / (len(done) - n) * (len(seeds) - len(done)) / 60
            found = ", ".join(f"{record[name]} {name}" for name in ("checks", "draws", "seconds"))
            found += f", {len(record['alarms'])} false alarms"
            print(f"[{len(done)}/{len(seeds)}] seed {record['seed']}: {found}; about {left:.0f} min left", flush=True)
            _print_alarms(record, setting)
    except KeyboardInterrupt:
        if path:
            print(
                f"\nInterrupted after {len(done)} of {len(seeds)} seeds. The same command goes on; {path} has it all."
            )
        return 130
    return _concluded(done)


def _begin(path: Path, header: Record) -> None:
    """Raises: Refused."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(header) + "\n")
    except OSError as error:
        raise Refused(f"The run cannot be written down in {path}: {error.strerror}. Give another --state.") from error


def _append(path: Path, record: Record) -> None:
    """Write a line that a crash of this process, or of the machine, leaves whole or not at all."""
    with path.open("r+b") as file:
        content = file.read()
        file.seek(content.rfind(b"\n") + 1)  # over what was cut off
        file.truncate()
        file.write(json.dumps(record).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def _print_alarms(record: Record, setting: Setting) -> None:
    for alarm in record["alarms"]:
        words = ["python", "-m", "conformance", "alarm", "--seeds=1", f"--start={record['seed']}"]
        words += [f"--depth={setting.depth}", "--only", alarm["check"]]
        if setting.adapters != HONEST:
            words += [f"--adapter={name}" for name in setting.adapters]
        print(f"FALSE ALARM, seed {record['seed']}: {alarm['check']} on {alarm['backend']}")
        print(
            f"    {alarm['kind']}: {alarm['failure']}\n    {alarm['input']}\n    again: {shlex.join(words)}", flush=True
        )


def _concluded(done: list[Record]) -> int:
    alarms = [alarm for record in done for alarm in record["alarms"]]
    draws, peak = sum(record["draws"] for record in done), max(record["megabytes"] for record in done)
    if never := sorted(set.intersection(*(set(record["not_judged"]) for record in done))):
        print(f"not offered, and so not judged: {', '.join(never)}")
    print(f"{len(done)} seeds, {draws} draws, {sum(record['seconds'] for record in done):.0f} s, {peak} MB at most")
    if alarms:
        names = sorted({f"{alarm['check']} on {alarm['backend']}" for alarm in alarms})
        print(f"{len(alarms)} false alarms: {'; '.join(names)}")
        return 1
    print("no false alarm")
    return 0
