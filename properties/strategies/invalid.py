"""Invalid problems: each is a valid problem of a primitive after one change, which is all that is wrong with it.

A change is given a valid problem and returns an invalid one, or None where it would not be wrong, or not
alone. Its name stands in the extra `wrong`. Activations of each number alone take numbers of any shape, so there
is nothing invalid that they could be given.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from properties.strategies.problems import Pick, Problem, Problems, Spec, remembered
from reference.arrays import per_axis

Change = Callable[[Problem], Problem | None]
Shape = tuple[int, ...]

WORD = "no such word"  # no option has this value


# -- changes -------------------------------------------------------------------------------------------


def _with(p: Problem, options: Mapping[str, Any] | None = None, **arrays: Any) -> Problem:
    """The problem with other options or arrays."""
    return Problem(p.primitive, {**p.arrays, **arrays}, {**p.options, **(options or {})}, p.extras, p.choices)


def _spec(p: Problem, name: str) -> Spec:
    spec = p.arrays[name]
    assert isinstance(spec, Spec)
    return spec


def _shape(p: Problem, name: str = "x") -> Shape:
    return _spec(p, name).shape


def option(name: str, value: Any, where: Callable[[Problem], bool] = lambda p: True) -> Change:
    """An option with another value, or what a function makes of the problem."""
    return lambda p: _with(p, {name: value(p) if callable(value) else value}) if where(p) else None


def shaped(name: str, f: Callable[[Shape], Shape | None]) -> Change:
    """An array of another shape, where it is given and f knows one."""

    def change(p: Problem) -> Problem | None:
        spec = p.arrays[name]
        shape = f(spec.shape) if isinstance(spec, Spec) else None
        if not isinstance(spec, Spec) or shape is None:
            return None
        return _with(p, {}, **{name: replace(spec, shape=shape)})

    return change


def larger(name: str, axis: int, least: int = 0) -> Change:
    """One element more along an axis, where there are at least as many as said."""

    def f(shape: Shape) -> Shape | None:
        if shape[axis] < least:
            return None
        i = axis % len(shape)
        return (*shape[:i], shape[i] + 1, *shape[i + 1 :])

    return shaped(name, f)


def smaller(name: str, axis: int) -> Change:
    """One element less along an axis, where more than one stay.

    Who counts by this array and not by its companion stays inside of the memory of both.
    """

    def f(shape: Shape) -> Shape | None:
        i = axis % len(shape)
        return (*shape[:i], shape[i] - 1, *shape[i + 1 :]) if shape[i] > 2 else None

    return shaped(name, f)


def one_for_all(name: str) -> Change:
    """A single number in place of several; a broadcast would repeat it."""
    return shaped(name, lambda shape: (1,) * len(shape) if math.prod(shape) > 1 else None)


def with_axis(name: str) -> Change:
    """A further axis, of one element."""
    return shaped(name, lambda shape: (*shape, 1))


def empty(name: str, axis: int) -> Change:
    """Nothing along an axis."""
    return shaped(name, lambda shape: tuple(0 if i == axis % len(shape) else n for i, n in enumerate(shape)))


def _rank(p: Problem) -> int:
    return len(_shape(p)) - 2


def _entries(p: Problem, name: str) -> tuple[int, ...]:
    """An option for each spatial axis; a stride that is not given is the kernel."""
    given = p.options.get(name, 1)
    return per_axis(p.options["kernel"] if given is None else given, _rank(p))


def first_entry(name: str, value: int) -> Change:
    """Another value on the first spatial axis."""
    return lambda p: _with(p, {name: (value, *_entries(p, name)[1:])})


def entry_too_many(name: str) -> Change:
    """One entry more than there are spatial axes."""
    return lambda p: _with(p, {name: (*_entries(p, name), _entries(p, name)[-1])})


def both(*changes: Change) -> Change:
    """Two arrays that stay alike are changed together."""

    def change(p: Problem) -> Problem | None:
        for one in changes:
            changed = one(p)
            if changed is None:
                return None
            p = changed
        return p

    return change


def where(condition: Callable[[Problem], Any], change: Change) -> Change:
    """The change, for some problems."""
    return lambda p: change(p) if condition(p) else None


def set_to(**values: Any) -> Callable[[Problem], bool]:
    """Whether options have these values."""
    return lambda p: all(p.options[name] == value for name, value in values.items())


def _is_plain(p: Problem) -> bool:
    """Nothing beyond the signal is seen: so what does not fit does not fit for one reason."""
    unpadded = p.options.get("padding", 0) in (0, "valid") and p.options.get("padding_mode", "zeros") == "zeros"
    return unpadded and not p.options.get("ceil_mode", False)


def _kernel(p: Problem) -> Shape:
    return _shape(p, "w")[2:] if "w" in p.arrays else _entries(p, "kernel")


def _has_room(p: Problem) -> bool:
    """Windows fit also after two elements less on every axis."""
    spans = (d * (K - 1) + 1 for d, K in zip(_entries(p, "dilation"), _kernel(p), strict=True))
    return all(S - 2 >= span for S, span in zip(_shape(p)[2:], spans, strict=True))


def _too_large(p: Problem) -> Problem | None:
    """A kernel with one tap more than the signal has elements on the first axis."""
    first = _shape(p)[2] + 1
    if "w" not in p.arrays:
        return _with(p, {"kernel": (first, *_entries(p, "kernel")[1:])})
    O, C, _, *K = _shape(p, "w")
    return _with(p, w=Spec((O, C, first, *K)))


# -- kinds ---------------------------------------------------------------------------------------------

SLIDING: dict[str, Change] = {
    "stride 0": first_entry("stride", 0),
    "negative stride": first_entry("stride", -1),
    "a stride for another number of axes": entry_too_many("stride"),
}
DILATED: dict[str, Change] = {
    "dilation 0": where(lambda p: _kernel(p)[0] > 1, first_entry("dilation", 0)),
    "dilation 0 of a kernel of one element": where(
        lambda p: _kernel(p)[0] == 1 and not any(p.options.get("output_padding", ())), first_entry("dilation", 0)
    ),
    "a dilation for another number of axes": entry_too_many("dilation"),
}
GROUPED: dict[str, Change] = {
    "groups 0": option("groups", 0),
    "negative groups": option("groups", -1),
    "groups that do not divide the channels": option("groups", lambda p: _shape(p)[1] + 1),
    "wrong channel count": larger("x", 1),
    "a signal with an axis too many": with_axis("x"),
    # Where the batch is as large as there are channels, this could be one signal of higher rank.
    "kernels with an axis too many": where(lambda p: _rank(p) < 3 and _shape(p)[0] != _shape(p)[1], with_axis("w")),
    "an empty kernel": empty("w", 2),
    "bias of another length": larger("bias", 0, least=2),
    "one bias for several channels": one_for_all("bias"),
}
NO_ROOM: dict[str, Change] = {
    "kernel larger than the padded signal": where(_is_plain, _too_large),
    "negative padding": option("padding", lambda p: (-1,) * _rank(p), lambda p: _is_plain(p) and _has_room(p)),
    "padding for another number of axes": option("padding", lambda p: (0,) * (_rank(p) + 1), _is_plain),
}

POOL: dict[str, Change] = {
    **SLIDING,
    "kernel 0": first_entry("kernel", 0),
    "negative kernel": first_entry("kernel", -1),
    "a kernel for another number of axes": entry_too_many("kernel"),
}
ADAPTIVE: dict[str, Change] = {
    "output size 0": first_entry("output_size", 0),
    "negative output size": first_entry("output_size", -1),
    "an output size for another number of axes": entry_too_many("output_size"),
    "an empty spatial axis": empty("x", 2),
}
SOFTMAX: dict[str, Change] = {
    "axis out of range": option("axis", lambda p: len(_shape(p))),
    "negative axis out of range": option("axis", lambda p: -len(_shape(p)) - 1),
    "nothing along the axis": lambda p: empty("x", p.options["axis"])(p),
}
BY_CHANNEL: dict[str, Change] = {
    "weight of another length": larger("weight", 0, least=2),
    "bias of another length": larger("bias", 0, least=2),
    "one weight for several channels": one_for_all("weight"),
    "one bias for several channels": one_for_all("bias"),
}


def _is_bare(p: Problem) -> bool:
    """Whether nothing follows whose shape would be wrong besides."""
    return p.arrays["weight"] is None and p.arrays.get("bias") is None


def _kernel_of(number: Callable[[Problem], int]) -> Change:
    return lambda p: _with(p, kernel=number(p))


def _crossed(p: Problem) -> Problem:
    """A signal that is longer along the first axis and a kernel that is longer along the last."""
    return _with(p, x=Spec((3, *_shape(p)[1:-1], 1)), w=Spec((1, *_shape(p)[1:-1], 3)))


def _batch_of_one(p: Problem) -> Problem | None:
    shape = _shape(p)
    return _with(p, x=Spec((1, shape[1], *[1] * (len(shape) - 2)))) if p.options["training"] else None


def _without_keys(p: Problem) -> Problem | None:
    *B, _, d = _shape(p, "k")
    k, v = Spec((*B, 0, d), moderate=True), Spec((*B, 0, _shape(p, "v")[-1]))
    return _with(p, k=k, v=v) if p.arrays["mask"] is None else None


def _other_batch(*names: str, axis: int = 0) -> Change:
    """Two samples more than the queries have: so a batch of one could not be repeated."""
    return both(*(larger(name, axis, least=2) for name in names))


def _masked(f: Callable[[Shape], Shape | None], like: tuple[str, str], heads: bool = False) -> Change:
    """A boolean mask whose shape is made from that of the scores, where there was none."""

    def change(p: Problem) -> Problem | None:
        q, k = like
        if p.arrays["mask"] is not None or p.options.get("causal"):
            return None
        keys = p.arrays[k]
        *B, T, _ = _shape(p, q)
        S = keys.shape[-2] if isinstance(keys, Spec) else T
        scores = (*B, *([p.options["heads"]] if heads else []), T, S)
        shape = f(scores)
        return None if shape is None else _with(p, mask=Spec(shape, mask="boolean"))

    return change


def _masks(like: tuple[str, str], heads: bool = False) -> dict[str, Change]:
    return {
        "a mask for another number of keys": _masked(
            lambda s: (*s[:-2], s[-2], s[-1] + 1) if s[-1] > 1 else None, like, heads
        ),
        "a mask of several keys for one": _masked(lambda s: (*s[:-2], s[-2], 2) if s[-1] == 1 else None, like, heads),
        "a mask for another number of queries": _masked(lambda s: (*s[:-2], s[-2] + 2, s[-1]), like, heads),
        "a mask with an axis too many": _masked(lambda s: (2, *s), like, heads),
    }


_MORE_QUERIES = _masks(("s", "h"))["a mask for another number of queries"]


def _apart(p: Problem) -> bool:
    """Queries, keys and values are given, each by itself, so that one can change alone."""
    return all(p.arrays[name] is not None for name in ("key", "value"))


def _in_one_batch(p: Problem) -> bool:
    """Queries and keys have the same batch, and no groups of heads."""
    return len(_shape(p, "q")) > 2 and not p.options["grouped"]


def _in_batches(p: Problem) -> bool:
    return len(_shape(p, "query")) > 2


def _recurrence(*states: str, is_step: bool) -> dict[str, Change]:
    """What is wrong with a step, or with a sequence."""
    rank = 1 if is_step else 2
    no_sequence: dict[str, Change] = {
        "no step": empty("x", -2),
        "a single input for a sequence": where(
            lambda p: p.arrays["h"] is None and len(_shape(p)) == rank, shaped("x", lambda shape: shape[1:])
        ),
    }
    return {
        "inputs of another width": larger("x", -1),
        **{f"{name} of another width": larger(name, -1, least=2) for name in states},
        **{
            f"{name} of another batch": where(lambda p: len(_shape(p)) > rank, larger(name, 0, least=2))
            for name in states
        },
        **{f"{name} with other rows": larger(name, 0, least=2) for name in ("w_x", "w_h")},
        "w_h with other columns": where(lambda p: p.arrays["h"] is not None, larger("w_h", -1)),
        **{f"{name} of another length": larger(name, 0, least=2) for name in ("b_x", "b_h")},
        **{f"one number as {name}": one_for_all(name) for name in ("b_x", "b_h")},
        **({} if is_step else no_sequence),
    }


def _classes(p: Problem) -> int:
    """The axis of the scores along which the classes lie."""
    return min(1, len(_shape(p)) - 1)


def _is_of_classes(p: Problem) -> bool:
    return bool(_spec(p, "target").among)


def among(value: Callable[[int], int]) -> Change:
    """Targets that are no class, given how many there are."""
    return lambda p: (
        _with(p, target=replace(_spec(p, "target"), among=(value(_shape(p)[_classes(p)]),)))
        if _is_of_classes(p)
        else None
    )


def _one_class_more(p: Problem) -> Problem | None:
    return larger("target", _classes(p), least=2)(p)


BLOCK: dict[str, Change] = {
    "heads 0": option("heads", 0),
    "heads that do not divide the width": option("heads", lambda p: _shape(p)[-1] + 1),
    "an activation of another name": option("activation", WORD),
    "inputs of another width": larger("x", -1),
    "a hidden layer of another width": larger("w2", -1),
    "a norm of another width": larger("gamma1", 0),
    "a padding mask for another number of tokens": larger("key_padding_mask", -1, least=2),
}


def _no_projection(p: Problem) -> bool:
    return p.arrays["w_x"] is None


INVALID: dict[str, dict[str, Change]] = {
    "output_size": {
        "kernel 0": _kernel_of(lambda p: 0),
        "stride 0": option("stride", 0),
        "dilation 0": option("dilation", 0),
        "negative stride": option("stride", -1),
        "negative padding": where(
            set_to(padding=(0, 0), dilation=1),
            where(lambda p: p.arrays["size"] >= p.arrays["kernel"] + 2, option("padding", (-1, -1))),  # type: ignore[operator]  # both are integers
        ),
        "negative size": where(set_to(padding=(2, 2), dilation=1), lambda p: _with(p, size=-1, kernel=1)),
        "kernel larger than the padded signal": _kernel_of(lambda p: p.arrays["size"] + sum(p.options["padding"]) + 1),
    },
    "pad": {
        "unknown mode": option("mode", WORD),
        "negative padding": option(
            "padding",
            lambda p: ((-1, -1),) * _rank(p),
            lambda p: p.options["mode"] == "constant" and min(_shape(p)[2:]) > 2,
        ),
        "padding for another number of axes": where(
            set_to(mode="constant"), option("padding", lambda p: (*p.options["padding"], (1, 1)))
        ),
        "reflect padding as large as the signal": where(
            set_to(mode="reflect"), option("padding", lambda p: tuple((S, S) for S in _shape(p)[2:]))
        ),
        "circular padding larger than the signal": where(
            set_to(mode="circular"), option("padding", lambda p: tuple((S + 1, S + 1) for S in _shape(p)[2:]))
        ),
        "an empty axis replicated": where(
            lambda p: p.options["mode"] == "replicate" and any(p.options["padding"][0]), empty("x", 2)
        ),
    },
    "convolution": {
        **SLIDING,
        **DILATED,
        **GROUPED,
        **NO_ROOM,
        "outputs that the groups do not divide": where(
            lambda p: p.options["groups"] > 1 and p.arrays["bias"] is None, larger("w", 0)
        ),
        "a signal without a batch": where(
            lambda p: p.options["padding_mode"] == "zeros", shaped("x", lambda shape: shape[1:])
        ),
        "unknown padding mode": option("padding_mode", WORD),
        "unknown padding": option("padding", WORD),
        "reflect padding as large as the signal": where(
            set_to(padding_mode="reflect"), option("padding", lambda p: _shape(p)[2:])
        ),
        "circular padding larger than the signal": where(
            set_to(padding_mode="circular"), option("padding", lambda p: tuple(S + 1 for S in _shape(p)[2:]))
        ),
    },
    "transposed_convolution": {
        **SLIDING,
        **DILATED,
        **GROUPED,
        "negative padding": where(_is_plain, option("padding", lambda p: (-1,) * _rank(p))),
        "padding for another number of axes": option("padding", lambda p: (0,) * (_rank(p) + 1), _is_plain),
        "padding larger than the result": option("padding", lambda p: (100,) * _rank(p)),
        "output padding not below stride or dilation": option(
            "output_padding",
            lambda p: tuple(map(max, zip(_entries(p, "stride"), _entries(p, "dilation"), strict=True))),
        ),
        "negative output padding": where(lambda p: min(_kernel(p)) > 1, first_entry("output_padding", -1)),
        "an empty signal": where(lambda p: _is_plain(p) and max(p.options["output_padding"]) == 0, empty("x", 2)),
    },
    "true_convolution": {
        "unknown mode": option("mode", WORD),
        "an empty signal": empty("x", 0),
        "an empty kernel": empty("w", 0),
        "a kernel with an axis too many": with_axis("w"),
        "valid, where neither holds the other": where(
            lambda p: set_to(mode="valid")(p) and len(_shape(p)) > 1 and _shape(p) != _shape(p, "w"), _crossed
        ),
    },
    "toeplitz": {
        "an empty column": empty("c", -1),
        "an empty row": empty("r", -1),
        "rows of another number": where(lambda p: len(_shape(p, "c")) > 1, larger("r", 0, least=2)),
    },
    "parameter_count": {
        "groups 0": option("groups", 0),
        "groups that do not divide the channels": option("groups", lambda p: p.arrays["channels"] + 1),
    },
    "flop_count": {
        "groups 0": option("groups", 0),
        "groups that do not divide the channels": option("groups", lambda p: p.arrays["channels"] + 1),
        "stride 0": option("stride", lambda p: (0,) * len(p.options["kernel"])),
        "kernel larger than the padded signal": option(
            "kernel", lambda p: tuple(n + 9 for n in p.options["size"]), set_to(padding=0)
        ),
    },
    "max_pool": {**POOL, **DILATED, **NO_ROOM},
    "sum_pool": {**POOL, **NO_ROOM},
    "product_pool": {
        **POOL,
        **NO_ROOM,
        "kernel 0": where(lambda p: p.options["stride"] is not None, first_entry("kernel", 0)),  # which is no stride
    },
    "average_pool": {**POOL, **NO_ROOM},
    "lp_pool": {
        **POOL,
        "kernel larger than the padded signal": NO_ROOM["kernel larger than the padded signal"],
        "norm 0": option("norm_type", 0),
    },
    "global_max_pool": {"an empty spatial axis": empty("x", 2)},
    "global_average_pool": {"an empty spatial axis": empty("x", 2)},
    "adaptive_max_pool": ADAPTIVE,
    "adaptive_average_pool": ADAPTIVE,
    "batch_norm": {
        "negative eps": option("eps", -1.0),
        **BY_CHANNEL,
        "running mean of another length": larger("running_mean", 0, least=2),
        "running variance of another length": larger("running_var", 0, least=2),
        "one running mean for several channels": one_for_all("running_mean"),
        "one running variance for several channels": one_for_all("running_var"),
        "one value a channel in training": _batch_of_one,
        "no value in training": where(set_to(training=True), empty("x", 0)),
        "a signal without channels": where(
            lambda p: len(_shape(p)) == 2 and 1 < _shape(p)[1] != _shape(p)[0] > 1 and not p.options["training"],
            shaped("x", lambda shape: shape[:1]),
        ),
    },
    "layer_norm": {
        "negative eps": option("eps", -1.0),
        "axes 0": where(_is_bare, option("axes", 0)),
        "more axes than there are": option("axes", lambda p: len(_shape(p)) + 1, _is_bare),
        "nothing to normalise": where(_is_bare, empty("x", -1)),
        "weight of another shape": larger("weight", -1, least=2),
        "bias of another shape": larger("bias", -1, least=2),
        "one weight for several numbers": one_for_all("weight"),
        "one bias for several numbers": one_for_all("bias"),
        "weight with an axis too many": shaped("weight", lambda shape: (1, *shape)),
    },
    "group_norm": {
        "negative eps": option("eps", -1.0),
        "groups 0": option("groups", 0),
        "negative groups": option("groups", -1),
        "groups that do not divide the channels": option("groups", lambda p: _shape(p)[1] + 1),
        "nothing to normalise": where(lambda p: len(_shape(p)) > 2, empty("x", -1)),
        **BY_CHANNEL,
    },
    "instance_norm": {
        "negative eps": option("eps", -1.0),
        "nothing to normalise": empty("x", -1),
        "no position": shaped("x", lambda shape: shape[:2]),
        **BY_CHANNEL,
    },
    "rms_norm": {
        "negative eps": option("eps", -1.0),
        "axes 0": where(_is_bare, option("axes", 0)),
        "more axes than there are": option("axes", lambda p: len(_shape(p)) + 1, _is_bare),
        "nothing to normalise": where(_is_bare, empty("x", -1)),
        "weight of another shape": larger("weight", -1, least=2),
        "one weight for several numbers": one_for_all("weight"),
        "weight with an axis too many": shaped("weight", lambda shape: (1, *shape)),
    },
    "dropout": {
        "p below 0": option("p", -0.5),
        "p above 1": option("p", 1.5),
        "p that is no number": option("p", math.nan),
    },
    "gelu": {"unknown approximation": option("approximate", WORD)},
    "softmax": SOFTMAX,
    "log_softmax": SOFTMAX,
    "cross_entropy": {
        "a class too many": among(lambda C: C),
        "a class below 0": among(lambda C: -1),
        "targets of another number": where(lambda p: len(_shape(p, "target")) > 0, larger("target", 0, least=2)),
        "one target for several samples": where(_is_of_classes, one_for_all("target")),
        "probabilities of another number of classes": where(lambda p: not _is_of_classes(p), _one_class_more),
        "weights of another number": where(lambda p: not _is_of_classes(p), larger("weight", 0, least=2)),
        "weights of another number than classes": where(_is_of_classes, larger("weight", 0, least=2)),
        "one weight for several classes": where(_is_of_classes, one_for_all("weight")),
        "a negative share of smoothing": option("label_smoothing", -0.5),
        "more smoothing than there is": option("label_smoothing", 1.5),
        "unknown reduction": option("reduction", WORD),
    },
    "embedding": {
        "an index too large": lambda p: _with(p, i=replace(_spec(p, "i"), among=(_shape(p, "table")[0],))),
        "an index below 0": lambda p: _with(p, i=replace(_spec(p, "i"), among=(-1,))),
        "a table of one axis": where(set_to(padding_idx=None), shaped("table", lambda shape: shape[:1])),
        "padding that is no row": option("padding_idx", lambda p: _shape(p, "table")[0]),
    },
    "patch_embedding": {
        "an image that patches do not tile": where(lambda p: _shape(p, "w")[2] > 1, larger("x", 2)),
        "weights for another number of channels": larger("w", 1),
        "patches of another number of axes": with_axis("w"),
        "bias of another length": larger("bias", 0, least=2),
        "one bias for several outputs": one_for_all("bias"),
    },
    "feed_forward": {
        "inputs of another width": larger("x", -1),
        "layers that do not fit together": larger("w2", 1),
        "one bias inside for several": one_for_all("b1"),
        "one bias for several outputs": one_for_all("b2"),
    },
    "dense": {
        "inputs of another width": larger("x", -1),
        "one input for several weights": where(
            lambda p: _shape(p, "w")[1] > 1, shaped("x", lambda shape: (*shape[:-1], 1))
        ),
        "weights without an axis": where(lambda p: p.arrays["bias"] is None, shaped("w", lambda shape: shape[1:])),
        "weights with an axis too many": with_axis("w"),
        "bias of another length": larger("bias", 0, least=2),
        "one bias for several outputs": one_for_all("bias"),
        "bias with an axis too many": shaped("bias", lambda shape: (1, *shape)),
    },
    "rnn_step": {**_recurrence("h", is_step=True), "unknown nonlinearity": option("nonlinearity", WORD)},
    "rnn": {**_recurrence("h", is_step=False), "unknown nonlinearity": option("nonlinearity", WORD)},
    "lstm_step": _recurrence("h", "c", is_step=True),
    "lstm": _recurrence("h", "c", is_step=False),
    "gru_step": _recurrence("h", is_step=True),
    "gru": _recurrence("h", is_step=False),
    "decoder_step": {
        **{f"{name} of another width": larger(name, -1) for name in ("y", "s", "c")},
        **{
            f"{name} of another batch": where(lambda p: len(_shape(p, "y")) > 1, larger(name, 0, least=2))
            for name in ("s", "c")
        },
        **{f"u_{name} with other rows": larger(f"u_{name}", 0, least=2) for name in ("y", "s", "c")},
        "bias of another length": larger("bias", 0, least=2),
        "one bias for several numbers": one_for_all("bias"),
    },
    "basic_block": {
        "kernels of another number of channels": larger("w1", 1),
        "later kernels of another number of channels": larger("w2", 1),
        "a stride without a projection": where(
            lambda p: _no_projection(p) and max(_shape(p)[2:]) > 2, option("stride", 2)
        ),
        "a stride that leaves one position": where(
            lambda p: _no_projection(p) and max(_shape(p)[2:]) > 2, option("stride", 4)
        ),
        "a projection of another number of channels": larger("w_x", 1),
        "a running mean of another length": larger("mean1", 0, least=2),
        "one weight for several channels": one_for_all("gamma2"),
        "kernels with an axis too many": with_axis("w2"),
        "stride 0": option("stride", 0),
        "negative eps": option("eps", -1.0),
    },
    "dense_block": {
        "kernels of another number of channels": larger("w1", 1),
        "later kernels that see the newest alone": where(
            lambda p: p.arrays["w2"] is not None and _shape(p)[1] + _shape(p, "w1")[0] > 2,
            lambda p: _with(p, {}, w2=replace(_spec(p, "w2"), shape=(1, *_shape(p, "w1")[:1], *_shape(p, "w2")[2:]))),
        ),
        "later kernels with an axis too many": with_axis("w2"),
        "x without a batch": shaped("x", lambda shape: shape[1:]),
    },
    "residual": {
        "one number for the width of the branch": one_for_all("b1"),
        "one number for the width of x": one_for_all("b2"),
        "a branch with one output for several": where(
            lambda p: p.arrays["b2"] is None and _shape(p)[-1] > 1, shaped("w2", lambda shape: (1, shape[1]))
        ),
        "weights with an axis too many": with_axis("w1"),
        "x without an axis": shaped("x", lambda shape: ()),
    },
    "scaled_dot_product_attention": {
        "keys of another width": larger("k", -1, least=1),
        "values of another number": smaller("v", -2),
        "one value for several keys": where(
            lambda p: _shape(p, "k")[-2] > 1, shaped("v", lambda shape: (*shape[:-2], 1, shape[-1]))
        ),
        "keys and values of another batch": where(
            lambda p: _in_one_batch(p) and p.arrays["mask"] is None, _other_batch("k", "v")
        ),
        "values of another batch": where(lambda p: _in_one_batch(p) and p.arrays["mask"] is None, _other_batch("v")),
        "one batch of keys and values for several of queries": where(
            lambda p: _in_one_batch(p) and _shape(p, "q")[0] > 1,
            both(*(shaped(name, lambda shape: (1, *shape[1:])) for name in ("k", "v"))),
        ),
        "no key": _without_keys,
        "heads that their groups do not divide": where(
            lambda p: p.options["grouped"] and _shape(p, "k")[-3] > 1 and not p.arrays["mask"], larger("q", -3)
        ),
        **_masks(("q", "k")),
    },
    "additive_attention": {
        "states of another width": larger("s", -1, least=2),
        "states of the encoder of another width": larger("h", -1, least=2),
        "states of another batch": where(lambda p: len(_shape(p, "s")) > 2 and not p.arrays["mask"], _other_batch("h")),
        "layers of different widths": larger("w_s", 0, least=2),
        "a direction of another length": larger("v", 0, least=2),
        **_masks(("s", "h")),
        "a mask for another number of queries": where(lambda p: _shape(p, "s")[-2] != 1, _MORE_QUERIES),
        "a mask of several queries for one": where(lambda p: _shape(p, "s")[-2] == 1, _MORE_QUERIES),
    },
    "learned_encoding": {
        "more tokens than rows": where(lambda p: _shape(p)[-2] > 2, shaped("table", lambda shape: (2, *shape[1:]))),
        "one row for several tokens": where(
            lambda p: _shape(p)[-2] > 1, shaped("table", lambda shape: (1, *shape[1:]))
        ),
        "rows of another width": larger("table", -1, least=2),
        "one number for a whole row": where(
            lambda p: _shape(p)[-1] > 1, shaped("table", lambda shape: (*shape[:1], 1))
        ),
        "a table with an axis too many": shaped("table", lambda shape: (*shape[:1], 2, *shape[1:])),
    },
    "naive_encoding": {"a token by itself": where(lambda p: len(_shape(p)) == 2, shaped("x", lambda shape: shape[1:]))},
    "multi_head_attention": {
        "heads 0": option("heads", 0),
        "heads that do not divide the projections": option("heads", lambda p: _shape(p, "w_q")[0] + 1),
        "queries of another width": where(_apart, larger("query", -1, least=2)),
        "keys of another width": where(_apart, larger("key", -1, least=2)),
        "values of another width": where(_apart, larger("value", -1, least=2)),
        "queries with one number for several weights": where(
            lambda p: _apart(p) and _shape(p, "query")[-1] > 1, shaped("query", lambda shape: (*shape[:-1], 1))
        ),
        "values of another number": where(_apart, smaller("value", -2)),
        "keys and values of another batch": where(
            lambda p: _apart(p) and _in_batches(p) and not (p.arrays["mask"] or p.arrays["key_padding_mask"]),
            _other_batch("key", "value"),
        ),
        "an output projection of another width": larger("w_o", -1, least=2),
        **{f"{name} of another length": larger(name, 0, least=2) for name in ("b_q", "b_k", "b_v", "b_o")},
        **{
            f"one number as {name}": where(lambda p: p.options["heads"] > 1, one_for_all(name))
            for name in ("b_q", "b_k", "b_v", "b_o")
        },
        "a padding mask for another number of keys": larger("key_padding_mask", -1, least=2),
        **_masks(("query", "key"), heads=True),
    },
    "encoder_block": BLOCK,
    "decoder_block": {
        **BLOCK,
        "a memory of another width": larger("memory", -1, least=2),
        "a padding mask for another memory": larger("memory_key_padding_mask", -1, least=2),
    },
    "sinusoidal_encoding": {
        "odd d": option("d", lambda p: p.options["d"] - 1),
        "d 0": option("d", 0),
        "negative d": option("d", -2),
        "unknown layout": option("layout", WORD),
        "base 0": option("base", 0.0),
        "negative base": option("base", -2.0),
    },
}


# -- problems ------------------------------------------------------------------------------------------

EACH = 8  # invalid problems of a kind in a pool of breadth 1
SEEDS = range(20)  # of pools in which a valid problem for a change is looked for


@dataclass(frozen=True)
class InvalidProblems(Problems):
    """Every problem of a primitive made invalid, in every way."""

    valid: Problems | None = None
    changes: Mapping[str, Change] = field(default_factory=dict, hash=False)

    def pool(self, breadth: float, seed: int) -> list[Problem]:
        """A few problems of each kind, of which none is empty by itself."""
        n = max(1, round(EACH * breadth))
        found = (_spread(_changed(self, i, seed), n) for i in range(len(self.changes)))
        return list(itertools.chain.from_iterable(found))


def invalids(problems: Problems) -> InvalidProblems | None:
    """The invalid problems of a primitive; None if there are none."""
    changes = INVALID.get(problems.primitive)
    if changes is None:
        return None

    def build(pick: Pick) -> Problem:
        i = pick.size(range(len(changes)))
        changed = _wrong(made, i, problems.built(pick))
        return _changed(made, i, 0)[0] if changed is None else changed

    made = InvalidProblems(problems.primitive, build, ("normal",), valid=problems, changes=changes)
    return made


def _wrong(problems: InvalidProblems, i: int, valid: Problem) -> Problem | None:
    """A valid problem after the i-th change."""
    name, change = list(problems.changes.items())[i]
    if valid.is_empty or (p := change(valid)) is None:
        return None
    return Problem(p.primitive, p.arrays, p.options, {"wrong": name}, (i, *valid.choices))


@remembered
def _changed(problems: InvalidProblems, i: int, seed: int) -> list[Problem]:
    """The i-th change to every problem of a pool that it concerns, or of the next one that has any."""

    def found(seed: int) -> Iterator[Problem]:
        assert problems.valid is not None
        for valid in problems.valid.pool(1.0, seed):
            if (changed := _wrong(problems, i, valid)) is not None:
                yield changed

    return next(filter(None, (list(found(seed + further)) for further in SEEDS)))


def _spread(problems: list[Problem], n: int) -> list[Problem]:
    """At most n of the problems, the first one and others at equal distances."""
    return problems[:: -(-len(problems) // n)][:n]
