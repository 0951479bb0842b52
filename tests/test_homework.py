"""A student's file: a correct one passes, and one wrong line is found at smoke depth, in small numbers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from reference import PRIMITIVES
from tests.runs import results, run

HOMEWORK = Path(__file__).parent / "homework.py"


@dataclass(frozen=True)
class Mistake:
    """One line of the correct file, what the student wrote instead, and the checks that must reject it."""

    primitive: str
    right: str
    wrong: str
    checks: tuple[str, ...]


MISTAKES = {
    "softmax_without_its_shift": Mistake(
        "softmax",
        "e = np.exp(x - x.max(axis=axis, keepdims=True))",
        "e = np.exp(x)",
        ("VALUES softmax", "SOFT-2 shift_invariance"),
    ),
    "flipped_kernel": Mistake(
        "convolution",
        "rank = w.ndim - 2",
        "rank = w.ndim - 2; w = np.flip(w, tuple(range(2, w.ndim)))",
        ("VALUES convolution", "CONV-9 delta_kernel_shifts"),
    ),
    "padding_on_one_side": Mistake(
        "convolution",
        "x = np.pad(x, [(0, 0), (0, 0)] + [tuple(p) for p in padding])\n",
        "x = np.pad(x, [(0, 0), (0, 0)] + [(sum(p), 0) for p in padding])\n",
        ("VALUES convolution", "CONV-17 padding_first"),
    ),
    "ceil_for_floor": Mistake(
        "output_size",
        "return math.floor((size + padding[0] + padding[1] - dilation * (kernel - 1) - 1) / stride) + 1",
        "return math.ceil((size + padding[0] + padding[1] - dilation * (kernel - 1) - 1) / stride) + 1",
        ("VALUES output_size",),
    ),
    "transposed_without_its_stride": Mistake(
        "transposed_convolution",
        "places = tuple(slice(i * s, i * s + span, d)",
        "places = tuple(slice(i, i + span, d)",
        ("VALUES transposed_convolution", "CONV-13 adjoint"),
    ),
    "transposed_overwrites_what_overlaps": Mistake(
        "transposed_convolution",
        "*places)] += x[",
        "*places)] = x[",
        ("VALUES transposed_convolution", "CONV-13 adjoint"),
    ),
    "transposed_with_the_kernel_turned": Mistake(
        "transposed_convolution",
        "x[(n, channel, *at)] * w[channel]",
        "x[(n, channel, *at)] * np.flip(w[channel], tuple(range(1, axes + 1)))",
        ("VALUES transposed_convolution", "CONV-21 transposed_impulse_gives_the_taps"),
    ),
    "dropout_without_rescaling": Mistake(
        "dropout",
        "np.where(keep, x / (1 - p), 0)",
        "np.where(keep, x, 0)",
        ("VALUES dropout", "DROP-2 zero_or_rescaled"),
    ),
    "residual_that_forgets_x": Mistake(
        "residual",
        "return x + branch",
        "return branch",
        ("VALUES residual", "RES-1 nothing_to_add", "RES-3 stacks_compose", "RES-6 the_branch_is_added"),
    ),
    "a_dense_block_that_puts_the_newest_first": Mistake(
        "dense_block",
        '[x, convolution(relu(x), w, padding="same")]',
        '[convolution(relu(x), w, padding="same"), x]',
        ("VALUES dense_block", "RES-5 the_input_comes_first"),
    ),
    "swapped_sines_and_cosines": Mistake(
        "sinusoidal_encoding",
        "np.sin(angle), np.cos(angle)",
        "np.cos(angle), np.sin(angle)",
        ("VALUES sinusoidal_encoding", "POS-1 an_offset_is_a_rotation", "POS-4 start"),
    ),
    "loss_that_counts_what_is_ignored": Mistake(
        "cross_entropy",
        "label_smoothing / C) * log_p, axis=-1) * kept",
        "label_smoothing / C) * log_p, axis=-1)",
        ("VALUES cross_entropy",),
    ),
    "eps_outside_the_root_of_batch_norm": Mistake(
        "batch_norm",
        "np.sqrt(var.reshape(shape) + eps)",
        "(np.sqrt(var.reshape(shape)) + eps)",
        ("VALUES batch_norm", "NORM-1 standardised"),
    ),
    "eps_outside_the_root_of_layer_norm": Mistake(
        "layer_norm",
        "np.sqrt((centred**2).mean(axis=over, keepdims=True) + eps)",
        "(np.sqrt((centred**2).mean(axis=over, keepdims=True)) + eps)",
        ("VALUES layer_norm", "NORM-1 samples_are_standardised"),
    ),
    "layer_norm_over_the_wrong_axis": Mistake(
        "layer_norm",
        "over = tuple(range(x.ndim - axes, x.ndim))",
        "over = tuple(range(axes))",
        ("VALUES layer_norm", "NORM-5 samples_are_separate"),
    ),
    "pool_that_lets_padding_win": Mistake(
        "max_pool", ", fill=-np.inf)", ")", ("VALUES max_pool", "POOL-11 padding_never_wins")
    ),
    "product_that_pads_with_zeros": Mistake("product_pool", ", fill=1)", ")", ("VALUES product_pool",)),
    "average_that_counts_padding": Mistake(
        "average_pool",
        "pooled(np.nanmean, x, kernel, stride, padding, fill=np.nan)",
        "pooled(np.mean, x, kernel, stride, padding)",
        ("VALUES average_pool", "POOL-7 average_keeps_constants"),
    ),
    "mask_after_the_softmax": Mistake(
        "scaled_dot_product_attention",
        "weights = np.exp(scores - scores.max(axis=-1, keepdims=True))\n    return np.matmul(weights / weights.sum",
        "closed = np.isneginf(scores); scores = np.matmul(q, np.swapaxes(k, -1, -2)) * scale\n"
        "    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))\n"
        "    return np.matmul(np.where(closed, 0, weights) / weights.sum",
        ("VALUES scaled_dot_product_attention", "ATT-1 weights_sum_to_one"),
    ),
    "one_over_d": Mistake(
        "scaled_dot_product_attention",
        "scale = 1 / math.sqrt(q.shape[-1])",
        "scale = 1 / q.shape[-1]",
        ("VALUES scaled_dot_product_attention", "ATT-19 usual_scale"),
    ),
    "heads_in_the_wrong_order": Mistake(
        "multi_head_attention",
        "np.concatenate(outputs, axis=-1)",
        "np.concatenate(outputs[::-1], axis=-1)",
        ("VALUES multi_head_attention", "ATT-13 heads_are_concatenated"),
    ),
    "biased_running_variance": Mistake(
        "batch_norm", "x.var(axis=axes, ddof=1)", "x.var(axis=axes)", ("VALUES batch_norm",)
    ),
}


def tried(file: Path, report: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """The exit status and the results of a run at smoke depth, in a process of its own."""
    return run(file, *arguments, report=report).returncode, results(report)


def with_mistakes(file: Path, *mistakes: Mistake) -> Path:
    """The correct file with some lines wrong."""
    text = HOMEWORK.read_text()
    for mistake in mistakes:
        assert text.count(mistake.right) == 1
        text = text.replace(mistake.right, mistake.wrong)
    file.write_text(text)
    return file


@pytest.mark.parametrize("seed", ["0", "7"])
def test_correct_file_conforms(tmp_path: Path, seed: str) -> None:
    """Plain loops over the formulas conform, whatever the seed: no false alarm."""
    status, document = tried(HOMEWORK, tmp_path, "--seed", seed)
    assert {check["outcome"] for check in document["checks"]} <= {"conforms", "not_offered"}
    assert status == 0


@pytest.mark.parametrize("name", MISTAKES)
def test_one_wrong_line_is_found(tmp_path: Path, name: str) -> None:
    """The checks that name it deviate, on at most a dozen numbers."""
    mistake = MISTAKES[name]
    file = with_mistakes(tmp_path / "homework.py", mistake)  # its name is a part of the ids that -k sees
    status, document = tried(file, tmp_path / "report", "-k", mistake.primitive)
    deviates = {check["id"]: check for check in document["checks"] if check["outcome"] == "deviates"}
    assert status == 1
    assert set(mistake.checks) <= set(deviates)
    assert max(deviates[check]["counterexample"]["numbers"] for check in mistake.checks) <= 12


def test_only_the_wrong_functions_are_blamed(tmp_path: Path) -> None:
    """One mistake in each of several functions: checks of these deviate, of networks that use them, and no others."""
    one_each = {mistake.primitive: mistake for mistake in MISTAKES.values()}
    for called in ("convolution", "softmax", "layer_norm"):
        del one_each[called]  # which laws about other functions call
    _, document = tried(with_mistakes(tmp_path / "wrong.py", *one_each.values()), tmp_path / "report")
    blamed = {check["primitive"] for check in document["checks"] if check["outcome"] == "deviates"}
    assert blamed & set(PRIMITIVES) == set(one_each)
