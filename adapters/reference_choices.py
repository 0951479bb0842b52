"""What the reference chooses where a convention is open, and where it says so."""

CONVOLUTION, POOLING = "reference/convolution.py", "reference/pooling.py"
NORMALIZATION, ATTENTION = "reference/normalization.py", "reference/attention.py"
TIES = "reference/arithmetic/traced.py: equal arguments of a maximum share"

chooses = {
    "kernel of a convolution": ("as it stands", CONVOLUTION),
    "odd element of SAME": ("after", f"{CONVOLUTION}: paddings"),
    "kernel that does not fit": ("an error", f"{CONVOLUTION}: output_size"),
    "kernel of a transposed convolution": ("as it stands, the adjoint", CONVOLUTION),
    "channels of a transposed kernel": ("(in, out)", f"{CONVOLUTION}: transposed_convolution"),
    "reflection": ("without the edge", f"{CONVOLUTION}: pad"),
    "windows that do not fit whole": ("left out: floor", f"{POOLING}: ceil_mode"),
    "padding in an average": ("counts", f"{POOLING}: count_include_pad"),
    "beyond the padding, in an average with ceil_mode": ("does not count", f"{POOLING}: average_pool"),
    "norm 1 of a pool": ("of the magnitudes", f"{POOLING}: lp_pool, signed"),
    "gradient of a max-pool at a tie": ("equal shares", TIES),
    "gradient of a maximum at a tie": ("equal shares", TIES),
    "gradient of a norm at 0": ("NaN", "reference/arithmetic/traced.py: the root at 0"),
    "running variance": ("unbiased, n - 1", f"{NORMALIZATION}: unbiased"),
    "momentum of a batch norm": ("weighs the batch", f"{NORMALIZATION}: momentum"),
    "eps of a batch norm": ("inside the root", f"{NORMALIZATION}"),
    "survivors of a dropout": ("divided by 1 - p", "reference/dropout.py"),
    "NaN that is dropped": ("0", "reference/dropout.py: by_product"),
    "GELU": ("erf", "reference/activations.py: approximate"),
    "gradient of ReLU at 0": ("1/2", TIES),
    "pairs of a positional encoding": ("counted from 0", "reference/positions.py: first_index"),
    "layout of a positional encoding": ("interleaved", "reference/positions.py: layout"),
    "row that a boolean mask closes": ("NaN", f"{ATTENTION}: 0/0"),
    "row that -inf closes": ("NaN", f"{ATTENTION}: 0/0"),
    "NaN in a value behind a mask": ("shows", f"{ATTENTION}: 0 times NaN"),
    "NaN in a key behind a mask": ("does not show", f"{ATTENTION}: adds_masks"),
    "causal attention to more keys than queries": ("counted from the first", f"{ATTENTION}: the alignment"),
    "subnormal numbers": ("kept", "reference/arithmetic/claims.py: the default claims"),
    "step at 0": ("1", "reference/activations.py: at_zero"),
    "divisor of a weighted mean loss": ("the weights of the targets", "reference/loss.py: divisor"),
    "what a weight multiplies in a smoothed loss": ("the term of its class", "reference/loss.py: weighs"),
    "mean loss of no target": ("NaN", "reference/loss.py"),
    "reset gate of a GRU": ("before it", "reference/recurrence.py: reset"),
    "gates of a GRU": ("reset, update, new", "reference/recurrence.py: gates"),
    "gates of an LSTM": ("input, forget, new, output", "reference/recurrence.py: gates"),
}
