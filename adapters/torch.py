"""PyTorch."""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd import forward_ad
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from adapters.boundary import as_bits, from_bits
from adapters.torch_choices import chooses as chooses
from adapters.torch_deviations import deviations as deviations
from reference.arithmetic import (
    BFLOAT16,
    FLOAT16,
    FLOAT32,
    FLOAT64,
    Arithmetic,
    Format,
    default_arithmetic,
    wide_arithmetic,
)
from reference.arrays import Padding, Pair, PerAxis, per_axis

formats = ("float64", "float32", "bfloat16", "float16")
CONVOLVE = (F.conv1d, F.conv2d, F.conv3d)  # by the number of spatial axes, less one
composed = (
    "true_convolution",
    "product_pool",
    "residual",
    "basic_block",
    "dense_block",
    "feed_forward",
    "patch_embedding",
    "additive_attention",
    "decoder_step",
    "sinusoidal_encoding",
    "learned_encoding",
    "naive_encoding",
)
conventions = {
    "flop_count": {"operations": 2, "counts_bias": False},  # torch/utils/flop_counter.py, conv_flop_count
    "lp_pool": {"signed": True},  # "at p = 1, one gets Sum Pooling": torch.nn.LPPool1d
    "dropout": {"by_product": True},  # aten/src/ATen/native/Dropout.cpp multiplies by a mask
    # Booleans become 0 and -inf: https://github.com/pytorch/pytorch/issues/101967
    # A row without keys is zero: https://github.com/pytorch/pytorch/pull/133882
    "scaled_dot_product_attention": {"adds_masks": True, "closed_rows": "zero"},
    "multi_head_attention": {"adds_masks": True, "closed_rows": "zero"},
    # "The calculation of new gate subtly differs from the original paper": torch.nn.GRU
    "gru_step": {"reset": "after"},
    "gru": {"reset": "after"},
    "encoder_block": {"adds_masks": True},
    "decoder_block": {"adds_masks": True},
}


# "running_mean and running_var are updated in place": the buffers of torch.nn.BatchNorm2d, when it is trained.
in_place = {"batch_norm": ("running_mean", "running_var")}

DOCS = "https://docs.pytorch.org/docs/stable"
ATEN = "https://github.com/pytorch/pytorch/blob/main/aten/src/ATen"
KERNELS = f"{ATEN}/native"
FUNCTIONAL = f"{DOCS}/generated/torch.nn.functional"
ONE_NUMBER = "https://github.com/pytorch/pytorch/issues/19250"
NOTHING = "the result has no numbers either"

# Invalid problems that have a meaning here.
accepts = {
    "pad": {
        "negative padding": f"it is cut off: {KERNELS}/PadNd.cpp",
        "padding for another number of axes": f"any axis can be padded, channels too: {FUNCTIONAL}.pad.html",
    },
    "convolution": {
        "a signal without a batch": f"it is one sample: {DOCS}/generated/torch.nn.Conv1d.html",
    },
    "product_pool": {
        "negative padding": f"it is cut off: {KERNELS}/PadNd.cpp",
        "padding for another number of axes": f"any axis can be padded, channels too: {FUNCTIONAL}.pad.html",
        "kernel 0": f"a product of no numbers is 1: {DOCS}/generated/torch.prod.html",
    },
    "global_average_pool": {"an empty spatial axis": f"the mean of nothing is NaN: {DOCS}/generated/torch.mean.html"},
    "adaptive_max_pool": {"output size 0": f"{NOTHING}: {KERNELS}/AdaptiveMaxPooling2d.cpp"},
    "adaptive_average_pool": {"output size 0": f"{NOTHING}: {KERNELS}/AdaptiveAveragePooling.cpp, which wants >= 0"},
    "batch_norm": {
        "no value in training": "the running statistics stay: https://github.com/pytorch/pytorch/issues/12013"
    },
    "layer_norm": {"nothing to normalise": f"{NOTHING}: {KERNELS}/layer_norm.cpp"},
    "group_norm": {"nothing to normalise": f"{NOTHING}: {KERNELS}/group_norm.cpp"},
    "instance_norm": {"nothing to normalise": f"{NOTHING}: {KERNELS}/Normalization.cpp"},
    "rms_norm": {"nothing to normalise": f"{NOTHING}: {KERNELS}/layer_norm.cpp"},
    "softmax": {"nothing along the axis": f"{NOTHING}: {KERNELS}/SoftMax.cpp"},
    "log_softmax": {"nothing along the axis": f"{NOTHING}: {KERNELS}/SoftMax.cpp"},
    "dense": {"weights without an axis": f"they are one row: {FUNCTIONAL}.linear.html"},
    "residual": {"a branch with one output for several": f"x + F(x) broadcasts: {DOCS}/notes/broadcasting.html"},
    "decoder_step": {"one bias for several numbers": f"what is composed broadcasts: {DOCS}/notes/broadcasting.html"},
    "additive_attention": dict.fromkeys(
        ("a mask with an axis too many", "a mask of several queries for one"),
        f"what is composed broadcasts: {DOCS}/notes/broadcasting.html",
    ),
    "learned_encoding": {
        "one number for a whole row": f"what is composed broadcasts: {DOCS}/notes/broadcasting.html",
    },
    "scaled_dot_product_attention": {
        "no key": f"a sum of no values, as in the code that it equals: {FUNCTIONAL}.scaled_dot_product_attention.html",
        "one batch of keys and values for several of queries": (
            f"the products broadcast in the code that it equals: {FUNCTIONAL}.scaled_dot_product_attention.html"
        ),
    },
}


def versions() -> dict[str, str]:
    return {"torch": torch.__version__}


def devices() -> list[str]:
    return ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def put(x: np.ndarray[Any, Any], device: str) -> Tensor:
    bits = torch.from_numpy(as_bits(x))
    return (bits.view(torch.bfloat16) if bits.dtype == torch.uint16 else bits).to(device)


def get(y: Tensor) -> np.ndarray[Any, Any]:
    y = y.detach().cpu()
    return from_bits(y.view(torch.uint16).numpy()) if y.dtype == torch.bfloat16 else y.numpy()


def every_second_element(x: Tensor) -> Tensor:
    beside = math.nan if x.is_floating_point() else True if x.dtype == torch.bool else torch.iinfo(x.dtype).max
    around = x.new_full([2 * n for n in x.shape], beside)
    return around[(*[slice(None, None, 2)] * x.ndim, ...)].copy_(x)


def transposed(x: Tensor) -> Tensor:
    backwards = tuple(reversed(range(x.ndim)))
    return x.permute(backwards).contiguous().permute(backwards)


def channels_last(x: Tensor) -> Tensor:
    """Its own memory formats, and what corresponds to them with one spatial axis."""
    if x.ndim in (4, 5):
        return x.contiguous(memory_format=torch.channels_last if x.ndim == 4 else torch.channels_last_3d)
    return x.movedim(1, -1).contiguous().movedim(-1, 1) if x.ndim == 3 else x


def from_the_second_element(x: Tensor) -> Tensor:
    return torch.cat([x.new_zeros(1), x.flatten()])[1:].view(x.shape)


layouts = {  # a stride is never negative
    "every second element": every_second_element,
    "transposed": transposed,
    "channels last": channels_last,
    "from the second element": from_the_second_element,
}


