"""The tables for LaTeX: every character is printed, every law stands in them, and the template compiles."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from conformance.checks import checks
from conformance.document import read
from conformance.report import citation, latex
from reference import PRIMITIVES
from tests.runs import ROOT, run


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with failures, laws, statements of every lecture, and questions."""
    folder = tmp_path_factory.mktemp("report")
    run("wrong_shape", "--adapter=reference", "-k", "softmax or test_statements or test_conventions", report=folder)
    return folder


def test_every_character_of_the_suite_is_printed(report: Path) -> None:
    """No text of a check, of a statement or of a primitive has a character that the tables cannot print."""
    document = read(report)
    texts = {text for check in checks() for text in (check.id, check.statement)} | set(PRIMITIVES)
    said = [check["verdict"] for check in document["checks"] if check["verdict"]]
    texts |= {str(verdict[key]) for verdict in said for key in ("words", "lecture", "domain")}
    unknown = {text for text in texts if "[U+" in latex.escaped(text)}
    assert not unknown
    assert latex.escaped("\N{SNOWMAN}") == "[U+2603]"


def test_special_characters_are_escaped() -> None:
    """Nothing of a text is a command, a comment, a group or mathematics."""
    text = latex.escaped("50% of $x_1^2 {a} & #b ~ \\input{c} <d> |e|")
    left = re.sub(r"\\[a-zA-Z]+\{\}|\\[%$_{}&#]", "", text)
    assert not re.search(r"[\\%$_{}&#^~<>|]", left)


def test_every_check_stands_in_a_table(report: Path) -> None:
    """Each primitive has a file with its checks and what its laws state; laws and statements have one as well."""
    document = read(report)
    tables = latex.files(document)
    for check in document["checks"]:
        text = tables[f"tables/primitive-{check['primitive']}.tex"]
        name = latex._breakable(check["id"].removesuffix(f" {check['primitive']}"))
        assert name in text
        if check["property"].startswith("SOFT-"):
            assert latex.escaped(check["statement"]) in text
            assert f"{name} & {latex.escaped(check['statement'])} & " in tables["tables/laws.tex"]
        if check["verdict"]:
            assert latex.escaped(check["verdict"]["words"]) in tables["tables/statements.tex"]
    assert "deviates (" in tables["tables/primitive-softmax.tex"]
    assert set(re.findall(r"\\primitive\{(\w+)\}", tables["tables/primitives.tex"])) == {
        check["primitive"] for check in document["checks"]
    }
    assert all(text.startswith(f"% report {document['id']}\n") for text in tables.values())


def test_no_table_is_left_from_another_run(tmp_path: Path) -> None:
    """The folder has the tables of the newest run and no others."""
    for primitive in ("relu", "softmax"):
        run("good", "-k", f"test_values and {primitive}", report=tmp_path)
    assert (tmp_path / "tables" / "primitive-softmax.tex").exists()
    assert not (tmp_path / "tables" / "primitive-leaky_relu.tex").exists()


def test_citations_are_those_of_the_tables(report: Path) -> None:
    """Each key that a table cites has an entry, with the author and the date of the lecture."""
    document = read(report)
    entries = citation.bibtex(document)
    cited = set(re.findall(r"\\cite\{([\w-]+)\}", latex.statements(document)))
    assert cited
    assert {latex.citation_key(document), *cited} == set(re.findall(r"@misc\{([\w-]+),", entries))
    for words in (
        r"Meil\u{a}, Marina",
        "8 Feb 2026",
        "COMP 5212 Lecture 19",
        document["id"],
        document["suite"]["version"],
    ):
        assert words in entries
    assert (document["suite"]["commit"] or document["suite"]["source"]) in entries


@pytest.mark.skipif(not (shutil.which("pdflatex") and shutil.which("bibtex")), reason="no LaTeX is installed")
def test_the_template_compiles(report: Path, tmp_path: Path) -> None:
    """pdflatex and bibtex have no errors, and find every citation."""
    shutil.copy(ROOT / "reports" / "template.tex", tmp_path)
    (tmp_path / "latest").symlink_to(report)
    latex_line = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "template"]
    for line in (latex_line, ["bibtex", "template"], latex_line, latex_line):
        ended = subprocess.run(
            line, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False, timeout=120
        )
        assert ended.returncode == 0, ended.stdout[-2000:]
        assert line[0] != "bibtex" or "Warning" not in ended.stdout
    assert "undefined" not in (tmp_path / "template.log").read_text(errors="replace")
    assert (tmp_path / "template.pdf").stat().st_size > 10_000
