"""Findings: each script shows its bug without this project, and the table and the ledgers speak of the same bugs."""

from __future__ import annotations

import importlib.metadata
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.version import Version

from adapters import jax_deviations, torch_deviations
from adapters.backend import is_within
from tests.runs import ROOT
from tests.test_layout import imported

FOLDER = ROOT / "reports/findings"
SCRIPTS = sorted(path.name for path in FOLDER.glob("*.py"))
LEDGERS = {"torch": torch_deviations.deviations, "jax": jax_deviations.deviations}

# What the reasons in the ledgers begin with, by the script that shows it.
REASONS = {
    "torch_lp_pool_ceil_mode.py": ("lp_pool with ceil_mode", "the gradient of what is too large"),
    "torch_embedding_forward_mode_padding.py": ("forward mode carries the tangent of the row of padding",),
    "torch_lp_pool_norm_1_gradient.py": ("the gradient is set to zero where a sum is zero", "and so is the tangent"),
    "torch_max_pool_gradient_of_nothing.py": ("a window that lies in the padding altogether",),
    "torch_batch_norm_gradient_transposed_cotangent.py": ("a transposed cotangent",),
    "torch_layer_norm_large_mean.py": ("NaN for a sample whose mean is above the root",),
    "torch_gelu_overflows.py": ("infinity from 2^127 on", "NaN for infinity"),
    "torch_gelu_gradient_overflows.py": ("the gradient of gelu by tanh is NaN where x^2",),
    "torch_multi_head_attention_empty_batch.py": ("a batch of none with a mask",),
    "torch_multi_head_attention_closed_rows.py": ("the fast path of evaluation gives NaN",),
    "torch_encoder_layer_additive_mask.py": ("numbers of an additive mask",),
    "torch_attention_of_nan.py": ("zeros for a query whose scores are all NaN",),
    "torch_attention_counts_keys_by_values.py": ("the fast kernel counts the keys by the values",),
    "torch_multi_head_attention_short_bias.py": ("three biases in one array",),
    "torch_transposed_convolution_dilation_0.py": ("a transposed convolution that goes to oneDNN",),
    "torch_cross_entropy_negative_smoothing.py": ("label_smoothing is to lie between 0 and 1",),
    "torch_group_norm_gradient_of_bias.py": (),  # the adapter refuses such gradients, with the link
    "torch_heaviside_of_nan.py": ("heaviside of NaN is 0",),
    "torch_norms_negative_eps.py": ("a negative eps is taken",),
    "torch_group_norm_channels_last.py": ("with channels last the variance of a group",),
    "torch_instance_norm_empty_batch.py": ("a batch of none with a weight or a bias",),
    "torch_adaptive_average_of_nothing.py": ("an empty signal has the mean NaN",),
    "torch_compile_adaptive_average_of_varying_shapes.py": (),  # the adapter compiles each shape by itself
    "torch_meta_convolution_unchecked.py": ("a convolution of meta tensors",),
    "torch_linear_bias_shape.py": ("F.linear repeats a bias",),
    "xla_convolution_swaps_a_group_axis.py": ("XLA aborts: its ConvOperandSwapper",),
    "xla_negative_padding_of_one_element_windows.py": ("XLA aborts: a window of one element",),
    "xla_attention_of_many_scores.py": ("XLA aborts from 4096 scores on",),
    "jax_attention_of_one_product_bfloat16.py": (),  # the adapter refuses such scores, with the link
    "jax_gelu_gradient_overflows.py": ("the gradient of gelu by tanh is NaN where 3 x^2",),
    "jax_bernoulli_any_probability.py": ("jax.random.bernoulli",),
    "jax_attention_mask_of_several_keys.py": ("dot_product_attention takes a mask of several keys",),
    "jax_convolution_shape_unchecked.py": ("the shape of a convolution",),
    "jax_toeplitz_of_nan.py": ("toeplitz is a convolution",),
    "xla_depthwise_convolution_of_nan.py": ("in float64 a convolution of each channel by itself",),
}
WITHOUT_SCRIPT = (jax_deviations.LARGE_SCALE,)  # the adapter's own composition: the table says why


def table() -> dict[str, tuple[str, str]]:
    """The framework's version and the link, by the script of each row of the table."""
    rows = re.findall(r"^\| `(\S+)` \|[^|]+\| ([^|]+) \| <(\S+)> \|$", (FOLDER / "README.md").read_text(), re.MULTILINE)
    assert len(rows) == len({script for script, *_ in rows})
    return {script: (version, link) for script, version, link in rows}


def test_every_script_has_a_row() -> None:
    """The table, the folder and the reasons name the same scripts."""
    assert sorted(table()) == SCRIPTS == sorted(REASONS)


@pytest.mark.parametrize(("framework", "entry"), [(name, e) for name, ledger in LEDGERS.items() for e in ledger])
def test_every_entry_has_a_script(framework: str, entry: torch_deviations.Deviation) -> None:
    """A reason belongs to one script, whose row has the entry's link and a version that the entry is about."""
    if entry.reason in WITHOUT_SCRIPT:
        return
    (script,) = (script for script, reasons in REASONS.items() if entry.reason.startswith(reasons))
    (name, version), link = table()[script][0].split(), table()[script][1]
    assert (name, link) == (framework, entry.link)
    assert is_within(version, entry.versions)


def test_every_reason_is_in_a_ledger() -> None:
    """A bug that left the ledgers leaves the scripts."""
    reasons = [entry.reason for ledger in LEDGERS.values() for entry in ledger]
    for start in (*(start for starts in REASONS.values() for start in starts), *WITHOUT_SCRIPT):
        assert any(reason.startswith(start) for reason in reasons), start


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_stands_alone(script: str) -> None:
    """It imports a framework, NumPy and the standard library."""
    names = {name.split(".")[0] for name in imported((FOLDER / script).read_text())}
    assert names <= {"numpy", "torch", "jax", *sys.stdlib_module_names}


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_shows_its_bug(script: str, tmp_path: Path) -> None:
    """In an empty folder, away from the project, with the version that the table names, it exits with 1."""
    framework, version = table()[script][0].split()
    name = {"jax": "jaxlib"}.get(framework, framework)
    try:
        installed = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"{framework} is not installed")
    if Version(installed).base_version != version:
        pytest.skip(f"{name} {installed}, not {version}")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    line = [sys.executable, "-I", str(FOLDER / script)]
    ended = subprocess.run(
        line, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert "Traceback" not in ended.stderr
    assert [ended.stdout.count(f"\n{word}:") > 0 for word in ("input", "got", "right")] == [True] * 3, ended.stdout
    assert ended.returncode == 1
