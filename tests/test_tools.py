"""The tools over reports: what has changed, one report of several, the same run again, and bad input."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance import merge
from conformance.__main__ import main as tool
from conformance.changes import changes
from conformance.document import Document, NoReport, as_text, identity, read
from conformance.report import comparison, html, markdown
from conformance.verify import difference
from tests.runs import ROOT, command, results, run, surroundings
from tests.test_report import Page
from tests.test_results import ENDS, HELD, document_of

SUITE = {"version": "1", "commit": "abc", "source": "0" * 16}
ASKED = {"adapters": ["homework"], "devices": [], "formats": []}
SOFTMAX = "softmax and not log_softmax"


def altered(document: Document, **fields: Any) -> Document:
    """The document with other fields, and the id that belongs to them."""
    other = {"suite": SUITE, "runs": [ASKED], **json.loads(json.dumps(document)), **fields}
    other["suite"], other["runs"] = fields.get("suite") or SUITE, fields.get("runs") or [ASKED]
    return {**other, "id": identity(other)}


def with_check(document: Document, id: str, **fields: Any) -> Document:
    """The document in which one check has other fields."""
    return altered(document, checks=[{**c, **(fields if c["id"] == id else {})} for c in document["checks"]])


def without_check(document: Document, id: str) -> Document:
    return altered(document, checks=[c for c in document["checks"] if c["id"] != id])


def as_backend(document: Document, name: str) -> Document:
    """The same results of another adapter."""
    rows = {what: [{**row, "adapter": name} for row in document[what]] for what in ("claims", "checks")}
    return altered(document, adapters=[{**a, "name": name} for a in document["adapters"]], **rows)


def put(document: Document, folder: Path) -> str:
    """Write the document as a report."""
    folder.mkdir()
    (folder / "results.json").write_text(as_text(document), encoding="utf-8", newline="\n")
    return str(folder)


@pytest.fixture
def document(tmp_path: Path) -> Document:
    """One check of every outcome, all of which were run."""
    ends = {name: end for name, end in ENDS.items() if end is not None}
    return altered(document_of(tmp_path / "run", ends))


# Reading


def test_what_was_written_is_read(document: Document, tmp_path: Path) -> None:
    """The folder and the file give the same document, which gives the same bytes."""
    folder = Path(put(document, tmp_path / "a"))
    assert read(folder) == read(folder / "results.json") == json.loads(json.dumps(document))
    assert as_text(read(folder)) == (folder / "results.json").read_text(encoding="utf-8")


def test_the_id_can_be_computed_without_the_suite(document: Document, tmp_path: Path) -> None:
    """It is the SHA-256 of the file without the line of the id."""
    file = Path(put(document, tmp_path / "a")) / "results.json"
    command = f"grep -v '^ \"id\": ' '{file}' | sha256sum"
    said = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True).stdout
    assert said.split()[0] == document["id"]


NO_REPORTS: dict[str, tuple[Callable[[str], str | None], str]] = {
    "nothing": (lambda text: None, "There is no report in"),
    "no JSON": (lambda text: text[:-9], "is no JSON"),
    "no text": (lambda text: "\udcff", "is no JSON"),
    "a list": (lambda text: "[1]", 'it has no "schema"'),
    "another document": (lambda text: '{"tests": []}', 'it has no "schema"'),
    "an older report": (lambda text: text.replace("report/2", "report/1"), "has the schema etalon-report/1"),
    "an edited report": (lambda text: text.replace('"deviates"', '"conforms"'), "was changed after it was written"),
    "a report in other words": (
        lambda text: text.replace('"draws": 8', '"draws":8'),
        "was changed after it was written",
    ),
    "a damaged report": (lambda text: text.replace('"checks": [', '"tests": ['), "is damaged"),
}


@pytest.mark.parametrize("what", NO_REPORTS)
def test_what_is_no_report_is_refused(what: str, document: Document, tmp_path: Path, capsys: Any) -> None:
    """Every tool ends with status 2 and one line that says why; the run with its usage error."""
    change, message = NO_REPORTS[what]
    good = put(document, tmp_path / "good")
    bad = Path(put(document, tmp_path / "bad"))
    text = change((bad / "results.json").read_text(encoding="utf-8"))
    if text is None:
        (bad / "results.json").unlink()
    else:
        (bad / "results.json").write_bytes(text.encode(errors="surrogateescape"))
    lines = [["compare", good, str(bad)], ["compare", str(bad), good], ["verify", str(bad)]]
    for line in [*lines, ["merge", good, str(bad), f"--report={tmp_path / 'merged'}"]]:
        assert tool(line) == 2
        (error,) = capsys.readouterr().err.splitlines()
        assert message in error
    assert not (tmp_path / "merged").exists()


@pytest.mark.parametrize("option", ["--baseline", "--checks-of"])
def test_a_run_refuses_what_is_no_report(option: str, tmp_path: Path) -> None:
    """It ends before it begins, with one line."""
    ended = run("good", "-k", SOFTMAX, f"{option}={tmp_path}", report=tmp_path / "report")
    assert ended.returncode == pytest.ExitCode.USAGE_ERROR
    assert "There is no report in" in ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr


# compare


def test_the_same_report_has_no_changes(document: Document, tmp_path: Path, capsys: Any) -> None:
    """What fails in both is known, and nothing else is said."""
    a = put(document, tmp_path / "a")
    assert tool(["compare", a, a]) == 0
    found = changes(document, document)
    assert [pair.words[0] for pair in found.known] == ["crashed", "deviates", "ledger", "mistrusted"]
    assert not (found.appeared or found.fixed or found.gone or found.added or found.worst or found.remarks)
    assert "NOTHING NEW FAILS" in capsys.readouterr().out


@pytest.mark.parametrize("before", [*ENDS, None])
@pytest.mark.parametrize("now", [*ENDS, None])
def test_what_is_new_and_what_is_fixed(before: str | None, now: str | None, tmp_path: Path) -> None:
    """A failure is new unless the check has failed in the same way; what was not run is never accepted."""
    documents = []
    for n, name in enumerate((before, now)):
        ends = {"first": ENDS["conforms"]} | ({} if name is None else {"second": ENDS[name]})
        documents.append(document_of(tmp_path / str(n), ends))
    found = changes(*documents)
    clean = ("conforms", "known deviation", "not offered", None)
    assert [pair.name for pair in found.appeared] == ([] if now in clean or now == before else [NAME])
    assert [pair.name for pair in found.known] == ([NAME] if now not in clean and now == before else [])
    assert [pair.name for pair in found.fixed] == ([NAME] if now in clean[:3] and before not in clean else [])
    assert [pair.name for pair in found.gone] == ([NAME] if now is None and before is not None else [])
    assert [pair.name for pair in found.added] == ([NAME] if before is None and now in clean[:3] else [])
    assert found.is_worse == (bool(found.appeared) or now == "not run")


NAME = "second on homework-cpu-float64-eager"


def test_what_makes_reports_less_comparable_is_said(document: Document) -> None:
    """Other seeds, depths, suites and versions each get a line; results alone get none."""
    versions = [{**a, "versions": {"numpy": "9"}} for a in document["adapters"]]
    for fields, words in (
        ({"seed": 5}, "The seeds differ, 0 before and 5 now"),
        ({"depth": "deep"}, "The depths differ, smoke before and deep now"),
        ({"suite": {**SUITE, "commit": "def"}}, "The suite differs, 1 (abc) before and 1 (def) now"),
        ({"adapters": versions}, "homework on cpu: numpy none before, 9 now"),
        ({"complete": False}, "The report of now is incomplete"),
    ):
        (remark,) = changes(document, altered(document, **fields)).remarks
        assert words in remark
    assert not changes(document, with_check(document, "conforms", worst_ratio=0.9)).remarks


def test_worst_errors_that_changed_are_listed(document: Document) -> None:
    """By primitive and backend, over the checks that both have; what grew most comes first."""
    other = with_check(document, "deviates", worst_ratio=0.0)
    (worst,) = changes(other, with_check(other, "conforms", worst_ratio=0.5)).worst
    assert (worst.primitive, worst.backend, worst.before, worst.now) == ("softmax", NAME.split()[-1], 0.123, 0.5)
    assert not changes(without_check(other, "conforms"), other).worst


def test_reports_of_different_adapters_are_not_compared(document: Document, tmp_path: Path, capsys: Any) -> None:
    """Without a common check there is nothing to say, and status 2."""
    a, b = put(document, tmp_path / "a"), put(as_backend(document, "other"), tmp_path / "b")
    assert tool(["compare", a, b]) == 2
    assert "no check in common" in capsys.readouterr().err


def test_a_comparison_is_written(document: Document, tmp_path: Path, capsys: Any) -> None:
    """On the terminal in 80 columns, as Markdown, and as a page that needs nothing."""
    long = {f"check number {n}": {**ENDS["deviates"], "outcome": "deviates"} for n in range(30)}
    new = altered(document_of(tmp_path / "new", {**ENDS, **long, "conforms": ENDS["conforms"] | {"worst_ratio": 0.9}}))
    a, b = put(document, tmp_path / "a"), put(new, tmp_path / "b")
    files = tmp_path / "c.md", tmp_path / "c.html"
    assert tool(["compare", a, b, f"--markdown={files[0]}", f"--html={files[1]}"]) == 1
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 80
    assert "... and 11 more" in printed  # and the one that was not run
    text, page = (file.read_text() for file in files)
    for words in ("check number 29", "WORSE: failures: 31 new, 4 as before, 0 fixed", "Worst error/bound"):
        assert words in text
        assert words in page
    parsed = Page()
    parsed.feed(page)
    assert not parsed.open
    assert not parsed.loads
    assert len(parsed.names) == len(set(parsed.names))
    assert tool(["compare", a, b, f"--html={tmp_path / 'absent' / 'c.html'}"]) == 2
    assert "Choose another file" in capsys.readouterr().err


# Changes since a baseline, in a run


@pytest.fixture(scope="module")
def wrong(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of an adapter whose softmax has the wrong shape."""
    folder = tmp_path_factory.mktemp("wrong")
    assert run("wrong_shape", "-k", SOFTMAX, report=folder, workers=1).returncode == 1
    return folder


