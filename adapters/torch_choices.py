"""What PyTorch documents to choose where a convention is open, and where it says so."""

DOCS = "https://docs.pytorch.org/docs/stable"
NN = f"{DOCS}/generated/torch.nn"
SOURCE = "https://github.com/pytorch/pytorch/blob/main"
ATEN = f"{SOURCE}/aten/src/ATen/native"
SUBGRADIENTS = f"{DOCS}/notes/autograd.html#gradients-for-non-differentiable-functions"
COMPOSED = "composed as in Vaswani et al. (2017), section 3.5: https://arxiv.org/abs/1706.03762"
SAFE = "https://github.com/pytorch/pytorch/pull/133882: a safe softmax"
MASKED = "https://github.com/pytorch/pytorch/issues/101967"

chooses = {
    "kernel of a convolution": ("as it stands", f"{NN}.Conv2d.html: the cross-correlation"),
    "odd element of SAME": ("after", f"{ATEN}/Pool.h: pooling_same_mode_padding_lr"),
    "kernel that does not fit": ("an error", f"{ATEN}/Convolution.cpp: check_shape_forward"),
    "kernel of a transposed convolution": (
        "as it stands, the adjoint",
        f"{NN}.ConvTranspose2d.html: the gradient of Conv2d with respect to its input",
    ),
    "channels of a transposed kernel": ("(in, out)", f"{NN}.functional.conv_transpose2d.html"),
    "reflection": ("without the edge", f"{NN}.ReflectionPad1d.html"),
    "windows that do not fit whole": ("left out: floor", f"{NN}.MaxPool1d.html: ceil_mode is false"),
    "padding in an average": ("counts", f"{NN}.AvgPool1d.html: count_include_pad is true"),
    "beyond the padding, in an average with ceil_mode": ("does not count", f"{ATEN}/cpu/AvgPoolKernel.cpp"),
    "norm 1 of a pool": ("of the numbers", f'{NN}.LPPool1d.html: "at p = 1, one gets Sum Pooling"'),
    "gradient of a max-pool at a tie": ("the first", f"{ATEN}/cpu/MaxPoolKernel.cpp: the first index with the maximum"),
    "gradient of a maximum at a tie": ("equal shares", f"{DOCS}/generated/torch.amax.html"),
    "gradient of a norm at 0": ("0", f"{NN}.LPPool1d.html: its gradient is set to 0 where the sum is 0"),
    "running variance": ("unbiased, n - 1", f"{NN}.BatchNorm2d.html"),
    "momentum of a batch norm": ("weighs the batch", f"{NN}.BatchNorm2d.html"),
    "eps of a batch norm": ("inside the root", f"{NN}.BatchNorm2d.html"),
    "survivors of a dropout": ("divided by 1 - p", f"{NN}.Dropout.html"),
    "NaN that is dropped": ("NaN", f"{ATEN}/Dropout.cpp: multiplied by a mask"),
    "GELU": ("erf", f"{NN}.GELU.html"),
    "gradient of ReLU at 0": ("0", SUBGRADIENTS),
    "pairs of a positional encoding": ("counted from 0", COMPOSED),
    "layout of a positional encoding": ("interleaved", COMPOSED),
    "row that a boolean mask closes": ("0", SAFE),
    "row that -inf closes": ("0", SAFE),
    "NaN in a value behind a mask": ("shows", MASKED),
    "NaN in a key behind a mask": ("shows", MASKED),
    "causal attention to more keys than queries": (
        "counted from the first",
        f"{NN}.functional.scaled_dot_product_attention.html: the upper left causal bias",
    ),
    "subnormal numbers": ("kept", f"{DOCS}/generated/torch.set_flush_denormal.html: unless it is set"),
    "step at 0": ("1", f"the reference's: {DOCS}/generated/torch.heaviside.html asks for it"),
    "divisor of a weighted mean loss": ("the weights of the targets", f"{NN}.CrossEntropyLoss.html"),
    "what a weight multiplies in a smoothed loss": ("the term of its class", f"{ATEN}/LossNLL.cpp"),
    "mean loss of no target": ("NaN", f"{NN}.CrossEntropyLoss.html: a sum of nothing over a weight of 0"),
    "reset gate of a GRU": ("after the matrix of the state", f"{NN}.GRUCell.html"),
    "gates of a GRU": ("reset, update, new", f"{NN}.GRU.html: weight_ih_l[k]"),
    "gates of an LSTM": ("input, forget, new, output", f"{NN}.LSTM.html: weight_ih_l[k]"),
}
