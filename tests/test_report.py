"""The report: a pure function of what was recorded, which needs nothing but a browser or LaTeX."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from conformance import environment
from conformance.__main__ import main as tool
from conformance.document import backend_id
from conformance.records import plain
from conformance.report import citation, html, latex, markdown
from reference import PRIMITIVES
from tests.runs import results, run

VOID = {"meta", "br", "link", "img", "hr", "input"}


class Page(HTMLParser):
    """What a page names, links to and loads, and whether every element is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self.tags: list[str] = []
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self.tags.append(tag)
        self.elements.append((tag, given))
        self.names += [given["id"] or ""] if "id" in given else []
        self.links += [given["href"] or ""] if tag == "a" else []
        self.loads += [
            value or "" for key, value in attributes if key in ("src", "data") or (tag, key) == ("link", "href")
        ]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A run with failures, refusals and checks that conform."""
    folder = tmp_path_factory.mktemp("report")
    run("wrong_shape", "--adapter=reference", "-k", "softmax or dropout", report=folder)
    return results(folder)


def page(document: dict[str, Any]) -> Page:
    parsed = Page()
    parsed.feed(html.render(document, [plain(environment.describe())]))
    return parsed


def test_page_is_self_contained(document: dict[str, Any]) -> None:
    """It loads nothing, has no script, and every link inside it leads somewhere."""
    parsed = page(document)
    assert not parsed.loads
    assert "script" not in parsed.tags
    assert not parsed.open
    inside = {link[1:] for link in parsed.links if link.startswith("#")}
    assert inside
    assert inside <= set(parsed.names)
    assert all(link.startswith(("#", "https://", "repro/")) for link in parsed.links)


def test_links_lead_somewhere_for_every_primitive(document: dict[str, Any]) -> None:
    """Also for those that have no bound, and for what is no primitive at all."""
    check = document["checks"][0]
    others = [{**check, "primitive": name, "id": f"VALUES {name}"} for name in (*PRIMITIVES, "transformer")]
    parsed = page({**document, "checks": others})
    assert {link[1:] for link in parsed.links if link.startswith("#")} <= set(parsed.names)


def test_every_claim_has_an_anchor(document: dict[str, Any]) -> None:
    """Each cell of the matrix, each check and each failure has a name of its own, and no name stands twice."""
    parsed = page(document)
    assert {html._anchor(c["id"]) for c in document["checks"]} <= set(parsed.names)
    assert {html._anchor(f"{c['primitive']} {backend_id(c)}") for c in document["checks"]} <= set(parsed.names)
    assert len(parsed.names) == len(set(parsed.names))
    failures = [c for c in document["checks"] if c["outcome"] == "deviates"]
    assert failures
    for check in failures:
        backend = "-".join(check[key] for key in ("adapter", "device", "format", "mode"))
        assert html._anchor(f"{check['id']} {backend}") in parsed.names


def test_page_can_be_read_without_eyes_and_without_a_mouse(document: dict[str, Any]) -> None:
    """Language, landmarks, a skip link, heads with a scope, a caption for each table, regions that take the focus."""
    parsed = page(document)
    assert parsed.elements[0] == ("html", {"lang": "en"})
    assert all(parsed.tags.count(landmark) == 1 for landmark in ("header", "nav", "main", "h1"))
    assert next(given for tag, given in parsed.elements if tag == "a") == {"class": "skip", "href": "#main"}
    assert {given.get("scope") for tag, given in parsed.elements if tag == "th"} == {"col", "row"}
    assert parsed.tags.count("caption") == parsed.tags.count("table") > 0
    scrolling = [given for _, given in parsed.elements if (given.get("class") or "") in ("scroll", "sheet", "long")]
    assert scrolling
    assert all(given["tabindex"] == "0" and given["role"] == "region" and given["aria-label"] for given in scrolling)
    labelled = {name for _, given in parsed.elements for name in (given.get("aria-labelledby") or "").split()}
    assert labelled <= set(parsed.names)
    heads = [int(tag[1]) for tag in parsed.tags if re.fullmatch("h[1-6]", tag)]
    assert all(below <= above + 1 for above, below in pairwise(heads))


def test_page_has_its_sections_in_order(document: dict[str, Any]) -> None:
    """The contents name each section, once, in the order in which they stand."""
    parsed = page(document)
    sections = [given["aria-labelledby"] for tag, given in parsed.elements if tag == "section"]
    contents = [link[1:] for link in parsed.links[1 : 1 + len(sections)]]
    assert contents == sections
    assert sections[:4] == ["verdict", "cite", "matrix", "failures"]


def test_every_failure_has_a_card(document: dict[str, Any]) -> None:
    """Also those that are folded away."""
    failures = [c for c in document["checks"] if c["outcome"] == "deviates"]
    assert len([given for _, given in page(document).elements if given.get("class") == "card"]) == len(failures) > 1


def test_long_tables_are_folded(document: dict[str, Any]) -> None:
    """Each primitive that was tried has its checks, and its bound, behind a line that says what is in it."""
    parsed = page(document)
    folded = [given["id"] for tag, given in parsed.elements if tag == "details" and "id" in given]
    assert {f"results-{c['primitive']}" for c in document["checks"]} <= set(folded)
    assert "bound-softmax" in folded
    assert parsed.tags.count("summary") == parsed.tags.count("details")


def test_input_cannot_break_the_page(document: dict[str, Any]) -> None:
    """What an adapter says is text, in HTML and in Markdown."""
    check = next(c for c in document["checks"] if c["outcome"] == "deviates")
    hostile = {**check, "statement": "<script>alert(1)</script> | x", "adapter": "a|b<c"}
    other = {**document, "checks": [hostile]}
    assert "script" not in page(other).tags
    assert "<script>" not in markdown.render(other)


def test_same_document_same_bytes(document: dict[str, Any]) -> None:
    """Rendering twice gives the same page, table and citation."""
    machines = [plain(environment.describe())]
    assert html.render(document, machines) == html.render(document, machines)
    assert latex.matrix(document) == latex.matrix(document)
    assert citation.bibtex(document) == citation.bibtex(document)


def test_citation_names_the_report(document: dict[str, Any]) -> None:
    """The entry has the id, the seed, the depth and every version, and balanced braces."""
    entry = citation.bibtex(document)
    names = [adapter["name"] for adapter in document["adapters"]]
    for what in (document["id"], f"Seed {document['seed']}", document["depth"], *names):
        assert latex.escaped(what) in entry
    assert entry.count("{") == entry.count("}")


def test_table_has_every_cell(document: dict[str, Any]) -> None:
    """The LaTeX table has a row for each primitive and a column for each backend, and escapes both."""
    table = latex.matrix(document)
    rows = [line for line in table.splitlines() if line.endswith(r"\\")]
    primitives = {c["primitive"] for c in document["checks"]}
    backends = {(c["adapter"], c["format"]) for c in document["checks"]}
    assert {row.count(" & ") for row in rows} == {len(backends)}
    assert len(rows) == 4 + len(primitives)  # adapter, device, format, mode
    assert not re.search(r"(?<!\\)_", table)


def test_new_adapter_runs_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What new-adapter writes conforms in what it offers, and names every primitive; it overwrites nothing."""
    monkeypatch.chdir(tmp_path)
    assert tool(["new-adapter", "mine"]) == 0
    text = (tmp_path / "mine.py").read_text()
    assert all(f"def {primitive}(" in text for primitive in PRIMITIVES)
    ended = run(tmp_path / "mine.py", "-k", "softmax", report=tmp_path / "report")
    assert ended.returncode == 0
    outcomes = {c["id"]: c["outcome"] for c in results(tmp_path / "report")["checks"] if c["primitive"] == "softmax"}
    not_offered = {check for check, outcome in outcomes.items() if outcome == "not_offered"}  # it has no gradients
    assert not_offered == {
        *("GRADIENTS softmax", "HOM-VJP softmax", "LONG-VJP softmax"),
        *("SOFT-5 two_classes", "SOFT-6 rows_of_the_jacobian"),
    }
    assert set(outcomes.values()) == {"conforms", "not_offered"}
    assert tool(["new-adapter", "mine"]) == 2
    assert (tmp_path / "mine.py").read_text() == text


@pytest.mark.parametrize("name", ["class", "my-backend", "../mine", ""])
def test_new_adapter_wants_a_name(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """A name that no module can have gets a sentence, and no file."""
    monkeypatch.chdir(tmp_path)
    assert tool(["new-adapter", name]) == 2
    assert "no name" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
