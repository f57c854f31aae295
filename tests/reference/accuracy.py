"""Trains the example networks in PyTorch on the splits that Esper draws, for seeds 0 to 4: python tests/reference/accuracy.py

The split is Esper's own (Philox, Fisher and Yates; see runtime/train/src/data), so both sides see the same rows; initial values and
order of the rows are PyTorch's. Writes accuracy.json, with which `cargo test --release -p esperc --test yardsticks` compares
what `esperc run` reaches.
"""
import gzip, json, math, pathlib
import numpy as np
import torch
import torch.nn.functional as F

HERE = pathlib.Path(__file__).parent
torch.set_num_threads(1)
rows = np.loadtxt(gzip.open(HERE / "../../examples/data/digits.csv.gz"), delimiter=",")
X = torch.tensor(rows[:, :64] / 16, dtype=torch.float32)
Y = torch.tensor(rows[:, 64], dtype=torch.long)
M32 = 2**32 - 1


def philox(counter, key):
    (c0, c1, c2, c3), (k0, k1) = counter, key
    for _ in range(10):
        a, b = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (b >> 32) ^ c1 ^ k0, b & M32, (a >> 32) ^ c3 ^ k1, a & M32
        k0, k1 = (k0 + 0x9E3779B9) & M32, (k1 + 0xBB67AE85) & M32
    return c0, c1, c2, c3


def split(seed, val=0.2, test=0.1):
    low, high = int.from_bytes(b"data", "little"), int.from_bytes(b"splt", "little")
    order = list(range(len(X)))
    for last in range(len(order) - 1, 0, -1):
        w = philox((last, 0, low, high), (seed & M32, seed >> 32))
        choice = ((w[0] | w[1] << 32) * (last + 1)) >> 64
        order[last], order[choice] = order[choice], order[last]
    t, v = round(test * len(order)), round(val * len(order))
    return sorted(order[t + v:]), sorted(order[t:t + v])


def mlp():
    return torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))


def cnn():
    layers, channels = [torch.nn.Unflatten(1, (1, 8, 8))], 1
    for out in (8, 16, 32):
        layers += [torch.nn.Conv2d(channels, out, 3, padding=1, bias=False), torch.nn.BatchNorm2d(out), torch.nn.ReLU(), torch.nn.MaxPool2d(2)]
        channels = out
    return torch.nn.Sequential(*layers, torch.nn.Flatten(), torch.nn.Linear(32, 10))


def accuracy(make, seed, epochs, weight_decay, peak=2e-2, warmup=50, batch=64):
    train, val = split(seed)
    torch.manual_seed(seed)
    model = make()
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    opt = torch.optim.AdamW([{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}])
    total, step = math.ceil(len(train) / batch) * epochs, 0
    for _ in range(epochs):
        model.train()
        order = torch.tensor(train)[torch.randperm(len(train))]
        for rows in order.split(batch):
            step += 1
            rate = peak * step / warmup if step < warmup else 0.5 * peak * (1 + math.cos(math.pi * (step - warmup) / (total - warmup)))
            for group in opt.param_groups:
                group["lr"] = rate
            opt.zero_grad()
            F.cross_entropy(model(X[rows]), Y[rows]).backward()
            opt.step()
    model.eval()
    with torch.no_grad():
        return float((model(X[val]).argmax(1) == Y[val]).double().mean())


results = {}
for name, make, epochs, decay in (("digits", mlp, 60, 0.1), ("digits_cnn", cnn, 40, 0.01)):
    found = [accuracy(make, seed, epochs, decay) for seed in range(5)]
    results[name] = {"accuracies": found, "mean": float(np.mean(found))}
    print(name, [f"{a:.4f}" for a in found], f"mean {np.mean(found):.4f}", flush=True)
(HERE / "accuracy.json").write_text(json.dumps({"note": f"recorded by accuracy.py with torch {torch.__version__}", **results}, indent=1))