def one_number_everywhere(x: Tensor) -> Tensor:
    """A cotangent of one number over and over, such as that of y.sum(), occupies the place of one."""
    is_one = x.numel() > 1 and bool(((x == x.flatten()[0]) & (x.signbit() == x.flatten()[0].signbit())).all())
    return x.flatten()[0].expand(x.shape) if is_one else x


cotangent_layouts = {"one number everywhere": one_number_everywhere}


def vmap(function: functools.partial[Any], axes: Sequence[int | None]) -> Callable[..., Any]:
    """What is random is the same for each sample, as in a call of one sample alone.

    So are the weights that a layer draws when it is made, and that nobody uses.
    """
    if function.func is batch_norm and function.keywords.get("training"):
        raise NotImplementedError(f"under vmap, shared statistics cannot be updated: {DOCS}/func.batch_norm.html")
    if function.func in (rnn, lstm_step, lstm, gru):
        raise NotImplementedError("aten::lstm has no rule for vmap: https://github.com/pytorch/pytorch/issues/105982")
    mapped = torch.func.vmap(function, in_dims=tuple(axes), randomness="same")
    if function.func is not group_norm:
        return mapped

    def in_one_call(x: Tensor, *affine: Tensor | None) -> Any:
        if affine and x.dtype in (torch.bfloat16, torch.float16):
            raise NotImplementedError(
                "under vmap, weight and bias are two further calls, each of which stores its result in the format: "
                "https://github.com/pytorch/pytorch/blob/main/aten/src/ATen/functorch/BatchRulesNorm.cpp"
            )
        return mapped(x, *affine)

    return in_one_call


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """torch.compile with its default backend, which writes C++ on the CPU.

    Each shape by itself: what is compiled for shapes that vary depends on which were called before.
    """
    if getattr(function, "__name__", "") in ("output_size", "parameter_count", "flop_count"):  # computes no array
        return function
    import torch._inductor.config
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler

    torch._inductor.config.compile_threads = 1  # no pool of processes: others run beside this one
    try:
        get_cpp_compiler()
    except InvalidCxxCompiler as error:
        raise NotImplementedError(f"torch.compile needs a C++ compiler: {DOCS}/torch.compiler_inductor.html") from error
    call = torch.compile(function, dynamic=False)
    return _in_evaluation(function, call) if getattr(function, "__name__", "") in MOMENTS else call


MOMENTS = {"batch_norm": False, "instance_norm": True}  # of channels: whether they are always those of x
WELFORD = "https://github.com/pytorch/pytorch/blob/v2.13.0/torch/_inductor/lowering.py"


def _in_evaluation(function: Callable[..., Any], call: Callable[..., Any]) -> Callable[..., Any]:
    """Moments that each number moves have an error of their own, of which the claims of the eager mode say nothing."""

    @functools.wraps(function)
    def called(*arrays: Any, **options: Any) -> Any:
        if options.get("training", MOMENTS[function.__name__]):
            raise NotImplementedError(f"moments of x are Welford's there, for which nothing is claimed: {WELFORD}")
        return call(*arrays, **options)

    return called


def rest() -> None:
    """Forget what was compiled: after a few shapes a function would not be compiled for another."""
    if "torch._dynamo" in sys.modules:
        torch._dynamo.reset()


modes = {"eager": None, "compiled": compiled}


def gradient(function: Callable[..., Any], wanted: tuple[int, ...]) -> Callable[..., tuple[Tensor, ...]]:
    """Autograd, of the first result."""

    def pulled(cotangent: Tensor, *arrays: Tensor, **options: Any) -> tuple[Tensor, ...]:
        for i in wanted:
            arrays[i].requires_grad_()
        y = function(*arrays, **options)
        y = y[0] if isinstance(y, tuple) else y
        return torch.autograd.grad(y, [arrays[i] for i in wanted], cotangent, allow_unused=True, materialize_grads=True)

    return pulled


def jvp(function: Callable[..., Any], wanted: tuple[int, ...]) -> Callable[..., Tensor]:
    """Forward mode, by dual numbers; what has no formula for it raises NotImplementedError."""

    def pushed(tangents: tuple[Tensor, ...], *arrays: Tensor, **options: Any) -> Tensor:
        with forward_ad.dual_level():
            duals = {i: forward_ad.make_dual(arrays[i], v) for i, v in zip(wanted, tangents, strict=True)}
            y = function(*(duals.get(i, x) for i, x in enumerate(arrays)), **options)
            first, tangent = forward_ad.unpack_dual(y[0] if isinstance(y, tuple) else y)
            return torch.zeros_like(first) if tangent is None else tangent

    return pushed


