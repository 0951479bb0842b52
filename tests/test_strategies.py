"""What is drawn: the problems reach what they should, are valid, and the numbers are what their kind says."""

from __future__ import annotations

import functools
import importlib.util
import itertools
import math
import random
import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest

import reference
from adapters.backend import backends
from adapters.loading import load
from conformance.cases import CASES, INTEGERS
from conformance.test_values import test_values as values
from properties import trial
from properties.strategies import (
    KINDS,
    Problem,
    Problems,
    attentions,
    average_pools,
    basic_blocks,
    batch_norms,
    convolutions,
    cross_entropies,
    dense_blocks,
    draw,
    draws,
    dropouts,
    lp_pools,
    max_pools,
    mismatched_basic_blocks,
    mismatched_residuals,
    multi_head_attentions,
    output_sizes,
    pads,
    residuals,
    sinusoidal_encodings,
    softmaxes,
    sum_pools,
    transposed_convolutions,
)
from properties.strategies.convolution import with_place
from properties.strategies.kinds import numbers
from properties.strategies.problems import Pick, Spec
from reference.arithmetic import BFLOAT16, FLOAT16, FLOAT32, FLOAT64, FORMATS, Format, read
from reference.arithmetic.formats import Floats, trailing_quantum
from reference.convolution import paddings
from reference.pooling import pooled_size

ALL = {case.primitive: case.problems for case in CASES}
BREADTHS = {depth: trial.DEPTHS[depth].values for depth in ("smoke", "default", "deep")}
SEEDS = range(2)


def free(problems: Problems, n: int, seed: int = 0) -> list[Problem]:
    """Problems in which chance makes every choice."""
    rng = random.Random(seed)
    return [problems.built(Pick(rng.randrange)) for _ in range(n)]


def shape(problem: Problem, name: str = "x") -> tuple[int, ...]:
    spec = problem.arrays[name]
    assert isinstance(spec, Spec)
    return spec.shape


def rank(problem: Problem) -> int:
    return len(shape(problem)) - 2


def sides(problem: Problem) -> tuple[tuple[int, int], ...]:
    """The padding of a convolution, written out."""
    o = problem.options
    return paddings(o["padding"], shape(problem)[2:], shape(problem, "w")[2:], o["stride"], o["dilation"])


Window = tuple[int, int, int, tuple[int, int], int]


def axes(problem: Problem) -> list[Window]:
    """(S, K, s, padding, d) for every axis of a pool."""
    o, S = problem.options, shape(problem)[2:]
    ones = (1,) * len(S)
    d = o.get("dilation", 1)
    pairs = paddings(o.get("padding", 0), S, ones, ones, ones)
    return list(zip(S, o["kernel"], o["stride"] or o["kernel"], pairs, ones if d == 1 else d, strict=True))


def sticks_out(problem: Problem) -> bool:
    """Whether the last window of some axis sees less than its kernel of the padded signal."""
    if not problem.options["ceil_mode"] or not shape(problem)[0]:
        return False
    ends = [(pooled_size(*axis, True) - 1) * axis[2] + axis[4] * (axis[1] - 1) + 1 for axis in axes(problem)]
    return any(end > S + sum(pair) for end, (S, _, _, pair, _) in zip(ends, axes(problem), strict=True))


# -- reach ---------------------------------------------------------------------------------------------

Reached = Callable[[Problem], bool]


def _has(name: str, value: Any) -> Reached:
    return lambda p: p.options[name] == value


ELEMENTWISE: dict[str, Reached] = {
    "one number": lambda p: shape(p) == (),
    "no number": lambda p: 0 in shape(p),
    "a long row": lambda p: bool(shape(p)) and shape(p)[-1] > 16,
    "three axes": lambda p: len(shape(p)) == 3,
}

ALONG_AN_AXIS: dict[str, Reached] = {
    "one score": lambda p: shape(p)[p.options["axis"]] == 1,
    "rank 1": lambda p: len(shape(p)) == 1,
    **{f"no rows, rank {n}": lambda p, n=n: len(shape(p)) == n and 0 in shape(p) for n in (2, 3, 4)},
    **{
        f"axis {axis} of {n}": lambda p, n=n, axis=axis: (
            len(shape(p)) == n and p.options["axis"] == axis and 0 not in shape(p) and shape(p)[axis] > 1
        )
        for n in (2, 3, 4)
        for axis in (-1, *range(n - 1))
    },
}

AFFINE: dict[str, Reached] = {
    f"weight {weight}, bias {bias}": lambda p, weight=weight, bias=bias: (
        (p.arrays["weight"] is not None) is weight and (p.arrays["bias"] is not None) is bias
    )
    for weight in (True, False)
    for bias in (True, False)
}

