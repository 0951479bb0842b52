"""What a run is asked to do: the options of the command line, and the backends that they mean."""

from __future__ import annotations

import difflib
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from adapters.backend import Backend, backends
from adapters.loading import AdapterError, adapter_name, installed, load
from conformance.checks import check_ids
from conformance.document import Document, NoReport, backend_id, read
from conformance.report import gradescope
from properties.trial import DEPTHS
from reference.arithmetic import FORMATS


def add_options(parser: pytest.Parser) -> None:
    group = parser.getgroup("etalon", "conformance of neural-network primitives")
    option = group.addoption
    several: dict[str, Any] = {"action": "append", "default": []}
    option("--adapter", **several, metavar="NAME", help="torch, jax, reference, a module, or a file; repeatable")
    option("--device", **several, metavar="DEVICE", help="only on this device, such as cpu or cuda; repeatable")
    option("--format", **several, choices=list(FORMATS), help="only in this number format; repeatable")
    option("--depth", default="default", choices=list(DEPTHS), help="how much is tried")
    option("--seed", type=int, default=0, metavar="N", help="which inputs are drawn, the same for every adapter")
    option("--report", metavar="DIR", help="where report and records go; otherwise reports/latest")
    option(
        "--baseline", metavar="REPORT", help="an earlier report: the run fails only if something fails that it does not"
    )
    option("--checks-of", metavar="REPORT", help="only the checks that this report has, on its backends")
    option("--gradescope", metavar="PATH", help="write the results of one adapter for Gradescope, besides")
    option(
        "--heartbeat", type=float, default=60.0, metavar="SECONDS", help="how often a run says where it is; 0: never"
    )


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
    baseline: Path | None = None
    checks_of: Path | None = None
    gradescope: Path | None = None

    @classmethod
    def of(cls, config: pytest.Config) -> Choice:
        """Raises: pytest.UsageError if no report can be written where it is asked for."""
        here = config.invocation_params.dir

        def path(option: str) -> Path | None:
            given = config.getoption(option)
            return here / given if given else None

        folder = path("report") or config.rootpath / "reports" / "latest"
        _expect_writable(folder)
        points = path("gradescope")
        if points:
            _expect_writable(points.parent)
            if len(config.getoption("adapter")) != 1:
                raise pytest.UsageError(
                    "--gradescope is for the file of one student: name it, and nothing else, with --adapter."
                )
        return cls(
            adapters=tuple(dict.fromkeys(config.getoption("adapter"))) or tuple(installed()),
            devices=tuple(config.getoption("device")),
            formats=tuple(config.getoption("format")),
            depth=config.getoption("depth"),
            seed=config.getoption("seed"),
            report=folder,
            heartbeat=config.getoption("heartbeat"),
            baseline=path("baseline"),
            checks_of=path("checks_of"),
            gradescope=points,
        )

    @property
    def records(self) -> Path:
        return self.report / "records"

    @property
    def described(self) -> dict[str, list[str]]:
        """What was asked for, as the report tells of it: a file by its stem."""
        adapters = sorted(adapter_name(spec) for spec in self.adapters)
        return {"adapters": adapters, "devices": sorted(self.devices), "formats": sorted(self.formats)}

    def chosen_checks(self) -> set[tuple[str, str]] | None:
        """The checks and backends of the report that was given; None if all are wanted.

        Raises: pytest.UsageError.
        """
        document = report_of(self.checks_of)
        return {(check["id"], backend_id(check)) for check in document["checks"]} if document else None

    def check_adapters(self) -> None:
        """Find what is wrong with the adapters that can be told without importing a framework.

        Raises: pytest.UsageError.
        """
        for spec in self.adapters:
            if spec not in installed():
                self._loaded(spec)

    def backends(self) -> list[Backend]:
        """Every backend that is asked for, in the order of the command line.

        Raises: pytest.UsageError.
        """
        loaded = [self._loaded(spec) for spec in self.adapters]
        names = [name for name, _ in loaded]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise pytest.UsageError(
                f"Two adapters have the name {', '.join(twice)}, so a report could not tell them apart. "
                "Rename one of the files."
            )
        found = [backend for _, offered in loaded for backend in offered]
        for what, wanted, there in (
            ("device", self.devices, {backend.device for backend in found}),
            ("format", self.formats, {backend.format.name for backend in found}),
        ):
            if missing := [choice for choice in wanted if choice not in there]:
                raise pytest.UsageError(
                    f"No adapter has the {what} {', '.join(missing)} here. "
                    f"The adapters {', '.join(names)} have: {', '.join(sorted(there))}."
                )
        chosen = [b for b in found if not self.devices or b.device in self.devices]
        chosen = [b for b in chosen if not self.formats or b.format.name in self.formats]
        if not chosen:
            raise pytest.UsageError(
                f"No adapter has the device {', '.join(self.devices)} in the format {', '.join(self.formats)}, "
                "so there is nothing to try."
            )
        return chosen

    def _loaded(self, spec: str) -> tuple[str, list[Backend]]:
        """As _load; who waits for points is told what is wrong, too."""
        try:
            return _load(spec)
        except pytest.UsageError as error:
            if self.gradescope:
                self.gradescope.write_text(gradescope.refusal(str(error)), encoding="utf-8", newline="\n")
            raise


def report_of(path: Path | None) -> Document | None:
    """The report that an option names, if it names one.

    Raises: pytest.UsageError.
    """
    try:
        return read(path) if path else None
    except NoReport as error:
        raise pytest.UsageError(str(error)) from error


def _load(spec: str) -> tuple[str, list[Backend]]:
    """The name of an adapter and its backends; what it warns of while it is imported is not our concern.

    Raises: pytest.UsageError.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            name, adapter = load(spec)
        except AdapterError as error:
            raise pytest.UsageError(str(error)) from error
        for check in (check for entry in getattr(adapter, "deviations", ()) for check in entry.checks):
            if check not in check_ids():
                alike = difflib.get_close_matches(check, check_ids(), n=1, cutoff=0)
                raise pytest.UsageError(
                    f'The ledger of {name} has an entry for the check "{check}", which does not exist. '
                    f'Did you mean "{alike[0]}"? The reports name every check.'
                )
        try:
            return name, backends(adapter, name, spec)
        except (Exception, SystemExit) as error:
            raise pytest.UsageError(
                f"The adapter {spec} does not say what it runs on: {type(error).__name__}: {error}. "
                "Its devices, versions or modes are at fault."
            ) from error


def _expect_writable(folder: Path) -> None:
    """Write into the folder, or into where it will be made: only that tells whether it can be done.

    Raises: pytest.UsageError.
    """
    there = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        why = f"{there} is no folder" if not there.is_dir() else f"{there}: {error.strerror or error}"
        raise pytest.UsageError(
            f"The report cannot be written to {folder}: {why}. Choose another folder with --report."
        ) from error
