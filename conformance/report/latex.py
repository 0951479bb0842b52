r"""Tables for coursework: booktabs and longtable, to be read with \input. reports/template.tex shows how."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from conformance.document import Document, backend_id
from conformance.report import views
from conformance.report.views import Cell, Check

SPECIAL = {
    "\\": r"\textbackslash{}",
    "_": r"\_",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "$": r"\$",
    "{": r"\{",
    "}": r"\}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "'": r"\textquotesingle{}",
    # What pdflatex does not know by itself, as mathematics.
    "²": r"\textsuperscript{2}",
    "³": r"\textsuperscript{3}",
    "⁻": r"\textsuperscript{-}",
    "ᵀ": r"\textsuperscript{T}",
    "ᵏ": r"\textsuperscript{k}",
    "ˣ": r"\textsuperscript{x}",
    "·": r"$\cdot$",
    "×": r"$\times$",
    "−": r"$-$",
    "±": r"$\pm$",
    "→": r"$\to$",
    "√": r"$\surd$",
    "∞": r"$\infty$",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "≠": r"$\ne$",
    "∂": r"$\partial$",
    "Σ": r"$\Sigma$",
    "β": r"$\beta$",
    "γ": r"$\gamma$",
    "ε": r"$\varepsilon$",
    "μ": r"$\mu$",
    "σ": r"$\sigma$",
    "φ": r"$\varphi$",
    "⌈": r"$\lceil$",
    "⌉": r"$\rceil$",
    "⌊": r"$\lfloor$",
    "⌋": r"$\rfloor$",
    "–": "--",
    "“": "``",
    "”": "''",
    "…": r"\dots{}",
}
ACCENTS = {"\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=", "\u0306": "u", "\u0308": '"'}
STATES = re.compile(r"[A-Z]+-\d+")  # the id of a law, a statement or a question; lanes have a word


def escaped(text: str) -> str:
    r"""A text that LaTeX prints as it is; a character that it cannot print becomes its number.

    >>> print(escaped("output_size ≤ 2, Meilă"))
    output\_size $\le$ 2, Meil\u{a}
    """
    return "".join(_character(c) for c in text)


def _character(c: str) -> str:
    if c in SPECIAL or c.isascii():
        return SPECIAL.get(c, c)
    letter, *marks = list(unicodedata.normalize("NFD", c))
    if letter.isascii() and len(marks) == 1 and marks[0] in ACCENTS:
        return rf"\{ACCENTS[marks[0]]}{{{letter}}}"
    return f"[U+{ord(c):04X}]"


def citation_key(document: Document) -> str:
    """The key of the report in cite.bib."""
    return f"etalon-{document['id'][:12]}"


def files(document: Document) -> dict[str, str]:
    """Every table, by its path in the folder of the report."""
    primitives = sorted({check["primitive"] for check in document["checks"]})
    tables = {
        "matrix": matrix(document),
        "laws": laws(document),
        "statements": statements(document),
        "report": rf"\newcommand{{\reportkey}}{{{citation_key(document)}}}" + "\n",
        "primitives": "".join(rf"\primitive{{{name}}}" + "\n" for name in primitives),
        **{f"primitive-{name}": primitive(document, name) for name in primitives},
    }
    return {f"tables/{name}.tex": f"% report {document['id']}\n{text}" for name, text in tables.items()}


def matrix(document: Document) -> str:
    """The worst error/bound of every primitive, a column for each backend.

    What does not conform is a word; k marks a known deviation outside of which it conforms.
    """
    names, rows = views.matrix(document["checks"])
    backends = {backend_id(check): check for check in document["checks"]}
    heads = [
        " & ".join([head, *(escaped(backends[name][head]) for name in names)]) + r" \\"
        for head in ("adapter", "device", "format", "mode")
    ]
    lines = [
        rf"\begin{{tabular}}{{l{'r' * len(names)}}}",
        r"\toprule",
        *heads,
        r"\midrule",
        *(" & ".join([escaped(primitive), *map(_cell, cells)]) + r" \\" for primitive, cells in rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def primitive(document: Document, name: str) -> str:
    """The checks of one primitive: what a law states, and the worst error/bound on each adapter and device."""
    checks = [check for check in document["checks"] if check["primitive"] == name]
    sides = sorted({(c["adapter"], c["device"]) for c in checks})
    of: dict[str, list[Check]] = {}
    for check in sorted(checks, key=lambda c: bool(STATES.match(c["id"]))):  # the lanes first
        of.setdefault(check["id"], []).append(check)
    rows = [
        [
            _breakable(id.removesuffix(f" {name}")),
            escaped(same[0]["statement"]) if STATES.match(id) else "",
            *(_cell(views.cell([c for c in same if (c["adapter"], c["device"]) == side])) for side in sides),
        ]
        for id, same in of.items()
    ]
    heads = ["check", "states", *(escaped(f"{adapter}, {device}") for adapter, device in sides)]
    return _long(_paragraph(0.27) + _paragraph(0.38) + "r" * len(sides), heads, rows)


def laws(document: Document) -> str:
    """Every law that was tried, with its equation and its primitive."""
    found = {(c["id"], c["statement"], c["primitive"]) for c in document["checks"] if _is_law(c)}
    ordered = sorted(found, key=lambda law: (views.natural(law[0].split()[0]), law))
    rows = [[_breakable(id), escaped(statement), _breakable(primitive)] for id, statement, primitive in ordered]
    widths = _paragraph(0.3) + _paragraph(0.42) + _paragraph(0.2)
    return _long(widths, ["law", "states", "primitive"], rows)


def statements(document: Document) -> str:
    """What lectures say, and what became of it on trial, each citing its lecture (see cite.bib)."""
    found = {check["id"]: (check, check["verdict"]) for check in document["checks"] if check["verdict"]}
    keys = lectures(document)
    rows = [
        [
            escaped(check["property"]),
            f"``{escaped(said['words'])}''~\\cite{{{keys[said['lecture']]}}}",
            escaped(said["verdict"]),
            escaped(said["domain"]),
        ]
        for check, said in sorted(found.values(), key=lambda row: views.natural(row[0]["property"]))
    ]
    widths = "l" + _paragraph(0.42) + _paragraph(0.12) + _paragraph(0.24)
    return _long(widths, ["id", "says", "verdict", "holds for"], rows)


def lectures(document: Document) -> dict[str, str]:
    """The lectures that the document cites, and the key of each in cite.bib."""
    cited = sorted({check["verdict"]["lecture"] for check in document["checks"] if check["verdict"]})
    names = [re.sub(r"[^a-z]", "", unicodedata.normalize("NFD", text.partition(",")[0].lower())) for text in cited]
    return {
        text: f"lecture-{name}{names[:n].count(name) or ''}"
        for n, (text, name) in enumerate(zip(cited, names, strict=True))
    }


def _is_law(check: Check) -> bool:
    return bool(STATES.match(check["property"])) and not check["property"].startswith(("SAID-", "CHOICE-"))


def _paragraph(share: float) -> str:
    return rf">{{\raggedright\arraybackslash}}p{{{share}\linewidth}}"


def _long(columns: str, heads: list[str], rows: Iterable[list[str]]) -> str:
    """A table that may go over several pages."""
    lines = [
        rf"\begin{{longtable}}{{{columns}}}",
        r"\toprule",
        " & ".join(heads) + r" \\",
        r"\midrule",
        r"\endhead",
        r"\bottomrule",
        r"\endfoot",
        *(" & ".join(row) + r" \\" for row in rows),
        r"\end{longtable}",
    ]
    return "\n".join(lines) + "\n"


def _breakable(text: str) -> str:
    """A name that may be broken after each of its words."""
    return escaped(text).replace(r"\_", r"\_\allowbreak{}")


def _cell(cell: Cell) -> str:
    if cell.kind in ("not offered", "not tried"):
        return "--"
    known = " (known deviation)"
    return escaped(cell.text.removesuffix(known)) + (r"\textsuperscript{k}" if cell.text.endswith(known) else "")