REACH: dict[str, dict[str, Reached]] = {
    "convolution": {
        "stride above the kernel": lambda p: any(
            s > K for s, K in zip(p.options["stride"], shape(p, "w")[2:], strict=True)
        ),
        "strides that differ": lambda p: len(set(p.options["stride"])) > 1,
        "an empty batch": lambda p: shape(p)[0] == 0,
        "depthwise": lambda p: p.options["groups"] == shape(p)[1] > 1,
        "depthwise with a multiplier": lambda p: (
            p.options["groups"] == shape(p)[1] > 1 and shape(p, "w")[0] > shape(p)[1]
        ),
        "groups of several channels": lambda p: p.options["groups"] > 1 and shape(p, "w")[1] > 1,
        "no groups, several channels": lambda p: p.options["groups"] == 1 and shape(p)[1] > 1,
        "dilation of a single tap": lambda p: any(
            d > 1 and K == 1 for d, K in zip(p.options["dilation"], shape(p, "w")[2:], strict=True)
        ),
        "a dilated kernel": lambda p: any(
            d > 1 and K > 1 for d, K in zip(p.options["dilation"], shape(p, "w")[2:], strict=True)
        ),
        "a signal of one element": lambda p: 1 in shape(p)[2:],
        "an empty signal": lambda p: 0 in shape(p)[2:],
        "a kernel that covers the signal": lambda p: all(
            K >= S for S, K in zip(shape(p)[2:], shape(p, "w")[2:], strict=True)
        ),
        "an even kernel with same": lambda p: (
            p.options["padding"] == "same" and any(K % 2 == 0 for K in shape(p, "w")[2:])
        ),
        "same with a stride": lambda p: p.options["padding"] == "same" and max(p.options["stride"]) > 1,
        "full with a dilation": lambda p: p.options["padding"] == "full" and max(p.options["dilation"]) > 1,
        "asymmetric padding": lambda p: not isinstance(p.options["padding"], str) and any(a != b for a, b in sides(p)),
        "a window in the padding alone": lambda p: (
            p.options["padding_mode"] == "zeros"
            and any(side >= K for pair, K in zip(sides(p), shape(p, "w")[2:], strict=True) for side in pair)
        ),
        "bias with groups": lambda p: p.arrays["bias"] is not None and p.options["groups"] > 1,
        "bias without groups": lambda p: p.arrays["bias"] is not None and p.options["groups"] == 1,
        "no bias": lambda p: p.arrays["bias"] is None,
        "windows that leave a rest": lambda p: any(
            (S + sum(pair) - d * (K - 1) - 1) % s
            for S, pair, d, K, s in zip(
                shape(p)[2:], sides(p), p.options["dilation"], shape(p, "w")[2:], p.options["stride"], strict=True
            )
        ),
        **{f"padding {name}": _has("padding", name) for name in ("same", "valid", "full", 0)},
        **{f"rank {n}": lambda p, n=n: rank(p) == n for n in (1, 2, 3)},
        **{
            f"{mode} that adds something": lambda p, mode=mode: (
                p.options["padding_mode"] == mode and any(map(any, sides(p))) and 0 not in shape(p)
            )
            for mode in ("zeros", "reflect", "replicate", "circular")
        },
    },
    "transposed_convolution": {
        "stride above the kernel": lambda p: any(
            s > K for s, K in zip(p.options["stride"], shape(p, "w")[2:], strict=True)
        ),
        "windows that overlap": lambda p: any(
            s < K for s, K in zip(p.options["stride"], shape(p, "w")[2:], strict=True)
        ),
        "strides that differ": lambda p: len(set(p.options["stride"])) > 1,
        "an empty batch": lambda p: shape(p)[0] == 0,
        "depthwise": lambda p: p.options["groups"] == shape(p)[1] > 1,
        "groups of several channels": lambda p: shape(p)[1] > p.options["groups"] > 1 < shape(p, "w")[1],
        "no groups, several channels": lambda p: p.options["groups"] == 1 < shape(p)[1],
        "a dilated kernel": lambda p: any(
            d > 1 and K > 1 for d, K in zip(p.options["dilation"], shape(p, "w")[2:], strict=True)
        ),
        "a signal of one element": lambda p: 1 in shape(p)[2:],
        "asymmetric padding": lambda p: any(a != b for a, b in sides(p)),
        "padding beyond the kernel": lambda p: any(
            max(pair) > d * (K - 1)
            for pair, d, K in zip(sides(p), p.options["dilation"], shape(p, "w")[2:], strict=True)
        ),
        "output padding": lambda p: max(p.options["output_padding"]) > 0,
        "output padding of a dilated kernel, not below the stride": lambda p: any(
            m >= s for m, s in zip(p.options["output_padding"], p.options["stride"], strict=True)
        ),
        "output padding that no kernel reaches": lambda p: any(
            m > d * (K - 1) + a
            for m, d, K, (_, a) in zip(
                p.options["output_padding"], p.options["dilation"], shape(p, "w")[2:], sides(p), strict=True
            )
        ),
        "bias with groups": lambda p: p.arrays["bias"] is not None and p.options["groups"] > 1,
        "no bias": lambda p: p.arrays["bias"] is None,
        **{f"rank {n}": lambda p, n=n: rank(p) == n for n in (1, 2, 3)},
    },
    "pad": {
        "an empty batch": lambda p: shape(p)[0] == 0,
        "asymmetric padding": lambda p: any(a != b for a, b in p.options["padding"]),
        "no padding on an axis": lambda p: (0, 0) in p.options["padding"],
        "axes that differ": lambda p: len(set(p.options["padding"])) > 1,
        "a value": lambda p: p.options["value"] != 0,
        "an empty signal": lambda p: 0 in shape(p)[2:],
        "the widest reflection": lambda p: (
            p.options["mode"] == "reflect"
            and any(max(pair) == S - 1 > 0 for pair, S in zip(p.options["padding"], shape(p)[2:], strict=True))
        ),
        "a whole turn": lambda p: (
            p.options["mode"] == "circular"
            and any(max(pair) == S for pair, S in zip(p.options["padding"], shape(p)[2:], strict=True))
        ),
        **{f"mode {mode}": _has("mode", mode) for mode in ("constant", "reflect", "replicate", "circular")},
        **{f"rank {n}": lambda p, n=n: rank(p) == n for n in (1, 2, 3)},
    },
    "true_convolution": {
        "an even kernel in the middle": lambda p: p.options["mode"] == "same" and not shape(p, "w")[0] % 2,
        "a kernel longer than the signal": lambda p: math.prod(shape(p, "w")) > math.prod(shape(p)),
        "one as long as the other": lambda p: shape(p) == shape(p, "w"),
        "axes that differ": lambda p: len(set(shape(p, "w"))) > 1,
        **{f"mode {mode}": _has("mode", mode) for mode in ("full", "same", "valid")},
        **{f"{n} axes": lambda p, n=n: len(shape(p)) == n for n in (1, 2, 3)},
    },
    "parameter_count": {
        "groups": lambda p: p.options["groups"] > 1,
        "no bias": _has("bias", False),
        "sides that differ": lambda p: len(set(p.options["kernel"])) > 1,
        **{f"{n} axes": lambda p, n=n: len(p.options["kernel"]) == n for n in (1, 2, 3)},
    },
    "flop_count": {
        "groups": lambda p: p.options["groups"] > 1,
        "no bias": _has("bias", False),
        "several samples": _has("batch", 2),
        "asymmetric padding": lambda p: (
            p.options["padding"] and any(isinstance(s, tuple) for s in p.options["padding"])
        ),
        "a stride above 1": lambda p: max(p.options["stride"]) > 1,
        "a dilation above 1": lambda p: max(p.options["dilation"]) > 1,
    },
    "toeplitz": {
        "no row": lambda p: p.arrays["r"] is None,
        "a single column": lambda p: p.arrays["r"] is not None and shape(p, "r")[-1] == 1,
        "a single row": lambda p: shape(p, "c")[-1] == 1,
        "wide": lambda p: p.arrays["r"] is not None and shape(p, "r")[-1] > shape(p, "c")[-1],
        "tall": lambda p: p.arrays["r"] is not None and shape(p, "r")[-1] < shape(p, "c")[-1],
        "square, with a row": lambda p: p.arrays["r"] is not None and shape(p, "r") == shape(p, "c"),
        "several matrices": lambda p: len(shape(p, "c")) > 1 and shape(p, "c")[0] > 1,
        "no matrix": lambda p: 0 in shape(p, "c"),
    },
    "output_size": {
        "stride above the kernel": lambda p: p.options["stride"] > p.arrays["kernel"],
        "dilation of a single tap": lambda p: p.options["dilation"] > 1 and p.arrays["kernel"] == 1,
        "an empty signal": lambda p: p.arrays["size"] == 0,
        "a signal of one element": lambda p: p.arrays["size"] == 1,
        "asymmetric padding": lambda p: p.options["padding"][0] != p.options["padding"][1],
        "no padding": _has("padding", (0, 0)),
    },
    "batch_norm": {
        "two values a channel": lambda p: p.options["training"] and math.prod(shape(p)) == 2 * shape(p)[1],
        "a batch of one": lambda p: p.options["training"] and shape(p)[0] == 1,
        "an empty batch": lambda p: shape(p)[0] == 0 and not p.options["training"],
        "training with channels": lambda p: p.options["training"] and shape(p)[1] > 1,
        "evaluation": lambda p: not p.options["training"] and shape(p)[0] > 0,
        "no spatial axis": lambda p: rank(p) == 0,
        "two spatial axes": lambda p: rank(p) == 2,
        "no memory": lambda p: p.options["training"] and p.options["momentum"] == 1,
        "no update": lambda p: p.options["training"] and p.options["momentum"] == 0,
        "another eps": lambda p: p.options["eps"] != 1e-5,
        **AFFINE,
    },
    "layer_norm": {
        "one number a sample": lambda p: math.prod(shape(p)[-p.options["axes"] :]) == 1,
        "no batch": lambda p: len(shape(p)) == p.options["axes"],
        "an empty batch": lambda p: 0 in shape(p),
        "two axes of a batch": lambda p: len(shape(p)) == p.options["axes"] + 2,
        "another eps": lambda p: p.options["eps"] != 1e-5,
        **{
            f"{n} axes with a batch": lambda p, n=n: (
                p.options["axes"] == n < len(shape(p)) and min(shape(p)[-n - 1 :]) > 1
            )
            for n in (1, 2, 3)
        },
        **AFFINE,
    },
    "group_norm": {
        "one number a group": lambda p: math.prod(shape(p)[1:]) == p.options["groups"],
        "one group": lambda p: p.options["groups"] == 1 < shape(p)[1],
        "a group for each channel": lambda p: p.options["groups"] == shape(p)[1] > 1,
        "fewer groups than channels a group": lambda p: 1 < p.options["groups"] < shape(p)[1] / p.options["groups"],
        "an empty batch": lambda p: shape(p)[0] == 0,
        "another eps": lambda p: p.options["eps"] != 1e-5,
        **{f"rank {n}": lambda p, n=n: rank(p) == n and min(shape(p)) > 1 for n in (0, 1, 2)},
        **AFFINE,
    },
    "instance_norm": {
        "one position": lambda p: math.prod(shape(p)[2:]) == 1,
        "an empty batch": lambda p: shape(p)[0] == 0,
        "another eps": lambda p: p.options["eps"] != 1e-5,
        **{f"rank {n}": lambda p, n=n: rank(p) == n and min(shape(p)) > 1 for n in (1, 2, 3)},
        **AFFINE,
    },
    "rms_norm": {
        "one number a sample": lambda p: math.prod(shape(p)[-p.options["axes"] :]) == 1,
        "no batch": lambda p: len(shape(p)) == p.options["axes"],
        "an empty batch": lambda p: 0 in shape(p),
        "another eps": lambda p: p.options["eps"] != 1e-5,
        "a weight": lambda p: p.arrays["weight"] is not None,
        "no weight": lambda p: p.arrays["weight"] is None,
        **{
            f"{n} axes with a batch": lambda p, n=n: (
                p.options["axes"] == n < len(shape(p)) and min(shape(p)[-n - 1 :]) > 1
            )
            for n in (1, 2, 3)
        },
    },
    "basic_block": {
        **{
            f"{path} of rank {rank}": lambda p, stride=stride, projects=projects, rank=rank: (
                (p.options["stride"], p.arrays["w_x"] is not None, len(shape(p))) == (stride, projects, rank + 2)
                and 0 not in shape(p)
            )
            for path, stride, projects in (("identity", 1, False), ("strided", 2, True), ("projected", 1, True))
            for rank in (1, 2)
        },
        "a stride whose padding stands on both sides": lambda p: (
            p.options["stride"] == 2 and shape(p)[2] % 2 == 0 and shape(p, "w1")[2] == 3
        ),
        "a projection that nothing but the weights asks for": lambda p: (
            p.arrays["w_x"] is not None and p.options["stride"] == 1 and shape(p)[1] == shape(p, "w1")[0]
        ),
        **{f"kernels of {K}": lambda p, K=K: shape(p, "w1")[2] == K for K in (1, 3, 5)},
        **{f"eps {eps}": _has("eps", eps) for eps in (1e-5, 0.5)},
        "an empty batch": lambda p: 0 in shape(p),
    },
    "dense_block": {
        **{f"{n} layers": lambda p, n=n: sum(w is not None for w in p.arrays.values()) == n + 1 for n in (1, 2, 3)},
        "kernels of one element": lambda p: set(shape(p, "w1")[2:]) == {1},
        "a layer of several kernels": lambda p: shape(p, "w1")[0] > 1,
        "layers that grow by different numbers": lambda p: (
            p.arrays["w2"] is not None and shape(p, "w1")[0] != shape(p, "w2")[0]
        ),
        "an empty batch": lambda p: 0 in shape(p),
    },
    "residual": {
        "one vector": lambda p: len(shape(p)) == 1,
        "an empty batch": lambda p: 0 in shape(p),
        "two axes before the width": lambda p: len(shape(p)) == 3,
        "a width of one": lambda p: shape(p)[-1] == 1,
        "a branch wider than x": lambda p: shape(p, "w1")[0] > shape(p, "w1")[1],
        "a branch narrower than x": lambda p: shape(p, "w1")[0] < shape(p, "w1")[1],
        "a square branch": lambda p: shape(p, "w1")[0] == shape(p, "w1")[1] > 1,
        **{
            f"b1 {b1}, b2 {b2}": lambda p, b1=b1, b2=b2: (
                (p.arrays["b1"] is not None) is b1 and (p.arrays["b2"] is not None) is b2
            )
            for b1 in (True, False)
            for b2 in (True, False)
        },
    },
    "embedding": {
        "one index": lambda p: shape(p, "i") == (),
        "no index": lambda p: 0 in shape(p, "i"),
        "more indices than rows": lambda p: math.prod(shape(p, "i")) > shape(p, "table")[0] > 1,
        "padding from the end": _has("padding_idx", -1),
        "no padding": _has("padding_idx", None),
        "one row": lambda p: shape(p, "table")[0] == 1,
    },
    "patch_embedding": {
        "no image": lambda p: 0 in shape(p),
        **{f"rank {n}": lambda p, n=n: len(shape(p)) == n + 2 for n in (1, 2, 3)},
        "channels, and patches with sides of their own": lambda p: shape(p)[1] > 1 and len(set(shape(p, "w")[2:])) > 1,
        "one patch": lambda p: shape(p)[2:] == shape(p, "w")[2:],
    },
    "feed_forward": {
        "one position": lambda p: len(shape(p)) == 1,
        "no position": lambda p: 0 in shape(p),
        "wider inside": lambda p: shape(p, "w1")[0] > shape(p, "w1")[1],
        "narrower inside": lambda p: shape(p, "w1")[0] < shape(p, "w1")[1],
        "as wide at the end": lambda p: shape(p, "w2")[0] == shape(p)[-1],
        "both biases": lambda p: bool(p.arrays["b1"]) and bool(p.arrays["b2"]),
    },
    "cross_entropy": {
        "one sample": lambda p: len(shape(p)) == 1,
        "no sample": lambda p: 0 in shape(p),
        "one class": lambda p: shape(p)[min(1, len(shape(p)) - 1)] == 1,
        "as many positions as classes": lambda p: len(shape(p)) > 2 and shape(p)[1] == shape(p)[-1] > 1,
        "a class that is ignored, with weights and smoothing": lambda p: (
            p.options.get("ignore_index", -1) >= 0 and bool(p.arrays["weight"]) and p.options["label_smoothing"] > 0
        ),
        "probabilities with weights and smoothing": lambda p: (
            "ignore_index" not in p.options and bool(p.arrays["weight"]) and p.options["label_smoothing"] > 0
        ),
        **{
            f"{reduction} with weights {weight}": lambda p, reduction=reduction, weight=weight: (
                p.options["reduction"] == reduction and bool(p.arrays["weight"]) is weight
            )
            for reduction in ("mean", "sum", "none")
            for weight in (True, False)
        },
    },
    "sinusoidal_encoding": {
        "one position": lambda p: shape(p, "t") == (),
        "no position": lambda p: 0 in shape(p, "t"),
        "a batch of sequences": lambda p: len(shape(p, "t")) == 2 and 0 not in shape(p, "t"),
        "one pair": _has("d", 2),
        "eight pairs": _has("d", 16),
        "another base": lambda p: p.options["base"] != 10000.0,
        **{
            f"{layout} from {first}": lambda p, layout=layout, first=first: (
                p.options["layout"] == layout and p.options["first_index"] == first and p.options["d"] > 2
            )
            for layout in ("interleaved", "halves")
            for first in (0, 1)
        },
    },
    "dense": {
        "a single vector": lambda p: len(shape(p)) == 1,
        "three axes of a batch": lambda p: len(shape(p)) == 4,
        "an empty batch": lambda p: 0 in shape(p)[:-1],
        "no inputs": lambda p: shape(p)[-1] == 0,
        "one input": lambda p: shape(p)[-1] == 1,
        "square weights": lambda p: shape(p, "w")[0] == shape(p, "w")[1] > 1,
        "more outputs than inputs": lambda p: shape(p, "w")[0] > shape(p, "w")[1] > 0,
        "a bias": lambda p: p.arrays["bias"] is not None,
        "no bias": lambda p: p.arrays["bias"] is None,
    },
    **{name: {**ELEMENTWISE} for name in ("identity", "relu", "sigmoid", "tanh", "silu")},
    "binary_step": {**ELEMENTWISE, **{f"{a} at zero": _has("at_zero", a) for a in (0.0, 0.5, 1.0)}},
    "leaky_relu": {**ELEMENTWISE, **{f"slope {a}": _has("slope", a) for a in (0.01, 0.25)}},
    "gelu": {**ELEMENTWISE, **{f"form {form}": _has("approximate", form) for form in ("none", "tanh")}},
    **{name: {**ALONG_AN_AXIS} for name in ("softmax", "log_softmax")},
    "scaled_dot_product_attention": {
        "no queries": lambda p: shape(p, "q")[-2] == 0,
        "one key": lambda p: shape(p, "k")[-2] == 1,
        "more keys than a block": lambda p: shape(p, "k")[-2] > 512,
        "an empty batch": lambda p: 0 in shape(p, "q")[:-2],
        "a causal call with more queries": lambda p: p.options["causal"] and shape(p, "q")[-2] > shape(p, "k")[-2],
        "a causal call with more keys": lambda p: p.options["causal"] and 1 < shape(p, "q")[-2] < shape(p, "k")[-2],
        "a causal call with a mask": lambda p: p.options["causal"] and p.arrays["mask"] is not None,
        "wider values": lambda p: shape(p, "v")[-1] > shape(p, "k")[-1],
        "a scale": lambda p: p.options["scale"] is not None,
        "a mask for each sample, not for each head": lambda p: (
            p.arrays["mask"] is not None and len(shape(p, "q")) == 4 and shape(p, "mask")[-3:-2] == (1,)
        ),
        "an open key that is not the first": lambda p: (
            p.arrays["mask"] is not None and p.arrays["mask"].always > 0  # type: ignore[union-attr]  # a Spec
        ),
        **{f"rank {n}": lambda p, n=n: len(shape(p, "q")) == n for n in (2, 3, 4)},
        **{
            f"{kind} mask for {name}": lambda p, kind=kind, fits=fits: (
                p.arrays["mask"] is not None and p.arrays["mask"].mask == kind and fits(shape(p, "mask"))
            )
            for kind in ("boolean", "additive")
            for name, fits in {
                "all samples": lambda m: len(m) == 2 and min(m) > 1,
                "every row": lambda m: len(m) > 2 and min(m[-2:]) > 1,
                "keys": lambda m: len(m) > 2 and m[-2] == 1 < m[-1],
                "queries": lambda m: len(m) > 2 and m[-1] == 1 < m[-2],
            }.items()
        },
    },
    "encoder_block": {
        "one head": _has("heads", 1),
        "the norm before the branch": _has("norm_first", True),
        "the norm behind the branch": _has("norm_first", False),
        "a mask that adds numbers, on the fast path": lambda p: (
            getattr(p.arrays["mask"], "mask", "") == "additive"
            and (len(shape(p)), p.options["heads"]) == (3, 2)
            and p.arrays["b1"] is not None
        ),
        "padding and causality": lambda p: p.options["causal"] and p.arrays["key_padding_mask"] is not None,
        "an empty batch": lambda p: 0 in shape(p),
        "no batch": lambda p: len(shape(p)) == 2,
        "no biases": lambda p: p.arrays["b1"] is None,
        **{f"eps {eps}": _has("eps", eps) for eps in (1e-5, 1.0)},
        **{name: _has("activation", name) for name in ("relu", "gelu")},
    },
    "decoder_block": {
        "not causal": _has("causal", False),
        "the norm before the branch": _has("norm_first", True),
        "a memory of another length": lambda p: shape(p, "memory")[-2] != shape(p)[-2],
        "a memory as long as x": lambda p: shape(p, "memory")[-2] == shape(p)[-2] > 1,
        "both masks": lambda p: p.arrays["mask"] is not None and p.arrays["memory_mask"] is not None,
        "both paddings": lambda p: all(p.arrays[f"{of}key_padding_mask"] is not None for of in ("", "memory_")),
        "an empty batch": lambda p: 0 in shape(p),
    },
    "multi_head_attention": {
        "self-attention": lambda p: p.arrays["key"] is None,
        "keys that are values": lambda p: p.arrays["key"] is not None and p.arrays["value"] is None,
        "values of their own": lambda p: p.arrays["value"] is not None,
        "values of another width": lambda p: (
            p.arrays["value"] is not None and shape(p, "value")[-1] != shape(p, "key")[-1]
        ),
        "keys of their own number": lambda p: (
            p.arrays["key"] is not None and shape(p, "key")[-2] != shape(p, "query")[-2]
        ),
        "projections of their own width": lambda p: shape(p, "w_q")[0] != shape(p, "w_q")[1],
        "no batch": lambda p: len(shape(p, "query")) == 2,
        "an empty batch": lambda p: len(shape(p, "query")) == 3 and shape(p, "query")[0] == 0,
        "padding and a mask": lambda p: p.arrays["mask"] is not None and p.arrays["key_padding_mask"] is not None,
        "padding and causality": lambda p: p.options["causal"] and p.arrays["key_padding_mask"] is not None,
        "padding without a batch": lambda p: p.arrays["key_padding_mask"] is not None and len(shape(p, "query")) == 2,
        "a mask for each head": lambda p: p.arrays["mask"] is not None and shape(p, "mask")[-3:-2] in ((2,), (3,)),
        "a mask for each sample": lambda p: (
            p.arrays["mask"] is not None and p.options["heads"] > 1 and shape(p, "mask")[-3:-2] == (1,)
        ),
        "even heads with biases": lambda p: p.options["heads"] == 2 and p.arrays["b_q"] is not None,
        "heads of two numbers": lambda p: shape(p, "w_q")[0] == 2 * p.options["heads"] > 2,
        **{f"{n} heads": lambda p, n=n: p.options["heads"] == n for n in (1, 2, 3)},
    },
    "dropout": {
        "one number": lambda p: shape(p) == (),
        "no number": lambda p: 0 in shape(p),
        "evaluation": lambda p: not p.options["training"] and p.options["p"] > 0,
        **{f"p = {q}": lambda p, q=q: p.options["p"] == q and p.options["training"] for q in (0.0, 1.0, 0.5, 0.9)},
    },
}
WINDOWS: dict[str, Reached] = {
    "an empty batch": lambda p: shape(p)[0] == 0,
    "several channels": lambda p: shape(p)[1] > 1,
    "a stride that is the kernel": lambda p: p.options["stride"] is None,
    "a stride above the kernel": lambda p: any(s > K for _, K, s, _, _ in axes(p)),
    "windows that overlap": lambda p: any(s < K < S for S, K, s, _, _ in axes(p)),
    "strides that differ": lambda p: p.options["stride"] is not None and len(set(p.options["stride"])) > 1,
    "a window of one element": lambda p: set(p.options["kernel"]) == {1},
    "a window that sticks out": sticks_out,
    "a window that leaves a rest": lambda p: (
        not p.options["ceil_mode"] and any((S + sum(pair) - d * (K - 1) - 1) % s for S, K, s, pair, d in axes(p))
    ),
    "a kernel larger than the signal": lambda p: any(d * (K - 1) + 1 > S + sum(pair) for S, K, _, pair, d in axes(p)),
    "a signal of one element": lambda p: 1 in shape(p)[2:],
    **{f"rank {n}": lambda p, n=n: rank(p) == n for n in (1, 2, 3)},
}
PADDED: dict[str, Reached] = {
    "no padding": lambda p: p.options["padding"] == 0,
    "symmetric padding": lambda p: p.options["padding"] != 0 and all(a == b for *_, (a, b), _ in axes(p)),
    "asymmetric padding": lambda p: any(a != b for *_, (a, b), _ in axes(p)),
}
ONES: dict[str, Reached] = {
    "an empty batch": lambda p: shape(p)[0] == 0,
    "several channels": lambda p: shape(p)[1] > 1,
    "a signal of one element": lambda p: set(shape(p)[2:]) == {1},
    **{f"rank {n}": lambda p, n=n: rank(p) == n for n in (1, 2, 3)},
}
ADAPTED: dict[str, Reached] = ONES | {
    "one output": lambda p: set(p.options["output_size"]) == {1},
    "as many outputs as elements": lambda p: p.options["output_size"] == shape(p)[2:],
    "windows that overlap": lambda p: any(S % O for S, O in zip(shape(p)[2:], p.options["output_size"], strict=True)),
    "more outputs than elements": lambda p: any(
        O > S for S, O in zip(shape(p)[2:], p.options["output_size"], strict=True)
    ),
    "sizes that differ": lambda p: len(set(p.options["output_size"])) > 1,
}
REACH |= {
    "max_pool": WINDOWS
    | PADDED
    | {
        "a dilated window": lambda p: any(d > 1 and K > 1 for _, K, _, _, d in axes(p)),
        "a window in the padding alone": lambda p: any(side >= d * (K - 1) + 1 for _, K, _, (side, _), d in axes(p)),
        "an empty signal": lambda p: 0 in shape(p)[2:],
    },
    "sum_pool": WINDOWS | PADDED,
    "product_pool": WINDOWS | PADDED,
    "average_pool": WINDOWS
    | PADDED
    | {
        "padding that does not count": lambda p: not p.options["count_include_pad"] and p.options["padding"] != 0,
        "padding that counts": lambda p: p.options["count_include_pad"] and p.options["padding"] != 0,
        "a window that sticks out of what counts": lambda p: p.options["count_include_pad"] and sticks_out(p),
    },
    "lp_pool": WINDOWS | {f"norm {n}": _has("norm_type", n) for n in (1, 2, math.inf)},
    "global_max_pool": ONES,
    "global_average_pool": ONES,
    "adaptive_max_pool": ADAPTED,
    "adaptive_average_pool": ADAPTED,
}
RECURRENT: dict[str, Reached] = {
    "an empty batch": lambda p: 0 in shape(p),
    "states that are not given": lambda p: p.arrays["h"] is None,
    "no bias": lambda p: p.arrays["b_x"] is None,
    "one bias of two": lambda p: p.arrays["b_x"] is not None and p.arrays["b_h"] is None,
    "sides that differ": lambda p: shape(p)[-1] != shape(p, "w_h")[-1],
}
REACH |= dict.fromkeys(("rnn_step", "rnn", "lstm_step", "lstm", "gru_step", "gru"), RECURRENT)
REACH |= {
    "decoder_step": {
        "an empty batch": lambda p: 0 in shape(p, "y"),
        "widths that differ": lambda p: shape(p, "y")[-1] != shape(p, "s")[-1],
    },
    "additive_attention": {
        "a mask": lambda p: p.arrays["mask"] is not None,
        "another number of keys than queries": lambda p: shape(p, "s")[-2] != shape(p, "h")[-2],
    },
    "learned_encoding": {"rows that no token takes": lambda p: shape(p, "table")[0] > shape(p)[-2]},
    "naive_encoding": {"a later start": lambda p: p.options["start"] > 0},
}