def arithmetic(primitive: str, device: str, format: Format) -> Arithmetic:
    """What the kernels do inside."""
    match primitive:
        case "batch_norm":  # the statistics that normalise are kept in the format of x
            source = f"{KERNELS}/cpu/batch_norm_kernel.cpp: x alpha + beta, with alpha = gamma invstd"
            return default_arithmetic(format, formulas=("folded",), source=source)
        case "layer_norm" if device == "cpu":  # in float32 inside; low formats fold the mean into a shift
            source = f"{KERNELS}/cpu/layer_norm_kernel.cpp and moments_utils.h: moments by Welford's updates"
            formulas = ("updating",) if format in (FLOAT64, FLOAT32) else ("updating", "folded")
            return wide_arithmetic(format, formulas=formulas, source=source)
        case "group_norm" if device == "cpu":
            source = (
                f"{KERNELS}/cpu/group_norm_kernel.cpp and moments_utils.h: moments by Welford's updates, x scale + "
            )
            source += "bias with scale = gamma rstd"
            return wide_arithmetic(format, formulas=("folded",), source=source)
        case "instance_norm":  # one batch of a sample: what batch_norm does
            source = f"{KERNELS}/Normalization.cpp: batch_norm of (1, N C, *S)"
            return replace(arithmetic("batch_norm", device, format), source=source)
        case "rms_norm":
            source = f"{KERNELS}/layer_norm.cpp: rms_norm_composite, x times a reciprocal root, in float32 at least"
            return wide_arithmetic(format, ulps={"divide": 2}, source=source)
        case "sigmoid":
            source = (
                f"{KERNELS}/cpu/UnaryOpsKernel.cpp: 1 / (1 + exp(-x)), where exp overflows if the result is subnormal"
            )
            # Where a subnormal number of float16 is stored, one that is normal was computed.
            return wide_arithmetic(format, ulps={"expit": 2}, flushes_results=format is not FLOAT16, source=source)
        case "silu":
            source = (
                f"{KERNELS}/cpu/Activation.cpp: x / (1 + exp(-x)), where exp overflows before the result does not count"
            )
            return wide_arithmetic(format, ulps={"expit": 2}, flushes_results=format is not FLOAT16, source=source)
        case "gelu" if format is not FLOAT64 and device == "cpu":
            source = "oneDNN, src/cpu/x64/injectors/jit_uni_eltwise_injector.cpp: erf by polynomials, to 5.72 ulp, "
            source += "and near 0 to a rounding of 1 alone, since the first of them does not vanish there; "
            source += f"elsewhere {ATEN}/cpu/vec/vec512/vec512_float.h: by Abramowitz and Stegun's 7.1.26, to 1.5e-7"
            is_onednn = format is not FLOAT16
            formulas = ("complementary", "by_rational_powers") if is_onednn else ("by_rational_powers",)
            ulps = {"erf": 6.0} if is_onednn else {}
            flush = {"flushes_inputs": format is BFLOAT16, "flushes_results": format is BFLOAT16}
            return wide_arithmetic(format, ulps=ulps, formulas=formulas, **flush, source=source)
        case "lp_pool":  # written in Python: each step is kept in the format of x
            source = "https://github.com/pytorch/pytorch/blob/main/torch/nn/functional.py: an average times its count"
            if device == "cpu":
                source += f"; {VML}, whose square root is within one ulp"
            ulps = {"sqrt": 2.0} if device == "cpu" else {}
            return default_arithmetic(format, formulas=("averaged",), ulps=ulps, source=source)
        case "adaptive_average_pool":  # in three dimensions nothing is wider than x
            source = f"{KERNELS}/AdaptiveAveragePooling3d.cpp: sum / kT / kH / kW, all in the format of x"
            return Arithmetic(format, format, format, ulps={"divide": 3}, source=source)
        case "dropout":
            source = f"{KERNELS}/Dropout.cpp: x times a mask of 1/(1 - p), which is rounded to the format of x"
            return default_arithmetic(format, ulps={"divide": 2}, source=source)
        case "softmax" | "log_softmax":  # the exponentials are kept in the format of x where the axis is not the last
            return default_arithmetic(format)
        case "cross_entropy":
            source = f"{KERNELS}/LossNLL.cpp: a log-softmax in the format of x, whose terms are added up in that format"
            return Arithmetic(format, format, format, source=source)
        case "residual" | "product_pool" | "feed_forward" | "additive_attention":  # each layer stores its result
            return default_arithmetic(format)
        case "scaled_dot_product_attention" | "multi_head_attention":
            claims: dict[str, Any] = {
                "formulas": ("normalised_last", "scaled_first"),
                "source": f"{KERNELS}/cpu/FlashAttentionKernel.cpp: exp_u20, which is of 20 ulp, the sum's reciprocal; "
                f"{KERNELS}/transformers/attention.cpp: the root of the scale in q and in k",
            }
            k = 1 if format is FLOAT64 else 20
            if format in (BFLOAT16, FLOAT16):
                k = 900
                claims["source"] += "; aten/src/ATen/cpu/vec/vec512/vec512_float.h, fexp_u20: 2^f as a cubic in f, "
                claims["source"] += "whose largest error is 1.07e-4, 893 ulp of float32, not the 20 of its name"
            if format is not FLOAT64 and device == "cpu":
                claims["flushes_results"] = True
                claims["source"] += "; exp_u20 scales by 2^(n - 1), which is zero in the last octave of float32"
            if primitive == "multi_head_attention":  # without gradients, every step is stored
                stored = 2 if format in (BFLOAT16, FLOAT16) else k  # whose rounding is far above that of float32
                return default_arithmetic(format, ulps={"exp": stored, "divide": 2}, **claims)
            claims["ulps"] = {"exp": k, "divide": 2}
            if format in (BFLOAT16, FLOAT16) and device == "cpu":
                claims["misses_fixed_points"] = True
                claims["source"] += "; the cubic is no 1 at 0"
            return wide_arithmetic(format, stores_operands=format in (BFLOAT16, FLOAT16), **claims)
        case "rnn_step" | "rnn" | "decoder_step":  # each operation returns its result in the format of x
            return default_arithmetic(format)
        case "encoder_block" | "decoder_block":
            return _arithmetic_of_blocks(device, format)
        case "basic_block" | "dense_block":
            return _arithmetic_of_convolutions(primitive, device, format, arithmetic)
        case "lstm_step" | "lstm" | "gru_step" | "gru":
            gates = arithmetic("sigmoid", device, format)
            claims = {"ulps": gates.ulps, "flushes_results": gates.flushes_results}
            source = gates.source
            if primitive in ("gru_step", "gru"):
                claims["formulas"] = ("interpolated",)
                source += f"; {KERNELS}/RNN.cpp, GRUCell: (h - n) z + n"
            if primitive == "lstm" and format is BFLOAT16 and device == "cpu":
                claims["flushes_inputs"] = True
                source += f"; {KERNELS}/RNN.cpp, use_mkldnn; oneDNN, src/common/bfloat16.cpp, and Intel, VDPBF16PS: "
                source += "subnormals are flushed and read as zero"
            return default_arithmetic(format, **claims, source=source)
        case "dense" if format in (BFLOAT16, FLOAT16) and device == "cpu":
            source = f"{KERNELS}/Linear.cpp: the product is stored before the bias is added, unless addmm can do both"
            if format is BFLOAT16:
                source += (
                    "; oneDNN, src/common/bfloat16.cpp, and Intel, VDPBF16PS: subnormals are flushed and read as zero"
                )
            flushes = format is BFLOAT16
            return default_arithmetic(format, flushes_inputs=flushes, flushes_results=flushes, source=source)
        case "convolution" | "true_convolution" | "patch_embedding" if format is BFLOAT16 and device == "cpu":
            source = "oneDNN, src/common/bfloat16.cpp, and Intel, VDPBF16PS: subnormals are flushed and read as zero"
            source += "; channels are padded to pairs with weights of 0, which meet the numbers that lie behind"
            return wide_arithmetic(
                format, flushes_inputs=True, flushes_results=True, spreads_specials=True, source=source
            )
        case "transposed_convolution" if device == "cpu" and format in (BFLOAT16, FLOAT16):
            source = f"{KERNELS}/NaiveConvolutionTranspose2d.cpp: col2im adds in the format of x; where oneDNN computes"
            source += " bfloat16 (Convolution.cpp, use_mkldnn), subnormals are flushed and read as zero"
            flushes = format is BFLOAT16
            return Arithmetic(
                format,
                format,
                format,
                flushes_inputs=flushes,
                flushes_results=flushes,
                spreads_specials=flushes,
                source=source,
            )
        case "convolution" | "true_convolution" | "transposed_convolution" | "patch_embedding" if (
            format is FLOAT32 and device == "cuda"
        ):
            allowed = torch.backends.cudnn.allow_tf32
            source = f"{DOCS}/notes/cuda.html: cuDNN may use TF32" if allowed else ""
            return wide_arithmetic(format, tensor_float32=allowed, source=source)
        case "dense" if format is FLOAT32 and device == "cuda":
            allowed = torch.backends.cuda.matmul.allow_tf32
            source = f"{DOCS}/notes/cuda.html: cuBLAS was allowed to use TF32" if allowed else ""
            return wide_arithmetic(format, tensor_float32=allowed, source=source)
    return wide_arithmetic(format)


def _arithmetic_of_blocks(device: str, format: Format) -> Arithmetic:
    """What the layers of a block do inside, each of which stores its result.

    In low formats the rounding of what is stored is far above what else their kernels do.
    """
    parts = ("multi_head_attention", "layer_norm", "dense", "gelu")
    attention, norm, dense, gelu = (arithmetic(part, device, format) for part in parts)
    is_low = format in (BFLOAT16, FLOAT16)
    usual = "scaled_first, updating"
    activations = () if is_low else tuple(f"{usual}, {formula}" for formula in gelu.formulas) or (usual,)
    return default_arithmetic(
        format,
        ulps={**attention.ulps, **({} if is_low else gelu.ulps)},
        flushes_inputs=dense.flushes_inputs,
        flushes_results=attention.flushes_results or dense.flushes_results,
        formulas=activations if device == "cpu" else (),
        source="; ".join(part.source for part in (attention, norm, dense, gelu) if part.source),
    )


