"""Automatic mutants that change no result, each with the reason why.

A reason stands above what it explains: function, before, after, as the command prints them. An entry whose
mutant is rejected, or is no longer made, is stale, and the command says so.
"""

ZERO = "0 * (x * a - mean * a)"
FOLDED = "(rounded(x) - rounded(mean)) * a"
FOLDED_GROUPS = "(rounded(z) - rounded(mean)) * a"

REASONS: dict[str, tuple[str, ...]] = {
    "A NumPy function takes any iterable of integers here.": (
        "convolution.windows: axis=tuple(range(2, 2 + rank)) -> axis=range(2, 2 + rank)",
        "convolution.transposed_convolution: np.flip(w, tuple(range(2, 2 + len(K)))) -> "
        "np.flip(w, range(2, 2 + len(K)))",
        "arrays.per_axis: (value,) * rank if isinstance(value, int) else tuple(value) -> "
        "(value,) * rank if isinstance(value, int) else value",
    ),
    "Integers of NumPy and of Python are the same here.": (
        "convolution.paddings: (int(side[0]), int(side[1])) -> (side[0], int(side[1]))",
        "convolution.paddings: (int(side[0]), int(side[1])) -> (int(side[0]), side[1])",
    ),
    "max(0, 0) // 2 and max(0, 1) // 2 are both 0.": (
        "convolution.paddings: max(total, 0) -> max(total, 1)",
        "convolution.paddings: max(total, 0) -> max(total, 1) (no. 3)",
    ),
    "Only paddings by name look at sizes, strides and dilations; here there are numbers.": (
        "convolution.pad: paddings(padding, sizes, *[(1,) * len(sizes)] * 3) -> "
        "paddings(padding, *[(1,) * len(sizes)] * 3, sizes)",
        "convolution.pad: (1,) -> (2,)",
        "convolution.pad: (1,) -> (0,)",
        "convolution.transposed_convolution: paddings(padding, S, K, s, d) -> paddings(padding, K, S, s, d)",
        "convolution.transposed_convolution: paddings(padding, S, K, s, d) -> paddings(padding, S, s, K, d)",
        "convolution.transposed_convolution: paddings(padding, S, K, s, d) -> paddings(padding, S, K, d, s)",
        "pooling.seen: paddings(padding, S, K, s, d) -> paddings(padding, K, S, s, d)",
        "pooling.seen: paddings(padding, S, K, s, d) -> paddings(padding, S, s, K, d)",
        "pooling.seen: paddings(padding, S, K, s, d) -> paddings(padding, S, K, d, s)",
    ),
    "What lies behind the last window is cut off, however much there is.": (
        "pooling.seen: max(end - S_i - sum(pair), 0) -> max(end - S_i + sum(pair), 0)",
        "pooling.seen: max(end - S_i - sum(pair), 0) -> max(end - S_i, 0)",
        "pooling.seen: end - S_i - sum(pair) -> end + S_i - sum(pair)",
        "pooling.seen: end - S_i - sum(pair) -> end - sum(pair)",
        "pooling.seen: max(end - S_i - sum(pair), 0) -> max(end - S_i - sum(pair), 1)",
    ),
    "True is 1.0, and numbers count as true where they are not 0.": (
        "pooling.average_pool: outside=float(count_include_pad) -> outside=count_include_pad",
    ),
    "A norm of 2 that takes the other path is the reference's own formula.": (
        "pooling.averaged_lp_pool: (1, 2) -> (1, 3)",
        "pooling.averaged_lp_pool: (1, 2) -> (1, 1)",
    ),
    "The first number differs from the mean of itself by 0.": (
        "normalization.updated_moments: range(1, n) -> range(0, n)",
    ),
    "The term is 0, and there for the bound alone.": (
        *(
            f"normalization.folded_layer_norm: _affine({FOLDED} + out_of_range(x, mean, a), weight, bias, axes) -> "
            f"_affine({changed}, weight, bias, axes)"
            for changed in (f"{FOLDED} - out_of_range(x, mean, a)", FOLDED)
        ),
        *(
            f"normalization.folded_layer_norm: {FOLDED} + out_of_range(x, mean, a) -> {FOLDED} + out_of_range({others})"
            for others in ("mean, x, a", "x, a, mean")
        ),
        *(
            f"normalization.folded_group_norm: {FOLDED_GROUPS} + out_of_range(z, mean, a) -> {FOLDED_GROUPS}{changed}"
            for changed in (
                " - out_of_range(z, mean, a)",
                "",
                " + out_of_range(mean, z, a)",
                " + out_of_range(z, a, mean)",
            )
        ),
        *(
            f"normalization.out_of_range: {ZERO} + lost(x * a) + lost(mean * a) -> {changed}"
            for changed in (
                f"{ZERO} + lost(x * a) - lost(mean * a)",
                f"{ZERO} + lost(x * a)",
                "lost(mean * a)",
                f"{ZERO} - lost(x * a) + lost(mean * a)",
                f"{ZERO} + lost(mean * a)",
                "lost(x * a) + lost(mean * a)",
            )
        ),
        f"normalization.out_of_range: {ZERO} + lost(x * a) -> 0 + lost(x * a)",
        *(f"normalization.out_of_range: {ZERO} -> 0 * ({changed})" for changed in ("x * a", "mean * a")),
        *(
            f"normalization.out_of_range: x * a - mean * a -> {changed}"
            for changed in ("x - mean * a", "a - mean * a", "x * a - mean")
        ),
        *(
            f"normalization.out_of_range: lost({x} * a) -> lost({changed})"
            for x in ("x", "mean")
            for changed in (f"{x} / a", x, "a")
        ),
    ),
    "Without a weight and a bias each of them is as good as none.": (
        "normalization.folded_group_norm: if gamma is None and beta is None -> nothing",
    ),
    "Two roundings, there for the bound alone: times 3, divided by 3.": (
        "normalization.folded_layer_norm: rounded(x) - rounded(mean) -> x - rounded(mean)",
        "normalization.folded_layer_norm: rounded(x) - rounded(mean) -> rounded(x) - mean",
        "normalization.folded_group_norm: rounded(z) - rounded(mean) -> z - rounded(mean)",
        "normalization.folded_group_norm: rounded(z) - rounded(mean) -> rounded(z) - mean",
        "normalization.folded_group_norm: y + rounded(beta) -> y + beta",
    ),
    "Only arrays of the bounds are no arrays of NumPy, and masks are none of them.": (
        "attention.is_boolean: isinstance(mask, np.ndarray) and mask.dtype == bool -> mask.dtype == bool",
    ),
    "What becomes a matrix has two axes, as one has: the last is axis 1.": (
        "positions.naive_encoding: np.expand_dims(np.arange(start, start + x.shape[-2], like=x), -1) -> "
        "np.expand_dims(np.arange(start, start + x.shape[-2], like=x), 1)",
        "attention._projected: np.swapaxes(w, -1, -2) -> np.swapaxes(w, 1, -2)",
        "recurrence.states: -1: -> 1:",
    ),
    "It decides the type of the bounds alone.": (
        "positions.sinusoidal_encoding: np.arange(first_index, first_index + d // 2, like=t) -> "
        "np.arange(first_index, first_index + d // 2)",
        "positions.sinusoidal_encoding: np.log(np.asarray(base, like=t)) -> np.log(np.asarray(base))",
        "positions.sinusoidal_encoding: np.log(np.asarray(base, like=t)) -> np.log(base)",
        "positions.naive_encoding: np.expand_dims(np.arange(start, start + x.shape[-2], like=x), -1) -> "
        "np.expand_dims(np.arange(start, start + x.shape[-2]), -1)",
    ),
    "A generator that gives multiples of 2^-53 gives p itself too seldom to be seen.": (
        "dropout.dropout: np.random.default_rng(key).random(np.shape(x)) >= p -> "
        "np.random.default_rng(key).random(np.shape(x)) > p",
    ),
    "Booleans that are added and those that replace differ where a score is not finite: attention is asked for that.": (
        "blocks.encoder_block: adds_masks=False -> adds_masks=True",
        "blocks.decoder_block: adds_masks=False -> adds_masks=True",
    ),
    "With a slope of at most 1 the greater of x and slope x is x too; at 0 a gradient may have either slope.": (
        "activations.leaky_relu: np.where(x > 0, x, np.maximum(x, slope * x)) -> "
        "np.where(x >= 0, x, np.maximum(x, slope * x))",
        "activations.leaky_relu: x > 0 -> x > 1",
    ),
    "Where no target is kept the mean is NaN, whatever was divided.": (
        "loss.cross_entropy: is_of_classes and divisor == 'weights' and (count > 0) -> "
        "is_of_classes and divisor == 'weights'",
        "loss.cross_entropy: is_of_classes and divisor == 'weights' and (count > 0) -> "
        "is_of_classes and divisor == 'weights' and (count >= 0)",
        "loss.cross_entropy: max(count, 1) -> max(count, 0)",
    ),
    "Steps of two reach the same axes, if the end is one less.": (
        "embedding.patch_embedding: 2 + 2 * rank -> 1 + 2 * rank",
        "embedding.patch_embedding: 3 + 2 * rank -> 2 + 2 * rank",
    ),
    "Both biases are added, in this order or the other.": (
        "recurrence.rnn: (rnn_step(x, h, w_x, w_h, b_x, b_h, nonlinearity=nonlinearity),) -> "
        "(rnn_step(x, h, w_x, w_h, b_h, b_x, nonlinearity=nonlinearity),)",
        "recurrence.lstm: lambda x, h, c: lstm_step(x, h, c, w_x, w_h, b_x, b_h, gates=gates) -> "
        "lambda x, h, c: lstm_step(x, h, c, w_x, w_h, b_h, b_x, gates=gates)",
    ),
    "One is an order of the other, whichever comes first.": (
        "recurrence.lstm_step: states(x, [h, c], w_x, w_h, gates, 'ifgo') -> "
        "states(x, [h, c], w_x, w_h, 'ifgo', gates)",
        "recurrence._content: states(x, [h], w_x, w_h, gates, 'rzn') -> states(x, [h], w_x, w_h, 'rzn', gates)",
    ),
    "A state that is given is returned as it is: the call is there for the error.": (
        "recurrence.decoder_step: s, = states(y, [s], u_y, u_s, gates='s') -> nothing",
    ),
    "From 9 on tanh is 1 in float64, and the cube does not overflow near 10.": (
        "activations.gelu: -10 -> -11",
        "activations.gelu: -10 -> -9",
        "activations.gelu: np.clip(x, -10, 10) -> np.clip(x, -10, 11)",
        "activations.gelu: np.clip(x, -10, 10) -> np.clip(x, -10, 9)",
    ),
    "Without its own formula it is the reference's.": (
        "activations.complementary_gelu: approximate != 'none' -> approximate != 'none?'",
        "activations.gelu_by_rational_powers: approximate != 'none' -> approximate != 'none?'",
    ),
    "From 9 on the exponential is nothing beside 1.": (
        "activations.gelu_by_rational_powers: np.clip(np.abs(z), 0, 10) -> np.clip(np.abs(z), 0, 11)",
        "activations.gelu_by_rational_powers: np.clip(np.abs(z), 0, 10) -> np.clip(np.abs(z), 0, 9)",
    ),
    "The bounds of np.clip in the other order: the lesser of 10 and the greater of 0 and what is not negative.": (
        "activations.gelu_by_rational_powers: np.clip(np.abs(z), 0, 10) -> np.clip(0, np.abs(z), 10)",
    ),
    "At 0 erf is 0, whatever its sign.": (
        "activations.gelu_by_rational_powers: np.where(z < 0, -erf, erf) -> np.where(z <= 0, -erf, erf)",
    ),
    "The bounds of np.clip in the other order: the lesser of 10 and the greater of -10 and x.": (
        "activations.gelu: np.clip(x, -10, 10) -> np.clip(-10, x, 10)",
    ),
}

EQUIVALENT = {id: reason for reason, ids in REASONS.items() for id in ids}