POINTS = [(primitive, what) for primitive, points in REACH.items() for what in points]


def test_the_reach_of_every_primitive_is_stated() -> None:
    """No row of the table of cases is without a list of what its problems reach."""
    assert set(REACH) == set(ALL)


@pytest.mark.parametrize("primitive, what", POINTS, ids=lambda x: x.replace(" ", "_"))
def test_free_problems_reach_every_corner(primitive: str, what: str) -> None:
    """Some problem of 3000 has the feature, so the strategy can draw it."""
    assert any(map(REACH[primitive][what], many(primitive)))


@functools.cache
def many(primitive: str) -> list[Problem]:
    return free(ALL[primitive], 3000)


@pytest.mark.parametrize("primitive, what", POINTS, ids=lambda x: x.replace(" ", "_"))
def test_deep_pools_reach_every_corner(primitive: str, what: str) -> None:
    """The pool of the deepest run has the feature, whatever the seed."""
    for seed in SEEDS:
        assert any(map(REACH[primitive][what], ALL[primitive].pool(BREADTHS["deep"], seed))), f"not with seed {seed}"


# -- validity ------------------------------------------------------------------------------------------


def accepts(problem: Problem, kind: str = "integers") -> None:
    d = draw(problem, kind, FLOAT64, (0, 0, 0, 0))
    with np.errstate(all="ignore"):
        reference.PRIMITIVES[problem.primitive](*d.arrays.values(), **problem.options)


