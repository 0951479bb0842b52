"""The document of a run: canonical, honest about what is not known, and the source of every report."""

from __future__ import annotations

import json
import math
import platform
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from conformance import results, summary
from conformance.document import Document, as_text, identity, packed
from conformance.records import Writer
from conformance.report import markdown
from properties.agreement import Tally
from tests.runs import ROOT, run
from tests.runs import results as results_of

SCHEMA = json.loads((ROOT / "conformance" / "results.schema.json").read_text())
HELD = {"draws": 8, "elements": 10, "decided": 10}
ENDS: dict[str, dict[str, Any] | None] = {
    "conforms": {"outcome": "conforms", **HELD, "worst_ratio": 0.12345, "worst_ulp": 0.5},
    "known deviation": {
        "outcome": "known_deviation",
        **HELD,
        "known": [{"reason": "old", "link": "https://example.org", "example": "f(x=[1])", "failure": "y is 2"}],
    },
    "deviates": {
        "outcome": "deviates",
        **HELD,
        "worst_ratio": np.inf,
        "counterexample": {
            "call": "softmax(x=[0 | 1])",
            "kind": "tolerance",
            "message": "y[0] is nan",
            "got": np.nan,
            "bound": 1 / 3,
        },
    },
    "not offered": {"outcome": "not_offered", "reasons": ["it has no softmax"]},
    "crashed": {"outcome": "crashed", "cause": "SystemExit: 0", "traceback": ["homework.py:3 in softmax"]},
    "mistrusted": {"outcome": "conforms", "draws": 8, "elements": 10, "decided": 4},
    "ledger": {"outcome": "deviates", "counterexample": {"kind": "stale ledger entry", "message": "it conforms now"}},
    "not run": None,
}
CLEAN = ("conforms", "known deviation", "not offered")


def document_of(
    folder: Path, ends: Mapping[str, dict[str, Any] | None], name: str = "homework", **finished: Any
) -> Document:
    """The document of a run of one process that has recorded these ends; None: a check that was not begun."""
    backend = {"name": name, "version": "1", "versions": {}, "device": "cpu", "format": "float64", "mode": "eager"}
    backend |= {"claims": {"softmax": {"ulps of exp": 2.0}}, "conventions": {}, "accepts": {}, "composed": []}
    check = {"primitive": "softmax", "property": "values", "statement": "0 <= softmax(x) | and so on"}
    writer = Writer(folder / "records", "a", "main")
    writer.append("run", seed=0, depth="smoke", workers=0, limit=300.0)
    items = [
        {"item": item, "check": {"id": item, **check}, "backend": "b", "where": "test_values.py:1"} for item in ends
    ]
    writer.append("collected", backends={"b": backend}, items=items)
    for item, end in ends.items():
        if end is not None:
            writer.append("start", item=item)
            writer.append("end", item=item, **{**results.measure(Tally()), **end}, warnings=[], seconds=0.1, counts={})
    writer.append("finished", **{"interrupted": False, **finished})
    writer.close()
    return results.build(folder / "records", "a")[0]


def test_the_number_of_processes_leaves_no_trace(tmp_path: Path) -> None:
    """The same run gives the same bytes of results.json and report.md for -n 0 and -n 2."""
    for workers in (0, 2):
        run(
            "raises", "--adapter=reference", "-k", "softmax or dropout", report=tmp_path / str(workers), workers=workers
        )
    for name in ("results.json", "report.md"):
        assert (tmp_path / "0" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()
    assert {check["outcome"] for check in results_of(tmp_path / "0")["checks"]} == {
        "conforms",
        "deviates",
        "not_offered",
    }


def test_the_document_knows_no_machine(tmp_path: Path) -> None:
    """results.json and report.md name no folder and no host of the machine, and no moment."""
    run("raises", "-k", "softmax", report=tmp_path)
    for name in ("results.json", "report.md"):
        text = (tmp_path / name).read_text()
        assert str(ROOT) not in text
        assert str(tmp_path) not in text
        assert platform.node() not in text
        assert not re.search(r"\b20\d\d-\d\d-\d\d\b", text)


def test_a_run_satisfies_the_schema(tmp_path: Path) -> None:
    """The document of a run with deviations and crashes is what results.schema.json describes."""
    run(
        "raises",
        "--adapter=tests/adapters/leaves.py",
        "--adapter=reference",
        "-k",
        "test_values and softmax and not log_softmax",
        report=tmp_path,
        workers=1,
    )
    document = results_of(tmp_path)
    assert {check["outcome"] for check in document["checks"]} == {"conforms", "deviates", "crashed"}
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(json.loads((tmp_path / "results.json").read_text()), SCHEMA)


def test_every_outcome_satisfies_the_schema(tmp_path: Path) -> None:
    """A document with each outcome is what the schema describes; one with an unknown field or outcome is not."""
    document = document_of(tmp_path, ENDS)
    written = json.loads(as_text(document))
    jsonschema.validate(written, SCHEMA)
    check = {**written["checks"][0], "on": {"b": {"outcome": "passed"}}}
    for wrong in ({"percentage": 99}, {"seed": "zero"}, {"checks": [check]}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**written, **wrong}, SCHEMA)


def test_the_id_is_the_hash_of_the_rest(tmp_path: Path) -> None:
    """The id is the SHA-256 of the document without it, so any change of content changes it."""
    document = document_of(tmp_path, ENDS)
    assert document["id"] == identity(document)
    assert document["id"] != identity({**document, "seed": 1})
    assert json.loads(as_text(document)) == packed(document)


