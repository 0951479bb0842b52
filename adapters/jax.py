"""JAX, compiled by XLA.

jax.lax has convolution and windows, jax.nn has the activations, the softmax and attention; what is composed is
composed the way that its users do (as Flax does), from jnp.mean, jnp.var, lax.rsqrt, random.bernoulli,
jnp.dot, lax.reduce_window, lax.scan, and jnp.einsum around jax.nn.dot_product_attention.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy
import numpy as np
from jax import Array, lax
from jax.example_libraries import stax

from adapters.jax_choices import chooses as chooses
from adapters.jax_deviations import deviations as deviations
from reference.arithmetic import FLOAT16, FLOAT32, FLOAT64, Arithmetic, Format, default_arithmetic, wide_arithmetic
from reference.arrays import Padding, Pair, PerAxis, per_axis

jax.config.update("jax_enable_x64", True)

formats = ("float64", "float32", "bfloat16", "float16")
conventions: dict[str, dict[str, Any]] = {
    "batch_norm": {"unbiased": False},  # as in Flax, whose running variance is the biased one
    "flop_count": {"operations": 2, "counts_padding": False},  # xla/service/hlo_cost_analysis.cc, GetConvolutionFlops
    # n = tanh(W_in x + b_in + r (W_hn h + b_hn)): flax.linen.GRUCell
    "gru_step": {"reset": "after"},
    "gru": {"reset": "after"},
    # jax/_src/nn/functions.py, _apply_masks: booleans close with 0.7 times the least number of float32
    "scaled_dot_product_attention": {"closed_rows": "mean"},
    "multi_head_attention": {"closed_rows": "mean"},
    # https://optax.readthedocs.io/en/latest/api/losses.html: a loss of each sample, and jnp.mean(loss, where=...)
    "cross_entropy": {"weighs": "samples", "divisor": "samples"},
}

DOCS = "https://docs.jax.dev/en/latest"
BROADCAST = f"what is composed broadcasts: {DOCS}/_autosummary/jax.numpy.add.html"
LINEAR = f"it broadcasts: {DOCS}/_autosummary/jax.numpy.matmul.html"
NO_WINDOW = "no window is no error, the result is empty: https://openxla.org/stablehlo/spec#reduce_window"
CUT = "the signal is cut: https://github.com/openxla/xla/issues/48719"
NOTHING = "the result has no numbers either"
MEAN = f"the mean of nothing is NaN: {DOCS}/_autosummary/jax.numpy.mean.html"
ROOT = f"the root of what is negative is NaN, in what is composed: {DOCS}/_autosummary/jax.lax.rsqrt.html"
NUMPY_PAD = f"it goes on with what it has added: {DOCS}/_autosummary/jax.numpy.pad.html"
CONV_TRANSPOSE = (
    f"the padding of the result may have any sign and size: {DOCS}/_autosummary/jax.lax.conv_transpose.html"
)
TOEPLITZ = f"{DOCS}/_autosummary/jax.scipy.linalg.toeplitz.html"
SCAN = f"after no step the states are what they were: {DOCS}/_autosummary/jax.lax.scan.html"
_BIASES = {f"one number as {name}": BROADCAST for name in ("b_x", "b_h")}
CLAMPED = "an index beyond the end is the last: https://docs.jax.dev/en/latest/notebooks/Common_Gotchas_in_JAX.html"
SHARE = f"any number can be multiplied with: {DOCS}/_autosummary/jax.numpy.multiply.html"
_POOL = {"kernel larger than the padded signal": NO_WINDOW, "negative padding": CUT}

# Invalid problems that have a meaning here.
accepts = {
    "output_size": {"kernel larger than the padded signal": NO_WINDOW, "negative padding": CUT},
    "pad": {
        "reflect padding as large as the signal": NUMPY_PAD,
        "circular padding larger than the signal": NUMPY_PAD,
    },
    "convolution": {
        "one bias for several channels": BROADCAST,
        "kernel larger than the padded signal": NO_WINDOW,
        "negative padding": CUT,
    },
    "transposed_convolution": {
        "one bias for several channels": BROADCAST,
        "negative padding": CONV_TRANSPOSE,
        "output padding not below stride or dilation": CONV_TRANSPOSE,
        "negative output padding": CONV_TRANSPOSE,
        "an empty signal": NO_WINDOW,
    },
    "flop_count": {"kernel larger than the padded signal": NO_WINDOW},
    "toeplitz": dict.fromkeys(("an empty column", "an empty row"), f"{NOTHING}: {TOEPLITZ}"),
    "max_pool": _POOL,
    "sum_pool": _POOL,
    "product_pool": _POOL,
    "average_pool": _POOL,
    "lp_pool": {"kernel larger than the padded signal": NO_WINDOW},
    "global_average_pool": {"an empty spatial axis": MEAN},
    "batch_norm": {
        "negative eps": ROOT,
        "one weight for several channels": BROADCAST,
        "one bias for several channels": BROADCAST,
        "one running mean for several channels": BROADCAST,
        "one running variance for several channels": BROADCAST,
        "no value in training": MEAN,
    },
    "layer_norm": {
        "negative eps": ROOT,
        "axes 0": f"each number is its own mean: {DOCS}/_autosummary/jax.numpy.mean.html",
        "nothing to normalise": f"{NOTHING}: {DOCS}/_autosummary/jax.numpy.mean.html",
        "one weight for several numbers": BROADCAST,
        "one bias for several numbers": BROADCAST,
        "weight with an axis too many": BROADCAST,
    },
    "group_norm": {
        "negative eps": ROOT,
        "nothing to normalise": f"{NOTHING}: {DOCS}/_autosummary/jax.numpy.mean.html",
        "one weight for several channels": BROADCAST,
        "one bias for several channels": BROADCAST,
    },
    "instance_norm": {
        "negative eps": ROOT,
        "nothing to normalise": f"{NOTHING}: {DOCS}/_autosummary/jax.numpy.mean.html",
        "no position": f"each number is its own mean: {DOCS}/_autosummary/jax.numpy.mean.html",
        "one weight for several channels": BROADCAST,
        "one bias for several channels": BROADCAST,
    },
    "rms_norm": {
        "negative eps": ROOT,
        "axes 0": f"each number is its own mean: {DOCS}/_autosummary/jax.numpy.mean.html",
        "nothing to normalise": f"{NOTHING}: {DOCS}/_autosummary/jax.numpy.mean.html",
        "one weight for several numbers": BROADCAST,
        "weight with an axis too many": BROADCAST,
    },
    "softmax": {"nothing along the axis": f"{NOTHING}: {DOCS}/_autosummary/jax.nn.softmax.html"},
    "log_softmax": {"nothing along the axis": f"{NOTHING}: {DOCS}/_autosummary/jax.nn.log_softmax.html"},
    "cross_entropy": {
        "a class too many": f"NaN, or a row of zeros: {DOCS}/_autosummary/jax.nn.one_hot.html",
        "a class below 0": f"counted from the end, or a row of zeros: {DOCS}/_autosummary/jax.nn.one_hot.html",
        "one target for several samples": BROADCAST,
        "weights of another number than classes": CLAMPED,
        "one weight for several classes": CLAMPED,
        "a negative share of smoothing": SHARE,
        "more smoothing than there is": SHARE,
    },
    "embedding": {
        "an index too large": f"NaN: {DOCS}/_autosummary/jax.numpy.take.html",
        "an index below 0": f"counted from the end: {DOCS}/_autosummary/jax.numpy.take.html",
        "a table of one axis": f"of numbers for rows: {DOCS}/_autosummary/jax.numpy.take.html",
    },
    "patch_embedding": {
        "an image that patches do not tile": "the rest is cut: https://openxla.org/stablehlo/spec#convolution",
        "one bias for several outputs": BROADCAST,
    },
    "feed_forward": {
        "one bias inside for several": BROADCAST,
        "one bias for several outputs": BROADCAST,
    },
    "dense": {
        "weights without an axis": f"they are one row: {DOCS}/_autosummary/jax.numpy.dot.html",
        "weights with an axis too many": f"any number of axes: {DOCS}/_autosummary/jax.numpy.dot.html",
        "one bias for several outputs": BROADCAST,
        "bias with an axis too many": BROADCAST,
    },
    "residual": {
        "one number for the width of the branch": BROADCAST,
        "one number for the width of x": BROADCAST,
        "a branch with one output for several": BROADCAST,
        "weights with an axis too many": LINEAR,
    },
    "basic_block": {
        "a stride that leaves one position": BROADCAST,
        "one weight for several channels": BROADCAST,
        "negative eps": ROOT,
    },
    **dict.fromkeys(("rnn_step", "lstm_step", "gru_step"), _BIASES),
    **dict.fromkeys(("rnn", "lstm", "gru"), _BIASES | {"no step": SCAN}),
    "decoder_step": {"one bias for several numbers": BROADCAST},
    "scaled_dot_product_attention": {
        "no key": f"a sum of no values: {DOCS}/_autosummary/jax.nn.dot_product_attention.html"
    },
    "additive_attention": dict.fromkeys(
        ("a mask with an axis too many", "a mask of several queries for one"), BROADCAST
    ),
    "learned_encoding": {
        "one row for several tokens": BROADCAST,
        "one number for a whole row": BROADCAST,
        "a table with an axis too many": BROADCAST,
    },
    "multi_head_attention": {
        "queries with one number for several weights": (
            "jnp.einsum repeats an axis of one element: https://github.com/jax-ml/jax/pull/2512"
        ),
        "one number as b_o": BROADCAST,
    },
}
RECURRENT = ("rnn_step", "rnn", "lstm_step", "lstm", "gru_step", "gru", "decoder_step")
GATED = ("lstm_step", "lstm", "gru_step", "gru")
# What multiplies matrices.
CONTRACTIONS = (
    "convolution",
    "transposed_convolution",
    "true_convolution",
    "dense",
    "feed_forward",
    "patch_embedding",
    "residual",
    "basic_block",
    "dense_block",
    *RECURRENT,
    "scaled_dot_product_attention",
    "multi_head_attention",
    "additive_attention",
    "encoder_block",
    "decoder_block",
)
NORMS = ("batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm")
# What divides by a constant, such as a number of elements.
DIVIDES = (
    "average_pool",
    "global_average_pool",
    *NORMS,
    "dropout",
    "gelu",
    "scaled_dot_product_attention",
    "multi_head_attention",
    "sinusoidal_encoding",
)
BLOCKS = ("encoder_block", "decoder_block")
# What is written in float32 at least.
WIDE = (*NORMS, "global_average_pool", "sinusoidal_encoding")
# What gradients are written like, where that is not the sweep back through the reference.
FORMULAS = {
    "tanh": ("factored", "jax/_src/lax/lax.py, tanh: (g + g y) (1 - y)"),
    "softmax": ("transposed", "jax/_src/nn/functions.py, _softmax: the transpose of y (t - sum y t)"),
    "log_softmax": ("through_exp", "jax/_src/nn/functions.py, log_softmax: back through log, sum and exp"),
}
# What the framework's own functions do by default, where an adapter has to choose for them.
bare: dict[str, Callable[..., Array]] = {
    "gelu": jax.nn.gelu,
    "transposed_convolution": lambda x, w: lax.conv_transpose(x, w, (1,), "VALID", None, ("NCH", "OIH", "NCH")),
}
composed = (
    "average_pool",
    "lp_pool",
    *NORMS,
    "dropout",
    "residual",
    "basic_block",
    "dense_block",
    "sinusoidal_encoding",
    "cross_entropy",
    "dense",
    *RECURRENT,
    "feed_forward",
    "patch_embedding",
    "multi_head_attention",
    "additive_attention",
    "learned_encoding",
    "naive_encoding",
    "encoder_block",
    "decoder_block",
)


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
    if getattr(function, "__name__", "") in ("output_size", "parameter_count", "flop_count"):  # computes no array
        return function
    options = [p.name for p in inspect.signature(function).parameters.values() if p.kind is p.KEYWORD_ONLY]
    return jax.jit(function, static_argnames=[name for name in options if name != "key"])


def vmap(function: Callable[..., Any], axes: Sequence[int | None]) -> Callable[..., Any]:
    return jax.vmap(function, in_axes=tuple(axes))


_events: Counter[str] = Counter()
COMPILED = "/jax/core/compile/backend_compile_duration"
MOST_PROGRAMS = 32  # of 2 to 3 MB each


def _count(event: str, *_: Any, **__: Any) -> None:
    _events[event] += 1


jax.monitoring.register_event_listener(_count)
jax.monitoring.register_event_duration_secs_listener(_count)


def counters() -> dict[str, int]:
    """What XLA has compiled in this process; a program that the persistent cache holds is only read."""
    read = _events["/jax/compilation_cache/cache_hits"]
    return {"compilations": _events[COMPILED] - read, "read from the cache": read}


def rest() -> None:
    """Forget what was compiled, before it is too much; other checks of the same primitive have some of the shapes."""
    programs = _events[COMPILED]
    if programs - _events["forgotten"] >= MOST_PROGRAMS:
        jax.clear_caches()
        _events["forgotten"] = programs


modes = {"compiled": compiled, "eager": lambda function: function}


def gradient(function: Callable[..., Any], wanted: tuple[int, ...]) -> Callable[..., tuple[Array, ...]]:
    """jax.vjp, of the first result; in the compiled mode it is one program with the primitive."""
    if getattr(function, "__name__", "") == "product_pool":
        raise NotImplementedError("no reverse mode for lax.mul in windows: https://github.com/jax-ml/jax/issues/7815")

    @functools.wraps(function)
    def pulled(cotangent: Array, *arrays: Any, **options: Any) -> tuple[Array, ...]:
        first, chosen = _by(function, wanted, arrays, options)
        _, pull = jax.vjp(first, *chosen)
        return tuple(pull(cotangent))

    return pulled


def jvp(function: Callable[..., Any], wanted: tuple[int, ...]) -> Callable[..., Array]:
    """jax.jvp, of the first result; in the compiled mode it is one program with the primitive."""

    @functools.wraps(function)
    def pushed(tangents: tuple[Array, ...], *arrays: Any, **options: Any) -> Array:
        first, chosen = _by(function, wanted, arrays, options)
        tangent: Array
        _, tangent = jax.jvp(first, chosen, tangents)
        return tangent

    return pushed


def _by(
    function: Callable[..., Any], wanted: tuple[int, ...], arrays: Sequence[Any], options: dict[str, Any]
) -> tuple[Callable[..., Array], tuple[Array, ...]]:
    """The first result as a function of the wanted arrays, and these."""

    def first(*x: Array) -> Array:
        given = dict(zip(wanted, x, strict=True))
        y = function(*(given.get(i, array) for i, array in enumerate(arrays)), **options)
        result: Array = y[0] if isinstance(y, tuple) else y
        return result

    return first, tuple(arrays[i] for i in wanted)


def _xla(primitive: str, device: str, format: Format) -> dict[str, Any]:
    """What XLA does with every primitive that computes.

    On the CPU it runs with subnormals flushed and read as zero; those of float16 are normal numbers of
    float32, in which it is computed.
    """
    claims: dict[str, Any] = {"ulps": {}, "source": "XLA's own arithmetic"}
    if primitive in DIVIDES:
        claims["ulps"] |= {"divide": 2}
        claims["source"] = "XLA turns x / c into x (1/c), two roundings"
    if primitive in (*NORMS, "basic_block"):
        claims["ulps"] |= {"sqrt": 2}
        claims["source"] += "; lax.rsqrt is an operation of its own, with two roundings instead of those of a root"
    if device == "cpu" and format is not FLOAT16:
        claims |= {"flushes_inputs": True, "flushes_results": True}
        claims["source"] += "; it flushes subnormals on the CPU: https://github.com/jax-ml/jax/issues/16200"
    return claims


def arithmetic(primitive: str, device: str, format: Format) -> Arithmetic:
    """What XLA does."""
    if primitive in ("output_size", "pad", "identity"):  # which compute nothing
        return default_arithmetic(format)
    claims = _xla(primitive, device, format)
    if device == "cuda" and format is FLOAT32 and primitive in CONTRACTIONS:
        claims |= {"tensor_float32": True}
        claims["source"] += "; its default precision is TF32 on a GPU: https://github.com/jax-ml/jax/issues/12008"
    if primitive == "toeplitz":
        claims["source"] += "; jax/_src/scipy/linalg.py, _toeplitz: a convolution with kernels of a one and zeros"
    if primitive in ("sigmoid", "silu", *GATED):
        claims["ulps"] |= {"expit": 2}
        claims["flushes_results"] = True
        claims["source"] += "; 1 / (1 + exp(-x)), where exp overflows if the result is subnormal: xla, LogisticExpander"
    if primitive in ("tanh", "gelu", *RECURRENT, "additive_attention") and format in (FLOAT32, FLOAT64):
        claims["ulps"] |= {"tanh": 3 if format is FLOAT32 else 4}
        claims["source"] += "; its tanh is a rational function, Eigen's: a couple of ulps, by measure 2.4 and 3.5"
    if primitive in ("sum_pool", "average_pool", "lp_pool") and format.precision < FLOAT32.precision:
        claims["source"] += "; lax.reduce_window adds in the format of x: 50 x 100 bfloat16 ones have the sum 2048"
        return Arithmetic(format, format, format, **claims)
    if primitive in WIDE:
        return wide_arithmetic(format, **claims)
    if primitive in BLOCKS:
        parts = [arithmetic(part, device, format) for part in ("multi_head_attention", "layer_norm", "gelu")]
        ulps = {name: k for part in parts for name, k in part.ulps.items()}
        claims |= {"ulps": ulps, "formulas": ("softmax_in_float32",) if format is FLOAT64 else ()}
        claims["source"] = "; ".join(dict.fromkeys(part.source for part in parts))
    if primitive in ("scaled_dot_product_attention", "multi_head_attention"):
        claims["source"] += "; jax/_src/nn/functions.py, _dot_product_attention_core: scores and softmax in float32"
        if format is FLOAT64:
            claims["formulas"] = ("softmax_in_float32",)
        elif primitive == "scaled_dot_product_attention":
            return wide_arithmetic(format, stores_operands=format is not FLOAT32, **claims)
    return default_arithmetic(format, **claims)


def gradient_arithmetic(primitive: str, device: str, format: Format) -> Arithmetic:
    """What XLA does with what JAX differentiates."""
    claims = _xla(primitive, device, format)
    claims["ulps"] |= {"divide": 2, "sqrt": 2}
    claims["source"] += "; jax/_src/lax/lax.py: derivatives of quotients and roots are products with a reciprocal"
    match primitive:
        case "pad":
            claims["source"] += "; jax/_src/ad_util.py, add_any: the cotangents of copies are added in the format of x"
            return Arithmetic(format, format, format, **claims)
        case "max_pool":
            claims["source"] += "; jax/_src/lax/windowed_reductions.py, select_and_scatter_add: in the format of x"
            return Arithmetic(format, format, format, **claims)
        case "encoder_block" | "decoder_block":
            forward = arithmetic(primitive, device, format)
            formula = "softmax_in_float32, factored" if format is FLOAT64 else "factored"
            source = f"{forward.source}; {claims['source']}; jax/_src/lax/lax.py, rsqrt and _unbroadcast"
            adds = format if format.precision < FLOAT32.precision else None
            ulps = {"divide": 2, "sqrt": 2, **forward.ulps}
            return replace(forward, ulps=ulps, adds=adds, formulas=(formula,), source=source)
        case "basic_block":
            forward = arithmetic(primitive, device, format)
            source = f"{forward.source}; {claims['source']}; jax/_src/lax/lax.py, rsqrt and _unbroadcast"
            adds = format if format.precision < FLOAT32.precision else None
            return replace(forward, ulps=claims["ulps"], adds=adds, formulas=("factored",), source=source)
        case _ if primitive in NORMS:
            claims["source"] += "; jax/_src/lax/lax.py, rsqrt: y = 1/sqrt(v) has the derivative -(y/v)/2"
            return wide_arithmetic(format, formulas=("factored",), **claims)
    forward = arithmetic(primitive, device, format)
    ulps, source = {"divide": 2, "sqrt": 2, **forward.ulps}, claims["source"]
    forward = replace(forward, ulps=ulps, source=f"{forward.source}; {source}" if forward.source else source)
    if primitive in FORMULAS:
        formula, source = FORMULAS[primitive]
        forward = replace(forward, formulas=(*forward.formulas, formula), source=f"{forward.source}; {source}")
    if forward.compute.precision < FLOAT32.precision:
        source = "jax/_src/lax/lax.py, _unbroadcast: the cotangents of a bias are added in the format of x"
        forward = replace(forward, adds=format, source=f"{forward.source}; {source}")
    return forward


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


def transposed_convolution(
    x: Array,
    w: Array,
    bias: Array | None = None,
    *,
    stride: PerAxis = 1,
    padding: int | Sequence[int | Pair] = 0,
    output_padding: PerAxis = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
) -> Array:
    """lax.conv_transpose, as in Flax. An output padding of m is a padding behind that is m less."""
    if groups != 1:
        raise NotImplementedError(f"it has no groups: {DOCS}/_autosummary/jax.lax.conv_transpose.html")
    rank = w.ndim - 2
    sides = (padding,) * rank if isinstance(padding, int) else padding
    pairs = [(side, side) if isinstance(side, int) else side for side in sides]
    letters = "DHW"[-rank:]
    y = lax.conv_transpose(
        x,
        w,
        per_axis(stride, rank),
        [(before, after - more) for (before, after), more in zip(pairs, per_axis(output_padding, rank), strict=True)],
        per_axis(dilation, rank),
        (f"NC{letters}", f"OI{letters}", f"NC{letters}"),
        transpose_kernel=True,
        use_consistent_padding=True,
    )
    return y if bias is None else y + bias.reshape(-1, *[1] * rank)


def parameter_count(channels: int, outputs: int, *, kernel: Sequence[int]) -> int:
    """Of the layer in jax.example_libraries.stax, which has a bias and no groups."""
    letters = "DHW"[-len(kernel) :]
    layout = (f"NC{letters}", f"OI{letters}", f"NC{letters}")
    initial, _ = stax.GeneralConv(layout, outputs, tuple(kernel))
    _, parameters = jax.eval_shape(lambda key: initial(key, (1, channels, *kernel)), jax.random.key(0))
    return sum(math.prod(p.shape) for p in jax.tree.leaves(parameters) if hasattr(p, "shape"))


def flop_count(
    channels: int,
    outputs: int,
    *,
    size: Sequence[int],
    kernel: Sequence[int],
    batch: int = 1,
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    bias: bool = True,
) -> int:
    """XLA's analysis of the costs, of the program before it is compiled."""
    shapes = [(batch, channels, *size), (outputs, channels // max(groups, 1), *kernel), *([(outputs,)] if bias else [])]
    options: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    arrays = [jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes]
    cost = jax.jit(functools.partial(convolution, **options)).lower(*arrays).cost_analysis()
    return int(cost.get("flops", 0))


def true_convolution(x: Array, w: Array, *, mode: str = "full") -> Array:
    return jax.scipy.signal.convolve(x, w, mode)


def toeplitz(c: Array, r: Array | None = None) -> Array:
    return jax.scipy.linalg.toeplitz(c, r)


def max_pool(
    x: Array,
    *,
    kernel: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    ceil_mode: bool = False,
) -> Array:
    return _reduced(x, -jnp.inf, lax.max, kernel, stride, padding, ceil_mode, dilation)


def sum_pool(
    x: Array, *, kernel: PerAxis, stride: PerAxis | None = None, padding: Padding = 0, ceil_mode: bool = False
) -> Array:
    return _reduced(x, 0.0, lax.add, kernel, stride, padding, ceil_mode)


def product_pool(
    x: Array, *, kernel: PerAxis, stride: PerAxis | None = None, padding: Padding = 0, ceil_mode: bool = False
) -> Array:
    return _reduced(x, jnp.ones((), x.dtype), lax.mul, kernel, stride, padding, ceil_mode)


def average_pool(
    x: Array,
    *,
    kernel: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Array:
    y = _reduced(x, 0.0, lax.add, kernel, stride, padding, ceil_mode)
    if count_include_pad:
        return y / np.prod(per_axis(kernel, x.ndim - 2))
    ones = jnp.ones((1, 1, *x.shape[2:]), x.dtype)
    return y / _reduced(ones, 0.0, lax.add, kernel, stride, padding, ceil_mode)


def lp_pool(
    x: Array, *, kernel: PerAxis, stride: PerAxis | None = None, norm_type: float = 2, ceil_mode: bool = False
) -> Array:
    if norm_type == jnp.inf:
        return _reduced(jnp.abs(x), -jnp.inf, lax.max, kernel, stride, 0, ceil_mode)
    if norm_type == 1:
        return _reduced(jnp.abs(x), 0.0, lax.add, kernel, stride, 0, ceil_mode)
    if norm_type != 2:
        raise NotImplementedError("no norm but 1, 2 and inf is composed")
    return jnp.sqrt(_reduced(jnp.square(x), 0.0, lax.add, kernel, stride, 0, ceil_mode))


def _reduced(
    x: Array,
    initial: float | Array,
    operation: Callable[[Array, Array], Array],
    kernel: PerAxis,
    stride: PerAxis | None,
    padding: Padding,
    ceil_mode: bool,
    dilation: PerAxis = 1,
) -> Array:
    if ceil_mode:
        raise NotImplementedError(f"no window sticks out: {DOCS}/_autosummary/jax.lax.reduce_window.html")
    rank = x.ndim - 2
    sides = [padding] * rank if isinstance(padding, int) else padding
    return lax.reduce_window(
        x,
        initial,
        operation,
        (1, 1, *per_axis(kernel, rank)),
        (1, 1, *per_axis(kernel if stride is None else stride, rank)),
        [(0, 0), (0, 0), *((side, side) if isinstance(side, int) else side for side in sides)],
        window_dilation=(1, 1, *per_axis(dilation, rank)),
    )


def global_max_pool(x: Array) -> Array:
    return jnp.max(x, tuple(range(2, x.ndim)), keepdims=True)


def global_average_pool(x: Array) -> Array:
    return jnp.mean(x, tuple(range(2, x.ndim)), keepdims=True)


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
    dtype, wide = x.dtype, jnp.promote_types(x.dtype, jnp.float32)
    x = x.astype(wide)  # once: cotangents of several casts would be rounded before they are added
    mean, var = running_mean.astype(wide), running_var.astype(wide)
    if training:
        mean, var = jnp.mean(x, axes), jnp.var(x, axes)
        running_mean = ((1 - momentum) * running_mean.astype(wide) + momentum * mean).astype(dtype)
        running_var = ((1 - momentum) * running_var.astype(wide) + momentum * var).astype(dtype)
    d, var = x - mean.reshape(shape), var.reshape(shape)
    return _scaled(d, var, *_by_channel(x, weight, bias), eps, dtype), running_mean, running_var


def _scaled(d: Array, var: Array, weight: Array | None, bias: Array | None, eps: float, dtype: Any) -> Array:
    """What Flax makes of d = x - mean and the variance."""
    scale = lax.rsqrt(var + eps)
    y = d * (scale if weight is None else scale * weight.astype(d.dtype))
    return (y if bias is None else y + bias.astype(d.dtype)).astype(dtype)


def _by_channel(x: Array, weight: Array | None, bias: Array | None) -> tuple[Array | None, Array | None]:
    weight, bias = (v if v is None else v.reshape(1, -1, *[1] * (x.ndim - 2)) for v in (weight, bias))
    return weight, bias


def dropout(x: Array, *, p: float = 0.5, training: bool = True, key: int = 0) -> Array:
    if not training or p == 0:
        return x
    if p == 1:
        return jnp.zeros_like(x)
    keep = jax.random.bernoulli(jax.random.key(key), 1 - p, x.shape)
    return jnp.where(keep, x / (1 - p), jnp.zeros_like(x))


def softmax(x: Array, *, axis: int = -1) -> Array:
    return jax.nn.softmax(x, axis)


def residual(x: Array, w1: Array, w2: Array, b1: Array | None = None, b2: Array | None = None) -> Array:
    h = x @ w1.T if b1 is None else x @ w1.T + b1
    branch = jax.nn.relu(h) @ w2.T
    return x + (branch if b2 is None else branch + b2)


def basic_block(
    x: Array,
    w1: Array,
    mean1: Array,
    var1: Array,
    gamma1: Array,
    beta1: Array,
    w2: Array,
    mean2: Array,
    var2: Array,
    gamma2: Array,
    beta2: Array,
    w_x: Array | None = None,
    mean_x: Array | None = None,
    var_x: Array | None = None,
    gamma_x: Array | None = None,
    beta_x: Array | None = None,
    *,
    stride: PerAxis = 1,
    eps: float = 1e-5,
) -> Array:
    """As ResNetBlock in Flax's example, with the paddings of the paper."""

    def normed(x: Array, w: Array, stride: PerAxis, *norm: Array) -> Array:
        y, *_ = batch_norm(convolution(x, w, stride=stride, padding=[K // 2 for K in w.shape[2:]]), *norm, eps=eps)
        return y

    y = normed(jax.nn.relu(normed(x, w1, stride, mean1, var1, gamma1, beta1)), w2, 1, mean2, var2, gamma2, beta2)
    if w_x is not None:
        x = normed(x, w_x, stride, mean_x, var_x, gamma_x, beta_x)
    return jax.nn.relu(x + y)


def dense_block(x: Array, w1: Array, w2: Array | None = None, w3: Array | None = None) -> Array:
    for w in (w1, w2, w3):
        if w is not None:
            x = jnp.concatenate([x, convolution(jax.nn.relu(x), w, padding="same")], 1)
    return x


def sinusoidal_encoding(
    t: Array, *, d: int, base: float = 10000.0, first_index: int = 0, layout: str = "interleaved"
) -> Array:
    wide = jnp.promote_types(t.dtype, jnp.float32)
    i = jnp.arange(2 * first_index, 2 * first_index + d, 2, dtype=wide)
    angle = t.astype(wide)[..., None] * jnp.exp(i * (-math.log(base) / d))
    joins: dict[str, Callable[..., Array]] = {"halves": jnp.concatenate, "interleaved": jnp.stack}
    return joins[layout]((jnp.sin(angle), jnp.cos(angle)), -1).reshape(*t.shape, d).astype(t.dtype)


def learned_encoding(x: Array, table: Array) -> Array:
    return x + table[: x.shape[-2]]


def naive_encoding(x: Array, *, start: int = 0) -> Array:
    t = jnp.arange(start, start + x.shape[-2], dtype=x.dtype)
    return jnp.concatenate([x, jnp.broadcast_to(t[:, None], (*x.shape[:-1], 1))], -1)


def log_softmax(x: Array, *, axis: int = -1) -> Array:
    return jax.nn.log_softmax(x, axis)


def identity(x: Array) -> Array:
    return jax.nn.identity(x)


def binary_step(x: Array, *, at_zero: float = 1.0) -> Array:
    return jnp.heaviside(x, at_zero)


def leaky_relu(x: Array, *, slope: float = 0.01) -> Array:
    return jax.nn.leaky_relu(x, slope)


def silu(x: Array) -> Array:
    return jax.nn.silu(x)


def relu(x: Array) -> Array:
    return jax.nn.relu(x)


def sigmoid(x: Array) -> Array:
    return jax.nn.sigmoid(x)


def tanh(x: Array) -> Array:
    return jnp.tanh(x)


def gelu(x: Array, *, approximate: str = "none") -> Array:
    return jax.nn.gelu(x, approximate={"none": False, "tanh": True}[approximate])


def layer_norm(
    x: Array, weight: Array | None = None, bias: Array | None = None, *, axes: int = 1, eps: float = 1e-5
) -> Array:
    dtype, over = x.dtype, tuple(range(-axes, 0))
    x = x.astype(jnp.promote_types(dtype, jnp.float32))
    mean, var = (moment(x, over, keepdims=True) for moment in (jnp.mean, jnp.var))
    return _scaled(x - mean, var, weight, bias, eps, dtype)


def group_norm(
    x: Array, weight: Array | None = None, bias: Array | None = None, *, groups: int, eps: float = 1e-5
) -> Array:
    dtype, shape = x.dtype, (x.shape[0], groups, x.shape[1] // groups, *x.shape[2:])
    x = x.astype(jnp.promote_types(dtype, jnp.float32))
    over = tuple(range(2, len(shape)))
    # Of each group, repeated for its channels.
    mean, var = (
        jnp.repeat(moment(x.reshape(shape), over), x.shape[1] // groups, axis=1).reshape(
            *x.shape[:2], *[1] * (x.ndim - 2)
        )
        for moment in (jnp.mean, jnp.var)
    )
    return _scaled(x - mean, var, *_by_channel(x, weight, bias), eps, dtype)


def instance_norm(x: Array, weight: Array | None = None, bias: Array | None = None, *, eps: float = 1e-5) -> Array:
    dtype, over = x.dtype, tuple(range(2, x.ndim))
    x = x.astype(jnp.promote_types(dtype, jnp.float32))
    mean, var = (moment(x, over, keepdims=True) for moment in (jnp.mean, jnp.var))
    return _scaled(x - mean, var, *_by_channel(x, weight, bias), eps, dtype)


def rms_norm(x: Array, weight: Array | None = None, *, axes: int = 1, eps: float = 1e-5) -> Array:
    dtype = x.dtype
    x = x.astype(jnp.promote_types(dtype, jnp.float32))
    return _scaled(x, jnp.mean(lax.square(x), tuple(range(-axes, 0)), keepdims=True), weight, None, eps, dtype)


def cross_entropy(
    x: Array,
    target: Array,
    weight: Array | None = None,
    *,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> Array:
    """As with optax, whose losses are those of samples: what weighs and averages them is written around it."""
    axis = min(1, x.ndim - 1)
    log_p = jax.nn.log_softmax(x, axis)
    is_of_classes = jnp.issubdtype(target.dtype, jnp.integer)
    kept = target != ignore_index if is_of_classes else None
    labels = jnp.where(target == ignore_index, 0, target) if is_of_classes else None
    if labels is not None and not label_smoothing:
        loss = -jnp.take_along_axis(log_p, jnp.expand_dims(labels, axis), axis).squeeze(axis)
    else:
        t = target if labels is None else jax.nn.one_hot(labels, x.shape[axis], dtype=x.dtype, axis=axis)
        loss = -jnp.sum(((1 - label_smoothing) * t + label_smoothing / x.shape[axis]) * log_p, axis)
    if weight is not None:
        loss = loss * (jnp.tensordot(weight, target, (0, axis)) if labels is None else weight[labels])
    if reduction == "none":
        return loss if kept is None else jnp.where(kept, loss, 0)
    return {"mean": jnp.mean, "sum": jnp.sum}[reduction](loss, where=kept)


def embedding(i: Array, table: Array, *, padding_idx: int | None = None) -> Array:
    if padding_idx is not None:
        raise NotImplementedError(f"no row is set apart: {DOCS}/_autosummary/jax.numpy.take.html")
    return jnp.take(table, i, axis=0)


def patch_embedding(x: Array, w: Array, bias: Array | None = None) -> Array:
    """As in the Vision Transformer of its authors, by a convolution without padding."""
    y = lax.conv_general_dilated(x, w, w.shape[2:], "VALID")
    y = jnp.swapaxes(y.reshape(*y.shape[:2], math.prod(y.shape[2:])), 1, 2)
    return y if bias is None else y + bias


def feed_forward(x: Array, w1: Array, w2: Array, b1: Array | None = None, b2: Array | None = None) -> Array:
    return dense(jax.nn.relu(dense(x, w1, b1)), w2, b2)


def dense(x: Array, w: Array, bias: Array | None = None) -> Array:
    y = jnp.dot(x, w.T)
    return y if bias is None else y + bias


def scaled_dot_product_attention(
    q: Array,
    k: Array,
    v: Array,
    mask: Array | None = None,
    *,
    causal: bool = False,
    window: int | tuple[int, int] | None = None,
    scale: float | None = None,
    grouped: bool = False,
) -> Array:
    """The axis of the heads is the last but one there, and has one element where there is none here."""
    _refuse_products(q, k, q.shape[-1])
    if q.shape[-1] != v.shape[-1]:
        raise NotImplementedError(f"values are as wide as keys: {DOCS}/_autosummary/jax.nn.dot_product_attention.html")
    has_heads = q.ndim > 3 or grouped
    q, k, v = (jnp.swapaxes(x, -3, -2) if has_heads else x[..., None, :] for x in (q, k, v))
    if mask is not None and (mask.ndim < q.ndim or not has_heads):
        mask = mask[..., None, :, :]
    given = {} if mask is None else {"mask" if mask.dtype == bool else "bias": mask}
    y = jax.nn.dot_product_attention(q, k, v, is_causal=causal, scale=scale, local_window_size=window, **given)
    return jnp.swapaxes(y, -3, -2) if has_heads else y[..., 0, :]


def _refuse_products(q: Array, k: Array, width: int, heads: int = 1) -> None:
    """Refuse what does not compile in low formats on the CPU, where the precision that attention asks for is missing.

    Its way round catches what is raised in eager mode only.
    """
    if not isinstance(q, jax.core.Tracer) or jax.default_backend() != "cpu":
        return
    if q.dtype == jnp.float16:
        raise NotImplementedError(
            "jax.nn.dot_product_attention in float16 does not compile on the CPU (F16_F16_F32 is not supported "
            "by dot_general): https://github.com/keras-team/keras-hub/pull/2354"
        )
    is_one = heads * math.prod(k.shape[:-2]) == 1
    sides = math.prod(q.shape[:-1]), k.shape[-2], width  # queries that share one head of keys are so many more
    if q.dtype == jnp.bfloat16 and is_one and 0 not in sides and sum(n > 1 for n in sides) <= 1:
        raise NotImplementedError(
            "jax.nn.dot_product_attention in bfloat16 does not compile on the CPU for one head of keys of one sample, "
            "if at most one of queries, keys and width is more than one (ALG_DOT_BF16_BF16_F32): "
            "https://github.com/openxla/xla/blob/main/xla/service/elemental_ir_emitter.cc"
        )


def multi_head_attention(
    query: Array,
    key: Array | None,
    value: Array | None,
    w_q: Array,
    w_k: Array,
    w_v: Array,
    w_o: Array,
    b_q: Array | None = None,
    b_k: Array | None = None,
    b_v: Array | None = None,
    b_o: Array | None = None,
    mask: Array | None = None,
    key_padding_mask: Array | None = None,
    *,
    heads: int,
    causal: bool = False,
) -> Array:
    key = query if key is None else key
    value = key if value is None else value
    _refuse_products(query, key, w_q.shape[0], heads)

    def projected(x: Array, w: Array, b: Array | None) -> Array:
        y = jnp.einsum("...te,hde->...thd", x, w.reshape(heads, -1, w.shape[1]))
        return y if b is None else y + b.reshape(heads, -1)

    given = {} if mask is None else {"mask" if mask.dtype == bool else "bias": mask}
    if key_padding_mask is not None:
        keys = key_padding_mask[..., None, None, :]
        has_bias = "bias" in given
        given = {"bias": jnp.where(keys, mask, -jnp.inf)} if has_bias else {"mask": keys & given.get("mask", True)}
    qkv = (projected(*x) for x in ((query, w_q, b_q), (key, w_k, b_k), (value, w_v, b_v)))
    y = jax.nn.dot_product_attention(*qkv, is_causal=causal, **given)
    y = jnp.einsum("...thd,ohd->...to", y, w_o.reshape(w_o.shape[0], heads, -1))
    return y if b_o is None else y + b_o


def rnn_step(
    x: Array,
    h: Array | None,
    w_x: Array,
    w_h: Array,
    b_x: Array | None = None,
    b_h: Array | None = None,
    *,
    nonlinearity: str = "tanh",
) -> Array:
    h = _or_zeros(h, x.shape[:-1], w_h)
    activation = {"tanh": jnp.tanh, "relu": jax.nn.relu}[nonlinearity]
    return activation(dense(x, w_x, b_x) + dense(h, w_h, b_h))


def rnn(
    x: Array,
    h: Array | None,
    w_x: Array,
    w_h: Array,
    b_x: Array | None = None,
    b_h: Array | None = None,
    *,
    nonlinearity: str = "tanh",
) -> tuple[Array, ...]:
    return _scanned(lambda x, h: (rnn_step(x, h, w_x, w_h, b_x, b_h, nonlinearity=nonlinearity),), x, w_h, h)


def lstm_step(
    x: Array,
    h: Array | None,
    c: Array | None,
    w_x: Array,
    w_h: Array,
    b_x: Array | None = None,
    b_h: Array | None = None,
) -> tuple[Array, Array]:
    h, c = (_or_zeros(state, x.shape[:-1], w_h) for state in (h, c))
    i, f, g, o = jnp.split(dense(x, w_x, b_x) + dense(h, w_h, b_h), 4, axis=-1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


def lstm(
    x: Array,
    h: Array | None,
    c: Array | None,
    w_x: Array,
    w_h: Array,
    b_x: Array | None = None,
    b_h: Array | None = None,
) -> tuple[Array, ...]:
    return _scanned(lambda x, h, c: lstm_step(x, h, c, w_x, w_h, b_x, b_h), x, w_h, h, c)


def gru_step(
    x: Array, h: Array | None, w_x: Array, w_h: Array, b_x: Array | None = None, b_h: Array | None = None
) -> Array:
    h = _or_zeros(h, x.shape[:-1], w_h)
    x_r, x_z, x_n = jnp.split(dense(x, w_x, b_x), 3, axis=-1)
    h_r, h_z, h_n = jnp.split(dense(h, w_h, b_h), 3, axis=-1)
    r, z = jax.nn.sigmoid(x_r + h_r), jax.nn.sigmoid(x_z + h_z)
    return (1 - z) * jnp.tanh(x_n + r * h_n) + z * h


def gru(
    x: Array, h: Array | None, w_x: Array, w_h: Array, b_x: Array | None = None, b_h: Array | None = None
) -> tuple[Array, ...]:
    return _scanned(lambda x, h: (gru_step(x, h, w_x, w_h, b_x, b_h),), x, w_h, h)


def decoder_step(y: Array, s: Array, c: Array, u_y: Array, u_s: Array, u_c: Array, bias: Array | None = None) -> Array:
    return jnp.tanh(dense(c, u_c) + dense(y, u_y, bias) + dense(s, u_s))


def _scanned(step: Callable[..., Any], x: Array, w_h: Array, *states: Array | None) -> tuple[Array, ...]:
    """lax.scan along the last axis but one, as flax.linen.RNN does."""

    def body(carry: tuple[Array, ...], x: Array) -> tuple[tuple[Array, ...], Array]:
        carry = step(x, *carry)
        return carry, carry[0]

    steps = jnp.moveaxis(x, -2, 0)
    last, y = lax.scan(body, tuple(_or_zeros(h, x.shape[:-2], w_h) for h in states), steps)
    return jnp.moveaxis(y, 0, -2), *last


def _or_zeros(h: Array | None, batch: tuple[int, ...], w_h: Array) -> Array:
    return jnp.zeros((*batch, w_h.shape[-1]), w_h.dtype) if h is None else h


def additive_attention(s: Array, h: Array, w_s: Array, w_h: Array, v: Array, mask: Array | None = None) -> Array:
    e = jnp.tanh((s @ w_s.T)[..., :, None, :] + (h @ w_h.T)[..., None, :, :]) @ v
    e = e if mask is None else jnp.where(mask, e, -jnp.inf)
    return jax.nn.softmax(e) @ h


def encoder_block(
    x: Array,
    w_qkv: Array,
    w_o: Array,
    w1: Array,
    w2: Array,
    gamma1: Array,
    gamma2: Array,
    b_qkv: Array | None = None,
    b_o: Array | None = None,
    b1: Array | None = None,
    b2: Array | None = None,
    beta1: Array | None = None,
    beta2: Array | None = None,
    mask: Array | None = None,
    key_padding_mask: Array | None = None,
    *,
    heads: int,
    causal: bool = False,
    norm_first: bool = False,
    activation: str = "relu",
    eps: float = 1e-5,
) -> Array:
    def attend(x: Array) -> Array:
        return _attended(x, None, w_qkv, w_o, b_qkv, b_o, mask, key_padding_mask, heads, causal)

    transform = functools.partial(_transformed, w1=w1, w2=w2, b1=b1, b2=b2, activation=activation)
    return _added(x, ((attend, gamma1, beta1), (transform, gamma2, beta2)), norm_first, eps)


def decoder_block(
    x: Array,
    memory: Array,
    w_qkv: Array,
    w_o: Array,
    u_qkv: Array,
    u_o: Array,
    w1: Array,
    w2: Array,
    gamma1: Array,
    gamma2: Array,
    gamma3: Array,
    b_qkv: Array | None = None,
    b_o: Array | None = None,
    c_qkv: Array | None = None,
    c_o: Array | None = None,
    b1: Array | None = None,
    b2: Array | None = None,
    beta1: Array | None = None,
    beta2: Array | None = None,
    beta3: Array | None = None,
    mask: Array | None = None,
    key_padding_mask: Array | None = None,
    memory_mask: Array | None = None,
    memory_key_padding_mask: Array | None = None,
    *,
    heads: int,
    causal: bool = True,
    norm_first: bool = False,
    activation: str = "relu",
    eps: float = 1e-5,
) -> Array:
    def attend(x: Array) -> Array:
        return _attended(x, None, w_qkv, w_o, b_qkv, b_o, mask, key_padding_mask, heads, causal)

    def consult(x: Array) -> Array:
        return _attended(x, memory, u_qkv, u_o, c_qkv, c_o, memory_mask, memory_key_padding_mask, heads, False)

    transform = functools.partial(_transformed, w1=w1, w2=w2, b1=b1, b2=b2, activation=activation)
    return _added(x, ((attend, gamma1, beta1), (consult, gamma2, beta2), (transform, gamma3, beta3)), norm_first, eps)


def _added(x: Array, branches: Iterable[tuple[Any, Array, Array | None]], norm_first: bool, eps: float) -> Array:
    for branch, gamma, beta in branches:
        norm = functools.partial(layer_norm, weight=gamma, bias=beta, eps=eps)
        x = x + branch(norm(x)) if norm_first else norm(x + branch(x))
    return x


def _attended(
    x: Array,
    memory: Array | None,
    w_qkv: Array,
    w_o: Array,
    b_qkv: Array | None,
    b_o: Array | None,
    mask: Array | None,
    padding: Array | None,
    heads: int,
    causal: bool,
) -> Array:
    w, b = list(w_qkv), [None] * 3 if b_qkv is None else list(b_qkv)
    return multi_head_attention(
        x, memory, None, w[0], w[1], w[2], w_o, b[0], b[1], b[2], b_o, mask, padding, heads=heads, causal=causal
    )


def _transformed(x: Array, w1: Array, w2: Array, b1: Array | None, b2: Array | None, activation: str) -> Array:
    return dense({"relu": relu, "gelu": gelu}[activation](dense(x, w1, b1)), w2, b2)
