"""The file that `python -m conformance new-adapter NAME` writes: an adapter that runs at once."""

from __future__ import annotations

import inspect
import keyword
from pathlib import Path

from reference import PRIMITIVES

HEAD = '''"""An adapter for {name}, written by: python -m conformance new-adapter {name}

Try it with:  pytest --adapter=./{name}.py

Every function has the name and the signature of a reference, and is one call of the backend. Arrays go by
position, options by keyword; an option at the reference's default is not passed. A function that is not
here is "not offered"; so is a set of options for which it raises NotImplementedError("why, and a link").
It repairs nothing that the backend gets wrong.
"""

import numpy as np  # the backend of this example; yours goes here

# The number formats to be tried: "float64", "float32", "bfloat16", "float16".
formats = ("float32",)


def versions():
    """What the report says was tried; the first is the one that is cited."""
    return {{"numpy": np.__version__}}


def put(array, device):
    """A NumPy array of the format as an array of the backend."""
    return array


def get(native):
    """An array of the backend as a NumPy array of the same format."""
    return native


# Optional, each with what it opens:
#
# def devices():                                   # more devices than "cpu"
#     return ["cpu", "cuda"]
#
# def arithmetic(primitive, device, format):       # claims about rounding, printed in the report
#     from reference.arithmetic import wide_arithmetic
#     return wide_arithmetic(format)               # low formats computed in float32, rounded once
#
# modes = {{"compiled": compile, "eager": lambda f: f}}   # a name and a decorator; the first is the default
# conventions = {{"batch_norm": {{"unbiased": False}}}}     # options of the reference that it documents
# accepts = {{}}                                     # so it is asked about invalid problems, NaN and infinities
# def gradient(function, wanted):                  # a function of a cotangent and the primitive's arguments
# def jvp(function, wanted):                       # a function of tangents, as a tuple, and of those arguments
# composed = ("batch_norm",)                       # what it has no single call for
# deviations = []                                  # its known bugs, see adapters/deviations.py


def softmax(x, *, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)
'''


def text(name: str) -> str:
    """The file: one primitive that works, and the signatures of the rest in comments."""
    return HEAD.format(name=name) + "".join(_comment(p) for p in PRIMITIVES if p != "softmax")


def _comment(primitive: str) -> str:
    function = PRIMITIVES[primitive]
    parameters = [p.replace(annotation=p.empty) for p in inspect.signature(function).parameters.values()]
    signature = inspect.Signature([p for p in parameters if p.name != "keep"])  # the judge's, not the backend's
    first = (inspect.getdoc(function) or "").splitlines()[0]
    return f"\n\n# def {primitive}{signature}:\n#     ...  # {first}\n"


def write(name: str, folder: Path) -> Path:
    """Write the file; the path of what was written.

    Raises: ValueError, with a sentence, if the name is no name of a module or the file exists.
    """
    if not name.isidentifier() or keyword.iskeyword(name):
        raise ValueError(f"{name} is no name for a Python file of functions. Use letters, digits and underscores.")
    path = folder / f"{name}.py"
    if path.exists():
        raise ValueError(f"{path} exists already. Choose another name, or move that file away.")
    path.write_text(text(name), encoding="utf-8")
    return path
