"""The vocabulary: what references may use, and what bounded arrays refuse."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NoReturn, Self

import numpy as np
import pytest
from numpy.lib.mixins import NDArrayOperatorsMixin

import reference
from conformance.cases import INTEGERS
from reference.arithmetic import FLOAT32, Bounded, OutsideVocabulary, default_arithmetic
from reference.arithmetic.bounded import CONSTANTS, FUNCTIONS, UFUNCS
from reference.arithmetic.formats import holds_numbers


class Watched(NDArrayOperatorsMixin):
    """An array that notes every operation, and lets no value decide anything."""

    def __init__(self, array: Any, seen: set[Any]) -> None:
        self.array, self.seen = np.asarray(array), seen

    shape = property(lambda self: self.array.shape)
    ndim = property(lambda self: self.array.ndim)
    size = property(lambda self: self.array.size)
    dtype = property(lambda self: self.array.dtype)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        self.seen.add(ufunc if method == "__call__" else (ufunc, method))
        return self._called(ufunc, inputs, options)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        self.seen.add(function)
        return self._called(function, args, options)

    def _called(self, function: Any, args: Any, options: Any) -> Any:
        result = function(*(_bare(x) for x in args), **options)
        if isinstance(result, list):
            return [type(self)(part, self.seen) for part in result]
        return type(self)(result, self.seen) if isinstance(result, (np.ndarray, np.generic)) else result

    def astype(self, dtype: Any) -> Self:
        return type(self)(self.array.astype(dtype), self.seen)

    def __getitem__(self, index: Any) -> Self:
        assert not isinstance(index, Watched), "an index that depends on values"
        return type(self)(self.array[index], self.seen)

    def _refuse(self, *args: Any, **options: Any) -> NoReturn:
        raise AssertionError("a reference looked at a value, or wrote one")

    __array__ = __float__ = __int__ = __bool__ = __index__ = __complex__ = __setitem__ = _refuse
    __iter__ = __contains__ = _refuse
    __hash__ = None  # type: ignore[assignment]  # as an array has none


def _is_numbers(x: Any) -> bool:
    """Whether an array has errors; booleans and integers have none, and pass unchanged."""
    return holds_numbers(x)


def _bare(x: Any) -> Any:
    if isinstance(x, (list, tuple)):
        return type(x)(_bare(part) for part in x)
    return x.array if isinstance(x, Watched) else x


x = np.arange(48.0).reshape(2, 4, 6) - 20
flat = np.arange(4.0) + 1
rows = [np.ones((2, 6)), np.ones((2, 2)), flat[:2]]


def gates(n: int) -> list[Any]:
    """Weights and biases of so many gates of two units, of six inputs."""
    b = np.arange(2.0 * n)
    return [np.ones((2 * n, 6)), np.ones((2 * n, 2)), b, b]


# w, u, w1, w2, gamma1 to gamma3, b, c, b1, b2, beta1 to beta3
BLOCK: list[Any] = [*[np.stack([np.eye(6)] * 3), np.eye(6)] * 2, np.ones((3, 6)), np.ones((6, 3)), *[np.ones(6)] * 3]
BLOCK += [*[np.ones((3, 6)), np.ones(6)] * 2, np.ones(3), *[np.ones(6)] * 4]
CALLS: dict[str, list[tuple[list[Any], dict[str, Any]]]] = {
    "output_size": [([8, 3], {"stride": 2, "padding": (1, 1)})],
    "parameter_count": [([3, 64], {"kernel": (7, 7)})],
    "flop_count": [([3, 64], {"size": (9, 9), "kernel": (3, 2), "padding": 1, "counts_padding": False})],
    "softmax": [([x], {}), ([x], {"axis": 0}), ([x[:, :, :1]], {"axis": 1})],
    "log_softmax": [([x], {}), ([x], {"axis": 0}), ([x[:, :, :1]], {"axis": 1})],
    "identity": [([x], {})],
    "binary_step": [([x], {}), ([x], {"at_zero": 0.5})],
    "relu": [([x], {})],
    "leaky_relu": [([x], {}), ([x], {"slope": 0.25})],
    "silu": [([x], {})],
    "sigmoid": [([x], {})],
    "tanh": [([x], {})],
    "gelu": [([x], {}), ([x], {"approximate": "tanh"})],
    "cross_entropy": [
        ([x, target, weight], {"reduction": reduction, "label_smoothing": s, "weighs": weighs, "ignore_index": 1})
        for target in (np.arange(12).reshape(2, 6) % 4, x + 28)
        for weight in (None, flat)
        for reduction, s, weighs in (("mean", 0.0, "classes"), ("sum", 0.5, "samples"), ("none", 0.25, "classes"))
    ],
    "embedding": [([np.array([[0, 3, 1]]), x[0]], {}), ([np.array(2), x[0]], {"padding_idx": -2})],
    "patch_embedding": [([x, np.ones((5, 4, 2))], {}), ([x[:, :, None], np.ones((4, 4, 1, 3)), flat], {})],
    "feed_forward": [([x, np.ones((3, 6)), np.ones((4, 3)), *b], {}) for b in ([], [flat[:3], flat], [None, flat])],
    "dense": [([x, np.ones((5, 6))], {}), ([x[0, 0], np.ones((2, 6)), flat[:2]], {})],
    "layer_norm": [([x, *affine], {"axes": 2, "eps": 0.5}) for affine in ([], [x[0]], [x[0], x[1]], [None, x[0]])]
    + [([x], {}), ([x, x[0, 0]], {"axes": 1})],
    "group_norm": [
        ([x, *affine], {"groups": groups, "eps": 0.5})
        for groups, affine in ((1, []), (2, [flat]), (4, [None, flat]), (2, [flat, flat + 1]))
    ],
    "instance_norm": [([x, *affine], {}) for affine in ([], [flat], [None, flat], [flat, flat + 1])],
    "rms_norm": [([x, *affine], {"axes": 2, "eps": 0.5}) for affine in ([], [x[0]])] + [([x], {})],
    "dropout": [([x], o) for o in ({}, {"training": False}, {"p": 1.0}, {"p": 0.1, "key": 3}, {"keep": x > 0})],
    "scaled_dot_product_attention": [
        ([x, x + 1, x[..., :2]], {}),
        ([x, x[:, :3], x[:, 1:]], {"causal": True, "scale": 0.5}),
        ([x, x + 1, x, x[..., :4]], {"causal": True}),
        ([x, x + 1, x, x[..., :4] % 3 < 2], {"causal": True}),
        ([x, x[:1], x[:1]], {"grouped": True, "window": 1, "closed_rows": "mean"}),
        ([x, x + 1, x, x[..., :4]], {"causal": True, "window": (0, 2), "closed_rows": "zero"}),
    ],
    "additive_attention": [
        ([x, x[:, :3], np.ones((2, 6)), np.ones((2, 6)), flat[:2], *mask], {}) for mask in ([], [x[:, :, :3] > -100])
    ],
    "learned_encoding": [([x, x[0]], {}), ([x[:, :2], x[0]], {})],
    "naive_encoding": [([x], {}), ([x], {"start": 3})],
    "multi_head_attention": [
        ([x, None, None, *[np.eye(6)] * 4], {"heads": 2}),
        ([x, x[:, :3], None, *[np.eye(6)] * 4, *[np.arange(6.0)] * 4], {"heads": 3, "causal": True}),
        (
            [x, x, x[:, :, :2], *[np.eye(6)] * 2, np.ones((4, 2)), np.ones((5, 4)), *[None] * 4, x[0, :, :4]],
            {"heads": 2},
        ),
        ([x, None, None, *[np.eye(6)] * 4, *[None] * 5, x[:, :, 0] > -10], {"heads": 1}),
        ([x, None, None, *[np.eye(6)] * 4, *[None] * 4, x[0, :, :4], x[:, :, 0] > -10], {"heads": 1}),
        ([x, None, None, *[np.eye(6)] * 4, *[None] * 4, x[0, :, :4] % 3 < 2, x[:, :, 0] > -100], {"heads": 1}),
    ],
    "encoder_block": [
        ([x, *BLOCK[:2], *BLOCK[4:8]], {"heads": 2, "norm_first": True}),
        (
            [x, *BLOCK[:2], *BLOCK[4:8], *BLOCK[9:11], *BLOCK[13:17], None, x[:, :, 0] > -100],
            {"heads": 1, "causal": True},
        ),
        ([x, *BLOCK[:2], *BLOCK[4:8], *[None] * 6, x[0, :, :4]], {"heads": 2, "activation": "gelu"}),
    ],
    "decoder_block": [
        ([x, x[:, :3], *BLOCK[:9]], {"heads": 2, "norm_first": True, "activation": "gelu"}),
        ([x, x[:, :3], *BLOCK, None, None, x[0, :, :3], x[:, :3, 0] > -10], {"heads": 1}),
    ],
    "pad": [
        ([x], {"padding": [(1, 2)], "mode": mode, "value": value})
        for mode, value in (("constant", 0.0), ("constant", 0.3), ("reflect", 0), ("replicate", 0), ("circular", 0))
    ],
    "convolution": [
        ([x, np.ones((4, 4, 3))], {}),
        ([x, np.ones((4, 4, 3)), flat], {"padding": "same", "stride": 2, "padding_mode": "zeros"}),
        ([x, np.ones((4, 2, 2)), flat], {"groups": 2, "dilation": 2, "padding": "full"}),
        ([x, np.ones((4, 1, 2))], {"groups": 4, "padding": ((1, 2),), "padding_mode": "circular"}),
        ([x[:, :, None], np.ones((4, 4, 1, 3))], {"padding": (0, 1), "padding_mode": "reflect"}),
        ([x[:, :, None, None], np.ones((4, 4, 1, 1, 3)), flat], {"padding": "valid", "stride": (1, 1, 2)}),
    ],
    "transposed_convolution": [
        ([x, np.ones((4, 3, 2))], {}),
        ([x, np.ones((4, 1, 3)), flat], {"groups": 4, "stride": 2, "output_padding": 1, "padding": 1}),
        ([x, np.ones((4, 2, 2)), flat], {"groups": 2, "dilation": 2, "padding": ((0, 3),)}),
        ([x[:, :, None], np.ones((4, 4, 1, 3))], {"stride": (3, 2), "output_padding": (2, 0)}),
        ([x[:, :, None, None], np.ones((4, 2, 1, 1, 3))], {"stride": (1, 1, 2)}),
    ],
    "true_convolution": [
        ([flat, np.ones(2)], {}),
        ([x[0], np.ones((2, 3))], {"mode": "same"}),
        ([x[0, :2], x[1]], {"mode": "valid"}),
        ([flat[:2], flat], {"mode": "same"}),
    ],
    "toeplitz": [([flat], {}), ([x, x[..., :2]], {}), ([flat[:1], flat], {})],
    "rnn_step": [
        ([x[0], x[0, :, :2], *rows[:2]], {}),
        ([x[0], None, *rows[:2], rows[2], rows[2]], {"nonlinearity": "relu"}),
    ],
    "rnn": [([x, None, *rows[:2]], {}), ([x, x[:, 0, :2], *rows[:2], rows[2], rows[2]], {"nonlinearity": "relu"})],
    "lstm_step": [([x[0], x[0, :, :2], None, *gates(4)[:2]], {}), ([x[0], None, None, *gates(4)], {"gates": "ofig"})],
    "lstm": [([x, None, None, *gates(4)[:2]], {}), ([x, x[:, 0, :2], x[:, 1, :2], *gates(4)], {"gates": "ofig"})],
    "gru_step": [([x[0], x[0, :, :2], *gates(3)[:2]], {}), ([x[0], None, *gates(3)], {"reset": "after"})],
    "gru": [([x, None, *gates(3)[:2]], {}), ([x, x[:, 0, :2], *gates(3)], {"reset": "after", "gates": "nzr"})],
    "decoder_step": [
        ([x[0], x[0, :, :2], x[0, :, :3], np.ones((2, 6)), np.ones((2, 2)), np.ones((2, 3)), *b], {})
        for b in ([], [flat[:2]])
    ],
    "basic_block": [
        ([x, np.ones((4, 4, 3)), *[flat] * 4, np.ones((4, 4, 3)), *[flat] * 4], {}),
        (
            [x, np.ones((4, 4, 3)), *[flat] * 4, np.ones((4, 4, 3)), *[flat] * 4, np.ones((4, 4, 1)), *[flat] * 4],
            {"stride": 2, "eps": 0.5},
        ),
    ],
    "dense_block": [([x, np.ones((2, 4, 3))], {}), ([x, np.ones((2, 4, 3)), np.ones((1, 6, 1))], {})],
    "residual": [
        ([x, np.ones((3, 6)), np.ones((6, 3)), *biases], {})
        for biases in ([], [flat[:3]], [None, np.ones(6)], [flat[:3], np.ones(6)])
    ],
    "sinusoidal_encoding": [
        ([t], {"d": 6, **options})
        for t in (flat, x[0] * 0, np.array(3.0))
        for options in ({}, {"layout": "halves", "base": 100.0}, {"first_index": 1})
    ],
    "max_pool": [
        ([x], {"kernel": 2}),
        ([x], {"kernel": 3, "stride": 2, "padding": 1, "dilation": 2, "ceil_mode": True}),
        ([x[:, :, None]], {"kernel": (1, 2), "padding": ((1, 2), 0)}),
    ],
    "sum_pool": [([x], {"kernel": 2}), ([x], {"kernel": 3, "stride": 2, "padding": 1, "ceil_mode": True})],
    "product_pool": [([x], {"kernel": 2}), ([x], {"kernel": 3, "stride": 2, "padding": 1, "ceil_mode": True})],
    "average_pool": [
        ([x], {"kernel": 2}),
        ([x], {"kernel": 3, "stride": 2, "padding": 1, "ceil_mode": True}),
        ([x[:, :, None]], {"kernel": (1, 4), "padding": ((0, 0), (1, 2)), "count_include_pad": False}),
    ],
    "lp_pool": [
        ([x], {"kernel": 4, "ceil_mode": True} | options)
        for options in ({}, {"norm_type": 1}, {"norm_type": 1, "signed": True}, {"norm_type": np.inf})
    ],
    "global_max_pool": [([x], {}), ([x[:, :, None]], {})],
    "global_average_pool": [([x], {}), ([x[:, :, None]], {})],
    "adaptive_max_pool": [([x], {"output_size": 4}), ([x[:, :, None]], {"output_size": (2, 1)})],
    "adaptive_average_pool": [([x], {"output_size": 4}), ([x[:, :, None]], {"output_size": (2, 1)})],
    "batch_norm": [
        ([x, flat, flat, *affine], options)
        for affine in ([], [flat], [flat, flat], [None, flat])
        for options in ({}, {"training": True}, {"training": True, "unbiased": False, "momentum": 0.5, "eps": 0.0})
    ],
}


def test_every_primitive_is_watched() -> None:
    """No primitive is missing from the calls of this file."""
    assert set(CALLS) == set(reference.PRIMITIVES)


@pytest.mark.parametrize("name", CALLS)
def test_primitives_stay_inside_the_vocabulary(name: str) -> None:
    """Every primitive uses only operations with a rule, looks at no value and writes into no array."""
    for arrays, options in CALLS[name]:
        seen: set[Any] = set()
        watched = [Watched(a, seen) if _is_numbers(a) else a for a in arrays]
        results = reference.PRIMITIVES[name](*watched, **options)
        plain = reference.PRIMITIVES[name](*arrays, **options)
        known = {*UFUNCS, *FUNCTIONS, *CONSTANTS}
        assert seen <= known, seen - known
        if name not in INTEGERS and options.get("training") is not False:
            assert seen or name == "identity", "nothing was watched"
        for got, want in zip(*(r if isinstance(r, tuple) else (r,) for r in (results, plain)), strict=True):
            assert np.array_equal(_bare(got), want)


@pytest.mark.parametrize(("name", "formula"), [(name, f) for name, fs in reference.FORMULAS.items() for f in fs])
def test_further_formulas_stay_inside_the_vocabulary(name: str, formula: str) -> None:
    """What a backend may claim instead of the reference's formula obeys the same discipline."""
    for arrays, options in CALLS[name]:
        seen: set[Any] = set()
        watched = [Watched(a, seen) if _is_numbers(a) else a for a in arrays]
        reference.FORMULAS[name][formula](*watched, **options)
        assert seen
        assert seen <= {*UFUNCS, *FUNCTIONS, *CONSTANTS}