def test_a_run_fails_only_what_the_baseline_does_not(wrong: Path, tmp_path: Path) -> None:
    """Known failures do not fail it, and are told as known; each report has the changes."""
    ended = run("wrong_shape", "-k", SOFTMAX, f"--baseline={wrong}", report=tmp_path)
    assert ended.returncode == 0
    assert "NOTHING NEW FAILS" in ended.stdout
    assert "DEVIATES" in ended.stdout  # nothing is hidden
    for name in ("report.md", "summary.md", "index.html"):
        assert "NOTHING NEW FAILS" in (tmp_path / name).read_text()
    assert (tmp_path / "results.json").read_bytes() == (wrong / "results.json").read_bytes()


@pytest.mark.parametrize("workers", [0, 1])
def test_a_run_fails_what_the_baseline_does_not(workers: int, wrong: Path, tmp_path: Path) -> None:
    """One failure that the baseline does not have fails the run."""
    old = read(wrong)
    mended = altered(old, suite=old["suite"], checks=[
        {**c, **({"outcome": "conforms", "counterexample": None} if c["id"] == "VALUES softmax" else {})}
        for c in old["checks"]
    ])  # fmt: skip
    baseline = put(mended, tmp_path / "baseline")
    ended = run("wrong_shape", "-k", SOFTMAX, f"--baseline={baseline}", report=tmp_path / "report", workers=workers)
    assert ended.returncode == 1
    assert "-- new failures (1)" in ended.stdout
    assert "VALUES softmax on wrong_shape-cpu-float64-eager: conforms before, deviates now" in ended.stdout


