"""The same training steps in PyTorch, written plainly: peer of bench_step.

usage: peer_torch.py NET STEPS [THREADS]     prints one JSON line

Layout is channels-last, which is the faster one here; the allocator is tuned by the
caller through MALLOC_* (see compare.py). Sizes and nets are those of bench_step.c.
"""
import json
import resource
import statistics
import sys
import time

import torch
from torch import nn
import torch.nn.functional as F

OPS = ["none", "max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3",
       "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5"]
V2 = {"normal": [("sep_conv_3x3", 0), ("sep_conv_3x3", 1), ("sep_conv_3x3", 0),
                 ("sep_conv_3x3", 1), ("sep_conv_3x3", 1), ("skip_connect", 0),
                 ("skip_connect", 0), ("dil_conv_3x3", 2)],
      "reduce": [("max_pool_3x3", 0), ("max_pool_3x3", 1), ("skip_connect", 2),
                 ("max_pool_3x3", 1), ("max_pool_3x3", 0), ("skip_connect", 2),
                 ("skip_connect", 2), ("max_pool_3x3", 1)]}


class Zero(nn.Module):
    def __init__(self, stride):
        super().__init__()
        self.stride = stride

    def forward(self, x):
        return x[:, :, ::self.stride, ::self.stride] * 0.


