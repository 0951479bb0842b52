"""What a report says of one check, and the backend, the test and the input that it speaks of."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from adapters.backend import Backend, backends
from adapters.loading import AdapterError, installed, load
from conformance import records
from conformance.checks import checks
from conformance.document import Document, backend_id
from conformance.evidence import array_of, option_of
from properties import trial
from properties.strategies import Draw, Problem, Problems, Spec
from properties.trial import Check, Judge, configure
from reference.arithmetic import FORMATS

WHOLE = ("claims", "conventions", "networks", "large networks", "largest networks")  # parts that draw no problems
MOST = 12  # of what an id may mean are printed


class NotFound(Exception):
    """What is asked for cannot be had; the text is one paragraph that says why and what to do."""


def name(check: dict[str, Any]) -> str:
    """A check as a report prints it."""
    return f"{check['id']} on {backend_id(check)}"


def check_of(document: Document, words: str, wanted: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
    """The check whose name is, or alone begins with, some words. what: those that are wanted, as a word.

    Raises: NotFound.
    """
    words = " ".join(words.split())
    begun = [check for check in document["checks"] if name(check).startswith(words)]
    same = [check for check in begun if name(check) == words] or begun
    found = [check for check in same if wanted(check)]
    if len(found) == 1:
        return found[0]
    if found:
        shown = "".join(f"\n    {name(check)}" for check in found[:MOST])
        rest = f"\n    ... and {len(found) - MOST} more" if len(found) > MOST else ""
        raise NotFound(f'"{words}" may mean {len(found)} checks. Give more of one of these:{shown}{rest}')
    if same:
        raise NotFound(
            f"{name(same[0])} {same[0]['outcome'].replace('_', ' ')} in this report, so there is no {what} to look at."
        )
    there = [check for check in document["checks"] if wanted(check)]
    there.sort(key=lambda check: -difflib.SequenceMatcher(None, words, name(check)).quick_ratio())
    shown = "".join(f"\n    {name(check)}" for check in there[:MOST])
    raise NotFound(
        f'No check of this report begins with "{words}". '
        + (f"Begin with one of these:{shown}" if there else f"None of its checks has {what}.")
    )


def backend_of(check: dict[str, Any], document: Document, report: Path, spec: str) -> Backend:
    """The backend that a check was tried on. spec: how its adapter is found, if the report cannot say so.

    Raises: NotFound.
    """
    if document["depth"] is None:
        raise NotFound("This report does not say at which depth and seed it was made: its run was ended too early.")
    configure(document["depth"], document["seed"])
    spec = spec or _spec(check, report)
    try:
        found_name, adapter = load(spec)
        offered = backends(adapter, check["adapter"], spec)
    except AdapterError as error:
        raise NotFound(str(error)) from error
    for backend in offered:
        if (backend.device, backend.format.name) == (check["device"], check["format"]):
            return replace(backend, mode=check["mode"])
    there = ", ".join(f"{backend.device}-{backend.format}" for backend in offered)
    raise NotFound(f"{found_name} does not run on {check['device']} in {check['format']} here; it has {there}.")


def _spec(check: dict[str, Any], report: Path) -> str:
    """How the adapter of a check is found: by its name, by the records of the run, or in this folder."""
    adapter: str = check["adapter"]
    if adapter in installed():
        return adapter
    folder = report if report.is_dir() else report.parent
    for run in records.runs(folder / "records")[-1:]:
        for record in records.read(folder / "records", run):
            spec = record.get("backends", {}).get(backend_id(check), {}).get("spec", "")
            if spec and Path(spec).is_file():
                return str(spec)
    if Path(f"{adapter}.py").is_file():
        return f"./{adapter}.py"
    raise NotFound(f"The report does not say where the adapter {adapter} is. Give it with --adapter=PATH.")


def test_of(check: dict[str, Any]) -> tuple[Check, Callable[[Backend], None]]:
    """The check and its test, as this version of the suite has them. Raises: NotFound."""
    for found, test in checks().items():
        if found.id == check["id"]:
            return found, test
    raise NotFound(f"This version of the suite has no check {check['id']}.")


def parts_of(check: dict[str, Any], backend: Backend) -> tuple[Check, Problems, Judge]:
    """The check, its problems and its judge. Raises: NotFound; TypeError if it is no trial of problems."""
    found, test = test_of(check)
    if found.part in WHOLE:
        raise TypeError(f"{found.id} is no trial of problems")
    return trial.parts_of(test, backend)


def draw_of(found: dict[str, Any], fmt: str) -> Draw:
    """The input that a counterexample has, to the last bit."""
    arrays = {key: array_of(x) for key, x in found["arrays"].items()}
    extras = {key: array_of(x) for key, x in found.get("extras", {}).items()}
    options = {key: option_of(x) for key, x in found["options"].items()}
    specs = {key: Spec(x.shape) if hasattr(x, "shape") else x for key, x in {**arrays, **extras}.items()}
    problem = Problem(
        found["primitive"], {key: specs[key] for key in arrays}, options, {key: specs[key] for key in extras}
    )
    return Draw(problem, "given", FORMATS[fmt], arrays, extras)
