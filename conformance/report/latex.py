r"""Tables for coursework: booktabs, to be read with \input."""

from __future__ import annotations

from conformance.report import views
from conformance.results import Document

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
    """The worst error/bound of every primitive and backend, backends as rows."""
    names, rows = views.matrix(document["checks"])
    primitives = [primitive for primitive, _ in rows]
    lines = [
        f"% report {document['id']}",
        rf"\begin{{tabular}}{{l{'r' * len(primitives)}}}",
        r"\toprule",
        " & ".join(["backend", *map(escaped, primitives)]) + r" \\",
        r"\midrule",
        *(
            " & ".join([escaped(name), *(escaped(cells[i].text) for _, cells in rows)]) + r" \\"
            for i, name in enumerate(names)
        ),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    r"""A text that LaTeX prints as it is.

    >>> print(escaped("output_size"))
    output\_size
    """
    return "".join(SPECIAL.get(c, c) for c in text)
