"""The pictures of a report: the same bytes each time, small, with words for who does not see them, and not needed."""

from __future__ import annotations

import math
import re
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from conformance import environment
from conformance.records import plain
from conformance.report import html, measured, pictures
from properties.series import RATIOS
from reference import PRIMITIVES
from reference.arithmetic import FORMATS
from tests.test_report import Page
from tests.test_results import ENDS, document_of

SVG = "{http://www.w3.org/2000/svg}"


def check(primitive: str, fmt: str, adapter: str = "mine", **series: Any) -> dict[str, Any]:
    """As much of a check as pictures look at."""
    return {"primitive": primitive, "format": fmt, "adapter": adapter, "device": "cpu", "property": "values",
            "worst_ratio": 0.5, "series": series}  # fmt: skip


def spread_of(*places: int) -> list[int]:
    return np.bincount(places, minlength=RATIOS).tolist()


def of_everything() -> list[dict[str, Any]]:
    """Two adapters with all that a default run measures, and more."""
    rng = np.random.default_rng(0)
    found = []
    for adapter in ("torch", "jax"):
        for fmt in FORMATS:
            for primitive in PRIMITIVES:
                counts = rng.integers(0, 1000, RATIOS)
                conditions = [[i, 0.3 * 4.0**i] for i in range(12)]
                found.append(check(primitive, fmt, adapter, ratios=counts.tolist(), conditions=conditions))
            for primitive in list(PRIMITIVES)[:20]:
                lengths = [[n, 1e-7 * n, 1e-5 * n] for n in (256, 1001, 1002, 4096, 32768)]
                found.append(check(primitive, fmt, adapter, lengths=lengths))
            for primitive in list(PRIMITIVES)[:7]:
                points = [[sign, e, 0.5 + 0.01 * e] for sign in (-1, 1) for e in range(-14, 8)]
                found.append(
                    check(primitive, fmt, adapter, accuracy=[{"operation": "exp", "claimed": 1.0, "points": points}])
                )
    return found


def drawn(checks: list[dict[str, Any]]) -> list[str]:
    return [drawing for shown in html._figures(checks) for _, drawing in shown.drawings]


@pytest.fixture(scope="module")
def everything() -> list[str]:
    return drawn(of_everything())


def test_pictures_of_a_default_run_are_small(everything: list[str]) -> None:
    """Of two adapters, each with 56 primitives in four formats."""
    assert len(everything) == 6
    assert sum(map(len, everything)) < 400_000


def test_the_same_document_gives_the_same_bytes(everything: list[str]) -> None:
    """Another process, with other hashes, and whatever the user has set: nothing of time or chance is in them."""
    code = "from tests.test_pictures import *; import matplotlib, sys; matplotlib.rcParams['axes.facecolor'] = 'pink'\n"
    code += "sys.stdout.write('\\n'.join(drawn(of_everything())))"
    again = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert again.stdout == "\n".join(everything)


def test_pictures_say_what_they_show(everything: list[str]) -> None:
    """Each is well-formed, has a title and a description, its letters are text, and it loads nothing."""
    names: list[str] = []
    for drawing in everything:
        root = ElementTree.fromstring(drawing)
        title, says = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
        assert title is not None and title.text
        assert says is not None and says.text
        assert root.get("aria-labelledby") == f"{title.get('id')} {says.get('id')}"
        assert root.findall(f".//{SVG}text")
        names += [name for element in root.iter() if (name := element.get("id"))]
        links = [value for element in root.iter() for key, value in element.items() if key.endswith("href")]
        assert all(link.startswith(("#", "data:image/png;base64,")) for link in links)
        inside = {*re.findall(r"#([\w-]+)\)", drawing), *(link[1:] for link in links if link.startswith("#"))}
        assert inside <= set(names)
    assert len(names) == len(set(names))  # they stand in one page


def test_numbers_in_pictures_are_not_cut(everything: list[str]) -> None:
    """Decimals are cut in coordinates, and not in what is written."""
    assert pictures._smaller('<text x="1.23456">0.00195</text>') == '<text x="1.23">0.00195</text>'


@pytest.mark.parametrize("ratio", [0.5, math.inf])
def test_what_is_wrong_has_a_mark_of_its_own(ratio: float) -> None:
    """A diamond for what conforms, a cross for what does not: never colour alone."""
    spread = measured.Spread(np.array(spread_of(0, 9 if ratio < 1 else 10)), ratio)
    assert [mark for _, mark, _ in pictures._maxima(["softmax"], "float32", {("softmax", "float32"): spread})] == [
        "d" if ratio < 1 else "x"
    ]


