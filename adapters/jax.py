"""JAX, compiled by XLA.

jax.lax has convolution, jax.nn has the activations and softmax; the normalisations, dropout and the
dense layer are composed the way that their users compose them (as Flax does), from jnp.mean, jnp.var,
lax.rsqrt, random.bernoulli and jnp.dot.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from reference.arithmetic import FLOAT16, FLOAT32, FLOAT64, Arithmetic, Format, default_arithmetic, wide_arithmetic
from reference.arrays import Padding, Pair, PerAxis, per_axis

jax.config.update("jax_enable_x64", True)

formats = ("float64", "float32", "bfloat16", "float16")
conventions = {"batch_norm": {"unbiased": False}}  # as in Flax, whose running variance is the biased one
composed = ("batch_norm", "layer_norm", "dropout", "dense")


def versions() -> dict[str, str]:
    import jaxlib

    return {"jax": jax.__version__, "jaxlib": jaxlib.__version__}


def devices() -> list[str]:
    names = {"gpu": "cuda", "cpu": "cpu", "tpu": "tpu"}
    return sorted({"cpu"} | {names.get(device.platform, device.platform) for device in jax.devices()})


@functools.cache
def _device(name: str) -> Any:
    return jax.devices({"cuda": "gpu"}.get(name, name))[0]


def put(x: np.ndarray[Any, Any], device: str) -> Array:
    return jax.device_put(x, _device(device))


def get(y: Array) -> np.ndarray[Any, Any]:
    return np.asarray(y)


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """jax.jit, with the options of a problem as constants, as in a model."""
    if function is output_size:  # computes no array
        return function
    options = [p.name for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]
    return jax.jit(function, static_argnames=[name for name in options if name != "key"])


def rest() -> None:
    """Forget what was compiled, 3 MB a shape; another check has other shapes."""
    jax.clear_caches()


modes = {"compiled": compiled, "eager": lambda function: function}


def arithmetic(primitive: str, device: str, format: Format) -> Arithmetic:
    """What XLA does.

    On the CPU it runs with subnormals flushed and read as zero; those of float16 are normal numbers of
    float32, in which it is computed.
    """
    if primitive in ("output_size", "pad"):  # which compute nothing
        return default_arithmetic(format)
    claims: dict[str, Any] = {"ulps": {"divide": 2, "sqrt": 2}, "source": "XLA turns x / c into x (1/c), two roundings"}
    if device == "cpu" and format is not FLOAT16:
        claims |= {"flushes_inputs": True, "flushes_results": True}
        claims["source"] += "; it flushes subnormals on the CPU: https://github.com/jax-ml/jax/issues/16200"
    if device == "cuda" and format is FLOAT32 and primitive == "convolution":
        claims |= {"tensor_float32": True}
        claims["source"] += "; its default precision is TF32 on a GPU: https://github.com/jax-ml/jax/issues/12008"
    if primitive == "sigmoid":
        claims["ulps"] |= {"expit": 2}
        claims["flushes_results"] = True
        claims["source"] += "; 1 / (1 + exp(-x)), where exp overflows if the result is subnormal: xla, LogisticExpander"
    if primitive in ("tanh", "gelu") and format in (FLOAT32, FLOAT64):
        claims["ulps"] |= {"tanh": 3 if format is FLOAT32 else 4}
        claims["source"] += "; its tanh is a rational function, Eigen's: a couple of ulps, by measure 2.4 and 3.5"
    if primitive in ("batch_norm", "layer_norm"):  # written in float32 at least
        return wide_arithmetic(format, **claims)
    return default_arithmetic(format, **claims)


def output_size(size: int, kernel: int, *, stride: int = 1, padding: Pair = (0, 0), dilation: int = 1) -> int:
    """Read off the shape that a convolution would have, without computing it."""
    x, w = jax.ShapeDtypeStruct((1, 1, size), jnp.float32), jax.ShapeDtypeStruct((1, 1, kernel), jnp.float32)
    call = functools.partial(
        lax.conv_general_dilated, window_strides=(stride,), padding=[padding], rhs_dilation=(dilation,)
    )
    return int(jax.eval_shape(call, x, w).shape[-1])


def pad(x: Array, *, padding: Sequence[Pair], mode: str = "constant", value: float = 0.0) -> Array:
    width = [(0, 0), (0, 0), *padding]
    if mode in ("constant", "zeros"):
        return jnp.pad(x, width, constant_values=value)
    return jnp.pad(x, width, mode={"replicate": "edge", "circular": "wrap"}.get(mode, mode))


def convolution(
    x: Array,
    w: Array,
    bias: Array | None = None,
    *,
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
) -> Array:
    if padding_mode != "zeros":
        raise NotImplementedError(
            f"it pads with zeros only; pad first: {DOCS}/_autosummary/jax.lax.conv_general_dilated.html"
        )
    if padding == "full":
        raise NotImplementedError(
            f'no padding has the name "full": {DOCS}/_autosummary/jax.lax.conv_general_dilated.html'
        )
    rank = w.ndim - 2
    sides: Any = (
        padding.upper()
        if isinstance(padding, str)
        else [(padding, padding)] * rank
        if isinstance(padding, int)
        else padding
    )
    y = lax.conv_general_dilated(
        x,
        w,
        per_axis(stride, rank),
        sides if isinstance(sides, str) else [(side, side) if isinstance(side, int) else side for side in sides],
        rhs_dilation=per_axis(dilation, rank),
        feature_group_count=groups,
    )
    return y if bias is None else y + bias.reshape(-1, *[1] * rank)


def batch_norm(
    x: Array,
    running_mean: Array,
    running_var: Array,
    weight: Array | None = None,
    bias: Array | None = None,
    *,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> tuple[Array, Array, Array]:
    axes, shape = (0, *range(2, x.ndim)), (1, -1, *[1] * (x.ndim - 2))
    wide = jnp.promote_types(x.dtype, jnp.float32)
    mean, var = running_mean.astype(wide), running_var.astype(wide)
    if training:
        mean, var = jnp.mean(x.astype(wide), axes), jnp.var(x.astype(wide), axes)
        running_mean = ((1 - momentum) * running_mean.astype(wide) + momentum * mean).astype(x.dtype)
        running_var = ((1 - momentum) * running_var.astype(wide) + momentum * var).astype(x.dtype)
    scale = lax.rsqrt(var + eps)
    scale = scale if weight is None else scale * weight.astype(wide)
    y = (x.astype(wide) - mean.reshape(shape)) * scale.reshape(shape)
    y = y if bias is None else y + bias.astype(wide).reshape(shape)
    return y.astype(x.dtype), running_mean, running_var


def dropout(x: Array, *, p: float = 0.5, training: bool = True, key: int = 0) -> Array:
    if not training or p == 0:
        return x
    if p == 1:
        return jnp.zeros_like(x)
    keep = jax.random.bernoulli(jax.random.key(key), 1 - p, x.shape)
    return jnp.where(keep, x / (1 - p), jnp.zeros_like(x))


def softmax(x: Array, *, axis: int = -1) -> Array:
    return jax.nn.softmax(x, axis)


def log_softmax(x: Array, *, axis: int = -1) -> Array:
    return jax.nn.log_softmax(x, axis)


def relu(x: Array) -> Array:
    return jax.nn.relu(x)


def sigmoid(x: Array) -> Array:
    return jax.nn.sigmoid(x)


def tanh(x: Array) -> Array:
    return jnp.tanh(x)


def gelu(x: Array, *, approximate: str = "none") -> Array:
    return jax.nn.gelu(x, approximate=approximate == "tanh")


def layer_norm(
    x: Array, weight: Array | None = None, bias: Array | None = None, *, axes: int = 1, eps: float = 1e-5
) -> Array:
    over, wide = tuple(range(-axes, 0)), jnp.promote_types(x.dtype, jnp.float32)
    mean, var = (moment(x.astype(wide), over, keepdims=True) for moment in (jnp.mean, jnp.var))
    scale = lax.rsqrt(var + eps)
    y = (x.astype(wide) - mean) * (scale if weight is None else scale * weight.astype(wide))
    y = y if bias is None else y + bias.astype(wide)
    return y.astype(x.dtype)


def dense(x: Array, w: Array, bias: Array | None = None) -> Array:
    y = jnp.dot(x, w.T)
    return y if bias is None else y + bias


DOCS = "https://docs.jax.dev/en/latest"