class FactorizedReduce(nn.Module):
    def __init__(self, cin, cout, affine):
        super().__init__()
        self.a = nn.Conv2d(cin, cout // 2, 1, 2, bias=False)
        self.b = nn.Conv2d(cin, cout // 2, 1, 2, bias=False)
        self.bn = nn.BatchNorm2d(cout, affine=affine)

    def forward(self, x):
        x = F.relu(x)
        return self.bn(torch.cat([self.a(x), self.b(x[:, :, 1:, 1:])], 1))


def conv_bn(cin, cout, k, stride, affine, pad=0):
    return nn.Sequential(nn.ReLU(), nn.Conv2d(cin, cout, k, stride, pad, bias=False),
                         nn.BatchNorm2d(cout, affine=affine))


def separable(c, k, stride, dilation, affine):
    return [nn.ReLU(), nn.Conv2d(c, c, k, stride, dilation * (k - 1) // 2, dilation, groups=c,
                                 bias=False),
            nn.Conv2d(c, c, 1, bias=False), nn.BatchNorm2d(c, affine=affine)]


def make_op(name, c, stride, affine, search):
    k = int(name[-1]) if name[-1].isdigit() else 0
    if name == "none":
        return Zero(stride)
    if name == "skip_connect":
        return nn.Identity() if stride == 1 else FactorizedReduce(c, c, affine)
    if name.endswith("pool_3x3"):
        pool = nn.MaxPool2d(3, stride, 1) if name[0] == "m" else \
            nn.AvgPool2d(3, stride, 1, count_include_pad=False)
        return nn.Sequential(pool, nn.BatchNorm2d(c, affine=False)) if search else pool
    if name.startswith("sep"):
        return nn.Sequential(*separable(c, k, stride, 1, affine), *separable(c, k, 1, 1, affine))
    return nn.Sequential(*separable(c, k, stride, 2, affine))


class Cell(nn.Module):
    """A searched cell (genotype None) or a derived one."""

    def __init__(self, genotype, cpp, cp, c, reduction, before_reduction):
        super().__init__()
        affine = genotype is not None
        self.genotype, self.reduction = genotype, reduction
        self.pre0 = FactorizedReduce(cpp, c, affine) if before_reduction else \
            conv_bn(cpp, c, 1, 1, affine)
        self.pre1 = conv_bn(cp, c, 1, 1, affine)
        self.ops = nn.ModuleList()
        if genotype is None:
            for i in range(4):
                for j in range(2 + i):
                    stride = 2 if reduction and j < 2 else 1
                    self.ops.append(nn.ModuleList(make_op(o, c, stride, False, True) for o in OPS))
        else:
            for name, j in genotype:
                self.ops.append(make_op(name, c, 2 if reduction and j < 2 else 1, True, False))

    def forward(self, s0, s1, alpha, drop):
        states, at = [self.pre0(s0), self.pre1(s1)], 0
        for i in range(4):
            if self.genotype is None:
                total = 0
                for s in states:
                    total = total + sum(w * op(s) for w, op in zip(alpha[at], self.ops[at]))
                    at += 1
            else:
                total = 0
                for k in (2 * i, 2 * i + 1):
                    h = self.ops[k](states[self.genotype[k][1]])
                    if drop > 0 and not isinstance(self.ops[k], nn.Identity):
                        keep = torch.empty(h.size(0), 1, 1, 1).bernoulli_(1 - drop)
                        h = h / (1 - drop) * keep
                    total = total + h
            states.append(total)
        return torch.cat(states[-4:], 1)


class Darts(nn.Module):
    def __init__(self, c, layers, genotype=None, aux=False, classes=10):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 3 * c, 3, 1, 1, bias=False), nn.BatchNorm2d(3 * c))
        cpp, cp, before = 3 * c, 3 * c, False
        self.cells = nn.ModuleList()
        self.aux_at, self.aux = 2 * layers // 3, None
        for i in range(layers):
            reduction = i in (layers // 3, 2 * layers // 3)
            c = 2 * c if reduction else c
            kind = "reduce" if reduction else "normal"
            self.cells.append(Cell(genotype and genotype[kind], cpp, cp, c, reduction, before))
            cpp, cp, before = cp, 4 * c, reduction
            if aux and i == self.aux_at:
                self.aux = nn.Sequential(
                    nn.ReLU(), nn.AvgPool2d(5, 3, 0, count_include_pad=False),
                    nn.Conv2d(cp, 128, 1, bias=False), nn.BatchNorm2d(128), nn.ReLU(),
                    nn.Conv2d(128, 768, 2, bias=False), nn.BatchNorm2d(768), nn.ReLU(),
                    nn.Flatten(), nn.Linear(768, classes))
        self.classifier = nn.Linear(cp, classes)
        self.alpha = None if genotype else \
            [nn.Parameter(1e-3 * torch.randn(14, 8)) for _ in range(2)]
        self.drop = 0.

    def forward(self, x):
        p = None if self.alpha is None else [F.softmax(a, -1) for a in self.alpha]
        s0 = s1 = self.stem(x)
        aux = None
        for i, cell in enumerate(self.cells):
            s0, s1 = s1, cell(s0, s1, p and p[1 if cell.reduction else 0], self.drop)
            if self.aux is not None and i == self.aux_at:
                aux = self.aux(s1)
        return self.classifier(s1.mean((2, 3))), aux


def nb201_op(name, c):
    if name == "skip_connect":
        return nn.Identity()
    if name == "avg_pool_3x3":
        return nn.AvgPool2d(3, 1, 1, count_include_pad=False)
    k = int(name[-1])
    return conv_bn(c, c, k, 1, True, k // 2)


class Nb201Cell(nn.Module):
    def __init__(self, arch, c):
        super().__init__()
        self.edges = nn.ModuleList()
        self.source = []
        for node in arch.split("+"):
            row = []
            for item in node.strip("|").split("|"):
                name, j = item.split("~")
                if name != "none":
                    row.append((int(j), len(self.edges)))
                    self.edges.append(nb201_op(name, c))
            self.source.append(row)

    def forward(self, x):
        nodes = [x]
        for row in self.source:
            nodes.append(sum((self.edges[e](nodes[j]) for j, e in row), 0))
        return nodes[-1]


class Residual(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.a = conv_bn(c, 2 * c, 3, 2, True, 1)
        self.b = conv_bn(2 * c, 2 * c, 3, 1, True, 1)
        self.skip = nn.Sequential(nn.AvgPool2d(2, 2), nn.Conv2d(c, 2 * c, 1, bias=False))

    def forward(self, x):
        return self.skip(x) + self.b(self.a(x))


class Nb201(nn.Module):
    def __init__(self, arch, c, n):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, c, 3, 1, 1, bias=False), nn.BatchNorm2d(c))
        cells = []
        for stage in range(3):
            if stage:
                cells.append(Residual(c << (stage - 1)))
            cells += [Nb201Cell(arch, c << stage) for _ in range(n)]
        self.cells = nn.Sequential(*cells)
        self.last = nn.Sequential(nn.BatchNorm2d(4 * c), nn.ReLU())
        self.classifier = nn.Linear(4 * c, 10)
        self.alpha = None

    def forward(self, x):
        return self.classifier(self.last(self.cells(self.stem(x))).mean((2, 3))), None


class Mbconv(nn.Module):
    def __init__(self, cin, cout, k, stride, e=6):
        super().__init__()
        c = cin * e
        def conv(i, o, k, stride, groups):
            return [nn.Conv2d(i, o, k, stride, k // 2, groups=groups, bias=False),
                    nn.BatchNorm2d(o)]
        wide = conv(cin, c, 1, 1, 1) + [nn.ReLU6()] if e > 1 else []
        self.conv = nn.Sequential(*wide, *conv(c, c, k, stride, c), nn.ReLU6(),
                                  *conv(c, cout, 1, 1, 1))
        self.adds = cin == cout and stride == 1

    def forward(self, x):
        return x + self.conv(x) if self.adds else self.conv(x)


class Mobilenet(nn.Module):
    """mobilenet.yaml: kernel, channels and stride of every block."""
    BLOCKS = [(3, 24, 1), (5, 24, 1), (5, 32, 2), (3, 32, 1), (7, 32, 1), (7, 64, 2), (3, 64, 1),
              (5, 64, 1), (5, 96, 1), (3, 96, 1), (7, 96, 1), (7, 160, 2), (5, 160, 1),
              (3, 160, 1)]

    def __init__(self):
        super().__init__()
        layers = [nn.Conv2d(3, 32, 3, 1, 1, bias=False), nn.BatchNorm2d(32), nn.ReLU6(),
                  Mbconv(32, 16, 3, 1, e=1)]
        c = 16
        for k, cout, stride in self.BLOCKS:
            layers.append(Mbconv(c, cout, k, stride))
            c = cout
        self.features = nn.Sequential(*layers, nn.Conv2d(c, 1280, 1, bias=False),
                                      nn.BatchNorm2d(1280), nn.ReLU6())
        self.classifier = nn.Linear(1280, 10)
        self.alpha = None

    def forward(self, x):
        return self.classifier(self.features(x).mean((2, 3))), None


BEST = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"
NETS = {
    "darts-supernet": (lambda: Darts(16, 8), 64, 1),
    "darts-supernet-2nd": (lambda: Darts(16, 8), 64, 2),
    "darts-v2": (lambda: Darts(36, 20, V2, aux=True), 96, 0),
    "nb201-c16-n5": (lambda: Nb201(BEST, 16, 5), 256, 0),
    "nb201-c8-n1": (lambda: Nb201(BEST, 8, 1), 128, 0),
    "mobilenet": (Mobilenet, 128, 0),
}


def loss_of(net, x, y):
    out, aux = net(x)
    loss = F.cross_entropy(out, y)
    return loss if aux is None else loss + .4 * F.cross_entropy(aux, y)


def unrolled(net, w, opt, xi, train, valid):
    """The second-order gradient of alpha, as the DARTS code does it."""
    copy = [p.detach().clone() for p in w]
    grad = torch.autograd.grad(loss_of(net, *train), w)
    with torch.no_grad():
        for p, g in zip(w, grad):
            buf = opt.state[p].get("momentum_buffer", 0)
            p -= xi * (.9 * buf + g + 3e-4 * p)
    g = torch.autograd.grad(loss_of(net, *valid), net.alpha + w)
    da, v = g[:2], g[2:]
    r = .01 / torch.cat([t.reshape(-1) for t in v]).norm()
    ends = []
    for sign in (1, -1):
        with torch.no_grad():
            for p, c, d in zip(w, copy, v):
                p.copy_(c + sign * r * d)
        ends.append(torch.autograd.grad(loss_of(net, *train), net.alpha))
    with torch.no_grad():
        for p, c in zip(w, copy):
            p.copy_(c)
    return [a - xi * (p - m) / (2 * r) for a, p, m in zip(da, *ends)]


def main():
    name, steps = sys.argv[1], int(sys.argv[2])
    torch.set_num_threads(int(sys.argv[3]) if len(sys.argv) > 3 else 2)
    torch.manual_seed(1)
    make, batch, order = NETS[name]
    net = make().to(memory_format=torch.channels_last)
    net.drop = .1 if name == "darts-v2" else 0.
    w = list(net.parameters())
    opt = torch.optim.SGD(w, lr=.025, momentum=.9, weight_decay=3e-4)
    aopt = torch.optim.Adam(net.alpha, lr=3e-4, betas=(.5, .999), weight_decay=1e-3) if order else None

    def data():
        x = torch.randn(batch, 3, 32, 32).contiguous(memory_format=torch.channels_last)
        return x, torch.randint(10, (batch,))
    train, valid = data(), data()
    seconds = []
    for _ in range(steps + 1):
        start = time.perf_counter()
        if order == 2:
            for a, g in zip(net.alpha, unrolled(net, w, opt, .025, train, valid)):
                a.grad = g
            aopt.step()
        elif order == 1:
            grads = torch.autograd.grad(loss_of(net, *valid), net.alpha)
            for a, g in zip(net.alpha, grads):
                a.grad = g
            aopt.step()
        opt.zero_grad()
        loss_of(net, *train).backward()
        nn.utils.clip_grad_norm_(w, 5)
        opt.step()
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"net": name, "batch": batch, "params": sum(p.numel() for p in w),
                      "seconds": statistics.median(seconds[1:]),
                      "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))


main()