@pytest.mark.parametrize("odd", [0.0, "Infinity", "NaN"])
def test_odd_numbers_do_not_cost_the_report(odd: Any) -> None:
    """An error of zero, an infinite bound, or none at all."""
    checks = [
        check("softmax", "float32", ratios=spread_of(0), conditions=[[0, odd]], lengths=[[2, odd, 0.5], [4, 0.1, odd]]),
        check("tanh", "float32", accuracy=[{"operation": "tanh", "claimed": 1.0, "points": [[1, 0, odd]]}]),
        check("softmax", "float64", ratios=[0] * RATIOS, lengths=[[1, 0.0, 0.0]]) | {"worst_ratio": odd},
    ]
    assert drawn(checks)


def failure(got: Any, want: Any, bound: Any, **arrays: Any) -> dict[str, Any]:
    data = {name: {"dtype": "float32", "shape": np.shape(x), "values": x} for name, x in arrays.items()}
    return {"output": "y", "arrays": data, "sides": {"got": got, "want": want, "bound": bound}}


def test_a_counterexample_is_drawn() -> None:
    """Input, got, want and difference; what is outside of its bound has a frame, also a NaN, and is counted."""
    found = failure([[1.0, "NaN"], [0.0, 2.0]], [[1.0, 1.0], [0.5, 2.0]], [[0.0, 0.1], [0.1, 0.0]], x=[[1.0, 2.0]])
    drawing = pictures.counterexample(found, "drawn-0")
    root = ElementTree.fromstring(drawing)
    written = [element.text for element in root.iter(f"{SVG}text")]
    assert {"x", "got", "want", "got − want", "nan", "-0.5"} <= set(written)
    assert "2 of 4 elements of y are outside" in (root.findtext(f"{SVG}desc") or "")
    assert drawing.count(f"stroke: {pictures.BAD}") == 4  # two in got, two in the difference


def test_a_card_has_its_picture(tmp_path: Path) -> None:
    """A failure as it is recorded is drawn in the page, in its own card."""
    found = failure([1.0, "NaN"], [1.0, 2.0], [0.0, 0.1], x=[1.0, 2.0])
    found |= {
        "primitive": "softmax",
        "options": {},
        "call": "softmax(x=[1, 2])",
        "kind": "non-finite",
        "message": "nan",
    }
    found |= {"index": [1], "got": "NaN", "want": 2.0, "bound": 0.1}
    document = document_of(tmp_path, {"VALUES softmax": {"outcome": "deviates", "counterexample": found}})
    card = html.render(document, [plain(environment.describe())]).partition('<article class="card"')[2]
    assert (
        '<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="drawn-0-title'
        in card.partition("</article>")[0]
    )


@pytest.mark.parametrize("n", [1, 500])
def test_what_is_one_number_or_many_is_not_drawn(n: int) -> None:
    assert pictures.counterexample(failure([1.0] * n, [0.0] * n, [0.0] * n), "drawn-0") == ""
    assert pictures.counterexample({"output": "y"}, "drawn-0") == ""


def test_the_page_does_without_matplotlib(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so in a sentence, and has the same tables."""
    document = document_of(tmp_path, ENDS)
    document["checks"][0] |= check("softmax", "float64", ratios=spread_of(0, 5), lengths=[[8, 0.1, 0.2]])
    machines = [plain(environment.describe())]
    with_pictures = html.render(document, machines)
    monkeypatch.setattr(pictures, "IS_INSTALLED", False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    without = html.render(document, machines)
    assert "<svg" in with_pictures and "<svg" not in without
    assert "matplotlib is not installed" in without and "matplotlib is not installed" not in with_pictures
    pages = [Page(), Page()]
    for page, text in zip(pages, (with_pictures, without), strict=True):
        page.feed(text)
    assert pages[0].tags.count("td") == pages[1].tags.count("td") > 0


def test_a_warning_does_not_cost_the_report() -> None:
    """A run raises warnings; matplotlib has many, and other ones in each version."""
    assert "<svg" in pictures._drawn("name", "title", "says", (1, 1), lambda figure: warnings.warn("old", stacklevel=1))


def test_matplotlib_is_not_imported_before_there_is_a_picture() -> None:
    """A run of a student's file does not wait for it."""
    code = "import sys, conformance.report; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
