"""Whole networks: their sizes and parameters are those of the lecture, and a wrong layer in one is rejected."""

from __future__ import annotations

import functools
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import reference
from adapters.backend import Backend
from conformance.test_networks import NETWORKS, test_layers, test_networks
from properties import agreement, trial
from properties.agreement import Failure
from reference import networks, output_size
from reference.arithmetic import BFLOAT16, FLOAT32, FLOAT64, Format
from reference.arrays import per_axis
from reference.networks import basic_block, resnet18, resnet18_shapes

test_layers.__test__ = test_networks.__test__ = False  # type: ignore[attr-defined]  # checks, tried here one by one
TRANSFORMER, RESNET = NETWORKS


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "_run", trial._Run())
    trial.configure("default", 0)


def backend(fmt: Format = FLOAT32, **functions: Any) -> Backend:
    """NumPy in float32, or another format, in which some functions are wrong."""
    rounded = {name: functools.partial(in_format, f, fmt) for name, f in (reference.PRIMITIVES | functions).items()}
    return Backend(SimpleNamespace(**rounded), "numpy", "", "cpu", fmt, "eager")


def in_format(f: Any, fmt: Format, *arrays: Any, **options: Any) -> Any:
    """Computed in float64 and rounded once."""
    wide = [x.astype(float) if isinstance(x, np.ndarray) and x.dtype.kind not in "bi" else x for x in arrays]
    y = f(*wide, **options)
    return tuple(fmt.round(z).astype(fmt.dtype) for z in y) if isinstance(y, tuple) else fmt.round(y).astype(fmt.dtype)


def test_the_sizes_of_resnet_18() -> None:
    """112, 56, 28, 14, 7, 1 and 1000 classes (Jacquet, 2022, "ResNet 18: Details"), by what is composed."""
    shapes = {name: np.zeros(shape, np.float32) for name, shape in resnet18_shapes().items()}
    layers = SimpleNamespace(
        convolution=lambda x, w, stride=1, padding=0: np.zeros(
            (
                1,
                len(w),
                *(
                    output_size(S, w.shape[-1], stride=stride, padding=(side, side))
                    for S, side in zip(x.shape[2:], per_axis(padding, 2), strict=True)
                ),
            )
        ),
        batch_norm=lambda x, *_, **options: (x,),
        relu=lambda x: x,
        max_pool=lambda x, **options: x[..., ::2, ::2],
        average_pool=reference.average_pool,
        dense=lambda x, w, b: np.zeros((1, len(w))),
        softmax=lambda x: x,
    )
    sizes = [x.shape[1:] for _, x in resnet18(layers, np.zeros((1, 3, 224, 224)), shapes)]
    sides = [(64, 112), (64, 56), (128, 28), (256, 14), (512, 7), (512, 1)]
    assert sizes == [*((C, S, S) for C, S in sides), (1000,), (1000,)]


def test_the_parameters_of_resnet_18() -> None:
    """11 689 512 of them, as torchvision counts; the statistics of the batch norms are not learned."""
    learned = [shape for name, shape in resnet18_shapes().items() if not name.endswith((".mean", ".var"))]
    assert sum(int(np.prod(shape)) for shape in learned) == 11_689_512


@pytest.mark.parametrize("fmt", [FLOAT32, FLOAT64])
def test_a_right_network_conforms(fmt: Format) -> None:
    """And each of its layers is decided, though bounds that are carried forward would say nothing of the last ones."""
    tally = agreement.start()
    test_networks(backend(fmt), TRANSFORMER)
    assert tally.decided == tally.elements == 6 * trial.depth_of_run().lane_draws
    assert 0 < tally.worst_ratio < 1 or fmt is FLOAT64
    assert tally.layers[-1]["forward"] == np.inf


def test_right_layers_conform_in_a_low_format() -> None:
    tally = agreement.start()
    test_layers(backend(BFLOAT16), TRANSFORMER)
    assert tally.decided > tally.elements / 2