def test_a_baseline_excuses_no_other_test(wrong: Path, tmp_path: Path) -> None:
    """A test that is no check, and fails, fails the run."""
    (tmp_path / "test_mine.py").write_text("def test_mine():\n    assert False\n")
    files = ["properties/test_activations.py", str(tmp_path / "test_mine.py")]
    line = command("wrong_shape", "-c", "pyproject.toml", f"--baseline={wrong}", "-k", f"{SOFTMAX} or mine", *files,
        report=tmp_path / "report")  # fmt: skip
    ended = subprocess.run(line, cwd=ROOT, env=surroundings(), capture_output=True, text=True, timeout=60, check=False)
    assert "NOTHING NEW FAILS" in ended.stdout
    assert ended.returncode == 1


# merge


def test_merged_in_any_order(document: Document, tmp_path: Path) -> None:
    """Parts give the same bytes in any order, in one step or two, and have what each had."""
    parts = [as_backend(document, name) for name in ("a", "b", "c")]
    merged = {as_text(merge.merge(order)) for order in itertools.permutations(parts)}
    merged.add(as_text(merge.merge([parts[2], merge.merge(parts[:2])])))
    assert len(merged) == 1
    whole = merge.merge(parts)
    assert len(whole["checks"]) == 3 * len(document["checks"])
    assert [a["name"] for a in whole["adapters"]] == ["a", "b", "c"]
    assert {asked["report"] for asked in whole["runs"]} == {part["id"] for part in parts}
    assert [c for c in whole["checks"] if c["adapter"] == "b"] == parts[1]["checks"]