@pytest.mark.parametrize("formula", ["normalised_last", "scaled_first"])
@pytest.mark.parametrize("name", ["scaled_dot_product_attention", "multi_head_attention"])
def test_formulas_of_attention_stay_inside_the_vocabulary(name: str, formula: str) -> None:
    """The further formulas of attention obey the same discipline (but for the one that names a format)."""
    for arrays, options in CALLS[name]:
        seen: set[Any] = set()
        watched = [Watched(a, seen) if _is_numbers(a) else a for a in arrays]
        reference.FORMULAS[name][formula](*watched, **options)
        assert seen <= set(UFUNCS) | set(FUNCTIONS)


@pytest.mark.parametrize("name", CALLS)
def test_the_bounded_value_is_the_plain_value(name: str) -> None:
    """Read bounded, a primitive has the very bits that it has on plain arrays."""
    for arrays, options in CALLS[name]:
        bounded = [Bounded.of(a, default_arithmetic(FLOAT32)) if _is_numbers(a) else a for a in arrays]
        results = reference.PRIMITIVES[name](*bounded, **options)
        plain = reference.PRIMITIVES[name](*arrays, **options)
        for got, want in zip(*(r if isinstance(r, tuple) else (r,) for r in (results, plain)), strict=True):
            assert np.array_equal(got.value if isinstance(got, Bounded) else got, want)


