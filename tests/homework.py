"""A student's file: plain loops over the formulas, nothing of this project."""

import math

import numpy as np


def output_size(size, kernel, *, stride=1, padding=(0, 0), dilation=1):
    return math.floor((size + padding[0] + padding[1] - dilation * (kernel - 1) - 1) / stride) + 1


def pad(x, *, padding, mode="constant", value=0.0):
    width = [(0, 0), (0, 0)] + [tuple(p) for p in padding]
    if mode == "constant":
        return np.pad(x, width, constant_values=value)
    return np.pad(x, width, mode={"reflect": "reflect", "replicate": "edge", "circular": "wrap"}[mode])


def per_axis(value, rank):
    return (value,) * rank if isinstance(value, int) else value


def convolution(x, w, bias=None, *, stride=1, padding=0, dilation=1, groups=1):
    rank = w.ndim - 2
    stride, dilation = per_axis(stride, rank), per_axis(dilation, rank)
    spans = [d * (k - 1) + 1 for d, k in zip(dilation, w.shape[2:])]
    if padding == "valid":
        padding = 0
    if isinstance(padding, int):
        padding = [padding] * rank
    elif padding == "full":
        padding = [(span - 1, span - 1) for span in spans]
    elif padding == "same":
        totals = [max((math.ceil(S / s) - 1) * s + span - S, 0) for S, s, span in zip(x.shape[2:], stride, spans)]
        padding = [(t // 2, t - t // 2) for t in totals]
    padding = [(p, p) if isinstance(p, int) else p for p in padding]
    x = np.pad(x, [(0, 0), (0, 0)] + [tuple(p) for p in padding])
    sizes = [(S - span) // s + 1 for S, span, s in zip(x.shape[2:], spans, stride)]
    y = np.zeros((x.shape[0], w.shape[0], *sizes))
    c, o = w.shape[1], w.shape[0] // groups
    for n, out, *at in np.ndindex(*y.shape):
        first = (out // o) * c
        window = tuple(slice(i * s, i * s + span, d) for i, s, span, d in zip(at, stride, spans, dilation))
        y[(n, out, *at)] = np.sum(x[(n, slice(first, first + c), *window)] * w[out])
    return y if bias is None else y + bias.reshape(-1, *[1] * rank)


def windows(x, kernel, stride, padding, dilation, fill):
    rank = x.ndim - 2
    stride, dilation = stride or kernel, dilation or (1,) * rank
    x = np.pad(x, [(0, 0), (0, 0)] + list(padding or [(0, 0)] * rank), constant_values=fill)
    spans = [d * (k - 1) + 1 for d, k in zip(dilation, kernel)]
    sizes = [(S - span) // s + 1 for S, span, s in zip(x.shape[2:], spans, stride)]
    for at in np.ndindex(*sizes):
        window = [slice(i * s, i * s + span, d) for i, s, span, d in zip(at, stride, spans, dilation)]
        yield at, sizes, x[(..., *window)]


def pooled(reduce, x, kernel, stride, padding, dilation=None, fill=0):
    axes = tuple(range(2, x.ndim))
    for at, sizes, window in windows(x, kernel, stride, padding, dilation, fill):
        if not any(at):
            y = np.zeros((*x.shape[:2], *sizes))
        y[(..., *at)] = reduce(window, axis=axes)
    return y


def max_pool(x, *, kernel, stride=None, padding=None, dilation=None):
    return pooled(np.max, x, kernel, stride, padding, dilation, fill=-np.inf)


def product_pool(x, *, kernel, stride=None, padding=None):
    return pooled(np.prod, x, kernel, stride, padding, fill=1)


def average_pool(x, *, kernel, stride=None, padding=None, count_include_pad=True):
    if count_include_pad:
        return pooled(np.mean, x, kernel, stride, padding)
    return pooled(np.nanmean, x, kernel, stride, padding, fill=np.nan)


def transposed_convolution(x, w, bias=None, *, stride=1, padding=0, output_padding=0, dilation=1, groups=1):
    axes = w.ndim - 2
    stride, output_padding, dilation = (per_axis(value, axes) for value in (stride, output_padding, dilation))
    padding = [(padding, padding)] * axes if isinstance(padding, int) else padding
    padding = [(p, p) if isinstance(p, int) else p for p in padding]
    spans = [d * (k - 1) + 1 for d, k in zip(dilation, w.shape[2:])]
    c, o = x.shape[1] // groups, w.shape[1]
    sizes = [(S - 1) * s + span + m for S, s, span, m in zip(x.shape[2:], stride, spans, output_padding)]
    y = np.zeros((x.shape[0], o * groups, *sizes))
    for n, channel, *at in np.ndindex(*x.shape):
        first = (channel // c) * o
        places = tuple(slice(i * s, i * s + span, d) for i, s, span, d in zip(at, stride, spans, dilation))
        y[(n, slice(first, first + o), *places)] += x[(n, channel, *at)] * w[channel]
    y = y[(..., *[slice(p, size - q) for (p, q), size in zip(padding, sizes)])]
    return y if bias is None else y + bias.reshape(-1, *[1] * axes)


def softmax(x, *, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def batch_norm(x, running_mean, running_var, weight=None, bias=None, *, training=False, momentum=0.1, eps=1e-5):
    shape = [1, -1] + [1] * (x.ndim - 2)
    mean, var = running_mean, running_var
    if training:
        axes = (0, *range(2, x.ndim))
        mean, var = x.mean(axis=axes), x.var(axis=axes)
        running_mean = (1 - momentum) * running_mean + momentum * mean
        running_var = (1 - momentum) * running_var + momentum * x.var(axis=axes, ddof=1)
    y = (x - mean.reshape(shape)) / np.sqrt(var.reshape(shape) + eps)
    if weight is not None:
        y = y * weight.reshape(shape)
    if bias is not None:
        y = y + bias.reshape(shape)
    return y, running_mean, running_var


def dropout(x, *, p=0.5, training=True, key=0):
    if not training:
        return x
    keep = np.random.default_rng(key).random(x.shape) >= p
    return np.where(keep, x / (1 - p), 0) if p < 1 else np.zeros_like(x)


def residual(x, w1, w2, b1=None, b2=None):
    hidden = x @ w1.T if b1 is None else x @ w1.T + b1
    branch = np.where(hidden > 0, hidden, 0) @ w2.T
    if b2 is not None:
        branch = branch + b2
    return x + branch


def basic_block(
    x, w1, mean1, var1, gamma1, beta1, w2, mean2, var2, gamma2, beta2,
    w_x=None, mean_x=None, var_x=None, gamma_x=None, beta_x=None, *, stride=1, eps=1e-5,
):  # fmt: skip
    def layer(x, w, stride, *norm):
        padding = [k // 2 for k in w.shape[2:]]
        return batch_norm(convolution(x, w, stride=stride, padding=padding), *norm, eps=eps)[0]

    y = layer(relu(layer(x, w1, stride, mean1, var1, gamma1, beta1)), w2, 1, mean2, var2, gamma2, beta2)
    return relu(y + (x if w_x is None else layer(x, w_x, stride, mean_x, var_x, gamma_x, beta_x)))


def dense_block(x, *kernels):
    for w in kernels:
        x = np.concatenate([x, convolution(relu(x), w, padding="same")], axis=1)
    return x


def sinusoidal_encoding(t, *, d, base=10000.0, first_index=0, layout="interleaved"):
    p = np.zeros((*t.shape, d))
    for i in range(d // 2):
        angle = t / base ** (2 * (i + first_index) / d)
        sine, cosine = (2 * i, 2 * i + 1) if layout == "interleaved" else (i, d // 2 + i)
        p[..., sine], p[..., cosine] = np.sin(angle), np.cos(angle)
    return p


def log_softmax(x, *, axis=-1):
    d = x - x.max(axis=axis, keepdims=True)
    return d - np.log(np.exp(d).sum(axis=axis, keepdims=True))


def cross_entropy(x, target, weight=None, *, ignore_index=-100, label_smoothing=0.0, reduction="mean"):
    axis = 1 if x.ndim > 1 else 0
    C = x.shape[axis]
    log_p = np.moveaxis(log_softmax(x, axis=axis), axis, -1)
    is_classes = target.dtype.kind == "i"
    t = np.eye(C)[np.where(target == ignore_index, 0, target)] if is_classes else np.moveaxis(target, axis, -1)
    w = np.ones(C) if weight is None else weight
    kept = target != ignore_index if is_classes else np.ones(t.shape[:-1], bool)
    loss = -np.sum(w * ((1 - label_smoothing) * t + label_smoothing / C) * log_p, axis=-1) * kept
    if reduction == "none":
        return loss
    if reduction == "sum":
        return loss.sum()
    divisor = np.sum((t @ w) * kept) if is_classes else kept.sum()
    return loss.sum() / divisor if kept.any() else np.float64(np.nan)


def embedding(i, table, *, padding_idx=None):
    return np.eye(len(table))[i] @ table


def patch_embedding(x, w, bias=None):
    y = convolution(x, w, bias, stride=w.shape[2:])
    return np.stack([y[(..., *at)] for at in np.ndindex(*y.shape[2:])], axis=1)


def feed_forward(x, w1, w2, b1=None, b2=None):
    hidden = dense(x, w1, b1)
    return dense(np.where(hidden > 0, hidden, 0), w2, b2)


def relu(x):
    return np.where(x > 0, x, 0.0)


def identity(x):
    return x.copy()


def binary_step(x, *, at_zero=1.0):
    return np.where(x == 0, at_zero, np.where(x > 0, 1.0, 0.0))


def leaky_relu(x, *, slope=0.01):
    return np.where(x > 0, x, slope * x)


def silu(x):
    return x * sigmoid(x)


def sigmoid(x):
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


def tanh(x):
    e = np.expm1(-2 * np.abs(x))
    return np.sign(x) * -e / (2 + e)


def gelu(x, *, approximate="none"):
    if approximate == "tanh":
        return x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return x / 2 * (1 + np.vectorize(math.erf, otypes=[float])(x / math.sqrt(2)))


def layer_norm(x, weight=None, bias=None, *, axes=1, eps=1e-5):
    over = tuple(range(x.ndim - axes, x.ndim))
    centred = x - x.mean(axis=over, keepdims=True)
    y = centred / np.sqrt((centred**2).mean(axis=over, keepdims=True) + eps)
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


def group_norm(x, weight=None, bias=None, *, groups, eps=1e-5):
    y = np.zeros(x.shape)
    size = x.shape[1] // groups
    for n in range(x.shape[0]):
        for g in range(groups):
            part = slice(g * size, (g + 1) * size)
            centred = x[n, part] - x[n, part].mean()
            y[n, part] = centred / np.sqrt((centred**2).mean() + eps)
    shape = (-1,) + (1,) * (x.ndim - 2)
    y = y if weight is None else y * weight.reshape(shape)
    return y if bias is None else y + bias.reshape(shape)


def instance_norm(x, weight=None, bias=None, *, eps=1e-5):
    return group_norm(x, weight, bias, groups=x.shape[1], eps=eps)


def rms_norm(x, weight=None, *, axes=1, eps=1e-5):
    squares = (x**2).mean(axis=tuple(range(-axes, 0)), keepdims=True)
    y = x / np.sqrt(squares + eps)
    return y if weight is None else y * weight


def dense(x, w, bias=None):
    y = np.zeros((*x.shape[:-1], w.shape[0]))
    for o in range(w.shape[0]):
        y[..., o] = (x * w[o]).sum(axis=-1)
    return y if bias is None else y + bias


def scaled_dot_product_attention(q, k, v, mask=None, *, causal=False, scale=None):
    if scale is None:
        scale = 1 / math.sqrt(q.shape[-1])
    scores = np.matmul(q, np.swapaxes(k, -1, -2)) * scale
    if mask is not None:
        scores = np.where(mask, scores, -np.inf) if mask.dtype == bool else scores + mask
    if causal:
        for t in range(scores.shape[-2]):
            scores[..., t, t + 1 :] = -np.inf
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.matmul(weights / weights.sum(axis=-1, keepdims=True), v)


def additive_attention(s, h, w_s, w_h, v, mask=None):
    scores = np.zeros((*s.shape[:-1], h.shape[-2]))
    for t in range(s.shape[-2]):
        for i in range(h.shape[-2]):
            scores[..., t, i] = np.tanh(s[..., t, :] @ w_s.T + h[..., i, :] @ w_h.T) @ v
    if mask is not None:
        scores = np.where(mask, scores, -np.inf)
    return np.matmul(softmax(scores), h)


def learned_encoding(x, table):
    y = x.copy()
    for t in range(x.shape[-2]):
        y[..., t, :] += table[t]
    return y


def naive_encoding(x, *, start=0):
    y = np.zeros((*x.shape[:-1], x.shape[-1] + 1))
    y[..., :-1] = x
    for t in range(x.shape[-2]):
        y[..., t, -1] = start + t
    return y


def multi_head_attention(
    query, key, value, w_q, w_k, w_v, w_o, b_q=None, b_k=None, b_v=None, b_o=None, mask=None, key_padding_mask=None,
    *, heads, causal=False,
):  # fmt: skip
    key = query if key is None else key
    value = key if value is None else value
    q, k, v = query @ w_q.T, key @ w_k.T, value @ w_v.T
    if b_q is not None:
        q, k, v = q + b_q, k + b_k, v + b_v
    d, e = len(w_q) // heads, len(w_v) // heads
    outputs = []
    for h in range(heads):
        scores = q[..., h * d : (h + 1) * d] @ np.swapaxes(k[..., h * d : (h + 1) * d], -1, -2) / math.sqrt(d)
        if mask is not None:
            one = mask if mask.ndim == 2 else mask[..., min(h, mask.shape[-3] - 1), :, :]
            scores = np.where(one, scores, -np.inf) if mask.dtype == bool else scores + one
        if key_padding_mask is not None:
            scores = np.where(key_padding_mask[..., None, :], scores, -np.inf)
        if causal:
            scores = np.where(np.tri(*scores.shape[-2:]) == 1, scores, -np.inf)
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        weights = weights / weights.sum(axis=-1, keepdims=True)
        outputs.append(weights @ v[..., h * e : (h + 1) * e])
    y = np.concatenate(outputs, axis=-1) @ w_o.T
    return y if b_o is None else y + b_o


def decoder_step(y, s, c, u_y, u_s, u_c, bias=None):
    total = c @ u_c.T + y @ u_y.T + s @ u_s.T
    return tanh(total if bias is None else total + bias)


def both(x, h, w_x, w_h, b_x, b_h):
    a, b = x @ w_x.T, h @ w_h.T
    return a if b_x is None else a + b_x, b if b_h is None else b + b_h


def zeros_for(x, w_h):
    return np.zeros((*x.shape[:-1], w_h.shape[1]))


def rnn_step(x, h, w_x, w_h, b_x=None, b_h=None, *, nonlinearity="tanh"):
    a, b = both(x, zeros_for(x, w_h) if h is None else h, w_x, w_h, b_x, b_h)
    return {"tanh": tanh, "relu": relu}[nonlinearity](a + b)


def rnn(x, h, *weights, nonlinearity="tanh"):
    y = []
    for t in range(x.shape[-2]):
        h = rnn_step(x[..., t, :], h, *weights, nonlinearity=nonlinearity)
        y.append(h)
    return np.stack(y, axis=-2), h


def lstm_step(x, h, c, w_x, w_h, b_x=None, b_h=None):
    a, b = both(x, zeros_for(x, w_h) if h is None else h, w_x, w_h, b_x, b_h)
    i, f, g, o = np.split(a + b, 4, axis=-1)
    c = sigmoid(f) * (zeros_for(x, w_h) if c is None else c) + sigmoid(i) * tanh(g)
    return sigmoid(o) * tanh(c), c


def lstm(x, h, c, *weights):
    y = []
    for t in range(x.shape[-2]):
        h, c = lstm_step(x[..., t, :], h, c, *weights)
        y.append(h)
    return np.stack(y, axis=-2), h, c


def gru_step(x, h, w_x, w_h, b_x=None, b_h=None):
    h = zeros_for(x, w_h) if h is None else h
    a, b = both(x, h, w_x, w_h, b_x, b_h)
    H = w_h.shape[1]
    r = sigmoid(a[..., :H] + b[..., :H])
    z = sigmoid(a[..., H : 2 * H] + b[..., H : 2 * H])
    new = a[..., 2 * H :] + (r * h) @ w_h[2 * H :].T
    return (1 - z) * tanh(new if b_h is None else new + b_h[2 * H :]) + z * h


def gru(x, h, *weights):
    y = []
    for t in range(x.shape[-2]):
        h = gru_step(x[..., t, :], h, *weights)
        y.append(h)
    return np.stack(y, axis=-2), h