@pytest.mark.parametrize("outcome", ENDS)
def test_unknown_is_never_green(outcome: str, tmp_path: Path) -> None:
    """A run is clean only if every check conforms, deviates as recorded, or is not offered."""
    document = document_of(tmp_path, {"first": ENDS["conforms"], "second": ENDS[outcome]})
    assert results.is_clean(document) == (outcome in CLEAN)
    assert [results.word(check) for check in document["checks"]] == ["conforms", outcome]
    text = markdown.render(document)
    assert summary.verdict(document).startswith("CONFORMS") == (outcome in CLEAN)
    assert ("**CONFORMS" in text) == (outcome in CLEAN)
    if outcome not in CLEAN:
        assert any(line.startswith("second on homework") for line in summary.lines(document, "reports/latest"))
        assert "second on homework" in text


@pytest.mark.parametrize("finished", [{"interrupted": True}, None])
def test_an_unfinished_run_is_not_clean(finished: dict[str, Any] | None, tmp_path: Path) -> None:
    """A run whose end is missing is incomplete, even if each check that was begun conforms; so is one with an error."""
    document_of(tmp_path, {"first": ENDS["conforms"], "second": None})
    path = tmp_path / "records" / "a-main.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    if finished is None:
        path.write_text("".join(line for line in lines if '"finished"' not in line))
    document, _ = results.build(tmp_path / "records", "a")
    assert not document["complete"]
    assert not results.is_clean(document)


def test_an_error_beside_the_checks_is_not_clean(tmp_path: Path) -> None:
    """What goes wrong outside of a check is listed, and the run is not clean."""
    folder = tmp_path / "records"
    writer = Writer(folder, "a", "controller")
    writer.append("error", where="collection of test_values.py", text="ImportError: no module")
    document = document_of(tmp_path, {"first": ENDS["conforms"]})
    writer.close()
    assert not results.is_clean(document)
    assert "ImportError" in "\n".join(summary.lines(document, "reports/latest"))
    assert "ImportError" in markdown.render(document)


@pytest.mark.parametrize(
    ("measured", "mistrusted"),
    [
        ({"draws": 1, "elements": 10, "decided": 5}, False),
        ({"draws": 1, "elements": 10, "decided": 4}, True),
        ({"draws": 1, "elements": 0, "decided": 0}, True),  # nothing was there to judge
        ({"draws": 0, "excluded": 0, "elements": 0, "decided": 0}, True),
        ({"draws": 0, "excluded": 3, "elements": 0, "decided": 0}, False),  # the ledger explains every input
    ],
)
def test_mistrusted(measured: dict[str, int], mistrusted: bool) -> None:
    """A check that holds is mistrusted if it is decided on less than half of its elements, or judged nothing."""
    assert results.is_mistrusted("conforms", measured) == mistrusted
    assert not results.is_mistrusted("deviates", measured)


def test_numbers_keep_their_meaning(tmp_path: Path) -> None:
    """Measures have three significant digits; numbers that are not finite are strings; inputs keep every digit."""
    document = document_of(tmp_path, ENDS)
    of = {check["id"]: check for check in document["checks"]}
    assert of["conforms"]["worst_ratio"] == 0.123
    assert of["deviates"]["worst_ratio"] == "Infinity"
    assert of["deviates"]["counterexample"]["got"] == "NaN"
    assert of["deviates"]["counterexample"]["bound"] == 0.333
    for x in (0.0, 1e-300, 123456.0, 2 / 3):
        assert math.fabs(results.rounded(x) - x) <= 5e-3 * x
    json.loads(as_text(document), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


@pytest.mark.parametrize(
    "name", ["homework", "a_name_that_somebody_has_chosen_to_be_longer_than_a_terminal_is_wide_" * 2]
)
def test_the_summary_fits_a_terminal(name: str, tmp_path: Path) -> None:
    """No line of the summary is wider than 80 columns, but for a name that is."""
    long = {
        "outcome": "deviates",
        **HELD,
        "counterexample": {"call": f"softmax(x={list(range(999))})", "kind": "law", "message": "no " * 999},
    }
    document = document_of(tmp_path, {**ENDS, "long": long}, name)
    lines = summary.lines(document, "reports/latest")
    assert max(len(line) for line in lines if name not in line or len(name) < 80) <= 80


def test_the_report_holds_its_tables_together(tmp_path: Path) -> None:
    """Each row of a table has as many cells as its head, whatever signs a text has."""
    document = document_of(tmp_path, ENDS, "home|work")
    columns = 0
    for line in markdown.render(document).splitlines():
        cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        assert not columns or not cells or cells == columns
        columns = cells


def test_a_counterexample_with_all_it_may_have_satisfies_the_schema(tmp_path: Path) -> None:
    """A place that a law has drawn, a NaN, an option that is a tuple, and both sides."""
    x = {"dtype": "float32", "shape": (1, 2), "values": [[1.0, np.nan]]}
    found = {
        "primitive": "softmax",
        "arrays": {"x": x, "mask": None},
        "options": {"axis": (0, 1)},
        "extras": {"place": (0, 1)},
    }
    found |= {
        "kind": "law",
        "message": "no",
        "output": "left",
        "index": (0, 1),
        "got": np.nan,
        "want": 1.0,
        "bound": 0.0,
    }
    found |= {
        "call": "softmax()",
        "numbers": 2,
        "sides": {"got": [[1.0, np.nan]], "want": [[1.0, 1.0]], "bound": [[0.0, 1 / 3]]},
    }
    document = document_of(tmp_path, {"A": {"outcome": "deviates", "counterexample": found}})
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(as_text(document)))
    (check,) = document["checks"]
    assert check["counterexample"]["sides"]["bound"] == [[0.0, 0.333]]
    assert check["counterexample"]["sides"]["got"] == [[1.0, "NaN"]]