def bounded(error: float = 1.0) -> Bounded:
    return Bounded(np.array([1.0, 2.0]), np.full(2, error), default_arithmetic(FLOAT32))


def _if(condition: Any) -> None:
    if condition:
        pass


REFUSED: dict[str, Callable[[Bounded], object]] = {
    "__array__": np.asarray,
    "__array__ ": lambda y: np.array(y),
    "__float__": lambda y: float(y[0]),
    "__int__": lambda y: int(y[0]),
    "__bool__": lambda y: _if(y[0]),
    "__setitem__": lambda y: operator.setitem(y, 0, 1.0),
    "numpy.exp2": np.exp2,
    "numpy.arctan": np.arctan,
    "numpy.power": lambda y: y**2,
    "numpy.add.reduce": np.add.reduce,
    "numpy.multiply.outer": lambda y: np.multiply.outer(y, y),
    "numpy.add": lambda y: np.add(y, y, out=np.zeros(2)),
    "numpy.var": np.var,
    "numpy.dot": lambda y: np.dot(y, y),
    "numpy.argmax": np.argmax,
    "`if`": lambda y: _if(y[0] > 1.5),
    "indexing": lambda y: y[y],
    "indexing ": lambda y: y[y > 1.5],
    "indices": lambda y: np.zeros(2)[y > 1.5],
    "condition": lambda y: np.where(y, 1.0, y),
}