def _arithmetic_of_convolutions(
    primitive: str, device: str, format: Format, of: Callable[[str, str, Format], Arithmetic]
) -> Arithmetic:
    """What the layers of a residual or dense block do, each of which stores its result; of: what one of them does."""
    layer, norm = of("convolution", device, format), arithmetic("batch_norm", device, format)
    has_norm = primitive == "basic_block"
    return replace(
        default_arithmetic(format),
        accumulate=layer.accumulate,
        flushes_inputs=layer.flushes_inputs,
        flushes_results=layer.flushes_results,
        tensor_float32=layer.tensor_float32,
        formulas=norm.formulas if has_norm else (),
        source="; ".join(part.source for part in (layer, norm)[: 1 + has_norm] if part.source),
    )


def gradient_arithmetic(primitive: str, device: str, format: Format) -> Arithmetic:
    """What the kernels of the way back do inside, where it is not what those of the way forward do."""
    kernels = "https://github.com/pytorch/pytorch/blob/main/aten/src/ATen/native"
    is_low = format in (BFLOAT16, FLOAT16)
    match primitive:
        case "basic_block" | "dense_block":
            return _arithmetic_of_convolutions(primitive, device, format, gradient_arithmetic)
        case "batch_norm":
            source = f"{kernels}/cpu/batch_norm_kernel.cpp stores the statistics of x in the format of x; "
            source += "Normalization.cpp, batch_norm_backward_cpu_template: the rest too, if a cotangent has gaps"
            return default_arithmetic(format, formulas=("stored",), source=source)
        case "layer_norm" if device == "cpu":
            source = f"{kernels}/cpu/layer_norm_kernel.cpp: layer_norm_backward_frame"
            return wide_arithmetic(format, formulas=("updating", "stored"), source=source)
        case "group_norm" if device == "cpu":
            source = f"{kernels}/cpu/group_norm_kernel.cpp: c1 dy + c2 x + c3, from sums of dy x and of dy"
            return wide_arithmetic(format, formulas=("folded", "stored"), source=source)
        case "instance_norm":
            source = f"{kernels}/Normalization.cpp: batch_norm of (1, N C, *S), whose weights are repeated"
            return replace(gradient_arithmetic("batch_norm", device, format), source=source)
        case "rms_norm":
            source = f"{kernels}/layer_norm.cpp: back through rms_norm_composite"
            return wide_arithmetic(format, formulas=("factored",), ulps={"divide": 2}, source=source)
        case "scaled_dot_product_attention" | "multi_head_attention":
            claims = arithmetic(primitive, device, format)
            source = f"{claims.source}; pre_process_group_query_attention_input: keys of groups are copied, and what "
            source += "the copies get is added in the format of x"
            return replace(claims, formulas=(*claims.formulas, "recomputed"), source=source)
        case "product_pool":
            source = "https://github.com/pytorch/pytorch/blob/main/torch/csrc/autograd/FunctionsManual.cpp: "
            source += (
                "prod_backward, g y / x where no number is zero; windows add what they give back in the format of x"
            )
            return Arithmetic(format, format, format, formulas=("divided",), source=source)
        case "sigmoid" if format is FLOAT16 and device == "cpu":
            source = (
                f"{kernels}/cpu/BinaryOpsKernel.cpp: sigmoid_backward_kernel, a (1 - b) b, all in float16, of what "
            )
            source += "the way forward computed in float32"
            return default_arithmetic(format, ulps={"expit": 0.501}, source=source)
        case "lp_pool" if device == "cpu" and is_low:
            claims = arithmetic(primitive, device, format)
            source = (
                f"{claims.source}; {kernels}/cpu/AvgPoolKernel.cpp: cpu_avg_pool2d_backward adds in the format of x"
            )
            return replace(claims, accumulate=format, source=source)
        case "pad" if device == "cpu" and is_low:
            return _added_in(format, f"{kernels}/cpu/PaddingKernel.cpp: cpu_padding_backward")
        case "max_pool" if device == "cpu" and is_low:
            return _added_in(format, f"{kernels}/cpu/MaxPoolKernel.cpp: cpu_max_pool_backward")
        case "adaptive_max_pool" if device == "cpu" and is_low:
            return _added_in(format, f"{kernels}/cpu/AdaptiveMaxPoolKernel.cpp, AdaptiveMaxPooling3d.cpp: the backward")
        case "sum_pool" | "average_pool" if device == "cpu" and is_low:
            return _added_in(format, f"{kernels}/cpu/AvgPoolKernel.cpp: cpu_avg_pool2d_backward")
        case "adaptive_average_pool" if device == "cpu" and is_low:
            return _added_in(format, f"{kernels}/cpu/AdaptiveAvgPoolKernel.cpp: the backward", ulps={"divide": 3})
        case "encoder_block" | "decoder_block" if device == "cpu" and is_low:
            claims = arithmetic(primitive, device, format)
            source = f"{claims.source}; {kernels}/cpu/layer_norm_kernel.cpp: layer_norm_backward_frame adds what "
            source += "weight and bias get in their own format"
            return replace(claims, adds=format, source=source)
        case "embedding" if device == "cpu" and is_low:
            return _added_in(format, f"{kernels}/Embedding.cpp: embedding_dense_backward_cpu")
        case "convolution" | "true_convolution" | "patch_embedding" if device == "cpu" and is_low:
            source = (
                f"{kernels}/ConvolutionMM2d.cpp: the columns, the windows that meet in a number of x and the samples"
            )
            source += " are added in the format of x; where oneDNN computes bfloat16, so is padding that is not zeros"
            flushes = format is BFLOAT16  # as on the way forward
            return Arithmetic(format, format, format, flushes_inputs=flushes, flushes_results=flushes, source=source)
    return arithmetic(primitive, device, format)


def _added_in(format: Format, kernel: str, **claims: Any) -> Arithmetic:
    """What windows give back to a number that they share is added in the format of x."""
    return Arithmetic(format, format, format, source=f"{kernel} adds in the format of x", **claims)


def output_size(size: int, kernel: int, *, stride: int = 1, padding: Pair = (0, 0), dilation: int = 1) -> int:
    """Read off the shape that a convolution would have, without computing it."""
    if size == 0:
        raise NotImplementedError(EMPTY)
    x, w = torch.empty(1, 1, size, device="meta"), torch.empty(1, 1, kernel, device="meta")
    return F.conv1d(x, w, None, stride, _symmetric((padding,)), dilation).shape[-1]


def pad(x: Tensor, *, padding: Sequence[Pair], mode: str = "constant", value: float = 0.0) -> Tensor:
    sides = [side for pair in reversed(padding) for side in pair]  # the last axis comes first
    return F.pad(x, sides, "constant" if mode == "zeros" else mode, value)


def convolution(
    x: Tensor,
    w: Tensor,
    bias: Tensor | None = None,
    *,
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    padding_mode: str = "zeros",
) -> Tensor:
    rank = w.ndim - 2
    if 0 in x.shape[2:]:
        raise NotImplementedError(EMPTY)
    if padding == "same" and max(per_axis(stride, rank)) > 1:
        raise NotImplementedError(f"padding='same' needs stride 1: {DOCS}/generated/torch.nn.Conv2d.html")
    if padding == "full":
        raise NotImplementedError(f'no padding has the name "full": {DOCS}/generated/torch.nn.Conv2d.html')
    sides = padding if isinstance(padding, (int, str)) else _symmetric(padding)
    if padding_mode != "zeros":
        layer = _layer(
            rank, w.shape[1] * groups, *w.shape[:1], tuple(w.shape[2:]), stride, sides, dilation, groups, padding_mode
        )
        return torch.func.functional_call(layer, {"weight": w} if bias is None else {"weight": w, "bias": bias}, x)
    return CONVOLVE[rank - 1](x, w, bias, stride, sides, dilation, groups)


