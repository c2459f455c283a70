#!/usr/bin/env python3
"""Sets the generative nets' speed beside PyTorch's on this machine, one thread each, as a table.

Each round runs our `dream-speed`, which also tells the nets' layers, and then PyTorch on the same layers, so that both share
the machine's moods; a ratio is of figures of one round, and the middle one of the rounds is shown. Our nets are timed in int8
as well, beside our own floats. PyTorch is installed into a virtual environment below target/ by this script; the project needs
none of it.

Example: tests/bench/peers/dream.py --rounds 3
"""
import argparse, json, pathlib, statistics, subprocess, sys, time

import home
from home import ROOT, say

PACKAGES = ["torch==2.9.1", "numpy==2.4.6"]
BARS = {"run": 1.0, "train": 1.5}


def net(layers):
    from torch import nn

    def one(layer):
        kind, *n = layer
        return {
            "dense": lambda: nn.Linear(n[0], n[1]),
            "conv": lambda: nn.Conv2d(n[0], n[1], n[2], n[3], n[4]),
            "norm": lambda: nn.BatchNorm2d(n[0]),
            "relu": nn.ReLU,
            "leaky": lambda: nn.LeakyReLU(0.2),
            "sigmoid": nn.Sigmoid,
            "pool": lambda: nn.MaxPool2d(2),
            "shuffle": lambda: nn.PixelShuffle(2),
            "flat": nn.Flatten,
            "fold": lambda: nn.Unflatten(1, n),
        }[kind]()

    return nn.Sequential(*map(one, layers))


def timed(work, repeat):
    """The best of three middles, in milliseconds."""
    for _ in range(3):
        work()
    middles = []
    for _ in range(3):
        times = []
        for _ in range(repeat):
            start = time.perf_counter()
            work()
            times.append(time.perf_counter() - start)
        middles.append(statistics.median(times))
    return min(middles) * 1000


def torch_times(nets, repeat):
    import torch
    from torch.nn import functional as F

    torch.set_num_threads(1)
    torch.manual_seed(1)
    batch, latent, noise = 64, 32, 64
    real = torch.rand(batch, 1, 28, 28)
    labels = torch.arange(batch) % 10
    made = {name: net(layers) for name, layers in nets.items()}
    bce = lambda z, x: F.binary_cross_entropy_with_logits(z, x, reduction="sum") / batch
    adam = lambda *names, **k: torch.optim.Adam([p for n in names for p in made[n].parameters()], lr=1e-3, **k)
    found = {}
    with torch.inference_mode():
        for name, model in made.items():
            model.eval()
            for n in (1, 64):
                x = torch.rand(n, 1, 28, 28) if nets[name][0][0] == "conv" else torch.randn(n, nets[name][0][1])
                found[f"run {name} {n}"] = timed(lambda: model(x), repeat)
    for model in made.values():
        model.train()
    opt = {n: adam(n) for n in ("classifier",)}

    def step(optimisers, loss):
        for o in optimisers:
            o.zero_grad(set_to_none=True)
        loss.backward()
        for o in optimisers:
            o.step()

    found["train classifier"] = timed(lambda: step([opt["classifier"]], F.cross_entropy(made["classifier"](real), labels)), repeat)

    ae = adam("ae-encoder", "decoder")
    before_sigmoid = made["decoder"][:-1]
    found["train ae"] = timed(lambda: step([ae], bce(before_sigmoid(made["ae-encoder"](real)), real)), repeat)
    vae = adam("vae-encoder", "decoder")

    def vae_loss():
        mean, log_variance = made["vae-encoder"](real).chunk(2, 1)
        z = mean + (0.5 * log_variance).exp() * torch.randn(batch, latent)
        divergence = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum() / batch
        return bce(before_sigmoid(z), real) + divergence

    found["train vae"] = timed(lambda: step([vae], vae_loss()), repeat)
    g, d = adam("generator", betas=(0.5, 0.99)), adam("discriminator", betas=(0.5, 0.99))
    G, D = made["generator"], made["discriminator"]

    def gan():
        with torch.no_grad():
            fake = G(torch.randn(batch, noise))
        step([d], F.softplus(-D(real)).mean() + F.softplus(D(fake)).mean())
        for p in D.parameters():
            p.requires_grad_(False)
        step([g], F.softplus(-D(G(torch.randn(batch, noise)))).mean())
        for p in D.parameters():
            p.requires_grad_(True)

    found["train gan"] = timed(gan, repeat)
    return found


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--repeat", type=int, default=20)
    options.add_argument("--ours", type=pathlib.Path, default=ROOT / "target/release/dream-speed")
    options.add_argument("--python", type=pathlib.Path, help="a Python that has torch, instead of one installed below target/")
    options.add_argument("--nets", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.nets:
        print(json.dumps(torch_times(json.loads(chosen.nets), chosen.repeat)))
        return
    if not chosen.ours.exists():
        sys.exit(f"dream: {chosen.ours} is not built: make tools")
    python = chosen.python or home.python("dream-peers", PACKAGES)
    rounds = []
    for number in range(chosen.rounds):
        say(f"dream: round {number + 1} of {chosen.rounds}")
        ours = json.loads(subprocess.run([chosen.ours, str(chosen.repeat)], stdout=subprocess.PIPE, text=True, check=True).stdout)
        command = [python, __file__, "--nets", json.dumps(ours["nets"]), "--repeat", str(chosen.repeat)]
        theirs = json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)
        rounds.append((ours["times"], theirs, ours["int8"]))
    print("| what | ours, ms | PyTorch, ms | ratio | bar | | ours in int8, ms | of our floats |\n|---|---:|---:|---:|---:|---|---:|---:|")
    missed = 0
    for what in rounds[0][0]:
        ratios = [ours[what] / theirs[what] for ours, theirs, _ in rounds]
        ratio, bar = statistics.median(ratios), BARS[what.split()[0]]
        middle = [statistics.median(r[i][what] for r in rounds) for i in (0, 1)]
        missed += ratio > bar
        quick = [(int8[what], int8[what] / ours[what]) for ours, _, int8 in rounds if what in int8]
        int8 = [f"{statistics.median(column):.{digits}f}" for column, digits in zip(zip(*quick), (3, 2))] or ["", ""]
        mark = "met" if ratio <= bar else "**not met**"
        print(f"| {what} | {middle[0]:.3f} | {middle[1]:.3f} | {ratio:.2f} | {bar} | {mark} | {int8[0]} | {int8[1]} |")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