@pytest.mark.parametrize("primitive", ALL)
def test_every_problem_is_valid(primitive: str) -> None:
    """The reference accepts all problems of the pools, and hundreds in which chance chose."""
    pools = [problem for seed in SEEDS for problem in ALL[primitive].pool(BREADTHS["deep"], seed)]
    for problem in [*pools, *free(ALL[primitive], 300, seed=1)]:
        accepts(problem)


OF_LAWS = {
    "circular": convolutions(circular_multiple=True),
    "room": convolutions(room=6, inputs=2, kernels=2),
    "place": with_place(convolutions()),
    "forward": transposed_convolutions(forward=True, inputs=2, kernels=2),
    "softmax shift": softmaxes(shift=True),
    "batch_norm shift": batch_norms(shift=True),
    "many": dropouts(many=True),
    "pads": pads(mode=("circular",)),
    "blocks": residuals(blocks=2),
    "deep": dense_blocks(layers=(2, 3)),
    "identities": basic_blocks(paths=("identity",)),
    "offset": sinusoidal_encodings(offset=True),
    "losses": cross_entropies(others=("x2", "c")),
    "pool with room": max_pools(padding=("none", "symmetric"), room=6),
    "pool everywhere": max_pools(dilation=(1,), everywhere=True),
    "pool twice": max_pools(stride=("kernel",), padding=("none",), twice=True),
    "pool of extras": average_pools(one_hot=True, inputs=2, constant=True),
    "windows that stick out": sum_pools(ceil_mode=(True,)),
    "windows of one": lp_pools(kernel=(1,), stride=(1,)),
    "attention": attentions(shift=True, others=("k", "v")),
    "heads": multi_head_attentions(others=("query",)),
}


