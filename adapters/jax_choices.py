"""What JAX documents to choose where a convention is open, and where it says so.

What is composed chooses as Flax does, but for the momentum, which Flax counts the other way.
"""

DOCS = "https://docs.jax.dev/en/latest/_autosummary"
XLA = "https://openxla.org/xla/operation_semantics"
SOURCE = "https://github.com/jax-ml/jax/blob/main/jax/_src"
FLAX = "https://flax.readthedocs.io/en/latest/api_reference/flax.linen/layers.html"
OPTAX = "https://optax.readthedocs.io/en/latest/api/losses.html"
COMPOSED = "composed as in Vaswani et al. (2017), section 3.5: https://arxiv.org/abs/1706.03762"
MASKED = f"{SOURCE}/nn/functions.py: _apply_masks puts a large negative number for a closed score"

chooses = {
    "kernel of a convolution": ("as it stands", f"{XLA}#convolution"),
    "odd element of SAME": ("after", f"{SOURCE}/lax/lax.py: padtype_to_pads; SAME_LOWER puts it before"),
    "kernel that does not fit": ("an empty result", "https://openxla.org/stablehlo/spec#reduce_window"),
    "kernel of a transposed convolution": (
        "turned round",
        f"{DOCS}/jax.lax.conv_transpose.html: transpose_kernel is false; it is true in the other calls of this report",
    ),
    "channels of a transposed kernel": ("(in, out)", f"{DOCS}/jax.lax.conv_transpose.html: with transpose_kernel"),
    "reflection": ("without the edge", f"{DOCS}/jax.numpy.pad.html"),
    "windows that do not fit whole": ("left out: floor", f"{XLA}#reducewindow"),
    "padding in an average": ("counts", f"{FLAX}: avg_pool, count_include_pad is true"),
    "norm 1 of a pool": ("of the magnitudes", "composed of lax.reduce_window and jnp.abs"),
    "gradient of a max-pool at a tie": (
        "the first",
        f"{SOURCE}/lax/windowed_reductions.py: select_and_scatter_add, which selects by >=",
    ),
    "gradient of a maximum at a tie": ("equal shares", f"{SOURCE}/lax/lax.py: _reduce_chooser_jvp_rule"),
    "gradient of a norm at 0": (
        "NaN",
        "https://docs.jax.dev/en/latest/faq.html#gradients-contain-nan-where-using-where: what is composed has a root",
    ),
    "running variance": ("biased, n", f"{FLAX}: BatchNorm"),
    "momentum of a batch norm": (
        "weighs the batch",
        f"as composed here; in Flax it weighs the past: {FLAX}",
    ),
    "eps of a batch norm": ("inside the root", f"{FLAX}: BatchNorm"),
    "survivors of a dropout": ("divided by 1 - p", f"{FLAX}: Dropout"),
    "NaN that is dropped": ("0", f"{FLAX}: Dropout, which selects"),
    "GELU": ("tanh", f"{DOCS}/jax.nn.gelu.html: approximate is true"),
    "gradient of ReLU at 0": ("0", f"{DOCS}/jax.nn.relu.html"),
    "pairs of a positional encoding": ("counted from 0", COMPOSED),
    "layout of a positional encoding": ("interleaved", COMPOSED),
    "row that a boolean mask closes": ("the mean of all values", MASKED),
    "row that -inf closes": ("NaN", f"{DOCS}/jax.nn.dot_product_attention.html: a bias is added"),
    "NaN in a value behind a mask": ("shows", f"{DOCS}/jax.nn.dot_product_attention.html: 0 times NaN"),
    "NaN in a key behind a mask": ("does not show", MASKED),
    "causal attention to more keys than queries": (
        "counted from the first",
        f"{SOURCE}/nn/functions.py: _get_causal_mask",
    ),
    "subnormal numbers on cpu": ("flushed", "https://github.com/jax-ml/jax/issues/16200"),
    "step at 0": ("1", f"the reference's: {DOCS}/jax.numpy.heaviside.html asks for it"),
    "divisor of a weighted mean loss": ("the number of samples", f"the mean of losses of samples: {OPTAX}"),
    "what a weight multiplies in a smoothed loss": ("the samples of its class", f"losses of samples: {OPTAX}"),
    "mean loss of no target": ("NaN", f"the mean of nothing: {DOCS}/jax.numpy.mean.html"),
    "reset gate of a GRU": ("after the matrix of the state", f"{FLAX}: GRUCell"),
    "gates of a GRU": (
        "reset, update, new",
        f"one matrix for all gates, as in PyTorch; {FLAX}: GRUCell has one for each",
    ),
    "gates of an LSTM": ("input, forget, new, output", f"as in {FLAX}: OptimizedLSTMCell, which joins one for each"),
}