def test_a_merged_report_is_complete_only_if_all_are(document: Document) -> None:
    """One part that is incomplete or was interrupted makes the whole so."""
    whole = merge.merge(
        [as_backend(document, "a"), altered(as_backend(document, "b"), complete=False, interrupted=True)]
    )
    assert not whole["complete"]
    assert whole["interrupted"]


def misfits(document: Document) -> dict[str, tuple[Document, str]]:
    other = as_backend(document, "other")
    return {
        "seed": (altered(other, seed=1), "differ in the seed, 0 and 1"),
        "depth": (altered(other, depth="deep"), "differ in the depth, deep and smoke"),
        "suite": (altered(other, suite={**SUITE, "source": "1" * 16}), "differ in the source of the suite"),
        "version": (altered(other, suite={**SUITE, "version": "2"}), "differ in the version of the suite, 1 and 2"),
        "framework": (
            altered(document, adapters=[{**a, "versions": {"x": "2"}} for a in document["adapters"]]),
            "homework on cpu has the versions",
        ),
        "results": (
            with_check(document, "conforms", worst_ratio=0.5),
            "conforms on homework-cpu-float64-eager twice, with different results (worst_ratio)",
        ),
        "claims": (
            altered(document, claims=[{**c, "claims": {"x": 1}} for c in document["claims"]]),
            "softmax on homework",
        ),
    }


@pytest.mark.parametrize("what", ["seed", "depth", "suite", "version", "framework", "results", "claims"])
def test_what_does_not_fit_is_refused(what: str, document: Document, tmp_path: Path, capsys: Any) -> None:
    """With the reason, the same in either order, and no report is written."""
    other, reason = misfits(document)[what]
    paths = [put(document, tmp_path / "a"), put(other, tmp_path / "b")]
    said = []
    for order in (paths, paths[::-1]):
        assert tool(["merge", *order, f"--report={tmp_path / 'merged'}"]) == 2
        said.append(capsys.readouterr().err)
    assert said[0] == said[1]
    assert reason in said[0]
    assert not (tmp_path / "merged").exists()


