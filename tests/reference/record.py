"""Records what PyTorch computes, for the tests to compare with: python tests/reference/record.py (needs torch and numpy).

Nothing random: every tensor is filled by `fill(salt, shape)`, which the Rust tests repeat, and batches are rows of the digits
in the order of the file. Writes layers.json (values and gradients of single layers) and training.json (whole hosts, 20 steps).
"""
import gzip, json, math, pathlib
import numpy as np
import torch
import torch.nn.functional as F

HERE = pathlib.Path(__file__).parent
torch.set_num_threads(1)


def fill(salt, shape, scale=1.0):
    """Numbers in [-scale, scale) from a multiplicative hash of the position (Knuth, TAOCP 3, 6.4), exact in float32 and float64 alike."""
    n = math.prod(shape)
    h = (np.arange(n, dtype=np.uint64) * np.uint64(2654435761) + np.uint64(salt) * np.uint64(340573321)) % np.uint64(2**32)
    h = (h ^ (h >> np.uint64(15))) * np.uint64(2246822519) % np.uint64(2**32)
    unit = (h >> np.uint64(9)).astype(np.float64) / 2**22 - 1
    return torch.tensor((unit * scale).astype(np.float32)).reshape(shape)


def rounded(t):
    return [float(np.float32(v)) for v in t.detach().reshape(-1).tolist()]


# ---- single layers: output and gradients of sum(output * direction)

def layer(name, source, run, inputs, seed_of_direction=99):
    """`inputs`: (path, shape, scale). `source`: a `.blueprint` expression or layer that the test builds with the same inputs."""
    tensors = [fill(i + 1, shape, scale).requires_grad_() for i, (_, shape, scale) in enumerate(inputs)]
    y = run(*tensors)
    direction = fill(seed_of_direction, tuple(y.shape))
    (y * direction).sum().backward()
    return {
        "name": name, "source": source, "inputs": [{"path": p, "shape": list(s), "scale": c} for p, s, c in inputs],
        "output": {"shape": list(y.shape), "values": rounded(y)},
        "gradients": [rounded(t.grad) for t in tensors],
    }


x24 = [("x", (4, 6), 2.0)]
pictures = ("x", (2, 4, 7, 6), 1.0)


def batch_norm(x, scale, shift):
    return F.batch_norm(x, torch.zeros(4), torch.ones(4), scale, shift, training=True, momentum=0.1, eps=1e-5)


