"""Runs PyTorch beside `esperc bench` in one go and prints ratios: python tests/benches/pytorch_steps.py target/release/esperc

Workloads W1 and W2: a whole training step (forward, backward, AdamW) in float32. Blocks of both sides alternate; the figure is the
median over rounds of the ratio within a round, with the smallest time of each side beside it. PyTorch runs eager with its fused
AdamW, in its best of {fused, foreach}; `esperc bench --json` prints one JSON object per workload.
"""
import json, statistics, subprocess, sys, time
import torch

ESPERC = sys.argv[1] if len(sys.argv) > 1 else "target/release/esperc"
ROUNDS = int(sys.argv[2]) if len(sys.argv) > 2 else 7
WORKLOADS = {"w1": ((64, 128, 64, 10), 64, 300), "w2": ((784, 1024, 1024, 10), 256, 10)}


def pytorch(name, threads, fused):
    sizes, batch, steps = WORKLOADS[name]
    torch.set_num_threads(threads)
    layers = []
    for a, b in zip(sizes, sizes[1:]):
        layers += [torch.nn.Linear(a, b), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    opt = torch.optim.AdamW(model.parameters(), lr=1e-3, fused=fused, foreach=not fused)
    x, y = torch.randn(batch, sizes[0]), torch.randint(0, sizes[-1], (batch,))

    def step():
        opt.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(model(x), y).backward()
        opt.step()

    for _ in range(max(3, steps // 10)):
        step()
    start = time.perf_counter()
    for _ in range(steps):
        step()
    return (time.perf_counter() - start) / steps * 1e3


def esper(name, threads):
    out = subprocess.run([ESPERC, "bench", name, "--threads", str(threads), "--json"], capture_output=True, text=True, check=True).stdout
    return json.loads(out.strip().splitlines()[-1])["milliseconds_per_step"]


print(f"torch {torch.__version__}, {ROUNDS} rounds; milliseconds per step; ratio = PyTorch / Esper, above 1 means Esper is faster")
for name in WORKLOADS:
    for threads in (1, 2):
        ours, theirs = [], []
        for _ in range(ROUNDS):
            theirs.append(min(pytorch(name, threads, True), pytorch(name, threads, False)))
            ours.append(esper(name, threads))
        ratios = sorted(t / o for t, o in zip(theirs, ours))
        print(f"{name} {threads} thread{'s' if threads > 1 else ' '}  PyTorch {min(theirs):8.3f}  Esper {min(ours):8.3f}  "
              f"ratio {statistics.median(ratios):5.2f}  ({ratios[0]:.2f} to {ratios[-1]:.2f})", flush=True)