@pytest.mark.parametrize("name", OF_LAWS)
def test_the_problems_of_laws_are_valid(name: str) -> None:
    """Restricted strategies stay inside what the reference accepts."""
    problems = OF_LAWS[name]
    for problem in [*problems.pool(1.0, 0), *free(problems, 200)]:
        accepts(problem)


def test_no_mismatched_block_is_valid() -> None:
    """The reference rejects every one; no width is 1, and every part of a block is wrong in some."""
    problems = [*mismatched_residuals().pool(1.0, 0), *free(mismatched_residuals(), 200)]
    for problem in problems:
        with pytest.raises(ValueError, match="own width"):
            accepts(problem)
        assert 1 not in (*shape(problem)[1:], *shape(problem, "w1"), *shape(problem, "w2"))
    assert {problem.choices[0] for problem in problems} == set(range(5))


def test_no_mismatched_basic_block_is_valid() -> None:
    """The reference rejects every one, at the sum and nowhere else, and no side of either shape is 1."""
    problems = [*mismatched_basic_blocks().pool(1.0, 0), *free(mismatched_basic_blocks(), 200)]
    for problem in problems:
        with pytest.raises(ValueError, match="cannot be added") as found:
            accepts(problem)
        branch, path = ([int(n) for n in sides.split(", ")[1:]] for sides in re.findall(r"\((.*?)\)", str(found.value)))
        assert branch != path and 1 not in (*branch, *path)
    assert {problem.choices[0] for problem in problems} == set(range(4))