def attention(x, wi, bi, wo, bo):
    b, t, d = x.shape
    q, k, v = F.linear(x, wi, bi).split(d, dim=-1)
    heads = lambda y: y.reshape(b, t, 2, d // 2).transpose(1, 2)
    y = F.scaled_dot_product_attention(heads(q), heads(k), heads(v), is_causal=True)
    return F.linear(y.transpose(1, 2).reshape(b, t, d), wo, bo)


LAYERS = [
    layer("relu", "relu(x)", F.relu, x24),
    layer("gelu", "gelu(x)", F.gelu, x24),
    layer("gelu_tanh", "gelu_tanh(x)", lambda x: F.gelu(x, approximate="tanh"), x24),
    layer("silu", "silu(x)", F.silu, x24),
    layer("sigmoid", "sigmoid(x)", torch.sigmoid, x24),
    layer("tanh", "tanh(x)", torch.tanh, x24),
    layer("softplus", "softplus(x)", F.softplus, x24),
    layer("leaky_relu", "leaky_relu(x)", F.leaky_relu, x24),
    layer("softmax", "softmax(x)", lambda x: F.softmax(x, -1), x24),
    layer("log_softmax", "log_softmax(x)", lambda x: F.log_softmax(x, -1), x24),
    layer("linear", "Linear(5)", F.linear, [("x", (4, 6), 1.0), ("weight", (5, 6), 0.5), ("bias", (5,), 0.5)]),
    layer("linear on sequences", "Linear(5)", F.linear, [("x", (2, 3, 6), 1.0), ("weight", (5, 6), 0.5), ("bias", (5,), 0.5)]),
    layer("convolution", "Conv2d(3)", lambda x, w, b: F.conv2d(x, w, b, padding=1), [pictures, ("weight", (3, 4, 3, 3), 0.3), ("bias", (3,), 0.5)]),
    layer("convolution, stride 2", "Conv2d(3, stride = 2)", lambda x, w, b: F.conv2d(x, w, b, stride=2, padding=1),
          [pictures, ("weight", (3, 4, 3, 3), 0.3), ("bias", (3,), 0.5)]),
    layer("convolution, dilation 2, groups 2", "Conv2d(6, dilation = 2, groups = 2)", lambda x, w, b: F.conv2d(x, w, b, dilation=2, padding=2, groups=2),
          [pictures, ("weight", (6, 2, 3, 3), 0.3), ("bias", (6,), 0.5)]),
    layer("convolution, even kernel", "Conv2d(3, kernel = 4, padding = 1)", lambda x, w, b: F.conv2d(x, w, b, padding=1),
          [pictures, ("weight", (3, 4, 4, 4), 0.3), ("bias", (3,), 0.5)]),
    layer("convolution, depthwise", "Conv2d(4, groups = 4)", lambda x, w, b: F.conv2d(x, w, b, padding=1, groups=4),
          [pictures, ("weight", (4, 1, 3, 3), 0.3), ("bias", (4,), 0.5)]),
    layer("batch norm", "BatchNorm()", batch_norm, [pictures, ("scale", (4,), 1.0), ("shift", (4,), 1.0)]),
    layer("layer norm", "LayerNorm()", lambda x, s, b: F.layer_norm(x, (6,), s, b), [("x", (4, 6), 2.0), ("scale", (6,), 1.0), ("shift", (6,), 1.0)]),
    layer("max pool", "MaxPool2d(2)", lambda x: F.max_pool2d(x, 2), [pictures]),
    layer("max pool, overlapping", "MaxPool2d(3, stride = 2, padding = 1)", lambda x: F.max_pool2d(x, 3, 2, 1), [pictures]),
    layer("average pool", "AvgPool2d(3, stride = 2, padding = 1)", lambda x: F.avg_pool2d(x, 3, 2, 1), [pictures]),
    layer("attention", "MultiHeadAttention(2, causal = true)", attention,
          [("x", (2, 5, 6), 1.0), ("qkv.weight", (18, 6), 0.5), ("qkv.bias", (18,), 0.5), ("out.weight", (6, 6), 0.5), ("out.bias", (6,), 0.5)]),
]

# ---- whole hosts, 20 steps on real digits

rows = np.loadtxt(gzip.open(HERE / "../../examples/data/digits.csv.gz"), delimiter=",")
X = torch.tensor(rows[:, :64] / 16, dtype=torch.float32)
Y = torch.tensor(rows[:, 64], dtype=torch.long)


class MlpHost(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = torch.nn.Linear(64, 64), torch.nn.Linear(64, 10)

    def forward(self, x):
        return self.last(F.relu(self.first(x)))


class Block(torch.nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.conv, self.norm = torch.nn.Conv2d(i, o, 3, padding=1, bias=False), torch.nn.BatchNorm2d(o)

    def forward(self, x):
        return F.max_pool2d(F.relu(self.norm(self.conv(x))), 2)


class CnnHost(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = torch.nn.ModuleList([Block(1, 8), Block(8, 16), Block(16, 32)])
        self.head = torch.nn.Linear(32, 10)

    def forward(self, x):
        x = x.reshape(-1, 1, 8, 8)
        for block in self.blocks:
            x = block(x)
        return self.head(x.mean((2, 3)))


def our_path(name):
    """`blocks.0.norm.weight` in PyTorch is `blocks[0].norm.scale` here."""
    name = name.replace("blocks.0", "blocks[0]").replace("blocks.1", "blocks[1]").replace("blocks.2", "blocks[2]")
    name = name.replace("norm.weight", "norm.scale").replace("norm.bias", "norm.shift")
    return name.replace("running_mean", "mean").replace("running_var", "var")


def train(name, make, optimizer):
    model = make()
    parameters = []
    with torch.no_grad():
        for i, (path, p) in enumerate(model.named_parameters()):
            scale, shift = (0.5, 1.0) if "norm.weight" in path else (1 / math.sqrt(max(p[0].numel(), 1)) if p.ndim > 1 else 0.1, 0.0)
            p.copy_(fill(i + 1, tuple(p.shape), scale) + shift)
            parameters.append({"path": our_path(path), "salt": i + 1, "scale": scale, "shift": shift})
    decayed = [p for p in model.parameters() if p.ndim >= 2]
    others = [p for p in model.parameters() if p.ndim < 2]
    if optimizer == "sgd":
        opt = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    else:
        opt = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.01}, {"params": others, "weight_decay": 0.0}], lr=1e-3)
    losses = []
    model.train()
    for step in range(20):
        batch = slice(64 * step, 64 * step + 64)
        opt.zero_grad()
        loss = F.cross_entropy(model(X[batch]), Y[batch])
        loss.backward()
        opt.step()
        losses.append(float(loss))
    model.eval()
    with torch.no_grad():
        last = float(F.cross_entropy(model(X[1408:1472]), Y[1408:1472]))
    states = {our_path(n): rounded(b) for n, b in model.named_buffers() if "running" in n}
    sums = {our_path(n): [float(p.double().sum()), float((p.double() ** 2).sum())] for n, p in model.named_parameters()}
    return {"host": name, "optimizer": optimizer, "parameters": parameters, "losses": losses, "eval_loss": last, "states": states, "sums": sums}


TRAINING = [train(n, m, o) for n, m in (("mlp", MlpHost), ("cnn", CnnHost)) for o in ("sgd", "adamw")]

note = f"recorded by record.py with torch {torch.__version__}"
(HERE / "layers.json").write_text(json.dumps({"note": note, "layers": LAYERS}))
(HERE / "training.json").write_text(json.dumps({"note": note, "runs": TRAINING}, indent=1))
print(note, len(LAYERS), "layers,", len(TRAINING), "runs")
