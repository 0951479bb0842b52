"""Arrays that know how large their terms were: what they would be if nothing had cancelled.

A gradient is a sum, and may be zero although its terms are not: that of a softmax over one score, or of a
shift that changes nothing. Its size says nothing of the error that would be a mistake then; that of its
terms does, since to lose one of them, or to count it twice, is a mistake.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from reference.arithmetic.bounded import CONSTANTS, OutsideVocabulary
from reference.arithmetic.formats import Floats


class Terms(NDArrayOperatorsMixin):
    """An array with the sum of the magnitudes of what each element was added up from.

    What a sweep takes from the way forward is one term, however it came about (`kept`).
    """

    __slots__ = ("size_of_terms", "value")

    def __init__(self, value: Any, size_of_terms: Any = None) -> None:
        self.value = np.asarray(value, np.float64)
        self.size_of_terms: Floats = np.abs(self.value) if size_of_terms is None else np.asarray(size_of_terms)

    shape = property(lambda self: self.value.shape)
    ndim = property(lambda self: self.value.ndim)
    size = property(lambda self: self.value.size)
    dtype = property(lambda self: self.value.dtype)

    def __len__(self) -> int:
        return len(self.value)

    def __getitem__(self, index: Any) -> Terms:
        return Terms(self.value[index], self.size_of_terms[index])

    def kept(self) -> Terms:
        return Terms(self.value)

    def astype(self, dtype: Any) -> Terms:
        return self

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        if method != "__call__" or options:
            raise OutsideVocabulary(f"numpy.{ufunc.__name__} of terms")
        x = [z if isinstance(z, Terms) else Terms(z) for z in inputs]
        v = ufunc(*(z.value for z in x))
        match ufunc:
            case np.add | np.subtract:
                return Terms(v, x[0].size_of_terms + x[1].size_of_terms)
            case np.multiply | np.matmul:
                return Terms(v, ufunc(x[0].size_of_terms, x[1].size_of_terms))
            case np.divide:
                return Terms(v, x[0].size_of_terms / np.abs(x[1].value))
            case np.negative:
                return Terms(v, x[0].size_of_terms)
        return v if v.dtype == bool else Terms(v)

    def __array_function__(self, function: Any, types: Any, args: Sequence[Any], options: dict[str, Any]) -> Any:
        if function in CONSTANTS:
            return Terms(function(*args, **options))
        v = function(*_each(args, lambda z: z.value), **options)
        if function in (np.shape, np.ndim, np.size):
            return v
        if function is np.einsum:
            args = args[0], *(z if isinstance(z, Terms) else Terms(z) for z in args[1:])
        t = function(*_each(args, lambda z: z.size_of_terms), **options)
        return [Terms(*part) for part in zip(v, t, strict=True)] if isinstance(v, list) else Terms(v, t)


def _each(args: Sequence[Any], of: Callable[[Terms], Floats]) -> list[Any]:
    return [
        of(z) if isinstance(z, Terms) else _each(z, of) if isinstance(z, (list, tuple)) and not _is_plain(z) else z
        for z in args
    ]


def _is_plain(z: Sequence[Any]) -> bool:
    return not any(isinstance(part, Terms) for part in z)
