"""How to cite a report."""

from __future__ import annotations

from conformance import __version__
from conformance.document import Document
from conformance.report.latex import escaped


def bibtex(document: Document) -> str:
    """A plain BibTeX entry: suite version, backends, devices, seed, depth and the id of the report."""
    backends = "; ".join(f"{a['name']} {a['version']} on {a['device']}" for a in document["adapters"])
    return (
        f"@misc{{etalon-{document['id'][:12]},\n"
        "  author       = {{The Etalon developers}},\n"
        f"  title        = {{Etalon {__version__}: conformance report for {escaped(backends)}}},\n"
        f"  note         = {{Seed {document['seed']}, depth {document['depth']}, report SHA-256 {document['id']}}},\n"
        "}\n"
    )