def test_options_are_restricted_to_what_a_law_asks_for() -> None:
    """A strategy's argument limits its option in every problem, and leaves the others free."""
    chosen = free(convolutions(stride=(2,), padding=("none",), bias=(True,), groups=(2,)), 200)
    assert {p.options["stride"][0] for p in chosen} == {2}
    assert {(p.options["padding"], p.options["groups"]) for p in chosen} == {(0, 2)}
    assert all(p.arrays["bias"] is not None for p in chosen)
    assert len({p.options["padding_mode"] for p in chosen}) == 4


# -- pools ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("primitive", ALL)
def test_pools_are_ordered_and_reproducible(primitive: str) -> None:
    """Smallest first, equal seeds give equal pools, others others."""
    problems = ALL[primitive]
    pool = problems.pool(0.5, 5)
    assert [p.size for p in pool] == sorted(p.size for p in pool)
    again = Problems(
        problems.primitive, problems.build, share=problems.share
    )  # a strategy of its own, so nothing is remembered
    assert pool == again.pool(0.5, 5)
    assert pool != problems.pool(0.5, 6)


@pytest.mark.parametrize("primitive", ALL)
def test_a_deeper_pool_contains_the_shallower(primitive: str) -> None:
    """What a short run has found, a long run finds."""
    short, long = ALL[primitive].pool(0.5, 0), ALL[primitive].pool(1.5, 0)
    assert all(problem in long for problem in short)
    assert len(short) < len(long)