@pytest.mark.parametrize("operation", REFUSED)
def test_what_would_lose_the_bound_is_refused_by_name(operation: str) -> None:
    """An operation without a rule, and every way out of the array type, raises an error that names it."""
    with pytest.raises(OutsideVocabulary) as caught:
        REFUSED[operation](bounded())
    assert operation.strip() in str(caught.value)


def test_constants_of_an_array_are_charged() -> None:
    """What like= makes is of the array's type: what the format does not hold has an error, the rest none."""
    third, whole = np.asarray(1 / 3, like=bounded()), np.arange(3, like=bounded())
    assert isinstance(third, Bounded)
    assert isinstance(whole, Bounded)
    assert 0 < float(third.error) <= FLOAT32.u / 2
    assert not whole.error.any()


def test_a_certain_comparison_may_decide() -> None:
    """A comparison that no rounding can turn may stand in an `if`."""
    assert bounded(0.0)[0] < 1.5
    assert not (bounded(0.25)[1] < 1.5)


@pytest.mark.parametrize("axis", [3, -4, (0, 3), (1, 1)])
def test_an_axis_that_is_none_is_refused_as_numpy_does(axis: Any) -> None:
    """A reduction along an axis that x has not, or along one twice, is no reading."""
    bound = Bounded.of(x, default_arithmetic(FLOAT32))
    for reduction in (np.sum, np.max, np.mean):
        with pytest.raises(ValueError, match="axis"):
            reduction(x, axis=axis)
        with pytest.raises(ValueError, match="axis"):
            reduction(bound, axis=axis)
