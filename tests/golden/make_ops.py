#!/usr/bin/python3
"""Write tests/golden/ops.bin: what PyTorch computes, in double, for every op's cases.

Run from the root of the repository: /usr/bin/python3 tests/golden/make_ops.py
Cases are read from the tables in src/op/*.c. Inputs are drawn from the case's own text, so
that a new case changes no other row.

ops.bin, little-endian:
  "NWOPS 1\\n", then rows to the end of the file:
    u16 length, spec;  u8 inputs, each u8 rank and u32 sizes;  u32 batch
    u8 mode (0 eval, 1 train, 2 train still, 3 recalibrate);  u32 batches recalibrated
    u8 arrays, each: u8 length, name;  u8 bytes a number (4 or 8);  u32 numbers;  numbers
Arrays are in PyTorch's order (NCHW): x0 x1 ... inputs, y output, dy its gradient, dx0 ...;
p:NAME a parameter or buffer before, d:NAME its gradient, v:NAME a buffer after; mix, dmix.
"""
import glob
import re
import struct
import zlib

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

EVAL, TRAIN, STILL, RECALIBRATE = range(4)
RANDOM = {"noise", "dropout", "droppath", "input", "label"}
BATCH = 3


class Call(nn.Module):
    """A function as a module."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *x):
        return self.function(*x)


def pair(text):
    a = [int(v) for v in text.split("x")]
    return (a[0], a[-1])


def flag(text):
    return text in ("1", "yes", "on", "true")


def ranges(keys, rank):
    def one(key):
        parts = [int(v) if v else None for v in keys.get(key, ":").split(":")]
        return slice(*parts)

    order = {1: "c", 2: "hc", 3: "chw"}[rank]
    return (slice(None),) + tuple(one(k) for k in order)


def choice(n):
    m = Call(lambda *x: sum(w * v for w, v in zip(m.mix, x)))
    m.mix = torch.linspace(-0.75, 0.5, n, dtype=torch.float64).requires_grad_()
    return m


def scaled(a, b):
    if a.dim() == b.dim():
        return a * b
    return a * (b[:, :, None, None] if a.dim() == 4 else b[:, None, :])


def shuffled(x, groups):
    if x.dim() == 3:
        return shuffled(x.transpose(1, 2), groups).transpose(1, 2)
    n, c = x.shape[:2]
    y = x.reshape(n, groups, c // groups, -1).transpose(1, 2)
    return y.reshape(x.shape)


def cross_entropy(keys):
    s = float(keys.get("smoothing", 0))

    def loss(x, t):
        t = t.long() if t.dim() == 1 else t
        return F.cross_entropy(x, t, reduction="none", label_smoothing=s)

    return loss


def channels(x):
    return -1 if x.dim() == 3 else 1


def same(x, k, stride, dil=(1, 1), value=0.0):
    """TensorFlow's SAME: the odd pixel of the border is at the bottom and right."""
    ends = []
    for axis in (1, 0):
        size = x.shape[2 + axis]
        out = -(-size // stride[axis])
        border = max((out - 1) * stride[axis] + dil[axis] * (k[axis] - 1) + 1 - size, 0)
        ends += [border // 2, border - border // 2]
    return F.pad(x, ends, value=value)


class SameConv2d(nn.Conv2d):
    def forward(self, x):
        x = same(x, self.kernel_size, self.stride, self.dilation)
        return F.conv2d(x, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


def conv(keys, c):
    k, d = pair(keys.get("k", "3")), pair(keys.get("dil", "1"))
    out = count(keys.get("out", "in"), c)
    pad = keys.get("pad", "same")
    pad = tuple((k[i] - 1) * d[i] // 2 for i in (0, 1)) if pad == "same" else pair(pad)
    kind = SameConv2d if flag(keys.get("tf", "0")) else nn.Conv2d
    return kind(c, out, k, pair(keys.get("stride", "1")), pad, d,
                count(keys.get("groups", "1"), c), flag(keys.get("bias", "1")))


def count(text, c):
    """in, in*6, 16, 16/2"""
    v = re.split(r"([*/])", text.replace("in", str(c)))
    n = int(v[0])
    for sign, other in zip(v[1::2], v[2::2]):
        n = n * int(other) if sign == "*" else n // int(other)
    return n


def norm(c, keys, kind=nn.BatchNorm2d):
    return kind(c, float(keys.get("eps", 1e-5)), float(keys.get("momentum", 0.1)),
                flag(keys.get("affine", "1")))


def layer_norm(keys, shape):
    over = shape if len(shape) == 3 else shape[-1:]
    return nn.LayerNorm(over, float(keys.get("eps", 1e-5)), flag(keys.get("affine", "1")))


def window(keys):
    k = pair(keys.get("k", "2"))
    pad = keys.get("pad", "0")
    return (k, k if keys.get("stride", "k") == "k" else pair(keys["stride"]),
            ((k[0] - 1) // 2, (k[1] - 1) // 2) if pad == "same" else pair(pad))


def same_max_pool(keys):
    k, stride, _ = window(keys)
    return lambda x: F.max_pool2d(same(x, k, stride, value=-np.inf), k, stride)


def max_pool(keys):
    if flag(keys.get("tf", "0")):
        return same_max_pool(keys)
    return lambda x: F.max_pool2d(x, *window(keys))


def same_avg_pool(keys):
    """The divisor counts the pixels of the image that a window covers."""
    k, stride, _ = window(keys)

    def pool(x):
        return F.avg_pool2d(same(x, k, stride), k, stride)

    return lambda x: pool(x) / pool(torch.ones_like(x))


def avg_pool(keys):
    if flag(keys.get("tf", "0")):
        return same_avg_pool(keys)
    if keys.get("to", "0") != "0":
        return lambda x: F.adaptive_avg_pool2d(x, pair(keys["to"]))
    whole = flag(keys.get("count_pad", "0"))
    return lambda x: F.avg_pool2d(x, *window(keys), count_include_pad=whole)


def product(keys):
    def turned(x, key):
        return x.transpose(1, 2) if flag(keys.get(key, "0")) else x

    return lambda a, b: turned(a, "ta") @ turned(b, "tb")


class Named(nn.Module):
    """DARTS keeps its sequences under the name op, MobileNetV2 under conv."""

    def __init__(self, name, *parts):
        super().__init__()
        setattr(self, name, nn.Sequential(*parts))
        self.parts = name

    def forward(self, x):
        return getattr(self, self.parts)(x)


def square(c, k, stride=(1, 1), dil=(1, 1), groups=1, out=None):
    pad = tuple((k[i] - 1) * dil[i] // 2 for i in (0, 1))
    return nn.Conv2d(c, out or c, k, stride, pad, dil, groups, bias=False)


def sep_conv(keys, c):
    k, s = pair(keys.get("k", "3")), pair(keys.get("stride", "1"))
    out = count(keys.get("out", "in"), c)
    return Named("op", nn.ReLU(), square(c, k, s, groups=c), square(c, (1, 1)), norm(c, keys),
                 nn.ReLU(), square(c, k, groups=c), square(c, (1, 1), out=out),
                 norm(out, keys))


class StackedSepConv(nn.Module):
    def __init__(self, keys, c):
        super().__init__()
        k, s = keys.get("k", "3"), keys.get("stride", "1")
        out = count(keys.get("out", "in"), c)
        half = {"k": k, "groups": "in", "bias": "0", "tf": keys.get("tf", "0"),
                "dil": keys.get("dil", "1")}
        self.depthwise_1, self.depthwise_2 = conv({**half, "stride": s}, c), conv(half, out)
        self.pointwise_1, self.pointwise_2 = square(c, (1, 1), out=out), square(out, (1, 1))
        self.bn_1, self.bn_2 = norm(out, keys), norm(out, keys)

    def forward(self, x):
        x = self.bn_1(self.pointwise_1(self.depthwise_1(F.relu(x))))
        return self.bn_2(self.pointwise_2(self.depthwise_2(F.relu(x))))


def dil_conv(keys, c):
    k, s = pair(keys.get("k", "3")), pair(keys.get("stride", "1"))
    out, d = count(keys.get("out", "in"), c), pair(keys.get("dil", "2"))
    return Named("op", nn.ReLU(), square(c, k, s, d, c), square(c, (1, 1), out=out),
                 norm(out, keys))


def relu_conv_bn(keys, c):
    out = count(keys.get("out", "in"), c)
    return Named("op", nn.ReLU(), conv({"k": "1", **keys, "bias": "0"}, c), norm(out, keys))


def pool_bn(keys, c):
    same = "x".join(str((k - 1) // 2) for k in pair(keys.get("k", "3")))
    keys = {"k": "3", "stride": "1", "pad": same, **keys}
    pool = {"maxpool": max_pool, "avgpool": avg_pool}[keys.get("pool", "maxpool")]
    return nn.Sequential(Call(pool(keys)), norm(c, keys))


class ConvBnRelu(nn.Module):
    def __init__(self, keys, c):
        super().__init__()
        self.conv = conv({**keys, "bias": "0"}, c)
        self.bn = norm(count(keys.get("out", "in"), c), keys)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)))


class FactorizedReduce(nn.Module):
    def __init__(self, keys, c):
        super().__init__()
        half = int(keys["out"]) // 2
        self.conv_1 = nn.Conv2d(c, half, 1, 2, bias=False)
        self.conv_2 = nn.Conv2d(c, half, 1, 2, bias=False)
        self.bn = norm(2 * half, keys)

    def forward(self, x):
        x = F.relu(x)
        return self.bn(torch.cat([self.conv_1(x), self.conv_2(x[:, :, 1:, 1:])], 1))


def mbconv(keys, c):
    k, s = pair(keys.get("k", "3")), pair(keys.get("stride", "1"))
    out, wide = int(keys["out"]), c * int(keys.get("e", "6"))
    first = nn.Sequential(square(c, (1, 1), out=wide), norm(wide, {}), nn.ReLU6())
    depth = nn.Sequential(square(wide, k, s, groups=wide), norm(wide, {}), nn.ReLU6())
    return Named("conv", first, depth, square(wide, (1, 1), out=out), norm(out, {}))


class Blocks(nn.Module):
    """Sequences under names of their own; how they go together is a function."""

    def __init__(self, function, **parts):
        super().__init__()
        for name, part in parts.items():
            setattr(self, name, part)
        self.function = function

    def forward(self, x):
        return self.function(self, x)


def conv_bn(a, b, k=(1, 1), stride=(1, 1), groups=1, eps="1e-5"):
    part = Named("op", square(a, k, stride, groups=groups, out=b), norm(b, {"eps": eps}))
    return Blocks(lambda m, x: m.bn(m.conv(x)), conv=part.op[0], bn=part.op[1])


def activation(name):
    return {"relu": F.relu, "relu6": F.relu6, "swish": F.silu}[name]


def inverted_residual(keys, c):
    k, s = pair(keys.get("k", "3")), pair(keys.get("stride", "1"))
    mid, out = count(keys.get("mid", "in*6"), c), int(keys["out"])
    act, eps = activation(keys.get("act", "relu6")), keys.get("eps", "1e-5")
    return Blocks(lambda m, x: m.point_linear(act(m.depth_conv(act(m.inverted_bottleneck(x))))),
                  inverted_bottleneck=conv_bn(c, mid, eps=eps),
                  depth_conv=conv_bn(mid, mid, k, s, mid, eps),
                  point_linear=conv_bn(mid, out, eps=eps))


def depthwise_separable(keys, c):
    k, s = pair(keys.get("k", "3")), pair(keys.get("stride", "1"))
    act, eps = activation(keys.get("act", "relu6")), keys.get("eps", "1e-5")
    return Blocks(lambda m, x: m.point_linear(act(m.depth_conv(x))),
                  depth_conv=conv_bn(c, c, k, s, c, eps),
                  point_linear=conv_bn(c, count(keys.get("out", "in"), c), eps=eps))


def grouped_residual(keys, c):
    k, s = pair(keys.get("k", "3")), pair(keys.get("stride", "1"))
    mid, g = count(keys.get("mid", "in"), c), int(keys.get("groups", 2))
    return Blocks(lambda m, x: m.pwl(F.relu(m.dw(shuffled(F.relu(m.pw(x)), g)))),
                  pw=conv_bn(c, mid, groups=g), dw=conv_bn(mid, mid, k, s, mid),
                  pwl=conv_bn(mid, int(keys["out"]), groups=g))


def shuffle_main(c, mid, out, k, s, keys):
    return nn.Sequential(square(c, (1, 1), out=mid), norm(mid, keys), nn.ReLU(),
                         square(mid, k, s, groups=mid), norm(mid, keys),
                         square(mid, (1, 1), out=out), norm(out, keys), nn.ReLU())


def xception_main(c, mid, out, k, s, keys):
    parts = []
    for a, b, stride in ((c, mid, s), (mid, mid, (1, 1)), (mid, out, (1, 1))):
        parts += [square(a, k, stride, groups=a), norm(a, keys),
                  square(a, (1, 1), out=b), norm(b, keys), nn.ReLU()]
    return nn.Sequential(*parts)


def halves(keys, c, main):
    return Blocks(lambda m, x: torch.cat([x[:, ::2], m.branch_main(x[:, 1::2])], 1),
                  branch_main=main(c // 2, int(keys["mid"]), int(keys["half"]),
                                   pair(keys.get("k", "3")), (1, 1), keys))


def down(keys, c, main):
    k, s = pair(keys.get("k", "3")), pair(keys.get("stride", "2"))
    way = nn.Sequential(square(c, k, s, groups=c), norm(c, keys), square(c, (1, 1)),
                        norm(c, keys), nn.ReLU())
    return Blocks(lambda m, x: torch.cat([m.branch_proj(x), m.branch_main(x)], 1),
                  branch_proj=way,
                  branch_main=main(c, int(keys["mid"]), int(keys["grow"]), k, s, keys))


class Dense(nn.Linear):
    """Its second input only says how many outputs there are."""

    def __init__(self, keys, shapes):
        c = shapes[-1][1 if len(shapes[-1]) == 2 else 0]
        out = count(keys["out"], c) // int(keys.get("reduction", 1))
        super().__init__(shapes[0][-1], make_divisible(out, int(keys.get("divisor", 1))),
                         flag(keys.get("bias", "1")))

    def forward(self, x, like=None):
        return super().forward(x)


def make_divisible(v, divisor):
    new = max(divisor, int(v + divisor / 2) // divisor * divisor)
    return new + divisor if new < 0.9 * v else new


class SE(nn.Module):
    def __init__(self, keys, c):
        super().__init__()
        mid = make_divisible(c // int(keys.get("reduction", 4)), int(keys.get("divisor", 8)))
        self.fc = nn.ModuleDict({"reduce": nn.Linear(c, mid), "expand": nn.Linear(mid, c)})
        self.act = build(keys.get("act", "relu"), {}, ((mid,),))
        self.gate = build(keys.get("gate", "hardsigmoid"), {}, ((c,),))

    def forward(self, x):
        s = self.act(self.fc["reduce"](x.mean((2, 3))))
        return x * self.gate(self.fc["expand"](s))[:, :, None, None]


def attention(keys):
    heads = int(keys.get("heads", "1"))

    def mixed(x):
        n, c, h, w = x.shape
        q, k, v = x.reshape(n, 3 * heads, c // (3 * heads), h * w).chunk(3, 1)
        a = torch.softmax(q.transpose(2, 3) @ k * q.shape[2] ** -0.5, -1)
        return (v @ a.transpose(2, 3)).reshape(n, -1, h, w)

    return mixed


class LSTM(nn.LSTMCell):
    """The parameters of a cell, which have no layer in their names, over a sequence."""

    def __init__(self, keys, d):
        super().__init__(d, int(keys["hidden"]), flag(keys.get("bias", "1")))
        self.cell = flag(keys.get("cell", "0"))

    def forward(self, x, h=None, c=None):
        if h is None:
            h = c = x.new_zeros(len(x), self.hidden_size)
        if self.cell:
            return self.walk(x, h, c)
        return torch.lstm(x, (h[None], c[None]), list(self.parameters()), self.bias, 1, 0.0,
                          self.training, False, True)[0]

    def walk(self, x, h, c):
        steps = []
        for t in range(x.shape[1]):
            h, c = super().forward(x[:, t], (h, c))
            steps.append(torch.cat([h, c], 1))
        return torch.stack(steps, 1)


class AdditiveScore(nn.Module):
    def __init__(self, h):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(h))

    def forward(self, a, b):
        return torch.tanh(a[:, None] + b[:, :, None]) @ self.weight


def build(name, keys, shapes):
    """The module of a spec on inputs of these shapes."""
    c = shapes[0][1 if len(shapes[0]) == 2 else 0] if shapes and shapes[0] else 0
    functions = {
        "relu": F.relu, "relu6": F.relu6, "sigmoid": torch.sigmoid, "tanh": torch.tanh,
        "swish": F.silu, "mish": F.mish,
        "hardsigmoid": lambda x: F.relu6(x + 3) / 6,  # PyTorch's own rounds 1/6 to float
        "hardswish": F.hardswish,
        "gelu": F.gelu, "identity": lambda x: x * 1,
        "scale": lambda x: float(keys.get("by", 1)) * x + float(keys.get("plus", 0)),
        "add": lambda *x: sum(x), "mul": scaled,
        "concat": lambda *x: torch.cat(x, channels(x[0])),
        "shuffle": lambda x: shuffled(x, int(keys.get("groups", 2))),
        "slice": lambda x: x[ranges(keys, x.dim() - 1)],
        "flatten": lambda x: x.flatten(1),
        "reshape": lambda x: x.reshape(-1, *(int(v) for v in keys["to"].split("x"))),
        "softmax": lambda x: F.softmax(x, channels(x)),
        "log_softmax": lambda x: F.log_softmax(x, channels(x)),
        "l2norm": lambda x: F.normalize(x, dim=channels(x)),
        "cross_entropy": cross_entropy(keys),
        "matmul": product(keys), "attention": attention(keys),
        "maxpool": max_pool(keys),
        "avgpool": avg_pool(keys),
        "globalpool": lambda x: x.mean((2, 3) if x.dim() == 4 else 1),
        "mse": lambda x, t: ((x - t) ** 2).flatten(1).mean(1),
        "pad": lambda x: F.pad(x, [int(keys.get(k, 0))
                                   for k in ("left", "right", "top", "bottom")]),
    }
    if name in functions:
        return Call(functions[name])
    if name == "none":
        s = pair(keys.get("stride", "1"))
        return Call(lambda x: 0 * (x[:, :, ::s[0], ::s[1]] if x.dim() == 4 else x))
    modules = {
        "choice": lambda: choice(len(shapes)),
        "embedding": lambda: nn.Embedding(int(keys["num"]), int(keys["dim"])),
        "lstm": lambda: LSTM(keys, c), "additive_score": lambda: AdditiveScore(c),
        "conv2d": lambda: conv(keys, c),
        "dense": lambda: Dense(keys, shapes),
        "batchnorm": lambda: norm(c, keys, nn.BatchNorm2d if len(shapes[0]) == 3
                                  else nn.BatchNorm1d),
        "layernorm": lambda: layer_norm(keys, shapes[0]),
        "sep_conv": lambda: sep_conv(keys, c), "dil_conv": lambda: dil_conv(keys, c),
        "stacked_sep_conv": lambda: StackedSepConv(keys, c),
        "relu_conv_bn": lambda: relu_conv_bn(keys, c),
        "pool_bn": lambda: pool_bn(keys, c),
        "conv_bn_relu": lambda: ConvBnRelu(keys, c),
        "factorized_reduce": lambda: FactorizedReduce(keys, c),
        "mbconv": lambda: mbconv(keys, c),
        "inverted_residual": lambda: inverted_residual(keys, c),
        "depthwise_separable": lambda: depthwise_separable(keys, c),
        "grouped_residual": lambda: grouped_residual(keys, c),
        "shuffle_block": lambda: halves(keys, c, shuffle_main),
        "shuffle_down": lambda: down(keys, c, shuffle_main),
        "xception_block": lambda: halves(keys, c, xception_main),
        "xception_down": lambda: down(keys, c, xception_main),
        "se": lambda: SE(keys, c),
    }
    return modules[name]()


def draw(rng, shape, scale=1.0):
    """Double numbers that float holds exactly."""
    return torch.from_numpy((scale * rng.standard_normal(shape)).astype(np.float32)
                            .astype(np.float64))


def inputs(rng, name, module, shapes):
    x = [draw(rng, (BATCH, *s), 2.5) for s in shapes]
    if name == "embedding":
        x[0] = torch.from_numpy(rng.integers(0, module.num_embeddings, (BATCH, *shapes[0]))
                                .astype(np.float64))
    if name == "cross_entropy" and not shapes[1]:
        x[1] = torch.from_numpy(rng.integers(0, shapes[0][0], BATCH).astype(np.float64))
    elif name == "cross_entropy":
        x[1] = torch.floor(16 * F.softmax(x[1], 1)) / 16
    return x


def fill(rng, module):
    for name, p in list(module.named_parameters()) + list(module.named_buffers()):
        if name.endswith("num_batches_tracked"):
            continue
        near = 1.0 if p.dim() == 1 and not name.endswith(("bias", "mean")) else 0.0
        if name.endswith("running_var"):
            p.data = torch.abs(draw(rng, p.shape)) + 0.5
        else:
            p.data = near + draw(rng, p.shape, 0.5)
        p.data = p.data.float().double()


def run(module, x, mode, seen):
    """Recalibrating is a plain average over batches, of mean and *biased* variance."""
    module.train(mode != EVAL)
    if mode != RECALIBRATE:
        return module(*x)
    over = [0, 2, 3][:x[0].dim() - 1]
    mean, var = module.running_mean.clone(), module.running_var.clone()
    y = module(*x)
    module.running_mean += mean + (x[0].mean(over) - mean) / (seen + 1) - module.running_mean
    module.running_var += (var + (x[0].var(over, unbiased=False) - var) / (seen + 1)
                           - module.running_var)
    return y


def row(spec, shapes, mode, seen):
    name, *rest = spec.split()
    keys = dict(k.split("=", 1) for k in rest)
    rng = np.random.default_rng(zlib.crc32(f"{spec} {shapes}".encode()))
    module = build(name, keys, shapes).double()
    fill(rng, module)
    x = inputs(rng, name, module, shapes)
    takes = [i for i in range(len(x)) if name != "embedding"
             and not (name in ("cross_entropy", "mse", "dense") and i == 1)]
    before = {k: v.clone() for k, v in module.named_buffers() if v.dim()}
    out = {f"x{i}": v.numpy().copy() for i, v in enumerate(x)}
    leaves = [v.clone().requires_grad_(i in takes) for i, v in enumerate(x)]
    used = [v.long() if name == "embedding" else v for v in leaves]
    with torch.set_grad_enabled(mode not in (EVAL, RECALIBRATE)):
        y = run(module, used, mode, seen)
    dy = draw(rng, tuple(y.shape))
    if mode not in (EVAL, RECALIBRATE):
        y.backward(dy)
    out["y"], out["dy"] = y, dy
    for i, v in enumerate(leaves):
        if v.grad is not None:
            out[f"dx{i}"] = v.grad
    for k, p in module.named_parameters():
        out[f"p:{k}"] = p
        if p.grad is not None:
            out[f"d:{k}"] = p.grad
    for k, v in module.named_buffers():
        if v.dim():
            out[f"p:{k}"], out[f"v:{k}"] = before[k], before[k] if mode == STILL else v
    if hasattr(module, "mix"):
        out["mix"], out["dmix"] = module.mix, module.mix.grad
    return pack(spec, shapes, mode, seen, out)


def pack(spec, shapes, mode, seen, arrays):
    b = struct.pack("<H", len(spec)) + spec.encode() + struct.pack("<B", len(shapes))
    for s in shapes:
        b += struct.pack(f"<B{len(s)}I", len(s), *s)
    b += struct.pack("<IBIB", BATCH, mode, seen, len(arrays))
    for k, v in arrays.items():
        v = np.asarray(v.detach() if torch.is_tensor(v) else v, dtype=np.float64).ravel()
        exact = bool((v == v.astype(np.float32)).all())
        b += struct.pack("<B", len(k)) + k.encode()
        b += struct.pack("<BI", 4 if exact else 8, v.size)
        b += v.astype("<f4" if exact else "<f8").tobytes()
    return b


def cases():
    """(spec, shapes) of the case tables of src/op, in the order of the files' names."""
    for path in sorted(glob.glob("src/op/*.c")):
        text = open(path).read()
        for table in re.findall(r"_cases\[\] = \{(.*?)\n\};", text, re.S):
            for spec, n, dims in re.findall(
                    r'\{"([^"]+)",\s*(\d+),\s*\{((?:[^{}]|\{[^{}]*(?:\{[^{}]*\})?[^{}]*\})*)\}',
                    table):
                shapes = [tuple(int(v) for v in re.findall(r"\d+", s)[1:])
                          for s in re.findall(r"\{(\d+(?:,\s*\{[^}]*\})?)\}", dims)]
                yield spec, shapes[:int(n)]


def main():
    rows = [b"NWOPS 1\n"]
    for spec, shapes in cases():
        name = spec.split()[0]
        if name in RANDOM:
            continue
        modes = range(4) if name == "batchnorm" else (STILL,)
        rows += [row(spec, shapes, m, 3 if m == RECALIBRATE else 0) for m in modes]
    with open("tests/golden/ops.bin", "wb") as f:
        f.write(b"".join(rows))
    print(len(rows) - 1, "rows,", sum(map(len, rows)), "bytes")


if __name__ == "__main__":
    main()
