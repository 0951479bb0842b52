"""How to cite a report."""

from __future__ import annotations

from conformance import __version__
from conformance.report.latex import escaped
from conformance.results import Document


def bibtex(document: Document) -> str:
    """A plain BibTeX entry: suite version, backends, devices, seed, depth and the id of the report."""
    backends = _backends(document)
    return (
        f"@misc{{etalon-{document['id'][:12]},\n"
        "  author       = {{The Etalon developers}},\n"
        f"  title        = {{Etalon {__version__}: conformance report for {escaped(backends)}}},\n"
        f"  note         = {{Seed {document['seed']}, depth {document['depth']}, report SHA-256 {document['id']}}},\n"
        "}\n"
    )


def sentence(document: Document) -> str:
    """The same in one sentence, for a text without a bibliography."""
    return (
        f"The Etalon developers, Etalon {__version__}, conformance report {document['id'][:12]} for "
        f"{_backends(document)} (seed {document['seed']}, depth {document['depth']}; SHA-256 {document['id']})."
    )


def _backends(document: Document) -> str:
    return "; ".join(f"{a['name']} {a['version']} on {a['device']}" for a in document["adapters"])