@functools.lru_cache(maxsize=256)
def _layer(rank: int, c: int, o: int, k: tuple[int, ...], *options: Any) -> torch.nn.Module:
    """The layer without its weights: only layers have a padding mode."""
    stride, sides, dilation, groups, mode = options
    kind = (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d)[rank - 1]
    return kind(c, o, k, stride, sides, dilation, groups, bias=False, padding_mode=mode, device="meta")


def transposed_convolution(
    x: Tensor,
    w: Tensor,
    bias: Tensor | None = None,
    *,
    stride: PerAxis = 1,
    padding: int | Sequence[int | Pair] = 0,
    output_padding: PerAxis = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
) -> Tensor:
    sides = padding if isinstance(padding, int) else _symmetric(padding)
    call = (F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d)[w.ndim - 3]
    return call(x, w, bias, stride, sides, output_padding, groups, dilation)


def _symmetric(padding: Sequence[int | Pair], layer: str = "Conv2d") -> tuple[int, ...]:
    sides = [(side, side) if isinstance(side, int) else side for side in padding]
    if any(before != after for before, after in sides):
        raise NotImplementedError(f"both sides of an axis get the same padding: {DOCS}/generated/torch.nn.{layer}.html")
    return tuple(before for before, _ in sides)


def parameter_count(channels: int, outputs: int, *, kernel: Sequence[int], groups: int = 1, bias: bool = True) -> int:
    layer = (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d)[len(kernel) - 1]
    made = layer(channels, outputs, tuple(kernel), groups=groups, bias=bias, device="meta")
    return sum(p.numel() for p in made.parameters())


def flop_count(
    channels: int,
    outputs: int,
    *,
    size: Sequence[int],
    kernel: Sequence[int],
    batch: int = 1,
    stride: PerAxis = 1,
    padding: int | Sequence[int | Pair] = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    bias: bool = True,
) -> int:
    layer = (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d)[len(kernel) - 1]
    sides = padding if isinstance(padding, int) else _symmetric(padding)
    made = layer(channels, outputs, tuple(kernel), stride, sides, dilation, groups, bias)
    with FlopCounterMode(display=False) as counter:
        made(torch.zeros(batch, channels, *size))
    return counter.get_total_flops()


def true_convolution(x: Tensor, w: Tensor, *, mode: str = "full") -> Tensor:
    """There is none; its users turn the kernel round."""
    if mode == "same" and any(k % 2 == 0 for k in w.shape):
        raise NotImplementedError(f"padding='same' puts the odd element after: {DOCS}/generated/torch.nn.Conv2d.html")
    if mode == "valid" and any(k > s for s, k in zip(x.shape, w.shape, strict=True)):
        raise NotImplementedError("the kernel must fit: aten/src/ATen/native/Convolution.cpp, check_shape_forward")
    sides = [k - 1 for k in w.shape] if mode == "full" else mode
    convolve = CONVOLVE[x.ndim - 1]
    return convolve(x[None, None], torch.flip(w, tuple(range(w.ndim)))[None, None], padding=sides)[0, 0]


def max_pool(
    x: Tensor,
    *,
    kernel: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    ceil_mode: bool = False,
) -> Tensor:
    sides = _pooled_sides(x, kernel, padding)
    pool = (F.max_pool1d, F.max_pool2d, F.max_pool3d)[x.ndim - 3]
    return pool(x, kernel, stride, sides, dilation, ceil_mode)


def sum_pool(
    x: Tensor, *, kernel: PerAxis, stride: PerAxis | None = None, padding: Padding = 0, ceil_mode: bool = False
) -> Tensor:
    if x.ndim == 3:
        raise NotImplementedError(f"avg_pool1d has no divisor: {DOCS}/generated/torch.nn.functional.avg_pool1d.html")
    sides = _averaged_sides(x, kernel, padding)
    return (F.avg_pool2d, F.avg_pool3d)[x.ndim - 4](x, kernel, stride, sides, ceil_mode, divisor_override=1)


def product_pool(
    x: Tensor, *, kernel: PerAxis, stride: PerAxis | None = None, padding: Padding = 0, ceil_mode: bool = False
) -> Tensor:
    """There is none; its users unfold the windows, and multiply."""
    if ceil_mode:
        raise NotImplementedError(f"no window sticks out: {DOCS}/generated/torch.Tensor.unfold.html")
    rank = x.ndim - 2
    sides: Any = [padding] * rank if isinstance(padding, int) else padding
    w = pad(x, padding=[(side, side) if isinstance(side, int) else side for side in sides], value=1.0)
    steps = per_axis(kernel if stride is None else stride, rank)
    for axis, (K, s) in enumerate(zip(per_axis(kernel, rank), steps, strict=True), start=2):
        w = w.unfold(axis, K, s)
    return w.flatten(2 + rank).prod(-1)


