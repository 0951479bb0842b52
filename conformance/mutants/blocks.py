"""Wrong blocks of the Transformer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from conformance.mutants.base import mutant
from reference import decoder_block, dense, encoder_block, gelu, layer_norm

Block = Callable[..., Any]


def _given(block: Block, arrays: Any) -> dict[str, Any]:
    """The arrays of a call by their names; those that were left out are None."""
    names = [p.name for p in inspect.signature(block).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    return dict.fromkeys(names) | dict(zip(names, arrays, strict=False))


def _changed(block: Block, arrays: Any, options: Any, **changed: Any) -> Any:
    return block(**_given(block, arrays) | changed, **options)


# -- encoder_block -------------------------------------------------------------------------------------


@mutant("encoder_block")
def encoder_with_its_norm_behind(*arrays: Any, **options: Any) -> Any:
    """norm_first is ignored."""
    return encoder_block(*arrays, **options | {"norm_first": False})


@mutant("encoder_block")
def norms_exchanged(*arrays: Any, **options: Any) -> Any:
    """The parameters of both norms, one for the other."""
    a = _given(encoder_block, arrays)
    others = {"gamma1": a["gamma2"], "gamma2": a["gamma1"], "beta1": a["beta2"], "beta2": a["beta1"]}
    return encoder_block(**a | others, **options)


@mutant("encoder_block")
def adds_what_is_normalised(*arrays: Any, **options: Any) -> Any:
    """norm(x) + F(norm(x)): the path of x goes through the first norm."""
    a = _given(encoder_block, arrays)
    y = encoder_block(*arrays, **options)
    if not options.get("norm_first"):
        return y
    attended = _changed(encoder_block, arrays, options, w2=0 * a["w2"], b2=None)
    x = attended - a["x"] + layer_norm(a["x"], a["gamma1"], a["beta1"], eps=options.get("eps", 1e-5))
    return _changed(encoder_block, arrays, options, x=x, w_o=0 * a["w_o"], b_o=None)


@mutant("encoder_block")
def no_way_round_the_feed_forward(*arrays: Any, **options: Any) -> Any:
    """The second of the residual blocks has no path of x, where its norm comes first."""
    a = _given(encoder_block, arrays)
    y = encoder_block(*arrays, **options)
    if not options.get("norm_first"):
        return y
    return y - _changed(encoder_block, arrays, options, w2=0 * a["w2"], b2=None)


@mutant("encoder_block")
def ignores_padding(*arrays: Any, **options: Any) -> Any:
    """Padding is attended to."""
    return _changed(encoder_block, arrays, options, key_padding_mask=None)


@mutant("encoder_block")
def pads_only_where_nothing_is_masked(*arrays: Any, **options: Any) -> Any:
    """A mask, or causality, in place of padding."""
    a = _given(encoder_block, arrays)
    is_masked = a["mask"] is not None or options.get("causal")
    return encoder_block(**a | ({"key_padding_mask": None} if is_masked else {}), **options)


@mutant("encoder_block")
def masks_count_as_boolean(*arrays: Any, **options: Any) -> Any:
    """A mask opens or closes, and whatever number it adds besides is forgotten."""
    a = _given(encoder_block, arrays)
    mask = a["mask"]
    return encoder_block(**a | {"mask": mask if mask is None or mask.dtype == bool else np.isfinite(mask)}, **options)


@mutant("encoder_block")
def always_relu(*arrays: Any, **options: Any) -> Any:
    """The activation is ignored."""
    return encoder_block(*arrays, **options | {"activation": "relu"})


@mutant("encoder_block")
def gelu_by_tanh(*arrays: Any, **options: Any) -> Any:
    """The other form of GELU."""
    a = _given(encoder_block, arrays)
    if options.get("activation") != "gelu":
        return encoder_block(*arrays, **options)
    x = _changed(encoder_block, arrays, options, w2=0 * a["w2"], b2=None)
    y = layer_norm(x, a["gamma2"], a["beta2"], eps=options.get("eps", 1e-5))
    return x + dense(gelu(dense(y, a["w1"], a["b1"]), approximate="tanh"), a["w2"], a["b2"])


@mutant("encoder_block")
def usual_eps(*arrays: Any, **options: Any) -> Any:
    """eps is ignored."""
    return encoder_block(*arrays, **options | {"eps": 1e-5})


@mutant("encoder_block")
def knows_its_positions(*arrays: Any, **options: Any) -> Any:
    """A position is added to each token."""
    a = _given(encoder_block, arrays)
    return encoder_block(**a | {"x": a["x"] + np.arange(a["x"].shape[-2])[:, None] % 2}, **options)


# -- decoder_block -------------------------------------------------------------------------------------


@mutant("decoder_block")
def decoder_with_its_norm_behind(*arrays: Any, **options: Any) -> Any:
    """norm_first is ignored."""
    return decoder_block(*arrays, **options | {"norm_first": False})


@mutant("decoder_block")
def sees_the_future(*arrays: Any, **options: Any) -> Any:
    """The self-attention is not masked."""
    return decoder_block(*arrays, **options | {"causal": False})


@mutant("decoder_block")
def consults_itself(*arrays: Any, **options: Any) -> Any:
    """The second attention goes to x, where the memory is as long."""
    a = _given(decoder_block, arrays)
    return decoder_block(**a | ({"memory": a["x"]} if a["x"].shape == a["memory"].shape else {}), **options)


@mutant("decoder_block")
def consults_causally(*arrays: Any, **options: Any) -> Any:
    """Causality holds for the memory too."""
    a = _given(decoder_block, arrays)
    if a["memory_mask"] is None and options.get("causal", True):
        a["memory_mask"] = np.tri(a["x"].shape[-2], a["memory"].shape[-2], dtype=bool)
        if a["memory_key_padding_mask"] is not None and not a["memory_key_padding_mask"][..., 0].all():
            a["memory_mask"] = None  # no row without a key
    return decoder_block(**a, **options)


@mutant("decoder_block")
def consults_padding(*arrays: Any, **options: Any) -> Any:
    """Padding of the memory is attended to."""
    return _changed(decoder_block, arrays, options, memory_key_padding_mask=None)


@mutant("decoder_block")
def ignores_the_mask_of_the_memory(*arrays: Any, **options: Any) -> Any:
    """The memory is open."""
    return _changed(decoder_block, arrays, options, memory_mask=None)


@mutant("decoder_block")
def later_norms_exchanged(*arrays: Any, **options: Any) -> Any:
    """The parameters of the second and the third norm, one for the other."""
    a = _given(decoder_block, arrays)
    others = {"gamma2": a["gamma3"], "gamma3": a["gamma2"], "beta2": a["beta3"], "beta3": a["beta2"]}
    return decoder_block(**a | others, **options)


@mutant("decoder_block")
def normalises_the_memory(*arrays: Any, **options: Any) -> Any:
    """The memory goes through the second norm as well, where the norm comes first."""
    a = _given(decoder_block, arrays)
    if options.get("norm_first"):
        a["memory"] = layer_norm(a["memory"], a["gamma2"], a["beta2"], eps=options.get("eps", 1e-5))
    return decoder_block(**a, **options)


@mutant("decoder_block")
def consults_first(*arrays: Any, **options: Any) -> Any:
    """The attentions in the other order, where the norm comes first."""
    a = _given(decoder_block, arrays)
    if not options.get("norm_first"):
        return decoder_block(*arrays, **options)
    none = {"w_o": 0 * a["w_o"], "b_o": None}
    x = decoder_block(**a | none | {"w2": 0 * a["w2"], "b2": None}, **options)
    return decoder_block(**a | {"x": x, "u_o": 0 * a["u_o"], "c_o": None}, **options)