def test_merged_reports_of_runs(wrong: Path, tmp_path: Path) -> None:
    """Two runs, one of them given twice, become a report with every file and the times of both."""
    good = tmp_path / "good"
    run("good", "-k", SOFTMAX, report=good)
    for n, order in enumerate(([good, wrong], [wrong, good, wrong])):
        assert tool(["merge", *map(str, order), f"--report={tmp_path / str(n)}"]) == 0
    assert {a["name"] for a in results(tmp_path / "0")["adapters"]} == {"good", "wrong_shape"}
    files = {path.name for path in wrong.iterdir()} - {"records"}
    assert {path.name for path in (tmp_path / "0").iterdir()} == files
    written = [path.relative_to(tmp_path / "0") for path in (tmp_path / "0").rglob("*") if path.is_file()]
    for name in written:
        assert (tmp_path / "0" / name).read_bytes() == (tmp_path / "1" / name).read_bytes()
    took = json.loads((tmp_path / "0" / "timing.json").read_text())["checks"]["VALUES softmax"]
    assert set(took) == {"good-cpu-float64-eager", "wrong_shape-cpu-float64-eager"}


# verify


def test_a_report_is_verified(wrong: Path, capsys: Any) -> None:
    """The same adapter gives the same bytes, although the report is of some of the checks only."""
    assert tool(["verify", str(wrong), "-n0", "--adapter=tests/adapters/wrong_shape.py"]) == 0
    assert "THE SAME" in capsys.readouterr().out


def test_what_is_not_the_same_is_said(wrong: Path, tmp_path: Path, capsys: Any) -> None:
    """Another adapter of the same name gives status 1, the checks that differ, and its versions as the reason."""
    other = tmp_path / "wrong_shape.py"
    shutil.copy(ROOT / "tests" / "adapters" / "good.py", other)
    assert tool(["verify", str(wrong), "-n0", f"--adapter={other}", f"--keep={tmp_path / 'again'}"]) == 1
    said = capsys.readouterr().out
    assert "BATCH softmax on wrong_shape-cpu-float64-eager: deviates before, conforms now" in " ".join(said.split())
    assert "! wrong_shape on cpu: file sha256:" in said
    assert max(map(len, said.splitlines())) <= 80
    assert {c["id"] for c in results(tmp_path / "again")["checks"]} == {c["id"] for c in results(wrong)["checks"]}


def test_what_cannot_be_run_again_is_said(wrong: Path, document: Document, tmp_path: Path, capsys: Any) -> None:
    """A file whose place is not known, a file of another name, several runs, and a run that was killed."""
    several = merge.merge([as_backend(document, "a"), as_backend(document, "b")])
    killed = {**document, "runs": []}
    paths = [put(d, tmp_path / str(n)) for n, d in enumerate((several, {**killed, "id": identity(killed)}))]
    for line, words in (
        ([str(wrong)], "--adapter PATH/wrong_shape.py"),
        ([str(wrong), "--adapter=tests/adapters/good.py"], "The report is not of good"),
        ([paths[0]], "of 2 runs"),
        ([paths[1]], "of 0 runs"),
    ):
        assert tool(["verify", *line]) == 2
        assert words in capsys.readouterr().err


def test_the_reasons_of_a_difference(document: Document) -> None:
    """Other inputs, other numbers on the same inputs, other checks and another machine each get their line."""
    machine = {"cpu": {"name": "abacus", "features": ["BEADS"]}, "packages": {"numpy": "0.1"}}
    for fields, words in (
        ({"inputs": "f" * 12}, "Inputs differ"),
        ({"worst_ratio": 0.9}, "The inputs are the same"),
    ):
        said = "\n".join(difference(document, with_check(document, "conforms", **fields), [machine]))
        assert "1 of 7 checks differ, 0 are missing now." in said
        assert words in said
        assert "cpu name: abacus there" in said
        assert "packages numpy: 0.1 there" in said
        assert "cpu features: only there BEADS" in said
    said = "\n".join(difference(document, without_check(document, "conforms"), []))
    assert "1 are missing now" in said
    assert "missing: 1 checks of homework-cpu-float64-eager" in said
    assert "no environment.json" in said