def average_pool(
    x: Tensor,
    *,
    kernel: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    sides = _averaged_sides(x, kernel, padding)
    pool = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[x.ndim - 3]
    return pool(x, kernel, stride, sides, ceil_mode, count_include_pad)


def lp_pool(
    x: Tensor, *, kernel: PerAxis, stride: PerAxis | None = None, norm_type: float = 2, ceil_mode: bool = False
) -> Tensor:
    _ = _pooled_sides(x, kernel, 0) if norm_type == math.inf else _averaged_sides(x, kernel, 0)
    if x.ndim == 3:  # which multiplies by its kernel, and so takes no tuple
        (kernel,), stride = per_axis(kernel, 1), None if stride is None else per_axis(stride, 1)
    return (F.lp_pool1d, F.lp_pool2d, F.lp_pool3d)[x.ndim - 3](x, norm_type, kernel, stride, ceil_mode)


def _pooled_sides(x: Tensor, kernel: PerAxis, padding: Padding) -> tuple[int, ...]:
    """The padding of a pool, the same on both sides, and at most half of the kernel."""
    rank = x.ndim - 2
    if 0 in x.shape[2:]:
        raise NotImplementedError(f"no empty spatial axis, whatever the padding: {POOLS}")
    given: Any = (padding,) * rank if isinstance(padding, int) else padding
    sides = _symmetric(given, "MaxPool2d")
    if any(2 * side > K for side, K in zip(sides, per_axis(kernel, rank), strict=True)):
        raise NotImplementedError(f"a padding of at most half of the kernel: {POOLS}")
    return sides


def _averaged_sides(x: Tensor, kernel: PerAxis, padding: Padding) -> tuple[int, ...]:
    """The padding of an average, which in three dimensions must not be needed for a window to fit."""
    sides = _pooled_sides(x, kernel, padding)
    if x.ndim == 5 and any(S < K for S, K in zip(x.shape[2:], per_axis(kernel, 3), strict=True)):
        raise NotImplementedError(f"avg_pool3d has no kernel larger than the signal, even if it is padded: {POOLS}")
    return sides


def global_max_pool(x: Tensor) -> Tensor:
    return torch.amax(x, tuple(range(2, x.ndim)), keepdim=True)


def global_average_pool(x: Tensor) -> Tensor:
    return torch.mean(x, tuple(range(2, x.ndim)), keepdim=True)


def adaptive_max_pool(x: Tensor, *, output_size: PerAxis) -> Tensor:
    return (F.adaptive_max_pool1d, F.adaptive_max_pool2d, F.adaptive_max_pool3d)[x.ndim - 3](x, output_size)


def adaptive_average_pool(x: Tensor, *, output_size: PerAxis) -> Tensor:
    return (F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d)[x.ndim - 3](x, output_size)


def batch_norm(
    x: Tensor,
    running_mean: Tensor,
    running_var: Tensor,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    *,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> tuple[Tensor, Tensor, Tensor]:
    y = F.batch_norm(x, running_mean, running_var, weight, bias, training, momentum, eps)
    return y, running_mean, running_var  # which the call has updated in place


GROUP_NORM = "https://github.com/pytorch/pytorch/blob/main/aten/src/ATen/native/group_norm.cpp"


def group_norm(
    x: Tensor, weight: Tensor | None = None, bias: Tensor | None = None, *, groups: int, eps: float = 1e-5
) -> Tensor:
    if x.numel() == groups:
        raise NotImplementedError(f"not one sample of groups of one number: {ONE_NUMBER}")
    if weight is None and bias is not None and bias.requires_grad:
        raise NotImplementedError(f"no gradient of a bias without a weight, which raises: {GROUP_NORM}")
    return F.group_norm(x, groups, weight, bias, eps)


def instance_norm(x: Tensor, weight: Tensor | None = None, bias: Tensor | None = None, *, eps: float = 1e-5) -> Tensor:
    if math.prod(x.shape[2:]) == 1:
        raise NotImplementedError(f"more than one position: {ONE_NUMBER}")
    return F.instance_norm(x, weight=weight, bias=bias, eps=eps)


def rms_norm(x: Tensor, weight: Tensor | None = None, *, axes: int = 1, eps: float = 1e-5) -> Tensor:
    """Its own eps, where none is given, is the machine precision of the format."""
    return F.rms_norm(x, [x.shape[i] for i in range(-axes, 0)], weight, eps)


def dropout(x: Tensor, *, p: float = 0.5, training: bool = True, key: int = 0) -> Tensor:
    if x.device.type == "cuda":
        torch.cuda.manual_seed(key)
    else:
        torch.default_generator.manual_seed(key)
    return F.dropout(x, p, training)


def softmax(x: Tensor, *, axis: int = -1) -> Tensor:
    return F.softmax(x, axis)


def residual(x: Tensor, w1: Tensor, w2: Tensor, b1: Tensor | None = None, b2: Tensor | None = None) -> Tensor:
    return x + F.linear(F.relu(F.linear(x, w1, b1)), w2, b2)


def basic_block(
    x: Tensor,
    w1: Tensor,
    mean1: Tensor,
    var1: Tensor,
    gamma1: Tensor,
    beta1: Tensor,
    w2: Tensor,
    mean2: Tensor,
    var2: Tensor,
    gamma2: Tensor,
    beta2: Tensor,
    w_x: Tensor | None = None,
    mean_x: Tensor | None = None,
    var_x: Tensor | None = None,
    gamma_x: Tensor | None = None,
    beta_x: Tensor | None = None,
    *,
    stride: PerAxis = 1,
    eps: float = 1e-5,
) -> Tensor:
    """As torchvision's BasicBlock, with its activation and its sum in place."""
    convolve = CONVOLVE[x.ndim - 3]
    around = tuple(K // 2 for K in w1.shape[2:])
    y = F.batch_norm(convolve(x, w1, None, stride, around), mean1, var1, gamma1, beta1, eps=eps)
    y = convolve(F.relu(y, inplace=True), w2, None, 1, tuple(K // 2 for K in w2.shape[2:]))
    y = F.batch_norm(y, mean2, var2, gamma2, beta2, eps=eps)
    if w_x is not None:
        x = F.batch_norm(convolve(x, w_x, None, stride), mean_x, var_x, gamma_x, beta_x, eps=eps)
    y += x
    return F.relu(y, inplace=True)


def dense_block(x: Tensor, w1: Tensor, w2: Tensor | None = None, w3: Tensor | None = None) -> Tensor:
    """As torchvision's DenseNet: a list of features, which every layer joins."""
    convolve = CONVOLVE[x.ndim - 3]
    features = [x]
    for w in (w1, w2, w3):
        if w is not None:
            features.append(convolve(F.relu(torch.cat(features, 1)), w, padding=tuple(K // 2 for K in w.shape[2:])))
    return torch.cat(features, 1)


def sinusoidal_encoding(
    t: Tensor, *, d: int, base: float = 10000.0, first_index: int = 0, layout: str = "interleaved"
) -> Tensor:
    wide = torch.promote_types(t.dtype, torch.float32)
    i = torch.arange(2 * first_index, 2 * first_index + d, 2, dtype=wide, device=t.device)
    angle = t.to(wide).unsqueeze(-1) * torch.exp(i * (-math.log(base) / d))
    join = {"halves": torch.cat, "interleaved": torch.stack}[layout]
    return join((angle.sin(), angle.cos()), -1).reshape(*t.shape, d).to(t.dtype)


def learned_encoding(x: Tensor, table: Tensor) -> Tensor:
    return x + F.embedding(torch.arange(x.shape[-2], device=x.device), table)


def naive_encoding(x: Tensor, *, start: int = 0) -> Tensor:
    t = torch.arange(start, start + x.shape[-2], dtype=x.dtype, device=x.device)
    return torch.cat([x, t.unsqueeze(-1).expand(*x.shape[:-1], 1)], -1)


def log_softmax(x: Tensor, *, axis: int = -1) -> Tensor:
    return F.log_softmax(x, axis)


def identity(x: Tensor) -> Tensor:
    y: Tensor = torch.nn.Identity()(x)
    return y


def binary_step(x: Tensor, *, at_zero: float = 1.0) -> Tensor:
    return torch.heaviside(x, x.new_full((), at_zero))


def leaky_relu(x: Tensor, *, slope: float = 0.01) -> Tensor:
    return F.leaky_relu(x, slope)


def silu(x: Tensor) -> Tensor:
    return F.silu(x)


def relu(x: Tensor) -> Tensor:
    return F.relu(x)


def sigmoid(x: Tensor) -> Tensor:
    return torch.sigmoid(x)


def tanh(x: Tensor) -> Tensor:
    return torch.tanh(x)


def gelu(x: Tensor, *, approximate: str = "none") -> Tensor:
    return F.gelu(x, approximate=approximate)


def layer_norm(
    x: Tensor, weight: Tensor | None = None, bias: Tensor | None = None, *, axes: int = 1, eps: float = 1e-5
) -> Tensor:
    return F.layer_norm(x, [x.shape[i] for i in range(-axes, 0)], weight, bias, eps)


def cross_entropy(
    x: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
    reduction: str = "mean",
) -> Tensor:
    return F.cross_entropy(
        x, target, weight, ignore_index=ignore_index, reduction=reduction, label_smoothing=label_smoothing
    )


def embedding(i: Tensor, table: Tensor, *, padding_idx: int | None = None) -> Tensor:
    return F.embedding(i, table, padding_idx)


def patch_embedding(x: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor:
    """As in torchvision.models.VisionTransformer."""
    if any(S % P for S, P in zip(x.shape[2:], w.shape[2:], strict=True)):
        raise ValueError("Wrong image size")
    patches = CONVOLVE[w.ndim - 3](x, w, bias, w.shape[2:])
    return patches.flatten(2).transpose(1, 2)


def feed_forward(x: Tensor, w1: Tensor, w2: Tensor, b1: Tensor | None = None, b2: Tensor | None = None) -> Tensor:
    return F.linear(F.relu(F.linear(x, w1, b1)), w2, b2)


def dense(x: Tensor, w: Tensor, bias: Tensor | None = None) -> Tensor:
    return F.linear(x, w, bias)


def scaled_dot_product_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    mask: Tensor | None = None,
    *,
    causal: bool = False,
    scale: float | None = None,
    grouped: bool = False,
) -> Tensor:
    if causal and mask is not None:
        raise NotImplementedError(
            f"causal or a mask, not both: {DOCS}/generated/torch.nn.functional.scaled_dot_product_attention.html"
        )
    return F.scaled_dot_product_attention(q, k, v, mask, is_causal=causal, scale=scale, enable_gqa=grouped)


def multi_head_attention(
    query: Tensor,
    key: Tensor | None,
    value: Tensor | None,
    w_q: Tensor,
    w_k: Tensor,
    w_v: Tensor,
    w_o: Tensor,
    b_q: Tensor | None = None,
    b_k: Tensor | None = None,
    b_v: Tensor | None = None,
    b_o: Tensor | None = None,
    mask: Tensor | None = None,
    key_padding_mask: Tensor | None = None,
    *,
    heads: int,
    causal: bool = False,
) -> Tensor:
    """torch.nn.MultiheadAttention in evaluation; in its boolean masks true means closed."""
    docs = f"{DOCS}/generated/torch.nn.MultiheadAttention.html"
    if len({*w_q.shape, *w_o.shape}) > 1:
        raise NotImplementedError(f"the projections are as wide as the queries: {docs}")
    key = query if key is None else key
    value = key if value is None else value
    mask = _closed(query, key, mask, heads, causal)
    padding = None if key_padding_mask is None else ~key_padding_mask

    weights = {"out_proj.weight": w_o}
    if w_q.shape == w_k.shape == w_v.shape:
        weights["in_proj_weight"] = torch.cat([w_q, w_k, w_v])
    else:
        weights |= {"q_proj_weight": w_q, "k_proj_weight": w_k, "v_proj_weight": w_v}
    if b_q is not None and b_k is not None and b_v is not None and b_o is not None:
        weights |= {"in_proj_bias": torch.cat([b_q, b_k, b_v]), "out_proj.bias": b_o}
    layer = _attention(w_q.shape[1], heads, b_q is not None, w_k.shape[1], w_v.shape[1])
    options = {"key_padding_mask": padding, "attn_mask": mask, "need_weights": False, "is_causal": causal}
    y: Tensor = torch.func.functional_call(layer, weights, (query, key, value), options)[0]
    return y


@functools.lru_cache(maxsize=256)
def _attention(width: int, heads: int, bias: bool, keys: int, values: int) -> torch.nn.Module:
    """The layer without its weights."""
    return torch.nn.MultiheadAttention(
        width, heads, bias=bias, kdim=keys, vdim=values, batch_first=True, device="meta"
    ).eval()


def rnn_step(
    x: Tensor,
    h: Tensor | None,
    w_x: Tensor,
    w_h: Tensor,
    b_x: Tensor | None = None,
    b_h: Tensor | None = None,
    *,
    nonlinearity: str = "tanh",
) -> Tensor:
    return _cell(torch.nn.RNNCell, x, h, w_x, w_h, (b_x, b_h), nonlinearity=nonlinearity)


def rnn(
    x: Tensor,
    h: Tensor | None,
    w_x: Tensor,
    w_h: Tensor,
    b_x: Tensor | None = None,
    b_h: Tensor | None = None,
    *,
    nonlinearity: str = "tanh",
) -> tuple[Tensor, ...]:
    return _sequence(torch.nn.RNN, x, _layer_of(h), w_x, w_h, (b_x, b_h), nonlinearity=nonlinearity)


def lstm_step(
    x: Tensor,
    h: Tensor | None,
    c: Tensor | None,
    w_x: Tensor,
    w_h: Tensor,
    b_x: Tensor | None = None,
    b_h: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    states = None if h is None or c is None else (h, c)
    return _cell(torch.nn.LSTMCell, x, states, w_x, w_h, (b_x, b_h))


def lstm(
    x: Tensor,
    h: Tensor | None,
    c: Tensor | None,
    w_x: Tensor,
    w_h: Tensor,
    b_x: Tensor | None = None,
    b_h: Tensor | None = None,
) -> tuple[Tensor, ...]:
    states = None if h is None or c is None else (_layer_of(h), _layer_of(c))
    return _sequence(torch.nn.LSTM, x, states, w_x, w_h, (b_x, b_h))


def gru_step(
    x: Tensor,
    h: Tensor | None,
    w_x: Tensor,
    w_h: Tensor,
    b_x: Tensor | None = None,
    b_h: Tensor | None = None,
) -> Tensor:
    return _cell(torch.nn.GRUCell, x, h, w_x, w_h, (b_x, b_h))


def gru(
    x: Tensor,
    h: Tensor | None,
    w_x: Tensor,
    w_h: Tensor,
    b_x: Tensor | None = None,
    b_h: Tensor | None = None,
) -> tuple[Tensor, ...]:
    return _sequence(torch.nn.GRU, x, _layer_of(h), w_x, w_h, (b_x, b_h))


def decoder_step(
    y: Tensor, s: Tensor, c: Tensor, u_y: Tensor, u_s: Tensor, u_c: Tensor, bias: Tensor | None = None
) -> Tensor:
    a = F.linear(c, u_c) + F.linear(y, u_y) + F.linear(s, u_s)
    return torch.tanh(a if bias is None else a + bias)


Biases = tuple[Tensor | None, Tensor | None]
Shapes = tuple[tuple[str, tuple[int, ...]], ...]


def _cell(
    kind: Callable[..., torch.nn.Module], x: Tensor, states: Any, w_x: Tensor, w_h: Tensor, biases: Biases, **how: Any
) -> Any:
    """One step of a layer."""
    weights = _weights(w_x, w_h, biases)
    return torch.func.functional_call(_recurrent(kind, _shapes(weights), **how), weights, (x, states))


def _sequence(
    kind: Callable[..., torch.nn.Module], x: Tensor, states: Any, w_x: Tensor, w_h: Tensor, biases: Biases, **how: Any
) -> tuple[Tensor, ...]:
    """A layer along a sequence, and its last states, which have an axis for the layers there."""
    weights = _weights(w_x, w_h, biases, "_l0")
    layer = _recurrent(kind, _shapes(weights), batch_first=True, **how)
    y, last = torch.func.functional_call(layer, weights, (x, states))
    return y, *(state[0] for state in (last if isinstance(last, tuple) else (last,)))


def _layer_of(state: Tensor | None) -> Tensor | None:
    return None if state is None else state.unsqueeze(0)


def _weights(w_x: Tensor, w_h: Tensor, biases: Biases, suffix: str = "") -> dict[str, Tensor]:
    b_x, b_h = biases
    if (b_x is None) != (b_h is None):
        raise NotImplementedError(f"both biases or none: {DOCS}/generated/torch.nn.RNN.html")
    given = {"weight_ih": w_x, "weight_hh": w_h, "bias_ih": b_x, "bias_hh": b_h}
    return {name + suffix: w for name, w in given.items() if w is not None}


def _shapes(weights: dict[str, Tensor]) -> Shapes:
    return tuple((name, tuple(w.shape)) for name, w in weights.items())


@functools.lru_cache(maxsize=256)
def _recurrent(kind: Callable[..., torch.nn.Module], shapes: Shapes, **how: Any) -> torch.nn.Module:
    """The layer without its weights. It loads those of its own shapes only, which a functional call does not ask."""
    (_, w_x), (_, w_h), *biases = shapes
    layer = kind(w_x[-1], w_h[-1], bias=bool(biases), device="meta", **how)
    layer.load_state_dict({name: torch.empty(shape, device="meta") for name, shape in shapes})
    return layer


def additive_attention(s: Tensor, h: Tensor, w_s: Tensor, w_h: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    e = torch.tanh(F.linear(s, w_s).unsqueeze(-2) + F.linear(h, w_h).unsqueeze(-3)) @ v
    e = e if mask is None else e.masked_fill(~mask, -math.inf)
    return F.softmax(e, -1) @ h


def encoder_block(
    x: Tensor,
    w_qkv: Tensor,
    w_o: Tensor,
    w1: Tensor,
    w2: Tensor,
    gamma1: Tensor,
    gamma2: Tensor,
    b_qkv: Tensor | None = None,
    b_o: Tensor | None = None,
    b1: Tensor | None = None,
    b2: Tensor | None = None,
    beta1: Tensor | None = None,
    beta2: Tensor | None = None,
    mask: Tensor | None = None,
    key_padding_mask: Tensor | None = None,
    *,
    heads: int,
    causal: bool = False,
    **options: Any,
) -> Tensor:
    """torch.nn.TransformerEncoderLayer in evaluation: without gradients, and with biases, by its fast path."""
    layers = {"linear1": (w1, b1), "linear2": (w2, b2), "norm1": (gamma1, beta1), "norm2": (gamma2, beta2)}
    weights = _block_weights({"self_attn": (w_qkv, b_qkv, w_o, b_o)}, layers)
    layer = _block(torch.nn.TransformerEncoderLayer, w_qkv.shape, w1.shape[0], heads, b1 is not None, **options)
    masks = {
        "src_mask": _closed(x, x, mask, heads, causal),
        "src_key_padding_mask": None if key_padding_mask is None else ~key_padding_mask,
        "is_causal": causal,
    }
    y: Tensor = torch.func.functional_call(layer, weights, (x,), masks)
    return y


def decoder_block(
    x: Tensor,
    memory: Tensor,
    w_qkv: Tensor,
    w_o: Tensor,
    u_qkv: Tensor,
    u_o: Tensor,
    w1: Tensor,
    w2: Tensor,
    gamma1: Tensor,
    gamma2: Tensor,
    gamma3: Tensor,
    b_qkv: Tensor | None = None,
    b_o: Tensor | None = None,
    c_qkv: Tensor | None = None,
    c_o: Tensor | None = None,
    b1: Tensor | None = None,
    b2: Tensor | None = None,
    beta1: Tensor | None = None,
    beta2: Tensor | None = None,
    beta3: Tensor | None = None,
    mask: Tensor | None = None,
    key_padding_mask: Tensor | None = None,
    memory_mask: Tensor | None = None,
    memory_key_padding_mask: Tensor | None = None,
    *,
    heads: int,
    causal: bool = True,
    **options: Any,
) -> Tensor:
    """torch.nn.TransformerDecoderLayer in evaluation."""
    attentions = {"self_attn": (w_qkv, b_qkv, w_o, b_o), "multihead_attn": (u_qkv, c_qkv, u_o, c_o)}
    norms = {f"norm{i}": pair for i, pair in enumerate(((gamma1, beta1), (gamma2, beta2), (gamma3, beta3)), 1)}
    weights = _block_weights(attentions, {"linear1": (w1, b1), "linear2": (w2, b2), **norms})
    layer = _block(torch.nn.TransformerDecoderLayer, w_qkv.shape, w1.shape[0], heads, b1 is not None, **options)
    paddings = (None if m is None else ~m for m in (key_padding_mask, memory_key_padding_mask))
    masks = {
        "tgt_mask": _closed(x, x, mask, heads, causal),
        "memory_mask": _closed(x, memory, memory_mask, heads, False),
        **dict(zip(("tgt_key_padding_mask", "memory_key_padding_mask"), paddings, strict=True)),
        "tgt_is_causal": causal,
    }
    y: Tensor = torch.func.functional_call(layer, weights, (x, memory), masks)
    return y


def _block_weights(
    attentions: Mapping[str, tuple[Tensor | None, ...]], layers: Mapping[str, tuple[Tensor, Tensor | None]]
) -> dict[str, Tensor]:
    """The parameters of a block by their names; it has all of its biases, or none."""
    given: dict[str, Tensor | None] = {}
    for name, (w_qkv, b_qkv, w_o, b_o) in attentions.items():
        stacked = {"in_proj_weight": w_qkv, "in_proj_bias": b_qkv}
        given |= {f"{name}.{part}": None if x is None else x.flatten(0, 1) for part, x in stacked.items()}
        given |= {f"{name}.out_proj.weight": w_o, f"{name}.out_proj.bias": b_o}
    for name, (w, b) in layers.items():
        given |= {f"{name}.weight": w, f"{name}.bias": b}
    biases = [x is not None for name, x in given.items() if name.endswith("bias")]
    if any(biases) and not all(biases):
        raise NotImplementedError(f"all biases or none: {DOCS}/generated/torch.nn.TransformerEncoderLayer.html")
    return {name: x for name, x in given.items() if x is not None}


@functools.lru_cache(maxsize=256)
def _block(
    kind: Callable[..., torch.nn.Module],
    shape: tuple[int, ...],
    hidden: int,
    heads: int,
    bias: bool,
    *,
    norm_first: bool = False,
    activation: str = "relu",
    eps: float = 1e-5,
) -> torch.nn.Module:
    """The block without its weights."""
    options = {"activation": activation, "layer_norm_eps": eps, "norm_first": norm_first, "bias": bias}
    return kind(shape[-1], heads, hidden, batch_first=True, device="meta", **options).eval()


def _closed(x: Tensor, memory: Tensor, mask: Tensor | None, heads: int, causal: bool) -> Tensor | None:
    """The mask of torch.nn.MultiheadAttention, one for all or one for each sample and head; true means closed."""
    if causal and mask is not None:
        raise NotImplementedError(f"causal or a mask, not both: {DOCS}/generated/torch.nn.MultiheadAttention.html")
    if causal:
        mask = torch.ones(x.shape[-2], memory.shape[-2], dtype=torch.bool, device=x.device).tril()
    if mask is not None and mask.ndim > 2:
        mask = mask.expand(*x.shape[:-2], heads, *mask.shape[-2:]).flatten(0, -3)
    return ~mask if mask is not None and mask.dtype == torch.bool else mask


EMPTY = "no empty spatial axis, whatever the padding: aten/src/ATen/native/Convolution.cpp"
POOLS = "aten/src/ATen/native/Pool.h"
VML = "aten/src/ATen/cpu/vml.h has Intel's vector mathematics in its mode of high accuracy"