def picked(problems: Problems, problem: Problem) -> Pick:
    """How a problem was chosen."""
    remaining = iter(problem.choices)
    pick = Pick(lambda n: min(next(remaining), n - 1))
    problems.build(pick)
    return pick


@pytest.mark.parametrize("primitive", ALL)
def test_the_defaults_come_first(primitive: str) -> None:
    """A pool of one problem has every option at its usual value."""
    (problem,) = ALL[primitive].pool(1e-9, 0)
    pick = picked(ALL[primitive], problem)
    assert pick.chosen == pick.usual


# What leaves no numbers.
EMPTY = {("batch", "0"), ("batch", "'none'"), ("length", "0"), ("queries", "0"), ("others", "'none'")}


@pytest.mark.parametrize("primitive", ALL)
@pytest.mark.parametrize("seed", SEEDS)
def test_every_value_of_every_option_is_in_the_pool(primitive: str, seed: int) -> None:
    """At the default depth each value of each option is tried, on a problem that is not empty."""
    every = values_of(many(primitive), ALL[primitive], 1)
    pool = ALL[primitive].pool(BREADTHS["default"], seed)
    telling = [problem for problem in pool if problem.size and 0 not in shape_of_first(problem)]
    missing = every - values_of(telling, ALL[primitive], 1) - EMPTY
    assert not {pair for pair in missing if isinstance(pair, tuple)}, f"not tried: {sorted(missing)}"


def shape_of_first(problem: Problem) -> tuple[int, ...]:
    first = next(iter(problem.arrays.values()))
    return first.shape if isinstance(first, Spec) else ()


def values_of(problems: Iterable[Problem], builder: Problems, n: int) -> set[Any]:
    """The values (n = 1) or pairs of values (n = 2) of options that occur together."""
    found: set[Any] = set()
    for problem in problems:
        items = [(name, repr(value)) for name, value in picked(builder, problem).chosen.items()]
        found |= set(items) if n == 1 else {frozenset(pair) for pair in itertools.combinations(items, 2)}
    return found


@pytest.mark.parametrize("primitive", ALL)
def test_deep_pools_cover_every_pair_of_options(primitive: str) -> None:
    """Any two values of two options that fit together occur together in the pool of the deepest run."""
    possible = values_of(many(primitive), ALL[primitive], 2)
    covered = values_of(ALL[primitive].pool(BREADTHS["deep"], 0), ALL[primitive], 2)
    share = len(covered & possible) / len(possible) if possible else 1
    assert share == 1, f"{share:.1%} of {len(possible)} pairs, without {sorted(map(sorted, possible - covered))[:5]}"


def test_an_axis_has_two_names() -> None:
    """Of three axes and of two, each is asked for by the number from the start and by that from the end."""
    pool = softmaxes(from_both_ends=True).pool(2.0, 0)
    asked = {(len(shape(problem)), problem.options["axis"]) for problem in pool}
    assert {(rank, axis) for rank in (2, 3) for axis in range(-rank, rank)} <= asked


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("depth", BREADTHS)
def test_training_and_evaluation_share_the_pool(depth: str, seed: int) -> None:
    """Each takes at least a sixth: pairs that do not fit together are not asked for again and again."""
    pool = ALL["batch_norm"].pool(BREADTHS[depth], seed)
    training = sum(problem.options["training"] for problem in pool)
    assert len(pool) <= 6 * training <= 5 * len(pool)