# What is made for others


def test_the_summary_of_a_report_is_short(tmp_path: Path) -> None:
    """At most sixty lines, whatever fails and however many backends there are; it says what it leaves out."""
    failed = {"outcome": "deviates", **HELD, "counterexample": {"kind": "law", "message": "no\n\n|" * 300}}
    document = altered(document_of(tmp_path, {f"check {n}": failed for n in range(100)}))
    many = altered(document, checks=[{**c, "device": f"gpu{n}"} for n in range(40) for c in document["checks"]])
    for text in (markdown.summary(many), markdown.summary(many, changes(document, many))):
        assert len(text.splitlines()) <= 60
        assert max(map(len, text.splitlines())) <= 500
        assert "... and 28 more backends" in text
        assert "more failures" in text


def test_every_rendering_is_of_the_same_changes(document: Document, tmp_path: Path) -> None:
    """The report, its page and its summary name the new failure; without a baseline they say that there is none."""
    since = changes(document, with_check(document, "conforms", outcome="deviates"))
    name = "conforms on homework-cpu-float64-eager"
    assert name in markdown.summary(since.new, since)
    assert f"| {name} | conforms | deviates |" in markdown.render(since.new, since)
    assert f">{name}</th><td>conforms</td><td>deviates<" in html.render(since.new, [], changes=since)
    assert "\n".join(comparison.terminal(since)).count(name) == 1
    assert "No baseline was given." in markdown.render(document)
    assert "No baseline was given." in html.render(document, [])


def test_nothing_reads_a_report_but_one_function() -> None:
    """Tools, tests and benchmarks get a document from conformance.document.read."""
    files = [path for folder in ("conformance", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    (reader,) = [path for path in files if "results.json" in path.read_text() and "json.loads" in path.read_text()]
    assert reader.name == "document.py"


def test_python_says_how_the_tools_are_called() -> None:
    """The help names each of them."""
    line = [sys.executable, "-m", "conformance", "--help"]
    said = subprocess.run(line, cwd=ROOT, env=surroundings(), capture_output=True, text=True, check=True).stdout
    assert {"compare", "merge", "verify", "render"} <= set(said.split())


def test_no_report_is_a_value_error() -> None:
    """So that what already refuses a bad record refuses a bad report."""
    with pytest.raises(ValueError, match="There is no report"):
        read(Path("nosuch"))
    assert issubclass(NoReport, ValueError)


def test_a_check_on_a_backend_is_one_short_line(wrong: Path) -> None:
    """So two reports can be compared line by line, and seven thousand checks stay below two megabytes."""
    file = wrong / "results.json"
    lines = [line for line in file.read_text().splitlines() if re.match(r'\s+"wrong_shape-\S+": \{.*"outcome"', line)]
    assert len(lines) == len(read(wrong)["checks"])
    assert sum(map(len, (line for line in lines if '"counterexample"' not in line))) <= 250 * len(lines)


def test_a_report_without_records_is_rendered(wrong: Path, tmp_path: Path) -> None:
    """A published report needs no records: every file comes out the same, and with a baseline the changes besides."""
    copy = tmp_path / "copy"
    shutil.copytree(wrong, copy, ignore=shutil.ignore_patterns("records", "index.html", "report.md", "*.tex"))
    assert tool(["render", str(copy)]) == 1
    for path in (path for path in wrong.rglob("*.*") if path.parent.name != "records"):
        assert (copy / path.relative_to(wrong)).read_bytes() == path.read_bytes()
    assert tool(["render", str(copy), f"--baseline={wrong}"]) == 0
    assert "NOTHING NEW FAILS" in (copy / "report.md").read_text()
