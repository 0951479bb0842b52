r"""Tables for coursework: booktabs, to be read with \input."""

from __future__ import annotations

from conformance.document import Document, backend_id
from conformance.report import views
from conformance.report.views import Cell

SPECIAL = {
    "\\": r"\textbackslash{}",
    "_": r"\_",
    "&": r"\&",
    "%": r"\%",
    "#": r"\#",
    "$": r"\$",
    "{": r"\{",
    "}": r"\}",
}


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
        f"% report {document['id']}",
        rf"\begin{{tabular}}{{l{'r' * len(names)}}}",
        r"\toprule",
        *heads,
        r"\midrule",
        *(" & ".join([escaped(primitive), *map(_cell, cells)]) + r" \\" for primitive, cells in rows),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def _cell(cell: Cell) -> str:
    if cell.kind in ("not offered", "not tried"):
        return "--"
    known = " (known deviation)"
    return escaped(cell.text.removesuffix(known)) + (r"\textsuperscript{k}" if cell.text.endswith(known) else "")


def escaped(text: str) -> str:
    r"""A text that LaTeX prints as it is.

    >>> print(escaped("output_size"))
    output\_size
    """
    return "".join(SPECIAL.get(c, c) for c in text)