def test_a_large_network_is_tried_deep() -> None:
    """To first order at depth "deep" alone, call by call at "default" too; a small one always."""
    tried = {}
    for depth in ("smoke", "default", "deep"):
        trial.configure(depth, 0)
        tried[depth] = [
            trial.is_tried(test.cases[case], backend(), ["float32"])  # type: ignore[attr-defined]  # made by a decorator
            for case in (RESNET, TRANSFORMER)
            for test in (test_networks, test_layers)
        ]
    assert tried == {"smoke": [False, False, True, True], "default": [False, *[True] * 3], "deep": [True] * 4}


def without_mask(*arrays: Any, **options: Any) -> Any:
    return reference.multi_head_attention(*arrays[:11], **options)


def without_future(*arrays: Any, causal: bool = False, **options: Any) -> Any:
    return reference.multi_head_attention(*arrays, **options)


def unbiased(x: Any, weight: Any, bias: Any, **options: Any) -> Any:
    n = x.shape[-1]
    return bias + (reference.layer_norm(x, weight, None) if weight is not None else x) * np.sqrt((n - 1) / n)


WRONG = {
    "a padding mask that is not applied": {"multi_head_attention": without_mask},
    "a causal mask that is not applied": {"multi_head_attention": without_future},
    "a variance over n - 1": {"layer_norm": unbiased},
    "a lost ReLU": {"feed_forward": lambda x, w1, w2, b1, b2: (x @ w1.T + b1) @ w2.T + b2},
    "positions counted from 1": {"sinusoidal_encoding": lambda t, **o: reference.sinusoidal_encoding(t + 1, **o)},
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("fmt", [FLOAT64, FLOAT32, BFLOAT16])
def test_a_wrong_layer_is_rejected(name: str, fmt: Format) -> None:
    """To first order in wide formats, and call by call in a low one."""
    agreement.start()
    test = test_layers if fmt is BFLOAT16 else test_networks
    with pytest.raises(Failure):
        test(backend(fmt, **WRONG[name]), TRANSFORMER)


def padded_behind(x: Any, w: Any, *, stride: int = 1, padding: Any = 0) -> Any:
    """With a stride of 2 the padding of "same", which stands behind the signal alone."""
    sides = [(0, 1)] * 2 if stride == 2 and padding == (1, 1) else padding
    return reference.convolution(x, w, stride=stride, padding=sides)


def strided_behind(x: Any, *arrays: Any, stride: int = 1, layers: Any) -> Any:
    """A block whose second convolution has the stride, instead of the first."""

    def turned(x: Any, w: Any, **options: Any) -> Any:
        return layers.convolution(x, w, **options | {"stride": 1 if w is arrays[0] else stride})

    turned_round = SimpleNamespace(convolution=turned, batch_norm=layers.batch_norm, relu=layers.relu)
    return basic_block(x, *arrays, layers=turned_round)


@pytest.mark.parametrize("wrong", [{"relu": reference.identity}, {"convolution": padded_behind}])
def test_a_wrong_primitive_in_resnet_is_rejected(wrong: Any) -> None:
    """A lost ReLU, and the padding of a strided convolution on the other side."""
    agreement.start()
    with pytest.raises(Failure, match="conv"):
        test_networks(backend(FLOAT64, **wrong), RESNET)


def test_a_stride_in_the_wrong_convolution_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    """All sizes are right; only what is composed is not that of the reference."""
    agreement.start()
    right = backend(FLOAT64)
    with monkeypatch.context() as patch:
        patch.setattr(networks, "basic_block", strided_behind)
        given = RESNET.given(right, test_networks.cases[RESNET])  # type: ignore[attr-defined]  # made by a decorator
        wrong = right.compose(RESNET.network, given)
    monkeypatch.setattr(Backend, "compose", lambda *_: wrong)
    with pytest.raises(Failure, match="conv3_x"):
        test_networks(right, RESNET)