@pytest.mark.parametrize("primitive", ALL)
def test_a_problem_is_its_choices(primitive: str) -> None:
    """Replayed, the choices give the problem again; choices that are too high or missing still give a valid one."""
    for problem in free(ALL[primitive], 50):
        assert ALL[primitive].replayed(problem.choices) == problem
        accepts(ALL[primitive].replayed([99] * len(problem.choices)))
        accepts(ALL[primitive].replayed(problem.choices[: len(problem.choices) // 2]))


# -- kinds ---------------------------------------------------------------------------------------------

EVERY_FORMAT = list(FORMATS.values())


def sample(kind: str, fmt: Format = FLOAT32, n: int = 1024, seed: int = 0, first: bool = True) -> Floats:
    return numbers(kind, (n,), fmt, np.random.default_rng(seed), first=first)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fmt", EVERY_FORMAT, ids=repr)
def test_numbers_are_numbers_of_the_format(kind: str, fmt: Format) -> None:
    """Nothing is rounded on the way to the backend, and nothing is infinite."""
    for first in (True, False):
        x = sample(kind, fmt, first=first)
        assert np.isfinite(x).all()
        assert fmt.holds(x).all()
        assert np.array_equal(x.astype(fmt.dtype).astype(np.float64), x)


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_are_reproducible(kind: str) -> None:
    """One seed, one draw; another seed, another."""
    assert np.array_equal(sample(kind), sample(kind))
    assert not np.array_equal(sample(kind), sample(kind, seed=1))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n", [0, 1])
def test_few_numbers_are_numbers_too(kind: str, n: int) -> None:
    """No kind needs a minimum of elements."""
    assert sample(kind, n=n).shape == (n,)
    assert numbers(kind, (), FLOAT16, np.random.default_rng(0)).shape == ()


@pytest.mark.parametrize("kind", KINDS)
def test_variances_are_not_negative(kind: str) -> None:
    """Where a problem asks for it, no number is below zero."""
    assert (numbers(kind, (500,), FLOAT32, np.random.default_rng(0), nonnegative=True) >= 0).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fmt", FORMATS.values(), ids=repr)
def test_positions_are_whole(kind: str, fmt: Format) -> None:
    """Whole numbers are not negative, and the format holds the sum of any two and one."""
    t = numbers(kind, (500,), fmt, np.random.default_rng(0), whole=True)
    assert (t >= 0).all()
    assert np.array_equal(t, np.rint(t))
    assert np.array_equal(fmt.round(t + t.max() + 1), t + t.max() + 1)


def test_normal_numbers_differ() -> None:
    """More than 90 % of 1024 moderate numbers are distinct, and they have mean 0 and spread 1."""
    x = sample("normal")
    assert len(np.unique(x)) > 0.9 * x.size
    assert abs(x.mean()) < 5 / math.sqrt(x.size)
    assert 0.5 < x.std() < 2


def test_integers_are_small_and_all_there() -> None:
    """Every integer from -4 to 4 is drawn, and nothing else."""
    assert set(sample("integers")) == set(range(-4, 5))
    assert trailing_quantum(sample("integers")) >= 1


@pytest.mark.parametrize("fmt", EVERY_FORMAT, ids=repr)
def test_wide_numbers_use_half_of_the_exponents(fmt: Format) -> None:
    """Their exponents range over about half of the format's, above and below 1."""
    exponents = np.frexp(np.abs(sample("wide", fmt)))[1]
    reach = fmt.largest_exponent // 4
    assert exponents.max() > 0.8 * reach
    assert exponents.min() < -0.8 * reach
    assert (np.abs(exponents) <= reach + 16).all()


@pytest.mark.parametrize("fmt", EVERY_FORMAT, ids=repr)
def test_offset_numbers_cancel(fmt: Format) -> None:
    """Their mean is 2^(p/2) and more than ten times their spread, for formats that can hold both."""
    x = sample("offset", fmt)
    assert abs(abs(x.mean()) / 2.0 ** (fmt.precision // 2) - 1) < 0.1
    assert abs(x.mean()) > 10 * x.std()
    assert {np.sign(sample("offset", fmt, seed=seed).mean()) for seed in range(20)} == {-1.0, 1.0}


def test_repeated_numbers_tie() -> None:
    """One value or two, and over many seeds both happen."""
    assert {len(np.unique(sample("repeated", seed=seed))) for seed in range(20)} == {1, 2}


def test_sparse_numbers_show_who_sees_what() -> None:
    """One number in the first array; no zero in the others."""
    assert {np.count_nonzero(sample("sparse", seed=seed)) for seed in range(20)} == {1}
    assert np.count_nonzero(sample("sparse", first=False)) == 1024
    assert len({int(np.argmax(sample("sparse", n=8, seed=seed))) for seed in range(100)}) == 8


@pytest.mark.parametrize("fmt", EVERY_FORMAT, ids=repr)
def test_products_of_large_numbers_are_near_the_limit(fmt: Format) -> None:
    """The largest product of two large numbers is within 2^16 of the largest number, and most are below it."""
    x, y = sample("large", fmt), sample("large", fmt, seed=1)
    products = np.abs(x * y) if fmt is not FLOAT64 else np.ldexp(np.abs(x / 2.0**300 * y), 300)
    assert products.max() > fmt.largest * 2.0**-16
    assert np.median(products) < fmt.largest


@pytest.mark.parametrize("fmt", EVERY_FORMAT, ids=repr)
def test_tiny_numbers_lie_on_both_sides_of_the_smallest_normal(fmt: Format) -> None:
    """Subnormal numbers and small normal ones are drawn; the other arrays are small integers."""
    x = np.abs(sample("tiny", fmt))
    assert ((x > 0) & (x < fmt.smallest_normal)).mean() > 0.1
    assert ((x >= fmt.smallest_normal) & (x < 256 * fmt.smallest_normal)).mean() > 0.1
    assert set(sample("tiny", fmt, first=False)) == {1.0, 2.0, 3.0, 4.0}


# -- draws ---------------------------------------------------------------------------------------------

PROBLEM = batch_norms(shift=True).replayed([1, 0, 0, 1, 2, 1, 2, 1, 1])


def test_a_draw_has_the_arrays_of_its_problem() -> None:
    """Shapes and types are those of the problem and the format; None stays None; fields are found by name."""
    d = draw(PROBLEM, "normal", BFLOAT16, (1, 2, 3, 4))
    assert list(d.arrays) == list(PROBLEM.arrays)
    for name, spec in {**PROBLEM.arrays, **PROBLEM.extras}.items():
        assert getattr(d, name) is None if spec is None else getattr(d, name).shape == spec.shape  # type: ignore[union-attr]
    assert d.x.dtype == BFLOAT16.dtype
    assert d.momentum == PROBLEM.options["momentum"]
    assert (d.running_var.astype(float) >= 0).all()
    with pytest.raises(AttributeError):
        _ = d.nothing


def test_draws_take_the_kinds_in_turn() -> None:
    """The same problem n times: every kind, then again with other numbers."""
    series = list(draws(PROBLEM, 2 * len(KINDS), FLOAT32, (0, 0, 0, 0)))
    assert [d.kind for d in series] == [*KINDS, *KINDS]
    first, second = (series[list(KINDS).index("normal") + turn * len(KINDS)] for turn in (0, 1))
    assert not np.array_equal(first.x, second.x)
    assert [d.kind for d in draws(PROBLEM, 3, FLOAT32, (0, 0, 0, 0), ("normal",))] == ["normal"] * 3


def test_draws_without_numbers_are_drawn_once() -> None:
    """A problem of integers and options is one input, however many draws are asked for."""
    (only,) = draws(output_sizes().replayed([]), 8, FLOAT64, (0, 0, 0, 0))
    assert only.numbers == 2


def test_a_draw_reads_as_a_call() -> None:
    """repr is the call with its numbers, and every digit of them."""
    d = draw(softmaxes().replayed([]), "normal", FLOAT64, (0, 0, 0, 0)).with_arrays(x=np.array([1.0, -0.0, 0.1, 1e300]))
    assert repr(d) == "softmax(x=[1, -0.0, 0.1, 1e+300], axis=-1)"
    assert repr(d.with_arrays(x=np.zeros((2, 0)))) == "softmax(x=zeros((2, 0)), axis=-1)"


# -- what the draws decide -----------------------------------------------------------------------------


@pytest.mark.parametrize("primitive", [primitive for primitive in ALL if primitive not in INTEGERS])
@pytest.mark.parametrize("fmt", ["float64", "float32"])
@pytest.mark.parametrize("name", ["torch", "jax"])
def test_nine_elements_of_ten_are_decided(name: str, fmt: str, primitive: str) -> None:
    """The bounds say something about most of what is drawn, under the claims of the shipped adapters."""
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{name} is not installed")
    _, adapter = load(name)
    (backend,) = (b for b in backends(adapter, name) if b.device == "cpu" and b.format.name == fmt)
    if not backend.offers(primitive):
        pytest.skip(f"{name} has no {primitive}")
    (case,) = (case for case in CASES if case.primitive == primitive)
    formulas, arithmetic = reference.FORMULAS.get(primitive), backend.arithmetic(primitive)
    decided = elements = 0
    for problem in case.problems.pool(trial.DEPTHS["default"].share(values.cases[case]), 0):
        for drawn in draws(problem, 8, backend.format, trial.entropy_of(values.cases[case]), case.problems.kinds):
            options = {**backend.conventions(primitive), **drawn.options}
            options |= {"keep": np.ones(np.shape(drawn.x), bool)} if primitive == "dropout" else {}
            with np.errstate(all="ignore"):
                results = read(reference.PRIMITIVES[primitive], drawn.arrays.values(), options, arithmetic, formulas)
            for y in results:
                most = np.abs(y.value[np.isfinite(y.value)]).max(initial=0.0)
                decided += np.count_nonzero((y.error <= most) & (y.error < np.inf))
                elements += y.size
    assert decided >= 0.9 * elements > 0
